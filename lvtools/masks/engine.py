"""The fast road from a mask's bytes to its colours: `_native.png_runs`, one workspace per thread, no pixels.

What the kernel does not take, finds damaged or has no room for is answered with None, and the caller goes the exact
slow road of `lvtools.masks.png`: that one decides, and has the words. So the engine could only be wrong by reading what
it should not, or reading it differently; tests/masks/fuzz_runs.py looks for both. Every kind of PNG is counted here; as
runs the engine keeps neither 16 bits nor grey + alpha nor Adam7, whose rows come in another order.

LVTOOLS_SIMD=0 in the environment keeps to the kernel without AVX2; LVTOOLS_ENGINE=0 to the slow road.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lvtools.masks import png


def _kernel() -> ModuleType | None:
    """The best kernel this processor runs; None where there is none."""
    if os.environ.get("LVTOOLS_ENGINE") == "0":
        return None
    try:
        from lvtools._native import png_runs
    except ImportError:  # a big-endian machine: setup.py leaves it out
        return None
    if os.environ.get("LVTOOLS_SIMD") == "0" or not png_runs.has_avx2():
        return png_runs
    try:
        from lvtools._native import png_runs_avx2
    except ImportError:
        return png_runs
    return png_runs_avx2


KERNEL = _kernel()
_threads = threading.local()
_UINT32, _INT64 = np.dtype(np.uint32), np.dtype(np.int64)  # made once: of a mask of 32 x 32 they would be a tenth
_Found: TypeAlias = tuple[int, int, bytes, bytes, bytes, bytes, bytes, bytes, bytes]  # see Workspace.read

MAX_KEPT_RUNS = 2**24  # 128 MB of run lists; a mask with more has no runs worth the name, and goes by its pixels


class Counted(NamedTuple):
    """Size, and the distinct RGBA values in the order of first sight; as `lvtools.masks.colors.ColorCounts`."""

    height: int
    width: int
    colors: NDArray[np.uint32]
    counts: NDArray[np.int64]
    first: NDArray[np.int64]


class Lists(Protocol):
    """Run lists of a picture's numbers: see `lvtools.masks.runs.RunLists`."""

    @property
    def width(self) -> int: ...
    @property
    def ends(self) -> NDArray[np.int32]: ...
    @property
    def numbers(self) -> NDArray[np.int32]: ...
    @property
    def starts(self) -> NDArray[np.int64]: ...
    @property
    def rows(self) -> NDArray[np.int32]: ...


class Runs(NamedTuple):
    """A mask as groups of equal rows, each a list of runs.

    Attributes
    ----------
    counted : Counted
    ends, numbers : ndarray of int32, shape (runs,)
        Exclusive end column of each run, and the place of its colour in `counted.colors`.
    starts : ndarray of int64, shape (groups + 1,)
        The runs of group g are starts[g]:starts[g + 1]; their ends ascend to the width.
    rows : ndarray of int32, shape (groups,)
        How many rows each group stands for, from the top; they add up to the height.
    """

    counted: Counted
    ends: NDArray[np.int32]
    numbers: NDArray[np.int32]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]


def count_png(data: memoryview, most_colors: int) -> Counted | None:
    """Colours and counts of a PNG, or None: ask the slow road."""
    mine = _workspace()
    if mine is None:
        return None
    found = mine[0].read(data, _LIMITS, mine[1], most_colors)
    return _counted(found) if type(found) is tuple else None


def colors_of_png(data: memoryview, most_colors: int) -> dict[int, int] | None:
    """0xRRGGBB to pixels, alpha ignored, in the order of first sight; or None: ask the slow road."""
    mine = _workspace()
    if mine is None:
        return None
    found = mine[0].colors(data, _LIMITS, mine[1], most_colors)
    return found if isinstance(found, dict) else None


class CountedMany(NamedTuple):
    """The distinct RGBA values of several masks, one mask after the other.

    Attributes
    ----------
    known : ndarray of bool, shape (masks,)
        False: ask the slow road; the mask then has size 0 x 0 and no colours here.
    height, width : ndarray of int64, shape (masks,)
    starts : ndarray of int64, shape (masks + 1,)
        The colours of mask k are starts[k]:starts[k + 1], in the order of first sight.
    colors, counts, first : ndarray
        As in `lvtools.masks.colors.ColorCounts`.
    """

    known: NDArray[np.bool_]
    height: NDArray[np.int64]
    width: NDArray[np.int64]
    starts: NDArray[np.int64]
    colors: NDArray[np.uint32]
    counts: NDArray[np.int64]
    first: NDArray[np.int64]


def count_pngs(masks: Sequence[memoryview], most_colors: int) -> Iterator[CountedMany]:
    """Colours and counts of many PNGs, in their order and in as few parts as their colours allow.

    The masks of a part are counted without Python's lock being touched in between: with masks of 30 us, two threads
    that fetch it for each are slower than one.
    """
    left = list(masks)
    mine = _workspace()
    if mine is None:
        none = np.zeros(len(left), np.int64)
        yield CountedMany(none > 0, none, none, np.zeros(len(left) + 1, np.int64), *_columns(b"", b"", b""))
        return
    while left:
        done, heads, *columns = mine[0].count(left, _LIMITS, mine[1], most_colors)
        status, height, width, colors = np.frombuffer(heads, np.int64).reshape(done, 4).T
        starts = np.zeros(done + 1, np.int64)
        np.cumsum(colors, out=starts[1:])
        yield CountedMany(status == 0, height, width, starts, *_columns(*columns))
        left = left[done:]


def runs_of_png(data: memoryview, most_colors: int, most_runs: int = MAX_KEPT_RUNS) -> Runs | None:
    """Colours, counts and run lists of a PNG, or None: ask the slow road."""
    found = _read(data, most_colors, most_runs)
    if found is None:
        return None
    ends, numbers, starts, rows = found[5:]
    return Runs(
        _counted(found),
        np.frombuffer(ends, np.int32),
        np.frombuffer(numbers, np.int32),
        np.frombuffer(starts, np.int64),
        np.frombuffer(rows, np.int32),
    )


def pair_lists(first: Lists, second: Lists, numbers: int) -> NDArray[np.int64]:
    """How many pixels have number a in the first picture and b in the second, both below `numbers` and of one size.

    Returns int64, shape (numbers, numbers).
    """
    out = np.zeros((numbers, numbers), np.int64)
    assert KERNEL is not None  # noqa: S101 - its callers ask
    one, other = ((lists.ends, lists.numbers, lists.starts, lists.rows) for lists in (first, second))
    if KERNEL.pair(*one, *other, first.width, out) != 0:
        raise AssertionError("run lists that do not cover their picture")
    return out


_LIMITS = (png.MAX_SIDE, png.MAX_PIXELS, png.MAX_CHUNKS, png.MAX_INFLATION)


def _workspace() -> tuple[Any, int] | None:
    """This thread's workspace and random multiplier; None without a kernel."""
    if KERNEL is None:
        return None
    try:
        mine: tuple[Any, int] = _threads.mine
    except AttributeError:
        mine = _threads.mine = KERNEL.Workspace(), secrets.randbits(64)
    return mine


def _read(data: memoryview, most_colors: int, most_runs: int) -> _Found | None:
    mine = _workspace()
    if mine is None:
        return None
    found = mine[0].read(data, _LIMITS, mine[1], most_colors, most_runs)
    return found if isinstance(found, tuple) else None


def _columns(
    colors: bytes, counts: bytes, first: bytes
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
    return np.frombuffer(colors, _UINT32), np.frombuffer(counts, _INT64), np.frombuffer(first, _INT64)


def _counted(found: _Found) -> Counted:
    height, width, colors, counts, first = found[:5]
    return Counted(height, width, *_columns(colors, counts, first))
