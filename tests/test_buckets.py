"""Buckets: s3:// against a server on this machine that speaks S3, gs:// and az:// up to the question to Arrow.

The commands are run as a user runs them, with the endpoint in the environment variables that AWS's own tools read.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import logging
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import pytest
from pyarrow import fs

import lvtools as lv
from lvtools import objects
from lvtools.errors import ObjectError
from lvtools.objects import read_source, write_object
from tests.cli.inside import run  # noqa: F401 - a fixture
from tests.manifest.files import entry, refs, text

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
LINES = [entry(f"s3://acme/boards/{number}.png", ("normal", "anomaly")[number % 2]) for number in range(10)]
DATA = text(*LINES)


def png(height=8, width=8, color=(255, 255, 255)):
    image = np.full((height, width, 3), color[::-1], np.uint8)
    return cv2.imencode(".png", image)[1].tobytes()


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("moto.server", reason="moto[server,s3] stands in for S3: pip install -e .[dev]")
    pytest.importorskip("boto3", reason="boto3 fills the bucket: pip install -e .[dev]")
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture(params=["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def endpoint(request, server, monkeypatch):
    for name, value in (CREDENTIALS | {request.param: server}).items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def bucket(server, monkeypatch):
    import boto3

    for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": server}).items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=server)
    client.create_bucket(Bucket="acme")
    client.put_object(Bucket="acme", Key="m.manifest", Body=DATA)
    yield client
    for page in client.get_paginator("list_objects_v2").paginate(Bucket="acme"):
        for one in page.get("Contents", ()):
            client.delete_object(Bucket="acme", Key=one["Key"])
    client.delete_bucket(Bucket="acme")


def keys(client):
    return {one["Key"] for one in client.list_objects_v2(Bucket="acme").get("Contents", ())}


def body(client, key):
    return client.get_object(Bucket="acme", Key=key)["Body"].read()


def test_the_endpoint_comes_from_the_environment(endpoint, bucket):
    assert read_source("s3://acme/m.manifest") == DATA
    write_object("S3://acme/new/x", b"abc")
    assert body(bucket, "new/x") == b"abc"


def test_a_key_stands_as_it_is(bucket):
    for key in ("a b.png", "a%20b.png", "a#b", "a+b", "ü/é.png", "a?b", "a@b:c", "a&b=c;d", "100%", "a?x=1/y"):
        write_object(f"s3://acme/k/{key}", key.encode())
        assert read_source(f"s3://acme/k/{key}") == key.encode()
        assert body(bucket, f"k/{key}") == key.encode()
    assert read_source("s3://acme/m.manifest?region=us-east-1") == DATA


def test_what_is_not_there_is_said(bucket, run):  # noqa: F811
    for uri in ("s3://acme/none.manifest", "s3://nobody/none.manifest"):
        code, _, err = run("validate", uri)
        assert code == 2
        assert uri in err
    with pytest.raises(ObjectError, match="cannot be written"):
        write_object("s3://nobody/x", b"abc")


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_every_tool_reads_and_writes_buckets(bucket, run, tmp_path, suffix):  # noqa: F811
    """Each command on a bucket gives the bytes that it gives on files."""
    write_object(f"s3://acme/in.manifest{suffix}", DATA)
    write_object(f"s3://acme/changes.manifest{suffix}", text(entry("s3://acme/boards/3.png", "normal")))
    for name in ("in", "changes"):
        write_object(tmp_path / f"{name}.manifest{suffix}", read_source(f"s3://acme/{name}.manifest{suffix}"))
    commands = [
        ["validate", "{}/in.manifest" + suffix, "--format", "json"],
        ["fix", "{}/in.manifest" + suffix, "-o", "{}/fix.manifest" + suffix],
        ["stats", "{}/in.manifest" + suffix, "-o", "{}/stats.txt"],
        ["split", "{}/in.manifest" + suffix],
        ["split", "{}/in.manifest" + suffix, "--folds", "2", "-o", "{}/folds"],
        ["merge", "{}/in.manifest" + suffix, "{}/in.manifest" + suffix, "-o", "{}/merge.manifest" + suffix],
        ["diff", "{}/in.manifest" + suffix, "{}/changes.manifest" + suffix],
        ["dedupe", "{}/in.manifest" + suffix, "-o", "{}/dedupe.manifest" + suffix],
        ["filter", "{}/in.manifest" + suffix, "--anomaly-class", "normal", "-o", "{}/filter.manifest" + suffix],
        ["rewrite", "{}/in.manifest" + suffix, "s3://acme=s3://other", "-o", "{}/rewrite.manifest" + suffix],
        ["upsert", "{}/in.manifest" + suffix, "{}/changes.manifest" + suffix, "--in-place"],
    ]
    for command in commands:
        local = run(*(part.format(tmp_path) for part in command))
        remote = run(*(part.format("s3://acme") for part in command))
        assert remote[0] == local[0] in (0, 1), (command, remote)
        assert remote[1].decode().replace("s3://acme/", f"{tmp_path}/") == local[1].decode().replace(
            "s3://acme/", f"{tmp_path}/"
        )
    written = {path.name: path.read_bytes() for path in Path(tmp_path).iterdir() if path.name != "stats.txt"}
    assert len(written) == 2 + 1 + 2 + 4 + 1 + 1 + 1 + 1  # upsert wrote over what was there
    for name, data in written.items():
        assert body(bucket, name) == data, name
    if suffix == ".gz":
        assert refs(gzip.decompress(body(bucket, "filter.manifest.gz"))) == [
            f"s3://acme/boards/{number}.png" for number in range(0, 10, 2)
        ]
    assert b"Images: 10" in body(bucket, "stats.txt")


def test_packed_objects_are_what_other_tools_read_and_write(bucket):
    bucket.put_object(Bucket="acme", Key="theirs.manifest.gz", Body=gzip.compress(DATA))
    assert read_source("s3://acme/theirs.manifest.gz") == DATA
    assert lv.manifest_stats("s3://acme/theirs.manifest.gz").images == 10
    write_object("s3://acme/ours.manifest.gz", DATA)
    assert gzip.decompress(body(bucket, "ours.manifest.gz")) == DATA
    assert lv.Objects("s3://acme").read("s3://acme/ours.manifest.gz") == body(bucket, "ours.manifest.gz")


def test_rejected_lines_go_beside_the_result(bucket, run):  # noqa: F811
    write_object("s3://acme/broken.manifest", DATA + b"nonsense\n")
    code, _, err = run("fix", "s3://acme/broken.manifest", "-o", "s3://acme/fixed.manifest", "--drop-broken")
    assert code == 0
    assert "moved out to s3://acme/fixed.manifest.rejected" in err
    assert body(bucket, "fixed.manifest.rejected") == b"nonsense\n"
    assert body(bucket, "fixed.manifest") == DATA


def test_images_and_masks_in_a_bucket_are_looked_at(bucket, run):  # noqa: F811
    for number in range(9):
        bucket.put_object(Bucket="acme", Key=f"boards/{number}.png", Body=png())
    code, out, _ = run("validate", "s3://acme/m.manifest", "--images", "s3://acme", "--format", "json")
    found = [row for row in json.loads(out)["files"][0]["findings"] if row["code"] == "LV305"]
    assert code == 1
    assert [row["line"] for row in found] == [10]


def test_areas_of_masks_in_a_bucket(bucket, run):  # noqa: F811
    bucket.put_object(Bucket="acme", Key="masks/1.png", Body=png(color=(0x23, 0xA4, 0x36)))
    code, out, err = run("areas", "s3://acme/masks/1.png", "--class", "crack=#23a436", "--format", "csv")
    assert code == 0, err
    assert b"s3://acme/masks/1.png" in out
    assert b"crack" in out


def test_a_large_result_is_sent_at_once_and_from_disk(bucket, monkeypatch):
    monkeypatch.setattr(objects, "_SPOOL_BYTES", 1000)
    sent = []
    find = objects._remote_filesystem

    class Watched:
        def __init__(self, filesystem):
            self._filesystem = filesystem

        @contextlib.contextmanager
        def open_output_stream(self, path, **options):
            with self._filesystem.open_output_stream(path, **options) as stream:
                yield mock.Mock(write=lambda data: sent.append(stream.write(data)))

    def watched(uri):
        filesystem, path = find(uri)
        return Watched(filesystem), path

    monkeypatch.setattr(objects, "_remote_filesystem", watched)
    pieces = [bytes([number % 251]) * 100_000 for number in range(120)]  # above the 5 MB of a part
    write_object("s3://acme/large", iter(pieces))
    assert sent == [12_000_000]
    assert body(bucket, "large") == b"".join(pieces)


def test_an_interrupted_work_leaves_the_object_as_it_was(bucket):
    def pieces():
        yield b"x" * 100
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_object("s3://acme/m.manifest", pieces())
    assert body(bucket, "m.manifest") == DATA
    assert keys(bucket) == {"m.manifest"}


@pytest.mark.parametrize(
    ("uri", "asked"),
    [
        ("gs://acme/a b/m.manifest", "gs://acme/a%20b/m.manifest"),
        ("GCS://acme/m.manifest", "gcs://acme/m.manifest"),
        ("az://acme/m.manifest", "abfss://acme@house.dfs.core.windows.net/m.manifest"),
        ("abfss://acme@other.dfs.core.windows.net/m.manifest", "abfss://acme@other.dfs.core.windows.net/m.manifest"),
    ],
)
def test_other_clouds_are_asked_for_the_right_object(tmp_path, monkeypatch, uri, asked):
    """From Arrow's file system on everything is the same: a folder stands in for the cloud."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", "house")
    questions = []

    class Clouds:
        @staticmethod
        def from_uri(uri):
            questions.append(uri)
            return fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem()), "m.manifest"

    monkeypatch.setattr(fs, "FileSystem", Clouds)
    (tmp_path / "m.manifest").write_bytes(text({"source-ref": "s3://bbb/1.png"}) + b"\n")
    report = lv.fix_manifest(uri, uri)
    assert report.changed
    assert (tmp_path / "m.manifest").read_bytes() == text({"source-ref": "s3://bbb/1.png"})
    assert set(questions) == {asked}


def test_az_without_an_account_says_what_to_do(monkeypatch):
    for name in ("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME"):
        monkeypatch.delenv(name, raising=False)
    for call in (read_source, lambda uri: write_object(uri, b"x"), lv.Objects):
        with pytest.raises(ObjectError, match="no storage account is named") as caught:
            call("az://acme/m.manifest")
        assert "AZURE_STORAGE_ACCOUNT" in caught.value.hint
