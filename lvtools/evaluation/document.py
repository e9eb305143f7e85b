"""An evaluation as one JSON document: what programs and the page read. docs/evaluation.md describes every key."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import orjson
import pyarrow as pa

from lvtools.dataset import format_color
from lvtools.evaluation.scoring import scores_part
from lvtools.evaluation.slicing import slices_part
from lvtools.findings import count_by_severity
from lvtools.findings import render as finding_texts
from lvtools.metrics import RegionReport

if TYPE_CHECKING:
    from lvtools.evaluation.result import Evaluation

ROWS_AT_ONCE = 1024
FINDING_KEYS = ("file", "line", "column", "pointer", "code", "severity", "value", "related_line")


class ImageRows(Sequence[dict[str, Any]]):
    """The document's `images`, a row per compared image; a block of them at a time is made into Python's objects.

    A hundred thousand such rows take 300 MB as dicts, and a tenth of that in their table.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self._table.to_batches(max_chunksize=ROWS_AT_ONCE):
            yield from _without_nan(batch.to_pylist())

    @overload
    def __getitem__(self, at: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, at: int | slice) -> Any:
        rows = range(len(self))[at]
        if isinstance(rows, range):
            return [self[row] for row in rows]
        return _without_nan(self._table.slice(rows, 1).to_pylist())[0]


def document_of(evaluation: Evaluation) -> dict[str, Any]:
    """`Evaluation.to_dict`, but for `images`, which are `ImageRows`."""
    match = evaluation.match
    comparison = evaluation.comparison
    document: dict[str, Any] = _without_nan(
        {
            "lvtools_evaluation": 1,
            "truth": evaluation.truth._asdict(),
            "predictions": evaluation.predictions._asdict(),
            "match": {
                "by": match.by,
                "matched": len(match),
                "missing": match.missing,
                "extra": match.extra,
                "duplicates": match.duplicates,
                "unlabeled": match.unlabeled,
            },
            "image": _image_part(evaluation),
            "scores": scores_part(evaluation),
            "pixel": _pixel_part(evaluation),
            "regions": _regions_part(evaluation.regions),
            "maps": evaluation.maps._asdict() if evaluation.maps is not None else None,
            "slices": slices_part(evaluation),
            "label_errors": evaluation.label_errors().to_pylist(),
            "comparison": comparison.to_dict() if comparison is not None else None,
            "images": ImageRows(evaluation.per_image),
            "findings": {**count_by_severity(evaluation.findings), "rows": list(finding_rows(evaluation))},
        }
    )
    return document


def document_text(document: Mapping[str, Any]) -> Iterator[bytes]:
    """A document as indented JSON, in pieces: what `orjson.dumps(document, option=OPT_INDENT_2)` gives, and a line end.

    `images` are drawn from an iterable, a block at a time.
    """
    before = b"{\n"
    for key, value in document.items():
        yield before + b"  " + orjson.dumps(key) + b": "
        yield from _image_texts(value) if key == "images" else (_indented(value),)
        before = b",\n"
    yield b"\n}\n"


def _indented(value: Any) -> bytes:
    """A value one level down; a line end in JSON is never part of a string."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).replace(b"\n", b"\n  ")


def _image_texts(images: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    rows = iter(images)
    before = b"["
    while block := list(itertools.islice(rows, ROWS_AT_ONCE)):
        yield before + _indented(block)[1 : -len(b"\n  ]")]
        before = b","
    yield b"\n  ]" if before == b"," else b"[]"


def _image_part(evaluation: Evaluation) -> dict[str, Any]:
    matrix, positive = evaluation.image, evaluation.positive
    two = positive is not None
    counts = {name: getattr(matrix, name)(positive) if two else None for name in ("tp", "fp", "fn", "tn")}
    figures = {name: getattr(evaluation, name)()._asdict() if two else None for name in ("precision", "recall", "f1")}
    return {
        "classes": list(matrix.classes),
        "confusion_matrix": matrix.counts.tolist(),
        "positive": positive,
        "threshold": evaluation.threshold,
        **counts,
        "accuracy": evaluation.accuracy()._asdict(),
        **figures,
        "per_class": [
            {
                "class_name": name,
                "support": matrix.support(name),
                "predicted": matrix.predicted(name),
                "precision": evaluation.precision(name)._asdict(),
                "recall": evaluation.recall(name)._asdict(),
                "f1": evaluation.f1(name)._asdict(),
            }
            for name in matrix.named_classes
        ],
    }


def _pixel_part(evaluation: Evaluation) -> dict[str, Any] | None:
    if evaluation.pixel is None:
        return None
    state, matrix = evaluation.pixel, evaluation.pixel.pooled
    colors = evaluation.color_map()
    return {
        "images": state.images,
        "classes": list(matrix.classes),
        "confusion_matrix": matrix.counts.tolist(),
        "ambiguous_px": state.ambiguous_px,
        "unknown_px": state.unknown_px,
        "mean_iou": evaluation.mean_iou(),
        "per_class": [
            {
                "class_name": name,
                "color": format_color(colors[name]) if name in colors else None,
                "images": state.images_with(name),
                "truth_px": matrix.support(name),
                "prediction_px": matrix.predicted(name),
                "truth_fraction": matrix.support(name) / matrix.total if matrix.total else math.nan,
                "prediction_fraction": matrix.predicted(name) / matrix.total if matrix.total else math.nan,
                "iou": state.iou(name),
                "mean_iou": state.mean_iou(name),
                "precision": matrix.precision(name),
                "recall": matrix.recall(name),
                "f1": matrix.f1(name),
            }
            for name in matrix.named_classes
        ],
    }


def _regions_part(report: RegionReport | None) -> dict[str, Any] | None:
    if report is None:
        return None
    return {**report.summary(), "by_size": report.by_size().to_pylist()}


def finding_rows(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    """The findings with their sentences."""
    for row in finding_texts.rows(evaluation.findings):
        yield {key: row[key] for key in (*FINDING_KEYS, "message", "hint")}


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return value
