"""Lines whose shape was met before: the same findings and columns as if they had been read, whatever their values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvtools import read_manifest
from lvtools._native.manifest_scan import Shape
from lvtools.findings import PROFILES
from lvtools.manifest import read as reading
from lvtools.manifest import replay
from lvtools.manifest.judged import Judged
from lvtools.manifest.scan import MAX_DEPTH, TAPE_ROWS
from tests.manifest.fuzz_fast import differences
from tests.manifest.lines import repeated
from tests.manifest.reference import read_slowly
from tests.manifest.test_rules import CASES

KINDS = ("class", "mask", "boxes", "both", "two")


def replayed(data: bytes, profile: str) -> int:
    job = Judged("<bytes>", reading._choose(profile, data), 0, None, hold=True)
    job.run([0, len(data)], lambda start, end: [data], lambda at, length: "", 1)
    return sum(part.replayed for part in job.parts)


def same(data: bytes, profile: str, threads: int = 1, **how: object) -> None:
    found = differences(
        read_manifest(data, profile=profile, threads=threads, **how),  # type: ignore[arg-type]
        read_slowly(data, profile=profile, **how),  # type: ignore[arg-type]
    )
    assert not found, "\n".join(found)


@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 2**32), kinds=st.sets(st.sampled_from(KINDS), min_size=1),
       odd=st.sampled_from([0, 0.05, 0.4]), profile=st.sampled_from(PROFILES), threads=st.integers(1, 3))  # fmt: skip
def test_lines_that_come_again(seed, kinds, odd, profile, threads):
    same(b"".join(repeated(seed, 40, tuple(sorted(kinds)), odd)), profile, threads)


@pytest.mark.parametrize("profile", PROFILES[:3])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_every_rule_comes_again(case, profile):
    """Each line of the table of rules four times in one file, with lines of the engine in between."""
    rows = [line for line in case.data.splitlines(keepends=True) if line.endswith(b"\n")] or [case.data + b"\n"]
    sound = b'{"source-ref":"s3://bucket/%d.png"}\n'
    same(b"".join(line + sound % number for number in range(4) for line in rows), profile)


@pytest.mark.parametrize("kind", KINDS)
def test_faulty_lines_are_read_once(kind):
    lines = [line for line in repeated(7, 400, (kind,), 0.02) if line.startswith(b"{")]
    data = b"".join(line.replace(b'"human-annotated":"yes"', b'"human-annotated":true') for line in lines)
    same(data, "groundtruth")
    assert replayed(data, "groundtruth") > len(lines) // 3


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), credit=st.integers(0, 3), shapes=st.integers(1, 4))
def test_a_small_memory(seed, credit, shapes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "MAX_CREDIT", credit)
        patch.setattr(replay, "MAX_SHAPES", shapes)
        same(b"".join(repeated(seed, 40, ("class", "mask"), 0.1)), "lookoutvision")


def shape_of(line: bytes) -> tuple[bytes, list[int] | None] | None:
    return Shape(np.empty((TAPE_ROWS, 4), np.int64)).look(line, 0, len(line), MAX_DEPTH)


def test_shapes():
    line = b'{"source-ref":"s3://bucket/a.png","x":1,"x-metadata":{"confidence":0.5,"creation-date":"2024-05-01T08:00:00"}}'
    key = b'{"source-ref":\x01,"x":1,"x-metadata":{"confidence":\x02,"creation-date":\x03}}'
    assert shape_of(line) == (key, None)
    assert shape_of(line.replace(b"0.5", b"1.5")) == (key, [8])
    assert shape_of(line.replace(b"s3:", b"https:")) == (key, [2])
    assert shape_of(line.replace(b"05-01", b"05-32")) == (key, [10])
    exact = line.replace(b"0.5", b'"0.5"')
    assert shape_of(exact) == (key.replace(b"\x02", b'"0.5"'), None)
    assert shape_of(b'{"a":1,"a":2}') is None
    assert shape_of(b'{"a\\u0062":1}') is None
    assert shape_of(b'{"a":') is None
    assert shape_of(b"{" + b'"a":"' + b"x" * 9000 + b'"}') is None


@given(
    st.floats(0, 3).map(repr)
    | st.integers(0, 3).map(str)
    | st.sampled_from(["1.0", "1.00", "1.01", "10", "0.0", "1.10"])
)
def test_fractions_by_their_digits(text):
    found = shape_of(b'{"x-metadata":{"confidence":%s}}' % text.encode())
    assert found is not None
    if b"\x02" in found[0]:
        assert (found[1] is None) == (0 <= float(text) <= 1)


def test_a_shape_refuses_what_cannot_be_meant():
    with pytest.raises(ValueError, match="too short"):
        Shape(np.empty((10, 4), np.int64))
    shape = Shape(np.empty((TAPE_ROWS, 4), np.int64))
    with pytest.raises(ValueError, match="range"):
        shape.look(b"{}", 0, 3, MAX_DEPTH)
    for ask in (shape.start, shape.end):
        with pytest.raises(IndexError):
            ask(0)
