"""diff: meaning, not text."""
# ruff: noqa: E501 - lines of a manifest are read as lines

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

import lvtools as lv
from tests.manifest.files import bodies, entry, manifests, odd_manifests, text

A = text(entry("s3://bbb/1.png", "normal"), entry("s3://bbb/2.png", tags=[1, {"a": 1}]), entry("s3://bbb/3.png"))


def changes(a, b):
    return [
        (row["kind"], row["pointer"], row["before"], row["after"])
        for row in lv.diff_manifests(a, b).changes.to_pylist()
    ]


@given(odd_manifests())
def test_a_file_is_the_same_as_itself(data):
    diff = lv.diff_manifests(data, data)
    assert diff.same
    assert not diff.changes.num_rows
    assert diff.to_text() == ""
    assert json.loads(diff.to_json())["same"]


@given(manifests(), st.randoms(use_true_random=False))
def test_order_and_spelling_make_no_difference(data, rng):
    once = lv.dedupe_manifest(data).data
    values = [json.loads(line) for line in bodies(once)]
    rng.shuffle(values)
    spelt = b"".join(
        json.dumps(dict(reversed(value.items())), indent=None, ensure_ascii=True).replace('"confidence": 1', '"confidence": 1.0').encode() + b"\r\n\n"
        for value in values
    )  # fmt: skip
    assert lv.diff_manifests(once, spelt).same


@given(manifests(), manifests())
def test_both_directions_agree(a, b):
    one, other = lv.diff_manifests(a, b), lv.diff_manifests(b, a)
    assert (one.added, one.removed, one.changed, one.unchanged) == (
        other.removed,
        other.added,
        other.changed,
        other.unchanged,
    )
    assert one.removed + one.changed + one.unchanged == len(bodies(a))
    assert one.added + one.changed + one.unchanged == len(bodies(b))
    assert one.same == (not one.changes.num_rows)


def test_what_is_told():
    b = text(
        entry("s3://bbb/4.png"),
        entry("s3://bbb/2.png", tags=[1.0, {"a": True, "b/c": None}, "x"]),
        entry("s3://bbb/1.png", "anomaly"),
    )
    diff = lv.diff_manifests(A, b)
    assert (diff.added, diff.removed, diff.changed, diff.unchanged) == (1, 1, 2, 0)
    assert changes(A, b) == [
        ("changed", "/anomaly-label-metadata/class-name", '"normal"', '"anomaly"'),
        ("changed", "/tags/1/a", "1", "true"),
        ("changed", "/tags/1/b~1c", None, "null"),
        ("changed", "/tags/2", None, '"x"'),
        ("removed", None, '{"source-ref":"s3://bbb/3.png"}', None),
        ("added", None, None, '{"source-ref":"s3://bbb/4.png"}'),
    ]
    shown = diff.to_text()
    assert "- s3://bbb/3.png" in shown
    assert "+ s3://bbb/4.png" in shown
    assert '/anomaly-label-metadata/class-name: "normal" -> "anomaly"' in shown
    document = json.loads(diff.to_json())
    assert document["changes"][2]["before"] is None
    assert document["changes"][5]["after"] == {"source-ref": "s3://bbb/4.png"}


def test_a_key_that_goes():
    assert changes(b'{"source-ref":"s3://bbb/1.png","x":[1,2]}', b'{"source-ref":"s3://bbb/1.png","x":[1]}') == [
        ("changed", "/x/1", "2", None)
    ]


def test_repeated_images_are_compared_in_turn():
    line = text(entry("s3://bbb/1.png"))
    assert lv.diff_manifests(line * 2, line).removed == 1
    assert lv.diff_manifests(line * 2, line * 2).same


def test_broken_and_anonymous_lines_count_by_content():
    assert lv.diff_manifests(b"nonsense\n", b"nonsense").same
    assert not lv.diff_manifests(b"nonsense\n", b"other\n").same
    assert lv.diff_manifests(b'{"source":"a","x":1}', b'{"x":1.0,"source":"a"}').same


def test_many_changes_are_shortened():
    a = text(*(entry(f"s3://bbb/{number}.png") for number in range(100)))
    diff = lv.diff_manifests(a, b"")
    assert "… and 80 more removed" in diff.to_text()
    assert "more removed" not in diff.to_text(everything=True)


def test_text_shows_no_control_characters():
    a = b'{"source-ref":"s3://bbb/\\u001b[2J","\\u202e":"\\u009b"}\n'
    shown = lv.diff_manifests(a, a.replace(b"\\u009b", b"x")).to_text() + lv.diff_manifests(a, b"").to_text()
    assert not {"\x1b", "\u202e", "\x9b"} & set(shown)
