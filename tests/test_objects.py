import io
import os
import sys

import pyarrow as pa
import pytest
from pyarrow import fs

from lvtools import objects
from lvtools.errors import ArgumentError, ObjectError
from lvtools.objects import Objects, is_remote, origin_of, read_blocks, read_source


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    for name in ("bucket/a/b.png", "a/b.png", "b.png", "only/c.png", "d.png", "a b.png"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (tmp_path / "secret.png").write_bytes(b"secret")
    return root


@pytest.mark.parametrize(
    ("ref", "found"),
    [
        ("s3://bucket/a/b.png", "bucket/a/b.png"),
        ("s3://other/a/b.png", "a/b.png"),
        ("s3://other/x/y/b.png", "b.png"),
        ("s3://other/x/only/c.png", "only/c.png"),
        ("S3://bucket//a/./b.png", "bucket/a/b.png"),
        ("/home/user/data/a/b.png", "a/b.png"),
        ("a/b.png", "a/b.png"),
        ("./a/b.png", "a/b.png"),
        ("a b.png", "a b.png"),
        ("x/b.png", None),  # relative references start at the root
        ("s3://bucket/none.png", None),
        ("s3://bucket/a", None),  # a folder is no object
        ("s3://bucket/b%2Epng", None),  # a key stands as it is
    ],
)
def test_the_longest_tail_that_exists_is_taken(root, ref, found):
    place = Objects(root).locate(ref)
    assert place == (None if found is None else str((root / found).resolve()))
    if found:
        assert Objects(str(root)).read(ref) == found.encode()
    else:
        with pytest.raises(ObjectError, match="is not under"):
            Objects(root).read(ref)


@pytest.mark.parametrize(
    "ref",
    [
        "../secret.png",
        "a/../../secret.png",
        "s3://bucket/../../secret.png",
        "s3://..",
        "a\0.png",
        "",
        "/",
        "s3://",
        ".",
    ],
)
def test_what_is_no_plain_path_is_refused(root, ref):
    for call in (Objects(root).locate, Objects(root).read):
        with pytest.raises(ObjectError, match="is not a plain path"):
            call(ref)


def test_symbolic_links_stay_inside_the_root(root, tmp_path):
    (root / "out.png").symlink_to(tmp_path / "secret.png")
    (root / "up").symlink_to(tmp_path)
    (root / "in.png").symlink_to(root / "d.png")
    (root / "loop").symlink_to(root / "loop")
    (root.parent / "root2").mkdir()
    (root.parent / "root2" / "x.png").write_bytes(b"")
    (root / "beside").symlink_to(root.parent / "root2")  # a name that begins like the root's
    assert Objects(root).read("in.png") == b"d.png"
    for ref in ("out.png", "up/secret.png", "s3://bucket/up/secret.png", "beside/x.png"):
        with pytest.raises(ObjectError, match="leads out of"):
            Objects(root).locate(ref)
    assert Objects(root).locate("loop") is None
    (tmp_path / "link").symlink_to(root)
    assert Objects(tmp_path / "link").read("d.png") == b"d.png"


def test_a_root_must_be_a_folder(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for name in ("none", "file"):
        with pytest.raises(ObjectError, match="no such folder"):
            Objects(tmp_path / name)


def test_large_objects_are_refused(root):
    assert Objects(root).read("d.png", limit=5) == b"d.png"
    with pytest.raises(ObjectError, match="larger than 4 bytes"):
        Objects(root).read("d.png", limit=4)


@pytest.fixture
def bucket(monkeypatch):
    """s3:// without a network: pyarrow's file system in memory."""
    store = fs._MockFileSystem()
    for name in ("bucket/data/a/b.png", "bucket/data.png", "other/a/b.png"):
        store.create_dir(os.path.dirname(name))
        with store.open_output_stream(name) as stream:
            stream.write(name.encode())
    monkeypatch.setattr(objects, "_remote_filesystem", lambda uri: (store, uri.split("://", 1)[1]))


def test_a_bucket_with_a_prefix_is_a_root(bucket):
    root = Objects("s3://bucket/data/")
    assert root.read("s3://bucket/data/a/b.png") == b"bucket/data/a/b.png"
    assert root.read("a/b.png") == b"bucket/data/a/b.png"
    with pytest.raises(ObjectError, match="larger than 3"):
        root.read("a/b.png", limit=3)
    with pytest.raises(ObjectError):
        root.read("none.png")
    for ref in ("s3://other/a/b.png", "s3://bucket/data.png", "s3://bucket/databucket/x"):
        with pytest.raises(ObjectError, match="lies outside"):
            root.locate(ref)
    with pytest.raises(ObjectError, match="leads out of"):
        root.locate("s3://bucket/data/../../other/a/b.png")
    with pytest.raises(ObjectError, match="not a plain path"):
        root.locate("../../other/a/b.png")


def test_remote_sources_are_read_the_same_way(bucket):
    assert read_source("s3://bucket/data.png") == b"bucket/data.png"
    assert list(read_blocks("s3://bucket/data.png", 8)) == [b"bucket/d", b"ata.png"]
    with pytest.raises(ObjectError):
        read_source("s3://bucket/none")


def test_what_is_remote_and_what_it_is_called(tmp_path):
    assert [is_remote(x) for x in ("s3://b/k", "GS://b/k", "abfss://b/k", "file:///x", "b/k", tmp_path, b"s3://")] == [
        True, True, True, False, False, False, False,
    ]  # fmt: skip
    assert [origin_of(x) for x in ("-", "a.manifest", b"x", tmp_path)] == [
        "<stdin>",
        "a.manifest",
        "<bytes>",
        str(tmp_path),
    ]
    assert origin_of(os.fsdecode(b"\xff.manifest")) == "\\xff.manifest"


def test_sources(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    for source in (
        path,
        str(path),
        path.as_uri(),
        b"12345",
        bytearray(b"12345"),
        memoryview(b"12345"),
        pa.py_buffer(b"12345"),
    ):
        assert read_source(source) == b"12345"
        assert list(read_blocks(source, 2)) == [b"12", b"34", b"5"]
    assert list(read_blocks(b"", 2)) == []
    for wrong in (7, None, ["a"], io.BytesIO(b"x")):
        with pytest.raises(ArgumentError, match="cannot read from a"):
            read_source(wrong)
        with pytest.raises(ArgumentError, match="cannot read from a"):
            list(read_blocks(wrong, 2))


def test_a_source_that_cannot_be_read_says_why(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.manifest").write_bytes(b"")
    cases = [
        (tmp_path / "none", "there is no such file", None),
        (tmp_path / "no" / "none", "there is no such file", "does not exist either"),
        (tmp_path, "this is a folder", "name the manifest inside it"),
        (tmp_path / "set", "this is a folder", "did you mean .*train.manifest"),
        ("a\0b", "cannot be read: embedded null byte", None),
        ("/proc/self/mem", "cannot be read", None),
    ]
    for source, reason, hint in cases:
        for call in (read_source, lambda source: list(read_blocks(source, 10))):
            with pytest.raises(ObjectError, match=reason) as caught:
                call(source)
            if hint:
                assert caught.match(hint)
            else:
                assert caught.value.hint is None


def test_standard_input(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"abc")))
    assert read_source("-") == b"abc"
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ObjectError, match="standard input is closed"):
        read_source("-")
    (tmp_path / "f").write_bytes(b"from a file")
    with open(tmp_path / "f") as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert list(read_blocks("-", 100)) == [b"from a file"]
        assert not stream.closed
