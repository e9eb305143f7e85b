"""Read and validate manifests: bytes to the entries table and the findings table."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import orjson
import pyarrow as pa

from lvtools.dataset import ENTRY_SCHEMA, ColorMap, Dataset
from lvtools.errors import ArgumentError, MaskError
from lvtools.findings import FindingList
from lvtools.manifest.across import SHARES, Across
from lvtools.manifest.columns import Columns, wanted_bits
from lvtools.manifest.crossline import PART_OF_LINE, check_budget
from lvtools.manifest.fast import MAX_ENTRY_CHARS as MAX_ENTRY_CHARS
from lvtools.manifest.fast import Part, Several, Slice
from lvtools.manifest.parts import MAX_PART_BYTES, blocks_of, count_threads, cut, file_of, slices_of
from lvtools.manifest.profile import PEEK_LINES, Profile, check_profile, choose_profile
from lvtools.manifest.scan import BLOCK_BYTES
from lvtools.objects import Source, origin_of, read_blocks, read_source

STEP_BYTES = 8 * 2**20  # of a part, when there are many: what a part of faulty lines knows of them can be as large
MANY_PARTS_BYTES = 2**27  # below this all parts may wait for each other, which costs less
DRAIN_BYTES = 2**17  # of a block, when findings are passed on: every byte of one may be a fault


def read_manifest(
    source: Source,
    *,
    profile: str = "auto",
    columns: Sequence[str] | None = None,
    attribute: str | None = None,
    threads: int | None = None,
) -> Dataset:
    """Read a manifest into the hub table without losing a byte.

    Parameters
    ----------
    source : path, URI, '-', or bytes
        JSON Lines of Lookout for Vision, Ground Truth or Rekognition Custom Labels.
    profile : {'auto', 'lookoutvision', 'rekognition', 'groundtruth'}
        Whose rules to judge by; 'auto' looks at the first lines.
    columns : sequence of str, optional
        Names of `ENTRY_SCHEMA` to keep, the others are judged only; leaving out 'raw' frees the file's bytes.
    attribute : str, optional
        The label attribute that gives `class_name`, when lines have several; default: the first that is no prediction.
    threads : int, optional
        How many parts of the file to read at once; default: by its size and the machine. The answer is the same.

    Returns
    -------
    Dataset
        A row per line, faulty and blank lines included. Joining the `raw` column gives the file's bytes back.

    Raises
    ------
    ObjectError
        The source cannot be read.
    ArgumentError
        No such profile or column.
    """
    check_profile(profile)
    names = ENTRY_SCHEMA.names if columns is None else list(columns)
    for name in names:
        if name not in ENTRY_SCHEMA.names:
            raise ArgumentError(f"there is no column {name!r}", hint=", ".join(ENTRY_SCHEMA.names))
    data = read_source(source)
    chosen = _choose(profile, data)
    count = max(count_threads(len(data), threads), -(-len(data) // MAX_PART_BYTES))
    bounds = cut(len(data), count, lambda at, size: data[at : at + size])
    job = Judged(origin_of(source), chosen, wanted_bits(names), attribute, hold=True)
    job.run(
        bounds,
        lambda start, end: slices_of(data, start, end) if start == 0 and end == len(data) else Slice(data, start, end),
        lambda at, length: data[at : at + length].decode(),
        count_threads(len(data), threads),
    )
    schema = pa.schema([ENTRY_SCHEMA.field(name) for name in names])
    batches = []
    for part, lines, end in zip(job.parts, job.lines_before, job.bounds[1:], strict=True):
        part.engine.close(lines, end)
        arrays = Columns(part.engine, part.labels).batch(names, data)
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
    table = pa.Table.from_batches(batches, schema=schema)
    return Dataset(
        table.unify_dictionaries() if len(batches) > 1 else table,
        job.table(),
        tuple(_color_maps(job.across)),
        origin_of(source),
        chosen.name,
        job.statistics(),
    )


def validate_manifest(
    source: Source,
    *,
    profile: str = "auto",
    on_progress: Callable[[int], None] | None = None,
    threads: int | None = None,
    max_findings: int | None = None,
    on_findings: Callable[[pa.Table], None] | None = None,
) -> pa.Table:
    """Find everything that is wrong with a manifest, in one pass and without holding the file.

    Memory: blocks, the findings that are listed, 24 to 48 bytes a line to recognise a reference that comes again, 16
    for an anomaly without a mask, and every distinct class name and color map. With several threads a part whose turn
    has not come keeps 56 bytes a line, and of a line of the slow path about 1 KB.

    Parameters
    ----------
    source, profile, threads
        As for `read_manifest`; only files and bytes are read in several parts.
    on_progress : callable, optional
        Called now and then with the number of bytes seen so far.
    max_findings : int, optional
        List the first so many findings of each code and count the others; default: list all.
    on_findings : callable, optional
        Called now and then with the findings since the last call, in the order of the file; those that only the whole
        file shows come last. They are not held, and no rows of the result. The file is then read in one part.

    Returns
    -------
    pyarrow.Table
        `FINDING_SCHEMA`. The schema's metadata tell `profile`, `profile_reason`, `origin` and `statistics` (JSON), and
        with `max_findings` or `on_findings` also `counts`: how many of each code there are (JSON).

    Raises
    ------
    ObjectError
        The source cannot be read.
    ArgumentError
        No such profile, or `max_findings` is negative.
    """
    return judge(
        source, profile=profile, on_progress=on_progress, threads=threads, max_findings=max_findings,
        on_findings=on_findings,
    ).table()  # fmt: skip


def judge(
    source: Source | Callable[[int], Iterable[bytes]],
    *,
    profile: str,
    on_progress: Callable[[int], None] | None = None,
    threads: int | None = None,
    max_findings: int | None = None,
    on_findings: Callable[[pa.Table], None] | None = None,
    origin: str | None = None,
) -> Judged:
    """`validate_manifest`, for who has more to say of the same file: findings can be added before `Judged.table`.

    A source can also be a function that gives blocks of at most so many bytes; `origin` is then its name.
    """
    check_profile(profile)
    if max_findings is not None and max_findings < 0:
        raise ArgumentError(f"max_findings cannot be {max_findings}", hint="a number from 0 on, or None for all")
    size = BLOCK_BYTES if on_findings is None else DRAIN_BYTES
    if callable(source):
        return _judge_blocks(source(size), origin or "", profile, on_progress, max_findings, on_findings)
    name = file_of(source)
    if on_findings is None and isinstance(source, bytes):
        return _judge_bytes(source, profile, threads, on_progress, max_findings)
    if on_findings is None and name is not None:
        return _judge_file(name, origin_of(source), profile, threads, on_progress, max_findings)
    return _judge_blocks(read_blocks(source, size), origin_of(source), profile, on_progress, max_findings, on_findings)


def validate_blocks(
    blocks: Iterable[bytes], origin: str, profile: str, on_progress: Callable[[int], None] | None = None
) -> pa.Table:
    """`validate_manifest` of what comes in pieces; the first decides on the profile and should have `BLOCK_BYTES`."""
    return _judge_blocks(blocks, origin, profile, on_progress, None, None).table()


def _judge_blocks(
    blocks: Iterable[bytes],
    origin: str,
    profile: str,
    on_progress: Callable[[int], None] | None,
    max_findings: int | None,
    on_findings: Callable[[pa.Table], None] | None,
) -> Judged:
    stream = iter(blocks)
    first: list[bytes] = []
    while sum(map(len, first)) < BLOCK_BYTES and (block := next(stream, b"")):
        first.append(block)
    job = Judged(origin, _choose(profile, b"".join(first)), 0, None, on_progress, max_findings, on_findings)
    job.run([0, 0], lambda start, end: job.drained(itertools.chain(first, stream)), lambda at, length: "", 1)
    return job


def _judge_bytes(
    data: bytes,
    profile: str,
    threads: int | None,
    on_progress: Callable[[int], None] | None,
    max_findings: int | None,
) -> Judged:
    job = Judged(origin_of(data), _choose(profile, data), 0, None, on_progress, max_findings, None)
    count = count_threads(len(data), threads)
    job.run(
        cut(len(data), _parts(len(data), count, on_progress), lambda at, size: data[at : at + size]),
        lambda start, end: slices_of(data, start, end) if start == 0 and end == len(data) else Slice(data, start, end),
        lambda at, length: data[at : at + length].decode(),
        count,
    )
    return job


def _judge_file(
    name: str,
    origin: str,
    profile: str,
    threads: int | None,
    on_progress: Callable[[int], None] | None,
    max_findings: int | None,
) -> Judged:
    def window(at: int, size: int) -> bytes:
        return b"".join(blocks_of(name, at, at + size, size))

    head = window(0, BLOCK_BYTES)
    size = os.path.getsize(name)
    count = count_threads(size, threads)
    job = Judged(origin, _choose(profile, head), 0, None, on_progress, max_findings, None)
    del head
    job.run(
        cut(size, _parts(size, count, on_progress), window),
        lambda start, end: (
            job.drained(blocks_of(name, start, end)) if end - start == size else blocks_of(name, start, end)
        ),
        lambda at, length: window(at, length).decode(),
        count,
    )
    return job


def _parts(size: int, threads: int, on_progress: Callable[[int], None] | None) -> int:
    """How many parts a file that is only judged is read in: a large one in many, of which few wait at a time."""
    if threads > 1 and (size > MANY_PARTS_BYTES or on_progress is not None):
        return max(threads, -(-size // STEP_BYTES))
    return threads


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
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(Part.read, parts))
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


def _choose(profile: str, head: bytes) -> Profile:
    """The profile of a manifest that begins with these bytes, when the user names none."""
    return choose_profile(_first_objects(head)) if profile == "auto" else Profile(profile, "asked for")


def _first_objects(head: bytes) -> Iterator[dict[str, Any]]:
    """The objects at the start of a file, as far as they can be read at all; no findings, no places."""
    found = False
    at, end = 3 if head.startswith(b"\xef\xbb\xbf") else 0, min(len(head), BLOCK_BYTES)
    for _ in range(PEEK_LINES):
        cut_at = head.find(b"\n", at, end)
        stop = cut_at if cut_at >= 0 else end
        try:
            value = orjson.loads(head[at:stop])
        except orjson.JSONDecodeError:
            value = None
        if isinstance(value, dict):
            found = True
            yield value
        if cut_at < 0:
            break
        at = stop + 1
    if not found and len(head) < BLOCK_BYTES:
        try:
            value = orjson.loads(head.removeprefix(b"\xef\xbb\xbf"))  # one pretty-printed value?
        except orjson.JSONDecodeError:
            return
        yield from (
            one for one in (value if isinstance(value, list) else [value])[:PEEK_LINES] if isinstance(one, dict)
        )


def _color_maps(across: Across) -> Iterator[ColorMap]:
    maps: dict[ColorMap, None] = {}
    for classes in across.color_maps:
        pairs = [(name, color) for name, color in classes if color is not None]
        with contextlib.suppress(MaskError):  # two colours for a class: reported as LV188, and no map can hold it
            maps.setdefault(ColorMap(pairs))
    return iter(maps)
