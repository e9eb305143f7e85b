"""The slow path's memory: lines of a shape that was judged before get the same findings again, without being read.

What `rules` and `attributes` say of a line depends on its shape (`_native/manifest_shape.h`), and on a few values
that they judge one by one: references, dates, confidences, boxes. `Recorder` reads a line as `LineReader` does and
writes down what it added, and where; `Memory.find` answers for further lines of that shape: places come from the new
line's tape, and a value that is not surely sound goes through the very method that judged it when the shape was
learned. A shape whose findings could depend on anything else is not remembered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import orjson

from lvtools._native.manifest_scan import Shape
from lvtools.dataset import is_background
from lvtools.findings import FindingList, Words
from lvtools.manifest.attributes import SHRUNK_SIDE, Path
from lvtools.manifest.dates import read_date
from lvtools.manifest.rules import Entry, LineReader
from lvtools.manifest.scan import MAX_DEPTH, TAPE_ROWS, Places, pointer

MAX_SHAPES = 512  # of up to 8 KB each; lines that are all different have nothing to gain
MAX_CREDIT = 64  # shapes that are recorded at once, without a line that had use for one
MAX_CLASSES = 64  # of a class map: their use is kept as bits
_NONE_IS_VALID = "LV159"  # of a line's boxes: then the line counts for less, which its shape does not show


class Fixed(NamedTuple):
    """A finding that every line of the shape has at the member of this row."""

    row: int
    words: Words


class Judged(NamedTuple):
    """A value that is no part of the shape, and the method that judges it."""

    row: int
    method: str
    path: Path


class Boxes:
    """The boxes of a shape: how to judge them, and which of their classes the file's tally has met."""

    def __init__(self, path: Path, size: tuple[float, float] | None, classes: dict[str, str] | None) -> None:
        self.row, self.path, self.size, self.classes = -1, path, size, classes
        self.numbers = list(classes or ())
        height, width = size or (math.inf, math.inf)
        self.frame = width, height
        self.shrink = min(1.0, SHRUNK_SIDE / max(height, width, 1.0)) if size else 0.0
        self.ids = b"".join(bytes((len(one),)) + one for one in (number.encode()[:255] for number in self.numbers))
        self.met = 0

    def meet(self, names: set[str | None] | None) -> None:
        """The tally has met these names; None: it wants none of these boxes."""
        for bit, name in enumerate((self.classes or {}).values()):
            self.met |= (names is None or name in names) << bit

    def bit(self, annotation: Any) -> int:
        """The bit of a box's class."""
        number = str(annotation.get("class_id")) if isinstance(annotation, dict) else ""
        return 1 << self.numbers.index(number) if number in self.numbers else 0


class Plan:
    """What the lines of one shape have in common. Rows are those of the tape; -1: there is no such member."""

    def __init__(self, entry: Entry, steps: list[Fixed | Judged], boxes: Boxes | None) -> None:
        self.entry, self.boxes = entry, boxes
        # Findings are sorted by place, and no two of these have theirs at one place: their order does not matter.
        self.fixed = [step for step in steps if isinstance(step, Fixed)]
        self.judged = {step.row: step for step in steps if isinstance(step, Judged) and step.method != "buckets"}
        self.ref_row = self.map_row = -1
        self.changing: dict[Path, int] = {}  # members whose values differ from line to line
        self.hits = 0
        self.colors = [
            (one["class_name"], one["color"])
            for one in entry.anomaly_classes or ()
            if one["color"] is not None and not is_background(one["class_name"])
        ]
        self.contradictions: list[tuple[Words, int]] | None = None  # LV205, as soon as the first line was compared
        self.unmasked = False
        self.buckets = next((step for step in steps if isinstance(step, Judged) and step.method == "buckets"), None)
        self.box_confidences: list[float | None] = []


class Again(NamedTuple):
    """A line that a plan answers for; places are positions in the file."""

    plan: Plan
    line: int
    start: int
    ref: str | None
    ref_at: int
    map_at: int


class Recorder(LineReader):
    """Reads a line, and notes what would have to be done for another one of its shape."""

    def __init__(self, findings: FindingList, *, attribute: str | None = None) -> None:
        super().__init__(findings, attribute=attribute)
        self._steps: list[Fixed | Judged] | None = None
        self._judging = 0  # > 0: what is added now belongs to a value that is judged anew in each line
        self._boxes: list[Boxes] = []
        self._free: frozenset[int] = frozenset()
        self._looked_into = {"source-ref"}
        self._rows: dict[int, int] = {}
        self._confidences: list[float | None] = []
        self._again: tuple[bytes, int, int, int, int] | None = None  # the line being replayed, and the row judged
        self._silent = False
        self.shape = Shape(np.empty((TAPE_ROWS, 4), np.int64))

    def record(self, value: dict[str, Any], places: Places, free: Sequence[int]) -> tuple[Entry, Plan | None]:
        """Read a line; `free`: rows of the values that are no part of its shape. No plan: it cannot be remembered."""
        nodes = places.nodes()
        self._rows = {start: row for row, (_, start, _, _) in enumerate(nodes)}
        self._steps, self._boxes, self._looked_into, self._free = [], [], {"source-ref"}, frozenset(free)
        entry = self.read(value, places)
        plan = self._plan(entry, self._steps, nodes)
        self._steps = None
        return entry, plan

    def _plan(self, entry: Entry, steps: list[Fixed | Judged], nodes: list[list[int]]) -> Plan | None:
        judged = {step.row for step in steps if isinstance(step, Judged)}
        for row in self._free - judged:
            if self._attribute_of(nodes, row) in self._looked_into:
                return None  # nothing says what was made of it
        if len(self._boxes) > 1 or any(isinstance(step, Fixed) and step.words[1] == _NONE_IS_VALID for step in steps):
            return None
        boxes = self._boxes[0] if self._boxes else None
        if boxes is not None and len(boxes.numbers) > MAX_CLASSES:
            return None
        plan = Plan(entry, steps, boxes)
        plan.ref_row = self._row(("source-ref",))
        if entry.anomaly_classes:
            plan.map_row = self._row((f"{entry.mask_attribute}-metadata", "internal-color-map"))
        if boxes is not None:
            boxes.row = self._row(boxes.path)
            boxes.meet(None if entry.boxes is None else {one["class_name"] for one in entry.boxes})
            plan.box_confidences = self._confidences
        paths = _columns(entry, boxes.path[0] if boxes else None, len(plan.box_confidences))
        plan.changing = {path: row for path in paths if (row := self._row(path)) in self._free}
        plan.unmasked = entry.class_name == "anomaly" and entry.mask_ref is None and self.profile == "lookoutvision"
        return plan

    def _row(self, path: Path) -> int:
        """The row of a member; that of the innermost container there is, when it is missing."""
        return self._rows[self.places.position(path)]

    def _attribute_of(self, nodes: list[list[int]], row: int) -> str:
        while nodes[row][3]:  # up to a member of the line itself
            row = nodes[row][3]
        return self.places.name(nodes[row - 1]).removesuffix("-metadata")

    def add(
        self,
        code: str,
        path: Path,
        *,
        key: bool = False,
        value: str | None = None,
        expected: str | None = None,
        related: int | None = None,
    ) -> None:
        if self._silent:
            return
        if self._steps is not None and not self._judging:
            words = self._findings.words(code, pointer(path), value, expected)
            if words is not None:
                self._steps.append(Fixed(self._rows[self.places.position(path, key=key)], words))
        if self._again is None:
            super().add(code, path, key=key, value=value, expected=expected, related=related)
            return
        buffer, line, start, base, row = self._again
        if path[-1] == "class_id":
            row = self.shape.member(buffer, row, b"class_id")
        at = self.shape.start(row)
        self._findings.add(code, line=line, column=at - start + 1, byte_offset=base + at, pointer=pointer(path),
                           value=value)  # fmt: skip

    def judge(self, step: Judged, plan: Plan, buffer: bytes, line: int, start: int, base: int) -> None:
        """Judge a value of the line that `shape` looked at last, as if the line were being read."""
        shape, row = self.shape, step.row
        self._again = buffer, line, start, base, row
        value = orjson.loads(buffer[shape.start(row) : shape.end(row)])
        if step.method != "box":
            more = (text_of(buffer, shape, plan.ref_row),) if step.method == "buckets" else ()
            getattr(self, step.method)(step.path, *more, value)
        elif plan.boxes is not None:
            self.box(step.path, value, plan.boxes.size, plan.boxes.classes)
        self._again = None

    def see_box(self, annotation: Any, boxes: Boxes) -> dict[str, Any] | None:
        """A box, without a word about it."""
        self._silent = True
        box, _ = self.box((*boxes.path, -1), annotation, boxes.size, boxes.classes)
        self._silent = False
        return box

    def _is_judged(self, method: str, path: Path) -> bool:
        """Does the value at a path differ from line to line? Then the method that judges it has to be called again."""
        if self._steps is None or self._judging:
            return False
        row = self._row(path)
        if row not in self._free and not (method == "buckets" and self._row(("source-ref",)) in self._free):
            return False
        self._steps.append(Judged(row, method, path))
        return True

    def kind_of(self, key: str, value: Any, metadata: dict[str, Any]) -> str | None:
        kind = super().kind_of(key, value, metadata)
        if kind is not None and (kind != "verification" or self.profile == "groundtruth"):
            self._looked_into.add(key)
        return kind

    def date(self, path: Path, value: Any) -> datetime | None:
        judged = self._is_judged("date", path)
        self._judging += judged
        moment = super().date(path, value)
        self._judging -= judged
        return moment

    def fraction(self, path: Path, value: Any) -> float | None:
        judged = self._is_judged("fraction", path)
        self._judging += judged
        number = super().fraction(path, value)
        self._judging -= judged
        return number

    def reference(self, path: Path, ref: str) -> None:
        judged = self._is_judged("reference", path)
        self._judging += judged
        super().reference(path, ref)
        self._judging -= judged

    def buckets(self, path: Path, source_ref: str, mask_ref: str) -> None:
        judged = self._is_judged("buckets", path)
        self._judging += judged
        super().buckets(path, source_ref, mask_ref)
        self._judging -= judged

    def box(
        self, path: Path, annotation: Any, size: tuple[float, float] | None, classes: dict[str, str] | None
    ) -> tuple[dict[str, Any] | None, bool]:
        if self._steps is not None and path[-1] == 0:
            self._boxes.append(Boxes(path[:-1], size, classes))
        judged = self._is_judged("box", path)
        self._judging += judged
        box = super().box(path, annotation, size, classes)
        self._judging -= judged
        return box

    def _box_confidences(self, key: str, metadata: dict[str, Any], boxes: int) -> list[float | None]:
        self._confidences = super()._box_confidences(key, metadata, boxes)
        return self._confidences


def _columns(entry: Entry, box_attribute: str | int | None, boxes: int) -> list[Path]:
    """Where values of an entry's columns stand that may differ from line to line."""
    paths: list[Path] = [(f"{entry.label_attribute}-metadata", name) for name in ("confidence", "creation-date")]
    if entry.mask_attribute is not None:
        paths.append((entry.mask_attribute,))
        where = (f"{entry.mask_attribute}-metadata", "internal-color-map")
        paths += [(*where, one["index"], "confidence") for one in entry.anomaly_classes or ()]
    for label in entry.labels or ():
        paths += _of_label(label)
    return paths + [(f"{box_attribute}-metadata", "objects", index, "confidence") for index in range(boxes)]


def _of_label(label: dict[str, Any]) -> list[Path]:
    metadata = f"{label['attribute']}-metadata"
    return [(metadata, "confidence"), (metadata, "confidence-map", label["class_id"] or "")]


def text_of(buffer: bytes, shape: Shape, row: int) -> str:
    """The string at a row."""
    text = buffer[shape.start(row) : shape.end(row)]
    if b"\\" in text:
        decoded: str = orjson.loads(text)
        return decoded
    return text[1:-1].decode()


_ONCE, _NEVER = False, True  # a shape that was met once; one that cannot be remembered


class Memory:
    """The shapes of one part of a file. Where few come again, one is recorded only when it comes a second time."""

    def __init__(self, findings: FindingList, reader: Recorder) -> None:
        self._findings, self._reader = findings, reader
        self._shape = reader.shape
        self._shapes: dict[bytes, Plan | bool] = {}
        self._expected: tuple[int, bytes] | None = None  # the line to record: its place in the file, and its shape
        self._credit = MAX_CREDIT
        self._plans: list[Plan] = []
        self._counted: dict[tuple[Any, ...], tuple[Entry, int]] = {}

    def read(self, value: dict[str, Any], places: Places, offset: int) -> Entry:
        """Read a line slowly, and learn from it when `find` has asked for that."""
        if self._expected is None or self._expected[0] != offset:
            return self._reader.read(value, places)
        entry, plan = self._reader.record(value, places, self._shape.free_rows())
        self._shapes[self._expected[1]] = _NEVER if plan is None else plan
        self._expected = None
        if plan is not None:
            self._plans.append(plan)
        return entry

    def counted(self) -> list[tuple[Entry, int]]:
        """Entries, and how many lines were answered for that count like each of them."""
        for plan in self._plans:
            one = plan.entry
            names = tuple([item["class_name"] for item in one.anomaly_classes or ()])
            has = bool(one.labels), one.boxes is None, bool(one.boxes), one.mask_ref is None
            entry, lines = self._counted.get((one.class_name, one.label, names, has), (one, 0))
            if plan.hits:
                self._counted[one.class_name, one.label, names, has] = entry, lines + plan.hits
            plan.hits = 0
        return list(self._counted.values())

    def find(self, buffer: bytes, start: int, end: int, line: int, base: int) -> Again | None:
        """Add the findings of the line buffer[start:end] when its shape is known; None: somebody has to read it."""
        self._expected = None
        shape = self._shape
        found = shape.look(buffer, start, end, MAX_DEPTH)
        if found is None:
            return None
        key, suspects = found
        plan = self._shapes.get(key)
        if plan is None or isinstance(plan, bool):
            if plan is None and len(self._shapes) >= MAX_SHAPES:
                self.counted()
                self._shapes.clear()
                self._plans.clear()
            if plan is _ONCE or (plan is None and self._credit > 0):
                self._credit -= 1
                self._expected = base + start, key
            elif plan is None:
                self._shapes[key] = _ONCE
            return None
        if plan.boxes is not None:
            odd = self._odd_boxes(plan.boxes, buffer)
            if odd is None:
                return None
            suspects = [*(suspects or ()), *odd] or None
        add = self._findings.add_words
        for row, words in plan.fixed:
            at = shape.start(row)
            add(words, line, at - start + 1, base + at)
        for row in suspects or ():
            if row in plan.judged:
                self._reader.judge(plan.judged[row], plan, buffer, line, start, base)
        if plan.buckets is not None and self._other_bucket(plan, plan.buckets.row, buffer):
            self._reader.judge(plan.buckets, plan, buffer, line, start, base)
        ref = text_of(buffer, shape, plan.ref_row) if plan.entry.source_ref is not None else None
        map_at = base + shape.start(plan.map_row) if plan.map_row >= 0 else -1
        plan.hits += 1
        self._credit += self._credit < MAX_CREDIT
        return Again(plan, line, base + start, ref, base + shape.start(plan.ref_row), map_at)

    def _odd_boxes(self, boxes: Boxes, buffer: bytes) -> list[int] | None:
        """Rows of the boxes that are not surely sound; None: the line has to be read."""
        shrink = boxes.shrink if self._findings.profile == "rekognition" else 0.0
        used, odd = self._shape.boxes(buffer, boxes.row, *boxes.frame, shrink, boxes.ids)
        new = used & ~boxes.met  # classes that the tally has not met
        boxes.met |= new
        for row in odd:
            if boxes.bit(orjson.loads(buffer[self._shape.start(row) : self._shape.end(row)])) & ~boxes.met:
                return None
        return odd if used and not new else None  # without a sound box the line counts for less

    def _other_bucket(self, plan: Plan, mask_row: int, buffer: bytes) -> bool:
        """May image and mask lie in different buckets? Not if both have the same text up to the key."""
        ref, mask = self._shape.start(plan.ref_row), self._shape.start(mask_row)
        length = buffer.find(b"/", ref + 6) + 1 - ref
        bucket = buffer[ref : ref + length]
        return b"\\" in bucket or bucket != buffer[mask : mask + length]

    def entry(self, again: Again, buffer: bytes) -> Entry:
        """The columns of the line that `find` answered for."""
        plan, shape = again.plan, self._shape
        entry = plan.entry
        made: dict[str, Any] = {"source_ref": again.ref}

        def value(path: Path) -> Any:
            row = plan.changing.get(path)
            return None if row is None else orjson.loads(buffer[shape.start(row) : shape.end(row)])

        metadata = f"{entry.label_attribute}-metadata"
        if (confidence := value((metadata, "confidence"))) is not None:
            made["confidence"] = float(confidence)
        if (written := value((metadata, "creation-date"))) is not None:
            made["creation_date"] = read_date(written)[0]
        if entry.mask_attribute is not None:
            made["mask_ref"] = value((entry.mask_attribute,)) or entry.mask_ref
            where = (f"{entry.mask_attribute}-metadata", "internal-color-map")
            made["anomaly_classes"] = [_patched(one, value((*where, one["index"], "confidence")))
                                       for one in entry.anomaly_classes or ()]  # fmt: skip
        if entry.labels is not None:
            made["labels"] = [
                _patched(one, next((found for path in _of_label(one) if (found := value(path)) is not None), None))
                for one in entry.labels
            ]
        if plan.boxes is not None and entry.boxes is not None:
            made["boxes"] = self._boxes_of(plan.boxes, entry.boxes, plan, buffer)
        return entry._replace(**made)

    def _boxes_of(self, boxes: Boxes, known: list[dict[str, Any]], plan: Plan, buffer: bytes) -> list[dict[str, Any]]:
        made = []
        annotations = orjson.loads(buffer[self._shape.start(boxes.row) : self._shape.end(boxes.row)])
        metadata = f"{boxes.path[0]}-metadata"
        for index, annotation in enumerate(annotations):
            box = self._reader.see_box(annotation, boxes)
            if box is not None:
                row = plan.changing.get((metadata, "objects", index, "confidence"))
                confidence = plan.box_confidences[index] if index < len(plan.box_confidences) else None
                if row is not None:
                    confidence = float(buffer[self._shape.start(row) : self._shape.end(row)])
                made.append({**box, "confidence": confidence})
        return made


def _patched(one: dict[str, Any], confidence: Any) -> dict[str, Any]:
    return one if confidence is None else {**one, "confidence": float(confidence)}
