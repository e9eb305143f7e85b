"""Two masks against each other, without files that name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lvtools.dataset import is_background
from lvtools.errors import ArgumentError
from lvtools.evaluation.pixels import BACKGROUND_NAME, Index
from lvtools.masks import AlphaRule, Mask, read_mask
from lvtools.metrics import ConfusionMatrix, PixelState


def pixel_confusion(
    truth: Any, prediction: Any, color_map: Mapping[str, int | str] | None = None, *, alpha: AlphaRule = "opaque"
) -> ConfusionMatrix:
    """Compare two masks pixel by pixel.

    Parameters
    ----------
    truth, prediction : PNG bytes, path, URI, or ndarray of uint8, shape (height, width)
        Arrays are class indexes: positions in `color_map`, or codes named '0', '1', ... without one; 255 is
        '(unknown)'.
    color_map : mapping of str to int or str, optional
        Class name to 0xRRGGBB or '#rrggbb'. The background is put first. Without it the classes of PNGs are their
        colours.

    Returns
    -------
    ConfusionMatrix
        Rows truth, columns prediction; `iou()`, `f1()`, `dice()` per class.

    Raises
    ------
    MaskError
        The sizes differ, or a mask cannot be read.
    """
    arrays = [isinstance(side, np.ndarray) for side in (truth, prediction)]
    if any(arrays) and not all(arrays) and color_map is None:
        raise ArgumentError(
            "an index array and a PNG cannot be compared without a color map", hint="pass color_map={name: colour}"
        )
    if all(arrays):
        highest = max((int(side[side != 255].max(initial=0)) for side in (truth, prediction)), default=0)
        classes = _index_classes(color_map) if color_map is not None else tuple(map(str, range(highest + 1)))
        return PixelState.of(truth, prediction, classes).pooled
    if color_map is None:
        seen = [read_mask(side, None, alpha=alpha) for side in (truth, prediction)]
        names = dict.fromkeys(name for mask in seen for name in mask.classes)
        classes = (BACKGROUND_NAME, *(name for name in names if not is_background(name)))
        indexes = [_renumbered(mask, classes) for mask in seen]
    else:
        classes = _index_classes(color_map)
        indexes = [
            side if is_array else read_mask(side, color_map, alpha=alpha, classes=classes).index()
            for side, is_array in zip((truth, prediction), arrays, strict=True)
        ]
    return PixelState.of(indexes[0], indexes[1], classes).pooled


def _index_classes(color_map: Mapping[str, Any]) -> tuple[str, ...]:
    own = next((name for name in color_map if is_background(name)), BACKGROUND_NAME)
    return (own, *(name for name in color_map if name != own))


def _renumbered(mask: Mask, classes: Sequence[str]) -> Index:
    table = np.full(256, 255, np.uint8)
    for at, name in enumerate(mask.classes):
        table[at] = 0 if is_background(name) else classes.index(name)
    return table[mask.index()]
