"""One way to compare: answers first, then interleaved rounds in one process, ratios of the rounds, peak memory of each.

Absolute times differ from machine to machine and from minute to minute; the ratio of two contestants measured in turn
does not, and is what the docs quote.
"""

from __future__ import annotations

import gc
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import orjson

PEERS = (
    "lvtools",
    "ADEval",
    "anomalib",
    "torch",
    "numpy",
    "pyarrow",
    "orjson",
    "duckdb",
    "imagecodecs",
    "msgspec",
    "numba",
    "opencv-python-headless",
    "pillow",
    "polars",
    "pydantic",
    "pyspng",
    "scikit-learn",
)


def machine() -> str:
    """The line that opens a report: processor, Python and the versions of everybody compared."""
    versions = {}
    for name in PEERS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    cpu = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as lines:
            cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    except OSError:
        pass
    return orjson.dumps(
        {"cpu": cpu, "cores": os.cpu_count(), "python": platform.python_version(), "versions": versions}
    ).decode()


def compare(
    name: str,
    *,
    ours: Callable[[], Any],
    peers: Mapping[str, Callable[[], Any]],
    items: int,
    unit: str,
    rounds: int = 7,
    same: Callable[[Any, Any], bool] = lambda a, b: bool(a == b),
    input_bytes: int = 0,
    peak_of: Callable[[str], int] | None = None,
) -> None:
    """Assert that all give the same answer, then time them in turn and print one JSON line.

    With `input_bytes` the peak memory is also given as a share of the input. `peak_of` measures a contestant's peak
    by its name when forking cannot: a child of a process whose peers hold threads may wait for them for ever.
    """
    contestants = {"lvtools": ours, **peers}
    expected = ours()
    for peer, function in peers.items():
        if not same(expected, function()):
            sys.exit(f"{name}: {peer} gives another answer, so nothing can be compared")
    times: dict[str, list[float]] = {key: [] for key in contestants}
    work: dict[str, list[float]] = {key: [] for key in contestants}
    for _ in range(rounds):
        for key, function in contestants.items():
            gc.collect()
            start, used = time.perf_counter(), time.process_time()
            function()
            times[key].append(time.perf_counter() - start)
            work[key].append(time.process_time() - used)
    report: dict[str, Any] = {"bench": name, "items": items, "unit": unit, "rounds": rounds}
    for key, function in contestants.items():
        ratios = [theirs / own for own, theirs in zip(times["lvtools"], times[key], strict=True)]
        median = statistics.median(times[key])
        peak = peak_of(key) if peak_of else peak_memory(function)
        report[key] = {
            "median_s": round(median, 6),
            "spread": round((max(times[key]) - min(times[key])) / median, 3),
            f"{unit}_per_s": round(items / median),
            "times_lvtools": round(statistics.median(ratios), 2),
            "cpu_s": round(statistics.median(work[key]), 6),  # what a machine with other guests cannot blur
            "cpu_times_lvtools": round(statistics.median(work[key]) / max(statistics.median(work["lvtools"]), 1e-9), 2),
            "peak_mb": round(peak / 2**20, 1),
        }
        if input_bytes:
            report[key] |= {
                "mb_per_s": round(input_bytes / median / 1e6),
                "peak_of_input": round(peak / input_bytes, 2),
            }
    print(orjson.dumps(report).decode(), flush=True)


def peak_memory(function: Callable[[], Any]) -> int:
    """Bytes by which one call raises the highest resident memory, measured in a child of its own."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        import resource

        code = 1
        try:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            kept = function()
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            os.write(write_end, str((after - before) * 1024).encode())
            del kept
            code = 0
        finally:
            os._exit(code)
    os.close(write_end)
    with os.fdopen(read_end) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return int(text or 0)
