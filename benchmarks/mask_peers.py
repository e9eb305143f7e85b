"""What people write to count the colours of a mask, and the inflate alone; all optional but OpenCV and Pillow."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.mask_files import Bytes
from lvtools.masks import engine, png
from lvtools.masks.read import decode_runs


def optional(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ImportError:
        return None


imagecodecs, pyspng, numba = optional("imagecodecs"), optional("pyspng"), optional("numba")


def packed(rgb: Bytes) -> NDArray[np.uint32]:
    wide = rgb.astype(np.uint32)
    return wide[:, :, 0] << 16 | wide[:, :, 1] << 8 | wide[:, :, 2]


def unique(rgb: Bytes) -> dict[int, int]:
    return dict(zip(*(part.tolist() for part in np.unique(packed(rgb), return_counts=True)), strict=True))


def decode(data: bytes) -> Bytes:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)  # type: ignore[return-value]


def cv2_unique(data: bytes) -> dict[int, int]:
    return unique(decode(data)[:, :, ::-1])


def pillow_colors(data: bytes) -> dict[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        return {r << 16 | g << 8 | b: n for n, (r, g, b) in image.getcolors(2**24)}  # type: ignore[union-attr,misc]


def run_counter() -> Callable[[Bytes], dict[int, int]]:
    """What a good user writes with numba: runs of equal pixels into a dict."""
    assert numba is not None

    @numba.njit(cache=False)  # type: ignore[untyped-decorator]
    def count(rgb: Bytes) -> Any:
        found = numba.typed.Dict.empty(numba.int64, numba.int64)
        last, run = -1, 0
        for row in range(rgb.shape[0]):
            for col in range(rgb.shape[1]):
                value = rgb[row, col, 0] * 65536 + rgb[row, col, 1] * 256 + rgb[row, col, 2]
                if value == last:
                    run += 1
                else:
                    if run:
                        found[last] = found.get(last, 0) + run
                    last, run = value, 1
        found[last] = found.get(last, 0) + run
        return found

    return lambda rgb: {int(k): int(v) for k, v in count(rgb).items()}


def full_peers(data: bytes) -> dict[str, Callable[[], dict[int, int]]]:
    """Those that give the same answer for RGB."""
    peers: dict[str, Callable[[], dict[int, int]]] = {
        "cv2 + np.unique": lambda: cv2_unique(data),
        "Pillow getcolors": lambda: pillow_colors(data),
    }
    if numba is not None:
        counter = run_counter()
        peers["cv2 + numba runs"] = lambda: counter(decode(data)[:, :, ::-1])
        if pyspng is not None:
            peers["pyspng + numba runs"] = lambda: counter(pyspng.load(data))
    if imagecodecs is not None:
        peers["imagecodecs + np.unique"] = lambda: unique(imagecodecs.png_decode(data))
    return peers


def zlib_stream(data: bytes) -> tuple[bytes, int]:
    parsed = png.parse_png(data)
    return b"".join(bytes(body) for _, body in parsed.idat), parsed.header.raw_bytes()


def pair(one: bytes, other: bytes) -> NDArray[np.int64]:
    (first, ours), (second, theirs) = (decode_runs(memoryview(data)) for data in (one, other))
    return engine.pair_lists(ours, theirs, max(len(first.colors), len(second.colors)))
