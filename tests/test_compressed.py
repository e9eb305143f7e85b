"""Packed files: the same bytes back, a limit on what comes out, and nothing half written."""

from __future__ import annotations

import gzip
import io
import sys

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import fs

import lvtools as lv
from lvtools import objects
from lvtools.compressed import compression_of, packed, unpacked
from lvtools.errors import ManifestError, ObjectError
from lvtools.objects import read_blocks, read_source, write_object

NAMES = ("a.manifest.gz", "a.manifest.zst", "A.GZ", "a.manifest")


@given(st.lists(st.binary(max_size=200), max_size=5), st.sampled_from(NAMES))
def test_what_is_packed_comes_out_again(pieces, name):
    data = b"".join(packed(pieces, name))
    assert unpacked(io.BytesIO(data), name).read() == b"".join(pieces)
    assert b"".join(packed(pieces, name)) == data  # on any day: no time in it


@pytest.mark.parametrize("name", NAMES)
def test_files_by_name(tmp_path, name):
    path = tmp_path / name
    data = b'{"source-ref":"s3://bbb/1.png"}\n' * 10_000
    write_object(path, (data[at : at + 1000] for at in range(0, len(data), 1000)))
    assert read_source(path) == read_source(f"file://{path}") == data
    assert [len(block) for block in read_blocks(path, 200_000)] == [200_000, 120_000]
    assert (path.stat().st_size < len(data) / 10) == (compression_of(name) is not None)
    assert lv.validate_manifest(path).schema.metadata[b"statistics"].startswith(b'{"lines":10000')


def test_others_can_read_it(tmp_path):
    write_object(tmp_path / "a.gz", b"hello")
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"hello"
    write_object(tmp_path / "a.zst", b"hello")
    with pa.input_stream(str(tmp_path / "a.zst"), compression="zstd") as stream:
        assert stream.read() == b"hello"


@pytest.mark.parametrize("name", ["a.gz", "a.zst"])
def test_a_bomb_stops_at_the_limit(name):
    bomb = b"".join(packed((b"\0" * 2**20 for _ in range(50)), name))
    with pytest.raises(ObjectError, match="unpacks to more than 1,000,000 bytes"):
        unpacked(io.BytesIO(bomb), name, limit=1_000_000).read()


@pytest.mark.parametrize("name", ["a.gz", "a.zst"])
def test_broken_files_are_one_sentence(tmp_path, name):
    whole = b"".join(packed([bytes(range(256)) * 100], name))
    damaged = [whole[:20] + b"xxxx" + whole[24:]] if name == "a.gz" else []  # Arrow's Zstandard has no checksum
    for data in (b"hello", whole[:-5], *damaged):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ObjectError, match="cannot be unpacked"):
            read_source(tmp_path / name)


def test_two_gzip_members_are_one_file(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n"))
    assert read_source(path) == b"one\ntwo\n"


def failing():
    yield b"first\n"
    raise ManifestError("the second is broken")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_half_written(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"old")
    with pytest.raises(ManifestError):
        write_object(path, failing())
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_standard_output_gets_all_or_nothing(capsysbinary):
    with pytest.raises(ManifestError):
        write_object("-", failing())
    assert capsysbinary.readouterr().out == b""
    write_object("-", b"all")
    assert capsysbinary.readouterr().out == b"all"


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """A folder that answers as s3://."""
    local = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    monkeypatch.setattr(objects, "_remote_filesystem", lambda uri: (local, uri.split("://", 1)[1]))
    (tmp_path / "bbb").mkdir()
    return tmp_path / "bbb"


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_buckets(bucket, scheme):
    for name in ("a.manifest", "a.manifest.gz", "a.manifest.zst"):
        uri = f"{scheme}://bbb/{name}"
        write_object(uri, [b"one\n", b"two\n"])
        assert read_source(uri) == b"one\ntwo\n"
    with pytest.raises(ManifestError):
        write_object(f"{scheme}://bbb/new", failing())
    assert not (bucket / "new").exists()
    with pytest.raises(ObjectError, match="cannot be written"):
        write_object(f"{scheme}://none/new", b"x")


def test_tools_work_on_buckets(bucket):
    (bucket / "in.manifest").write_bytes(b'{"source-ref":"s3://s3://bbb/1.png"}\nnonsense\n')
    report = lv.fix_manifest("s3://bbb/in.manifest", "s3://bbb/out.manifest.gz", drop_broken=True)
    assert read_source("s3://bbb/out.manifest.gz") == b'{"source-ref":"s3://bbb/1.png"}\n'
    assert report.rejected_to == "s3://bbb/out.manifest.gz.rejected"
    assert (bucket / "out.manifest.gz.rejected").read_bytes() == b"nonsense\n"


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"{}")))
    assert lv.manifest_stats("-").lines == 1
