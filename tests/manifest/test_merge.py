"""merge: one line per image, and every conflict by its places."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

import lvtools as lv
from lvtools.errors import ArgumentError, ManifestError
from lvtools.manifest.edit.merge import ConflictError
from tests.manifest.files import bodies, entry, manifests, refs, text
from tests.shared import shared

A = text(entry("s3://bbb/1.png", "normal", date="2024-05-01T08:00:00"), entry("s3://bbb/2.png", "normal"))
B = text(entry("s3://bbb/1.png", "anomaly", date="2024-05-02T08:00:00"), entry("s3://bbb/3.png", "normal"))
MASK = {"m-ref": "s3://bbb/m.png", "m-ref-metadata": {"type": "groundtruth/semantic-segmentation"}}


def classes(data):
    return [json.loads(line).get("anomaly-label-metadata", {}).get("class-name") for line in bodies(data)]


@given(manifests(), manifests())
def test_disjoint_manifests_are_put_behind_each_other(a, b):
    b = b.replace(b"s3://bbb", b"s3://ccc")
    a = lv.dedupe_manifest(a).data
    b = lv.dedupe_manifest(b).data
    report = lv.merge_manifests([a, b])
    assert report.data == a + b
    assert report.same == report.conflicts.num_rows == 0


@given(manifests())
def test_a_manifest_merged_with_itself_is_itself(data):
    once = lv.dedupe_manifest(data).data
    report = lv.merge_manifests([once, once])
    assert report.data == once
    assert report.same == len(bodies(once))


@given(manifests(), manifests())
def test_each_image_once_and_none_lost(a, b):
    for on_conflict in ("first", "last", "newest"):
        report = lv.merge_manifests([a, b], on_conflict=on_conflict)
        images = refs(report.data)
        assert len(images) == len(set(images)) == report.kept
        assert set(images) == {*refs(a), *refs(b)}
        assert set(bodies(report.data)) <= {*bodies(a), *bodies(b)}
        assert report.kept + report.same + report.conflicts.num_rows == report.lines
    assert lv.merge_manifests([a, b], on_conflict="keep-all").data == a + b


def test_each_way_to_settle_a_conflict():
    assert classes(lv.merge_manifests([A, B], on_conflict="first").data) == ["normal"] * 3
    assert classes(lv.merge_manifests([A, B], on_conflict="last").data) == ["anomaly", "normal", "normal"]
    assert classes(lv.merge_manifests([A, B], on_conflict="newest").data)[0] == "anomaly"
    assert classes(lv.merge_manifests([B, A], on_conflict="newest").data)[0] == "anomaly"
    assert len(bodies(lv.merge_manifests([A, B], on_conflict="keep-all").data)) == 4


def test_a_conflict_names_both_places(tmp_path):
    one, two = tmp_path / "one.manifest", tmp_path / "two.manifest"
    one.write_bytes(b"\n" + A)
    two.write_bytes(B)
    dest = tmp_path / "all.manifest"
    with pytest.raises(ConflictError, match="1 line contradict") as raised:
        lv.merge_manifests([one, two], dest)
    assert not dest.exists()
    row = raised.value.conflicts.to_pylist()[0]
    assert (row["first"], row["second"], row["kept"]) == (f"{one}:2", f"{two}:1", None)
    assert row["keys"] == ["anomaly-label-metadata"]
    kept = lv.merge_manifests([one, two], dest, on_conflict="last").conflicts.to_pylist()
    assert [one["kept"] for one in kept] == ["second"]
    assert len(lv.read_manifest(dest)) == 3


def test_chained_jobs_are_joined():
    first = b'{"source-ref" : "s3://bbb/1.png", "kind" : 1.50}\r\n'
    second = b'{"kind":1.5,"source-ref":"s3://bbb/1.png","m-ref":"s3:\\/\\/bbb\\/m.png","m-ref-metadata":{"n":1e3}}\n'
    report = lv.merge_manifests([first, second], on_conflict="join")
    expected = first.removesuffix(b"}\r\n") + b', "m-ref" : "s3:\\/\\/bbb\\/m.png", "m-ref-metadata" : {"n":1e3}}\r\n'
    assert report.data == expected
    assert report.conflicts["kept"].to_pylist() == ["joined"]


def test_what_cannot_be_joined_is_an_error():
    with pytest.raises(ConflictError, match="anomaly-label-metadata"):
        lv.merge_manifests([A, B], on_conflict="join")


@given(manifests(max_size=8))
def test_joining_takes_apart_and_together(data):
    whole = lv.dedupe_manifest(data).data
    values = [json.loads(line) for line in bodies(whole)]
    masks = text(*({"source-ref": value["source-ref"], **MASK} for value in values))
    joined = lv.merge_manifests([whole, masks], on_conflict="join").data
    assert [json.loads(line) for line in bodies(joined)] == [value | MASK for value in values]


def test_spelling_makes_no_conflict():
    one = b'{"source-ref":"s3://bbb/1.png","x":1,"y":[1.0]}\n'
    two = b'{"y": [1], "x": 1.0, "source-ref": "s3:\\u002f/bbb/1.png"}\n'
    report = lv.merge_manifests([one, two])
    assert (report.data, report.same) == (one, 1)
    with pytest.raises(ConflictError):
        lv.merge_manifests([one, two.replace(b"1.0", b"true")])


def test_lines_without_an_image_are_all_kept():
    data = b'{"source":"some text"}\n'
    assert lv.merge_manifests([data, data]).data == data * 2


def test_ends_are_put_between():
    assert (
        lv.merge_manifests([b'{"source":"a"}', b'\xef\xbb\xbf{"source":"b"}']).data == b'{"source":"a"}\n{"source":"b"}'
    )


def test_wrong_arguments():
    with pytest.raises(ArgumentError):
        lv.merge_manifests([A], on_conflict="oldest")
    for single in ("a.manifest", A):
        with pytest.raises(ArgumentError, match="not a list"):
            lv.merge_manifests(single)
    with pytest.raises(ManifestError, match="<bytes>:1"):
        lv.merge_manifests([b"nonsense\n"])
    assert lv.merge_manifests([b"nonsense\n", A], on_broken="keep").data == b"nonsense\n" + A
    assert lv.merge_manifests([]).data == b""


def test_the_getting_started_sets_join():
    one, two = (
        shared("data", "cookies", "train_class.manifest"),
        shared("data", "cookies", "train_segmentation.manifest"),
    )
    report = lv.merge_manifests([one, two], on_conflict="join")
    assert report.conflicts["kept"].to_pylist() == ["joined"] * 63
    assert lv.diff_manifests(report.data, two).same
