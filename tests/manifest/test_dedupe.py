"""dedupe: one line per image, chosen by a stated rule; the others untouched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lvtools as lv
from lvtools.errors import ArgumentError
from lvtools.manifest.edit.dedupe import normalized
from tests.manifest.files import bodies, entry, manifests, refs, text


@given(
    manifests(images=5),
    st.sampled_from(["first", "last", "newest"]),
    st.sampled_from(["source-ref", "line", "normalized"]),
)
def test_the_laws(data, keep, same):
    report = lv.dedupe_manifest(data, keep=keep, same=same)
    lines = bodies(data)
    kept = bodies(report.data)
    assert lv.dedupe_manifest(report.data, keep=keep, same=same).data == report.data
    assert report.kept + report.removed.num_rows == report.lines == len(lines)
    rest = iter(lines)
    assert all(line in rest for line in kept)  # in order
    assert set(kept) == set(lines) if same == "line" else set(refs(report.data)) == set(refs(data))
    assert len(kept) == len(set(kept))


def test_which_line_stays():
    data = text(
        entry("s3://bbb/1.png", "normal", date="2024-05-02T00:00:00"),
        entry("s3://bbb/2.png"),
        entry("s3://bbb/1.png", "anomaly", date="2024-05-03T00:00:00"),
        entry("s3://bbb/1.png", "scratch", date="2024-05-01T00:00:00"),
        entry("s3://bbb/1.png"),
    )
    lines = data.splitlines(keepends=True)
    assert lv.dedupe_manifest(data).data == b"".join(lines[:2])
    assert lv.dedupe_manifest(data, keep="last").data == lines[1] + lines[4]
    assert lv.dedupe_manifest(data, keep="newest").data == lines[1] + lines[2]
    assert lv.dedupe_manifest(data, same="line").data == data
    removed = lv.dedupe_manifest(data + lines[0]).removed.to_pylist()
    assert [(row["line"], row["kept_line"], row["identical"]) for row in removed] == [
        (3, 1, False), (4, 1, False), (5, 1, False), (6, 1, True)
    ]  # fmt: skip


def test_spellings_of_one_image():
    same = ["s3://bbb/ä b.png", "S3://bbb//a\u0308 b.png", "s3://bbb/x/../%C3%A4%20b.png", "s3://s3://bbb/./ä b.png"]
    assert len({normalized(ref) for ref in same}) == 1
    data = text(*(entry(ref) for ref in same), entry("s3://bbb/Ä b.png"))
    assert lv.dedupe_manifest(data).kept == 5
    assert refs(lv.dedupe_manifest(data, same="normalized").data) == [same[0], "s3://bbb/Ä b.png"]
    assert normalized("./a//b.png") == normalized("a/b.png")
    assert normalized("s3://bbb/../../x") == "s3://x"


@given(st.text())
def test_normalizing_is_idempotent_enough_to_compare(ref):
    assert normalized(ref) == normalized(ref)


def test_lines_without_image_differ_by_their_bytes():
    data = b'{"source":"a"}\n{"source":"b"}\n{"source":"a"}\n'
    assert lv.dedupe_manifest(data).data == b'{"source":"a"}\n{"source":"b"}\n'


def test_wrong_arguments():
    for options in ({"same": "image"}, {"keep": "best"}, {"on_broken": "what"}):
        with pytest.raises(ArgumentError):
            lv.dedupe_manifest(b"", **options)
