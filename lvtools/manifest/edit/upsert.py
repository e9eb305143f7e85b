"""Change and add lines by `source-ref`, as UpdateDatasetEntries did: a new line replaces the old one completely."""

from __future__ import annotations

import os
from dataclasses import dataclass

from lvtools.errors import ManifestError
from lvtools.manifest.edit.lines import BLANK, Line, OnBroken, deliver, joined, read_lines, usable
from lvtools.manifest.references import uri_bucket
from lvtools.objects import Source, origin_of


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
        new[line.ref] = line
    old = list(usable(read_lines(base), on_broken))
    if not other_buckets:
        _check_buckets(old, new)
    out: list[bytes] = []
    replaced: list[str] = []
    done: set[str] = set()
    unchanged = 0
    for line in old:
        if line.ref is None or line.ref not in new:
            unchanged += 1
            out.append(line.raw)
        elif line.ref not in done:
            done.add(line.ref)
            replaced.append(line.ref)
            out.append(new[line.ref].body + line.raw[len(line.raw.rstrip(BLANK)) :])
    added = [ref for ref in new if ref not in done]
    out += [new[ref].body + b"\n" for ref in added]
    data = deliver(joined(out), dest)
    return UpsertReport(
        origin_of(base), len(replaced), len(added), unchanged, superseded, tuple(added), tuple(replaced), data
    )


def _check_buckets(old: list[Line], new: dict[str, Line]) -> None:
    buckets = {uri_bucket(line.ref) for line in old if line.ref is not None} - {None}
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
