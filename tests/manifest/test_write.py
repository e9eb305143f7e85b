import dataclasses
import json
import os

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from lvtools.errors import ArgumentError, ObjectError
from lvtools.manifest import read_manifest, write_manifest
from tests.manifest import strategies


def rewritten(data, tmp_path, order=None):
    dataset = read_manifest(data)
    if order is not None:
        dataset = dataclasses.replace(dataset, entries=dataset.entries.take(pa.array(order, pa.int64())))
    write_manifest(dataset, tmp_path / "out.manifest")
    return (tmp_path / "out.manifest").read_bytes()


@given(strategies.manifests())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_read_comes_out_byte_for_byte(tmp_path, data):
    assert rewritten(data, tmp_path) == data


def test_pieces_of_a_spread_array_come_out_unchanged(tmp_path):
    for indent in (0, 2):
        data = json.dumps([{"a": 1}, {"b": [2]}, 7], indent=indent).encode()
        assert rewritten(data, tmp_path) == data
    assert rewritten(b'[{"a":1}, {"b":2},\n{"c":3}]', tmp_path) == b'[{"a":1}, {"b":2},\n{"c":3}]'


def test_another_order_keeps_lines_apart(tmp_path):
    data = b'{"a":1}\r\n{"b":2}\n{"c":3}'
    assert rewritten(data, tmp_path, [2, 0, 1]) == b'{"c":3}\n{"a":1}\r\n{"b":2}\n'
    assert rewritten(data, tmp_path, [1]) == b'{"b":2}\n'
    assert rewritten(data, tmp_path, []) == b""
    assert rewritten(b'{"a":1}\n{"cut":1,', tmp_path, [1, 0]) == b'{"cut":1,\n{"a":1}\n'


def test_a_byte_order_mark_stays_at_the_start_of_the_file(tmp_path):
    data = b'\xef\xbb\xbf{"a":1}\n{"b":2}\n'
    assert rewritten(data, tmp_path, [0, 1]) == data
    assert rewritten(data, tmp_path, [1, 0]) == b'{"b":2}\n{"a":1}\n'


def test_raw_bytes_are_needed(tmp_path):
    dataset = read_manifest(b'{"a":1}\n', columns=["line"])
    with pytest.raises(ArgumentError, match="no 'raw' column"):
        write_manifest(dataset, tmp_path / "x")
    write_manifest(read_manifest(b'{"a":1}\n{"b":2}', columns=["raw"]), tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b'{"a":1}\n{"b":2}'


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "m.manifest"
    path.write_bytes(b"old")

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ObjectError, match="No space left"):
        write_manifest(read_manifest(b'{"a":1}\n'), path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.manifest"]


def test_a_folder_is_no_destination(tmp_path):
    with pytest.raises(ObjectError):
        write_manifest(read_manifest(b'{"a":1}\n'), tmp_path)
    with pytest.raises(ObjectError):
        write_manifest(read_manifest(b'{"a":1}\n'), tmp_path / "no" / "such")


def test_a_file_may_be_written_over_itself(tmp_path):
    path = tmp_path / "m.manifest"
    path.write_bytes(b'{"a":1}\n')
    write_manifest(read_manifest(path), path)
    assert path.read_bytes() == b'{"a":1}\n'
