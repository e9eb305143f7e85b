"""The areas of many masks at once: a batch of masks in, columns out, without a Python object per mask or colour.

`classify` settles one mask in some 60 us, twice what the engine needs to read a small one. The same rules stand here as
steps over all colours of a batch. They leave alone what is rare: a colour that is no class, a mask that `alpha='error'`
refuses, transparency without a map. Such a mask gets a verdict of False, and goes through `classify`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lvtools.dataset import WHITE, ColorMap, format_color
from lvtools.masks.classes import BACKGROUND_NAME, NO_COLOR, UNKNOWN, AlphaRule, is_visible, look_up, look_up_table
from lvtools.masks.engine import CountedMany


class Legend(NamedTuple):
    """A color map made ready for looking up many colours.

    Attributes
    ----------
    names : tuple of str
        The background first, then the classes in the map's order.
    shown : tuple of (str or None)
        '#rrggbb' of each; None for a background without an entry.
    has_background : bool
        The map has an entry for it.
    known : ndarray of uint32
        The colours in the map, ascending, and one that no pixel has.
    numbers : ndarray of int64
        The place in `names` of each of `known`.
    """

    names: tuple[str, ...]
    shown: tuple[str | None, ...]
    has_background: bool
    known: NDArray[np.uint32]
    numbers: NDArray[np.int64]

    @classmethod
    def of(cls, color_map: ColorMap) -> Legend:
        background = color_map.background
        names = (background or BACKGROUND_NAME, *(name for name in color_map if name != background))
        number = {color_map[name]: k for k, name in enumerate(names) if name in color_map}
        shown = tuple(format_color(color_map[name]) if name in color_map else None for name in names)
        return cls(names, shown, background is not None, *look_up_table(number))


class Rows(NamedTuple):
    """The rows of the masks that were settled: mask by mask, the background first.

    Attributes
    ----------
    settled : ndarray of bool, shape (masks,)
        The masks that have rows here.
    ambiguous_px : ndarray of int64, shape (masks,)
    mask : ndarray of int64, shape (rows,)
        Ascending.
    names, colors : list of (str or None)
        What `name` and `color` point into.
    name, color : ndarray of int64, shape (rows,)
    area_px, first : ndarray of int64, shape (rows,)
        `first` is the flat position of the first pixel, -1 when there is none.
    """

    settled: NDArray[np.bool_]
    ambiguous_px: NDArray[np.int64]
    mask: NDArray[np.int64]
    names: list[str]
    colors: list[str | None]
    name: NDArray[np.int64]
    color: NDArray[np.int64]
    area_px: NDArray[np.int64]
    first: NDArray[np.int64]


def settle(counted: CountedMany, legend: Legend | None, alpha: AlphaRule) -> Rows:
    """Classify the masks of a batch for which look-ups suffice; without a legend, by their own colours."""
    return _by_own_colors(counted) if legend is None else _by_legend(counted, legend, alpha)


def _by_legend(counted: CountedMany, legend: Legend, alpha: AlphaRule) -> Rows:
    masks, classes = len(counted.known), len(legend.names)
    mask = np.repeat(np.arange(masks), np.diff(counted.starts))
    rgb, opacity = counted.colors >> np.uint32(8), counted.colors & np.uint32(0xFF)
    visible = is_visible(opacity, alpha)
    number = look_up(rgb, legend.known, legend.numbers)

    ambiguous = np.zeros(masks, np.int64)
    faint = (opacity < 255) & (number > 0)
    np.add.at(ambiguous, mask[faint], counted.counts[faint])
    background = np.full(masks, NO_COLOR, np.uint32)
    if not legend.has_background:
        background = _find_backgrounds(mask, rgb, opacity, visible, number, background)
        number[(number == UNKNOWN) & (rgb == background[mask])] = 0
    number[~visible] = 0

    settled = counted.known.copy()
    settled[mask[number == UNKNOWN]] = False
    if alpha == "error":
        settled &= ambiguous == 0
    chosen = settled[mask]
    cell = mask[chosen] * classes + number[chosen]
    areas, first = np.zeros(masks * classes, np.int64), np.full(masks * classes, np.iinfo(np.int64).max)
    np.add.at(areas, cell, counted.counts[chosen])
    np.minimum.at(first, cell, counted.first[chosen])
    first[areas == 0] = -1

    kept = np.flatnonzero(settled)
    found, code = np.unique(background[kept], return_inverse=True)  # of maps without a background entry
    colors = [*legend.shown, *(None if one == NO_COLOR else format_color(int(one)) for one in found)]
    color = np.tile(np.arange(classes), len(kept)).reshape(-1, classes)
    if not legend.has_background:
        color[:, 0] = classes + code
    return Rows(
        settled,
        ambiguous,
        np.repeat(kept, classes),
        list(legend.names),
        colors,
        np.tile(np.arange(classes), len(kept)),
        color.ravel(),
        areas.reshape(masks, classes)[kept].ravel(),
        first.reshape(masks, classes)[kept].ravel(),
    )


def _find_backgrounds(
    mask: NDArray[np.int64],
    rgb: NDArray[np.uint32],
    opacity: NDArray[np.uint32],
    visible: NDArray[np.bool_],
    number: NDArray[np.int64],
    none: NDArray[np.uint32],
) -> NDArray[np.uint32]:
    """The background's colour in each mask, as `classes._find_background` finds it; `none` where there is none."""
    unlisted = visible & (number == UNKNOWN)
    least, most = none.copy(), np.zeros_like(none)
    np.minimum.at(least, mask[unlisted], rgb[unlisted])
    np.maximum.at(most, mask[unlisted], rgb[unlisted])
    transparent = np.zeros(len(none), np.bool_)
    transparent[mask[~visible & (opacity == 0)]] = True
    out = np.where((least == most) & ~transparent, least, none)
    out[mask[unlisted & (rgb == WHITE)]] = WHITE
    return out


def _by_own_colors(counted: CountedMany) -> Rows:
    """Without a map white is the background and every other colour a class, most pixels first, then first seen."""
    masks = len(counted.known)
    mask = np.repeat(np.arange(masks), np.diff(counted.starts))
    settled = counted.known.copy()
    settled[mask[counted.colors & np.uint32(0xFF) != 255]] = False
    rgb = counted.colors >> np.uint32(8)
    white, other = settled[mask] & (rgb == WHITE), settled[mask] & (rgb != WHITE)

    kept = np.flatnonzero(settled)
    classes = np.bincount(mask[other], minlength=masks)[kept]
    heads = np.cumsum(classes + 1) - classes - 1  # the row of each mask's background
    rows = len(kept) + int(classes.sum())
    rest = np.ones(rows, np.bool_)
    rest[heads] = False
    order = np.flatnonzero(other)
    order = order[np.lexsort((counted.first[order], -counted.counts[order], mask[order]))]
    found, code = np.unique(rgb[order], return_inverse=True)
    texts = [format_color(int(color)) for color in found]

    row_of = np.zeros(masks, np.int64)
    row_of[kept] = heads
    area, first = np.zeros(rows, np.int64), np.full(rows, -1)
    name, color = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    area[rest], first[rest] = counted.counts[order], counted.first[order]
    name[rest] = color[rest] = code + 2
    at = row_of[mask[white]]
    area[at], first[at], color[at] = counted.counts[white], counted.first[white], 1
    return Rows(
        settled,
        np.zeros(masks, np.int64),
        np.repeat(kept, classes + 1),
        [BACKGROUND_NAME, BACKGROUND_NAME, *texts],
        [None, format_color(WHITE), *texts],
        name,
        color,
        area,
        first,
    )
