"""Gzip and Zstandard by file name: streams that unpack with a limit, pieces that are packed as they come.

A packed file of a few kilobytes can unpack to a thousand gigabytes, so every reader here stops at a stated size.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from lvtools.errors import ObjectError

MAX_UNPACKED_BYTES = 2 * 2**30  # a manifest ends at 1 GB in all three services; twice that is a mistake or an attack
_READ_BYTES = 2**20
_KINDS = {".gz": "gzip", ".zst": "zstd"}


def compression_of(name: str) -> str | None:
    """'gzip', 'zstd' or None, by the end of a path or URI."""
    return next((kind for end, kind in _KINDS.items() if name.lower().endswith(end)), None)


def unpacked(stream: BinaryIO, name: str, *, limit: int = MAX_UNPACKED_BYTES) -> BinaryIO:
    """The unpacked bytes of `stream` when `name` ends in .gz or .zst, else `stream` itself.

    Raises
    ------
    ObjectError
        While reading: the bytes are no such file, are cut off, or unpack to more than `limit` bytes.
    """
    kind = compression_of(name)
    return stream if kind is None else io.BufferedReader(_Unpacked(stream, name, kind, limit), _READ_BYTES)


class _Unpacked(io.RawIOBase):
    """Counts what comes out of the decompressor and closes the packed stream with itself."""

    def __init__(self, packed: BinaryIO, name: str, kind: str, limit: int) -> None:
        self._packed, self._name, self._kind, self._limit = packed, name, kind, limit
        self._seen = 0
        self._inner: Any = None

    def readable(self) -> bool:
        return True

    def _open(self) -> Any:
        if self._kind == "gzip":
            return gzip.GzipFile(fileobj=self._packed, mode="rb")
        import pyarrow as pa

        return pa.CompressedInputStream(pa.PythonFile(self._packed, mode="r"), "zstd")

    def readinto(self, buffer: Any) -> int:
        try:
            if self._inner is None:
                self._inner = self._open()
            data: bytes = self._inner.read(min(len(buffer), _READ_BYTES))
        except (OSError, EOFError, zlib.error, ValueError) as error:  # Arrow's are OSErrors and ValueErrors
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ObjectError(
                f"cannot be unpacked as {self._kind}: {reason}", path=self._name, hint="is the file whole?"
            ) from None
        self._seen += len(data)
        if self._seen > self._limit:
            raise ObjectError(f"unpacks to more than {self._limit:,} bytes", path=self._name, hint="no manifest does")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            if self._inner is not None:
                self._inner.close()
            self._packed.close()
        super().close()


def packed(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    """The pieces as they shall stand in a file called `name`; the same pieces give the same bytes on every day."""
    kind = compression_of(name)
    if kind is None:
        yield from pieces
    elif kind == "gzip":
        worker = zlib.compressobj(6, wbits=31)  # zlib writes 0 as the time, unlike gzip.open
        for piece in pieces:
            if data := worker.compress(piece):
                yield data
        yield worker.flush()
    else:
        yield from _zstd(pieces)


class Basket(io.RawIOBase):
    """Takes what Arrow writes until it is asked for; keeps it past close()."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._written = 0

    def tell(self) -> int:  # Parquet writes down where its parts begin
        return self._written

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self._written += len(data)
        return len(data)

    def drain(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def _zstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    import pyarrow as pa

    basket = Basket()
    stream = pa.CompressedOutputStream(pa.PythonFile(basket, mode="w"), "zstd")
    for piece in pieces:
        stream.write(piece)
        if data := basket.drain():
            yield data
    stream.close()
    yield basket.drain()
