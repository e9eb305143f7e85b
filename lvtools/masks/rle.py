"""COCO's run-length encoding of one class: column by column, as numbers or as its compressed text."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from lvtools.masks.runs import Int64s, RunLists


class Rle(TypedDict):
    """A mask as COCO's files and pycocotools have it."""

    size: list[int]  # height, width
    counts: list[int] | str


def encode_rle(lists: RunLists, number: int, *, compressed: bool = True) -> Rle:
    """The pixels of one number as COCO's RLE: pixels outside and inside in turn, down the columns, outside first."""
    height, width = lists.height, lists.width
    inside = lists.numbers == number
    begins, group = lists.begins(), lists.groups()
    # Where a group's rows and the rows above it differ: at columns where only one of them changes side.
    changes = np.concatenate([begins[inside], lists.ends[inside]]).astype(np.int64)
    of_group = np.concatenate([group[inside], group[inside]])
    keys, times = np.unique(
        np.concatenate([of_group * (width + 1) + changes, (of_group + 1) * (width + 1) + changes]), return_counts=True
    )
    groups = len(lists.rows)
    keys = keys[(times == 1) & (keys >= width + 1) & (keys < groups * (width + 1))]
    starts, stops = keys[::2], keys[1::2]
    lengths = stops - starts
    behind = np.cumsum(lengths)
    columns = np.arange(behind[-1] if len(behind) else 0) + np.repeat(
        starts % (width + 1) - (behind - lengths), lengths
    )
    turns = columns * height + np.repeat(lists.tops()[starts // (width + 1)], lengths)
    # And where the top of a column differs from the bottom of the column before it.
    top, bottom = _row(lists, inside, 0), _row(lists, inside, groups - 1)
    top[1:] ^= bottom[:-1]
    turns = np.sort(np.concatenate([turns, np.flatnonzero(top) * height]))
    counts = np.diff(turns, prepend=0, append=height * width)
    return {"size": [height, width], "counts": compress(counts) if compressed else counts.tolist()}


def compress(counts: Int64s) -> str:
    """The counts as text: from the third on the difference to the count two before; 5 bits a sign, low bits first."""
    values = counts.copy()
    values[3:] -= counts[1:-2]
    signs = []
    open_ = np.ones(len(values), np.bool_)
    while open_.any():
        low = values & 0x1F
        values >>= 5
        more = open_ & np.where(low & 0x10, values != -1, values != 0)
        signs.append(np.where(open_, low + np.where(more, 0x20, 0) + 48, 0).astype(np.uint8))
        open_ = more
    flat = np.stack(signs, axis=1).ravel()
    return bytes(flat[flat != 0]).decode("ascii")


def _row(lists: RunLists, inside: NDArray[np.bool_], group: int) -> NDArray[np.bool_]:
    """Which columns of a group's rows are inside."""
    chosen = slice(int(lists.starts[group]), int(lists.starts[group + 1]))
    return np.repeat(inside[chosen], np.diff(lists.ends[chosen], prepend=0))
