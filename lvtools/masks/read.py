"""From a mask's bytes to a Mask: by the engine's run lists, else by way of pixels; never by both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from lvtools.dataset import ColorMap, format_color
from lvtools.errors import ArgumentError, MaskError
from lvtools.masks import engine
from lvtools.masks.classes import AlphaRule, Classified, Colors, as_color_map, check_alpha, classify, tally
from lvtools.masks.colors import MAX_COLORS, ColorCounts, MaskSource, count_bands, read_mask_bytes
from lvtools.masks.mask import Mask
from lvtools.masks.png import Pixels, decode_png
from lvtools.masks.runs import Int32s, RunLists, runs_of_array

MAX_CLASSES = 255  # 0..254, the background included; the service allowed 20
_COLORS_REMEMBERED = 64


def read_mask(
    png: MaskSource,
    color_map: Colors | None = None,
    *,
    alpha: AlphaRule = "opaque",
    classes: Sequence[str] | None = None,
) -> Mask:
    """Read a mask as runs of classes.

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
        return mask_of(*decode_runs(data), color_map, alpha=alpha, classes=classes)
    except MaskError as error:
        error.path = error.path or name or None
        raise


def mask_of(
    counted: ColorCounts,
    lists: RunLists,
    color_map: Colors | None,
    *,
    alpha: AlphaRule,
    classes: Sequence[str] | None = None,
) -> Mask:
    """The mask of a picture's colours and of its runs, which are numbered by them; errors as of `read_mask`."""
    classified = _known(counted, as_color_map(color_map), alpha, classes)
    if classified is None:
        classified = classify(counted, color_map, alpha=alpha, classes=classes)
    if len(classified.names) > MAX_CLASSES:
        raise MaskError(
            f"{len(classified.names)} classes; an index array has room for {MAX_CLASSES}",
            hint="is this a photograph, or a mask resized with interpolation? mask_colors counts any colours",
        )
    return Mask(classified, lists, number_table(counted, classified))


def _known(
    counted: ColorCounts, color_map: ColorMap | None, alpha: AlphaRule, classes: Sequence[str] | None
) -> Classified | None:
    """`classify` for a mask whose very colours were met before and left nothing to tell; None: ask that one."""
    if color_map is None or isinstance(classes, str) or len(counted.colors) > _COLORS_REMEMBERED:
        return None
    names = None if classes is None else tuple(classes)
    known = _remembered(counted.colors.tobytes(), tuple(color_map.items()), alpha, names)
    if known is None:
        return None
    areas, first = tally(counted, known.numbers, len(known.names))
    return replace(known, height=counted.height, width=counted.width, area_px=areas, first=first, color_map=color_map)


@lru_cache(maxsize=1024)
def _remembered(
    colors: bytes, color_map: tuple[tuple[str, int], ...], alpha: AlphaRule, classes: tuple[str, ...] | None
) -> Classified | None:
    """What these colours mean: most masks of a data set have the same few. Its counts are no mask's.

    None: something is to be told (unknown colours, doubtful pixels, an error), with places and numbers of one mask.
    """
    values = np.frombuffer(colors, np.uint32)
    ones = ColorCounts(1, len(values), values, np.ones(len(values), np.int64), np.arange(len(values)))
    try:
        found = classify(ones, ColorMap(color_map), alpha=alpha, classes=classes)
    except (MaskError, ArgumentError):
        return None
    return None if found.unknown_px or found.ambiguous_px else found


def decode_runs(data: memoryview) -> tuple[ColorCounts, RunLists]:
    """The colours of a PNG, and its runs numbered by them.

    Raises
    ------
    MaskError
        It is no intact PNG, or has more than `MAX_COLORS` colours.
    """
    runs = engine.runs_of_png(data, MAX_COLORS)
    if runs is not None:
        counted = ColorCounts(*runs.counted)
        return counted, RunLists(counted.height, counted.width, runs.ends, runs.numbers, runs.starts, runs.rows)
    return runs_of_pixels(decode_png(data))


def runs_of_pixels(pixels: Pixels) -> tuple[ColorCounts, RunLists]:
    """The colours of a picture, uint8 (height, width, 4) of R, G, B, A, and its runs numbered by them."""
    height, width = pixels.shape[:2]
    counted = count_bands(height, width, [pixels])
    lists = runs_of_array(pixels.view(np.int32)[:, :, 0])  # a pixel's four bytes as one number, whatever it is
    # 0xRRGGBBAA as the bytes R, G, B, A lie in memory.
    values = counted.colors.astype(">u4").view(np.int32)
    order = np.argsort(values)
    numbers = order[np.searchsorted(values[order], lists.numbers)].astype(np.int32)
    return counted, lists._replace(numbers=numbers)


def number_table(counted: ColorCounts, classified: Classified) -> Int32s:
    """For each counted colour its class, or behind the classes its place among the unknown colours."""
    place = {one.color: len(classified.names) + k for k, one in enumerate(classified.unknown)}
    table = classified.numbers.astype(np.int32)
    for k in np.flatnonzero(classified.numbers < 0).tolist():
        table[k] = place[format_color(int(counted.colors[k]) >> 8)]
    return table
