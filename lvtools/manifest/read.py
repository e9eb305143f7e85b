"""Read and validate manifests: bytes to the entries table and the findings table."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pyarrow as pa

from lvtools.dataset import ENTRY_SCHEMA, ColorMap, Dataset
from lvtools.errors import ArgumentError, MaskError
from lvtools.findings import FindingList
from lvtools.manifest.across import SHARES, Across
from lvtools.manifest.columns import Columns, wanted_bits
from lvtools.manifest.fast import MAX_ENTRY_CHARS as MAX_ENTRY_CHARS
from lvtools.manifest.fast import Part, Several, Slice
from lvtools.manifest.parts import MAX_PART_BYTES, blocks_of, count_threads, cut, file_of, slices_of
from lvtools.manifest.profile import PEEK_LINES, Profile, check_profile, choose_profile
from lvtools.manifest.scan import BLOCK_BYTES
from lvtools.objects import Source, origin_of, read_blocks, read_source


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
    job = _Job(origin_of(source), chosen, wanted_bits(names), attribute, None)
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
) -> pa.Table:
    """Find everything that is wrong with a manifest, in one pass and without holding the file.

    Memory: blocks of 1 to 8 MB, the findings, 24 to 48 bytes a line to recognise a reference that comes again, and 16
    for an anomaly without a mask. With several threads every part but the first keeps 56 bytes a line until its turn.

    Parameters
    ----------
    source, profile, threads
        As for `read_manifest`; only files and bytes are read in several parts.
    on_progress : callable, optional
        Called now and then with the number of bytes seen so far; the file is then read in one part.

    Returns
    -------
    pyarrow.Table
        `FINDING_SCHEMA`. The schema's metadata tell `profile`, `profile_reason`, `origin` and `statistics` (JSON).

    Raises
    ------
    ObjectError
        The source cannot be read.
    ArgumentError
        No such profile.
    """
    check_profile(profile)
    name = file_of(source) if on_progress is None else None
    if isinstance(source, bytes) and on_progress is None:
        return _validate_bytes(source, profile, threads)
    if name is None:
        return validate_blocks(read_blocks(source, BLOCK_BYTES), origin_of(source), profile, on_progress)
    return _validate_file(name, origin_of(source), profile, threads)


def validate_blocks(
    blocks: Iterable[bytes], origin: str, profile: str, on_progress: Callable[[int], None] | None = None
) -> pa.Table:
    """`validate_manifest` of what comes in pieces; the first decides on the profile and should have `BLOCK_BYTES`."""
    stream = iter(blocks)
    head = next(stream, b"")
    job = _Job(origin, _choose(profile, head), 0, None, on_progress)
    job.run([0, 0], lambda start, end: itertools.chain([head], stream), lambda at, length: "", 1)
    return job.table()


def _validate_bytes(data: bytes, profile: str, threads: int | None) -> pa.Table:
    job = _Job(origin_of(data), _choose(profile, data), 0, None, None)
    count = count_threads(len(data), threads)
    job.run(
        cut(len(data), count, lambda at, size: data[at : at + size]),
        lambda start, end: slices_of(data, start, end) if start == 0 and end == len(data) else Slice(data, start, end),
        lambda at, length: data[at : at + length].decode(),
        count,
    )
    return job.table()


def _validate_file(name: str, origin: str, profile: str, threads: int | None) -> pa.Table:
    def window(at: int, size: int) -> bytes:
        return b"".join(blocks_of(name, at, at + size, size))

    head = window(0, BLOCK_BYTES)
    size = os.path.getsize(name)
    count = count_threads(size, threads)
    job = _Job(origin, _choose(profile, head), 0, None, None)
    del head
    job.run(
        cut(size, count, window),
        lambda start, end: blocks_of(name, start, end),
        lambda at, length: window(at, length).decode(),
        count,
    )
    return job.table()


class _Job:
    """One pass over one manifest, in one part or several."""

    def __init__(
        self, origin: str, profile: Profile, want: int, attribute: str | None, on_progress: Callable[[int], None] | None
    ) -> None:
        self.profile = profile
        self._origin = origin
        self._want = want
        self._attribute = attribute
        self._progress = on_progress
        self._start([0, 0])

    def _start(self, bounds: list[int]) -> None:
        self.bounds = bounds
        self.findings = FindingList(self._origin, self.profile.name)
        self.across = Across(self.findings)
        self.parts: list[Part] = []
        self.lines_before: list[int] = []

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
        parts = [
            self._part(number, blocks(start, end)) for number, (start, end) in enumerate(itertools.pairwise(bounds))
        ]
        try:
            if len(parts) > 1 and threads > 1:
                with ThreadPoolExecutor(threads) as pool:
                    list(pool.map(Part.read, parts))
                    are_apart = self._are_apart(parts, pool)
            else:
                for part in parts:
                    part.read()
                are_apart = False
        except Several:
            self.run([0, bounds[-1]], blocks, text, 1)
            return
        self._join(parts, text, are_apart)

    def _part(self, number: int, blocks: Iterable[bytes] | Slice) -> Part:
        return Part(
            blocks,
            FindingList(self._origin, self.profile.name) if number else self.findings,
            want=self._want,
            attribute=self._attribute,
            across=None if number else self.across,
            base=self.bounds[number],
            alone=len(self.bounds) == 2,
            last=number == len(self.bounds) - 2,
            on_progress=self._progress,
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

    def _join(self, parts: list[Part], text: Callable[[int, int], str], are_apart: bool) -> None:
        lines = 0
        for number, part in enumerate(parts):
            self.lines_before.append(lines)
            if number:
                self.findings.extend(part.findings, lines)
                if are_apart and part.seen is not None:
                    for news in part.news() or ():
                        self.across.note(news, part.maps, lines)
                    self.across.take_unmasked(part.seen, lines)
                else:
                    part.follow(self.across, lines, text)
            part.count_again(self.across)
            self.across.end_part(part.engine, part.maps, lines)
            lines += part.scanner.lines_seen
        self.parts = parts
        self._lines = lines
        self._bytes = parts[-1].scanner.bytes_seen
        self.across.finish(lines)

    def statistics(self) -> dict[str, int]:
        return {"lines": self._lines, "bytes": self._bytes, **self.across.counts}

    def table(self) -> pa.Table:
        facts = {
            "origin": self._origin,
            "profile": self.profile.name,
            "profile_reason": self.profile.reason,
            "statistics": orjson.dumps(self.statistics()).decode(),
        }
        return self.findings.table().replace_schema_metadata(facts)


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
