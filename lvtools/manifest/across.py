"""The rules over several lines for the fast engine: `CrossLine` for a file whose lines are mostly seen as facts.

A fact is 56 bytes of a line: a 96-bit hash of its source-ref, its distinct color map, places. Facts are looked at in
the order of the file and dropped; what stays is 16 bytes a slot of the hash table (24 to 48 a line), and 16 bytes for
an anomaly without a mask.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

from lvtools._native.manifest_fast import Engine, Seen
from lvtools.dataset import is_background
from lvtools.findings import FindingList, Place
from lvtools.manifest.crossline import CrossLine
from lvtools.manifest.references import uri_bucket
from lvtools.manifest.replay import Again
from lvtools.manifest.rules import Entry
from lvtools.manifest.scan import Places, pointer, quoted
from lvtools.manifest.tally import Where

HASH_KEY = os.urandom(32)  # nobody can prepare references that collide
DRAIN_ROWS = 10_000  # findings that may be at hand when others wait for them
SHARES = 8  # of a comparison of references, for several threads
_LABEL, _BOX, _MAP = range(3)  # `enum NewsKind` in manifest_base.h
_COUNTS = ("entries", "labeled", "normal", "anomaly", "masks", "with_boxes")


def _label(text: bytes) -> tuple[str, str]:
    """A class and its number, as the engine keeps them."""
    name, _, number = text.decode().partition("\0")
    return name, number


class Bucket(NamedTuple):
    """A bucket and the place of the reference that has it."""

    name: str
    place: Place


class PartMaps:
    """What is known of one engine's distinct color maps: a byte each for the kernel, and the contradictions of some."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.states = bytearray()
        self.contradictions: dict[int, list[tuple[str, int]]] = {}

    def pairs(self, number: int) -> list[tuple[str, str | None]]:
        """A map's classes and colours."""
        text = self._engine.word(4, number)
        pairs: list[tuple[str, str | None]] = []
        at = 0
        while at < len(text):
            end = text.index(b"\0", at)
            pairs.append((text[at:end].decode(), text[end + 1 : end + 8].decode()))
            at = end + 8
        return pairs

    def names(self, number: int) -> tuple[str, ...]:
        """A map's classes."""
        return tuple([name for name, _ in self.pairs(number)])

    def judged(self, number: int, contradictions: list[tuple[str, int]]) -> None:
        """Remember what is to be said of every line with this map."""
        if number >= len(self.states):
            self.states.extend(bytes(number + 64 - len(self.states)))
        self.states[number] = 2 if contradictions else 1
        if contradictions:
            self.contradictions[number] = contradictions


class Across(CrossLine):
    """Sees every line once, in order: those of the engine by `take`, the others by `see`."""

    def __init__(self, findings: FindingList) -> None:
        super().__init__(findings)
        self._seen = Seen(HASH_KEY)
        self._buckets: list[Bucket] = []
        self.color_maps: dict[
            tuple[tuple[str, str | None], ...], None
        ] = {}  # distinct, in the order of their first use

    def see(self, entry: Entry, line: int, places: Places) -> None:
        super().see(entry, line, places)
        if entry.anomaly_classes:
            self.color_maps.setdefault(tuple((one["class_name"], one["color"]) for one in entry.anomaly_classes))

    def again(self, one: Again, lines_before: int) -> None:
        """Take note of a line that was not read, because one like it had been."""
        plan, line = one.plan, one.line + lines_before
        column = one.ref_at - one.start + 1
        if one.ref is not None:
            first = self._seen.line_of(one.ref.encode(), line)
            if first:
                self._findings.add("LV201", line=line, column=column, byte_offset=one.ref_at, pointer="/source-ref",
                                   value=quoted(one.ref), related_line=first)  # fmt: skip
            if not self._other_bucket and not one.ref.startswith(f"s3://{self._bucket}/"):
                self._note_bucket(one.ref, {"line": line, "column": column, "byte_offset": one.ref_at})
        if plan.colors:
            if plan.contradictions is None:  # the first line of the shape has been seen: its colours are known
                where = pointer((f"{plan.entry.mask_attribute}-metadata", "internal-color-map"))
                found = self._contradictions(list(plan.colors), line)
                plan.contradictions = [(words, first) for value, first in found
                                       if (words := self._findings.words("LV205", where, value))]  # fmt: skip
            for words, first in plan.contradictions:
                self._findings.add_words(words, line, one.map_at - one.start + 1, one.map_at, first)
        if plan.unmasked:
            self._seen.add_unmasked(line, column, one.ref_at)

    def count_again(self, entry: Entry, lines: int) -> None:
        """Count the lines that were taken note of so, all of them like an entry that was seen."""
        self._count(entry, lines)
        self.tally.count(entry, lines)

    def _note_unmasked(self, place: Place) -> None:
        self._seen.add_unmasked(place["line"], place["column"], place["byte_offset"])

    def _duplicate(self, ref: str, line: int, places: Places) -> None:
        first = self._seen.line_of(ref.encode(), line)
        if first:
            self._findings.add(
                "LV201", **places.of(("source-ref",)), pointer="/source-ref", value=quoted(ref), related_line=first
            )

    def _one_bucket(self, ref: str, places: Places) -> None:
        """Only the first bucket and the first that differs can matter; which is which shows when all lines are seen."""
        name = uri_bucket(ref)
        if name is not None and self._bucket != name and not self._other_bucket:
            self._note_bucket(ref, places.of(("source-ref",)))

    def _note_bucket(self, ref: str, place: Place) -> None:
        name = uri_bucket(ref)
        if name is None or self._bucket == name:
            return
        self._other_bucket = self._bucket is not None
        self._bucket = self._bucket if self._other_bucket else name
        self._buckets.append(Bucket(name, place))

    def take(
        self, engine: Engine, kept: bytes | None, maps: PartMaps, lines_before: int, text: Callable[[int, int], str]
    ) -> None:
        """Look at a window's facts, the engine's own or `kept` ones; `text` gives the file's bytes at a place."""
        index = 0
        while True:
            index, events, number, line = self._seen.take(engine, kept, index, lines_before, maps.states)
            for event in events:
                self._tell(event, engine, maps, text)
            if number < 0:
                return
            pairs = maps.pairs(number)
            self.color_maps.setdefault(tuple(pairs))
            maps.judged(number, self._contradictions(pairs, line))

    def is_apart(self, others: list[Seen], run: Callable[[Callable[[int], bool]], Iterable[bool]]) -> bool:
        """Do later parts hold no reference of this one, nor of each other? `run` asks for each share of the answer."""
        tables = [self._seen, *others]
        pairs = [(before, later) for number, later in enumerate(tables) for before in tables[:number]]
        return not any(run(lambda share: any(before.shares(later, share, SHARES) for before, later in pairs)))

    def take_news(
        self, news: list[tuple[int, int, int, int, bytes, bytes, int]], maps: PartMaps, lines_before: int
    ) -> bool:
        """Judge a window's new color maps; False when one contradicts an earlier line."""
        for line, _, _, kind, _, _, number in news:
            if kind == _MAP:
                pairs = maps.pairs(number)
                self.color_maps.setdefault(tuple(pairs))
                found = self._contradictions(pairs, lines_before + line + 1)
                maps.judged(number, found)
                if found:
                    return False
        return True

    def take_unmasked(self, seen: Seen, lines_before: int) -> None:
        """Take over the anomalies without a mask that a part has seen."""
        self._seen.add_all_unmasked(seen, lines_before)

    def _contradictions(self, pairs: list[tuple[str, str | None]], line: int) -> list[tuple[str, int]]:
        """What LV205 says of every line with this color map: (value, the other line)."""
        found = []
        for name, color in pairs:
            if color is None or is_background(name):
                continue
            first, first_line = self._colors.setdefault(name, (color, line))
            if first != color:
                found.append((f"class {quoted(name)} has colour {color}", first_line))
        return found

    def _tell(
        self, event: tuple[int, int, int, int, int], engine: Engine, maps: PartMaps, text: Callable[[int, int], str]
    ) -> None:
        line, start, at, what, other = event
        place: Place = {"line": line, "column": at - start + 1, "byte_offset": at}
        if what >= 0:
            self._findings.add("LV201", **place, pointer="/source-ref", value=text(at, what), related_line=other)
            return
        where = pointer((engine.word(5, other).decode() + "-metadata", "internal-color-map"))
        for value, first_line in maps.contradictions[-1 - what]:
            self._findings.add("LV205", **place, pointer=where, value=value, related_line=first_line)

    def note(self, news: list[tuple[int, int, int, int, bytes, bytes, int]], maps: PartMaps, lines_before: int) -> None:
        """Take note of a window's new words (`Engine.news`)."""
        names: tuple[str, ...] = ()
        where: list[Where] = []
        for line, start, at, kind, text, key, number in news:
            place: Place = {"line": line + lines_before + 1, "column": at - start + 1, "byte_offset": at}
            metadata = f"{key.decode()}-metadata"
            if kind == _LABEL:
                self.tally.meet_label(_label(text), (place, pointer((metadata, "class-name"))))
            elif kind == _BOX:
                if text.decode() not in self.tally.kinds["boxes"]:
                    self.tally.meet("boxes", text.decode(), (place, ""))
            elif kind == _MAP:
                names, where = maps.names(number), []
            else:  # the map's entries, one after the other
                where.append((place, pointer((metadata, "internal-color-map", text.decode(), "class-name"))))
                if len(where) == len(names):
                    self.tally.meet_map(names, where.__getitem__)

    def end_part(self, engine: Engine, maps: PartMaps, lines_before: int) -> None:
        """Add an engine's counts and buckets."""
        labels, images = engine.tallies()
        for text, count in labels:
            self.tally.count_label(_label(text), count)
        for number, count in enumerate(images):
            if count:
                self.tally.count_map(maps.names(number), count)
        for name, count in zip(_COUNTS, engine.counts(), strict=False):
            self.counts[name] += count
        for found in engine.buckets():
            if found is not None:
                line, start, at, bucket = found
                place: Place = {"line": lines_before + line + 1, "column": at - start + 1, "byte_offset": at}
                self._buckets.append(Bucket(bucket.decode(), place))

    def finish(self, lines: int, drain: Callable[[], None] = lambda: None) -> None:
        self._buckets.sort(key=lambda bucket: bucket.place["byte_offset"])
        for bucket in self._buckets:
            if bucket.name != self._buckets[0].name:
                self._findings.add("LV202", **bucket.place, pointer="/source-ref", value=quoted(bucket.name))
                break
        if self.counts["masks"]:
            for number, (line, column, at) in enumerate(self._seen.all_unmasked(), 1):
                self._findings.add("LV206", line=line, column=column, byte_offset=at, pointer="/source-ref")
                if number % DRAIN_ROWS == 0:
                    drain()
        super().finish(lines)
