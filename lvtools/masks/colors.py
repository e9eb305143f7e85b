"""How many pixels of each RGBA value a mask has, and where the first one lies. Knows no classes and no alpha rule."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lvtools._native import color_count
from lvtools.errors import ArgumentError, MaskError
from lvtools.masks import engine
from lvtools.masks.png import Pixels, Png, parse_png, read_bands, read_passes
from lvtools.objects import MAX_OBJECT_BYTES, open_source, origin_of

MaskSource: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | pa.Buffer

MAX_COLORS = 2**20  # 20 classes, each blended with each at 256 alphas, are 50,000: more is a photograph, not a mask
_START_COLORS = 256

_Number = TypeVar("_Number", np.uint32, np.int64)


class ColorCounts(NamedTuple):
    """The distinct RGBA values of a picture, in the order of their first pixel.

    Attributes
    ----------
    height, width : int
    colors : ndarray of uint32, shape (n,)
        0xRRGGBBAA.
    counts, first : ndarray of int64, shape (n,)
        Pixels of each, and the flat position (row * width + column) of the first one.
    """

    height: int
    width: int
    colors: NDArray[np.uint32]
    counts: NDArray[np.int64]
    first: NDArray[np.int64]


def read_mask_bytes(png: MaskSource) -> tuple[memoryview, str]:
    """The bytes of a mask, and the name messages give it; the name is empty for bytes.

    Raises
    ------
    ObjectError
        The file is missing or cannot be read.
    MaskError
        The file is larger than any mask.
    """
    if not isinstance(png, bytes) and isinstance(png, (str, os.PathLike)):
        name = origin_of(png)
        with open_source(png) as stream:
            data = stream.read(MAX_OBJECT_BYTES + 1)
        if len(data) > MAX_OBJECT_BYTES:
            raise MaskError(
                f"larger than {MAX_OBJECT_BYTES:,} bytes", path=name, hint="masks of these services end at 5 MB"
            )
        return memoryview(data), name
    try:
        return memoryview(png).cast("B"), ""
    except TypeError:
        raise ArgumentError(
            f"a {type(png).__name__} is no mask", hint="give a path, a URI or the PNG's bytes"
        ) from None


def count_mask(png: MaskSource) -> ColorCounts:
    """Count a mask's colours, in memory that does not grow with the picture: by the engine, else decoded in bands.

    Raises
    ------
    MaskError
        It is no intact PNG, or has more than `MAX_COLORS` colours.
    ObjectError
        The file cannot be read.
    """
    data, name = read_mask_bytes(png)
    found = engine.count_png(data, MAX_COLORS)
    return count_slowly(data, name) if found is None else ColorCounts(*found)


def count_slowly(data: memoryview, name: str = "") -> ColorCounts:
    """Count a mask's colours band by band: for what the engine leaves, and for the words about what is damaged."""
    try:
        parsed: Png = parse_png(data)
        header = parsed.header
        if header.interlaced:
            return _count_passes(parsed)
        return count_bands(header.height, header.width, (band for _, band in read_bands(parsed)))
    except MaskError as error:
        error.path = error.path or name or None
        raise


def _count_passes(png: Png) -> ColorCounts:
    """Count an interlaced picture pass by pass: its pixels are never put together."""
    height, width = png.header.height, png.header.width
    parts: list[ColorCounts] = []
    for (rows, columns, row, row_step, col, col_step), bands in read_passes(png):
        found = count_bands(rows, columns, bands)
        line, column = np.divmod(found.first, columns)
        parts.append(found._replace(first=(row + line * row_step) * width + col + column * col_step))
    colors, place = np.unique(np.concatenate([part.colors for part in parts]), return_inverse=True)
    if len(colors) > MAX_COLORS:
        raise _too_many_colors()
    counts, first = np.zeros(len(colors), np.int64), np.full(len(colors), height * width, np.int64)
    np.add.at(counts, place, np.concatenate([part.counts for part in parts]))
    np.minimum.at(first, place, np.concatenate([part.first for part in parts]))
    order = np.argsort(first)
    return ColorCounts(height, width, colors[order], counts[order], first[order])


def _too_many_colors() -> MaskError:
    return MaskError(
        f"more than {MAX_COLORS:,} colours: this is a photograph, not a mask",
        hint="was the mask saved as JPEG, or resized with interpolation?",
    )


def count_bands(height: int, width: int, bands: Iterable[Pixels]) -> ColorCounts:
    """Count the colours of a picture that comes as bands of whole rows, uint8 (rows, width, 4), from top to bottom.

    Raises
    ------
    MaskError
        There are more than `MAX_COLORS` colours.
    """
    multiplier = secrets.randbits(64) | 1
    colors = np.empty(_START_COLORS, np.uint32)
    counts, first = np.empty(_START_COLORS, np.int64), np.empty(_START_COLORS, np.int64)
    slots = np.full(2 * _START_COLORS, -1, np.int32)
    used = offset = 0
    for band in bands:
        start, total = 0, band.shape[0] * band.shape[1]
        while True:
            start, used = color_count.count_colors(band, start, offset, multiplier, slots, colors, counts, first, used)
            _check_use(start)
            if start == total:
                break
            if used >= MAX_COLORS:
                raise _too_many_colors()
            colors, counts, first = _grown(colors), _grown(counts), _grown(first)
            slots = np.full(4 * used, -1, np.int32)
            _check_use(color_count.index_colors(colors, used, multiplier, slots))
        offset += total
    return ColorCounts(height, width, colors[:used].copy(), counts[:used].copy(), first[:used].copy())


def number_pixels(pixels: Pixels, colors: NDArray[np.uint32], numbers: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give each pixel the number of its colour: uint8 (height, width, 4) in, uint8 (height, width) out.

    `colors` must hold every RGBA value of `pixels`, in any order.
    """
    order = np.argsort(colors)
    out = np.empty(pixels.shape[:2], np.uint8)
    stray = color_count.number_colors(pixels, colors[order], numbers[order], out)
    _check_use(stray)
    if stray >= 0:
        raise AssertionError(f"pixel {stray} has a colour that was not counted")
    return out


def mask_colors(png: MaskSource) -> dict[int, int]:
    """Count the pixels of each colour, alpha ignored: the bare kernel, before any rule.

    Parameters
    ----------
    png : str, PathLike or bytes-like
        A path or URI, or the PNG's bytes.

    Returns
    -------
    dict of int to int
        0xRRGGBB to pixels, in the order of first sight from the top left; the counts add up to height * width. Mind
        that transparent pixels have a colour too: in AWS's own cookie masks 38,153 of them have that of the class.

    Raises
    ------
    MaskError
        It is no intact PNG, or has more than `MAX_COLORS` colours.
    ObjectError
        The file cannot be read.
    """
    data, name = read_mask_bytes(png)
    found = engine.colors_of_png(data, MAX_COLORS)
    if found is not None:
        return found
    counted = count_slowly(data, name)
    seen: dict[int, int] = {}
    for color, count in zip((counted.colors >> np.uint32(8)).tolist(), counted.counts.tolist(), strict=True):
        seen[color] = seen.get(color, 0) + count
    return seen


def _grown(values: NDArray[_Number]) -> NDArray[_Number]:
    """A copy with twice the room."""
    out = np.empty(2 * len(values), values.dtype)
    out[: len(values)] = values
    return out


def _check_use(code: int) -> None:
    if code == color_count.MISUSE:
        raise AssertionError("a kernel of lvtools was called with shapes that do not belong together")
