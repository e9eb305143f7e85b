"""Areas from a mask's bytes, against `cv2.imdecode` alone and against what people write to count colours.

`cv2.imdecode` counts nothing: it is the anchor, what every counting script pays before it begins. The answers of the
peers that do count are compared first. `python -m benchmarks masks`, or `python -m benchmarks.masks --table` for the
tables of docs/benchmarks.md (`--table masks suite` for some of them). LVTOOLS_SIMD=0 measures the kernel without
AVX2. Peers: `pip install lvtools[bench]`.
"""

from __future__ import annotations

import gc
import statistics
import sys
import threading
import time
from collections.abc import Callable, Mapping

import numpy as np

from benchmarks.bench import compare, machine, peak_memory
from benchmarks.mask_files import COLORS, blobs, by_cv2, by_pillow, cases, noise, photo
from benchmarks.mask_peers import cv2_unique, decode, full_peers, imagecodecs, packed, pair, zlib_stream
from benchmarks.mask_suite import table_of_suite
from lvtools._native import png_runs
from lvtools.masks import mask_areas_many, mask_colors, png
from lvtools.masks.colors import MAX_COLORS, count_mask


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


def kernels() -> dict[str, Callable[[bytes], object]]:
    """The engine as Python calls it, with each kernel; the first one is the one in use."""
    limits = (png.MAX_SIDE, png.MAX_PIXELS, png.MAX_CHUNKS, png.MAX_INFLATION)
    space = png_runs.Workspace()
    return {
        "lvtools": mask_colors,
        "baseline": lambda data: space.read(data, limits, 0x9E3779B97F4A7C15, MAX_COLORS),
    }


def table(names: list[str], rounds: int = 9) -> None:
    """The tables of docs/benchmarks.md, or those that are named."""
    print(machine())
    for name, make in TABLES.items():
        if not names or name in names:
            make(rounds)


def table_of_masks(rounds: int) -> None:
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


def table_of_peers(rounds: int) -> None:
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


def table_of_pairs(rounds: int) -> None:
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


def table_of_memory(_: int) -> None:
    """By how much a process grows at most; ours in a new thread, which has no workspace yet."""
    print("\n| extra peak memory, MB | lvtools | cv2.imdecode alone | cv2 + np.unique |\n|---|---:|---:|---:|")
    random = np.random.default_rng(6)

    def fresh(data: bytes) -> None:
        thread = threading.Thread(target=count_mask, args=(data,))
        thread.start()
        thread.join()

    for title, data in {
        "blobs 4000": by_cv2(blobs(4000)),
        "blobs 4000, 16 bits": by_cv2(blobs(4000).astype(np.uint16) * 257),
        "noise of 4 colours 4000": by_cv2(noise(4000)),
        "soft photo 1024": by_cv2(photo(1024)),
        "random bytes 1024, a million colours": by_cv2(random.integers(0, 256, (1024, 1024, 3)).astype(np.uint8)),
    }.items():
        peaks = [
            peak_memory(function) / 2**20
            for function in (
                lambda data=data: fresh(data),  # type: ignore[misc]
                lambda data=data: decode(data),  # type: ignore[misc]
                lambda data=data: cv2_unique(data),  # type: ignore[misc]
            )
        ]
        print(f"| {title} | {peaks[0]:.1f} | {peaks[1]:.1f} | {peaks[2]:.1f} |", flush=True)


def table_of_batches(rounds: int) -> None:
    """One thread by processor time; two by the clock, which needs an idle machine, and by what they cost together."""
    color_map = {f"class {k}": "#{:02x}{:02x}{:02x}".format(*color) for k, color in enumerate(COLORS)}
    print("\n| batch | us a mask | x cv2.imdecode alone | two threads: x one | two threads: processor time / one |")
    print("|---|---:|---:|---:|---:|")
    for title, side, count, times in (
        ("500 x 256", 256, 500, 1),
        ("4,000 x 256", 256, 500, 8),
        ("300 x 1024", 1024, 100, 3),
    ):
        masks = [by_cv2(blobs(side, seed)) for seed in range(count)] * times
        count *= times
        rounds = min(rounds, 5 if times > 1 else rounds)
        roads: dict[str, Callable[[int], object]] = {
            "mask_areas_many, a map": lambda threads, masks=masks: mask_areas_many(masks, color_map, threads=threads),
            "mask_areas_many, no map": lambda threads, masks=masks: mask_areas_many(masks, threads=threads),
            "mask_colors, one by one": lambda threads, masks=masks: [mask_colors(data) for data in masks],
        }
        for name, road in roads.items():
            found = race(
                {"one": lambda road=road: road(1), "cv2": lambda masks=masks: [decode(data) for data in masks]}, rounds
            )
            line = f"| {title}: {name} | {found['one'][0] / count * 1e6:.1f} | {min(found['cv2'][1:]):.1f} |"
            if "many" in name:
                both: dict[str, Callable[[], object]] = {
                    "one": lambda road=road: road(1),
                    "two": lambda road=road: road(2),
                }
                clock, spent = race(both, 2 * rounds, time.perf_counter), race(both, rounds)
                line += f" {1 / clock['two'][2]:.2f} | {spent['two'][1]:.2f} |"
            else:
                line += " | |"
            print(line, flush=True)


TABLES: dict[str, Callable[[int], None]] = {
    "masks": table_of_masks,
    "suite": table_of_suite,
    "peers": table_of_peers,
    "pairs": table_of_pairs,
    "batches": table_of_batches,
    "memory": table_of_memory,
}


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
        table(sys.argv[sys.argv.index("--table") + 1 :])
    else:
        run()
