"""An evaluation slice by slice: by a column of the files, by class, folder, or size of the anomaly."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from lvtools.errors import ArgumentError
from lvtools.evaluation.per_image import picked
from lvtools.metrics.blobs import SIZE_EDGES, size_range
from lvtools.metrics.comparison import SLICE_SCHEMA, slices

if TYPE_CHECKING:
    from lvtools.evaluation.matching import Match
    from lvtools.evaluation.result import Evaluation
    from lvtools.formats.predictions import Predictions

DERIVED = {
    "class": "the truth's class",
    "folder": "the folder of the image, without what all have in common",
    "area": "the pixels of the true anomaly, where masks were compared",
}

# More different numbers than these are a measure, not names: they are cut into quarters of about as many images.
MANY_NUMBERS = 12
GROUPS = 4
NO_VALUE = "(none)"
MAX_SLICES = 500  # more are an identifier


def own_columns(names: Sequence[str], truth: Predictions, predictions: Predictions, matched: Match) -> pa.Table:
    """The wanted columns, a row per compared image: the truth's, else the predictions'.

    Raises
    ------
    ArgumentError
        Neither side has such a column, and it is none that can be derived.
    """
    found: dict[str, Any] = {}
    for name in names:
        if name in DERIVED:
            continue
        side = 0 if name in truth.extra.column_names else 1
        table = (truth, predictions)[side].extra
        if name not in table.column_names:
            raise ArgumentError(
                f"cannot slice by {name!r}: neither {truth.origin} nor {predictions.origin} has that column or member",
                hint=f"besides those of the files, there are {', '.join(DERIVED)}",
            )
        found[name] = picked(table[name], (matched.truth_rows, matched.prediction_rows)[side])
    return pa.table(found)


def slices_of(evaluation: Evaluation, by: str) -> pa.Table:
    """`SLICE_SCHEMA`, in the order of the values, missing ones last.

    Raises
    ------
    ArgumentError
        There is no such column.
    """
    names, codes = _groups(evaluation, by)
    if len(names) > MAX_SLICES:
        raise ArgumentError(f"{by!r} has {len(names) - 1:,} different values, too many for slices of images")
    table = evaluation.per_image.select(["truth", "prediction"]).append_column("by", pa.array(codes, pa.int64()))
    found = slices(table, "by", positive=evaluation.positive or "")
    words = [names[int(at)] for at in found["slice"].to_pylist()]
    return found.set_column(0, SLICE_SCHEMA.field("slice"), pa.array(words, pa.string()))


def slices_part(evaluation: Evaluation) -> list[dict[str, Any]]:
    """The document's `slices`."""
    return [
        {
            "by": by,
            "about": DERIVED.get(by) if by not in evaluation.columns.column_names else None,
            "rows": [_row(row) for row in evaluation.slices(by).to_pylist()],
        }
        for by in evaluation.slice_by
    ]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its intervals as the rest of the document has them."""
    return {
        **{name: row[name] for name in ("slice", "images", "tp", "fp", "fn", "tn")},
        **{
            name: {"value": row[name], "low": row[f"{name}_low"], "high": row[f"{name}_high"]}
            for name in ("accuracy", "precision", "recall", "f1")
        },
    }


def _groups(evaluation: Evaluation, by: str) -> tuple[list[str], list[int]]:
    """Names in order, and the number of each image's name."""
    rows = evaluation.per_image
    if by in evaluation.columns.column_names:
        column = evaluation.columns[by]
    elif by == "class":
        column = rows["truth"]
    elif by == "folder":
        column = pa.chunked_array([pa.array(folders(rows["source_ref"].to_pylist()), pa.string())])
    elif by == "area":
        return _by_size(rows["truth_px"].to_pylist())
    else:
        known = [*evaluation.columns.column_names, *DERIVED]
        raise ArgumentError(
            f"there is no column {by!r} to slice by",
            hint=f"evaluate(..., slice_by=[{by!r}]) keeps it, if the files have it; here are {', '.join(known)}",
        )
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _by_number(column)
    return _by_word(column.cast(pa.string()).to_pylist())


def _by_word(values: list[str | None]) -> tuple[list[str], list[int]]:
    names = sorted({value for value in values if value is not None})
    place = {name: at for at, name in enumerate(names)}
    return [*names, NO_VALUE], [len(names) if value is None else place[value] for value in values]


def _by_number(column: pa.ChunkedArray) -> tuple[list[str], list[int]]:
    """Each number a slice; many different ones in quarters."""
    values = np.array([np.nan if v is None else v for v in column.to_pylist()], float)
    there = np.unique(values[~np.isnan(values)])
    edges = there
    if len(there) > MANY_NUMBERS:
        known = np.sort(values[~np.isnan(values)])
        edges = np.unique(known[[len(known) * part // GROUPS for part in range(GROUPS)]])
    codes = np.searchsorted(edges, values, "right") - 1
    names = []
    for low, high in itertools.pairwise([*edges.tolist(), np.inf]):
        inside = there[(there >= low) & (there < high)]
        first, last = (_number(inside[at]) for at in (0, -1))
        names.append(first if first == last else f"{first} to {last}")
    codes[np.isnan(values)] = len(names)
    return [*names, NO_VALUE], codes.tolist()


def _number(value: float) -> str:
    return f"{int(value)}" if float(value).is_integer() and abs(value) < 2**53 else f"{value:.6g}"


def _by_size(areas: list[int | None]) -> tuple[list[str], list[int]]:
    edges = [0, *SIZE_EDGES]
    sizes = [size_range(low, high) for low, high in zip(edges, [*SIZE_EDGES, None], strict=True)]
    names = ["no anomaly pixels", *(f"{size} px" for size in sizes), "no masks compared"]
    codes = [
        len(sizes) + 1 if area is None else int(np.searchsorted(edges, area, "right")) if area else 0 for area in areas
    ]
    return names, codes


def folders(refs: Sequence[str]) -> list[str]:
    """The folder of each reference, without the part that all have in common; '.' for that part itself."""
    parts = [re.split(r"[/\\]", ref)[:-1] for ref in refs]
    shared = 0
    if parts:
        for steps in zip(*parts, strict=False):
            if len(set(steps)) > 1:
                break
            shared += 1
    return ["/".join(part[shared:]) or "." for part in parts]


__all__ = ["DERIVED", "folders", "own_columns", "slices_of", "slices_part"]
