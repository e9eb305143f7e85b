"""Read predictions in any of the forms people keep them in; the form is told by name and content, or forced.

The same readers serve as truth when the truth is no manifest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lvtools.errors import ArgumentError, FormatError
from lvtools.findings import FindingList
from lvtools.formats import detect, edge, evaluation_manifest, tabular
from lvtools.formats.extra import split_columns, take_members
from lvtools.formats.registry import PREDICTION_SCHEMA, Input, PredictionFormat, Predictions, words

__all__ = ["PREDICTION_FORMATS", "PREDICTION_SCHEMA", "Predictions", "read_predictions"]

# In the order in which they are tried: what is particular before what is general.
PREDICTION_FORMATS: dict[str, PredictionFormat] = {
    one.name: one
    for one in (
        tabular.ARROW,
        tabular.PARQUET,
        edge.FORMAT,
        evaluation_manifest.FORMAT,
        detect.FORMAT,
        evaluation_manifest.MANIFEST,
        tabular.RECORDS,
        tabular.CSV,
    )
}


def read_predictions(
    source: Any, *, format: str = "auto", role: str = "predictions", extra: Sequence[str] = ()
) -> Predictions:
    """Read predictions into `PREDICTION_SCHEMA`.

    Parameters
    ----------
    source : path, URI, '-', bytes, folder, pyarrow.Table, or any object with the Arrow capsule methods
        What to read.
    format : str
        'auto', or one of `PREDICTION_FORMATS`.
    role : {'predictions', 'truth'}
        An evaluation manifest holds both; as truth its labels are taken, not the model's answers.
    extra : sequence of str
        Further columns of a table, or members of JSON objects ('a.b' for one inside another), to keep.

    Returns
    -------
    Predictions
        The rows that name their image and carry a class or score; everything else is in its findings.

    Raises
    ------
    ArgumentError
        There is no such format.
    FormatError
        The source is in none of the forms, or lacks a column that is needed.
    ObjectError
        The source cannot be read.
    """
    opened = Input(source, tuple(extra))
    chosen = _forced(format, opened) if format != "auto" else _sniffed(opened, role)
    findings = FindingList(opened.origin)
    table = chosen.read(opened, findings)
    if extra:
        table = take_members(table, opened, extra)
    table, own = split_columns(table)
    return Predictions(table, findings.table(), chosen.name, opened.origin, own)


def _forced(name: str, source: Input) -> PredictionFormat:
    if name not in PREDICTION_FORMATS:
        raise ArgumentError(f"{name!r} is no prediction format", hint=f"one of auto, {words(PREDICTION_FORMATS)}")
    if source.folder is not None and name != detect.FORMAT.name:
        raise FormatError(f"this is a folder; {name} is read from a file", path=source.origin)
    return PREDICTION_FORMATS[name]


def _sniffed(source: Input, role: str) -> PredictionFormat:
    for one in PREDICTION_FORMATS.values():
        if (
            role == "truth"
            and one.name == evaluation_manifest.FORMAT.name
            and evaluation_manifest.sniff_manifest(source)
        ):
            continue
        if one.sniff(source):
            return one
    if source.folder is None and source.table is None and not bytes(source.data[:65536]).strip():
        raise FormatError("the file is empty", path=source.origin, hint="write one prediction per line")
    raise FormatError(
        "this is in none of the forms that are read", path=source.origin,
        hint=f"force one: {words(PREDICTION_FORMATS)}; 'docs/evaluation.md' describes them",
    )  # fmt: skip
