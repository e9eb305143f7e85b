"""Masks that came inline, kept on disk once they are many: the table stays a table, the memory stays flat.

The bytes go to a file without a name, which is gone with the table, and come back as Arrow buffers over a memory map of
it. The rule of the house not to map files is about files that somebody else may shorten.
"""

from __future__ import annotations

import mmap
import tempfile
import weakref
from typing import IO, NamedTuple

import pyarrow as pa

KEPT_BYTES = 16 * 2**20  # masks stay in memory up to here


class _Map(mmap.mmap):
    """A memory map that can be referred to weakly."""


_maps: weakref.WeakSet[_Map] = weakref.WeakSet()


def release() -> None:
    """Give back the memory that reading spilled masks has filled; what is needed again is read again."""
    for one in list(_maps):
        if hasattr(one, "madvise"):  # not on Windows
            one.madvise(mmap.MADV_DONTNEED)


class MaskColumn:
    """The column `mask`, collected in chunks; in the end a large_binary column like one that was never spilled."""

    def __init__(self, kept_bytes: int | None = None) -> None:
        self._room = KEPT_BYTES if kept_bytes is None else kept_bytes
        self._file: IO[bytes] | None = None
        self._chunks: list[pa.Array | _Spilled] = []

    def add(self, values: list[bytes | None]) -> None:
        """One more chunk."""
        chunk = pa.array(values, pa.large_binary())
        size = sum(map(len, filter(None, values)))
        if size <= self._room:
            self._room -= size
            self._chunks.append(chunk)
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - the map outlives it, and it has no name
        valid, offsets, data = chunk.buffers()
        self._chunks.append(_Spilled(len(chunk), chunk.null_count, valid, offsets, self._file.tell(), data.size))
        self._file.write(data)

    def column(self) -> pa.ChunkedArray:
        """All chunks."""
        if self._file is None:
            return pa.chunked_array(self._chunks, pa.large_binary())
        self._file.flush()
        mapped = _Map(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        _maps.add(mapped)
        self._file.close()
        whole = pa.py_buffer(mapped)
        arrays = [one.array(whole) if isinstance(one, _Spilled) else one for one in self._chunks]
        return pa.chunked_array(arrays, pa.large_binary())


class _Spilled(NamedTuple):
    """A chunk without its bytes, and where in the file they are."""

    length: int
    nulls: int
    valid: pa.Buffer
    offsets: pa.Buffer
    start: int
    size: int

    def array(self, whole: pa.Buffer) -> pa.Array:
        data = whole.slice(self.start, self.size)
        buffers = [self.valid, self.offsets, data]
        return pa.LargeBinaryArray.from_buffers(pa.large_binary(), self.length, buffers, self.nulls)
