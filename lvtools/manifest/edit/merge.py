"""Put manifests together, one line per image; what contradicts is reported with both places."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import pyarrow as pa

from lvtools._native.manifest_fast import Seen
from lvtools.errors import ArgumentError, ManifestError
from lvtools.manifest.edit.again import Again, rereadable
from lvtools.manifest.edit.document import Document
from lvtools.manifest.edit.lines import (
    BLANK,
    Line,
    OnBroken,
    Progress,
    canonical,
    deliver,
    joined,
    latest_date,
    parse,
    usable,
)
from lvtools.manifest.edit.places import PlacedLines, Places
from lvtools.objects import Source, Spool, origin_of

OnConflict: TypeAlias = Literal["error", "first", "last", "newest", "keep-all", "join"]
ON_CONFLICT = ("error", "first", "last", "newest", "keep-all", "join")

CONFLICT_SCHEMA = pa.schema(
    [
        pa.field("source_ref", pa.string()),
        pa.field("first", pa.string(), metadata={"about": "file:line"}),
        pa.field("second", pa.string(), metadata={"about": "file:line"}),
        pa.field("keys", pa.list_(pa.string()), metadata={"about": "the keys that differ"}),
        pa.field("kept", pa.string(), metadata={"about": "first, second, both or joined; null: nothing, an error"}),
    ]
)
_SHOWN = 5


class ConflictError(ManifestError):
    """Manifests contradict each other; `conflicts` (`CONFLICT_SCHEMA`) tells where."""

    conflicts: pa.Table = CONFLICT_SCHEMA.empty_table()


@dataclass(frozen=True)
class MergeReport:
    """What `merge_manifests` did.

    `lines` came in, `kept` went out, `same` said what another line says already; `conflicts` (`CONFLICT_SCHEMA`) lists
    images with different lines and which was kept. `data` is the result when no destination was given.
    """

    sources: tuple[str, ...]
    lines: int
    kept: int
    same: int
    conflicts: pa.Table
    data: bytes | None


class _Conflict(NamedTuple):
    """A row of `CONFLICT_SCHEMA`."""

    source_ref: str | None
    first: str
    second: str
    keys: list[str]
    kept: str | None

    @classmethod
    def of(cls, first: Line, second: Line, kept: str | None) -> _Conflict:
        a, b = first.value or {}, second.value or {}
        keys = [
            key
            for key in dict.fromkeys([*a, *b])
            if key not in a or key not in b or canonical(a[key]) != canonical(b[key])
        ]
        return cls(first.ref, first.place, second.place, keys, kept)


def merge_manifests(
    sources: Sequence[Source],
    dest: str | os.PathLike[str] | None = None,
    *,
    on_conflict: OnConflict = "error",
    on_broken: OnBroken = "error",
    on_progress: Progress | None = None,
) -> MergeReport:
    """Put manifests together by `source-ref`, in the order given.

    Lines of one image that say the same (key order and spelling of numbers apart) count once. For lines that differ:

    - 'error': `ConflictError` with all of them, and nothing is written;
    - 'first', 'last': that line is kept, at the place of the first;
    - 'newest': the line with the newest `creation-date` in its metadata, the later of equal ones;
    - 'join': one line with the keys of both, as chained Ground Truth jobs write it; keys with different values remain a
      conflict, as with 'error';
    - 'keep-all': every line, those that say the same too.

    Lines without `source-ref` have no identity and are all kept. Of a line its place is remembered, 28 bytes and 24 to
    48 for its image (by a keyed 96-bit hash), and the line is read again when another of its image comes, and to be
    written. A source that cannot be read twice is copied to disk first. Conflicts are held, as they are the report.

    Raises
    ------
    ConflictError
        See above.
    ManifestError
        A line cannot be read and `on_broken` is 'error'.
    """
    if on_conflict not in ON_CONFLICT:
        raise ArgumentError(f"on_conflict cannot be {on_conflict!r}", hint=", ".join(ON_CONFLICT))
    if isinstance(sources, (str, bytes, os.PathLike)):
        raise ArgumentError("sources is one manifest, not a list of them", hint="[first, second]")
    conflicts: list[_Conflict] = []
    seen = same = 0
    found = Seen(os.urandom(32))
    with ExitStack() as stack:
        again = [stack.enter_context(rereadable(source)) for source in sources]
        kept = Places(again, stack.enter_context(Spool()))
        for line, source, start in _all(again, on_broken, on_progress):
            seen += 1
            at = 0 if line.ref is None else found.line_of(line.ref.encode(), len(kept) + 1)
            if at == 0:
                kept.add(line, source, start)
                continue
            other = kept.line(at - 1)
            if on_conflict == "keep-all":
                conflicts.append(_Conflict.of(other, line, "both"))
                kept.add(line, source, start)
                continue
            if canonical(other.value) == canonical(line.value):
                same += 1
                continue
            new = _resolved(other, line, on_conflict)
            conflicts.append(_Conflict.of(other, line, None if new is None else _word(new, other, line)))
            if new is line:
                kept.put(at - 1, line, source, start)
            elif new is not None and new is not other:
                kept.rewrite(at - 1, new)
        table = _table([one for one in conflicts if one.kept != "both" or one.keys])
        if any(one.kept is None for one in conflicts):
            raise _error(table, on_conflict)
        data = deliver(joined(kept.raws()), dest)
    return MergeReport(tuple(origin_of(one) for one in sources), seen, len(kept), same, table, data)


def _all(
    sources: Sequence[Again], on_broken: OnBroken, on_progress: Progress | None
) -> Iterator[tuple[Line, int, int]]:
    """The lines of all sources, each with its source's number and its place there."""
    before = [0]
    for number, again in enumerate(sources):
        seen = [0]

        def tell(size: int, seen: list[int] = seen) -> None:
            seen[0] = size
            if on_progress is not None:
                on_progress(before[0] + size)

        lines = PlacedLines(again, tell)
        for line in usable(lines, on_broken):
            yield line, number, lines.start
        before[0] += seen[0]


def _resolved(first: Line, second: Line, on_conflict: str) -> Line | None:
    if on_conflict == "first":
        return first
    if on_conflict == "last":
        return second
    if on_conflict == "newest":
        return first if latest_date(first.value) > latest_date(second.value) else second
    return _join(first, second) if on_conflict == "join" else None


def _word(new: Line, first: Line, second: Line) -> str:
    return "first" if new is first else "second" if new is second else "joined"


def _join(first: Line, second: Line) -> Line | None:
    """The first line with what only the second has, each member as it was written; None when they contradict."""
    a, b = first.value or {}, second.value or {}
    if any(key in a and canonical(a[key]) != canonical(value) for key, value in b.items()):
        return None
    document, other = Document(first.body), Document(second.body)
    members = {name: (other.text(key), other.text(value)) for name, key, value in other.members()}  # last of twins
    document.insert(0, [text for name, text in members.items() if name not in a])
    body = document.edited()
    return first._replace(raw=body + first.raw[len(first.raw.rstrip(BLANK)) :], value=parse(body))


def _table(conflicts: list[_Conflict]) -> pa.Table:
    columns = zip(*conflicts, strict=True) if conflicts else [()] * len(CONFLICT_SCHEMA)
    arrays = [pa.array(column, kind.type) for column, kind in zip(columns, CONFLICT_SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=CONFLICT_SCHEMA)


def _error(table: pa.Table, on_conflict: str) -> ConflictError:
    open_ones = [row for row in table.to_pylist() if row["kept"] is None]
    shown = "".join(
        f"\n  {row['second']} contradicts {row['first']}: {row['source_ref']} ({', '.join(row['keys'][:_SHOWN])})"
        for row in open_ones[:_SHOWN]
    )
    more = f"\n  … and {len(open_ones) - _SHOWN:,} more" if len(open_ones) > _SHOWN else ""
    others = "first, last, newest or keep-all" + ("" if on_conflict == "join" else ", or join for chained jobs")
    error = ConflictError(
        f"{len(open_ones):,} line{'s' if len(open_ones) > 1 else ''} contradict an earlier one{shown}{more}",
        hint=f"choose with on_conflict: {others}",
    )
    error.conflicts = table
    return error
