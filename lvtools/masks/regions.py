"""Where the classes of a mask lie: boxes and connected components, from run lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa

from lvtools._native import mask_runs
from lvtools.errors import ArgumentError
from lvtools.masks.runs import Int64s, RunLists

_BOX = [
    pa.field("class_name", pa.string(), metadata={"about": "null: pixels whose colour is no class"}),
    pa.field("area_px", pa.int64()),
    pa.field("left", pa.int32(), metadata={"about": "first column, 0-based"}),
    pa.field("top", pa.int32(), metadata={"about": "first row, 0-based"}),
    pa.field("width", pa.int32(), metadata={"about": "left + width is the first column behind the box"}),
    pa.field("height", pa.int32()),
]
BOX_SCHEMA = pa.schema(_BOX)
COMPONENT_SCHEMA = pa.schema(
    [
        *_BOX,
        pa.field("centroid_x", pa.float64(), metadata={"about": "mean column; 0.0 is the middle of the first"}),
        pa.field("centroid_y", pa.float64(), metadata={"about": "mean row"}),
        pa.field("first_row", pa.int32(), metadata={"about": "its first pixel, from the top, then from the left"}),
        pa.field("first_col", pa.int32()),
    ]
)  # fmt: skip


def box_table(lists: RunLists, names: Sequence[str | None]) -> pa.Table:
    """The box around all pixels of each number that occurs; number 0 has none. `BOX_SCHEMA`, rows by number."""
    found, place = np.unique(lists.numbers, return_inverse=True)
    sums = _Sums(lists, np.where(found[place] > 0, place, -1), len(found))
    chosen = np.flatnonzero(found > 0)
    arrays = [pa.array([names[number] for number in found[chosen]], pa.string()), *sums.boxes(chosen)]
    return pa.Table.from_arrays(arrays, schema=BOX_SCHEMA)


def component_table(lists: RunLists, names: Sequence[str | None], connectivity: Literal[4, 8] = 8) -> pa.Table:
    """The connected regions of each number but 0. `COMPONENT_SCHEMA`, by number, then by first pixel."""
    labels, count = label(lists, connectivity)
    sums = _Sums(lists, labels, count)
    number = np.zeros(count, np.int64)
    number[labels[labels >= 0]] = lists.numbers[labels >= 0]
    order = np.argsort(number, kind="stable")  # labels follow the first pixels already
    names_of = np.array([*names, None], object)[number[order]]
    row, col = np.divmod(sums.first[order], lists.width)
    area = sums.area[order]
    return pa.Table.from_arrays(
        [
            pa.array(names_of, pa.string()),
            *sums.boxes(order),
            pa.array(sums.twice_x[order] / (2 * area)),
            pa.array(sums.twice_y[order] / (2 * area)),
            pa.array(row.astype(np.int32)),
            pa.array(col.astype(np.int32)),
        ],
        schema=COMPONENT_SCHEMA,
    )


def label(lists: RunLists, connectivity: int) -> tuple[Int64s, int]:
    """The component of each run, -1 for runs of number 0, and how many there are; numbered by their first pixels.

    `lists` must be joined.

    Raises
    ------
    ArgumentError
        `connectivity` is neither 4 nor 8.
    """
    if connectivity not in (4, 8):
        raise ArgumentError(f"connectivity={connectivity!r}", hint="4: by sides only, or 8: by corners, too")
    labels = np.empty(len(lists.ends), np.int64)
    count = mask_runs.label_runs(lists.ends, lists.numbers, lists.starts, lists.width, connectivity == 8, labels)
    if count < 0:
        raise AssertionError("run lists that do not cover their picture")
    return labels, count


class _Sums:
    """What is known of sets of runs: area, box, first pixel and the sums of the pixels' places, all integers."""

    def __init__(self, lists: RunLists, labels: Int64s, count: int) -> None:
        inside = labels >= 0
        labels, begins, ends = labels[inside], lists.begins()[inside].astype(np.int64), lists.ends[inside]
        group = lists.groups()[inside]
        rows, tops = lists.rows.astype(np.int64)[group], lists.tops()[:-1][group]
        lengths = ends - begins
        self.area, self.twice_x, self.twice_y = (np.zeros(count, np.int64) for _ in range(3))
        np.add.at(self.area, labels, lengths * rows)
        # Twice the sums, since a run of even length has its middle between two pixels. At most 2^28 px * 2^17: fits.
        np.add.at(self.twice_x, labels, lengths * rows * (begins + ends - 1))
        np.add.at(self.twice_y, labels, lengths * rows * (2 * tops + rows - 1))
        far = np.iinfo(np.int64).max
        self.left, self.top, self.first = (np.full(count, far) for _ in range(3))
        self.right, self.bottom = np.zeros(count, np.int64), np.zeros(count, np.int64)
        np.minimum.at(self.left, labels, begins)
        np.minimum.at(self.top, labels, tops)
        np.minimum.at(self.first, labels, tops * lists.width + begins)
        np.maximum.at(self.right, labels, ends)
        np.maximum.at(self.bottom, labels, tops + rows)

    def boxes(self, chosen: Int64s) -> list[pa.Array]:
        """area_px, left, top, width and height."""
        left, top = self.left[chosen], self.top[chosen]
        sides = (left, top, self.right[chosen] - left, self.bottom[chosen] - top)
        return [pa.array(self.area[chosen]), *(pa.array(side.astype(np.int32)) for side in sides)]
