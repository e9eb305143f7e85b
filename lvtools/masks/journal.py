"""What a long run has found so far, in a file that a killed process leaves usable.

Records are appended and never changed; each has its length and CRC-32 before it, so the first one that a kill, a full
disk or a power cut left torn ends the file. A record found again replaces the older one of its name. In memory there
are 16 bytes for each record of an earlier run, whatever is in them.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import zlib
from array import array
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
import orjson

from lvtools.errors import ObjectError

MAGIC = b"lvtools areas journal 1\n"
_WRITE_BYTES = 2**18
_READ_BYTES = 2**18
_HEAD = 19  # two numbers of eight hexadecimal digits with a blank behind each; and the newline behind the record


class Journal:
    """Records [name, version, ...] by name; a context manager that keeps the file until `discard`.

    Parameters
    ----------
    path : str or None
        The file; None for a nameless one that nobody can go on with.
    settings : dict
        What the records depend on besides the files they are about.
    resume : bool
        Go on with a file that is there, or begin one; else a file that is there is an error.

    Raises
    ------
    ObjectError
        The file is there and `resume` is False, it was begun with other settings, it is no journal, another process
        writes it, or the system refuses.
    """

    def __init__(self, path: str | None, settings: dict[str, Any], *, resume: bool = False) -> None:
        self.path = path
        self._unwritten = bytearray()
        self._window, self._window_at = b"", 0
        self._keys, self._places = np.empty(0, np.uint64), np.empty(0, np.int64)
        self._fd = self._open(resume)
        try:
            self._end = os.fstat(self._fd).st_size
            first = orjson.dumps(settings, option=orjson.OPT_SORT_KEYS)
            if not (resume and self._go_on(first)):
                os.ftruncate(self._fd, 0)
                self._end, self._window = 0, b""
                self._unwritten += MAGIC + _framed(first)
                self.flush()
        except BaseException:
            os.close(self._fd)
            if path is not None and not resume:
                os.unlink(path)  # we have just made it
            raise
        self._empty = self._end

    def _open(self, resume: bool) -> int:
        if self.path is None:
            with tempfile.TemporaryFile() as file:
                return os.dup(file.fileno())
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | (0 if resume else os.O_EXCL), 0o666)
        except FileExistsError:
            raise ObjectError(
                "an interrupted run left its results here",
                path=self.path,
                hint="--resume (resume=True) goes on with them; remove the file to begin anew",
            ) from None
        except OSError as error:
            raise ObjectError(f"cannot be written: {error.strerror or error}", path=self.path) from None
        try:
            _lock(fd, self.path)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _go_on(self, settings: bytes) -> bool:
        """Index the whole records and cut off the torn one; False when not even the settings are whole."""
        start = os.pread(self._fd, len(MAGIC), 0)
        if not MAGIC.startswith(start):
            raise ObjectError(
                "this is no journal of lvtools areas", path=self.path, hint="move it away, or write elsewhere"
            )
        keys, places = array("Q"), array("q")
        end = len(MAGIC)
        for at, body in self._records(end):
            if at == len(MAGIC) and body != settings:
                raise ObjectError(
                    f"was begun with other settings: {body.decode()}",
                    path=self.path,
                    hint="repeat the command as it was, or remove the file to begin anew",
                )
            if at != len(MAGIC):
                keys.append(_key(orjson.loads(body)[0]))
                places.append(at)
            end = at + _HEAD + len(body)
        if end == len(MAGIC):
            return False
        os.ftruncate(self._fd, end)
        self._end, self._window = end, b""
        unsorted = np.frombuffer(keys, np.uint64) if keys else self._keys
        order = np.argsort(unsorted, kind="stable")  # of one name the newest comes last
        self._keys = unsorted[order]
        self._places = np.frombuffer(places, np.int64)[order] if places else self._places
        return True

    def _records(self, at: int) -> Iterator[tuple[int, bytes]]:
        while True:
            body = self._body(at)
            if body is None:
                return
            yield at, body
            at += _HEAD + len(body)

    def _body(self, at: int) -> bytes | None:
        """The record at `at`; None when it is not whole."""
        head = self._bytes(at, _HEAD - 1)
        try:
            crc, size = int(head[:8], 16), int(head[9:17], 16)
        except ValueError:
            return None
        whole = self._bytes(at, _HEAD + size) if at + _HEAD + size <= self._end else b""
        body = whole[_HEAD - 1 : -1]
        return body if whole and _framed(body, crc) == whole and zlib.crc32(body) == crc else None

    def _bytes(self, at: int, size: int) -> bytes:
        """Bytes of the file, mostly out of what was read for the record before."""
        begin = at - self._window_at
        if begin < 0 or begin + size > len(self._window):
            self._window, self._window_at, begin = os.pread(self._fd, max(size, _READ_BYTES), at), at, 0
        return self._window[begin : begin + size]

    def append(self, record: list[Any]) -> int:
        """Add a record; its place. It is in the file after `flush` at the latest."""
        place = self._end + len(self._unwritten)
        self._unwritten += _framed(orjson.dumps(record))
        if len(self._unwritten) >= _WRITE_BYTES:
            self.flush()
        return place

    def flush(self) -> None:
        """Hand everything to the system: then it outlives this process."""
        try:
            while self._unwritten:
                done = os.pwrite(self._fd, self._unwritten, self._end)
                self._end += done
                del self._unwritten[:done]
        except OSError as error:
            raise ObjectError(f"cannot be written: {error.strerror or error}", path=self.path) from None

    def find(self, name: str, version: list[int]) -> int | None:
        """The place of an earlier run's record about this version of `name`."""
        number = int(np.searchsorted(self._keys, np.uint64(_key(name)), side="right")) - 1
        if number < 0 or self._keys[number] != _key(name):
            return None
        place = int(self._places[number])
        return place if self.read(place)[:2] == [name, version] else None

    def read(self, place: int) -> list[Any]:
        """The record that `append` or `find` gave this place for."""
        if place + _HEAD > self._end:
            self.flush()
        body = self._body(place)
        if body is None:
            raise ObjectError("was changed by somebody else while it was written", path=self.path)
        record: list[Any] = orjson.loads(body)
        return record

    def close(self) -> None:
        """Leave the file as it is; without any record it is removed."""
        if self._fd < 0:
            return
        with contextlib.suppress(ObjectError):  # a full disk: what is whole stays, and the first error is on its way
            self.flush()
        if self.path is not None and self._end == self._empty and not len(self._keys):
            with contextlib.suppress(OSError):
                os.unlink(self.path)
        os.close(self._fd)
        self._fd = -1

    def discard(self) -> None:
        """Remove the file: its contents are elsewhere now."""
        if self.path is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
        os.close(self._fd)
        self._fd = -1

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _framed(body: bytes, crc: int | None = None) -> bytes:
    return b"%08x %08x %s\n" % (zlib.crc32(body) if crc is None else crc, len(body), body)


def _key(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")


def _lock(fd: int, path: str) -> None:
    """One process at a time; a lock that the system gives back whatever ends us."""
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Who held it may have finished and removed the file between our opening and locking.
        alone = os.stat(path).st_ino == os.fstat(fd).st_ino
    except (BlockingIOError, FileNotFoundError):
        alone = False
    if not alone:
        raise ObjectError("another process is writing this", path=path, hint="wait for it, or write elsewhere")
