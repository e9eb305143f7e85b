"""Run lists: a picture of numbers as groups of equal rows, each a list of runs. NumPy on runs, never on pixels.

Knows numbers and places; what the numbers mean is for `mask` to know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lvtools.errors import ArgumentError
from lvtools.masks import engine

Int32s: TypeAlias = NDArray[np.int32]
Int64s: TypeAlias = NDArray[np.int64]

_BAND_PIXELS = 2**22  # looked at in one step when pixels become runs; bounds the memory beside the result


class RunLists(NamedTuple):
    """A picture as groups of equal rows, each a list of runs that fills the width.

    Attributes
    ----------
    height, width : int
    ends, numbers : ndarray of int32, shape (runs,)
        Exclusive end column of each run, and the number of its pixels.
    starts : ndarray of int64, shape (groups + 1,)
        The runs of group g are starts[g]:starts[g + 1]; their ends ascend to the width.
    rows : ndarray of int32, shape (groups,)
        How many rows each group stands for, from the top; they add up to the height.
    """

    height: int
    width: int
    ends: Int32s
    numbers: Int32s
    starts: Int64s
    rows: Int32s

    def begins(self) -> Int32s:
        """The first column of each run."""
        out = np.zeros_like(self.ends)
        out[1:] = self.ends[:-1]
        out[self.starts[:-1]] = 0
        return out

    def groups(self) -> Int64s:
        """The group of each run."""
        return np.repeat(np.arange(len(self.rows)), np.diff(self.starts))

    def tops(self) -> Int64s:
        """The first row of each group, and the height behind the last one: int64 (groups + 1,)."""
        out = np.zeros(len(self.rows) + 1, np.int64)
        np.cumsum(self.rows, out=out[1:])
        return out

    def find(self, rows: NDArray[np.integer], cols: NDArray[np.integer]) -> Int64s:
        """The runs that pixels lie in."""
        group = np.searchsorted(self.tops(), rows, side="right") - 1
        return np.searchsorted(self.groups() * self.width + self.ends, group * self.width + cols, side="right")

    def tally(self, numbers: int) -> tuple[Int64s, Int64s]:
        """Pixels of each number 0..numbers - 1, and the flat position of its first one; -1 when there is none."""
        begins, group = self.begins(), self.groups()
        sizes = (self.ends - begins).astype(np.int64) * self.rows[group]
        counts = np.zeros(numbers, np.int64)
        np.add.at(counts, self.numbers, sizes)
        first = np.full(numbers, self.height * self.width, np.int64)
        np.minimum.at(first, self.numbers, self.tops()[group] * self.width + begins)
        first[counts == 0] = -1
        return counts, first


def joined(lists: RunLists, table: Int32s | None = None) -> RunLists:
    """The shortest lists of the same picture, each number n first made table[n]: no two neighbours are equal."""
    numbers = lists.numbers if table is None else table[lists.numbers]
    last = np.ones(len(numbers), np.bool_)
    np.not_equal(numbers[1:], numbers[:-1], out=last[:-1])
    last[lists.starts[1:] - 1] = True
    kept = np.cumsum(last)
    starts = np.zeros(len(lists.rows) + 1, np.int64)
    starts[1:] = kept[lists.starts[1:] - 1]
    ends, numbers = lists.ends[last], numbers[last]

    sizes = np.diff(starts)
    again = np.zeros(len(sizes), np.bool_)  # groups equal to the one above
    np.equal(sizes[1:], sizes[:-1], out=again[1:])
    if again.any():
        above = np.arange(len(ends)) - np.repeat(np.where(again, sizes, 0), sizes)
        again &= np.logical_and.reduceat((ends == ends[above]) & (numbers == numbers[above]), starts[:-1])
    if not again.any():
        return RunLists(lists.height, lists.width, ends, numbers.astype(np.int32), starts, lists.rows)
    chosen = np.repeat(~again, sizes)
    starts = np.concatenate([[0], np.cumsum(sizes[~again])])
    rows = np.add.reduceat(lists.rows, np.flatnonzero(~again)).astype(np.int32)
    return RunLists(lists.height, lists.width, ends[chosen], numbers[chosen].astype(np.int32), starts, rows)


def runs_of_array(values: NDArray[np.integer]) -> RunLists:
    """The runs of a picture: integer (height, width), not empty; the values become the numbers, as int32."""
    height, width = values.shape
    at_once = max(1, _BAND_PIXELS // width)
    found: list[tuple[Int32s, Int32s, Int64s, Int64s]] = []
    for top in range(0, height, at_once):
        band = values[top : top + at_once]
        new = np.ones(len(band), np.bool_)
        if top:
            new[0] = not np.array_equal(band[0], values[top - 1])
        np.any(band[1:] != band[:-1], axis=1, out=new[1:])
        different = band[new]
        change = np.ones(different.shape, np.bool_)
        np.not_equal(different[:, 1:], different[:, :-1], out=change[:, :-1])
        places = np.flatnonzero(change)
        found.append(
            (
                (places % width + 1).astype(np.int32),
                different.ravel()[places].astype(np.int32),
                change.sum(axis=1),
                np.flatnonzero(new) + top,
            )
        )
    ends, numbers, sizes, tops = (np.concatenate(parts) for parts in zip(*found, strict=True))
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return RunLists(height, width, ends, numbers, starts, np.diff(tops, append=height).astype(np.int32))


def paint(lists: RunLists, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture: uint8 (height, width), values[number] for each pixel."""
    if engine.KERNEL is not None:
        out = np.empty((lists.height, lists.width), np.uint8)
        table = np.ascontiguousarray(values, np.uint8)
        if engine.KERNEL.paint(lists.ends, lists.numbers, lists.starts, lists.rows, table, out) != 0:
            raise AssertionError("run lists that do not cover their picture")
        return out
    return np.repeat(paint_groups(lists, values), lists.rows, axis=0)


def paint_groups(lists: RunLists, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One row of the picture for each group of equal ones: uint8 (groups, width)."""
    flat = np.repeat(values[lists.numbers], lists.ends - lists.begins())
    return flat.reshape(len(lists.rows), lists.width)


def combine(one: RunLists, other: RunLists, rule: Callable[[Int32s, Int32s], Int32s]) -> RunLists:
    """Lay two pictures of the same size over each other: each pixel becomes rule(its number here, its number there).

    `rule` gets the numbers as arrays, a pair for every run in which neither picture changes.

    Raises
    ------
    ArgumentError
        The pictures differ in size.
    """
    if (one.height, one.width) != (other.height, other.width):
        raise ArgumentError(
            f"masks of {one.width} x {one.height} and {other.width} x {other.height} pixels cannot be laid together",
            hint="use masks of the same image",
        )
    bottoms = [lists.tops()[1:] for lists in (one, other)]
    cuts = np.union1d(*bottoms)
    width, sides = one.width, []
    for lists, bottom in zip((one, other), bottoms, strict=True):
        group = np.searchsorted(bottom, cuts)
        sizes = np.diff(lists.starts)[group]
        behind = np.cumsum(sizes)
        place = np.arange(behind[-1]) + np.repeat(lists.starts[group] - (behind - sizes), sizes)
        # Flat ends in a picture of one row per group: they ascend, and no two are the same.
        sides.append((lists.numbers[place], np.repeat(np.arange(len(cuts)) * width, sizes) + lists.ends[place]))
    flat = np.union1d(sides[0][1], sides[1][1])
    first, second = (numbers[np.searchsorted(ends, flat)] for numbers, ends in sides)
    begin = (flat - 1) // width * width
    starts = np.searchsorted(flat, np.arange(len(cuts) + 1) * width, side="right").astype(np.int64)
    rows = np.diff(cuts, prepend=0).astype(np.int32)
    both = RunLists(one.height, width, (flat - begin).astype(np.int32), rule(first, second), starts, rows)
    return joined(both)
