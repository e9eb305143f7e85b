"""A mask as class indexes: for comparing it with another one, and for looking at it on its image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from lvtools.dataset import ColorMap
from lvtools.errors import ArgumentError, MaskError
from lvtools.masks import engine
from lvtools.masks.areas import area_table
from lvtools.masks.classes import AlphaRule, Classified, Colors, UnknownColor, check_alpha, classify
from lvtools.masks.colors import MAX_COLORS, ColorCounts, MaskSource, count_bands, number_pixels, read_mask_bytes
from lvtools.masks.png import decode_png

UNKNOWN_INDEX = 255  # in an index array: a colour that is no class
MAX_CLASSES = 255  # 0..254, the background included; the service allowed 20
UNKNOWN_PAINT = 0xFF00FF  # magenta, so that a colour of no class is seen in an overlay whatever colour it has


class Mask:
    """A mask whose colours have been resolved to classes. Made by `read_mask`; immutable.

    Attributes
    ----------
    height, width : int
    classes : tuple of str
        What the indexes mean; the background is 0, always.
    color_map : ColorMap
        The map used; without one, the colours seen, named by their hex.
    alpha : str
        The rule used.
    ambiguous_px : int
        Pixels whose class depends on the alpha rule.
    unknown_px : int
        Pixels whose colour is no class; their index is 255.
    unknown : tuple of UnknownColor
        Each such colour, its pixels, and the row and column of its first pixel; most pixels first.
    """

    __slots__ = ("_classified", "_index")

    def __init__(self, classified: Classified, index: NDArray[np.uint8]) -> None:
        index.flags.writeable = False
        self._classified, self._index = classified, index

    @property
    def height(self) -> int:
        return self._classified.height

    @property
    def width(self) -> int:
        return self._classified.width

    @property
    def classes(self) -> tuple[str, ...]:
        return self._classified.names

    @property
    def color_map(self) -> ColorMap:
        return self._classified.color_map

    @property
    def alpha(self) -> AlphaRule:
        return self._classified.alpha

    @property
    def ambiguous_px(self) -> int:
        return self._classified.ambiguous_px

    @property
    def unknown_px(self) -> int:
        return self._classified.unknown_px

    @property
    def unknown(self) -> tuple[UnknownColor, ...]:
        return self._classified.unknown

    def __repr__(self) -> str:
        more = f", {self.unknown_px} px unknown" if self.unknown_px else ""
        return f"<Mask {self.height} x {self.width}, classes {list(self.classes)}{more}>"

    def index(self) -> NDArray[np.uint8]:
        """The class of each pixel: uint8, shape (height, width), read-only; 0 background, 255 unknown."""
        return self._index

    def areas(self) -> pa.Table:
        """Pixels per class, as `mask_areas` returns them; the rows follow `classes`."""
        return area_table(self._classified)

    def overlay(self, image_rgb: ArrayLike, opacity: float = 0.5) -> NDArray[np.uint8]:
        """Paint the classes over their image, for looking at.

        Parameters
        ----------
        image_rgb : array_like of uint8, shape (height, width, 3)
            R, G, B. OpenCV decodes to B, G, R: convert first.
        opacity : float
            0 shows the image, 1 the class colours.

        Returns
        -------
        ndarray of uint8, shape (height, width, 3)
            The background is left as it is; pixels of an unknown colour are magenta.

        Raises
        ------
        ArgumentError
            The image has another shape or type, or `opacity` is outside 0..1.
        """
        image = np.asarray(image_rgb)
        if image.dtype != np.uint8 or image.shape != (self.height, self.width, 3):
            raise ArgumentError(
                f"need a uint8 ({self.height}, {self.width}, 3) image, got {image.dtype} {image.shape}",
                hint="read the image this mask was drawn on, as RGB",
            )
        if not 0 <= opacity <= 1:
            raise ArgumentError(f"opacity {opacity} is outside 0..1")
        paint = np.zeros((256, 3), np.float32)
        for k, color in enumerate([*self._classified.colors[1:], UNKNOWN_PAINT], start=1):
            index = k if k < len(self.classes) else UNKNOWN_INDEX
            if color is not None:  # a class the map has not covers no pixel
                paint[index] = color >> 16, color >> 8 & 255, color & 255
        out = image.copy()
        chosen = self._index != 0
        mixed = image[chosen] * np.float32(1 - opacity) + paint[self._index[chosen]] * np.float32(opacity)
        out[chosen] = np.rint(mixed).astype(np.uint8)
        return out


def read_mask(
    png: MaskSource,
    color_map: Colors | None = None,
    *,
    alpha: AlphaRule = "opaque",
    classes: Sequence[str] | None = None,
) -> Mask:
    """Read a mask as class indexes.

    Parameters
    ----------
    png, color_map, alpha
        As in `mask_areas`.
    classes : sequence of str, optional
        The order of the indexes, so that two masks can be compared. `classes[0]` is the background's name: an entry of
        the map of that name is the background's, whatever its spelling. Every other class of the map must be in it; it
        may name classes that the map has not, they have 0 pixels.

    Raises
    ------
    MaskError
        It is no intact PNG, the map contradicts itself, there are more than 254 classes, or `alpha` is 'error' and
        matters.
    ObjectError
        The file cannot be read.
    ArgumentError
        `classes` and `color_map` do not go together.
    """
    check_alpha(alpha)
    data, name = read_mask_bytes(png)
    try:
        runs = engine.runs_of_png(data, MAX_COLORS)
        if runs is not None:
            counted = ColorCounts(*runs.counted)
        else:
            pixels = decode_png(data)
            counted = count_bands(pixels.shape[0], pixels.shape[1], [pixels])
        classified = classify(counted, color_map, alpha=alpha, classes=classes)
        if len(classified.names) > MAX_CLASSES:
            raise MaskError(
                f"{len(classified.names)} classes; an index array has room for {MAX_CLASSES}",
                hint="is this a photograph, or a mask resized with interpolation? mask_colors counts any colours",
            )
    except MaskError as error:
        error.path = error.path or name or None
        raise
    numbers = np.where(classified.numbers < 0, UNKNOWN_INDEX, classified.numbers).astype(np.uint8)
    if runs is not None:
        return Mask(classified, engine.paint_runs(runs, numbers))
    return Mask(classified, number_pixels(pixels, counted.colors, numbers))
