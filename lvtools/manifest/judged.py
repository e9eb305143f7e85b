"""One pass over one manifest, in one part or several: what its parts found, put together in the order of the file."""

from __future__ import annotations

import itertools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import orjson
import pyarrow as pa

from lvtools.findings import FindingList
from lvtools.manifest.across import SHARES, Across
from lvtools.manifest.crossline import PART_OF_LINE, check_budget
from lvtools.manifest.fast import Part, Several, Slice
from lvtools.manifest.profile import Profile


class Judged:
    """One pass over one manifest, in one part or several."""

    def __init__(
        self,
        origin: str,
        profile: Profile,
        want: int,
        attribute: str | None,
        on_progress: Callable[[int], None] | None = None,
        max_findings: int | None = None,
        on_findings: Callable[[pa.Table], None] | None = None,
        hold: bool = False,
    ) -> None:
        self.profile = profile
        self.origin = origin
        self._want = want
        self._attribute = attribute
        self._progress = on_progress
        self._keep = max_findings
        self._on_findings = on_findings
        self._hold = hold  # the parts, for their columns
        self._ended = False
        self._start([0, 0])

    def _start(self, bounds: list[int]) -> None:
        self.bounds = bounds
        self.findings = self._list()
        self.across = Across(self.findings)
        self.parts: list[Part] = []
        self.lines_before: list[int] = []
        self._lines = self._bytes = 0

    def _list(self) -> FindingList:
        harmless = PART_OF_LINE if self.profile.name == "rekognition" else None
        return FindingList(self.origin, self.profile.name, self._keep, harmless)

    def run(
        self,
        bounds: list[int],
        blocks: Callable[[int, int], Iterable[bytes] | Slice],
        text: Callable[[int, int], str],
        threads: int,
    ) -> None:
        """Read the parts between `bounds`; `blocks` gives a part's bytes, `text` those of a place in the file."""
        if self.profile.name == "marketplace":
            bounds = [bounds[0], bounds[-1]]
        self._start(bounds)
        parts = (
            self._part(number, blocks(start, end)) for number, (start, end) in enumerate(itertools.pairwise(bounds))
        )
        try:
            if threads < 2 or len(bounds) == 2:
                self._in_turn(parts, text)
            elif len(bounds) - 1 > threads and not self._hold:
                self._few_at_a_time(parts, text, threads)
            else:
                self._at_once(list(parts), text, threads)
        except Several:
            self.run([0, bounds[-1]], blocks, text, 1)
            return
        self.across.finish(self._lines, self.drain)

    def _in_turn(self, parts: Iterable[Part], text: Callable[[int, int], str]) -> None:
        for part in parts:
            self._join(part.read(), text)

    def _at_once(self, parts: list[Part], text: Callable[[int, int], str], threads: int) -> None:
        ready = threading.Event()

        def read(part: Part) -> Part:
            ready.wait()  # a first part under way keeps Python's lock for milliseconds before the second can begin
            return part.read()

        with ThreadPoolExecutor(threads) as pool:
            try:
                reading = [pool.submit(read, part) for part in parts]
            finally:
                ready.set()
            for one in reading:
                one.result()
            are_apart = self._are_apart(parts, pool)
        for part in parts:
            self._join(part, text, are_apart)

    def _few_at_a_time(self, parts: Iterable[Part], text: Callable[[int, int], str], threads: int) -> None:
        """As `_at_once`, but only some parts wait for their turn: what they know of their lines is bounded."""
        running: deque[Future[Part]] = deque()
        with ThreadPoolExecutor(threads) as pool:
            try:
                for part in parts:
                    running.append(pool.submit(part.read))
                    if len(running) > threads:
                        self._join(running.popleft().result(), text)
                while running:
                    self._join(running.popleft().result(), text)
            finally:
                for one in running:
                    one.cancel()

    def _part(self, number: int, blocks: Iterable[bytes] | Slice) -> Part:
        return Part(
            blocks,
            self._list() if number else self.findings,
            want=self._want,
            attribute=self._attribute,
            across=None if number else self.across,
            base=self.bounds[number],
            alone=len(self.bounds) == 2,
            last=number == len(self.bounds) - 2,
            on_progress=self._progress if len(self.bounds) == 2 else None,
        )

    def _are_apart(self, parts: list[Part], pool: ThreadPoolExecutor) -> bool:
        """Is there nothing to say of any part because of another? Then their lines need not be looked at in turn."""
        lines, windows = 0, [part.news() for part in parts]
        if any(news is None for news in windows[1:]):
            return False
        others = [part.seen for part in parts[1:] if part.seen is not None]
        if not self.across.is_apart(others, lambda share: pool.map(share, range(SHARES))):
            return False
        for number, part in enumerate(parts):
            for news in windows[number] or ():
                if not self.across.take_news(news, part.maps, lines):
                    return False
            lines += part.scanner.lines_seen
        return True

    def _join(self, part: Part, text: Callable[[int, int], str], is_apart: bool = False) -> None:
        """The part's turn in the order of the file."""
        lines = self._lines
        if self.lines_before:
            self.findings.extend(part.findings, lines)
            if is_apart and part.seen is not None:
                for news in part.news() or ():
                    self.across.note(news, part.maps, lines)
                self.across.take_unmasked(part.seen, lines)
            else:
                part.follow(self.across, lines, text)
        part.count_again(self.across)
        self.across.end_part(part.engine, part.maps, lines)
        self.lines_before.append(lines)
        self._lines += part.scanner.lines_seen
        self._bytes = part.scanner.bytes_seen
        if self._progress is not None:
            self._progress(self._bytes or self.bounds[len(self.lines_before)])
        if self._hold:
            self.parts.append(part)

    def drained(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The blocks; when the next is asked for, those before are told, and what was found in them."""
        seen = 0
        for block in blocks:
            seen += len(block)
            yield block
            if self._progress is not None:
                self._progress(seen)
            self.drain()

    def drain(self) -> None:
        """Pass on what was found since the last time, if somebody listens."""
        if self._on_findings is not None and len(self.findings):
            self._on_findings(self._described(self.findings.drain()))

    def statistics(self) -> dict[str, int]:
        return {"lines": self._lines, "bytes": self._bytes, **self.across.counts}

    def table(self, **more: int) -> pa.Table:
        """The findings, once nothing is to be added; `more` statistics."""
        if self.profile.name == "rekognition" and not self._ended:
            if self.origin[:1] != "<" and not os.path.splitext(self.origin)[1]:
                self.findings.add("LV011")
            check_budget(self.findings, self.findings.spoiled_lines, self._lines)
        self._ended = True
        self.drain()
        statistics = orjson.dumps({**self.statistics(), **more}).decode()
        facts = {"profile_reason": self.profile.reason, "statistics": statistics}
        if self._keep is not None or self._on_findings is not None:
            facts["counts"] = orjson.dumps(self.findings.counts).decode()
        return self._described(self.findings.table(), **facts)

    def _described(self, table: pa.Table, **facts: str) -> pa.Table:
        return table.replace_schema_metadata({"origin": self.origin, "profile": self.profile.name, **facts})
