"""A manifest as the tools see it: its lines with their bytes, and what each says about itself.

The tools that move lines around need one object per line. A value spread over several lines is refused here, with the
advice to run `fix` first; a line that cannot be read is the caller's choice (`on_broken`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, TypeAlias

import orjson

from lvtools.errors import ArgumentError, ManifestError
from lvtools.manifest.dates import read_date
from lvtools.objects import Source, origin_of, read_blocks, write_object

OnBroken: TypeAlias = Literal["error", "keep", "drop"]
Progress: TypeAlias = Callable[[int], None]

BLOCK_BYTES = 4 * 2**20
MAX_LINE_BYTES = 16 * 2**20  # services end at 100,000 characters; without a limit one file of zeros takes all memory
MAX_DEPTH = 64  # as the scanner's
BOM = b"\xef\xbb\xbf"
BLANK = b" \t\r\n"


class Line(NamedTuple):
    """One line of a file."""

    origin: str
    number: int  # 1-based
    raw: bytes  # its line end included; without a byte-order mark
    value: dict[str, Any] | None  # None: blank or broken

    @property
    def is_blank(self) -> bool:
        """Is there nothing but white space?"""
        return not self.raw.strip(BLANK)

    @property
    def ref(self) -> str | None:
        """`source-ref`, when the line has one that is a string."""
        ref = self.value.get("source-ref") if self.value is not None else None
        return ref if isinstance(ref, str) and ref else None

    @property
    def body(self) -> bytes:
        """The bytes without line end and blanks around."""
        return self.raw.strip(BLANK)

    @property
    def slim(self) -> Line:
        """The same without its value, which takes ten times the memory of its bytes; `full` reads it again."""
        return self._replace(value=None)

    @property
    def full(self) -> Line:
        """The same with its value."""
        return self if self.value is not None else self._replace(value=parse(self.body))

    @property
    def place(self) -> str:
        """`file:line`."""
        return f"{self.origin}:{self.number}"


def cut(source: Source, on_progress: Progress | None = None) -> Iterator[bytes]:
    """The lines of a source as bytes, line ends kept, in memory of one block and one line.

    Raises
    ------
    ObjectError
        The source cannot be read.
    ManifestError
        A line is longer than `MAX_LINE_BYTES`.
    """
    rest = b""
    seen = number = 0
    for block in read_blocks(source, BLOCK_BYTES):
        seen += len(block)
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line + b"\n"
        number += len(lines)
        if len(rest) > MAX_LINE_BYTES:
            raise ManifestError(
                f"the line has more than {MAX_LINE_BYTES:,} bytes",
                path=origin_of(source),
                line=number + 1,
                hint="this is no manifest, or its line breaks are missing",
            )
        if on_progress is not None:
            on_progress(seen)
    if rest:
        yield rest


def parse(body: bytes) -> dict[str, Any] | None:
    """The object a line holds, or None when it is none that a validator would pass."""
    if not body.startswith(b"{") or (body.count(b"{") + body.count(b"[") > MAX_DEPTH and _too_deep(body)):
        return None
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _too_deep(body: bytes) -> bool:
    depth = 0
    inside = escaped = False
    for byte in body:
        if inside:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                inside = False
        elif byte == 0x22:
            inside = True
        elif byte in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif byte in b"}]":
            depth -= 1
    return False


def read_lines(source: Source, on_progress: Progress | None = None) -> Iterator[Line]:
    """Every line of a source, blank and broken ones too."""
    return parsed(cut(source, on_progress), origin_of(source))


def parsed(raws: Iterable[bytes], origin: str) -> Iterator[Line]:
    """The lines of a file with what they say."""
    for number, raw in enumerate(raws, 1):
        body = raw.removeprefix(BOM) if number == 1 else raw
        yield Line(origin, number, body, parse(body.strip(BLANK)))


def usable(lines: Iterable[Line], on_broken: OnBroken = "error") -> Iterator[Line]:
    """The lines without the blank ones; the broken ones refused, kept or dropped.

    Raises
    ------
    ManifestError
        A line cannot be read, and `on_broken` is 'error'.
    """
    if on_broken not in ("error", "keep", "drop"):
        raise ArgumentError(f"on_broken cannot be {on_broken!r}", hint="error, keep, drop")
    for line in lines:
        if line.value is None and not line.is_blank:
            if on_broken == "error":
                raise broken(line)
            if on_broken == "drop":
                continue
        elif line.is_blank:
            continue
        yield line


def broken(line: Line) -> ManifestError:
    """The error for a line that cannot be read."""
    spread = line.body in (b"{", b"[", b"[{")
    what = "a JSON value is spread over several lines" if spread else "the line is no JSON object"
    hint = "one line each: lvtools fix" if spread else "lvtools validate says why, lvtools fix may mend it"
    return ManifestError(what, path=line.origin, line=line.number, hint=hint)


def ended(raw: bytes) -> bytes:
    """The line with a line end."""
    return raw if raw.endswith(b"\n") else raw + b"\n"


def joined(raws: Iterable[bytes]) -> Iterator[bytes]:
    """Lines that follow each other: all get a line end but the last, which stays as it is."""
    rest = iter(raws)
    return joined_groups(iter(lambda: list(itertools.islice(rest, 1000)), []))


def joined_groups(groups: Iterable[list[bytes]]) -> Iterator[bytes]:
    """The same for lines that come in groups, as pieces of some length."""
    previous: list[bytes] = []
    for group in groups:
        if group:
            if previous or len(group) > 1:
                yield b"".join([ended(raw) for raw in (*previous, *group[:-1])])
            previous = group[-1:]
    yield from previous


def latest_date(value: dict[str, Any] | None) -> datetime:
    """The newest `creation-date` in a line's metadata; the year 1 when there is none that can be read."""
    newest = datetime.min.replace(tzinfo=UTC)
    for key, part in (value or {}).items():
        if key.endswith("-metadata") and isinstance(part, dict) and isinstance(part.get("creation-date"), str):
            moment, _ = read_date(part["creation-date"])
            newest = max(newest, moment) if moment is not None else newest
    return newest


def canonical(value: object) -> bytes:
    """One form for all spellings of a JSON value: keys sorted, numbers by value."""
    return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def stages(on_progress: Progress | None, count: int) -> list[Progress | None]:
    """Callbacks for work that reads its source `count` times, which together count its bytes once."""
    if on_progress is None:
        return [None] * count
    tell, total = on_progress, [0]

    def stage(number: int) -> Progress:
        def seen(size: int) -> None:
            total[0] = max(total[0], size)
            tell((number * total[0] + size) // count)

        return seen

    return [stage(number) for number in range(count)]


def deliver(pieces: Iterable[bytes], dest: object) -> bytes | None:
    """Write the pieces to `dest`, or return them when there is none."""
    if dest is None:
        return b"".join(pieces)
    write_object(dest, pieces)  # type: ignore[arg-type]
    return None
