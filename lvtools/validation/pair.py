"""A test set beside its training set: images that stand in both, and labels that only one of them has.

Of the training set its references are remembered (24 to 48 bytes each, by a keyed hash) and the names of its labels.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from lvtools._native.manifest_fast import Seen
from lvtools.manifest.batches import HEAD_BYTES, Several, head_profile, read_batches
from lvtools.manifest.edit.again import Again, rereadable
from lvtools.manifest.judged import Judged
from lvtools.manifest.scan import places_of, quoted
from lvtools.objects import Source

MIN_OVERLAP = 0.5  # Rekognition Custom Labels: common labels by labels of the training
_COLUMNS = ("source_ref", "class_name", "labels", "boxes", "line", "raw")


def entries(again: Again, columns: tuple[str, ...], profile: str) -> Iterator[tuple[pa.Table, int]]:
    """A manifest's entries a part at a time, each part with its place in the file."""
    rows = 0
    try:
        for table, base in read_batches(again.blocks(), columns, profile=profile):
            yield table, base
            rows += table.num_rows
    except Several:  # a value over several lines, perhaps over two parts: what stands before it has been seen
        for table, base in read_batches(again.blocks(), columns, profile=profile, whole=True):
            yield table.slice(rows), base


def compare_with_training(judged: Judged, testing: Again, training: Source) -> None:
    """Add to the findings of a test set what contradicts its training set.

    Raises
    ------
    ObjectError
        The training set cannot be read.
    """
    seen, known = Seen(os.urandom(32)), set[str]()
    last = 0
    with rereadable(training) as again:
        profile = head_profile(again.blocks(HEAD_BYTES), judged.profile.name).name
        for table, _ in entries(again, _COLUMNS, profile):
            known |= _names(table)
            for ref, line in zip(table["source_ref"].to_pylist(), table["line"].to_pylist(), strict=True):
                last = line
                if ref is not None:
                    seen.line_of(ref.encode(), line)
    names = set[str]()
    for table, base in entries(testing, _COLUMNS, judged.profile.name):
        names |= _names(table)
        _shared(judged, table, base, seen, last)
        judged.drain()
    if len(known & names) < MIN_OVERLAP * len(known):
        judged.findings.add("LV231", value=f"{len(known & names):,} of the {len(known):,} labels of the training set")


def _shared(judged: Judged, table: pa.Table, base: int, seen: Seen, last: int) -> None:
    """Images of a part that the training set has, too."""
    start = base
    rows = zip(table["source_ref"].to_pylist(), table["line"].to_pylist(), table["raw"], strict=True)
    for ref, line, raw in rows:
        # Numbered behind the training set's lines: an image that comes twice here is none of those.
        first = seen.line_of(ref.encode(), last + line) if ref is not None else 0
        if 0 < first <= last:
            place = places_of(raw.as_py(), line, start).of(("source-ref",))
            judged.findings.add("LV230", **place, pointer="/source-ref", value=quoted(ref), related_line=first)
        start += len(raw.as_buffer())


def _names(table: pa.Table) -> set[str]:
    """The labels of a part: of images, several of an image, and of boxes."""
    found = set(table["class_name"].unique().to_pylist())
    for column in ("labels", "boxes"):
        found |= set(pc.struct_field(pc.list_flatten(table[column]), "class_name").unique().to_pylist())
    return found - {None, ""}
