"""The tools in blocks of any size give what they give for a file in one piece, and hold blocks only."""

from __future__ import annotations

import contextlib
import os
import tracemalloc
from pathlib import Path
from unittest import mock

import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lvtools as lv
from lvtools import objects
from lvtools.errors import LvtoolsError, ObjectError
from lvtools.manifest import batches
from lvtools.manifest.edit import again, lines, split
from tests.manifest.files import entry, manifests, odd_manifests, text

TOOLS = {
    "stats": lambda data, broken: lv.manifest_stats(data).to_dict(),
    "filter": lambda data, broken: lv.filter_manifest(data, labeled=True, on_broken=broken),
    "where": lambda data, broken: lv.filter_manifest(
        data, where=pc.field("class_name") == "normal", on_broken=broken, profile="groundtruth"
    ),
    "dedupe": lambda data, broken: lv.dedupe_manifest(data, keep="newest", on_broken=broken),
    "dedupe last": lambda data, broken: lv.dedupe_manifest(data, keep="last", same="normalized", on_broken=broken),
    "split": lambda data, broken: lv.split_manifest(data, test=0.4, on_broken=broken),
    "folds": lambda data, broken: lv.split_manifest(data, folds=3, by="mask", on_broken=broken),
    "rewrite": lambda data, broken: lv.rewrite_manifest(data, {"s3://bbb": "s3://ccc"}),
    "upsert": lambda data, broken: lv.upsert_manifest(data, CHANGES, on_broken=broken),
    "merge": lambda data, broken: lv.merge_manifests([data, CHANGES], on_conflict="newest", on_broken=broken),
    "diff": lambda data, broken: lv.diff_manifests(data, CHANGES).to_json(),
}
CHANGES = text(entry("s3://bbb/1.png", "anomaly"), entry("s3://bbb/g1/2.png", "normal", date="2024-06-01T08:00:00"))


def outcome(tool, data, broken):
    """The result as something that compares, or the complaint."""
    try:
        return vars_of(TOOLS[tool](data, broken))
    except LvtoolsError as error:
        return type(error), str(error)


def vars_of(result):
    values = vars(result) if hasattr(result, "__dict__") else result
    if not isinstance(values, dict):
        return values
    return {name: value.to_pylist() if hasattr(value, "to_pylist") else value for name, value in values.items()}


@contextlib.contextmanager
def blocks_of(size):
    with (
        mock.patch.object(again, "BLOCK_BYTES", size),
        mock.patch.object(lines, "BLOCK_BYTES", size),
        mock.patch.object(batches, "PART_BYTES", size * 3),
        mock.patch.object(split, "_HELD_BYTES", size),
        mock.patch.object(objects, "_SPOOL_BYTES", size),
    ):
        yield


@pytest.mark.parametrize("tool", TOOLS)
@settings(max_examples=40)
@given(st.one_of(manifests(), odd_manifests()), st.integers(1, 700), st.sampled_from(["error", "keep", "drop"]))
def test_the_size_of_blocks_makes_no_difference(tool, data, size, broken):
    with blocks_of(size):
        in_blocks = outcome(tool, data, broken)
    assert in_blocks == outcome(tool, data, broken)


@given(manifests(), st.integers(1, 700), st.integers(2, 4))
def test_files_of_a_split_are_its_parts(tmp_path_factory, data, size, folds):
    folder = tmp_path_factory.mktemp("split")
    for options in ({}, {"folds": folds}):
        held = lv.split_manifest(data, **options)
        with blocks_of(size):
            written = lv.split_manifest(data, folder / "x", suffix=".jsonl", **options)
        assert written.parts == {}
        assert written.counts == held.counts
        assert {name: Path(name).read_bytes() for name in written.written} == held.files(f"{folder}/x", ".jsonl")


def test_a_split_says_which_files_it_would_write_and_spares_those_that_exist(tmp_path):
    data = text(*(entry(f"s3://bbb/{number}.png", "normal") for number in range(10)))
    stem = os.fspath(tmp_path / "x")
    dry = lv.split_manifest(data, stem, dry_run=True)
    assert dry.written == (f"{stem}.train.manifest", f"{stem}.test.manifest")
    assert not os.listdir(tmp_path)
    (tmp_path / "x.test.manifest").write_bytes(b"mine")
    with pytest.raises(ObjectError, match="exists already"):
        lv.split_manifest(data, stem, overwrite=False)
    assert os.listdir(tmp_path) == ["x.test.manifest"]
    lv.split_manifest(data, stem)
    assert (tmp_path / "x.test.manifest").read_bytes() == lv.split_manifest(data).parts["test"]


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "a.manifest"
    path.write_bytes(text(entry("s3://bbb/1.png", "normal")))
    with again.rereadable(path) as source:
        first = b"".join(source.blocks())
        os.utime(path, ns=(1, 1))
        with pytest.raises(ObjectError, match="was changed while it was read"):
            b"".join(source.blocks())
    with again.rereadable(path) as source:
        os.replace(path, tmp_path / "old.manifest")  # another file of that name does not disturb
        path.write_bytes(b"other")
        assert b"".join(source.blocks()) == first


def test_progress_goes_to_the_end_and_never_back(tmp_path):
    path = tmp_path / "a.manifest"
    path.write_bytes(text(*(entry(f"s3://bbb/{number}.png", "normal") for number in range(200))))
    size = path.stat().st_size
    tools = {
        "fix": lambda tell: lv.fix_manifest(path, on_progress=tell),
        "stats": lambda tell: lv.manifest_stats(path, on_progress=tell),
        "filter": lambda tell: lv.filter_manifest(path, on_progress=tell),
        "dedupe": lambda tell: lv.dedupe_manifest(path, on_progress=tell),
        "split": lambda tell: lv.split_manifest(path, on_progress=tell),
        "rewrite": lambda tell: lv.rewrite_manifest(path, {"s3://bbb": "s3://c"}, on_progress=tell),
        "upsert": lambda tell: lv.upsert_manifest(path, CHANGES, on_progress=tell),
    }
    for name, tool in tools.items():
        seen = []
        with blocks_of(1000):
            tool(seen.append)
        assert seen == sorted(seen), name
        assert seen[-1] == size, name
    for tool, total in (
        (lambda tell: lv.merge_manifests([path, path], on_progress=tell), 2 * size),
        (lambda tell: lv.diff_manifests(path, path, on_progress=tell), 2 * size),
    ):
        seen = []
        with blocks_of(1000):
            tool(seen.append)
        assert seen == sorted(seen)
        assert seen[-1] == total


@pytest.mark.parametrize("tool", ["filter", "rewrite", "fix"])
def test_memory_does_not_grow_with_the_file(tmp_path, tool):
    """What Python holds for a file twenty times as long; Arrow's own memory is in docs/manifests.md, measured."""
    line = text(entry("s3://bbb/%07d.png", "normal", pad="x" * 3000))

    def peak(count):
        path, out = tmp_path / f"{count}.manifest", tmp_path / "out.manifest"
        with path.open("wb") as stream:
            for number in range(count):
                stream.write(line.replace(b"%07d", b"%07d" % number))
        calls = {
            "filter": lambda: lv.filter_manifest(path, out, labeled=False),
            "rewrite": lambda: lv.rewrite_manifest(path, {"s3://bbb": "s3://c"}, out),
            "fix": lambda: lv.fix_manifest(path, out, profile="groundtruth"),
        }
        tracemalloc.start()
        with blocks_of(20_000), mock.patch("lvtools.manifest.edit.fix.HEAD_BYTES", 20_000):
            calls[tool]()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(20)
    small, large = peak(4000), peak(8000)  # past what a tool may hold before it writes to a temporary file
    assert large < small + 1_000_000  # of 13 MB more
