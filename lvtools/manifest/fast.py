"""The manifest engine: native loops take the lines that are sound, or odd in well-known ways; every other line goes
through `scan`, `rules` and `attributes`, which name its faults. What comes out is the same as if those had read
every line.

A file is read in one part, or in several at once; the rules over several lines look at the parts in the file's order.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from lvtools._native.manifest_fast import WINDOW, Engine, Seen, avx2
from lvtools.errors import ManifestError
from lvtools.findings import PROFILES, FindingList, Place
from lvtools.manifest.across import HASH_KEY, Across, PartMaps
from lvtools.manifest.columns import packed
from lvtools.manifest.oddities import word_finding
from lvtools.manifest.parts import BLOCK_BYTES, slices_of
from lvtools.manifest.replay import Again, Memory, Recorder
from lvtools.manifest.rules import NO_ENTRY, Entry
from lvtools.manifest.scan import Places, Record, Scanner

MAX_ENTRY_CHARS = 8192  # Lookout for Vision API, DatasetEntry
MAX_NAME_BYTES = 255
_UNFIT = 1  # `enum Answer`: this line needs the slow path


class Several(Exception):
    """A part met what only a reader of the whole file can judge: read the file in one part."""


class Slice(NamedTuple):
    """A range of a file that is held in memory."""

    data: bytes
    start: int
    end: int


class _Scanner(Scanner):
    """Lets the engine take what it can before each record."""

    def __init__(self, blocks: Iterable[bytes] | Slice, part: Part, base: int, alone: bool, last: bool) -> None:
        super().__init__(() if isinstance(blocks, Slice) else blocks, part.findings)
        self._base = base
        self._part: Part = weakref.proxy(part)  # a cycle would keep the part's bytes until the collector comes by
        self._alone, self._last = alone, last
        self._found = base > 0

    @property
    def bytes_seen(self) -> int:
        """The length of the file as far as it is read; nothing before the last part, so that one part judges it."""
        return super().bytes_seen if self._last else 0

    def run_through(self, data: bytes, start: int, end: int) -> None:
        """Let the engine take what it can of data[start:end] where it lies; what is left is read in pieces."""
        part, at, before, answer = self._part, start, start, 0
        while part.by_engine and at < end and answer != _UNFIT:
            at, line, answer = part.engine.run(data, before, 0, self._line - 1, end)
            self._line = line + 1
            if at > before:
                self._found = True
                part.flush(data, 0)
            before = at
        # The pieces begin with a line that was taken: what a file is shows in its first bytes, and here it is no news.
        held = max(data.rfind(b"\n", start, at - 1) + 1, start) if start < at < end else at
        stop = min(held + BLOCK_BYTES, end)
        self._buffer, self._base, self._at = data[held:stop], held, at - held
        self._blocks = slices_of(data, stop, end)

    def _run_ahead(self) -> bool:
        part = self._part
        if not part.by_engine:
            return False
        while True:
            before = self._at
            self._at, line, answer = part.engine.run(self._buffer, before, self._base, self._line - 1)
            self._line = line + 1
            if self._at > before:
                self._found = True
                part.flush(self._buffer, self._base)
                part.tell_progress(self._base + self._at)
            if self._at >= len(self._buffer):
                return True
            if answer == _UNFIT:
                end = self._buffer.find(b"\n", self._at) + 1
                if end and part.replay(self._buffer, self._at, end, self._line, self._base):
                    self._at = end
                    self._line += 1
                    self._found = True
                    if end == len(self._buffer):
                        return True
                    continue
            if answer == _UNFIT and (
                len(self._buffer) - self._at > WINDOW or self._buffer.find(b"\n", self._at) >= 0 or not self._more()
            ):
                return False

    def _spread(self, opener: bool) -> Any:
        if not self._alone:
            raise Several
        return super()._spread(opener)


class Part:
    """One range of a manifest's bytes, with what its lines gave."""

    def __init__(
        self,
        blocks: Iterable[bytes] | Slice,
        findings: FindingList,
        *,
        want: int = 0,
        attribute: str | None = None,
        across: Across | None = None,
        base: int = 0,
        alone: bool = True,
        last: bool = True,
        on_progress: Callable[[int], None] | None = None,
    ) -> None:
        wanted = (attribute or "").encode()
        if len(wanted) > MAX_NAME_BYTES:
            wanted = b"\xff"  # the engine takes no line with so long a name, and no key is this
        wide = avx2() and os.environ.get("LVTOOLS_SIMD") != "0"
        self.engine = Engine(PROFILES.index(findings.profile), want, wide, HASH_KEY, wanted)
        self.findings = findings
        self.by_engine = findings.profile != "marketplace"  # its rules remember lines: one reader sees them all
        self.labels: dict[int, list[dict[str, Any]]] = {}
        self.maps = PartMaps(self.engine)
        self._across = across  # None: its turn comes later
        self._waiting: list[tuple[bytes, list[Any]] | tuple[Entry, int, FixedPlaces] | Again] = []
        self._met: set[Any] = set()  # words whose first place waits
        self._want = want
        self._memory = Memory(findings, Recorder(findings, attribute=attribute))
        self._progress = on_progress
        self._slice = blocks if isinstance(blocks, Slice) else None
        self.seen = Seen(HASH_KEY) if across is None else None  # the part's own references, as long as none comes twice
        self.scanner = _Scanner(blocks, self, base, alone, last)

    def read(self) -> Part:
        """Read all lines.

        Raises
        ------
        ManifestError
            A column of texts would pass Arrow's 2 GB. Parts are far below that; what must be read in one may not be.
        """
        try:
            self._read()
        except OverflowError:
            raise ManifestError(
                "a column of texts has more than 2 GB, and the file cannot be read in parts",
                path=self.findings.file or None,
                hint="values over several lines are in the way: lvtools fix puts each on one; or read fewer columns=",
            ) from None
        return self

    def _read(self) -> None:
        if self._slice is not None:
            self.scanner.run_through(*self._slice)
        for record in self.scanner.records():
            entry = NO_ENTRY
            if record.value is not None:
                if record.length > MAX_ENTRY_CHARS:
                    self.findings.add("LV010", **record.places.of(), value=f"{record.length:,}")
                entry = self._memory.read(record.value, record.places, record.offset)
                self._see(entry, record)
            if self._want:
                if entry.labels is not None:
                    self.labels[self.engine.sizes()[0]] = entry.labels
                self.engine.append(packed(entry), record.line, record.offset)
        if not self.by_engine:
            self.tell_progress(self.scanner.bytes_seen)

    def replay(self, buffer: bytes, start: int, end: int, line: int, base: int) -> bool:
        """Take the line buffer[start:end] that the engine could not, if one of its shape was read before."""
        again = self._memory.find(buffer, start, end, line, base)
        if again is None:
            return False
        if self._across is not None:
            self._across.again(again, 0)
        else:
            self._waiting.append(again)
        if self._want:
            entry = self._memory.entry(again, buffer)
            if entry.labels is not None:
                self.labels[self.engine.sizes()[0]] = entry.labels
            self.engine.append(packed(entry), line, base + start)
        return True

    def _see(self, entry: Entry, record: Record) -> None:
        if self._across is not None:
            self._across.see(entry, record.line, record.places)
        else:
            self._waiting.append((entry, record.line, FixedPlaces(entry, record.places, self._met)))

    def flush(self, buffer: bytes, base: int) -> None:
        """Word the window's findings and pass its facts on, while its bytes are at hand."""

        def text(at: int, length: int) -> str:
            return buffer[at - base : at - base + length].decode()

        engine = self.engine
        for find in engine.finds():
            word_finding(self.findings, find, engine, text)
        if self._across is not None:
            self._across.take(engine, None, self.maps, 0, text)
            self._across.note(engine.news(), self.maps, 0)
        else:
            self._waiting.append((engine.take_facts(), engine.news()))
            if self.seen is not None and not self.seen.meet(engine):
                self.seen = None

    def tell_progress(self, seen: int) -> None:
        if self._progress is not None:
            self._progress(seen)

    def news(self) -> list[Any] | None:
        """The new words of its windows, if windows of new references are all that waits."""
        if self.seen is None or any(type(item) is not tuple or len(item) != 2 for item in self._waiting):
            return None
        return [item[1] for item in self._waiting]

    def follow(self, across: Across, lines_before: int, text: Callable[[int, int], str]) -> None:
        """The part's turn in the order of the file: what waited is looked at; `lines_before` lines stand before it."""
        for item in self._waiting:
            if isinstance(item, Again):
                across.again(item, lines_before)
            elif len(item) == 2:
                facts, news = item
                across.take(self.engine, facts, self.maps, lines_before, text)
                across.note(news, self.maps, lines_before)
            else:
                entry, line, places = item
                across.see(entry, line + lines_before, places.moved(lines_before))
        self._waiting = []

    @property
    def replayed(self) -> int:
        """Lines that were not read, since one of their shape was."""
        return sum(lines for _, lines in self._memory.counted())

    def count_again(self, across: Across) -> None:
        """Count the lines that were not read, after all had their turn."""
        for entry, lines in self._memory.counted():
            across.count_again(entry, lines)


class FixedPlaces(Places):
    """The places that rules over several lines ask for, looked up before the buffer moves on.

    Those of words in `met` will not be asked for: an earlier line has them.
    """

    def __init__(self, entry: Entry, places: Places, met: set[Any]) -> None:
        paths: list[tuple[str | int, ...]] = [("source-ref",)]
        if entry.labels or entry.boxes:
            paths.append(())
        label = entry.class_name, entry.label
        if entry.class_name is not None and label not in met:
            met.add(label)
            paths.append((f"{entry.label_attribute}-metadata", "class-name"))
        if entry.anomaly_classes:
            path = (f"{entry.mask_attribute or ''}-metadata", "internal-color-map")
            paths.append(path)
            names = frozenset([one["class_name"] for one in entry.anomaly_classes])
            if names not in met:
                met.add(names)
                paths += [(*path, one["index"], "class-name") for one in entry.anomaly_classes]
        self._found: dict[tuple[str | int, ...], Place] = {path: places.of(path) for path in paths}

    def of(self, path: tuple[str | int, ...] = (), *, key: bool = False) -> Place:
        return self._found[path]

    def moved(self, lines: int) -> FixedPlaces:
        """The same places with `lines` lines put before them."""
        for place in self._found.values():
            place["line"] += lines
        return self
