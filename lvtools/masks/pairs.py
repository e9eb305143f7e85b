"""Two masks of one image against each other: pixels per pair of classes, out of the run lists, without making pixels.

Only a mask that the engine does not take (see `lvtools.masks.engine`) is painted; its pairs are counted in bands.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lvtools.dataset import ColorMap
from lvtools.errors import MaskError
from lvtools.masks import engine
from lvtools.masks.classes import AlphaRule, Classified, Colors, UnknownColor, classify
from lvtools.masks.colors import MAX_COLORS, ColorCounts, MaskSource, read_mask_bytes
from lvtools.masks.mask import MAX_CLASSES, UNKNOWN_INDEX, Mask, read_mask

_BAND_PIXELS = 2**20  # of painted masks looked at in one step: 8 MB of pair numbers


class ClassMask:
    """A mask whose colours have been resolved to classes, kept as runs. Made by `read_class_mask`; immutable.

    `height`, `width`, `classes`, `color_map`, `ambiguous_px`, `unknown_px` and `unknown` are those of `Mask`.
    """

    __slots__ = ("_of", "_runs")

    def __init__(self, of: Classified | Mask, runs: engine.Runs | None) -> None:
        self._of, self._runs = of, runs

    @property
    def height(self) -> int:
        return self._of.height

    @property
    def width(self) -> int:
        return self._of.width

    @property
    def classes(self) -> tuple[str, ...]:
        return self._of.classes if isinstance(self._of, Mask) else self._of.names

    @property
    def color_map(self) -> ColorMap:
        return self._of.color_map

    @property
    def ambiguous_px(self) -> int:
        return self._of.ambiguous_px

    @property
    def unknown_px(self) -> int:
        return self._of.unknown_px

    @property
    def unknown(self) -> tuple[UnknownColor, ...]:
        return self._of.unknown

    def class_px(self) -> NDArray[np.int64]:
        """Pixels of each class, those of no class last: int64 (len(classes) + 1,)."""
        if isinstance(self._of, Mask):
            index = self._of.index().ravel()
            return _folded(np.bincount(index, minlength=UNKNOWN_INDEX + 1), len(self.classes))
        return np.append(self._of.area_px, self._of.unknown_px)

    def index(self) -> NDArray[np.uint8]:
        """The class of each pixel, painted anew: uint8 (height, width); 0 background, 255 unknown."""
        if isinstance(self._of, Mask):
            return self._of.index()
        assert self._runs is not None  # noqa: S101 - the type checker's sake
        return engine.paint_runs(self._runs, _indexes(self._of.numbers))


def read_class_mask(
    png: MaskSource, color_map: Colors | None = None, *, alpha: AlphaRule = "opaque", classes: Sequence[str]
) -> ClassMask:
    """Read a mask for `class_pairs`; parameters, answers and errors are those of `read_mask`.

    Raises
    ------
    MaskError, ObjectError, ArgumentError
    """
    data, name = read_mask_bytes(png)
    runs = engine.runs_of_png(data, MAX_COLORS)
    try:
        if runs is None:
            return ClassMask(read_mask(data, color_map, alpha=alpha, classes=classes), None)
        classified = classify(ColorCounts(*runs.counted), color_map, alpha=alpha, classes=classes)
        if len(classified.names) > MAX_CLASSES:
            raise MaskError(f"{len(classified.names)} classes; there is room for {MAX_CLASSES}")
    except MaskError as error:
        error.path = error.path or name or None
        raise
    return ClassMask(classified, runs)


def class_pairs(truth: ClassMask, prediction: ClassMask) -> NDArray[np.int64]:
    """Count the pixels of each pair of classes.

    Parameters
    ----------
    truth, prediction : ClassMask
        Read with the same `classes`.

    Returns
    -------
    ndarray of int64, shape (C + 1, C + 1)
        Rows truth, columns prediction; the last of both are pixels of no class.

    Raises
    ------
    MaskError
        The masks differ in size.
    """
    if (truth.height, truth.width) != (prediction.height, prediction.width):
        raise MaskError(
            f"a mask of {truth.height} x {truth.width} pixels has no pairs with one of "
            f"{prediction.height} x {prediction.width}",
            hint="compare masks of the same image",
        )
    many = len(truth.classes)
    ours, theirs = truth._of, prediction._of
    if isinstance(ours, Mask) or isinstance(theirs, Mask) or truth._runs is None or prediction._runs is None:
        return _painted_pairs(truth.index().ravel(), prediction.index().ravel(), many)
    cells = np.zeros((many + 1, many + 1), np.int64)
    counts = engine.pair_counts(truth._runs, prediction._runs)
    # Colours of no class have number -1, and that is the last place.
    np.add.at(cells, (ours.numbers[:, None], theirs.numbers[None, :]), counts)
    return cells


def _painted_pairs(truth: NDArray[np.uint8], prediction: NDArray[np.uint8], many: int) -> NDArray[np.int64]:
    side = UNKNOWN_INDEX + 1
    counts = np.zeros(side * side, np.int64)
    for start in range(0, len(truth), _BAND_PIXELS):
        ours, theirs = (one[start : start + _BAND_PIXELS].astype(np.int64) for one in (truth, prediction))
        counts += np.bincount(ours * side + theirs, minlength=side * side)
    rows = counts.reshape(side, side)
    return _folded(_folded(rows, many).T, many).T.copy()


def _folded(counts: NDArray[np.int64], many: int) -> NDArray[np.int64]:
    """The first `many` places and the last one, that of no class."""
    return np.concatenate([counts[:many], counts[UNKNOWN_INDEX:]])


def _indexes(numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    return np.where(numbers < 0, UNKNOWN_INDEX, numbers).astype(np.uint8)
