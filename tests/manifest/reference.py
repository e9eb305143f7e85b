"""The slow truth for `lvtools.manifest.read`: every line through `scan`, `rules` and `crossline`.

Shares no code with the native loops, nor with the way they hand over columns.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson
import pyarrow as pa

from lvtools.dataset import ENTRY_SCHEMA, ColorMap, Dataset
from lvtools.errors import MaskError
from lvtools.findings import FindingList
from lvtools.manifest.crossline import PART_OF_LINE, CrossLine, check_budget
from lvtools.manifest.profile import PEEK_LINES, Profile, choose_profile
from lvtools.manifest.rules import NO_ENTRY, Entry, LineReader
from lvtools.manifest.scan import BLOCK_BYTES, Record, Scanner

MAX_ENTRY_CHARS = 8192


def read_slowly(
    data: bytes, *, profile: str = "auto", columns: Sequence[str] | None = None, attribute: str | None = None
) -> Dataset:
    """What `read_manifest` has to answer."""
    names = ENTRY_SCHEMA.names if columns is None else list(columns)
    job = _Job([data], "<bytes>", profile, attribute)
    offsets, lines, entries = [], [], []
    maps: dict[ColorMap, None] = {}
    for record, entry in job.entries():
        offsets.append(record.offset)
        lines.append(record.line)
        entries.append(entry)
        if entry.anomaly_classes:
            _note_color_map(maps, entry.anomaly_classes)
    table = _table(names, entries, lines, offsets, data)
    return Dataset(table, job.table(), tuple(maps), "<bytes>", job.profile.name, job.statistics())


def validate_slowly(blocks: Iterable[bytes], *, profile: str = "auto") -> pa.Table:
    """What `validate_manifest` has to answer."""
    job = _Job(blocks, "<bytes>", profile, None)
    for _ in job.entries():
        pass
    return job.table()


class _Job:
    """One pass over one manifest."""

    def __init__(self, blocks: Iterable[bytes], origin: str, profile: str, attribute: str | None) -> None:
        self.profile = Profile(profile, "asked for")
        if profile == "auto":
            stream = iter(blocks)
            head = next(stream, b"")
            self.profile = choose_profile(_first_objects(head[:BLOCK_BYTES]))
            blocks = itertools.chain([head], stream)
        self._findings = FindingList(origin, self.profile.name)
        self._scanner = Scanner(blocks, self._findings)
        self._reader = LineReader(self._findings, attribute=attribute)
        self._across = CrossLine(self._findings)

    @property
    def bytes_seen(self) -> int:
        return self._scanner.bytes_seen

    def entries(self) -> Iterator[tuple[Record, Entry]]:
        """Every record with its entry; all findings are known when this ends."""
        for record in self._scanner.records():
            entry = NO_ENTRY
            if record.value is not None:
                self._check_length(record)
                entry = self._reader.read(record.value, record.places)
                self._across.see(entry, record.line, record.places)
            yield record, entry
        lines = self._scanner.lines_seen
        self._across.finish(lines)
        if self.profile.name == "rekognition":
            check_budget(self._findings, self._findings.lines_with_errors(PART_OF_LINE), lines)

    def _check_length(self, record: Record) -> None:
        if record.length > MAX_ENTRY_CHARS:
            self._findings.add("LV010", **record.places.of(), value=f"{record.length:,}")

    def statistics(self) -> dict[str, int]:
        return {"lines": self._scanner.lines_seen, "bytes": self._scanner.bytes_seen, **self._across.counts}

    def table(self) -> pa.Table:
        facts = {
            "origin": self._findings.file,
            "profile": self.profile.name,
            "profile_reason": self.profile.reason,
            "statistics": orjson.dumps(self.statistics()).decode(),
        }
        return self._findings.table().replace_schema_metadata(facts)


def _first_objects(head: bytes) -> Iterator[dict[str, Any]]:
    """The objects at the start of a file, as far as they can be read at all; no findings, no places."""
    head = head.removeprefix(b"\xef\xbb\xbf")
    found = False
    for line in head.split(b"\n", PEEK_LINES)[:PEEK_LINES]:
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(value, dict):
            found = True
            yield value
    if not found and len(head) < BLOCK_BYTES:
        try:
            value = orjson.loads(head)  # one pretty-printed value?
        except orjson.JSONDecodeError:
            return
        yield from (
            one for one in (value if isinstance(value, list) else [value])[:PEEK_LINES] if isinstance(one, dict)
        )


def _note_color_map(maps: dict[ColorMap, None], classes: list[dict[str, Any]]) -> None:
    pairs = [(one["class_name"], one["color"]) for one in classes if one["color"] is not None]
    with contextlib.suppress(MaskError):  # two colours for a class: reported as LV188, and no map can hold it
        maps.setdefault(ColorMap(pairs))


def _table(names: Sequence[str], entries: list[Entry], lines: list[int], offsets: list[int], data: bytes) -> pa.Table:
    arrays = []
    for name in names:
        kind = ENTRY_SCHEMA.field(name).type
        if name == "raw":
            bounds = pa.array([*offsets, len(data)], pa.int64())
            arrays.append(
                pa.LargeBinaryArray.from_buffers(kind, len(offsets), [None, bounds.buffers()[1], pa.py_buffer(data)])
            )
        elif name == "line":
            arrays.append(pa.array(lines, kind))
        else:
            column = [getattr(entry, name) for entry in entries]
            arrays.append(
                pa.array(column, pa.string()).dictionary_encode().cast(kind)
                if pa.types.is_dictionary(kind)
                else pa.array(column, kind)
            )
    return pa.Table.from_arrays(arrays, schema=pa.schema([ENTRY_SCHEMA.field(name) for name in names]))
