"""upsert: what UpdateDatasetEntries did to a dataset."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

import lvtools as lv
from lvtools.errors import ManifestError
from tests.manifest.files import bodies, entry, manifests, refs, text

BASE = text(entry("s3://bbb/1.png", "normal", extra=1), entry("s3://bbb/2.png"))


@given(manifests(), manifests())
def test_the_laws(base, changes):
    report = lv.upsert_manifest(base, changes)
    assert lv.upsert_manifest(report.data, changes).data == report.data
    last = {json.loads(line)["source-ref"]: line for line in bodies(changes)}
    for line in bodies(report.data):
        ref = json.loads(line)["source-ref"]
        assert line == last.get(ref, line)
        assert ref in last or line in bodies(base)
    assert set(refs(report.data)) == {*refs(base), *refs(changes)}
    new = [ref for ref in dict.fromkeys(refs(changes)) if ref not in refs(base)]
    assert refs(report.data)[len(refs(report.data)) - len(new) :] == new
    assert report.added == len(new)
    assert report.replaced == len(set(refs(base)) & set(last))
    assert report.superseded == len(bodies(changes)) - len(last)


@given(manifests())
def test_no_changes_change_nothing(base):
    assert lv.upsert_manifest(base, b"").data == base
    once = lv.dedupe_manifest(base).data
    assert lv.upsert_manifest(b"", once).data == once


def test_a_line_is_replaced_completely_and_in_its_place():
    changes = b' {"source-ref": "s3://bbb/1.png"}\r\n' + text(entry("s3://bbb/9.png"))
    report = lv.upsert_manifest(BASE, changes)
    lines = bodies(report.data)
    assert lines[0] == b'{"source-ref": "s3://bbb/1.png"}'
    assert report.data.splitlines(keepends=True)[1] == BASE.splitlines(keepends=True)[1]
    assert (report.replaced_refs, report.added_refs) == (("s3://bbb/1.png",), ("s3://bbb/9.png",))


def test_keys_are_compared_by_value_not_by_spelling():
    assert lv.upsert_manifest(BASE, b'{"source-ref":"s3:\\/\\/bbb/1.png"}').replaced == 1
    assert lv.upsert_manifest(BASE, b'{"source-ref":"s3://bbb/%31.png"}').added == 1


def test_an_image_twice_in_the_base_keeps_one_line():
    report = lv.upsert_manifest(BASE + BASE, text(entry("s3://bbb/1.png")))
    assert refs(report.data) == ["s3://bbb/1.png", "s3://bbb/2.png", "s3://bbb/2.png"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (b"nonsense\n", "no JSON object"),
        (text(entry("s3://bbb/3.png")) + b"{}\n", "<bytes>:2:1: the line has no 'source-ref'"),
        (text(entry("s3://ccc/3.png")), "in bucket 'ccc', those of the base in 'bbb'"),
        (b'{\n"source-ref": "s3://bbb/3.png"}', "spread over several lines"),
    ],
)
def test_all_or_nothing(changes, said, tmp_path):
    path = tmp_path / "base.manifest"
    path.write_bytes(BASE)
    with pytest.raises(ManifestError, match=said):
        lv.upsert_manifest(path, changes, path)
    assert path.read_bytes() == BASE


def test_other_buckets_on_demand():
    changes = text(entry("s3://ccc/3.png"))
    assert lv.upsert_manifest(BASE, changes, other_buckets=True).added == 1
    assert lv.upsert_manifest(b"", changes).added == 1
    with pytest.raises(ManifestError, match="bucket"):
        lv.upsert_manifest(b"", changes + text(entry("s3://ddd/3.png")))


def test_broken_lines_of_the_base():
    base = b"nonsense\n" + BASE
    with pytest.raises(ManifestError):
        lv.upsert_manifest(base, b"")
    assert lv.upsert_manifest(base, b"", on_broken="keep").data == base
    assert lv.upsert_manifest(base, b"", on_broken="drop").data == BASE
