"""What differs between two manifests in meaning: images by `source-ref`, members by JSON pointer.

The order of lines and keys, white space, escapes and the spelling of numbers (1, 1.0) make no difference.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from lvtools._native.manifest_fast import Seen
from lvtools.manifest.edit.again import Again, rereadable
from lvtools.manifest.edit.lines import Line, Progress, canonical, read_lines
from lvtools.manifest.edit.places import PlacedLines, Places
from lvtools.manifest.scan import pointer
from lvtools.objects import Source, origin_of
from lvtools.text import printable

CHANGE_SCHEMA = pa.schema(
    [
        pa.field("kind", pa.dictionary(pa.int32(), pa.string()), metadata={"about": "added, removed or changed"}),
        pa.field("source_ref", pa.string(), metadata={"about": "null: a line without one"}),
        pa.field("line_a", pa.int64()),
        pa.field("line_b", pa.int64()),
        pa.field("pointer", pa.string(), metadata={"about": "of a changed line, RFC 6901"}),
        pa.field("before", pa.string(), metadata={"about": "JSON; null: not there"}),
        pa.field("after", pa.string(), metadata={"about": "JSON; null: not there"}),
    ]
)
_SHOWN = 20
_Row = tuple[int, int, tuple[str, str | None, int | None, int | None, str | None, str | None, str | None]]
_SHOWN_CHARS = 100


@dataclass(frozen=True)
class ManifestDiff:
    """The difference of two manifests: `changes` (`CHANGE_SCHEMA`), and counts of images."""

    a: str
    b: str
    added: int
    removed: int
    changed: int
    unchanged: int
    changes: pa.Table

    @property
    def same(self) -> bool:
        """Do both say the same?"""
        return not (self.added or self.removed or self.changed)

    def to_json(self) -> bytes:
        """One JSON document."""
        head = {"lvtools_diff": 1, "a": self.a, "b": self.b, "same": self.same, "added": self.added}
        head |= {"removed": self.removed, "changed": self.changed, "unchanged": self.unchanged}
        rows = self.changes.to_pylist()
        for row in rows:
            for name in ("before", "after"):
                row[name] = None if row[name] is None else orjson.Fragment(row[name])
        return orjson.dumps({**head, "changes": rows}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    def to_text(self, *, everything: bool = False) -> str:
        """The differences for people: the first images of each kind, or all of them."""
        return "".join(_text(self, everything))


def diff_manifests(a: Source, b: Source, *, on_progress: Progress | None = None) -> ManifestDiff:
    """Compare two manifests by what they say.

    An image that stands several times in both is compared in the order of its lines. Lines without `source-ref` and
    broken lines are the same when their content is. Of a line of the first manifest its place and a keyed 96-bit hash
    of its identity are remembered, some 80 bytes, and it is read again for its partner; differences are held.

    Raises
    ------
    ObjectError
        A source cannot be read.
    """
    seen = [0]

    def first(size: int) -> None:
        seen[0] = size
        if on_progress is not None:
            on_progress(size)

    rows: list[_Row] = []
    removed: list[_Row] = []
    counts = dict.fromkeys(("added", "changed", "unchanged"), 0)
    with rereadable(a) as again:
        left = _Left(again, first)
        for line in read_lines(b, None if on_progress is None else lambda size: on_progress(seen[0] + size)):
            if line.is_blank:
                continue
            at = left.partner(line)
            if at is None:
                counts["added"] += 1
                row = ("added", line.ref, None, line.number, None, None, _shown(line))
                rows.append((len(left), line.number, row))
                continue
            one = left.lines.line(at)
            found = list(_differences(one.value, line.value, ())) if one.body != line.body else []
            counts["changed" if found else "unchanged"] += 1
            where = "changed", one.ref, one.number, line.number
            rows.extend((left.first[at], at, (*where, *difference)) for difference in found)
        for at in left.alone():
            one = left.lines.line(at)
            removed.append((left.first[at], at, ("removed", one.ref, one.number, None, None, _shown(one), None)))
    ordered = [row for _, _, row in sorted(rows + removed, key=lambda item: item[:2])]
    columns: list[Any] = list(zip(*ordered, strict=True)) if ordered else [()] * len(CHANGE_SCHEMA)
    arrays = [
        pa.array(column, pa.string()).dictionary_encode()
        if pa.types.is_dictionary(field.type)
        else pa.array(column, field.type)
        for column, field in zip(columns, CHANGE_SCHEMA, strict=True)
    ]
    table = pa.Table.from_arrays(arrays, schema=CHANGE_SCHEMA)
    return ManifestDiff(
        origin_of(a), origin_of(b), counts["added"], len(removed), counts["changed"], counts["unchanged"], table
    )


class _Left:
    """The lines of the first manifest by identity: 28 bytes of place, 16 of order and 24 to 48 of hash for each."""

    def __init__(self, again: Again, on_progress: Progress | None) -> None:
        self.lines = Places([again])
        self.first = array("q")  # of each line: the first with its identity
        self._next = array("q")  # of each line: the next with its identity; 0: there is none
        self._last: dict[int, int] = {}  # of identities that several lines have
        self._seen = Seen(os.urandom(32))
        placed = PlacedLines(again, on_progress)
        for line in placed:
            if line.is_blank:
                continue
            at = len(self.lines)
            known = self._seen.line_of(_identity(line), at + 1)
            self.first.append(known - 1 if known else at)
            self._next.append(0)
            self.lines.add(line, 0, placed.start)
            if known:
                self._next[self._last.get(known - 1, known - 1)] = at
                self._last[known - 1] = at
        self._free = array("q", range(len(self.lines)))  # of each identity: its first line without a partner; -1: none
        self._met = bytearray(len(self.lines))

    def __len__(self) -> int:
        return len(self.lines)

    def partner(self, line: Line) -> int | None:
        """The line that one of the other manifest is compared with, which each line is once."""
        known = self._seen.line_of(_identity(line), len(self) + 1)
        if not 0 < known <= len(self):
            return None
        at = self._free[known - 1]
        if at < 0:
            return None
        self._free[known - 1] = self._next[at] or -1
        self._met[at] = 1
        return at

    def alone(self) -> Iterator[int]:
        """The lines that nothing was compared with."""
        return (at for at, met in enumerate(self._met) if not met)


def _identity(line: Line) -> bytes:
    if line.ref is not None:
        return b"ref " + line.ref.encode()
    return b"line " + (line.body if line.value is None else canonical(line.value))


def _shown(line: Line) -> str:
    """An added or removed line as JSON text; a broken one as a JSON string of what stands there."""
    if line.full.value is not None:
        return line.body.decode()
    return orjson.dumps(line.body.decode("utf-8", "backslashreplace")).decode()


def _differences(a: Any, b: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str, str | None, str | None]]:
    if isinstance(a, dict) and isinstance(b, dict):
        for key in dict.fromkeys([*a, *b]):
            if key not in a:
                yield pointer((*path, key)), None, _json(b[key])
            elif key not in b:
                yield pointer((*path, key)), _json(a[key]), None
            else:
                yield from _differences(a[key], b[key], (*path, key))
    elif isinstance(a, list) and isinstance(b, list):
        for index in range(max(len(a), len(b))):
            if index >= len(a):
                yield pointer((*path, index)), None, _json(b[index])
            elif index >= len(b):
                yield pointer((*path, index)), _json(a[index]), None
            else:
                yield from _differences(a[index], b[index], (*path, index))
    elif canonical(a) != canonical(b):
        yield pointer(path), _json(a), _json(b)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _text(diff: ManifestDiff, everything: bool) -> Iterator[str]:
    groups: dict[tuple[str, int | None, int | None], list[dict[str, Any]]] = {}
    for row in diff.changes.to_pylist():
        groups.setdefault((row["kind"], row["line_a"], row["line_b"]), []).append(row)
    counts = {"removed": diff.removed, "added": diff.added, "changed": diff.changed}
    for kind, sign in (("removed", "-"), ("added", "+"), ("changed", "~")):
        ours = [(key, rows) for key, rows in groups.items() if key[0] == kind]
        shown = len(ours) if everything or len(ours) <= _SHOWN + 1 else _SHOWN
        for (_, line_a, line_b), rows in ours[:shown]:
            places = [f"{diff.a}:{line_a}"] * (line_a is not None) + [f"{diff.b}:{line_b}"] * (line_b is not None)
            name = rows[0]["source_ref"] or "(no source-ref)"
            yield f"{sign} {printable(name)}  [{printable(', '.join(places))}]\n"
            if kind == "changed":
                for row in rows:
                    yield f"    {printable(row['pointer'] or '/')}: {_brief(row['before'])} -> {_brief(row['after'])}\n"
        if shown < len(ours):
            yield f"  … and {counts[kind] - shown:,} more {kind}\n"


def _brief(text: str | None) -> str:
    if text is None:
        return "(absent)"
    return printable(text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…")
