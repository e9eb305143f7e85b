"""Manifests of 50,000 lines read and validated, against six peers that make the same checks and columns.

`python -m benchmarks manifest`: one key order, then key order and spacing changing in every line; the answers of all
are compared before any clock starts. Everybody has one thread; lvtools with two is a contestant more. On files eight
times as long lvtools with one thread is compared with two and with its own choice.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

import lvtools as lv
from benchmarks.bench import compare
from benchmarks.manifest_files import make
from benchmarks.manifest_loops import LOOPS, Answer
from benchmarks.manifest_tables import TABLES, saved

LINES = int(os.environ.get("LVTOOLS_BENCH_LINES", "50000"))
LONG_LINES = 8 * LINES
ROUNDS = int(os.environ.get("LVTOOLS_BENCH_ROUNDS", "5"))
PROFILES = {"classification": "lookoutvision", "segmentation": "lookoutvision", "boxes": "rekognition"}
TWO = "lvtools, 2 threads"
DEFAULT = "lvtools, threads by its own choice"


def ours(data: bytes, kind: str, threads: int | None = 1) -> Answer:
    """Every column of the hub table, and how many lines have an error; a quota is broken by a file, not a line."""
    dataset = lv.read_manifest(data, profile=PROFILES[kind], threads=threads)
    findings = dataset.findings
    errors = findings.filter(pc.equal(findings["severity"].cast(pa.string()), "error")) if len(findings) else findings
    return len(errors["line"].unique().drop_null()), dataset.entries


def same(mine: Answer, theirs: Answer) -> bool:
    """As many faulty lines, and every column that the peer made."""
    table = mine[1].unify_dictionaries()
    return mine[0] == theirs[0] and all(
        table[name].cast(pa.string()).equals(theirs[1][name].cast(pa.string()))
        if pa.types.is_dictionary(table[name].type)
        else table[name].combine_chunks().equals(theirs[1][name].cast(table[name].type).combine_chunks())
        for name in theirs[1].column_names
    )


PEERS: dict[str, Callable[[bytes, str], Answer]] = {TWO: partial(ours, threads=2), **TABLES, **LOOPS}
OURS = {DEFAULT: partial(ours, threads=None)}


def peak(kind: str, path: str, name: str) -> int:
    """The bytes by which one call raises the highest resident memory, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.manifest", kind, path, name]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603 - our own module


def _peak_here(kind: str, path: str, name: str) -> int:
    contestant = {**PEERS, **OURS}.get(name, ours)
    contestant(make(kind, 50), kind)  # what the imports cost is not the input's fault
    with open(path, "rb") as file:
        data = file.read()
    with open("/proc/self/clear_refs", "w") as reset:
        reset.write("5")  # forget the peaks of importing; Linux alone can tell
    before = _resident("VmRSS")
    kept = contestant(data, kind)
    after = _resident("VmHWM")
    del kept
    return after - before


def _resident(what: str) -> int:
    """From /proc: ru_maxrss is handed down by the process that started this one, so it would say nothing."""
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))


def run() -> None:
    for mixed in (False, True):
        for kind in PROFILES:
            data = make(kind, LINES, mixed)
            path = saved(data)
            compare(
                f"manifest: {kind}, {'changing' if mixed else 'one'} key order, {len(data) // LINES} bytes a line",
                ours=partial(ours, data, kind),
                peers={name: partial(peer, data, kind) for name, peer in PEERS.items()},
                items=LINES,
                unit="lines",
                rounds=ROUNDS,
                same=same,
                input_bytes=len(data),
                peak_of=partial(peak, kind, path),
            )
            os.unlink(path)

    for kind in PROFILES:
        data = make(kind, LONG_LINES)
        path = saved(data)
        compare(
            f"manifest: {kind}, {LONG_LINES:,} lines, one thread and two",
            ours=partial(ours, data, kind),
            peers={TWO: partial(ours, data, kind, 2), DEFAULT: partial(ours, data, kind, None)},
            items=LONG_LINES,
            unit="lines",
            rounds=ROUNDS,
            same=_same_entries,
            input_bytes=len(data),
            peak_of=partial(peak, kind, path),
        )
        os.unlink(path)


def _same_entries(mine: Answer, theirs: Answer) -> bool:
    """Every column, however many parts it was read in."""
    return mine[0] == theirs[0] and bool(mine[1].unify_dictionaries().equals(theirs[1].unify_dictionaries()))


if __name__ == "__main__":
    print(_peak_here(*sys.argv[1:4]))
