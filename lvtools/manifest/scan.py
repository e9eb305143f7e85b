"""A manifest's bytes in, records out: one per line, each with its JSON value and a way to find the place of any member.

Knows lines and JSON, not what a manifest means. A fault becomes a finding and the scan goes on with the next line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import orjson

from lvtools._native import manifest_scan
from lvtools._native.manifest_scan import Kind, Status
from lvtools.findings import FindingList, Place

MAX_LINE_CHARS = 100_000  # Ground Truth and Rekognition Custom Labels, input manifest limits
MAX_LINE_BYTES = 4 * MAX_LINE_CHARS  # a character of UTF-8 has at most four
MAX_HELD_BYTES = MAX_LINE_BYTES + 16  # with byte-order mark and line end, and a little room
TAPE_ROWS = MAX_LINE_CHARS // 2 + 2  # [1,1,...] has the most tokens for its length
HEAD_BYTES = 4096  # what is looked at to tell text from other files
QUOTED_BYTES = 64  # behind a fault, at least this much is read before it is reported
MAX_FILE_BYTES = 2**30  # all three services
MAX_SPREAD_BYTES = 16 * 2**20  # a pretty-printed value longer than this is reported, not read
MIN_COUNTED_CHARS = 8192  # below this nobody asks for characters rather than bytes
MAX_DEPTH = 64  # manifests nest six deep; a limit keeps hostile nesting cheap
BLOCK_BYTES = 8 * 2**20

_WORD = re.compile(r"(-?[A-Za-z_$][A-Za-z0-9_$-]*)\s*(:?)")
_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
_CONTINUING = bytes(range(0x80, 0xC0))  # bytes of UTF-8 that continue a character
_OPENERS = (b"{", b"[", b"[{")  # how a pretty-printed value starts
_MAGIC = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"BM", "a BMP image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip file (decompress it first)"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file (decompress it first)"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"\x7fELF", "a program"),
    (b"\xff\xfe", "UTF-16 text (save it as UTF-8)"),
    (b"\xfe\xff", "UTF-16 text (save it as UTF-8)"),
)


class Record(NamedTuple):
    """One line of a manifest, or one value that was spread over several."""

    line: int
    offset: int  # of its first byte in the file; records follow each other without a gap
    value: dict[str, Any] | None  # None: blank, broken, or not an object
    places: Places
    length: int = 0  # characters of the value, white space inside it included


class Places:
    """Finds line, column and offset of a member of the record being looked at; valid until the next record."""

    def __init__(
        self,
        buffer: bytes,
        base: int,
        line: int,
        line_start: int,
        start: int,
        tape: np.ndarray[Any, Any],
        root: int = 0,
        rows: int = 0,
    ) -> None:
        self._buffer, self._base, self._line, self._line_start, self._start = buffer, base, line, line_start, start
        self._tape, self._root, self._rows = tape, root, rows
        self._nodes: list[list[int]] = []
        self._members: dict[tuple[int, str | int], int] = {}

    def of(self, path: tuple[str | int, ...] = (), *, key: bool = False) -> Place:
        """Arguments for `FindingList.add`: the place of the value (or key) at a path of keys and indexes.

        A member that is not there is placed at the innermost container that is.
        """
        return self.at(self.position(path, key=key))

    def position(self, path: tuple[str | int, ...] = (), *, key: bool = False) -> int:
        """The same as a position in the buffer."""
        return self._find(path, key) if self._rows else self._start

    def nodes(self) -> list[list[int]]:
        """The rows of the tape, (kind, start, end, row of the container)."""
        if not self._nodes:
            self._index()
        return self._nodes

    def name(self, node: list[int]) -> str:
        """The key that one of these rows holds."""
        return _name(self._buffer[node[1] : node[2]])

    def length(self, path: tuple[str | int, ...] = ()) -> int:
        """Characters of the value at a path, as the file has it; 0 when there is none."""
        if not self._rows:
            return 0
        if not path:
            start, end = self._tape[self._root, 1:3].tolist()
            return int(end - start)  # bytes, never fewer than characters: asked to see whether more need be asked
        if not self._nodes:
            self._index()
        row = 0
        for step in path:
            found = self._members.get((row, step))
            if found is None:
                return 0
            row = found + 1 if self._nodes[found][0] == Kind.KEY else found
        return _characters(self._buffer, self._nodes[row][1], self._nodes[row][2])

    def at(self, position: int) -> Place:
        """The same for a position in the buffer."""
        before = self._buffer.rfind(b"\n", self._line_start, position)
        return {
            "line": self._line + self._buffer.count(b"\n", self._line_start, position),
            "column": position - (before if before >= 0 else self._line_start - 1),
            "byte_offset": self._base + position,
        }

    def _find(self, path: tuple[str | int, ...], key: bool) -> int:
        if not self._nodes:
            self._index()
        nodes, row, place = self._nodes, 0, self._nodes[0][1]
        for step in path:
            found = self._members.get((row, step))
            if found is None:
                break
            row = found + 1 if nodes[found][0] == Kind.KEY else found
            place = nodes[found][1] if key else nodes[row][1]
        return place

    def _index(self) -> None:
        """Note every member by container and name: a search per finding is quadratic where thousands are wrong."""
        buffer, root = self._buffer, self._root
        self._nodes = nodes = self._tape[root : self._rows].tolist()
        counts: dict[int, int] = {}
        for row, (kind, start, end, parent) in enumerate(nodes[1:], 1):
            above = parent - root
            if kind == Kind.KEY:
                self._members[above, _name(buffer[start:end])] = row  # of equal keys the last counts
            elif nodes[above][0] == Kind.ARRAY:
                counts[above] = counts.get(above, -1) + 1
                self._members[above, counts[above]] = row


def places_of(raw: bytes, line: int, offset: int) -> Places:
    """Places in one entry's bytes, for findings that are made after the scan; its start where it is no plain line."""
    start = len(_BOM) if raw.startswith(_BOM) else 0
    tape = np.empty((min(len(raw) // 2 + 2, TAPE_ROWS), 4), np.int64)
    status, rows, *_ = manifest_scan.scan(raw, start, len(raw), tape, MAX_DEPTH)
    return Places(raw, offset, line, 0, start, tape, 0, rows if status == Status.OK else 0)


@lru_cache(maxsize=1024)
def pointer(path: tuple[str | int, ...]) -> str:
    """A path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


class Scanner:
    """Reads blocks of bytes, yields records, reports faults of form to `findings`.

    Memory stays at one block plus one line (of at most `MAX_LINE_CHARS` characters), whatever the file's length.
    """

    def __init__(self, blocks: Iterable[bytes], findings: FindingList) -> None:
        self._blocks = iter(blocks)
        self._findings = findings
        self._buffer = b""
        self._base = 0  # file offset of the buffer's first byte
        self._at = 0  # start of the next line in the buffer
        self._line = 1
        self._ended = False
        self._found = False  # anything but blank lines
        self._tape = np.empty((TAPE_ROWS, 4), np.int64)

    @property
    def bytes_seen(self) -> int:
        """How far the scan has come, for progress."""
        return self._base + self._at

    @property
    def lines_seen(self) -> int:
        """Lines passed so far."""
        return self._line - 1

    def _more(self) -> bool:
        """Append a block to the buffer, dropping what lies before the current line."""
        for block in self._blocks:
            if block:
                self._buffer = self._buffer[self._at :] + block if self._at < len(self._buffer) else bytes(block)
                self._base += self._at
                self._at = 0
                return True
        self._ended = True
        return False

    def records(self) -> Iterator[Record]:
        """All records, in the order of the file."""
        while len(self._buffer) < HEAD_BYTES and self._more():
            pass
        what = _binary(self._buffer)
        if what:
            self._findings.add("LV008", line=1, column=1, byte_offset=0, value=what)
            yield Record(1, 0, None, self._places())
            self._line = 2
            while self._more():
                self._at = len(self._buffer)
            self._at = len(self._buffer)
            return
        if self._buffer.startswith(_BOM):
            self._findings.add("LV004", line=1, column=1, byte_offset=0)
        while self._at < len(self._buffer) or self._more():
            if self._run_ahead():
                continue
            end = self._line_end()
            if end is None:
                yield self._skip_endless_line()
            else:
                yield from self._one(end)
        if not self._found:
            self._findings.add("LV001")
        if self.bytes_seen > MAX_FILE_BYTES:
            self._findings.add("LV002", value=f"{self.bytes_seen:,}")

    def _run_ahead(self) -> bool:
        """For `manifest.fast`: take lines that need no record; True when the buffer holds nothing else."""
        return False

    def _line_end(self) -> int | None:
        """Where the line at hand ends, reading on as needed; None: it is longer than may be held."""
        searched = self._at
        while True:
            cut = self._buffer.find(b"\n", searched)
            if cut >= 0:
                return cut + 1
            held = len(self._buffer) - self._at
            if held > MAX_HELD_BYTES:
                return None
            if not self._more():
                return len(self._buffer)
            searched = held

    def _value_start(self) -> int:
        """Where the line at hand begins, a byte-order mark passed over."""
        marked = self._base + self._at == 0 and self._buffer.startswith(_BOM)
        return self._at + (len(_BOM) if marked else 0)

    def _places(self, root: int = 0, rows: int = 0, line_start: int | None = None) -> Places:
        line_start = self._at if line_start is None else line_start
        return Places(self._buffer, self._base, self._line, line_start, self._at, self._tape, root, rows)

    def _no_value(self, line: int, offset: int) -> Record:
        return Record(line, offset, None, self._places())

    def _skip_endless_line(self) -> Record:
        """A line longer than the buffer may grow: count its bytes, keep none."""
        record = self._no_value(self._line, self._base + self._at)
        self._pass_line()
        self._report_overlong(record, self._base + self._at - record.offset)
        return record

    def _pass_line(self) -> None:
        """Step behind the line at hand, dropping its bytes on the way."""
        self._line += 1
        while True:
            cut = self._buffer.find(b"\n", self._at)
            self._at = cut + 1 if cut >= 0 else len(self._buffer)
            if cut >= 0 or not self._more():
                return

    def _report_overlong(self, record: Record, length: int) -> None:
        self._found = True
        self._findings.add("LV009", line=record.line, column=1, byte_offset=record.offset, value=f"{length:,}")

    def _one(self, end: int) -> Iterator[Record]:
        """The line self._at:end, or the value that begins there and goes on over further lines."""
        start = self._value_start()
        offset = self._base + self._at
        line = self._buffer[start:end]
        if not line.strip(_BLANK):
            if line:
                self._findings.add("LV006", **self._places().at(start))
            yield self._no_value(self._line, offset)
        elif _is_overlong(line):
            record = self._no_value(self._line, offset)
            self._report_overlong(record, end - self._at)
            yield record
        else:
            self._found = True
            status, rows, position, flags, duplicate = manifest_scan.scan(
                self._buffer, start, end, self._tape, MAX_DEPTH
            )
            if status == Status.TRUNCATED and (end < len(self._buffer) or not self._ended):
                position -= self._at
                spread = self._spread(self._buffer[start:end].strip(_BLANK) in _OPENERS)
                if spread is not None:
                    yield from spread
                    return
                position += self._at  # the buffer may have moved
                end = self._buffer.index(b"\n", self._at) + 1
            if status == Status.OK:
                yield self._record(self._places(0, rows), 0, rows, bool(flags) or duplicate >= 0)
            else:
                self._report(Status(status), position, self._places(), end)
                yield self._no_value(self._line, offset)
        self._at = end
        self._line += 1

    def _record(self, places: Places, root: int, rows: int, odd: bool) -> Record:
        """A value that is sound JSON, in the rows root:rows of the tape: read it, and say what is odd about it."""
        if odd:
            self._report_duplicates(places, root, rows)
        start, end = (int(x) for x in self._tape[root, 1:3])
        try:
            value = orjson.loads(memoryview(self._buffer)[start:end])
        except orjson.JSONDecodeError:
            value = None
            self._report_numbers(places, root, rows)
        else:
            if not isinstance(value, dict):
                self._findings.add("LV026", **places.at(start), value=describe(value))
                value = None
        length = end - start
        if length > MIN_COUNTED_CHARS:
            length = _characters(self._buffer, start, end)
        return Record(self._line, self._base + self._at, value, places, length)

    def _report_numbers(self, places: Places, root: int, rows: int) -> None:
        found = False
        for kind, start, end, _ in self._tape[root:rows].tolist():
            if kind == Kind.NUMBER and math.isinf(float(self._buffer[start:end])):
                found = True
                self._findings.add("LV028", **places.at(start), value=_text(self._buffer[start:end]))
        if not found:
            self._findings.add("LV020", **places.at(int(self._tape[root, 1])), value="the value cannot be read")

    def _report_duplicates(self, places: Places, root: int, rows: int) -> None:
        """Every key that stands in its object already. The kernel only says that there may be one."""
        seen: set[tuple[int, str]] = set()
        for kind, start, end, parent in self._tape[root:rows].tolist():
            if kind == Kind.KEY:
                name = (parent, _name(self._buffer[start:end]))
                if name in seen:
                    self._findings.add("LV024", **places.at(start), value=_text(self._buffer[start:end]))
                seen.add(name)

    def _spread(self, opener: bool) -> Iterator[Record] | None:
        """A line ends inside its value. If the value goes on over the next lines, its records; None: a broken line."""
        while True:
            start = self._value_start()
            limit = min(len(self._buffer), self._at + MAX_SPREAD_BYTES)
            status, rows, position, flags, duplicate = manifest_scan.scan(
                self._buffer, start, limit, self._tape, MAX_DEPTH, False
            )
            if status == Status.TAPE_FULL and len(self._tape) < MAX_SPREAD_BYTES // 2:
                self._tape = np.empty((min(len(self._tape) * 4, MAX_SPREAD_BYTES // 2 + 2), 4), np.int64)
            elif (
                limit - self._at == MAX_SPREAD_BYTES
                or not self._wants_more(Status(status), position)
                or not self._more()
            ):
                break
        if status == Status.OK:
            return self._spread_records(start, rows, position, bool(flags) or duplicate >= 0)
        if opener:
            return self._spread_fault(Status(status), position)
        return None

    def _wants_more(self, status: Status, position: int) -> bool:
        """May bytes that are not read yet change the answer, or the words for it?"""
        if status == Status.OK:
            return self._buffer.find(b"\n", position) < 0  # the rest of its last line
        return status == Status.TRUNCATED or position + QUOTED_BYTES > len(self._buffer)

    def _spread_records(self, start: int, rows: int, end: int, odd: bool) -> Iterator[Record]:
        """One value over several lines: an object, or an array of objects as `json.dump(list)` writes it."""
        cut = self._buffer.find(b"\n", end)
        line_end = cut + 1 if cut >= 0 else len(self._buffer)
        lines = self._buffer.count(b"\n", start, end) + 1
        first, at = self._line, self._at
        roots, what = [0], "one"
        if self._tape[0, 0] == Kind.ARRAY:
            inside = np.flatnonzero(self._tape[:rows, 3] == 0).tolist()
            roots, what = inside or [0], f"an array of {len(inside)}"
        self._findings.add("LV005", **self._places().at(start), value=f"{what} over {lines} lines")
        for index, root in enumerate(roots):
            # The first record also owns what stands before it, so that raw bytes stay complete.
            begin = at if index == 0 else int(self._tape[root, 1])
            self._line += self._buffer.count(b"\n", self._at, begin)
            self._at = begin
            line_start = max(self._buffer.rfind(b"\n", at, begin) + 1, at)
            stop = roots[index + 1] if index + 1 < len(roots) else rows
            yield self._record(self._places(root, stop, line_start), root, stop, odd)
        self._at, self._line = at, first
        rest = self._buffer[end:line_end].strip(_BLANK)
        if rest:
            self._report(Status.EXTRA, self._buffer.index(rest, end), self._places(), line_end)
        self._line = first + self._buffer.count(b"\n", at, line_end)
        self._line += 0 if self._buffer[line_end - 1 : line_end] == b"\n" else 1
        self._at = line_end
        self._tape = self._tape[:TAPE_ROWS]

    def _spread_fault(self, status: Status, position: int) -> Iterator[Record]:
        """A broken pretty-printed value: one finding at the fault, then on to the next line that starts a value."""
        self._report(status, position, self._places(), len(self._buffer))
        fault = self._base + position
        yield self._no_value(self._line, self._base + self._at)
        self._tape = self._tape[:TAPE_ROWS]
        while True:
            self._pass_line()
            if self._at >= len(self._buffer) and not self._more():
                return
            if self._base + self._at > fault and self._starts_value():
                return

    def _starts_value(self) -> bool:
        """Does a value of its own begin in the line at hand? Asked of the lines behind a broken one."""
        if self._buffer[self._at : self._at + 1] not in (b"{", b"["):
            return False
        end = self._line_end()
        if end is None:
            return True  # too long to say, and to be reported as such
        line = self._buffer[self._at : end]
        # An element of the broken array ends in a comma; all else must not be hidden, whole or not.
        return line.strip(_BLANK) in _OPENERS or _is_overlong(line) or not line.rstrip().endswith(b",")

    def _report(self, status: Status, position: int, places: Places, end: int) -> None:
        if status == Status.CONTROL and self._buffer[position : position + 2].startswith((b"\n", b"\r\n")):
            status = Status.TRUNCATED  # a line break inside a string: the line was cut
        if status == Status.TRUNCATED:
            # On the line that ends too early, not at the start of the next.
            position = self._at + len(self._buffer[self._at : position].rstrip(b"\r\n"))
        code, value = _fault(status, self._buffer, position, end)
        self._findings.add(code, **places.at(position), value=value)


def _is_overlong(line: bytes) -> bool:
    """Has a line, its line end left out, more characters than are allowed? Nothing longer is looked into."""
    size = len(line) - (2 if line.endswith(b"\r\n") else 1 if line.endswith(b"\n") else 0)
    return size > MAX_LINE_BYTES or (size > MAX_LINE_CHARS and _characters(line, 0, size) > MAX_LINE_CHARS)


def _name(key: bytes) -> str:
    """A key without its quotes."""
    name: str = orjson.loads(key) if b"\\" in key else key[1:-1].decode()
    return name


def _characters(buffer: bytes, start: int, end: int) -> int:
    """Characters of UTF-8 text: the bytes that do not continue one."""
    part = np.frombuffer(buffer, np.uint8, end - start, start)
    return int(np.count_nonzero((part & 0xC0) != 0x80))


def _binary(head: bytes) -> str | None:
    """What a file is that cannot be a manifest; None when it may be one."""
    for magic, what in _MAGIC:
        if head.startswith(magic):
            return what
    text = head[:HEAD_BYTES].removeprefix(_BOM).lstrip(_BLANK)
    # One NUL in a file that starts like a manifest is a fault of its line; UTF-16 has one behind the brace.
    if b"\0" in text and (text[:1] not in (b"{", b"[") or text[1:2] == b"\0"):
        return "it holds NUL bytes, so it is no text"
    return None


def describe(value: object) -> str:
    """A JSON value in a few words, for messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the string {quoted(value)}"
    if isinstance(value, list):
        return f"an array of {len(value)}" if value else "an empty array"
    if isinstance(value, dict):
        return "an object" if value else "an empty object"
    return type(value).__name__


def quoted(text: str) -> str:
    """A string as JSON shows it."""
    try:
        return orjson.dumps(text).decode()
    except TypeError:  # half of a surrogate pair
        return repr(text)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _from_character(data: bytes) -> bytes:
    """Without the rest of a character that was cut at the front."""
    return data.lstrip(_CONTINUING)


def _fault(status: Status, buffer: bytes, position: int, end: int) -> tuple[str, str]:
    """The finding's code and words for a status of the kernel."""
    near = _text(_from_character(buffer[max(0, position - 24) : position])).rsplit("\n", 1)[-1].lstrip()
    if status == Status.TRUNCATED:
        return "LV021", f"after …{near.rstrip()}" if near.strip() else "nothing follows"
    byte = buffer[position : position + 1]
    if status == Status.CONTROL:
        return "LV027", f"U+{byte[0]:04X}" if byte else "?"
    if status == Status.BAD_UTF8:
        return "LV022", f"byte 0x{byte[0]:02x}" if byte else "the bytes end inside a character"
    if status == Status.LONE_SURROGATE:
        return "LV023", _text(buffer[position : position + 6])
    if status == Status.TOO_DEEP:
        return "LV025", str(MAX_DEPTH)
    if status != Status.EXTRA:
        before = buffer[max(0, position - QUOTED_BYTES) : position].rstrip()[-1:]
        dialect = _dialect(before, buffer[position : min(end, position + QUOTED_BYTES)])
        if dialect is not None:
            return "LV029", dialect
    return "LV020", _syntax(status, buffer[position : min(end, position + 12)])


def _dialect(before: bytes, found: bytes) -> str | None:
    """The language that wrote what stands at a fault behind the sign `before`, when its spelling shows it."""
    if before not in (b"{", b"[", b",", b":") and not (before == b"-" and found.startswith(b"Infinity")):
        return None
    text = _text(found)
    if text.startswith("'"):
        return "a printed Python dict: ' stands where \" must"
    word = _WORD.match(text)
    if word is None:
        return None
    if word[1] in ("None", "True", "False"):
        return f"Python: {word[1]}, where JSON writes {'null' if word[1] == 'None' else word[1].lower()}"
    if word[1].lstrip("-") in ("NaN", "Infinity"):
        return f"{word[1]}, which Python and JavaScript print; JSON has no such number: write null, or leave it out"
    if word[1] == "undefined":
        return "JavaScript: undefined, where JSON writes null or leaves the key out"
    return f"a JavaScript object: the key {word[1]} has no quotes" if word[2] and before in (b"{", b",") else None


def _syntax(status: Status, found: bytes) -> str:
    text = _text(found).split("\n")[0]
    sign = text[:1]
    if status == Status.EXTRA:
        return f"{quoted(text)} stands behind the end of the value"
    if status == Status.BAD_ESCAPE:
        return f"the escape {quoted(text[:2])} does not exist"
    if status == Status.BAD_NUMBER:
        return f"the number is broken at {quoted(sign)}" if sign else "the number is broken"
    if sign == "#" or text.startswith(("//", "/*")):
        return f"found {quoted(text[:2].strip())}: comments are not allowed"
    if sign in ("}", "]"):
        return f"found {quoted(sign)} where a value or key must stand: a comma too many?"
    if status == Status.BAD_LITERAL or sign.isalnum():
        return f"found {quoted(text.rstrip(',}'))} where a value must stand: quotes missing?"
    return f"found {quoted(sign)}, which cannot stand here" if sign else "a value is missing"
