"""Lines that are remembered by their places, not their bytes: 28 bytes each, and read again when they are asked for."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from lvtools.manifest.edit.again import Again
from lvtools.manifest.edit.lines import BLANK, BOM, Line, Progress, parse
from lvtools.objects import Spool

PIECE_BYTES = 2**20  # lines that follow each other are read at once, up to so many bytes


class PlacedLines:
    """Reads the lines of a source; `start` is the place of the one that was given last."""

    def __init__(self, again: Again, on_progress: Progress | None) -> None:
        self._again, self._progress = again, on_progress
        self.start = 0

    def __iter__(self) -> Iterator[Line]:
        at = 0
        for number, raw in enumerate(self._again.lines(self._progress), 1):
            body = raw.removeprefix(BOM) if number == 1 else raw
            self.start = at + len(raw) - len(body)
            at += len(raw)
            yield Line(self._again.origin, number, body, parse(body.strip(BLANK)))


class Places:
    """Lines of some sources, in an order of their own. New bytes for a line wait in `spool`."""

    def __init__(self, sources: Sequence[Again], spool: Spool | None = None) -> None:
        self._again, self._spool = sources, spool
        self._sources, self._numbers = array("i"), array("q")
        self._starts, self._sizes = array("q"), array("q")  # a start below zero: in the spool
        self._spooled = 0

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, line: Line, source: int, start: int) -> None:
        """Put a line, which stands at `start` of a source, behind the others."""
        self._sources.append(source)
        self._numbers.append(line.number)
        self._starts.append(start)
        self._sizes.append(len(line.raw))

    def put(self, index: int, line: Line, source: int, start: int) -> None:
        """Put a line in the place of another."""
        self._sources[index], self._numbers[index] = source, line.number
        self._starts[index], self._sizes[index] = start, len(line.raw)

    def rewrite(self, index: int, line: Line) -> None:
        """Give a line other bytes; it keeps its name."""
        if self._spool is None:
            raise ValueError("rewrite: there is no spool")
        self._spool.write(line.raw)
        self._starts[index], self._sizes[index] = -1 - self._spooled, len(line.raw)
        self._spooled += len(line.raw)

    def number(self, index: int) -> int:
        """The line's number in its file."""
        return self._numbers[index]

    def line(self, index: int) -> Line:
        """A line, read again."""
        raw = self._read(index, self._sizes[index])
        origin = self._again[self._sources[index]].origin
        return Line(origin, self._numbers[index], raw, parse(raw.strip(BLANK)))

    def _read(self, index: int, size: int) -> bytes:
        start = self._starts[index]
        if start < 0 and self._spool is not None:
            return self._spool.at(-1 - start, size)
        return self._again[self._sources[index]].at(start, size)

    def raws(self) -> Iterator[bytes]:
        """The bytes of all lines in their order."""
        index, count = 0, len(self)
        while index < count:
            stop, size = index + 1, self._sizes[index]
            while (
                stop < count
                and self._starts[index] >= 0
                and self._sources[stop] == self._sources[index]
                and self._starts[stop] == self._starts[index] + size
                and size < PIECE_BYTES
            ):
                size += self._sizes[stop]
                stop += 1
            data, at = self._read(index, size), 0
            for length in self._sizes[index:stop]:
                yield data[at : at + length]
                at += length
            index = stop
