"""Mend a manifest: what the validator finds is cured where there is a cure, line by line, and checked afterwards.

Findings drive the repairs, so a repair is named by the code it cures, and fixing and judging cannot disagree. The file
is judged again after every pass, until nothing changes: therefore fixing a fixed file changes nothing. A line on which
a repair brings up a new fault goes back to what it was.
"""

from __future__ import annotations

import bisect
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from lvtools.errors import ArgumentError, ManifestError
from lvtools.findings import BY_CODE, count_by_severity
from lvtools.manifest.edit.document import Document, Kind, Path, Status, flattened, scan
from lvtools.manifest.edit.lines import BLANK, BOM, deliver, ended, parse
from lvtools.manifest.edit.relaxed import relaxed, relaxed_value
from lvtools.manifest.edit.repairs import LINE_REPAIRS, VALUE_REPAIRS, Repair, check_prefix
from lvtools.manifest.profile import check_profile
from lvtools.manifest.read import validate_manifest
from lvtools.objects import Source, is_remote, origin_of, read_source, write_object
from lvtools.text import printable

MAX_PASSES = 10  # real files need two or three: one to mend, one to see that nothing is left
MAX_RELAXED_LINES = 5000  # of one value in almost-JSON
MAX_LINE_CHARS = 100_000  # of the services; joining a spread value must not make a longer line

REPAIR_SCHEMA = pa.schema(
    [
        pa.field("line", pa.int64(), metadata={"about": "of the source, 1-based"}),
        pa.field("code", pa.dictionary(pa.int32(), pa.string()), metadata={"about": "the finding that is cured"}),
        pa.field("safe", pa.bool_()),
        pa.field("pointer", pa.string(), metadata={"about": "JSON pointer (RFC 6901); null: the whole line"}),
        pa.field("before", pa.string()),
        pa.field("after", pa.string()),
    ]
)
_SHOWN_CHARS = 200
_OPENERS = (b"{", b"[", b"[{")  # how a value over several lines begins, as for the scanner


class _Done(NamedTuple):
    line: int
    code: str
    safe: bool
    pointer: str | None
    before: str
    after: str


@dataclass
class _Item:
    """One line on its way: its bytes, where it came from, and how it was before the last pass."""

    raw: bytes
    line: int
    frozen: bool = False
    earlier: bytes | None = None
    codes: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    done: list[_Done] = field(default_factory=list)


@dataclass(frozen=True)
class FixReport:
    """What `fix_manifest` did.

    Attributes
    ----------
    origin : str
        The source's name.
    changed : bool
        Does the result differ from the source?
    repairs : pyarrow.Table
        `REPAIR_SCHEMA`: every repair, with the bytes before and after.
    findings : pyarrow.Table
        `FINDING_SCHEMA`: what is wrong with the result, by its own line numbers; after a dry run and for standard
        output by those of the source.
    data : bytes or None
        The mended manifest when no destination was given.
    rejected : bytes
        Lines that could not be cured, as they stood; they are not in the result.
    rejected_to : str or None
        The file they were written to.
    """

    origin: str
    changed: bool
    lines: int
    repairs: pa.Table
    findings: pa.Table
    data: bytes | None
    rejected: bytes = b""
    rejected_to: str | None = None

    @property
    def errors(self) -> int:
        """How many errors the result still has."""
        return int(count_by_severity(self.findings)["error"])

    def to_text(self, *, everything: bool = False) -> str:
        """The repairs, grouped by code, with a few examples each (all of them with `everything`)."""
        return "".join(_text(self, everything))


def fix_manifest(
    source: Source,
    dest: str | os.PathLike[str] | None = None,
    *,
    unsafe: bool = False,
    profile: str = "auto",
    prefix: str | None = None,
    drop_broken: bool = False,
    rejected: str | os.PathLike[str] | None = None,
    dry_run: bool = False,
) -> FixReport:
    """Mend what can be mended in a manifest; all other bytes stay as they are.

    Parameters
    ----------
    source : path, URI, '-', or bytes
        The manifest. All of it is held in memory.
    dest : path, URI or '-', optional
        Where the result goes, whole or not at all; may be the source. Without it the result is in the report.
    unsafe : bool
        Also make repairs that decide something for you: quotes of printed Python dicts, missing values, broken
        references. Lines that still cannot be read are then moved to `rejected`.
    profile : {'auto', 'lookoutvision', 'rekognition', 'groundtruth'}
        Whose rules to mend by.
    prefix : str, optional
        's3://bucket/folder' to put before relative references.
    drop_broken : bool
        Move lines that cannot be read to `rejected` without making unsafe repairs.
    rejected : path or URI, optional
        Where the lines go that cannot be cured; default: `dest` with '.rejected' behind it.
    dry_run : bool
        Only report.

    Raises
    ------
    ObjectError
        The source cannot be read, or the destination not written.
    ManifestError
        The source is no text at all.
    ArgumentError
        No such profile, a prefix that is none, or rejected lines that have nowhere to go.
    """
    check_profile(profile)
    if prefix is not None and not check_prefix(prefix):
        raise ArgumentError(f"the prefix {prefix!r} is no place in S3", hint="write s3://bucket/folder")
    data = read_source(source)
    origin = origin_of(source)
    fixer = _Fixer(unsafe=unsafe, profile=profile, prefix=prefix, reject=unsafe or drop_broken)
    result, findings = fixer.run(data, origin)
    rest = b"".join(fixer.rejected)
    target = _rejected_to(source, dest, rejected) if rest and not dry_run and dest is not None else None
    if dest is not None and not dry_run:
        if target is not None:
            write_object(target, rest)  # first: what is taken out of the file must exist elsewhere
        if result != data or dest == "-" or not _same_file(source, dest):
            deliver((result,), dest)
    if dry_run or dest == "-":  # whoever reads the findings has the source at hand, not the result
        findings = _at_source(findings, [item.line for item in fixer.items])
    elif dest is not None:
        findings = _named(findings, os.fspath(dest))
    repairs = [one for item in fixer.items for one in item.done] + fixer.gone
    repairs.sort(key=lambda one: one.line)
    return FixReport(
        origin=origin, changed=result != data, lines=len(fixer.items), repairs=_table(repairs), findings=findings,
        data=result if dest is None else None, rejected=rest, rejected_to=target,
    )  # fmt: skip


def _same_file(source: Source, dest: str | os.PathLike[str]) -> bool:
    try:
        return isinstance(source, (str, os.PathLike)) and os.path.samefile(source, dest)
    except (OSError, ValueError):
        return False


def _same_name(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    if is_remote(one) or is_remote(other):
        return os.fspath(one) == os.fspath(other)
    return os.path.realpath(one) == os.path.realpath(other)


def _rejected_to(source: Source, dest: str | os.PathLike[str], wanted: str | os.PathLike[str] | None) -> str:
    name = os.fspath(dest)
    if wanted is not None:
        for other in (name, source):
            if isinstance(other, (str, os.PathLike)) and _same_name(wanted, other):
                raise ArgumentError(f"rejected lines would go over {os.fspath(other)}", hint="name another file")
        return os.fspath(wanted)
    if name == "-":
        raise ArgumentError(
            "some lines cannot be cured, and standard output has no file beside it",
            hint="name one: rejected= (--rejected)",
        )
    candidate, number = f"{name}.rejected", 2
    while not is_remote(candidate) and os.path.exists(candidate):
        candidate, number = f"{name}.rejected-{number}", number + 1  # an earlier run's lines are somebody's data
    return candidate


class _Fixer:
    """The passes over one manifest."""

    def __init__(self, *, unsafe: bool, profile: str, prefix: str | None, reject: bool) -> None:
        self._unsafe, self._profile, self._prefix, self._reject = unsafe, profile, prefix, reject
        self._repairs: dict[str, list[Repair]] = {}
        for repair in VALUE_REPAIRS:
            if (prefix is not None) if repair.needs_prefix else (repair.safe or unsafe):
                self._repairs.setdefault(repair.code, []).append(repair)
        self._codes = pa.array(sorted({*self._repairs, *(code for code, _, _ in LINE_REPAIRS)}))
        self.items: list[_Item] = []
        self.rejected: list[bytes] = []
        self.gone: list[_Done] = []  # repairs that left no line: blank lines
        self._last_profile = ""

    def run(self, data: bytes, origin: str) -> tuple[bytes, pa.Table]:
        self.items = [_Item(raw + b"\n", number) for number, raw in enumerate(data.split(b"\n"), 1)]
        self.items[-1].raw = self.items[-1].raw[:-1]
        if not self.items[-1].raw:
            self.items.pop()
        findings = self._judge(data, origin)
        if _is_binary(findings):
            raise ManifestError(f"this is no manifest: {findings['value'][0].as_py()}", path=origin)
        for _ in range(MAX_PASSES):
            before = [replace(item, done=item.done[:]) for item in self.items], self.rejected[:], self.gone[:]
            if not self._pass(data, findings):
                break
            mended = b"".join(item.raw for item in self.items)
            judged = self._judge(mended, origin)
            if _is_binary(judged):  # without its first lines the file looks like a picture: leave it as it is
                self.items, self.rejected, self.gone = before
                break
            data, findings = mended, judged
        return data, findings

    def _judge(self, data: bytes, origin: str) -> pa.Table:
        return _named(validate_manifest(data, profile=self._profile), origin)

    def _pass(self, data: bytes, findings: pa.Table) -> bool:
        """One round of repairs; True when a line changed."""
        profile = (findings.schema.metadata or {}).get(b"profile", b"").decode()
        lines = pc.fill_null(findings["line"], 0).to_pylist()
        changed = self._undo_worse(findings, lines, same_rules=profile == self._last_profile)
        self._last_profile = profile
        wanted = findings.filter(pc.is_in(findings["code"].cast(pa.string()), self._codes))
        by_line: dict[int, list[dict[str, Any]]] = {}
        for row in wanted.select(["line", "column", "byte_offset", "code", "pointer"]).to_pylist():
            if row["line"] is not None:
                by_line.setdefault(row["line"], []).append(row)
        items, self.items = self.items, []
        index = in_vain = 0  # before `in_vain` no value over several lines is looked for: it was, and not found
        while index < len(items):
            item = items[index]
            rows = by_line.get(index + 1, [])
            spread = next((row for row in rows if row["code"] == "LV005"), None)
            if spread is not None and not item.frozen:
                new = self._spread(items, index, data, spread["byte_offset"])
                if new is not None:
                    taken, made = new
                    self.items += made
                    index += taken
                    changed = True
                    continue
            if self._unsafe and not item.frozen and index >= in_vain and item.raw.strip(BLANK) in _OPENERS:
                taken, made = self._spread_relaxed(items, index)
                if made:
                    self.items += made
                    index += taken
                    changed = True
                    continue
                in_vain = index + taken
            index += 1
            if item.frozen:
                self.items.append(item)
                continue
            if (rows or self._reject) and self._line(item, rows, findings, lines, index):
                changed = True
            else:
                self.items.append(item)
        if self.items and changed:
            for item in self.items[:-1]:
                item.raw = ended(item.raw)
        return changed

    def _undo_worse(self, findings: pa.Table, lines: list[int], *, same_rules: bool) -> bool:
        undone = False
        for number, item in enumerate(self.items, 1):
            if item.earlier is None:
                continue
            if same_rules and _codes(findings, lines, number) - item.codes - item.allowed:
                item.raw, item.frozen, undone = item.earlier, True, True
                item.done = [one for one in item.done if one.pointer is None]
            item.earlier = None
        return undone

    def _spread(self, items: list[_Item], index: int, data: bytes, offset: int) -> tuple[int, list[_Item]] | None:
        """A value over several lines: how many lines it takes, and the lines it becomes."""
        status, nodes, end = scan(data, offset, whole=False)
        if status != Status.OK:
            return None
        stop = data.find(b"\n", end)
        stop = len(data) if stop < 0 else stop + 1
        start = data.rfind(b"\n", 0, offset) + 1
        if data[end:stop].strip(BLANK) or data[start:offset].removeprefix(BOM).strip(BLANK):
            return None
        parts = [(nodes[0][1], nodes[0][2])]
        if nodes[0][0] == Kind.ARRAY:
            parts = [(begin, until) for _, begin, until, parent in nodes if parent == 0]
        if not parts:
            return None
        finish = b"\r\n" if data[start:stop].split(b"\n", 1)[0].endswith(b"\r") else b"\n"
        first, made = items[index].line, []
        for begin, until in parts:
            flat = flattened(data[begin:until])
            if len(flat) > MAX_LINE_CHARS:
                return None
            number = items[index + data.count(b"\n", start, begin)].line
            made.append(_Item(flat + finish, number))
        taken = data.count(b"\n", start, stop) + (0 if data[stop - 1 : stop] == b"\n" else 1)
        words = f"{taken} lines", f"{len(parts)} line{'s' if len(parts) > 1 else ''}"
        made[0].done.append(_Done(first, "LV005", True, None, *words))
        return taken, made

    def _spread_relaxed(self, items: list[_Item], index: int) -> tuple[int, list[_Item]]:
        """The same for almost-JSON: how many lines were looked at, and what they become (nothing: they stay)."""
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
        made = [_Item(line + finish, items[index].line) for line in lines]
        words = f"{taken} lines", f"{len(lines)} line{'s' if len(lines) > 1 else ''}"
        made[0].done.append(_Done(items[index].line, "LV020", False, None, *words))
        return taken, made

    def _line(self, item: _Item, rows: list[dict[str, Any]], findings: pa.Table, lines: list[int], number: int) -> bool:
        """Mend one line. True: it changed, and what it became is in `items`, `rejected` or nowhere."""
        raw = item.raw
        if any(row["code"] == "LV004" for row in rows) and raw.startswith(BOM):
            item.done.append(_Done(item.line, "LV004", True, None, "BOM", ""))
            item.raw = raw[len(BOM) :]
            self.items.append(item)
            return True
        body = raw.strip(BLANK)
        if not body:
            self.gone.append(_Done(item.line, "LV006", True, None, "blank line", ""))
            return True
        if parse(body) is None:
            return self._broken_line(item, body, {row["code"] for row in rows})
        document = Document(body)
        repairs = [found for row in rows if (found := self._value(document, row)) is not None]
        if not repairs:
            return False
        edited = document.edited()
        if edited == body:
            return False
        head, tail = raw.split(body, 1)[0], raw[raw.index(body) + len(body) :]
        item.earlier, item.raw = raw, head + edited + tail
        item.codes = frozenset(_codes(findings, lines, number))
        item.allowed = frozenset().union(*(repair.reveals for repair, _ in repairs))
        item.done += [
            _Done(item.line, repair.code, repair.safe, pointer, before, after)
            for repair, changes in repairs
            for pointer, before, after in changes
        ]
        self.items.append(item)
        return True

    def _value(self, document: Document, row: dict[str, Any]) -> tuple[Repair, list[tuple[str, str, str]]] | None:
        """Apply the first repair that knows a cure for a finding."""
        pointer = row["pointer"] or ""
        path: Path = tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
        for repair in self._repairs.get(row["code"], ()):
            before = len(document.edits)
            repair.apply(document, path, self._prefix)
            made = document.edits[before:]
            if any(old != new for old, new in made) and not document.overlaps(before):
                return repair, [(pointer, _shown(old), _shown(new)) for old, new in made]
            document.forget(before)
        return None

    def _broken_line(self, item: _Item, body: bytes, codes: set[str]) -> bool:
        found = _line_cure(body, codes, unsafe=self._unsafe)
        if found is not None:
            code, safe, parts = found
            finish = item.raw[item.raw.rindex(body) + len(body) :].strip(b" \t") or b"\n"
            done = _Done(item.line, code, safe, None, _shown(body), " | ".join(_shown(part) for part in parts))
            made = [_Item(part + finish, item.line) for part in parts]
            made[0].done = [*item.done, done]
            self.items += made
            return True
        if self._reject:
            self.rejected.append(ended(item.raw))
            return True
        return False


def _named(findings: pa.Table, origin: str) -> pa.Table:
    """The findings as those of a file of that name."""
    name = pa.DictionaryArray.from_arrays(pa.array([0] * findings.num_rows, pa.int32()), pa.array([origin]))
    metadata = {**(findings.schema.metadata or {}), b"origin": origin.encode("utf-8", "backslashreplace")}
    return findings.set_column(0, findings.schema.field(0), name).replace_schema_metadata(metadata)


def _at_source(findings: pa.Table, source_lines: list[int]) -> pa.Table:
    """The findings of the result at the lines of the source; columns are those of the mended line, offsets are lost."""
    for name in ("line", "related_line"):
        lines = [
            number if number is None or number > len(source_lines) else source_lines[number - 1]
            for number in findings[name].to_pylist()
        ]
        at = findings.schema.get_field_index(name)
        findings = findings.set_column(at, findings.schema.field(at), pa.array(lines, pa.int64()))
    at = findings.schema.get_field_index("byte_offset")
    return findings.set_column(at, findings.schema.field(at), pa.nulls(findings.num_rows, pa.int64()))


def _is_binary(findings: pa.Table) -> bool:
    return bool(findings.num_rows) and findings["code"][0].as_py() == "LV008"


def _codes(findings: pa.Table, lines: list[int], number: int) -> set[str]:
    """Codes of the findings of one line; those that need two lines left out: another line's repair may cause them."""
    begin, end = bisect.bisect_left(lines, number), bisect.bisect_right(lines, number)
    return {code for code in findings["code"].slice(begin, end - begin).to_pylist() if not code.startswith("LV2")}


def _line_cure(body: bytes, codes: set[str], *, unsafe: bool) -> tuple[str, bool, list[bytes]] | None:
    """The lines that a line becomes which is no JSON object, with the code that is cured."""
    status, nodes, _ = scan(body)
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
            return next((code for code in ("LV023", "LV029") if code in codes), "LV020"), False, [meant]
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


def _shown(data: bytes) -> str:
    text = data.decode("utf-8", "backslashreplace")
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"


def _table(repairs: list[_Done]) -> pa.Table:
    columns = list(zip(*repairs, strict=True)) if repairs else [()] * len(REPAIR_SCHEMA)
    arrays = [
        pa.array(column, pa.string()).dictionary_encode()
        if pa.types.is_dictionary(kind.type)
        else pa.array(column, kind.type)
        for column, kind in zip(columns, REPAIR_SCHEMA, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=REPAIR_SCHEMA)


def _text(report: FixReport, everything: bool) -> Iterator[str]:
    about: dict[tuple[str, bool], str] = {(code, safe): words for code, safe, words in LINE_REPAIRS}
    about |= {(repair.code, repair.safe): repair.about for repair in VALUE_REPAIRS}
    groups: dict[tuple[str, bool], list[dict[str, Any]]] = {}
    for row in report.repairs.to_pylist():
        groups.setdefault((row["code"], row["safe"]), []).append(row)
    place: Callable[[dict[str, Any]], str] = lambda row: f"{printable(report.origin)}:{row['line']}"  # noqa: E731
    for (code, safe), rows in sorted(groups.items(), key=lambda group: (not group[0][1], group[0][0])):
        words = about.get((code, safe), BY_CODE[code].message)
        yield f"{code} {'' if safe else 'UNSAFE '}{words}: {len(rows):,}\n"
        shown = len(rows) if everything or len(rows) <= 4 else 3
        for row in rows[:shown]:
            where = f" {printable(row['pointer'])}" if row["pointer"] else ""
            yield f"  {place(row)}{where}\n"
            if row["before"]:
                yield f"    - {printable(row['before'])}\n"
            if row["after"]:
                yield f"    + {printable(row['after'])}\n"
        if shown < len(rows):
            yield f"    … and {len(rows) - shown:,} more\n"
