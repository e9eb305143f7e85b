"""Findings: what is wrong with data, as an Arrow table. Text is rendered late, for the rows that are shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from lvtools.findings.catalogue import BY_CODE, PROFILES, RULES, SEVERITIES, Rule

__all__ = [
    "BY_CODE",
    "FINDING_SCHEMA",
    "PROFILES",
    "RULES",
    "SEVERITIES",
    "FindingList",
    "Place",
    "Rule",
    "code_counts",
    "count_by_severity",
    "empty_findings",
    "join_findings",
    "not_listed",
    "sort_findings",
]

_WORD = pa.dictionary(pa.int32(), pa.string())

FINDING_SCHEMA = pa.schema(
    [
        pa.field("file", _WORD),
        pa.field("line", pa.int64(), metadata={"about": "1-based; null when the whole file is meant"}),
        pa.field("column", pa.int32(), metadata={"about": "1-based, in bytes of the line"}),
        pa.field("byte_offset", pa.int64(), metadata={"about": "0-based, from the start of the file"}),
        pa.field("pointer", pa.string(), metadata={"about": "JSON pointer (RFC 6901) into the line"}),
        pa.field("code", _WORD),
        pa.field("severity", _WORD, metadata={"about": "error, warning or info under the profile used"}),
        pa.field("value", pa.string(), metadata={"about": "what was found, shortened"}),
        pa.field("expected", pa.string()),
        pa.field("related_line", pa.int64(), metadata={"about": "the other line of a rule that needs two"}),
        pa.field(
            "rekognition_code", _WORD, metadata={"about": "the code Rekognition Custom Labels documents for this"}
        ),
    ]
)


class Place(TypedDict):
    """Where in a file a finding is; passed to `FindingList.add` as `**place`."""

    line: int
    column: int
    byte_offset: int


MAX_VALUE_CHARS = 200  # a finding quotes, it does not copy

# What findings of one sort share: pointer, code, severity, value, expected. Kept once, however often they are added.
Words = tuple[str | None, str, str, str | None, str | None]


@dataclass
class FindingList:
    """Findings being collected for one file under one profile; `table()` gives them.

    `keep` bounds memory on files where every line is wrong: of each code the first so many are listed. `counts` has the
    number of all of them. `harmless`: codes whose lines can be used all the same; with it, lines with other errors are
    marked, a byte each (`spoiled_lines`).
    """

    file: str
    profile: str = "lookoutvision"
    keep: int | None = None
    harmless: Collection[str] | None = None
    counts: dict[str, int] = field(default_factory=dict)
    _rows: list[tuple[int | None, int | None, int | None, int | None, Words]] = field(default_factory=list)
    _severities: dict[str, str] = field(default_factory=dict)
    _last_line: dict[str, int | None] = field(default_factory=dict)  # of the last finding that is listed, by code
    _listed: dict[str, int] = field(default_factory=dict)  # taken away by `drain`, by code
    _spoiled: bytearray = field(default_factory=bytearray)

    def __len__(self) -> int:
        return len(self._rows)

    def severity(self, code: str) -> str:
        """A rule's severity under the profile; 'off' when it has no such rule."""
        severity = self._severities.get(code)
        if severity is None:
            severity = self._severities[code] = BY_CODE[code].severity_in(self.profile)
        return severity

    def add(
        self,
        code: str,
        *,
        line: int | None = None,
        column: int | None = None,
        byte_offset: int | None = None,
        pointer: str | None = None,
        value: str | None = None,
        expected: str | None = None,
        related_line: int | None = None,
    ) -> str:
        """Record a finding unless the profile has no such rule; return its severity ('off': not recorded)."""
        severity = self.severity(code)
        if severity != "off":
            words = (pointer, code, severity, _shorten(value), expected)
            self.add_words(words, line, column, byte_offset, related_line)
        return severity

    def words(self, code: str, pointer: str | None, value: str | None, expected: str | None = None) -> Words | None:
        """What `add_words` takes, for a finding that comes again and again; None when the profile has no such rule."""
        severity = self.severity(code)
        return None if severity == "off" else (pointer, code, severity, _shorten(value), expected)

    def add_words(
        self,
        words: Words,
        line: int | None,
        column: int | None,
        byte_offset: int | None,
        related_line: int | None = None,
    ) -> None:
        """Record a finding whose words are at hand."""
        _, code, severity, _, _ = words
        count = self.counts.get(code, 0)
        self.counts[code] = count + 1
        if self.harmless is not None and severity == "error" and line is not None and code not in self.harmless:
            self._spoil(line)
        if self.keep is None or self._is_listed(code, count, line, self.keep):
            self._rows.append((line, column, byte_offset, related_line, words))

    def _is_listed(self, code: str, before: int, line: int | None, keep: int) -> bool:
        """Findings of a code come in the order of lines; within one, `table` has to sort before it knows the first."""
        if before < keep:
            self._last_line[code] = line
            return True
        return line is not None and line == self._last_line.get(code)

    def _spoil(self, line: int) -> None:
        if line >= len(self._spoiled):
            self._spoiled.extend(bytes(line - len(self._spoiled) + 4096))
        self._spoiled[line] = 1

    @property
    def spoiled_lines(self) -> int:
        """How many lines have an error so far that `harmless` does not name; 0 without it."""
        return self._spoiled.count(1)

    def extend(self, other: FindingList, lines: int) -> None:
        """Add the findings of a later part of the file, before which `lines` lines stand."""
        came: dict[str, int] = {}
        for number, column, byte_offset, related_line, words in other._rows:
            line = number + lines if number is not None else None
            if self.keep is not None:
                code = words[1]
                before = came.get(code, 0)
                came[code] = before + 1
                if not self._is_listed(code, self.counts.get(code, 0) + before, line, self.keep):
                    continue
            self._rows.append((line, column, byte_offset, related_line, words))
        for code, count in other.counts.items():
            self.counts[code] = self.counts.get(code, 0) + count
        if other._spoiled:
            if len(self._spoiled) < lines:
                self._spoiled.extend(bytes(lines - len(self._spoiled)))
            for line in np.flatnonzero(np.frombuffer(other._spoiled, np.uint8)).tolist():
                self._spoil(line + lines)

    def lines_with_errors(self, without: Collection[str] = ()) -> int:
        """How many lines have an error among the findings at hand, those of the codes `without` left out."""
        return len({line for line, _, _, _, (_, code, severity, _, _) in self._rows
                    if severity == "error" and line is not None and code not in without})  # fmt: skip

    def drain(self) -> pa.Table:
        """The findings since the last call, as `table`, which are then let go of."""
        found = self.table()
        for code, count in code_counts(found).items():
            self._listed[code] = self._listed.get(code, 0) + count
        self._rows.clear()
        return found

    def _first(self, code: pa.Array) -> pa.Array | None:
        """Which of the sorted findings are among the first of their code; None: all."""
        if self.keep is None or all(count <= self.keep for count in self.counts.values()):
            return None
        numbers = np.asarray(code.indices)
        first = np.ones(len(numbers), bool)
        for number, name in enumerate(code.dictionary.to_pylist()):
            places = np.flatnonzero(numbers == number)
            first[places[max(self.keep - self._listed.get(name, 0), 0) :]] = False
        return pa.array(first)

    def table(self) -> pa.Table:
        """The findings so far, `FINDING_SCHEMA`, in the order of line and column; whole-file findings first."""
        if not self._rows:
            return empty_findings()
        lines, columns, offsets, related, words = zip(*self._rows, strict=True)
        line, column = (np.array([item or 0 for item in items], np.int64) for items in (lines, columns))
        order = pa.array(np.lexsort((column, line)))  # stable: findings at one place keep the order of their making
        pointers, codes, severities, values, expected = zip(*words, strict=True)
        code = pa.array(codes, pa.string()).take(order).dictionary_encode()
        first = self._first(code)
        if first is not None:
            order = order.filter(first)
            code = code.cast(pa.string()).filter(first).dictionary_encode()
        # Words are numbered after sorting, so that the table is the same whoever made the findings first.
        of_code = [BY_CODE[one] for one in code.dictionary.to_pylist()]
        made = {
            "file": _constant(self.file, len(order)),
            "line": lines,
            "column": columns,
            "byte_offset": offsets,
            "pointer": pointers,
            "code": code,
            "severity": severities,
            "value": values,
            "expected": expected,
            "related_line": related,
            "rekognition_code": pa.array([rule.rekognition for rule in of_code], pa.string()).take(code.indices),
        }
        return pa.Table.from_arrays([_column(made[kind.name], kind.type, order) for kind in FINDING_SCHEMA],
                                    schema=FINDING_SCHEMA)  # fmt: skip


def _constant(word: str, count: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), pa.array([word]))


def _column(made: tuple[object, ...] | pa.Array, kind: pa.DataType, order: pa.Array) -> pa.Array:
    """Values in the order they were made, or an array already in the order of the table."""
    is_word = pa.types.is_dictionary(kind)
    array = pa.array(made, pa.string() if is_word else kind).take(order) if isinstance(made, tuple) else made
    return (array.dictionary_encode() if is_word and pa.types.is_string(array.type) else array).cast(kind)


def _shorten(value: str | None) -> str | None:
    if value is None or len(value) <= MAX_VALUE_CHARS:
        return value
    return value[: MAX_VALUE_CHARS - 1] + "…"


def sort_findings(table: pa.Table) -> pa.Table:
    """Findings in the order of line and column; whole-file findings first, those of one place as they came."""
    line, column = (np.asarray(pc.fill_null(table[name], 0)) for name in ("line", "column"))
    return table.take(np.lexsort((column, line)))


def code_counts(findings: pa.Table) -> dict[str, int]:
    """How many findings of each code there are: all that were found, where the table lists only the first of each.

    A validation's table says so in its metadata (`counts`, JSON); of any other table the rows are counted.
    """
    said = (findings.schema.metadata or {}).get(b"counts")
    if said is not None:
        counted: dict[str, int] = orjson.loads(said)
        return counted
    return {str(row["values"]): int(row["counts"]) for row in pc.value_counts(findings["code"]).to_pylist()}


def not_listed(findings: pa.Table) -> dict[str, int]:
    """How many findings of each code were found, but are no rows of the table."""
    rows = code_counts(findings.replace_schema_metadata(None))
    rest = {code: count - rows.get(code, 0) for code, count in code_counts(findings).items()}
    return {code: count for code, count in rest.items() if count > 0}


def empty_findings() -> pa.Table:
    """A findings table without rows."""
    return FINDING_SCHEMA.empty_table()


def join_findings(tables: Iterable[pa.Table]) -> pa.Table:
    """Several findings tables as one."""
    kept = [table for table in tables if table.num_rows]
    return pa.concat_tables(kept).unify_dictionaries() if kept else empty_findings()


def count_by_severity(findings: pa.Table) -> Mapping[str, int]:
    """How many errors, warnings and infos there are; like `code_counts`, of all findings, listed or not."""
    facts = findings.schema.metadata or {}
    if b"counts" in facts:
        profile, found = facts[b"profile"].decode(), dict.fromkeys(SEVERITIES, 0)
        for code, count in code_counts(findings).items():
            found[BY_CODE[code].severity_in(profile)] += count
        return found
    counts = {
        str(row["values"]): int(row["counts"])
        for row in pc.value_counts(findings["severity"].cast(pa.string())).to_pylist()
    }
    return {severity: counts.get(severity, 0) for severity in SEVERITIES}
