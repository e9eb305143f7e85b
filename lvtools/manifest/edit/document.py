"""One line of a manifest, edited in place: the bytes of a member are replaced, all others stay as they are.

Numbers keep their digits, strings their escapes, objects their order and the writer's spacing: nothing is serialised
anew but what an edit puts in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from lvtools._native import manifest_scan
from lvtools._native.manifest_scan import Kind as Kind
from lvtools._native.manifest_scan import Status as Status
from lvtools.manifest.edit.lines import MAX_DEPTH

Path = tuple[str, ...]

_LINE_BREAK = re.compile(rb"\s*[\r\n]\s*")


def scan(data: bytes, start: int = 0, *, whole: bool = True) -> tuple[Status, list[list[int]], int]:
    """Status, nodes (kind, start, end, container) and end of the JSON value that begins at `start`."""
    rows = 256
    while True:
        tape = np.empty((rows, 4), np.int64)
        answer = manifest_scan.scan(data, start, len(data), tape, MAX_DEPTH, whole)
        if answer[0] != Status.TAPE_FULL:
            return Status(answer[0]), tape[: answer[1]].tolist(), answer[2]
        rows *= 8


class Document:
    """A line that is sound JSON, and the edits wanted so far; `edited()` applies them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        status, self._nodes, _ = scan(data)
        if status != Status.OK:
            raise ValueError("not one JSON value")
        self._edits: list[tuple[int, int, bytes]] = []

    @property
    def is_object(self) -> bool:
        """Is the value an object?"""
        return bool(self._nodes[0][0] == Kind.OBJECT)

    @property
    def rows(self) -> int:
        """How many nodes there are."""
        return len(self._nodes)

    @property
    def edits(self) -> list[tuple[bytes, bytes]]:
        """What each edit so far takes out, and what it puts in."""
        return [(self.data[start:end], text) for start, end, text in self._edits]

    def overlaps(self, since: int) -> bool:
        """Does an edit made after the first `since` ones touch bytes that an earlier one takes out?"""
        earlier = [(start, end) for start, end, _ in self._edits[:since] if start < end]
        return any(start < stop and begin < end for start, end, _ in self._edits[since:] for begin, stop in earlier)

    def forget(self, since: int) -> None:
        """Take back the edits made after the first `since` ones."""
        del self._edits[since:]

    def members(self, row: int = 0) -> Iterator[tuple[str, int, int]]:
        """Name, row of the key, row of the value of an object's members."""
        end = self._nodes[row][2]
        for child in range(row + 1, len(self._nodes)):
            kind, start, stop, parent = self._nodes[child]
            if start >= end:
                return
            if parent == row and kind == Kind.KEY:
                yield orjson.loads(self.data[start:stop]), child, child + 1

    def elements(self, row: int) -> list[int]:
        """Rows of an array's elements."""
        if self._nodes[row][0] != Kind.ARRAY:
            return []
        return [child for child in range(row + 1, len(self._nodes)) if self._nodes[child][3] == row]

    def find(self, path: Path) -> int | None:
        """The row of the value at a path; of a key that stands twice the last, as readers take it."""
        row = 0
        for step in path:
            found: int | None = None
            if self._nodes[row][0] == Kind.ARRAY:
                elements = self.elements(row)
                found = elements[int(step)] if step.isdigit() and int(step) < len(elements) else None
            elif self._nodes[row][0] == Kind.OBJECT:
                for name, _, value in self.members(row):
                    if name == step:
                        found = value
            if found is None:
                return None
            row = found
        return row

    def span(self, row: int) -> tuple[int, int]:
        """Start and end of a node in the data."""
        return self._nodes[row][1], self._nodes[row][2]

    def kind(self, row: int) -> Kind:
        """What a node is."""
        return Kind(self._nodes[row][0])

    def text(self, row: int) -> bytes:
        """The bytes of a node."""
        start, end = self.span(row)
        return self.data[start:end]

    def value(self, row: int) -> Any:
        """The JSON value of a node."""
        return orjson.loads(self.text(row))

    def replace(self, row: int, text: bytes) -> None:
        """Put other bytes in a node's place."""
        self._edits.append((*self.span(row), text))

    def style(self) -> tuple[bytes, bytes]:
        """What the line's writer puts around a colon and behind a comma, as far as the line shows it."""
        colon, comma = b":", b","
        for _, key, value in self.members():
            colon = self.data[self._nodes[key][2] : self._nodes[value][1]]
            break
        keys = [self._nodes[key][1] for _, key, _ in self.members()]
        if len(keys) > 1:
            comma = self.data[self.data.rfind(b",", 0, keys[1]) : keys[1]]
        elif colon.endswith(b" "):
            comma = b", "
        return colon, comma

    def insert(self, row: int, members: list[tuple[bytes, bytes]], *, first: bool = False) -> None:
        """Add members, given as JSON texts of key and value, at the end (or start) of an object."""
        colon, comma = self.style()
        body = comma.join(key + colon + value for key, value in members)
        start, end = self.span(row)
        last = [value for _, _, value in self.members(row)]
        if not last:
            self._edits.append((start, end, b"{" + body + b"}"))
        elif first:
            at = self._nodes[row + 1][1]
            self._edits.append((at, at, body + comma))
        else:
            at = self.span(last[-1])[1]
            self._edits.append((at, at, comma + body))

    def remove(self, key: int) -> None:
        """Take a member (by the row of its key) out of its object."""
        row = self._nodes[key][3]
        keys = [each for _, each, _ in self.members(row)]
        place = keys.index(key)
        if place:
            begin = self.span(keys[place - 1] + 1)[1]
            self._edits.append((begin, self.span(key + 1)[1], b""))
        elif len(keys) > 1:
            self._edits.append((self.span(key)[0], self.span(keys[1])[0], b""))
        else:
            start, end = self.span(row)
            self._edits.append((start, end, b"{}"))

    def edited(self) -> bytes:
        """The line with its edits; of two that overlap the later is left out (ask again on the result)."""
        parts, at = [], 0
        for start, end, text in sorted(self._edits, key=lambda edit: (edit[0], edit[1])):
            if start < at:
                continue
            parts += [self.data[at:start], text]
            at = end
        return b"".join([*parts, self.data[at:]])


def flattened(data: bytes) -> bytes:
    """A value that is spread over several lines, on one; strings cannot hold line breaks, so these are all layout."""
    _, nodes, _ = scan(data)
    spaced = False
    for kind, _, end, _ in nodes:
        if kind == Kind.KEY:
            spaced = data[end : end + 2] == b": "
            break
    body = _LINE_BREAK.sub(b"\n", data.strip())
    body = re.sub(rb"([\[{])\n|\n([\]}])", rb"\1\2", body)
    return body.replace(b",\n", b", " if spaced else b",").replace(b"\n", b"")


def dumps(value: object) -> bytes:
    """JSON text of a value."""
    return orjson.dumps(value)
