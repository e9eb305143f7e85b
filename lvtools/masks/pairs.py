"""Two masks of one image against each other: pixels per pair of classes, out of the run lists, without making pixels.

Only a mask that the engine does not take (see `lvtools.masks.engine`) is painted; its pairs are counted in bands.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lvtools.dataset import ColorMap
from lvtools.errors import ArgumentError, MaskError
from lvtools.masks import engine
from lvtools.masks.classes import AlphaRule, Classified, Colors, UnknownColor, as_color_map, classify
from lvtools.masks.colors import MAX_COLORS, ColorCounts, MaskSource, read_mask_bytes
from lvtools.masks.mask import MAX_CLASSES, UNKNOWN_INDEX, Mask, read_mask

_COLORS_REMEMBERED = 64
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
        return self._of.height if self._runs is None else self._runs.counted.height

    @property
    def width(self) -> int:
        return self._of.width if self._runs is None else self._runs.counted.width

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
        assert self._runs is not None  # noqa: S101 - the type checker's sake
        counts = np.zeros(len(self.classes) + 1, np.int64)
        np.add.at(counts, self._of.numbers, self._runs.counted.counts)  # -1, no class, is the last place
        return counts

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
        colors = as_color_map(color_map)
        known = None
        if colors is not None and len(runs.counted.colors) <= _COLORS_REMEMBERED:
            known = _remembered(runs.counted.colors.tobytes(), tuple(colors.items()), alpha, tuple(classes))
        if known is not None:
            return ClassMask(known, runs)
        classified = classify(ColorCounts(*runs.counted), colors, alpha=alpha, classes=classes)
        if len(classified.names) > MAX_CLASSES:
            raise MaskError(f"{len(classified.names)} classes; there is room for {MAX_CLASSES}")
    except MaskError as error:
        error.path = error.path or name or None
        raise
    return ClassMask(classified, runs)


@lru_cache(maxsize=1024)
def _remembered(
    colors: bytes, color_map: tuple[tuple[str, int], ...], alpha: AlphaRule, classes: tuple[str, ...]
) -> Classified | None:
    """What these colours mean, for masks that leave nothing to tell: most masks of a data set have the same few.

    Its counts are no mask's. None: something is to be told (unknown colours, doubtful pixels, an error), with places
    and numbers that only this mask has.
    """
    values = np.frombuffer(colors, np.uint32)
    ones = ColorCounts(1, len(values), values, np.ones(len(values), np.int64), np.arange(len(values)))
    try:
        found = classify(ones, ColorMap(color_map), alpha=alpha, classes=classes)
    except (MaskError, ArgumentError):
        return None
    return None if found.unknown_px or found.ambiguous_px or len(found.names) > MAX_CLASSES else found


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
