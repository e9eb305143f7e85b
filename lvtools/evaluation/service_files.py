"""An evaluation as the two files that Lookout for Vision left in its bucket, for tools that go on reading those.

The forms are the developer guide's; what it leaves open is chosen here and listed in docs/compatibility.md.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import pyarrow.compute as pc

from lvtools.dataset import is_background
from lvtools.errors import ArgumentError
from lvtools.evaluation.per_image import picked
from lvtools.formats.evaluation_result import ServiceModel, result_document, timestamp
from lvtools.formats.fields import ANOMALY, NORMAL
from lvtools.metrics import Sweep
from lvtools.objects import is_remote, write_object

if TYPE_CHECKING:
    from lvtools.evaluation.result import Evaluation

_CLASSIFICATION, _SEGMENTATION = "groundtruth/image-classification", "groundtruth/semantic-segmentation"
_LINES_AT_ONCE = 1024


class ServiceFiles(NamedTuple):
    """Where the two files are."""

    result: str
    manifest: str


def write_service_files(
    evaluation: Evaluation,
    prefix: str | os.PathLike[str],
    *,
    model: ServiceModel | str = "lvtools/1",
    training_images: int = 0,
    ended: datetime | None = None,
) -> ServiceFiles:
    """Write both files under the service's own names, `<prefix>EvaluationResult-<project>-<version>.json` and its twin.

    Parameters
    ----------
    evaluation : Evaluation
        Of a two-class task.
    prefix : path or URI
        A folder that exists, or ends in '/': the files lie in it. Anything else is joined to their names as the service
        joined its prefixes: 'out/fold_' gives 'out/fold_EvaluationResult-...'.
    model, training_images, ended
        As in `write_evaluation_result`.

    Returns
    -------
    ServiceFiles
    """
    model, ended = _model(model), ended or datetime.now(UTC)
    base = os.fspath(prefix)
    if not is_remote(base) and os.path.isdir(base):
        base = os.path.join(base, "")
    files = ServiceFiles(*(base + model.file_name(kind) for kind in ("EvaluationResult", "EvaluationManifest")))
    _positive(evaluation)  # before anything is written
    write_evaluation_manifest(evaluation, files.manifest, model=model, ended=ended)
    write_evaluation_result(evaluation, files.result, model=model, training_images=training_images, ended=ended)
    return files


def write_evaluation_result(
    evaluation: Evaluation,
    dest: str | os.PathLike[str],
    *,
    model: ServiceModel | str = "lvtools/1",
    training_images: int = 0,
    ended: datetime | None = None,
) -> None:
    """Write the figures as the service's EvaluationResult, one JSON document.

    Parameters
    ----------
    evaluation : Evaluation
        Of a two-class task.
    dest : path, URI or '-'
    model : ServiceModel or str
        What ModelArn names: 'PROJECT/VERSION' or an ARN.
    training_images : int
        NumberOfTrainingImages, which an evaluation cannot know.
    ended : datetime, optional
        EvaluationEndTimestamp, now by default; without a zone it is local time.

    Raises
    ------
    ArgumentError
        The task has more than two classes, for which the file has no room, or `model` is no such name.
    ObjectError
        The file cannot be written.

    Notes
    -----
    All figures are fractions. ROCAUC and AveragePrecision take the scores of all images, and are null when an image has
    none. A class is listed when the truth's masks show it; its precision, recall and F1 count pixels, AIOU is the
    mean over images (`PixelState.mean_iou`).
    """
    positive = _positive(evaluation)
    matrix = evaluation.image
    figures: dict[str, Any] = {name: getattr(matrix, name)(positive) for name in ("precision", "recall", "f1")}
    scores = evaluation.per_image["score"]
    figures["auroc"] = figures["average_precision"] = math.nan
    if len(scores) and not scores.null_count:
        found = Sweep.of(pc.equal(evaluation.per_image["truth"], positive), scores)
        figures |= {"auroc": found.auroc, "average_precision": found.average_precision}
    row = {
        "model_arn": _model(model).model_arn,
        "ended": timestamp(ended or datetime.now(UTC)),
        "training_images": training_images,
        "testing_images": matrix.total,
        **{name: _defined(value) for name, value in figures.items()},
        "pixel": _pixel_classes(evaluation),
    }
    write_object(dest, orjson.dumps(result_document(row), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def write_evaluation_manifest(
    evaluation: Evaluation,
    dest: str | os.PathLike[str],
    *,
    model: ServiceModel | str = "lvtools/1",
    ended: datetime | None = None,
) -> None:
    """Write truth and prediction of every compared image as the service's EvaluationManifest, JSON Lines.

    `lvtools.evaluate(dest, dest)` reads it back to the same confusion matrix: as truth its `anomaly-label` counts, as
    predictions its `anomaly-label-detected`. Masks are named where they came by reference; a mask that came inline has
    no name and is left out.

    Parameters, errors
        As `write_evaluation_result`; `ended` is also each line's creation-date.
    """
    positive, model = _positive(evaluation), _model(model)
    write_object(dest, _blocks(evaluation, positive, model, timestamp(ended or datetime.now(UTC))))


def _model(model: ServiceModel | str) -> ServiceModel:
    return ServiceModel.parse(model) if isinstance(model, str) else model


def _positive(evaluation: Evaluation) -> str:
    """The positive class of a two-class task."""
    if evaluation.positive is None:
        raise ArgumentError(
            f"the service's evaluation files know normal and anomaly only, not {', '.join(evaluation.image.classes)}",
            hint="positive= (--positive) names the anomaly of a two-class task; to_json() holds any number of classes",
        )
    return evaluation.positive


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value


def _pixel_classes(evaluation: Evaluation) -> list[dict[str, Any]] | None:
    state = evaluation.pixel
    if state is None:
        return None
    matrix = state.pooled
    return [
        {
            "class_name": name,
            "precision": _defined(matrix.precision(name)),
            "recall": _defined(matrix.recall(name)),
            "f1": _defined(matrix.f1(name)),
            "mean_iou": _defined(state.mean_iou(name)),
        }
        for name in matrix.named_classes[1:]
        if matrix.support(name)
    ]


def _blocks(evaluation: Evaluation, positive: str, model: ServiceModel, created: str) -> Iterator[bytes]:
    """The manifest's lines, a few at a time."""
    match = evaluation.match
    chosen = [
        picked(table["anomaly_classes"], rows)
        for table, rows in zip(evaluation.tables, (match.truth_rows, match.prediction_rows), strict=True)
    ]
    for start in range(0, len(match), _LINES_AT_ONCE):
        rows = evaluation.per_image.slice(start, _LINES_AT_ONCE).to_pylist()
        colors = [column.slice(start, _LINES_AT_ONCE).to_pylist() for column in chosen]
        yield b"".join(
            orjson.dumps(
                {
                    **_truth(row, row["truth"] == positive, true_colors, created),
                    **_answer(row, row["prediction"] == positive, called_colors, created, model),
                },
                option=orjson.OPT_APPEND_NEWLINE,
            )
            for row, true_colors, called_colors in zip(rows, *colors, strict=True)
        )


def _truth(row: dict[str, Any], anomalous: bool, colors: list[dict[str, Any]] | None, created: str) -> dict[str, Any]:
    line = {
        "source-ref": row["source_ref"],
        "source-ref-metadata": {"creation-date": created},
        "anomaly-label": int(anomalous),
        "anomaly-label-metadata": {
            "class-name": _class_name(anomalous),
            "type": _CLASSIFICATION,
            "human-annotated": "yes",
            "creation-date": created,
            "job-name": "labeling-job/anomaly-detection",
        },
    }
    if row["truth_mask_ref"] is not None:
        line["anomaly-mask-ref"] = row["truth_mask_ref"]
        line["anomaly-mask-ref-metadata"] = {
            "internal-color-map": {
                key: {"class-name": one["class_name"], "hex-color": one["color"], "confidence": 0.0}
                for key, one in _numbered(colors)
            },
            "type": _SEGMENTATION,
            "human-annotated": "yes",
            "creation-date": created,
            "job-name": "labeling-job/segmentation-job",
        }
    return line


def _answer(
    row: dict[str, Any], anomalous: bool, colors: list[dict[str, Any]] | None, created: str, model: ServiceModel
) -> dict[str, Any]:
    score = row["score"]
    line = {
        "anomaly-label-detected": int(anomalous),
        "anomaly-label-detected-metadata": {
            "class-name": _class_name(anomalous),
            # That of the decision made; the reader turns it back into the score.
            "confidence": None if score is None else score if anomalous else 1 - score,
            "type": _CLASSIFICATION,
            "human-annotated": "no",
            "creation-date": created,
            "job-name": "training-job/anomaly-detection",
            "model-arn": model.model_arn,
            "project-name": model.project,
            "model-version": model.version,
        },
    }
    if row["prediction_mask_ref"] is not None:
        metadata: dict[str, Any] = {
            "type": _SEGMENTATION,
            "human-annotated": "no",
            "creation-date": created,
            "job-name": "labeling-job/segmentation-job",
        }
        if colors:  # without its own, a mask is read with the colours of the truth
            metadata["internal-color-map"] = {
                key: {
                    "name": one["class_name"],
                    "hex-color": one["color"].lower(),
                    "total-percentage-area": one["area_fraction"],
                }
                for key, one in _numbered(colors)
            }
        line |= {
            "anomaly-mask-ref-detected": row["prediction_mask_ref"],
            "anomaly-mask-ref-detected-metadata": metadata,
        }
    return line


def _class_name(anomalous: bool) -> str:
    return ANOMALY if anomalous else NORMAL


def _numbered(colors: list[dict[str, Any]] | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """The entries under the keys of a color map: the background under "0", the others from "1" on."""
    named = [one for one in colors or () if one["class_name"] is not None and one["color"] is not None]
    named.sort(key=lambda one: not is_background(one["class_name"]))
    first = 0 if named and is_background(named[0]["class_name"]) else 1
    return ((str(key), one) for key, one in enumerate(named, first))
