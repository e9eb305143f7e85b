"""Which class each colour of a mask belongs to: the alpha rule, the color map, and how the background is found.

Works on the few distinct colours of a picture, never on its pixels.

The background is never "index 0": AWS's own data names the class `cracked` by "0" and has no background entry (manifest
formats, 2.4). It is what the map calls BACKGROUND, in any case; what is transparent; and, when the map has no such
entry, white if white is there, else the single colour without an entry, provided that no pixel is background by
transparency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from lvtools.dataset import WHITE, ColorMap, format_color, parse_color
from lvtools.errors import ArgumentError, MaskError
from lvtools.masks.colors import ColorCounts

AlphaRule: TypeAlias = Literal["opaque", "any", "ignore", "error"]
Colors: TypeAlias = Mapping[str, int | str]

ALPHA_RULES: tuple[AlphaRule, ...] = get_args(AlphaRule)
OPAQUE_FROM = 128  # "opaque": at least half; alpha 127 of 255 is less than half
BACKGROUND_NAME = "background"  # as DetectAnomalies answers it, where the map has no name for it
UNKNOWN = -1
NO_COLOR = 1 << 24  # above every 0xRRGGBB


class UnknownColor(NamedTuple):
    """A colour that is neither a class nor the background: '#rrggbb', its pixels, and where the first one lies."""

    color: str
    area_px: int
    row: int
    col: int


@dataclass(frozen=True)
class Classified:
    """What the colours of one mask mean.

    Attributes
    ----------
    names : tuple of str
        The classes, the background first.
    colors : tuple of (int or None)
        0xRRGGBB of each; None when there is none, as for a background that is transparent and has no entry.
    area_px, first : ndarray of int64, shape (len(names),)
        Pixels of each class; flat position of the first one, -1 when there is none.
    unknown : tuple of UnknownColor
        Most pixels first.
    ambiguous_px : int
        Pixels whose class depends on the alpha rule: alpha below 255 and the colour of a class other than background.
    color_map : ColorMap
        The map used; without one, what the mask itself shows.
    numbers : ndarray of int64
        For each of the counted colours the position in `names`, or `UNKNOWN`.
    """

    height: int
    width: int
    alpha: AlphaRule
    names: tuple[str, ...]
    colors: tuple[int | None, ...]
    area_px: NDArray[np.int64]
    first: NDArray[np.int64]
    unknown: tuple[UnknownColor, ...]
    ambiguous_px: int
    color_map: ColorMap
    numbers: NDArray[np.int64]

    @property
    def unknown_px(self) -> int:
        return sum(one.area_px for one in self.unknown)


def check_alpha(alpha: str) -> None:
    """Refuse what is no alpha rule."""
    if alpha not in ALPHA_RULES:
        raise ArgumentError(f"alpha={alpha!r} is no rule", hint=f"one of {', '.join(ALPHA_RULES)}")


def is_visible(opacity: NDArray[np.uint32], alpha: AlphaRule) -> NDArray[np.bool_]:
    """Do pixels of this alpha, 0..255, belong to their colour?"""
    if alpha == "ignore":
        return np.ones(opacity.shape, np.bool_)
    return opacity >= OPAQUE_FROM if alpha == "opaque" else opacity > 0


def look_up_table(number: Mapping[int, int]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Colours in ascending order and their numbers, as `look_up` takes them; the last one is the colour of no pixel."""
    known = sorted(number)
    return np.array([*known, NO_COLOR], np.uint32), np.array([*(number[color] for color in known), UNKNOWN], np.int64)


def look_up(rgb: NDArray[np.uint32], known: NDArray[np.uint32], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of each 0xRRGGBB, or `UNKNOWN`; a step per colour would take minutes for a photograph."""
    place = np.searchsorted(known, rgb)
    return np.where(known[place] == rgb, numbers[place], UNKNOWN)


def as_color_map(color_map: Colors | None) -> ColorMap | None:
    """A ColorMap of what a caller may give for one."""
    if color_map is None or isinstance(color_map, ColorMap):
        return color_map
    if not isinstance(color_map, Mapping):
        raise ArgumentError(f"a {type(color_map).__name__} is no color map", hint="give {'crack': '#23a436'}")
    return ColorMap(color_map)


def classify(
    counted: ColorCounts,
    color_map: Colors | None = None,
    *,
    alpha: AlphaRule = "opaque",
    classes: Sequence[str] | None = None,
) -> Classified:
    """Give every colour of a mask a class, the background, or the word unknown.

    Parameters
    ----------
    counted : ColorCounts
        The distinct colours.
    color_map : ColorMap or mapping of str to int or '#rrggbb', optional
        Without one the background is what is transparent or white, and every other colour is a class named by its hex.
    alpha : {'opaque', 'any', 'ignore', 'error'}
        A pixel belongs to its colour when alpha >= 128; when alpha > 0; always; or as 'any', but raise when a class
        depends on it. Else it is background.
    classes : sequence of str, optional
        The order of the classes; the first one names the background.

    Raises
    ------
    MaskError
        `alpha` is 'error' and a pixel's class depends on the rule, or `color_map` is contradictory.
    ArgumentError
        `alpha` is no rule, or `classes` leaves out or repeats a class.
    """
    check_alpha(alpha)
    written = as_color_map(color_map)
    rgb, opacity = counted.colors >> np.uint32(8), counted.colors & np.uint32(0xFF)
    visible = is_visible(opacity, alpha)
    if written is None and classes is None:
        implied = _colors_by_area(counted, visible)
        written = ColorMap((format_color(color), color) for color in implied)
        # A colour seen only below the threshold is as much in doubt as one that is also seen above it.
        doubtful = set(rgb[opacity > 0].tolist()) - {WHITE}
        background_color: int | None = WHITE
        names: tuple[str, ...] = (BACKGROUND_NAME, *written)
    else:
        if written is None:
            written = _map_of_names(classes or ())
            background_color = WHITE
            background = None
        else:
            background = _background_of(written, classes)
            background_color = None if background is None else written[background]
        names = _order(written, background, classes)
        doubtful = {color for name, color in written.items() if name != background}

    number = {written[name]: k for k, name in enumerate(names) if k and name in written}
    numbers = look_up(rgb, *look_up_table(number))
    if background_color is None:
        transparent = bool((~visible & (opacity == 0)).any())
        background_color = _find_background(rgb[visible & (numbers == UNKNOWN)], transparent)
    if background_color is not None:
        numbers[(rgb == background_color) & (numbers == UNKNOWN)] = 0
    numbers[~visible] = 0

    faint = (opacity < 255) & np.isin(rgb, np.array(sorted(doubtful), np.uint32))
    ambiguous_px = int(counted.counts[faint].sum())
    if alpha == "error" and ambiguous_px:
        row, col = divmod(int(counted.first[faint].min()), counted.width)
        raise MaskError(
            f"{ambiguous_px:,} pixels belong to a class or not, depending on how alpha is read; "
            f"the first is at row {row}, column {col}",
            hint="choose: alpha 'opaque' (>= 128), 'any' (> 0) or 'ignore'",
        )
    areas, first = tally(counted, numbers, len(names))
    shown: list[int | None] = [background_color if _is_seen(background_color, rgb, numbers, written) else None]
    shown += [written.get(name) for name in names[1:]]
    return Classified(
        counted.height,
        counted.width,
        alpha,
        names,
        tuple(shown),
        areas,
        first,
        _unknown_colors(counted, rgb, numbers),
        ambiguous_px,
        written,
        numbers,
    )


def tally(
    counted: ColorCounts, numbers: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels of each class, and the flat position of its first one, -1 when there is none; by its colours' numbers."""
    areas, first = np.zeros(classes, np.int64), np.full(classes, counted.height * counted.width, np.int64)
    known = numbers >= 0
    np.add.at(areas, numbers[known], counted.counts[known])
    np.minimum.at(first, numbers[known], counted.first[known])
    first[areas == 0] = -1
    return areas, first


def _background_of(color_map: ColorMap, classes: Sequence[str] | None) -> str | None:
    """The map's entry for the background: what `classes` puts first, else what is called so."""
    if classes and classes[0] in color_map:
        return classes[0]
    return color_map.background


def _order(color_map: ColorMap, background: str | None, classes: Sequence[str] | None) -> tuple[str, ...]:
    others = tuple(name for name in color_map if name != background)
    if classes is None:
        return (background or BACKGROUND_NAME, *others)
    names = tuple(classes)
    if isinstance(classes, str) or not names or len(set(names)) != len(names):
        raise ArgumentError(f"classes={classes!r}: name each class once, the background first")
    missing = [name for name in others if name not in names[1:]]
    if missing or background in names[1:]:
        raise ArgumentError(
            f"classes={names!r} and the color map {color_map!r} do not go together",
            hint=f"name the background first, then all of {', '.join(map(repr, others)) or 'the classes'}",
        )
    return names


def _map_of_names(classes: Sequence[str]) -> ColorMap:
    """Without a map, classes are named by their colours."""
    try:
        return ColorMap((name, parse_color(name)) for name in classes[1:])
    except MaskError as error:
        raise ArgumentError(f"classes without a color map: {error.message}", hint=error.hint) from None


def _find_background(unlisted: NDArray[np.uint32], transparent: bool) -> int | None:
    """The background's colour in a mask whose map names none, from the visible colours that no class has."""
    found = np.unique(unlisted)
    if WHITE in found:
        return WHITE
    return int(found[0]) if len(found) == 1 and not transparent else None


def _is_seen(color: int | None, rgb: NDArray[np.uint32], numbers: NDArray[np.int64], color_map: ColorMap) -> bool:
    """Has the background row this colour: because the map says so, or because pixels have it?"""
    return color is not None and (color in color_map.values() or bool(((rgb == color) & (numbers == 0)).any()))


def _colors_by_area(counted: ColorCounts, chosen: NDArray[np.bool_]) -> list[int]:
    """The distinct RGB of the chosen colours without white, most pixels first, then first seen."""
    colors, counts, first = _by_rgb(counted, chosen)
    return [int(color) for color in colors[np.lexsort((first, -counts))] if color != WHITE]


def _unknown_colors(
    counted: ColorCounts, rgb: NDArray[np.uint32], numbers: NDArray[np.int64]
) -> tuple[UnknownColor, ...]:
    colors, counts, first = _by_rgb(counted, numbers == UNKNOWN)
    return tuple(
        UnknownColor(format_color(int(colors[k])), int(counts[k]), *divmod(int(first[k]), counted.width))
        for k in np.lexsort((first, -counts))
    )


def _by_rgb(
    counted: ColorCounts, chosen: NDArray[np.bool_]
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
    """Join the chosen colours over alpha: RGB, pixels, first position."""
    colors, place = np.unique(counted.colors[chosen] >> np.uint32(8), return_inverse=True)
    counts, first = np.zeros(len(colors), np.int64), np.full(len(colors), np.iinfo(np.int64).max, np.int64)
    np.add.at(counts, place, counted.counts[chosen])
    np.minimum.at(first, place, counted.first[chosen])
    return colors, counts, first
