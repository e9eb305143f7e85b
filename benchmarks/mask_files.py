"""The masks that benchmarks/masks.py reads: surfaces, scratches, noise, by several writers; drawn from fixed seeds."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]
PASSES = ((0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1))
COLORS = ((35, 164, 54), (44, 160, 44), (31, 119, 180))


def blobs(side: int, seed: int = 0) -> Bytes:
    rng = np.random.default_rng(seed)
    image = np.full((side, side, 3), 255, np.uint8)
    for k in range(6):
        centre = tuple(int(v) for v in rng.integers(0, side, 2))
        axes = tuple(int(v) for v in rng.integers(side // 25 + 1, side // 8 + 2, 2))
        cv2.ellipse(image, centre, axes, float(rng.integers(180)), 0, 360, COLORS[k % 3], -1)
    return image


def scratches(side: int) -> Bytes:
    rng = np.random.default_rng(1)
    image = np.full((side, side, 3), 255, np.uint8)
    for k in range(40):
        ends = rng.integers(0, side, (2, 2)).tolist()
        cv2.line(image, ends[0], ends[1], COLORS[k % 3], 1)
    return image


def salt(side: int, share: float = 0.01) -> Bytes:
    rng = np.random.default_rng(2)
    image = blobs(side)
    image[rng.random((side, side)) < share] = COLORS[2]
    return image


def noise(side: int) -> Bytes:
    rng = np.random.default_rng(3)
    return np.array([(255, 255, 255), *COLORS], np.uint8)[rng.integers(0, 4, (side, side))]


def blank(side: int) -> Bytes:
    return np.full((side, side, 3), 255, np.uint8)


def soft(side: int) -> Bytes:
    return cv2.GaussianBlur(blobs(side), (0, 0), 1.2)  # type: ignore[no-any-return]


def photo(side: int) -> Bytes:
    rng = np.random.default_rng(4)
    ramp = np.add.outer(np.arange(side) // 8, np.arange(side) // 8)[:, :, None]
    return (ramp + rng.integers(0, 3, (side, side, 3))).astype(np.uint8)


def by_cv2(image: Bytes, *options: int) -> bytes:
    pixels = image[:, :, ::-1] if image.ndim == 3 and image.shape[2] == 3 else image
    return cv2.imencode(".png", pixels, list(options))[1].tobytes()  # type: ignore[no-any-return]


def by_pillow(image: Bytes) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image).save(out, "png")
    return out.getvalue()


def indexed(image: Bytes, bits: int) -> bytes:
    numbers = np.zeros(image.shape[:2], np.uint8)
    for k, color in enumerate(COLORS, 1):
        numbers[(image == color).all(2)] = k
    picture = Image.fromarray(numbers).convert("P")
    picture.putpalette([255, 255, 255, *sum(COLORS, ())])
    out = io.BytesIO()
    picture.save(out, "png", bits=bits)
    return out.getvalue()


def interlaced(image: Bytes, level: int = 6) -> bytes:
    """RGB in Adam7, each row filtered with Sub: no library at hand writes it."""
    raw = b""
    for row, row_step, column, column_step in PASSES:
        part = image[row::row_step, column::column_step]
        rows = part.reshape(len(part), -1).copy()
        rows[:, 3:] -= part.reshape(len(part), -1)[:, :-3]
        raw += np.insert(rows, 0, 1, axis=1).tobytes()
    head = struct.pack(">IIBBBBB", image.shape[1], image.shape[0], 8, 2, 0, 0, 1)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(raw, level)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big") for kind, body in chunks
    )


def filtered(image: Bytes, which: int) -> bytes:
    return by_cv2(image, cv2.IMWRITE_PNG_FILTER, which)


def cases() -> dict[str, tuple[bytes, float]]:
    """Name: (PNG, goal against cv2.imdecode alone)."""
    small, large = blobs(1024), blobs(4000)
    return {
        "blobs 4000 RGB, cv2": (by_cv2(large), 60),
        "blobs 4000 RGB, Pillow": (by_pillow(large), 60),
        "blobs 1024 RGB, cv2": (by_cv2(small), 20),
        "blobs 1024 RGB, Pillow": (by_pillow(small), 20),
        "blobs 1024 RGBA, cv2": (by_cv2(np.dstack([small, small[:, :, 0] | 255])), 20),
        "blank 4000, cv2": (by_cv2(blank(4000)), 120),
        "blank 1024, cv2": (by_cv2(blank(1024)), 40),
        "blobs 256, cv2": (by_cv2(blobs(256)), 8),
        "palette 8 bits 1024": (indexed(small, 8), 14),
        "palette 4 bits 1024": (indexed(small, 4), 18),
        "scratches 1024, cv2": (by_cv2(scratches(1024)), 3),
        "scratches 1024, Pillow": (by_pillow(scratches(1024)), 3),
        "1 % salt 1024, cv2": (by_cv2(salt(1024)), 5),
        "1 % salt 1024, Pillow": (by_pillow(salt(1024)), 5),
        "anti-aliased 1024, cv2": (by_cv2(soft(1024)), 9),
        "anti-aliased 1024, Pillow": (by_pillow(soft(1024)), 9),
        "noise 1024, cv2": (by_cv2(noise(1024)), 1.7),
        "noise 1024, Pillow": (by_pillow(noise(1024)), 1.7),
        "filter None 1024": (filtered(small, cv2.IMWRITE_PNG_FILTER_NONE), 4.5),
        "filter Up 1024": (filtered(small, cv2.IMWRITE_PNG_FILTER_UP), 1),
        "filter Average 1024": (filtered(small, cv2.IMWRITE_PNG_FILTER_AVG), 1),
        "filter Paeth 1024": (filtered(small, cv2.IMWRITE_PNG_FILTER_PAETH), 1),
        "16 bits RGB, blobs 1024": (by_cv2(small.astype(np.uint16) * 257), 1),
        "16 bits RGB, noise 1024": (by_cv2(noise(1024).astype(np.uint16) * 257), 1),
        "16 bits grey, blobs 1024": (by_cv2(small[:, :, 0].astype(np.uint16) * 257), 1),
        "interlaced, blobs 1024": (interlaced(small), 1),
        "interlaced, noise 1024": (interlaced(noise(1024)), 1),
        "grey noise 1024, cv2": (by_cv2(np.random.default_rng(5).integers(0, 256, (1024, 1024)).astype(np.uint8)), 1),
        "no mask: soft photo 1024, cv2": (by_cv2(photo(1024)), 1),
        "no mask: random bytes 1024, cv2": (
            by_cv2(np.random.default_rng(6).integers(0, 256, (1024, 1024, 3)).astype(np.uint8)),
            1,
        ),
    }
