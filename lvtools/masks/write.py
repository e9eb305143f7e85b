"""Masks and class indexes to PNG: which colour every class gets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lvtools.dataset import ColorMap, format_color, parse_color
from lvtools.errors import ArgumentError
from lvtools.masks.classes import BACKGROUND_NAME, as_color_map
from lvtools.masks.encode import default_colors, encode_runs, paints
from lvtools.masks.mask import UNKNOWN_INDEX, Mask
from lvtools.masks.runs import RunLists, runs_of_array
from lvtools.objects import write_object


def write_mask(
    mask: Mask | ArrayLike,
    path: str | os.PathLike[str] | None = None,
    *,
    colors: Mapping[str, int | str] | Sequence[int | str] | None = None,
    rgb: bool = False,
    fast: bool = False,
) -> bytes:
    """Write a mask as a small PNG: opaque, without loss, the same bytes for the same mask.

    Parameters
    ----------
    mask : Mask, or array_like of integers 0..254 or bool, shape (height, width)
        A mask, or the class index of each pixel; 0 is the background.
    path : str or PathLike, optional
        A file or URI to write to, atomically.
    colors : mapping of str to colour, or sequence of colours, optional
        Class name to 0xRRGGBB or '#rrggbb'. The indexes of an array are the background and then the other classes in
        the map's order, as in `read_mask(png, colors).index()`. Or the colour of each index. By default a mask keeps
        its colours, and an array gets those of AWS's edge runtime: white, #23a436, #14a3b3, #f76902, then others.
        A background without a colour becomes white. Pixels of unknown colours keep their colour.
    rgb : bool
        Write R, G, B as the service did, instead of a palette whose entry k is the colour of class k.
    fast : bool
        About ten times faster, and up to a third larger.

    Returns
    -------
    bytes
        The PNG, also when it was written to `path`.

    Raises
    ------
    ArgumentError
        `mask` is no mask, a class or index that occurs has no colour, or two have the same one.
    ObjectError
        `path` cannot be written.
    """
    if isinstance(mask, Mask):
        lists = mask.run_lists()
        names: Sequence[str] = mask.classes
        unknown = [parse_color(one.color) for one in mask.unknown]
        given = mask._classified.colors if colors is None else _colors_of(colors, names)
    else:
        lists, unknown = runs_of_array(_index_of(mask)), []
        named = as_color_map(colors) if isinstance(colors, Mapping) else None
        names = [] if named is None else [named.background or BACKGROUND_NAME, *named.anomaly_classes]
        count = int(lists.numbers.max()) + 1
        given = default_colors(count) if colors is None else _colors_of(colors, names)
    paint = _checked(lists, given, unknown, names)
    data = encode_runs(lists, paint, rgb=rgb, fast=fast)
    if path is not None:
        write_object(path, data)
    return data


def _colors_of(colors: Mapping[str, int | str] | Sequence[int | str], names: Sequence[str]) -> tuple[int | None, ...]:
    """The colour of each class; None where the map has no such class."""
    if isinstance(colors, Mapping):
        color_map = ColorMap(colors)
        background = color_map.get(names[0], color_map[color_map.background] if color_map.background else None)
        return (background, *(color_map.get(name) for name in names[1:]))
    if isinstance(colors, (str, bytes)):
        raise ArgumentError(f"colors={colors!r}", hint="one colour for each index, ['#ffffff', '#23a436'], or a map")
    return tuple(parse_color(color) for color in colors)


def _checked(lists: RunLists, given: Sequence[int | None], unknown: Sequence[int], names: Sequence[str]) -> list[int]:
    """The colour of each number of the lists, no two the same; the background's is found when none is given.

    Raises
    ------
    ArgumentError
        A number that occurs has no colour, or not one of its own.
    """
    counts, first = lists.tally(max(int(lists.numbers.max()) + 1, len(given) + len(unknown)))
    known = len(counts) - len(unknown)
    wanted = [*given, *[None] * (known - len(given))]
    for k in np.flatnonzero(counts[:known]).tolist():
        if wanted[k] is None and k:
            row, col = divmod(int(first[k]), lists.width)
            called = f"the class {names[k]!r}" if k < len(names) else f"the index {k}"
            raise ArgumentError(
                f"{called} has no colour; {counts[k]:,} pixels have it, the first at row {row}, column {col}",
                hint="give it one in colors=",
            )
    colors = paints([*wanted, *unknown])
    seen: dict[int, int] = {}
    for k, color in enumerate(colors):
        if color in seen and (counts[k] or k < len(given)):
            raise ArgumentError(
                f"{format_color(color)} would be the colour of two classes", hint="give each index a colour of its own"
            )
        seen[color] = k
    return colors


def _index_of(mask: ArrayLike) -> NDArray[np.integer]:
    index = np.asarray(mask)
    if index.dtype == np.bool_:
        index = index.view(np.uint8)
    if index.dtype.kind not in "iu" or index.ndim != 2 or index.size == 0:
        raise ArgumentError(
            f"need a Mask or a non-empty (height, width) array of class indexes, got {index.dtype} {index.shape}",
            hint="a picture in colours is read with read_mask",
        )
    low, high = int(index.min()), int(index.max())
    if low < 0 or high >= UNKNOWN_INDEX:
        raise ArgumentError(
            f"class indexes are 0..254, found {low if low < 0 else high}", hint="255 stands for unknown"
        )
    return index.astype(np.uint8, copy=False)
