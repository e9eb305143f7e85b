"""Every valid file of PngSuite against `cv2.imdecode` alone: is there a kind of PNG that falls behind?

The files are 32 x 32 pixels or less: what is compared is what a call costs before the first pixel, and busy gradients
of up to 1,024 colours, not masks. `LVTOOLS_SHARED`, else ../shared, holds the suite; else nothing is measured.
"""

from __future__ import annotations

import os
import secrets
import statistics
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.mask_peers import decode
from lvtools.errors import MaskError
from lvtools.masks import engine, mask_colors, png
from lvtools.masks.colors import MAX_COLORS, count_slowly

CALLS = 40  # a sample; also the masks of a batch
ROADS = (
    "the kernel, in a batch",
    "the kernel, one by one",
    "as arrays, in a batch, part after part as `mask_areas_many` reads them",
    "as arrays, one by one: colours, counts and first places",
    "`mask_colors`: a dict of Python numbers",
)


def suite() -> dict[str, bytes]:
    """Name to bytes of the files that are no damaged ones; empty where the suite is not at hand."""
    root = Path(os.environ.get("LVTOOLS_SHARED", "../shared")) / "data" / "png-suite" / "png"
    files = {}
    for path in sorted(root.glob("*.png")):
        data = path.read_bytes()
        try:
            png.parse_png(data)
            want = count_slowly(memoryview(data))
        except MaskError:
            continue
        found = engine.count_png(memoryview(data), MAX_COLORS)
        assert found is not None, path.name
        assert np.array_equal(found.colors, want.colors), path.name
        assert np.array_equal(found.counts, want.counts), path.name
        files[path.name] = data
    return files


def by_kernel(space: Any, factor: int, data: bytes, count: int) -> None:
    """Count the same mask `count` times in a batch, which many colours end early."""
    limits = (png.MAX_SIDE, png.MAX_PIXELS, png.MAX_CHUNKS, png.MAX_INFLATION)
    left = [data] * count
    while left:
        left = left[space.count(left, limits, factor, MAX_COLORS)[0] :]


def table_of_suite(rounds: int = 15) -> None:
    files = suite()
    if not files:
        print("\nPngSuite is not at hand: LVTOOLS_SHARED names the folder that holds data/png-suite")
        return
    assert engine.KERNEL is not None
    space, factor = engine.KERNEL.Workspace(), secrets.randbits(64)
    ratios: dict[str, tuple[float, ...]] = {}
    for name, data in files.items():
        roads = (
            lambda: by_kernel(space, factor, data, CALLS),  # noqa: B023
            lambda: [by_kernel(space, factor, data, 1) for _ in range(CALLS)],  # noqa: B023
            lambda: deque(engine.count_pngs([memoryview(data)] * CALLS, MAX_COLORS), maxlen=0),  # noqa: B023
            lambda: [engine.count_png(data, MAX_COLORS) for _ in range(CALLS)],  # noqa: B023
            lambda: [mask_colors(data) for _ in range(CALLS)],  # noqa: B023
            lambda: [decode(data) for _ in range(CALLS)],  # noqa: B023
        )
        best = [float("inf")] * len(roads)
        for _ in range(rounds):
            for k, road in enumerate(roads):
                start = time.process_time()
                road()
                best[k] = min(best[k], (time.process_time() - start) / CALLS)
        ratios[name] = (*(best[-1] / taken for taken in best[:-1]), best[-1] * 1e6, len(mask_colors(data)))
    print("\n| PngSuite, x cv2.imdecode alone | least | median | most | below 1 |\n|---|---:|---:|---:|---:|")
    for k, title in enumerate(ROADS):
        column = sorted(row[k] for row in ratios.values())
        below = sum(ratio < 1 for ratio in column)
        median = statistics.median(column)
        print(f"| {title} | {column[0]:.2f} | {median:.2f} | {column[-1]:.1f} | {below} of {len(column)} |")
    print(
        "\n| file below 1 | kernel: batch | alone | arrays: batch | alone | dict | us of cv2 | colours without alpha |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, row in sorted(ratios.items(), key=lambda item: item[1]):
        if min(row[:4]) < 1:
            print(
                f"| {name} | " + " | ".join(f"{ratio:.2f}" for ratio in row[:5]) + f" | {row[5]:.1f} | {row[6]:.0f} |"
            )


if __name__ == "__main__":
    table_of_suite()
