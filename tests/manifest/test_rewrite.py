"""rewrite: whole segments, the longest prefix, and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lvtools as lv
from lvtools.errors import ArgumentError
from tests.manifest.files import bodies, entry, manifests, refs, text

SEGMENTS = st.lists(st.sampled_from(["a", "ab", "b", "img", "img2"]), min_size=1, max_size=4)


def moved(ref, mapping):
    return refs(lv.rewrite_manifest(text({"source-ref": ref}), mapping).data)[0]


def oracle(ref, mapping):
    parts = ref.split("/")
    for length in range(len(parts), 0, -1):
        head = "/".join(parts[:length])
        if head in mapping:
            return "/".join([mapping[head], *parts[length:]])
    return None


@given(
    SEGMENTS,
    st.dictionaries(
        SEGMENTS.map(lambda parts: "s3://bbb/" + "/".join(parts)),
        st.sampled_from(["s3://new", "s3://new/x", "/data"]),
        min_size=1,
        max_size=3,
    ),
)
def test_segments_and_the_longest_prefix(path, mapping):
    ref = "s3://bbb/" + "/".join(path)
    others = [{"source-ref": old + "/x.png"} for old in mapping]  # so that every prefix is used
    data = text({"source-ref": ref}, *others)
    result = refs(lv.rewrite_manifest(data, mapping).data)
    assert result[0] == (oracle(ref, mapping) or ref)


@pytest.mark.parametrize(
    ("ref", "mapping", "expected"),
    [
        ("s3://a-b/img/1.png", {"s3://a-b/img": "s3://c/x"}, "s3://c/x/1.png"),
        ("s3://a-b/img/1.png", {"s3://a-b/img/": "s3://c/x/"}, "s3://c/x/1.png"),
        ("s3://a-b/img/1.png", {"s3://a-b": "/data/images"}, "/data/images/img/1.png"),
        ("S3://a-b/img/1.png", {"s3://a-b": "s3://c"}, "s3://c/img/1.png"),
        ("/data/1.png", {"/data": "s3://c"}, "s3://c/1.png"),
        ("img/1.png", {"": "s3://c/x"}, "s3://c/x/img/1.png"),
        ("img/1.png", {"img": "s3://c/x"}, "s3://c/x/1.png"),
        ("s3://a-b/1.png", {"s3://a-b/1.png": "s3://a-b/2.png"}, "s3://a-b/2.png"),
        ("s3://a-b//img//1.png", {"s3://a-b": "s3://c"}, "s3://c//img//1.png"),
        ("s3://a-b/ä%20/1.png", {"s3://a-b/ä%20": "s3://c/ß"}, "s3://c/ß/1.png"),
    ],
)
def test_moves(ref, mapping, expected):
    assert moved(ref, mapping) == expected


@pytest.mark.parametrize("old", ["s3://a", "s3://a-b/im", "s3://a-b/img/1", "a-b", "img", ""])
def test_a_prefix_that_matches_nothing_is_refused(old, tmp_path):
    path = tmp_path / "a.manifest"
    path.write_bytes(text({"source-ref": "s3://a-b/img/1.png"}))
    before = path.read_bytes()
    with pytest.raises(ArgumentError, match="no reference begins with"):
        lv.rewrite_manifest(path, {"s3://a-b": "s3://c", old: "s3://d"}, path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "mapping", [{}, {"s3://": "s3://c"}, {"s3://a": ""}, {"s3://a": "s3://b", "s3://a/": "s3://c"}]
)
def test_mappings_that_cannot_be_meant(mapping):
    with pytest.raises(ArgumentError):
        lv.rewrite_manifest(b"", mapping)


def test_only_references_change_and_only_their_bytes():
    line = b'{"n" : 1.50,"source-ref" :"s3://old/\\u00e4.png", "text":"s3://old/x","m-ref":"s3://old/m.png","m-ref-metadata":{"x-ref":"s3://old/y"},"o-ref":7}\r\n'
    data = b"\xef\xbb\xbf" + line + b"\nnonsense s3://old/\n{}"
    report = lv.rewrite_manifest(data, {"s3://old": "s3://new"})
    expected = line.replace(b"s3://old/\\u00e4.png", "s3://new/ä.png".encode()).replace(b'"s3://old/m', b'"s3://new/m')
    assert report.data == b"\xef\xbb\xbf" + expected + b"\nnonsense s3://old/\n{}"
    assert report.by_key == {"source-ref": 1, "m-ref": 1}
    assert report.by_prefix == {"s3://old": 2}
    assert (report.lines, report.changed, report.broken, report.untouched) == (4, 1, 1, 0)


@given(manifests(min_size=1))
def test_there_and_back(data):
    there = lv.rewrite_manifest(data, {"s3://bbb": "s3://ccc/deep"}).data
    assert all(ref.startswith("s3://ccc/deep/g") for ref in refs(there))
    assert lv.rewrite_manifest(there, {"s3://ccc/deep": "s3://bbb"}).data == data


def test_what_meets_no_prefix_is_counted():
    data = text(entry("s3://bbb/1.png"), entry("s3://ccc/1.png"))
    report = lv.rewrite_manifest(data, {"s3://bbb": "s3://bbb"})
    assert (report.untouched, report.changed, report.data) == (1, 0, data)
    assert json.loads(bodies(report.data)[1])["source-ref"] == "s3://ccc/1.png"
