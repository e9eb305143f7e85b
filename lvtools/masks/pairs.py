"""Two masks of one image against each other: pixels per pair of classes, out of the run lists; no pixel is made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lvtools.errors import ArgumentError, MaskError
from lvtools.masks import engine
from lvtools.masks.mask import UNKNOWN_INDEX, Mask

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
    if (truth.height, truth.width) != (prediction.height, prediction.width):
        raise MaskError(
            f"a mask of {truth.height} x {truth.width} pixels has no pairs with one of "
            f"{prediction.height} x {prediction.width}",
            hint="compare masks of the same image",
        )
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
