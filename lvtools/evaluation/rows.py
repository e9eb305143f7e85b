"""What either side says about the pixels of an image, a few images at a time out of tables that may hold masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

ROWS_AT_ONCE = 16  # of masks that came inline, each perhaps a megabyte
BYTES_BETWEEN_RELEASES = 4 * 2**20
ROW_COLUMNS = ["source_ref", "mask_ref", "mask", "anomaly_classes", "line"]


class Row(NamedTuple):
    """What one side says about the pixels of an image."""

    source_ref: str
    is_normal: bool
    mask_ref: str | None
    mask: bytes | None
    colors: list[dict[str, Any]] | None
    line: int | None

    @property
    def has_mask(self) -> bool:
        return self.mask_ref is not None or self.mask is not None


def row_at(table: pa.Table, at: int, *, is_normal: bool) -> Row:
    """One row of `PREDICTION_SCHEMA`; only here do its mask's bytes become Python's."""
    return _row({name: table[name][at].as_py() for name in ROW_COLUMNS}, is_normal)


def rows_at(
    tables: Sequence[pa.Table], rows: Sequence[NDArray[np.int64]], normal: Sequence[NDArray[np.bool_]]
) -> Iterator[tuple[Row, Row]]:
    """Both rows of each pair, a block of them in memory at a time: tables may hold masks."""
    narrow = [table.select(ROW_COLUMNS) for table in tables]
    for start in range(0, len(rows[0]), ROWS_AT_ONCE):
        here = slice(start, start + ROWS_AT_ONCE)
        sides = [
            [_row(value, is_normal) for value, is_normal in zip(_values(table, at[here]), flags[here], strict=True)]
            for table, at, flags in zip(narrow, rows, (normal[0].tolist(), normal[1].tolist()), strict=True)
        ]
        yield from zip(*sides, strict=True)


def _values(table: pa.Table, rows: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Some rows as Python's. `take` would first join all chunks of the table, which is to read every mask there is."""
    low, high = int(rows.min()), int(rows.max()) + 1
    if high - low <= 2 * len(rows):  # neighbours, in whatever order
        block = table.slice(low, high - low).to_pylist()
        return [block[at - low] for at in rows.tolist()]
    return [value for at in rows.tolist() for value in table.slice(at, 1).to_pylist()]


def images_between_releases(tables: Sequence[pa.Table]) -> int:
    """After how many images the pages of spilled masks are worth being given back."""
    masks = [table["mask"] for table in tables]
    each = sum(column.nbytes / len(column) for column in masks if len(column))
    return max(1, min(1024, int(BYTES_BETWEEN_RELEASES / max(each, 1.0))))


def _row(value: Mapping[str, Any], is_normal: bool) -> Row:
    return Row(
        value["source_ref"], is_normal, value["mask_ref"], value["mask"], value["anomaly_classes"], value["line"]
    )
