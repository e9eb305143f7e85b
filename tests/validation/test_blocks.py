"""A manifest with its images a part at a time: the answer is that of the whole, whatever the parts and the limits."""

import json
from collections import Counter

import pyarrow as pa
import pytest

from lvtools.findings import PROFILES, code_counts, not_listed
from lvtools.manifest import batches
from lvtools.manifest import read as reading
from lvtools.validation import files, validate_manifest
from tests.validation.test_validate import CRACK, Root, boxed, entry, mask, picture

LINES = 40


@pytest.fixture
def root(tmp_path):
    """Images of two sizes, some missing, some broken; masks likewise; a line in a while that is no entry."""
    root = Root(tmp_path)
    lines = []
    for number in range(LINES):
        name = f"n{number}"
        size = (64, 81) if number % 7 == 3 else (64, 80)
        if number % 5:
            root.put(f"img/{name}.png", b"no image" if number % 11 == 6 else picture(*size))
        if number % 3:
            root.put(f"mask/{name}.png", mask((5, CRACK), (9, (1, 2, 3)), size=size) if number % 4 else b"no mask")
        line = boxed(width=82) | {"source-ref": f"s3://bucket/img/{name}.png"} if number % 6 == 5 else entry(name)
        lines.append(json.dumps(line))
        lines += ["{]"] * (number % 9 == 4) + [""] * (number % 9 == 8)
    root.data = "\n".join(lines).encode()
    return root


def facts(table):
    return {key: value for key, value in table.schema.metadata.items() if key != b"counts"}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("part_bytes", [1, 3_000])
def test_parts_change_nothing(root, monkeypatch, profile, part_bytes):
    expected = validate_manifest(root.data, profile=profile, objects=root.path)
    assert {"LV305", "LV306"} <= set(expected["code"].to_pylist())
    monkeypatch.setattr(batches, "PART_BYTES", part_bytes)
    table = validate_manifest(root.data, profile=profile, objects=root.path)
    assert table.equals(expected)
    assert facts(table) == facts(expected)


def test_a_source_that_cannot_be_read_twice(root, tmp_path):
    import gzip

    (tmp_path / "m.manifest.gz").write_bytes(gzip.compress(root.data))
    (tmp_path / "m.manifest").write_bytes(root.data)
    names = ("m.manifest.gz", "m.manifest")
    packed, plain = (validate_manifest(str(tmp_path / name), objects=root.path) for name in names)
    assert packed.schema.metadata[b"origin"].endswith(b"m.manifest.gz")
    assert packed.drop_columns("file").equals(plain.drop_columns("file"))
    assert plain.drop_columns("file").equals(validate_manifest(root.data, objects=root.path).drop_columns("file"))


@pytest.mark.parametrize("profile", PROFILES)
def test_some_are_listed_and_all_are_counted(root, profile):
    expected = validate_manifest(root.data, profile=profile, objects=root.path)
    table = validate_manifest(root.data, profile=profile, objects=root.path, max_findings=2)
    seen = Counter()
    first = []
    for row in expected.to_pylist():
        seen[row["code"]] += 1
        first += [row] * (seen[row["code"]] <= 2)
    assert table.to_pylist() == first
    assert code_counts(table) == seen
    assert not_listed(table) == {code: count - 2 for code, count in seen.items() if count > 2}
    assert facts(table) == facts(expected)


@pytest.mark.parametrize("profile", PROFILES)
def test_passed_on_as_they_come(root, monkeypatch, profile):
    monkeypatch.setattr(reading, "DRAIN_BYTES", 500)
    monkeypatch.setattr(reading, "BLOCK_BYTES", 500)
    expected = validate_manifest(root.data, profile=profile, objects=root.path)
    told = []
    table = validate_manifest(root.data, profile=profile, objects=root.path, on_findings=told.append)
    assert table.num_rows == 0
    assert facts(table) == facts(expected)
    rows = pa.concat_tables(told).to_pylist()
    assert sorted(map(str, rows)) == sorted(map(str, expected.to_pylist()))
    assert code_counts(table) == Counter(expected["code"].to_pylist())


def test_a_value_over_several_lines_after_many_parts(root, monkeypatch):
    data = root.data + b"\n" + json.dumps(entry("n1"), indent=1).encode() + b"\n" + json.dumps(entry("n2")).encode()
    expected = validate_manifest(data, objects=root.path)
    images = json.loads(expected.schema.metadata[b"statistics"])["images_seen"]
    monkeypatch.setattr(batches, "PART_BYTES", 1)
    table = validate_manifest(data, objects=root.path)
    assert table.equals(expected)
    assert json.loads(table.schema.metadata[b"statistics"])["images_seen"] == images > 20
    assert "LV005" in table["code"].to_pylist()


def test_too_many_missing_files_to_wait_for_one_that_is_there(tmp_path, monkeypatch):
    root = Root(tmp_path)
    lines = [entry(f"gone{number}", mask=False) for number in range(8)]
    monkeypatch.setattr(files, "MAX_WAITING", 3)
    assert root.codes(*lines) == ["LV319"] + ["LV305"] * 8  # they cannot be held back; then every one is told
    assert root.codes(*lines[:3]) == ["LV319"]
    found = root.rows(*lines, entry("a", mask=False))
    assert [(row["code"], row["line"]) for row in found] == [("LV305", line) for line in range(1, 9)]
