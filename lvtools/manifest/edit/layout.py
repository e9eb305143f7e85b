"""Lines out of disorder, for `fix`: one JSON object per line, whatever stood there before.

The first of two steps: what belongs together is settled here, by the bytes alone; only then are the objects' values
judged and mended (`values`), each line by itself. Mending both at once made the judgement of a sound line depend on an
unreadable one before it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

from lvtools.manifest.edit.again import lines_of
from lvtools.manifest.edit.document import Kind, Status, flattened, scan
from lvtools.manifest.edit.lines import BLANK, BOM, ended, parse
from lvtools.manifest.edit.relaxed import relaxed, relaxed_value
from lvtools.manifest.edit.repaired import Done, shown
from lvtools.manifest.scan import MAX_SPREAD_BYTES, _fault, _is_overlong

MAX_PASSES = 100  # real files need two: one to mend, one to see that nothing is left
MAX_RELAXED_LINES = 5000  # of one value in almost-JSON
MAX_LINE_CHARS = 100_000  # of the services; joining a spread value must not make a longer line

_OPENERS = (b"{", b"[", b"[{")  # how a value over several lines begins, as for the scanner


class Spread(Exception):
    """A value does not end on its line: the file has to be looked at as a whole."""


@dataclass(eq=False)
class Item:
    """A line on its way: its bytes, where it came from, and what was done to it."""

    raw: bytes
    line: int
    done: list[Done] = field(default_factory=list)
    sound: bool = False  # an object: `values` may look at it


@dataclass
class Layout:
    """The lines of a manifest, or of a block of it, and what is no line of the result any more."""

    unsafe: bool
    reject: bool
    items: list[Item] = field(default_factory=list)
    rejected: list[tuple[int, bytes]] = field(default_factory=list)  # by line of the source
    gone: list[Done] = field(default_factory=list)  # repairs that left no line: blank lines
    started: bool = False  # is there a line of the result before the one at hand?

    def add_lines(self, raws: Iterable[bytes], first: int) -> None:
        """Settle lines of a file with one value per line; `first` is the number of the first one.

        Raises
        ------
        Spread
            There is a line whose value does not end on it.
        """
        for number, raw in enumerate(raws, first):
            waiting = [Item(raw, number)]
            while waiting:
                item = waiting.pop(0)
                made = self._settled(item, alone=True)
                if made == [item]:
                    self.items.append(item)
                    self.started = True
                else:
                    waiting = made + waiting

    def add_file(self, data: bytes) -> None:
        """Settle a whole file: a value over several lines comes on one."""
        items = [Item(raw, number) for number, raw in enumerate(lines_of(data), 1)]
        for _ in range(MAX_PASSES):
            before = [item.raw for item in items]
            items = self._pass(items)
            if [item.raw for item in items] == before:
                break
        self.items = items

    def _pass(self, items: list[Item]) -> list[Item]:
        for item in items[:-1]:
            item.raw = ended(item.raw)
        data = ended(b"".join(item.raw for item in items))
        starts = list(itertools.accumulate((len(item.raw) for item in items), initial=0))
        out: list[Item] = []
        index = in_vain = 0  # before `in_vain` no almost-JSON over lines is looked for: it was, and not found
        while index < len(items):
            self.started = bool(out)
            item = items[index]
            taken = 0
            made: list[Item] = []
            if not item.sound and parse(item.raw.strip(BLANK)) is None:
                if _truncated(item.raw):
                    taken, made = _spread(items, index, data, starts)
                if not made and self.unsafe and index >= in_vain and item.raw.strip(BLANK) in _OPENERS:
                    taken, made = _spread_relaxed(items, index)
                    in_vain = index + taken
            if not made:
                taken, made = 1, self._settled(item)
            out += made
            index += taken
        return out

    def take(self) -> list[Item]:
        """The lines settled so far; they are forgotten here."""
        items, self.items = self.items, []
        return items

    def _settled(self, item: Item, *, alone: bool = False) -> list[Item]:
        """What a line becomes that nothing is spread over; the same item when it stays."""
        if item.sound:
            return [item]
        if not self.started and item.raw.startswith(BOM):
            done = Done(item.line, "LV004", True, None, "BOM", "")
            return [Item(item.raw[len(BOM) :], item.line, [*item.done, done])]
        body = item.raw.strip(BLANK)
        if not body:
            self.gone += [*item.done, Done(item.line, "LV006", True, None, "blank line", "")]
            return []
        if parse(body) is not None:
            item.sound = True
            return [item]
        if alone and _truncated(item.raw):
            raise Spread
        found = _line_cure(body, unsafe=self.unsafe)
        if found is not None:
            code, safe, parts = found
            finish = item.raw[item.raw.rindex(body) + len(body) :].strip(b" \t") or b"\n"
            done = Done(item.line, code, safe, None, shown(body), " | ".join(shown(part) for part in parts))
            made = [Item(part + finish, item.line) for part in parts]
            made[0].done = [*item.done, done]
            return made
        if not self.reject:
            return [item]
        self.rejected.append((item.line, ended(item.raw)))
        self.gone += item.done
        return []


def _truncated(raw: bytes) -> bool:
    """May the value that begins on this line go on over the next one? Never inside a string."""
    body = raw.strip(BLANK)
    if not body or not raw.endswith(b"\n") or _is_overlong(raw):
        return False
    return scan(body + b"\n")[0] == Status.TRUNCATED


def _spread(items: list[Item], index: int, data: bytes, starts: list[int]) -> tuple[int, list[Item]]:
    """A value over several lines: how many lines it takes, and the lines it becomes (none: it is no such value)."""
    start = starts[index]
    limit = min(len(data), start + MAX_SPREAD_BYTES)
    status, nodes, end = scan(data[start:limit], whole=False)
    if status != Status.OK:
        return 0, []
    end += start
    stop = data.find(b"\n", end) + 1
    parts = [(nodes[0][1], nodes[0][2])]
    if nodes[0][0] == Kind.ARRAY:
        parts = [(begin, until) for _, begin, until, parent in nodes if parent == 0]
    if not parts or data[end:stop].strip(BLANK):
        return 0, []
    finish = b"\r\n" if data[start:stop].split(b"\n", 1)[0].endswith(b"\r") else b"\n"
    first, made = items[index], []
    row = index
    for begin, until in parts:
        flat = flattened(data[start + begin : start + until])
        if len(flat) > MAX_LINE_CHARS:
            return 0, []
        while row + 1 < len(items) and starts[row + 1] <= start + begin:
            row += 1
        made.append(Item(flat + finish, items[row].line))
    taken = data.count(b"\n", start, stop)
    words = f"{taken} lines", f"{len(parts)} line{'s' if len(parts) > 1 else ''}"
    made[0].done = [*_done(items, index, taken), Done(first.line, "LV005", True, None, *words)]
    return taken, made


def _spread_relaxed(items: list[Item], index: int) -> tuple[int, list[Item]]:
    """The same for almost-JSON: how many lines were looked at, and what they become."""
    parts: list[bytes] = []
    size = 0
    for item in items[index : index + MAX_RELAXED_LINES]:
        parts.append(item.raw)
        size += len(item.raw)
        if size > MAX_LINE_CHARS * 4:
            break
    text = b"".join(parts).decode("utf-8", "replace")
    found = relaxed_value(text)
    if found is None:
        return len(parts), []
    value, end = found
    stop = text.find("\n", end)
    stop = len(text) if stop < 0 else stop
    taken = text.count("\n", 0, end) + 1
    status, nodes, _ = scan(value)
    if "\ufffd" in text[:stop] or text[end:stop].strip(" \t\r") not in ("", ",") or status != Status.OK:
        return taken, []
    spans = [(nodes[0][1], nodes[0][2])]
    if nodes[0][0] == Kind.ARRAY:
        spans = [(begin, until) for _, begin, until, parent in nodes if parent == 0]
    lines = [flattened(value[begin:until]) for begin, until in spans]
    if not lines or any(parse(line) is None or len(line) > MAX_LINE_CHARS for line in lines):
        return taken, []
    finish = b"\r\n" if items[index].raw.endswith(b"\r\n") else b"\n"
    made = [Item(line + finish, items[index].line) for line in lines]
    words = f"{taken} lines", f"{len(lines)} line{'s' if len(lines) > 1 else ''}"
    made[0].done = [*_done(items, index, taken), Done(items[index].line, "LV020", False, None, *words)]
    return taken, made


def _done(items: list[Item], index: int, count: int) -> list[Done]:
    return [one for item in items[index : index + count] for one in item.done]


def _line_cure(body: bytes, *, unsafe: bool) -> tuple[str, bool, list[bytes]] | None:
    """The lines that a line becomes which is no JSON object, with the code that is cured."""
    status, nodes, position = scan(body)
    if status == Status.OK and nodes[0][0] == Kind.ARRAY:
        parts = [(kind, body[begin:end]) for kind, begin, end, parent in nodes if parent == 0]
        good = parts and all(kind == Kind.OBJECT for kind, _ in parts)
        return ("LV026", True, [part for _, part in parts]) if good else None
    if status == Status.EXTRA and (pieces := _pieces(body)):
        return "LV020", True, pieces
    if status == Status.CONTROL:
        clean = _escaped(body)
        if clean is not None:
            return "LV027", True, [clean]
    if unsafe and status not in (Status.OK, Status.TRUNCATED, Status.TOO_DEEP):
        meant = relaxed(body)
        if meant is not None and meant != body and scan(meant)[0] == Status.OK and parse(meant) is not None:
            code, _ = _fault(status, body, position, len(body))
            return code if code in ("LV023", "LV029") else "LV020", False, [meant]
    return None


def _pieces(body: bytes) -> list[bytes] | None:
    """Several objects on one line, each for itself; None when anything else stands there."""
    pieces, at = [], 0
    while at < len(body):
        status, nodes, end = scan(body, at, whole=False)
        if status != Status.OK or nodes[0][0] != Kind.OBJECT:
            return None
        pieces.append(body[nodes[0][1] : end])
        at = end
        while at < len(body) and body[at : at + 1] in (b" ", b"\t", b"\r"):
            at += 1
    return pieces


def _escaped(body: bytes) -> bytes | None:
    """Control characters inside strings written as escapes."""
    short = {8: b"\\b", 9: b"\\t", 12: b"\\f", 13: b"\\r"}
    out, inside, skip = bytearray(), False, False
    for byte in body:
        if inside and byte < 0x20:
            if skip:
                return None  # a backslash before a raw control character: nobody knows what that is
            out += short.get(byte, b"\\u%04x" % byte)
            continue
        if inside and skip:
            skip = False
        elif inside and byte == 0x5C:
            skip = True
        elif byte == 0x22:
            inside = not inside
        out.append(byte)
    clean = bytes(out)
    return clean if parse(clean) is not None and scan(clean)[0] == Status.OK else None
