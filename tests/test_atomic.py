"""A file is there whole or not at all, and nothing else stays in the folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lvtools.atomic import write_atomically
from lvtools.errors import ObjectError


def test_writes_and_replaces(tmp_path: Path) -> None:
    place = tmp_path / "a.json"
    write_atomically(place, b"one")
    assert place.read_bytes() == b"one"
    write_atomically(str(place), memoryview(b"two, longer"))
    assert place.read_bytes() == b"two, longer"
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_new_file_has_the_usual_permissions_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    place = tmp_path / "a"
    write_atomically(place, b"1")
    assert stat.S_IMODE(place.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    place.chmod(0o640)
    write_atomically(place, b"2")
    assert stat.S_IMODE(place.stat().st_mode) == 0o640


def test_a_symbolic_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.parametrize("failing", ["replace", "fsync", "chmod"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, error: BaseException
) -> None:
    place = tmp_path / "a"
    place.write_bytes(b"old")

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(ObjectError if isinstance(error, OSError) else KeyboardInterrupt) as caught:
        write_atomically(place, b"new")
    monkeypatch.undo()
    assert place.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]
    if isinstance(error, OSError):
        assert "No space left on device" in str(caught.value)


def test_a_folder_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ObjectError, match="this is a folder, a file name is needed"):
        write_atomically(tmp_path, b"x")
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ObjectError, match=r"the folder .*nowhere does not exist"):
        write_atomically(tmp_path / "nowhere" / "a", b"x")


def test_nul_in_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ObjectError):
        write_atomically(str(tmp_path / "a\0b"), b"x")


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_atomically(pipe, b"through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_very_long_name_still_has_room_for_its_temporary(tmp_path: Path) -> None:
    place = tmp_path / ("n" * 255)
    write_atomically(place, b"x")
    assert os.listdir(tmp_path) == ["n" * 255]
