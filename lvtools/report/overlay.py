"""Paints class-index masks over pictures, and chooses which pictures are worth a look. No files, no HTML."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lvtools.errors import ArgumentError
from lvtools.masks.show import UNKNOWN_PAINT, paint_table, tint

UInt8Array = NDArray[np.uint8]

# Okabe and Ito's palette: told apart by colour-blind readers, on dark and bright pictures.
MISSED = 0xD55E00  # an anomaly in the truth, background in the prediction
FALSE_ALARM = 0xF0E442  # background in the truth, an anomaly in the prediction
OTHER_CLASS = 0xCC79A7  # an anomaly in both, of different classes
FOUND = 0x56B4E9  # the same class in both
UNKNOWN = UNKNOWN_PAINT  # a class index that nothing names
_DEFAULTS = (0x2CA02C, 0x1F77B4, 0xFF7F0E, 0xD62728, 0x9467BD, 0x8C564B, 0xE377C2, 0xBCBD22, 0x17BECF)


def class_colors(classes: Sequence[str], color_map: Mapping[str, int] | None = None) -> tuple[int, ...]:
    """The colour (0xRRGGBB) of each class index: the color map's, else one of a fixed series; 0 is the background."""
    known = color_map or {}
    return tuple(
        known.get(name, 0xFFFFFF if index == 0 else _DEFAULTS[(index - 1) % len(_DEFAULTS)])
        for index, name in enumerate(classes)
    )


def paint_mask(
    image: UInt8Array,
    mask: UInt8Array,
    colors: Sequence[int],
    *,
    opacity: float = 0.45,
    outline: int = 1,
    halo: bool = True,
) -> UInt8Array:
    """Lay a mask over a picture: a tint inside, the pure colour along the border.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
    mask : ndarray of uint8, shape (height, width)
        Class index of each pixel; 0 is the background and stays as it is. An index without colour is painted magenta.
    colors : sequence of int
        0xRRGGBB of each class index.
    opacity : float
        0..1, of the tint.
    outline : int
        Width of the border in pixels, inside the region; 0 for none.
    halo : bool
        Draw a white line of the same width around all regions, so that a green scratch shows on a green board.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        A new array.
    """
    _check(image, mask)
    table = paint_table(colors)
    out = tint(image, mask, table, opacity)
    border = _border(mask, outline)
    out[border] = table[mask[border]]
    if halo:
        out[_border((mask == 0).astype(np.uint8), outline)] = 255
    return out


def paint_errors(image: UInt8Array, truth: UInt8Array, prediction: UInt8Array, *, outline: int = 1) -> UInt8Array:
    """Mark what the prediction got wrong, pixel by pixel, on a greyed picture.

    Missed pixels are vermilion, false alarms yellow, pixels of another class pink, found ones blue (and fainter).
    """
    _check(image, truth)
    _check(image, prediction)
    kind = np.zeros(truth.shape, np.uint8)
    kind[(truth != 0) & (prediction == truth)] = 1
    kind[(truth != 0) & (prediction == 0)] = 2
    kind[(truth == 0) & (prediction != 0)] = 3
    kind[(truth != 0) & (prediction != 0) & (prediction != truth)] = 4
    grey = np.rint(image @ np.array([0.299, 0.587, 0.114]) * 0.7 + 40).astype(np.uint8)
    canvas = np.repeat(grey[:, :, None], 3, axis=2)
    found = paint_mask(canvas, np.where(kind == 1, kind, 0).astype(np.uint8), (0, FOUND), opacity=0.55, outline=0)
    wrong = np.where(kind > 1, kind, 0).astype(np.uint8)
    colors = (0, FOUND, MISSED, FALSE_ALARM, OTHER_CLASS)
    return paint_mask(found, wrong, colors, opacity=0.9, outline=outline, halo=False)


def pick_worst(
    images: Iterable[Mapping[str, Any]], limit: int = 12, *, threshold: float | None = None
) -> list[Mapping[str, Any]]:
    """Choose the rows of an evaluation's `images` that deserve a look, the worst first.

    The order, and nothing else decides it:

    1. wrong images, by how far the score lies on the wrong side of `threshold` (0.5 when there is none); without a
       score they follow those that have one;
    2. then right ones by rising IoU; without IoU they follow those that have one;
    3. then by falling number of wrong pixels;
    4. then by `source_ref` and `truth_line`, so that the same evaluation gives the same page.

    An image that is right, with every pixel right, is never chosen, even when `limit` is not reached. An image whose
    `correct` is null was not compared; it is chosen only for its pixels.
    """
    if limit < 0:
        raise ArgumentError(f"limit {limit} must not be negative")
    cut = 0.5 if threshold is None else threshold

    def key(row: Mapping[str, Any]) -> tuple[Any, ...]:
        wrong = row.get("correct") is False
        score, iou = _number(row.get("score")), _number(row.get("iou"))
        distance = abs(score - cut) if wrong and score is not None else -1.0
        return (
            not wrong,
            -distance,
            math.inf if iou is None else iou,
            -(_number(row.get("wrong_px")) or 0),
            str(row.get("source_ref")),
            row.get("truth_line") or 0,
        )

    faulty = (row for row in images if row.get("correct") is False or (_number(row.get("wrong_px")) or 0) > 0)
    return heapq.nsmallest(limit, faulty, key=key)  # sorted(faulty, key=key)[:limit], with `limit` rows in memory


def _number(value: object) -> float | None:
    """A finite number, or None."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _check(image: UInt8Array, mask: UInt8Array) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ArgumentError(f"need a non-empty uint8 (height, width, 3) picture, got {image.dtype} {image.shape}")
    if mask.dtype != np.uint8 or mask.shape != image.shape[:2]:
        raise ArgumentError(f"need a uint8 mask of {image.shape[:2]} like its picture, got {mask.dtype} {mask.shape}")


def _border(mask: UInt8Array, width: int) -> NDArray[np.bool_]:
    """The pixels of each region that lie within `width` of another class; the picture's edge is no border."""
    inner: NDArray[np.bool_] = mask != 0
    for _ in range(width):
        core = inner.copy()
        core[1:] &= inner[:-1] & (mask[1:] == mask[:-1])
        core[:-1] &= inner[1:] & (mask[:-1] == mask[1:])
        core[:, 1:] &= inner[:, :-1] & (mask[:, 1:] == mask[:, :-1])
        core[:, :-1] &= inner[:, 1:] & (mask[:, :-1] == mask[:, 1:])
        inner = core
    return np.asarray((mask != 0) & ~inner, np.bool_)
