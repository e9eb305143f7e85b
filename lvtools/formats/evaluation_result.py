"""Lookout for Vision's EvaluationResult file: a model's figures as one JSON document. Knows the form, computes nothing.

Source: developer guide, "Accessing evaluation metrics with the SDK"; docs/compatibility.md lists what it leaves open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
import pyarrow as pa

from lvtools.errors import ArgumentError, FormatError
from lvtools.objects import Source, origin_of, read_source

_SHARES = ("precision", "recall", "f1", "mean_iou")
PIXEL_CLASS = pa.struct([("class_name", pa.string()), *((name, pa.float64()) for name in _SHARES)])
RESULT_SCHEMA = pa.schema(
    [
        pa.field("model_arn", pa.string()),
        pa.field("ended", pa.string(), metadata={"about": "UTC, as written"}),
        pa.field("training_images", pa.int64()),
        pa.field("testing_images", pa.int64()),
        pa.field("auroc", pa.float64(), metadata={"about": "this and all figures below are 0..1; null: undefined"}),
        pa.field("average_precision", pa.float64()),
        pa.field("precision", pa.float64()),
        pa.field("recall", pa.float64()),
        pa.field("f1", pa.float64()),
        pa.field("pixel", pa.list_(PIXEL_CLASS), metadata={"about": "a row per anomaly class; null: no masks"}),
    ]
)
# The file's names beside ours, in the file's order.
_IMAGE = {
    "ROCAUC": "auroc",
    "AveragePrecision": "average_precision",
    "Precision": "precision",
    "Recall": "recall",
    "F1Score": "f1",
}
_PIXEL = {"Precision": "precision", "Recall": "recall", "F1Score": "f1", "AIOU": "mean_iou", "ClassName": "class_name"}
_DETAILS = {
    "ModelArn": "model_arn",
    "EvaluationEndTimestamp": "ended",
    "NumberOfTrainingImages": "training_images",
    "NumberOfTestingImages": "testing_images",
}
_PROJECT = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_\-]{0,254}\Z")  # CreateProject
_VERSION = re.compile(r"[1-9][0-9]{0,9}\Z")


class ServiceModel(NamedTuple):
    """The model that the service's files name: project, version, and an ARN that says 'local' when none is given."""

    project: str = "lvtools"
    version: str = "1"
    arn: str | None = None

    @classmethod
    def parse(cls, text: str) -> ServiceModel:
        """Read 'PROJECT/VERSION' or a model's ARN, which ends so.

        Raises
        ------
        ArgumentError
            It is neither, or breaks the service's rules for such names; they become names of files.
        """
        project, _, version = text.removeprefix("model/").rpartition("/")
        project = project.rpartition("/")[2] if text.startswith("arn:") else project
        if not _PROJECT.match(project) or not _VERSION.match(version):
            raise ArgumentError(
                f"{text!r} names no model", hint="write PROJECT/VERSION, such as boards/1, or a model's ARN"
            )
        return cls(project, version, text if text.startswith("arn:") else None)

    @property
    def model_arn(self) -> str:
        return self.arn or f"arn:aws:lookoutvision:local:000000000000:model/{self.project}/{self.version}"

    def file_name(self, kind: str) -> str:
        """`EvaluationResult-boards-1.json`; a prefix is put right before it, as the service did."""
        return f"{kind}-{self.project}-{self.version}.json"


def timestamp(moment: datetime) -> str:
    """UTC without a zone, with six digits of fraction: how the guide's EvaluationManifest writes its dates."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def result_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a `RESULT_SCHEMA` row; an undefined figure is null, without pixels that part is absent."""
    metrics = {name: row[ours] for name, ours in _IMAGE.items()}
    if row["pixel"] is not None:
        metrics["PixelAnomalyClassMetrics"] = [
            {name: one[ours] for name, ours in _PIXEL.items()} for one in row["pixel"]
        ]
    return {
        "Version": 1,
        "EvaluationDetails": {name: row[ours] for name, ours in _DETAILS.items()},
        "AggregatedEvaluationResults": {"Metrics": metrics},
    }


def read_evaluation_result(*sources: Source) -> pa.Table:
    """Read EvaluationResult files, the service's own or those of `write_evaluation_result`.

    Parameters
    ----------
    sources : path, URI or bytes
        One file each, for instance one per model version or fold.

    Returns
    -------
    pyarrow.Table
        `RESULT_SCHEMA`, a row per file in the order given; what a file does not say is null.

    Raises
    ------
    FormatError
        A file is no such document, or holds a value of another kind; the sentence names the member.
    ObjectError
        A file cannot be read.
    """
    rows = [_row(read_source(source), origin_of(source)) for source in sources]
    return pa.Table.from_pylist(rows, schema=RESULT_SCHEMA)


def _row(data: bytes, origin: str) -> dict[str, Any]:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise FormatError(f"this is no JSON: {error.msg}", path=origin, line=error.lineno, column=error.colno) from None
    metrics = _part(_part(document, "AggregatedEvaluationResults", origin), "Metrics", origin)
    details = _part(document, "EvaluationDetails", origin)
    row: dict[str, Any] = {ours: _number(metrics, name, origin) for name, ours in _IMAGE.items()}
    for name, ours in _DETAILS.items():
        value = details.get(name)
        wanted: type = int if name.startswith("NumberOf") else str
        if value is not None and (not isinstance(value, wanted) or isinstance(value, bool)):
            raise _wrong(name, value, "a whole number" if wanted is int else "a string", origin)
        row[ours] = value
    pixel = metrics.get("PixelAnomalyClassMetrics")
    row["pixel"] = None
    if pixel is not None:
        if not isinstance(pixel, list) or not all(isinstance(one, dict) for one in pixel):
            raise _wrong("PixelAnomalyClassMetrics", pixel, "an array of objects", origin)
        row["pixel"] = []
        for one in pixel:
            figures: dict[str, Any] = {
                ours: _number(one, name, origin) for name, ours in _PIXEL.items() if ours != "class_name"
            }
            if not isinstance(one.get("ClassName"), str):
                raise _wrong("ClassName", one.get("ClassName"), "a string", origin)
            row["pixel"].append({"class_name": one["ClassName"], **figures})
    return row


def _part(document: Any, name: str, origin: str) -> dict[str, Any]:
    part = document.get(name) if isinstance(document, dict) else None
    if not isinstance(part, dict):
        raise FormatError(
            f"this is no EvaluationResult: it has no object {name!r}", path=origin,
            hint="the EvaluationManifest beside it is read by lvtools.evaluate",
        )  # fmt: skip
    return part


def _number(item: Mapping[str, Any], name: str, origin: str) -> float | None:
    value = item.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise _wrong(name, value, "a number in 0..1", origin)
    return float(value)


def _wrong(name: str, value: object, wanted: str, origin: str) -> FormatError:
    text = repr(value)
    return FormatError(f"{name} is {text if len(text) <= 60 else text[:59] + '…'}, {wanted} belongs there", path=origin)
