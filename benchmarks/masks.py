"""Areas from a mask's bytes, against `cv2.imdecode` alone and against what people write to count colours.

`cv2.imdecode` counts nothing: it is the anchor, what every counting script pays before it begins. The answers of the
peers that do count are compared first. `python -m benchmarks masks`, or `python -m benchmarks.masks --table` for the
tables of docs/benchmarks.md. LVTOOLS_SIMD=0 measures the kernel without AVX2. Peers: `pip install lvtools[bench]`.
"""

from __future__ import annotations

import gc
import io
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.bench import compare, machine, peak_memory
from lvtools._native import png_runs
from lvtools.masks import engine, mask_areas_many, mask_colors, png
from lvtools.masks.colors import MAX_COLORS

Bytes = NDArray[np.uint8]
COLORS = ((35, 164, 54), (44, 160, 44), (31, 119, 180))


def optional(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ImportError:
        return None


imagecodecs, pyspng, numba = optional("imagecodecs"), optional("pyspng"), optional("numba")


# ---- Masks.
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


def filtered(image: Bytes, which: int) -> bytes:
    return by_cv2(image, cv2.IMWRITE_PNG_FILTER, which)


# ---- Contestants: bytes to {0xRRGGBB: pixels}.
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
    runs = [engine.runs_of_png(memoryview(data), MAX_COLORS) for data in (one, other)]
    assert runs[0] is not None
    assert runs[1] is not None
    return engine.pair_counts(runs[0], runs[1])


# ---- Measuring.
def race(
    contestants: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.process_time
) -> dict[str, tuple[float, float, float]]:
    """(best seconds, median of per-round ratios to the first, ratio of the bests) of each, measured in turn.

    Processor time by default: on a busy machine long calls are interrupted and short ones are not, so that the clock on
    the wall would flatter us.
    """
    times: dict[str, list[float]] = {name: [] for name in contestants}
    calls = dict.fromkeys(contestants, 1)  # a sample takes 2 ms or more: shorter ones measure the clock
    for name, function in contestants.items():
        function()
        start = clock()
        function()
        calls[name] = max(1, round(0.002 / max(1e-6, clock() - start)))
    for _ in range(rounds):
        for name, function in contestants.items():
            gc.collect()
            start = clock()
            for _ in range(calls[name]):
                function()
            times[name].append((clock() - start) / calls[name])
    first = next(iter(times.values()))
    return {
        name: (
            min(taken),
            statistics.median(b / a for a, b in zip(first, taken, strict=True)),
            min(taken) / min(first),
        )
        for name, taken in times.items()
    }


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
        "grey noise 1024, cv2": (by_cv2(np.random.default_rng(5).integers(0, 256, (1024, 1024)).astype(np.uint8)), 1),
        "no mask: soft photo 1024, cv2": (by_cv2(photo(1024)), 1),
        "no mask: random bytes 1024, cv2": (
            by_cv2(np.random.default_rng(6).integers(0, 256, (1024, 1024, 3)).astype(np.uint8)),
            1,
        ),
    }


def kernels() -> dict[str, Callable[[bytes], object]]:
    """The engine as Python calls it, with each kernel; the first one is the one in use."""
    limits = (png.MAX_SIDE, png.MAX_PIXELS, png.MAX_CHUNKS, png.MAX_INFLATION)
    space = png_runs.Workspace()
    return {
        "lvtools": mask_colors,
        "baseline": lambda data: space.read(data, limits, 0x9E3779B97F4A7C15, MAX_COLORS),
    }


def table(rounds: int = 9) -> None:
    print(machine())
    print("\n| mask | bytes | us | x cv2.imdecode alone | without AVX2 | goal | x libdeflate alone |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, (data, goal) in cases().items():
        contestants: dict[str, Callable[[], object]] = {
            key: (lambda function=function, data=data: function(data)) for key, function in kernels().items()
        }
        contestants["cv2"] = lambda data=data: decode(data)
        if imagecodecs is not None:
            stream, size = zlib_stream(data)
            unpack = imagecodecs.deflate_decode
            contestants["inflate"] = lambda stream=stream, size=size, unpack=unpack: unpack(stream, out=size)
        found = race(contestants, rounds if len(data) < 500_000 else 5)
        best, ratio, modest = found["lvtools"][0], found["cv2"][1], found["cv2"][2]
        bare = found["cv2"][0] / found["baseline"][0]
        inflate = f"{found['inflate'][2]:.2f}" if "inflate" in found else ""
        ratio = min(ratio, modest)
        print(
            f"| {name} | {len(data):,} | {best * 1e6:,.0f} | {ratio:.1f} | {bare:.1f} | {goal} | {inflate} |",
            flush=True,
        )
    tables_of_peers(rounds)


def tables_of_peers(rounds: int) -> None:
    data = by_cv2(blobs(1024))
    want = mask_colors(data)
    peers = full_peers(data)
    for name, function in peers.items():
        assert function() == want, name
    found = race({"lvtools": lambda: mask_colors(data), **peers}, rounds)
    print("\n| counts the colours of blobs 1024, cv2 | us | lvtools is faster by |")
    print("|---|---:|---:|")
    for name, (best, ratio, modest) in found.items():
        print(f"| {name} | {best * 1e6:,.0f} | {min(ratio, modest):.1f} |")

    print("\n| pair of masks -> counts of colour pairs | ms | x two cv2.imdecode | goal |")
    print("|---|---:|---:|---:|")
    for side, goal in ((256, 1), (1024, 18), (4000, 60)):
        one, other = by_cv2(blobs(side, 0)), by_cv2(blobs(side, 1))
        first, second = (np.unique(packed(decode(d)[:, :, ::-1]), return_inverse=True)[1] for d in (one, other))
        brute = np.bincount((first * 8 + second).ravel())
        assert sorted(pair(one, other)[pair(one, other) > 0]) == sorted(brute[brute > 0])
        found = race(
            {
                "lvtools": lambda one=one, other=other: pair(one, other),
                "cv2": lambda one=one, other=other: (decode(one), decode(other)),
            },
            rounds,
        )
        print(f"| {side} | {found['lvtools'][0] * 1e3:.3f} | {min(found['cv2'][1:]):.1f} | {goal} |")

    batch = [by_cv2(blobs(256, seed)) for seed in range(500)]
    large = [by_cv2(blobs(1024, seed)) for seed in range(100)]

    def pooled(masks: list[bytes], function: Callable[[bytes], object], threads: int) -> Callable[[], object]:
        def run() -> object:
            with ThreadPoolExecutor(threads) as pool:
                return list(pool.map(function, masks, chunksize=16))

        return run

    print("\n| batch | ms | x cv2.imdecode alone, as many threads | x one thread |")
    print("|---|---:|---:|---:|")
    for title, masks in (("500 x 256", batch), ("100 x 1024", large)):
        found = race(
            {
                "one": lambda masks=masks: [mask_colors(data) for data in masks],
                "areas": lambda masks=masks: mask_areas_many(masks, threads=1),
                "cv2": lambda masks=masks: [decode(data) for data in masks],
                "two": lambda masks=masks: mask_colors_many(masks, 2),
                "areas two": lambda masks=masks: mask_areas_many(masks, threads=2),
                "cv2 two": pooled(masks, decode, 2),
            },
            rounds,
            time.perf_counter,
        )
        best = {name: values[0] for name, values in found.items()}
        for name, key, other, single in (
            ("mask_colors, one thread", "one", "cv2", "one"),
            ("mask_colors, two threads", "two", "cv2 two", "one"),
            ("mask_areas_many, one thread", "areas", "cv2", "areas"),
            ("mask_areas_many, two threads", "areas two", "cv2 two", "areas"),
        ):
            ms, ratio, scale = best[key] * 1e3, best[other] / best[key], best[single] / best[key]
            print(f"| {title}: {name} | {ms:.1f} | {ratio:.1f} | {scale:.2f} |")

    print("\n| extra peak memory, blobs 4000 | MB |\n|---|---:|")
    data = by_cv2(blobs(4000))
    for name, function in {
        "lvtools": lambda: mask_colors(data),
        "cv2.imdecode alone": lambda: decode(data),
        "cv2 + np.unique": lambda: cv2_unique(data),
    }.items():
        print(f"| {name} | {peak_memory(function) / 2**20:.1f} |")


def mask_colors_many(masks: list[bytes], threads: int) -> list[dict[int, int]]:
    """A slice of the masks per thread: a future per mask of 30 us would cost as much as the mask."""
    with ThreadPoolExecutor(threads) as pool:
        parts = pool.map(lambda k: [mask_colors(data) for data in masks[k::threads]], range(threads))
        return [found for part in parts for found in part]


def run() -> None:
    """The short form for `python -m benchmarks`: everyday masks against full peers, answers compared."""
    for side in (256, 1024, 4000):
        for name, data in (("cv2", by_cv2(blobs(side))), ("Pillow", by_pillow(blobs(side)))):
            compare(
                f"masks: colours of {side}^2 blobs written by {name}",
                ours=lambda data=data: mask_colors(data),  # type: ignore[misc]
                peers=full_peers(data),
                items=side * side,
                unit="pixels",
            )


if __name__ == "__main__":
    if "--table" in sys.argv:
        table()
    else:
        run()
