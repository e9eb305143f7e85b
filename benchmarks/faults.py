# ruff: noqa: E501 - tables of cases and columns, one a line
"""Manifests in which some lines are wrong, against the same files without a fault: what does a fault cost?

`python -m benchmarks faults`: classification, segmentation and boxes x 1 % and 30 % x kinds of faults, 20,000 lines each;
processor time of `validate_manifest`, clean and faulty files in turn, the ratio of the rounds' best.
"""

from __future__ import annotations

import gc
import os
import random
import time
from collections.abc import Callable

import orjson

import lvtools as lv
from benchmarks.manifest_files import make

LINES = int(os.environ.get("LVTOOLS_BENCH_LINES", "20000"))
ROUNDS = int(os.environ.get("LVTOOLS_BENCH_ROUNDS", "5"))
SHARES = (0.01, 0.3)
PROFILES = {"classification": "lookoutvision", "segmentation": "lookoutvision", "boxes": "rekognition"}


def _swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda line: line.replace(old, new, 1)


def _number(key: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Another number behind the first `key` of a line."""

    def change(line: bytes) -> bytes:
        at = line.index(key) + len(key)
        end = min(stop for stop in (line.find(b",", at), line.find(b"}", at)) if stop >= 0)
        return line[:at] + new + line[end:]

    return change


def _without(start: bytes) -> Callable[[bytes], bytes]:
    """Without the member that begins with `start`, up to the comma behind it."""

    def change(line: bytes) -> bytes:
        at = line.index(start)
        return line[:at] + line[line.index(b",", at) + 1 :]

    return change


def _date(line: bytes) -> bytes:
    at = line.index(b'"creation-date":"') + len(b'"creation-date":"')
    return line[:at] + b"22.08.2022 " + line[at + 11 :]


FAULTS: dict[str, Callable[[bytes], bytes]] = {
    "no human-annotated (worded by the engine)": _swap(b'"human-annotated":"yes",', b""),
    "key missing: type": _without(b'"type":'),
    "no source-ref": _swap(b'"source-ref"', b'"source_ref"'),
    "date": _date,
    "confidence out of range": _number(b'"confidence":', b"1.7"),
    "confidence of another type": _number(b'"confidence":', b'"high"'),
    "URI": _swap(b'"source-ref":"s3://', b'"source-ref":"https://'),
    "human-annotated is true": _swap(b'"human-annotated":"yes"', b'"human-annotated":true'),
    "line cut off": lambda line: line[: len(line) * 2 // 3] + b"\n",
    "not JSON: Python dict": lambda line: line.replace(b'"', b"'"),
    "sound, with an escape": _swap(b"camera-2/", b"camera-2\\/"),
    "sound, beyond ASCII": _swap(b"camera-2/", "camera-ä/".encode()),
}


def spoil(data: bytes, share: float, faults: list[Callable[[bytes], bytes]]) -> bytes:
    """The file with `share` of its lines made faulty, the faults in turn."""
    source = random.Random(5)
    lines = data.splitlines(keepends=True)
    for number, at in enumerate(sorted(source.sample(range(len(lines)), int(len(lines) * share)))):
        lines[at] = faults[number % len(faults)](lines[at])
    return b"".join(lines)


def times(files: dict[str, bytes], profile: str, rounds: int) -> dict[str, float]:
    """The best processor time of each, measured in turn."""
    best = dict.fromkeys(files, float("inf"))
    for _ in range(rounds):
        for name, data in files.items():
            gc.collect()
            start = time.process_time()
            lv.validate_manifest(data, profile=profile, threads=1)
            best[name] = min(best[name], time.process_time() - start)
    return best


def run() -> None:
    for kind, profile in PROFILES.items():
        data = make(kind, LINES)
        every = {"all of them in turn": list(FAULTS.values()), **{name: [change] for name, change in FAULTS.items()}}
        for share in SHARES:
            files = {"clean": data} | {name: spoil(data, share, faults) for name, faults in every.items()}
            best = times(files, profile, ROUNDS)
            for name in every:
                report = {
                    "bench": f"faults: {kind}, {share:.0%}", "fault": name, "clean_s": round(best["clean"], 5),
                    "cpu_s": round(best[name], 5), "times_clean": round(best[name] / best["clean"], 2),
                    "us_per_fault": round((best[name] - best["clean"]) / (LINES * share) * 1e6, 2),
                }  # fmt: skip
                print(orjson.dumps(report).decode(), flush=True)
