"""An evaluation as one JSON document: what programs and the page read. docs/evaluation.md describes every key."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lvtools.dataset import format_color
from lvtools.evaluation.scoring import scores_part
from lvtools.evaluation.slicing import slices_part
from lvtools.findings import count_by_severity
from lvtools.findings import render as finding_texts
from lvtools.metrics import RegionReport

if TYPE_CHECKING:
    from lvtools.evaluation.result import Evaluation

FINDING_KEYS = ("file", "line", "column", "pointer", "code", "severity", "value", "related_line")


def document_of(evaluation: Evaluation) -> dict[str, Any]:
    """`Evaluation.to_dict`."""
    match = evaluation.match
    comparison = evaluation.comparison
    document: dict[str, Any] = _without_nan(
        {
            "lvtools_evaluation": 1,
            "truth": evaluation.truth._asdict(),
            "predictions": evaluation.predictions._asdict(),
            "match": {
                "by": match.by,
                "matched": len(match.pairs),
                "missing": match.missing,
                "extra": match.extra,
                "duplicates": match.duplicates,
                "unlabeled": match.unlabeled,
            },
            "image": _image_part(evaluation),
            "scores": scores_part(evaluation),
            "pixel": _pixel_part(evaluation),
            "regions": _regions_part(evaluation.regions),
            "slices": slices_part(evaluation),
            "label_errors": evaluation.label_errors().to_pylist(),
            "comparison": comparison.to_dict() if comparison is not None else None,
            "images": evaluation.per_image.to_pylist(),
            "findings": {**count_by_severity(evaluation.findings), "rows": list(finding_rows(evaluation))},
        }
    )
    return document


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
