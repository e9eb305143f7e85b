"""A source that is read more than once, in blocks: what keeps keys instead of lines comes back for the lines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from lvtools.errors import ManifestError, ObjectError
from lvtools.manifest.edit.lines import BLOCK_BYTES, MAX_LINE_BYTES, Line, Progress, parsed
from lvtools.manifest.parts import file_of
from lvtools.objects import Source, Spool, open_source, origin_of, read_blocks


class TooLong(ManifestError):
    """A line cannot be held."""


class Again:
    """A source whose bytes can be asked for several times."""

    def __init__(self, source: Source, spool: Spool | None) -> None:
        self.origin = origin_of(source)
        self._source, self._spool = source, spool
        self._file = None if spool is not None or file_of(source) is None else open_source(source)  # type: ignore[arg-type]
        self._state = self._stat()

    @property
    def is_copy(self) -> bool:
        """Can only the copy be read again, and not the source?"""
        return self._spool is not None

    def _stat(self) -> tuple[int, int] | None:
        if self._file is None:
            return None
        status = os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns

    def blocks(self, block_bytes: int | None = None, on_progress: Progress | None = None) -> Iterator[bytes]:
        """All bytes from the start, in pieces.

        Raises
        ------
        ObjectError
            The source cannot be read, or somebody wrote into it since it was opened.
        """
        seen = 0
        self._check()
        for block in self._pieces(block_bytes or BLOCK_BYTES):
            seen += len(block)
            yield block
            if on_progress is not None:
                on_progress(seen)
        self._check()

    def _check(self) -> None:
        if self._stat() != self._state:
            raise ObjectError("the file was changed while it was read", path=self.origin, hint="try again")

    def _pieces(self, block_bytes: int) -> Iterator[bytes]:
        if self._spool is not None:
            yield from self._spool.blocks(block_bytes)
        elif self._file is not None:
            # The open file, not its name: who replaces the file meanwhile does not disturb us.
            at = 0
            while block := self.at(at, block_bytes):
                at += len(block)
                yield block
        else:
            yield from read_blocks(self._source, block_bytes)

    def at(self, start: int, size: int) -> bytes:
        """The bytes at a place."""
        if self._spool is not None:
            return self._spool.at(start, size)
        if self._file is not None:
            self._file.seek(start)
            return self._file.read(size)
        return bytes(self._source[start : start + size])  # type: ignore[index, arg-type]

    def line_blocks(self, block_bytes: int | None = None, on_progress: Progress | None = None) -> Iterator[bytes]:
        """The same in pieces that end with a line."""
        return line_blocks(self.blocks(block_bytes, on_progress), self.origin)

    def lines(self, on_progress: Progress | None = None) -> Iterator[bytes]:
        """The same line by line, ends kept."""
        for block in self.line_blocks(on_progress=on_progress):
            yield from lines_of(block)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()


def line_blocks(blocks: Iterable[bytes], origin: str = "<bytes>") -> Iterator[bytes]:
    """The bytes of these blocks in pieces that end with a line.

    Raises
    ------
    TooLong
        A line has more than `MAX_LINE_BYTES`.
    """
    held: list[bytes] = []  # of a line that has not ended; joined once, not once a block
    size = number = 0
    for block in blocks:
        cut = block.rfind(b"\n") + 1
        if cut:
            piece = b"".join((*held, block[:cut]))
            number += piece.count(b"\n")
            held, size = [block[cut:]], len(block) - cut
            yield piece
            continue
        held.append(block)
        size += len(block)
        if size > MAX_LINE_BYTES:
            raise TooLong(
                f"the line has more than {MAX_LINE_BYTES:,} bytes",
                path=origin,
                line=number + 1,
                hint="this is no manifest, or its line breaks are missing",
            )
    if rest := b"".join(held):
        yield rest


def lines_of(data: bytes) -> list[bytes]:
    """The lines of a piece, ends kept."""
    raws = [raw + b"\n" for raw in data.split(b"\n")]
    raws[-1] = raws[-1][:-1]
    return raws if raws[-1] else raws[:-1]


def lines_in(again: Again, on_progress: Progress | None = None) -> Iterator[Line]:
    """Every line with what it says, blank and broken ones too."""
    return parsed(again.lines(on_progress), again.origin)


@contextmanager
def rereadable(source: Source) -> Iterator[Again]:
    """Open a source for several readings; streams, buckets and packed files are copied to disk (unpacked) first.

    Raises
    ------
    ObjectError
        The source cannot be read.
    """
    if not isinstance(source, (str, os.PathLike)):
        yield Again(source, None)
        return
    if file_of(source) is None:
        with Spool() as spool:
            for block in read_blocks(source, BLOCK_BYTES):
                spool.write(block)
            yield Again(source, spool)
        return
    again = Again(source, None)
    try:
        yield again
    finally:
        again.close()
