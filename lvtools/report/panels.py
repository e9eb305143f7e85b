"""Pictures for the page: the image, truth and prediction over it, and the wrong pixels, as small JPEGs in the page."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lvtools.errors import ArgumentError
from lvtools.images import encode_jpeg, thumbnail
from lvtools.report import overlay
from lvtools.report.figures import Made

UInt8Array = NDArray[np.uint8]

MAX_PICTURE_SIDE = 480  # shown at some 300 CSS pixels; twelve rows of four panels stay near one megabyte


class Picture(NamedTuple):
    """An image with what was drawn and what was predicted, as arrays; what is absent is None.

    `truth` and `prediction` are uint8 class indexes of shape (height, width); they fit `image`, and without it each
    other.
    """

    source_ref: str
    image: UInt8Array | None
    truth: UInt8Array | None
    prediction: UInt8Array | None


def panels_of(picture: Picture, classes: Sequence[str], color_map: Mapping[str, int] | None) -> dict[str, Any]:
    """Up to four pictures: the image, the truth and the prediction over it, and the wrong pixels."""
    base = picture.image
    if base is None:
        shape = next((mask.shape for mask in (picture.truth, picture.prediction) if mask is not None), None)
        base = None if shape is None else np.full((*shape, 3), 128, np.uint8)
    panels: list[dict[str, str]] = []
    if base is not None:
        colors = overlay.class_colors(classes, color_map)
        outline = max(1, math.ceil(max(base.shape[:2]) / MAX_PICTURE_SIDE * 1.2))  # still seen when shrunk
        if picture.image is not None:
            panels.append(_panel("image", base, f"the image {picture.source_ref}"))
        for name, mask in (("truth", picture.truth), ("prediction", picture.prediction)):
            if mask is not None:
                painted = overlay.paint_mask(base, mask, colors, outline=outline)
                panels.append(_panel(name, painted, f"{name}: {_contents(mask, classes)}"))
        if picture.truth is not None and picture.prediction is not None:
            truth, prediction = _comparable(picture.truth, picture.prediction, len(classes) or 256)
            painted = overlay.paint_errors(base, truth, prediction, outline=outline)
            wrong = int(np.count_nonzero(truth != prediction))
            panels.append(_panel("wrong pixels", painted, f"{wrong:,} wrong pixels"))
    return {"ref": picture.source_ref, "panels": panels}


def _comparable(truth: UInt8Array, prediction: UInt8Array, classes: int) -> tuple[UInt8Array, UInt8Array]:
    """Both masks with background where either has an index of no class: such a pixel is neither right nor wrong."""
    if truth.shape != prediction.shape:
        raise ArgumentError(f"the truth is {truth.shape}, the prediction {prediction.shape}: they must be equal")
    known = (truth < classes) & (prediction < classes)
    return truth * known, prediction * known


def _panel(name: str, rgb: UInt8Array, alt: str) -> dict[str, str]:
    small = thumbnail(rgb, MAX_PICTURE_SIDE)
    data = base64.b64encode(encode_jpeg(small, 82)).decode()
    return {"name": name, "alt": alt, "uri": Made(f"data:image/jpeg;base64,{data}"), "height": str(small.shape[0]),
            "width": str(small.shape[1])}  # fmt: skip


def _contents(mask: UInt8Array, classes: Sequence[str]) -> str:
    counts = np.bincount(mask.ravel(), minlength=1)
    found = [
        f"{classes[index] if index < len(classes) else 'no class'} {n / mask.size:.2%}"
        for index, n in enumerate(counts.tolist())
        if index and n
    ]
    return ", ".join(found) if found else "no anomaly"
