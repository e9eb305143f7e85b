"""Two masks of one image against each other: pixels per pair of classes, and regions that meet.

All out of the run lists; no pixel is made.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lvtools._native import region_overlap
from lvtools.errors import ArgumentError, MaskError
from lvtools.masks import engine
from lvtools.masks.mask import UNKNOWN_INDEX, Mask
from lvtools.masks.regions import label
from lvtools.masks.runs import RunLists, joined

REGION_COLUMNS: tuple[str, ...] = region_overlap.COLUMNS

_BAND_PIXELS = 2**20  # of painted masks looked at in one step: 8 MB of pair numbers


def class_pairs(truth: Mask, prediction: Mask) -> NDArray[np.int64]:
    """Count the pixels of each pair of classes.

    Parameters
    ----------
    truth, prediction : Mask
        With the same classes.

    Returns
    -------
    ndarray of int64, shape (C + 1, C + 1)
        Rows truth, columns prediction; the last of both are pixels of no class.

    Raises
    ------
    MaskError
        The masks differ in size.
    ArgumentError
        They differ in their classes.
    """
    if truth.classes != prediction.classes:
        raise ArgumentError(
            f"classes {truth.classes!r} are not {prediction.classes!r}", hint="read both masks with the same classes="
        )
    _require_one_size(truth, prediction)
    many = len(truth.classes)
    if engine.KERNEL is None:
        return _painted_pairs(truth.index().ravel(), prediction.index().ravel(), many)
    return engine.pair_lists(truth.class_lists(), prediction.class_lists(), many + 1)


def _painted_pairs(truth: NDArray[np.uint8], prediction: NDArray[np.uint8], many: int) -> NDArray[np.int64]:
    """The same without the engine: pixels, in bands."""
    side = UNKNOWN_INDEX + 1
    counts = np.zeros(side * side, np.int64)
    for start in range(0, len(truth), _BAND_PIXELS):
        ours, theirs = (one[start : start + _BAND_PIXELS].astype(np.int64) for one in (truth, prediction))
        counts += np.bincount(ours * side + theirs, minlength=side * side)
    places = [*range(many), UNKNOWN_INDEX]
    return counts.reshape(side, side)[np.ix_(places, places)]


def _require_one_size(truth: Mask, prediction: Mask) -> None:
    if (truth.height, truth.width) != (prediction.height, prediction.width):
        raise MaskError(
            f"a mask of {truth.height} x {truth.width} pixels has no pairs with one of "
            f"{prediction.height} x {prediction.width}",
            hint="compare masks of the same image",
        )


def region_pairs(truth: Mask | None, prediction: Mask | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The regions of each mask, and how many of their pixels lie in regions of the other.

    A region is 8-connected and of any classes but the background: two classes that touch are one region. Pixels of no
    class are in none.

    Parameters
    ----------
    truth, prediction : Mask or None
        None, at most once, is a mask of the other's size without anomaly.

    Returns
    -------
    tuple of two ndarray of int64, shape (regions, 6)
        Of the truth, of the prediction; rows in the order of first pixels. The columns are `REGION_COLUMNS`: area_px,
        under_px (pixels in any region of the other mask), top, left, bottom, right; the last two are exclusive.

    Raises
    ------
    MaskError
        The masks differ in size.
    ArgumentError
        Both are None.
    """
    if truth is None and prediction is None:
        raise ArgumentError("no mask at all has no regions", hint="pass a mask for one side")
    if truth is not None and prediction is not None:
        _require_one_size(truth, prediction)
    lists = [None if mask is None else _anomalous(mask) for mask in (truth, prediction)]
    one, other = (mine if mine is not None else _blank(theirs) for mine, theirs in (lists, lists[::-1]))
    (labels, regions), (other_labels, other_regions) = label(one, 8), label(other, 8)
    found, other_found = (np.zeros((many, len(REGION_COLUMNS)), np.int64) for many in (regions, other_regions))
    walked = region_overlap.count_overlaps(
        one.ends, labels, one.starts, one.rows,
        other.ends, other_labels, other.starts, other.rows,
        one.width, found, other_found,
    )  # fmt: skip
    if walked != 0:
        raise AssertionError("run lists that do not cover their picture")
    return found, other_found


def _anomalous(mask: Mask) -> RunLists:
    """1 where any class but the background is, else 0."""
    table = np.ones(len(mask.classes) + 1, np.int32)
    table[0] = table[-1] = 0
    return joined(mask.class_lists(), table)


def _blank(like: RunLists | None) -> RunLists:
    assert like is not None  # noqa: S101 - the caller has looked
    ends, rows = np.array([like.width], np.int32), np.array([like.height], np.int32)
    return RunLists(like.height, like.width, ends, np.zeros(1, np.int32), np.array([0, 1], np.int64), rows)
