"""Sound lines with wrong values, for `fix`: findings drive the repairs, so fixing and judging cannot disagree.

Every line is judged by itself, and again after every pass until nothing changes; only lines that changed are judged
again. A line on which a repair brings up a new fault goes back to what it was.
"""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from lvtools.manifest.edit.document import Document, Path
from lvtools.manifest.edit.layout import Item
from lvtools.manifest.edit.lines import BLANK, ended
from lvtools.manifest.edit.repaired import Done, shown
from lvtools.manifest.edit.repairs import VALUE_REPAIRS, Repair
from lvtools.manifest.read import validate_manifest

MAX_PASSES = 100  # one per repair that another one makes possible; a line has few of those


class _Judged(NamedTuple):
    """What is wrong with a line: all codes, and those that a repair is known for, with their JSON pointers."""

    codes: frozenset[str]
    curable: list[tuple[str, str]]


class ValueRepairs:
    """The repairs of one run of `fix`."""

    def __init__(self, *, unsafe: bool, prefix: str | None) -> None:
        self._prefix = prefix
        self._repairs: dict[str, list[Repair]] = {}
        for repair in VALUE_REPAIRS:
            if (prefix is not None) if repair.needs_prefix else (repair.safe or unsafe):
                self._repairs.setdefault(repair.code, []).append(repair)
        self.codes = sorted(self._repairs)
        self._codes = pa.array(self.codes, pa.string())

    def mend(self, items: list[Item], profile: str) -> None:
        """Mend the sound ones of these lines in place."""
        work = [item for item in items if item.sound]
        judged = self._judge([item.raw for item in work], profile)
        for _ in range(MAX_PASSES):
            tried = [
                (item, before, *new)
                for item, before in zip(work, judged, strict=True)
                if before is not None and (new := self._repaired(item, before)) is not None
            ]
            work, judged = [], []
            after = self._judge([raw for _, _, raw, _, _ in tried], profile, everything=True)
            for (item, before, raw, done, allowed), now in zip(tried, after, strict=True):
                if now is not None and now.codes - before.codes - allowed:
                    continue
                item.raw = raw
                item.done += done
                work.append(item)
                judged.append(now)
            if not work:
                return

    def _judge(self, raws: list[bytes], profile: str, *, everything: bool = False) -> list[_Judged | None]:
        """A judgement per line, None for lines that nothing can or need be done about."""
        found: list[_Judged | None] = [None] * len(raws)
        if not raws:
            return found
        table = validate_manifest(b"".join(map(ended, raws)), profile=profile, threads=1)
        codes = table["code"].cast(pa.string())
        curable = pc.is_in(codes, self._codes)
        if not everything:  # of a sound file nothing is left here, and no list is made
            lines = table["line"].filter(curable)
            keep = pc.is_in(table["line"], pc.unique(lines))
            table, codes, curable = table.filter(keep), codes.filter(keep), curable.filter(keep)
        all_codes: dict[int, set[str]] = {}
        wanted: dict[int, list[tuple[str, str]]] = {}
        columns = (table["line"], codes, table["pointer"], curable)
        for line, code, pointer, can in zip(*(column.to_pylist() for column in columns), strict=True):
            if line is None or code.startswith("LV2"):
                continue  # what needs two lines: another line's repair may cause it
            all_codes.setdefault(line, set()).add(code)
            if can:
                wanted.setdefault(line, []).append((code, pointer or ""))
        for line, ours in all_codes.items():
            found[line - 1] = _Judged(frozenset(ours), wanted.get(line, []))
        return found

    def _repaired(self, item: Item, judged: _Judged) -> tuple[bytes, list[Done], frozenset[str]] | None:
        """The line as it would be, what is done to it, and the codes that may come up; None: nothing helps."""
        if not judged.curable:
            return None
        body = item.raw.strip(BLANK)
        document = Document(body)
        made = [found for code, pointer in judged.curable if (found := self._value(document, code, pointer))]
        edited = document.edited()
        if not made or edited == body:
            return None
        at = item.raw.index(body)
        done = [
            Done(item.line, repair.code, repair.safe, pointer, before, after)
            for repair, changes in made
            for pointer, before, after in changes
        ]
        allowed = frozenset().union(*(repair.reveals for repair, _ in made))
        return item.raw[:at] + edited + item.raw[at + len(body) :], done, allowed

    def _value(self, document: Document, code: str, pointer: str) -> tuple[Repair, list[tuple[str, str, str]]] | None:
        """Apply the first repair that knows a cure for a finding."""
        path: Path = tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
        for repair in self._repairs.get(code, ()):
            before = len(document.edits)
            repair.apply(document, path, self._prefix)
            made = document.edits[before:]
            if any(old != new for old, new in made) and not document.overlaps(before):
                return repair, [(pointer, shown(old), shown(new)) for old, new in made]
            document.forget(before)
        return None
