"""What a Mask gives: components, COCO RLE and small PNGs, against OpenCV, pycocotools and Pillow. From bytes to answer.

Run: `python -m benchmarks regions`. The sizes of the PNGs written are printed, too, since they are the point there.
"""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
from PIL import Image

import lvtools
from benchmarks.bench import compare
from benchmarks.masks import COLORS, blobs, by_cv2, optional, salt, scratches

pycocotools = optional("pycocotools.mask")
MAP = {"BACKGROUND": 0xFFFFFF, **{f"c{k}": r << 16 | g << 8 | b for k, (r, g, b) in enumerate(COLORS, 1)}}


def index_by_cv2(data: bytes) -> Any:
    """Class indexes as a careful script makes them."""
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    index = np.zeros(bgr.shape[:2], np.uint8)
    for k, (r, g, b) in enumerate(COLORS, 1):
        index[cv2.inRange(bgr, (b, g, r), (b, g, r)) > 0] = k
    return index


def components_by_cv2(data: bytes) -> list[list[list[int]]]:
    index = index_by_cv2(data)
    found = [cv2.connectedComponentsWithStats((index == k).astype(np.uint8))[2][1:].tolist() for k in (1, 2, 3)]
    return [sorted(one) for one in found]


def components(data: bytes) -> list[list[list[int]]]:
    table = lvtools.read_mask(data, MAP).components()
    columns = [table[name].to_pylist() for name in ("left", "top", "width", "height", "area_px")]
    found: dict[str, list[list[int]]] = {"c1": [], "c2": [], "c3": []}
    for name, *row in zip(table["class_name"].to_pylist(), *columns, strict=True):
        found[name].append(row)
    return [sorted(one) for one in found.values()]


def rle(data: bytes) -> list[str]:
    return [str(one["counts"]) for one in lvtools.read_mask(data, MAP).rle().values()]


def rle_by_pycocotools(data: bytes) -> list[str]:
    assert pycocotools is not None
    index = index_by_cv2(data)
    return [pycocotools.encode(np.asfortranarray(index == k))["counts"].decode() for k in (1, 2, 3)]


def by_pillow(index: Any) -> bytes:
    """An optimised palette PNG of the fewest bits: what a careful user writes."""
    picture = Image.fromarray(index).convert("P")
    picture.putpalette([255, 255, 255, *sum(COLORS, ())])
    out = io.BytesIO()
    picture.save(out, "png", bits=2, optimize=True)
    return out.getvalue()


def run() -> None:
    for side in (1024, 4000):
        for name, picture in (("blobs", blobs), ("scratches", scratches), ("salt", salt)):
            data = by_cv2(picture(side))
            size = {"items": side * side, "unit": "pixels", "rounds": 5}
            title = f"{name} {side}^2"
            compare(f"components of {title}", ours=lambda data=data: components(data),
                    peers={"cv2": lambda data=data: components_by_cv2(data)}, **size)  # fmt: skip
            if pycocotools is not None:
                compare(f"COCO RLE of {title}", ours=lambda data=data: rle(data),
                        peers={"cv2 + pycocotools": lambda data=data: rle_by_pycocotools(data)}, **size)  # fmt: skip
            index = lvtools.read_mask(data, MAP).index()
            contestants = {
                "small": lambda index=index: lvtools.write_mask(index, colors=MAP),
                "fast": lambda index=index: lvtools.write_mask(index, colors=MAP, fast=True),
                "Pillow, optimize": lambda index=index: by_pillow(index),
                "cv2, level 9": lambda index=index: by_cv2(index, cv2.IMWRITE_PNG_COMPRESSION, 9),
                "cv2": lambda index=index: by_cv2(index),
            }
            ours, *peers = contestants
            print(f"bytes of {title}:", {name: len(function()) for name, function in contestants.items()}, flush=True)
            compare(f"writing {title}", ours=contestants[ours], peers={name: contestants[name] for name in peers},
                    same=lambda a, b: same_picture(a, b), **size)  # fmt: skip


def same_picture(one: bytes, other: bytes) -> bool:
    """The same classes: cv2 writes them as grey levels, so sizes and runs are compared, not colours."""
    a, b = (cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in (one, other))
    flat = [image.reshape(-1, 3) @ np.array([1, 256, 65536]) for image in (a, b)]
    return a.shape == b.shape and all(np.array_equal(np.diff(x) != 0, np.diff(y) != 0) for x, y in [flat])


if __name__ == "__main__":
    run()
