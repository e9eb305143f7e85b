"""One line per image: repeated lines are taken out, the others stay where and as they are."""

from __future__ import annotations

import os
import posixpath
import unicodedata
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import unquote

import pyarrow as pa

from lvtools.errors import ArgumentError
from lvtools.manifest.edit.lines import (
    Line,
    OnBroken,
    Progress,
    deliver,
    joined,
    latest_date,
    read_lines,
    usable,
)
from lvtools.objects import Source, origin_of

Keep: TypeAlias = Literal["first", "last", "newest"]
Same: TypeAlias = Literal["line", "source-ref", "normalized"]

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
    lines = list(usable(read_lines(source, on_progress), on_broken))
    best: dict[object, int] = {}
    keys = [_key(line, same) for line in lines]
    for index, key in enumerate(keys):
        if key not in best or _better(lines[index], lines[best[key]], keep):
            best[key] = index
    gone = [index for index, key in enumerate(keys) if best[key] != index]
    kept = [line.raw for index, (line, key) in enumerate(zip(lines, keys, strict=True)) if best[key] == index]
    table = pa.table(
        [
            [lines[index].number for index in gone],
            [lines[best[keys[index]]].number for index in gone],
            [lines[index].ref for index in gone],
            [lines[index].body == lines[best[keys[index]]].body for index in gone],
        ],
        schema=REMOVED_SCHEMA,
    )
    return DedupeReport(origin_of(source), len(lines), len(kept), table, deliver(joined(kept), dest))


def _key(line: Line, same: str) -> object:
    if same == "line" or line.ref is None:
        return line.body
    return line.ref if same == "source-ref" else normalized(line.ref)


def _better(new: Line, old: Line, keep: str) -> bool:
    if keep == "newest":
        return latest_date(new.value) >= latest_date(old.value)
    return keep == "last"


def normalized(ref: str) -> str:
    """One spelling for all spellings of a reference; for comparing only, never for opening."""
    plain = unicodedata.normalize("NFC", unquote(ref.strip()))
    while plain.lower().startswith("s3://s3://"):
        plain = plain[5:]
    scheme, found, rest = plain.partition("://")
    if not found:
        return posixpath.normpath(plain)
    return f"{scheme.lower()}://{posixpath.normpath('/' + rest).lstrip('/')}"
