# ruff: noqa: E501 - tables of cases and columns, one a line
"""`python -m tests.manifest.fuzz_fast [LINES] [SEED]`: spoiled lines to the fast and the slow path, answers compared bit for bit.

Prints how many lines were compared, and how many of them the engine took itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from lvtools.manifest import judged
from lvtools.manifest import read as reading
from lvtools.manifest.fast import Part
from lvtools.manifest.judged import Judged
from lvtools.manifest.read import read_manifest
from tests.manifest.lines import Maker, repeated, spoil
from tests.manifest.reference import read_slowly

LINES_A_FILE = 60
_parts: list[Part] = []


class _Watched(Part):
    """A part that can be asked afterwards how many lines its engine took."""

    def read(self) -> Part:
        _parts.append(self)
        return super().read()


KINDS = (("class",), ("mask",), ("boxes",), ("class", "mask", "boxes", "none", "both", "two"))


def bits(array: pa.ChunkedArray | pa.Array) -> Any:
    """An array as plain values that tell -0.0 from 0.0, with the words of a dictionary in their order."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.DictionaryArray):
        return array.dictionary.to_pylist(), array.indices.to_pylist()
    return repr(array.cast(pa.int64()).to_pylist() if pa.types.is_timestamp(array.type) else array.to_pylist())


def differences(fast: Any, slow: Any) -> list[str]:
    """What two datasets disagree about."""
    found = []
    fast.entries.validate(full=True)
    for what in ("entries", "findings"):
        one, other = getattr(fast, what), getattr(slow, what)
        pairs = {name: (bits(one[name]), bits(other[name])) for name in other.column_names}
        found += [f"{what} {name}: {mine} not {his}"[:2000] for name, (mine, his) in pairs.items() if mine != his]
    if (
        fast.color_maps != slow.color_maps
        or fast.profile != slow.profile
        or dict(fast.statistics) != dict(slow.statistics)
    ):
        found.append(
            f"{fast.color_maps} {fast.profile} {fast.statistics} instead of {slow.color_maps} {slow.profile} {slow.statistics}"
        )
    return found


def taken(data: bytes, profile: str = "auto") -> float:
    """The share of lines that the engine takes itself."""
    job = Judged("<bytes>", reading._choose(profile, data), 0, None, hold=True)
    job.run([0, len(data)], lambda start, end: [data], lambda at, length: "", 1)
    return sum(job.parts[0].engine.counts()[6:8]) / job.statistics()["lines"]


def make_file(number: int, seed: int) -> list[bytes]:
    """The lines of one test file; every one spoiled with a chance that differs from file to file."""
    if number % 2:  # lines whose shape was met before
        return repeated(seed * 1_000_003 + number, LINES_A_FILE, KINDS[number // 8 % 4], (0.0, 0.05, 0.3)[number % 3])
    maker = Maker(seed * 1_000_003 + number, odd=(0.0, 0.01, 0.05, 0.2)[number % 4])
    kinds = KINDS[number // 4 % 4]
    how = {"shuffled": number % 3 == 1, "spaced": number % 5 == 2}
    lines = maker.file(LINES_A_FILE, kinds, end=b"\r\n" if number % 7 == 3 else b"\n", **how)
    chance = (0.02, 0.1, 0.5, 1.0)[number // 16 % 4]
    return [spoil(line, maker.random) if maker.random.random() < chance else line for line in lines]


def compare(lines: list[bytes], number: int) -> tuple[int, int]:
    """Read the lines both ways, in the scalar and the wide loops and in two parts; how many lines the engine took, and
    how many were not read, since their shape was known."""
    data = b"".join(lines)
    how = {"profile": ("auto", "auto", "lookoutvision", "rekognition", "groundtruth", "marketplace")[number % 6]}
    if number % 11 == 5:
        how["attribute"] = "anomaly-label"
    slow = read_slowly(data, **how)
    os.environ["LVTOOLS_SIMD"] = str(number // 2 % 2)
    _parts.clear()
    judged.Part = _Watched  # type: ignore[misc]
    fast = read_manifest(data, threads=1 + number % 2, **how)
    found = differences(fast, slow)
    if found:
        Path("fuzz_fast_failure.manifest").write_bytes(data)
        sys.exit("\n".join([f"file {number}, {how}: the answers differ (fuzz_fast_failure.manifest)", *found]))
    return sum(sum(part.engine.counts()[6:8]) for part in _parts), sum(part.replayed for part in _parts)


def main(total: int, seed: int, tell: Callable[[str], None] = print) -> None:
    compared = taken = again = number = 0
    while compared < total:
        lines = make_file(number, seed)
        by_engine, by_shape = compare(lines, number)
        taken, again = taken + by_engine, again + by_shape
        compared += len(lines)
        number += 1
        if number % 2000 == 0:
            tell(f"{compared:,} lines, {taken:,} taken by the engine, {again:,} by their shape")
    if taken == 0:
        sys.exit("the engine took no line at all: nothing was compared")
    tell(f"{compared:,} lines in {number:,} files, no difference; engine {taken:,}, shape {again:,}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
