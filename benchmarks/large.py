"""A manifest of 2 GB under `lvtools validate` in a terminal: time, and the most memory the process ever had.

`python -m benchmarks large`: clean, with 30 % faulty lines, the same with every finding written, and with every image
many times over (`LVTOOLS_BENCH_CASES` chooses: clean, faulty, all, duplicates). The command runs as a user's does, its
standard error on a pseudo-terminal, so with its bar. `LVTOOLS_BENCH_BYTES` gives another size. Needs POSIX, and room
for one such file where temporary files go.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator

from benchmarks.faults import FAULTS, spoil
from benchmarks.manifest_files import make

SIZE = int(os.environ.get("LVTOOLS_BENCH_BYTES", str(2 * 10**9)))
LINES = 20_000  # of the piece that is repeated, each time about other images
SHARE = 0.3
COMMAND = [sys.executable, "-c", "from lvtools.cli import main; main()", "validate", "--progress"]


def pieces(data: bytes, others: bool) -> Iterator[bytes]:
    """The file; with `others` no image comes twice."""
    size = number = 0
    while size < SIZE:
        piece = data.replace(b"camera-", b"set-%06d/camera-" % number) if others else data
        yield piece
        size += len(piece)
        number += 1


def measure(path: str, *options: str) -> dict[str, float | int]:
    """Run the command; seconds, processor seconds, peak memory, and how often its bar was drawn."""
    ours, theirs = pty.openpty()
    seen = bytearray()

    def look() -> None:
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other side is closed
                return
            if not piece:
                return
            seen.extend(piece)

    with open(os.devnull, "wb") as nothing:
        start = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*COMMAND, *options, path], stdout=nothing, stderr=theirs, env={**os.environ, "TERM": "xterm"}
        )
        os.close(theirs)
        reader = threading.Thread(target=look)
        reader.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    reader.join()
    os.close(ours)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        sys.exit(f"lvtools validate failed: {bytes(seen[-500:])!r}")
    return {
        "seconds": round(seconds, 1),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(usage.ru_maxrss / 1000),  # kilobytes on Linux
        "bar_drawn": seen.count("━".encode() * 5),
    }


def run() -> None:
    """Print one JSON line for each case."""
    data = make("segmentation", LINES)
    faulty = spoil(data, SHARE, list(FAULTS.values()))
    cases = {"clean": data, "faulty": faulty, "all": faulty, "duplicates": data}
    for name in os.environ.get("LVTOOLS_BENCH_CASES", ",".join(cases)).split(","):
        with tempfile.NamedTemporaryFile(suffix=".manifest") as file:
            for part in pieces(cases[name], others=name != "duplicates"):
                file.write(part)
            file.flush()
            size = os.path.getsize(file.name)
            found = measure(file.name, *["--all"] * (name == "all"))
            lines = round(size / len(cases[name]) * cases[name].count(b"\n"))
            print(json.dumps({"case": name, "bytes": size, "lines": lines, **found}), flush=True)
