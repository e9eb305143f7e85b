"""One line per image: repeated lines are taken out, the others stay where and as they are.

The source is read twice: for the keys of its lines, then for the lines that stay. Keys and digests are held, no lines.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import unicodedata
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias
from urllib.parse import unquote

import pyarrow as pa

from lvtools.errors import ArgumentError
from lvtools.manifest.edit.again import lines_in, rereadable
from lvtools.manifest.edit.lines import BOM, Line, OnBroken, Progress, deliver, joined, latest_date, stages, usable
from lvtools.objects import Source

Keep: TypeAlias = Literal["first", "last", "newest"]
Same: TypeAlias = Literal["line", "source-ref", "normalized"]

_YEAR_ONE = datetime.min.replace(tzinfo=UTC)
REMOVED_SCHEMA = pa.schema(
    [
        pa.field("line", pa.int64(), metadata={"about": "taken out"}),
        pa.field("kept_line", pa.int64(), metadata={"about": "kept in its place"}),
        pa.field("source_ref", pa.string()),
        pa.field("identical", pa.bool_(), metadata={"about": "both lines have the same bytes"}),
    ]
)


@dataclass(frozen=True)
class DedupeReport:
    """What `dedupe_manifest` took out (`removed`, `REMOVED_SCHEMA`); `data` when no destination was given."""

    origin: str
    lines: int
    kept: int
    removed: pa.Table
    data: bytes | None


def dedupe_manifest(
    source: Source,
    dest: str | os.PathLike[str] | None = None,
    *,
    same: Same = "source-ref",
    keep: Keep = "first",
    on_broken: OnBroken = "error",
    on_progress: Progress | None = None,
) -> DedupeReport:
    """Take repeated lines out of a manifest.

    Parameters
    ----------
    source, dest
        Where from and where to; without `dest` the result is in the report.
    same : {'source-ref', 'line', 'normalized'}
        What makes two lines the same: their image, all their bytes (white space around them apart), or their image
        however it is written: %20, `//`, `./`, composed or decomposed accents, a doubled s3://.
    keep : {'first', 'last', 'newest'}
        Which one stays; 'newest' by the newest `creation-date` in its metadata, the later of equal ones.

    Raises
    ------
    ManifestError
        A line cannot be read and `on_broken` is 'error'.
    """
    if same not in ("line", "source-ref", "normalized"):
        raise ArgumentError(f"same cannot be {same!r}", hint="source-ref, line, normalized")
    if keep not in ("first", "last", "newest"):
        raise ArgumentError(f"keep cannot be {keep!r}", hint="first, last, newest")
    with rereadable(source) as again:
        first, second = stages(on_progress, 2)
        found = _Found(same, keep)
        for line in usable(lines_in(again, first), on_broken):
            found.see(line)
        removed: list[tuple[int, int, str | None, bool]] = []
        data = deliver(joined(_kept(again.lines(second), found, removed)), dest)
    columns = zip(*removed, strict=True) if removed else [[]] * len(REMOVED_SCHEMA)
    table = pa.table([pa.array(column, kind.type) for column, kind in zip(columns, REMOVED_SCHEMA, strict=True)],
                     schema=REMOVED_SCHEMA)  # fmt: skip
    return DedupeReport(again.origin, len(found.numbers), len(found.numbers) - len(removed), table, data)


class _Found:
    """What is known of the lines seen: for each its number and key, for each key its best line. No line is kept."""

    def __init__(self, same: str, keep: str) -> None:
        self._same, self._keep = same, keep
        self.numbers = array("q")
        self.keys = array("q")  # of each line
        self.best = array("q")  # of each key, as an index of `numbers`
        self.marks: list[bytes] = []  # of each key: of its best line's bytes
        self._dates = array("q")
        self._known: dict[bytes, int] = {}

    def see(self, line: Line) -> None:
        """Take note of a line."""
        at = len(self.numbers)
        self.numbers.append(line.number)
        key = self._known.setdefault(_mark(_key(line, self._same)), len(self._known))
        self.keys.append(key)
        date = _microseconds(line) if self._keep == "newest" else 0
        if key == len(self.best):
            self.best.append(at)
            self._dates.append(date)
            self.marks.append(_mark(line.body))
        elif self._keep == "last" or (self._keep == "newest" and date >= self._dates[key]):
            self.best[key], self._dates[key], self.marks[key] = at, date, _mark(line.body)


def _kept(raws: Iterable[bytes], found: _Found, removed: list[tuple[int, int, str | None, bool]]) -> Iterator[bytes]:
    """The lines that stay; what is said of the others goes to `removed`."""
    at = 0
    for number, raw in enumerate(raws, 1):
        if at == len(found.numbers) or found.numbers[at] != number:
            continue  # blank, or broken and dropped
        body = raw.removeprefix(BOM) if number == 1 else raw
        key = found.keys[at]
        if found.best[key] == at:
            yield body
        else:
            line = Line("", number, body, None)
            same = _mark(line.body) == found.marks[key]
            removed.append((number, found.numbers[found.best[key]], line.full.ref, same))
        at += 1


def _key(line: Line, same: str) -> bytes:
    if same == "line" or line.ref is None:
        return b"line " + line.body
    return b"ref " + (line.ref if same == "source-ref" else normalized(line.ref)).encode()


def _mark(data: bytes) -> bytes:
    """Equal marks count as equal bytes: for a million lines the chance that any two differ is below 1e-26."""
    return hashlib.blake2b(data, digest_size=16).digest()


def _microseconds(line: Line) -> int:
    return (latest_date(line.value) - _YEAR_ONE) // timedelta(microseconds=1)


def normalized(ref: str) -> str:
    """One spelling for all spellings of a reference; for comparing only, never for opening."""
    plain = unicodedata.normalize("NFC", unquote(ref.strip()))
    while plain.lower().startswith("s3://s3://"):
        plain = plain[5:]
    scheme, found, rest = plain.partition("://")
    if not found:
        return posixpath.normpath(plain)
    return f"{scheme.lower()}://{posixpath.normpath('/' + rest).lstrip('/')}"
