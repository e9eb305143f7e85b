"""Entries a part at a time are those of the whole file."""

from __future__ import annotations

from unittest import mock

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lvtools as lv
from lvtools.dataset import ENTRY_SCHEMA
from lvtools.errors import ManifestError
from lvtools.findings import FindingList
from lvtools.manifest.batches import Several, read_batches
from lvtools.manifest.fast import Part
from tests.manifest.files import entry, manifests, odd_manifests, text

NAMES = ENTRY_SCHEMA.names


def plain(table):
    """A table without dictionaries, whose numbering belongs to a part."""
    fields = [(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in table.schema]
    return table.cast(pa.schema(fields)).to_pylist()


def batches(data, part_bytes, block_bytes=7, **options):
    blocks = [data[at : at + block_bytes] for at in range(0, len(data), block_bytes)]
    return list(read_batches(blocks, NAMES, part_bytes=part_bytes, **options))


@given(
    st.one_of(manifests(), odd_manifests()),
    st.integers(1, 2000),
    st.integers(1, 500),
    st.sampled_from(["lookoutvision", "groundtruth", "rekognition"]),
)
def test_parts_hold_the_rows_of_the_whole(data, part_bytes, block_bytes, profile):
    try:
        parts = batches(data, part_bytes, block_bytes, profile=profile)
    except Several:
        parts = batches(data, part_bytes, block_bytes, profile=profile, whole=True)
        assert len(parts) == 1
    rows = [row for table, _ in parts for row in plain(table)]
    assert rows == plain(lv.read_manifest(data, profile=profile).entries)
    for table, base in parts:
        raws = b"".join(table["raw"].to_pylist())
        assert data[base : base + len(raws)] == raws


def test_a_long_file_comes_in_many_parts():
    data = text(*(entry(f"s3://bbb/{number}.png", "normal") for number in range(300)))
    parts = batches(data, 5000, 999, profile="lookoutvision")
    assert len(parts) > 10
    assert [row["line"] for table, _ in parts for row in plain(table)] == list(range(1, 301))


def test_a_value_over_several_lines_ends_the_parts():
    data = text(*[entry("s3://bbb/1.png", "normal")] * 20) + b'{\n"source-ref": "s3://bbb/2.png"\n}\n'
    with pytest.raises(Several):
        batches(data, 1000, profile="groundtruth")
    ((table, base),) = batches(data, 1000, profile="groundtruth", whole=True)
    assert base == 0
    assert table["source_ref"][-1].as_py() == "s3://bbb/2.png"


def test_a_binary_looking_start_of_a_later_part_is_no_binary_file():
    good = text(entry("s3://bbb/1.png", "normal"))
    data = good * 20 + good.replace(b"1.png", b"\0.png") * 20
    rows = [row for table, _ in batches(data, len(good) * 20, len(good), profile="groundtruth") for row in plain(table)]
    assert rows == plain(lv.read_manifest(data, profile="groundtruth").entries)


def test_a_column_too_long_for_arrow_is_a_clear_error():
    part = Part([text(entry("s3://bbb/1.png", "normal"))], FindingList("a.manifest", "groundtruth"), want=1)
    part.engine = mock.Mock(run=mock.Mock(side_effect=OverflowError))
    with pytest.raises(ManifestError, match="more than 2 GB") as caught:
        part.read()
    assert caught.value.path == "a.manifest"
    assert "lvtools fix" in caught.value.hint
