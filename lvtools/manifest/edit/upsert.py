"""Change and add lines by `source-ref`, as UpdateDatasetEntries did: a new line replaces the old one completely."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lvtools.errors import ManifestError
from lvtools.manifest.edit.again import lines_in, rereadable
from lvtools.manifest.edit.lines import (
    BLANK,
    Line,
    OnBroken,
    Progress,
    deliver,
    joined,
    read_lines,
    stages,
    usable,
)
from lvtools.manifest.references import uri_bucket
from lvtools.objects import Source


@dataclass(frozen=True)
class UpsertReport:
    """What `upsert_manifest` did: lines `replaced`, `added`, and left `unchanged`; `data` without a destination.

    `superseded` counts lines of the changes that a later line of the changes for the same image made void.
    """

    origin: str
    replaced: int
    added: int
    unchanged: int
    superseded: int
    added_refs: tuple[str, ...]
    replaced_refs: tuple[str, ...]
    data: bytes | None


def upsert_manifest(
    base: Source,
    changes: Source,
    dest: str | os.PathLike[str] | None = None,
    *,
    other_buckets: bool = False,
    on_broken: OnBroken = "error",
    on_progress: Progress | None = None,
) -> UpsertReport:
    """Put the lines of `changes` into `base`.

    A line for an image of the base takes the place of its line, annotations and all; nothing is merged. Lines for new
    images follow behind, in order. Of several lines for one image in `changes` the last counts, at the place of the
    first. An image of `changes` that stands several times in the base keeps one line. All or nothing: one bad line in
    `changes`, and nothing is written.

    Parameters
    ----------
    base, changes, dest
        Where from and where to; without `dest` the result is in the report.
    other_buckets : bool
        Take images from other buckets than the base has; the service refused them.
    on_broken : {'error', 'keep', 'drop'}
        What becomes of lines of the base that cannot be read.
    on_progress : callable, optional
        Called now and then with the number of bytes of the base seen so far.

    Memory: the changes, and their images' names.

    Raises
    ------
    ManifestError
        A line of `changes` cannot be read, has no `source-ref`, or an image in another bucket.
    """
    new: dict[str, Line] = {}
    superseded = 0
    for line in usable(read_lines(changes)):
        if line.ref is None:
            raise ManifestError("the line has no 'source-ref'", path=line.origin, line=line.number)
        superseded += line.ref in new
        new[line.ref] = line.slim
    with rereadable(base) as again:
        if other_buckets:
            (tell,) = stages(on_progress, 1)
        else:
            first, tell = stages(on_progress, 2)
            buckets = {
                uri_bucket(line.ref) for line in usable(lines_in(again, first), on_broken) if line.ref is not None
            }
            _check_buckets(buckets - {None}, new)
        out = _Replaced(new)
        data = deliver(joined(out.lines(usable(lines_in(again, tell), on_broken))), dest)
    return UpsertReport(
        again.origin, len(out.replaced), len(out.added), out.unchanged, superseded, tuple(out.added),
        tuple(out.replaced), data,
    )  # fmt: skip


class _Replaced:
    """The base's lines with the changes put in."""

    def __init__(self, new: dict[str, Line]) -> None:
        self._new = new
        self.replaced: dict[str, None] = {}
        self.added: list[str] = []
        self.unchanged = 0

    def lines(self, old: Iterable[Line]) -> Iterator[bytes]:
        for line in old:
            if line.ref is None or line.ref not in self._new:
                self.unchanged += 1
                yield line.raw
            elif line.ref not in self.replaced:
                self.replaced[line.ref] = None
                yield self._new[line.ref].body + line.raw[len(line.raw.rstrip(BLANK)) :]
        self.added = [ref for ref in self._new if ref not in self.replaced]
        yield from (self._new[ref].body + b"\n" for ref in self.added)


def _check_buckets(buckets: set[str | None], new: dict[str, Line]) -> None:
    for ref, line in new.items():
        bucket = uri_bucket(ref)
        if bucket is not None and buckets and bucket not in buckets:
            raise ManifestError(
                f"the image lies in bucket {bucket!r}, those of the base in {', '.join(sorted(map(repr, buckets)))}",
                path=line.origin,
                line=line.number,
                hint="the service wanted one bucket; other_buckets=True (--other-buckets) takes the line all the same",
            )
        if bucket is not None and not buckets:
            buckets = {bucket}
