"""Findings: what is wrong with data, as an Arrow table. Text is rendered late, for the rows that are shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np
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
    "count_by_severity",
    "empty_findings",
    "join_findings",
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


@dataclass
class FindingList:
    """Findings being collected for one file under one profile; `table()` ends the collecting.

    `keep` bounds memory on files where every line is wrong: beyond it findings are counted by `dropped`, not stored.
    """

    file: str
    profile: str = "lookoutvision"
    keep: int | None = None
    dropped: int = 0
    _columns: dict[str, list[object]] = field(default_factory=lambda: {name: [] for name in FINDING_SCHEMA.names})

    def __len__(self) -> int:
        return len(self._columns["code"])

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
        rule = BY_CODE[code]
        severity = rule.severity_in(self.profile)
        if severity == "off":
            return severity
        if self.keep is not None and len(self) >= self.keep:
            self.dropped += 1
            return severity
        row = (
            self.file,
            line,
            column,
            byte_offset,
            pointer,
            code,
            severity,
            _shorten(value),
            expected,
            related_line,
            rule.rekognition,
        )
        for name, item in zip(FINDING_SCHEMA.names, row, strict=True):
            self._columns[name].append(item)
        return severity

    def extend(self, other: FindingList, lines: int) -> None:
        """Add the findings of a later part of the file, before which `lines` lines stand."""
        for name, items in other._columns.items():
            if name == "line":
                items = [line + lines if isinstance(line, int) else line for line in items]
            self._columns[name].extend(items)

    def lines_with_errors(self, without: Collection[str] = ()) -> int:
        """How many lines have an error so far, those of the codes `without` left out."""
        columns = (self._columns[name] for name in ("line", "code", "severity"))
        return len({line for line, code, severity in zip(*columns, strict=True)
                    if severity == "error" and line is not None and code not in without})  # fmt: skip

    def table(self) -> pa.Table:
        """The findings so far, `FINDING_SCHEMA`, in the order of line and column; whole-file findings first."""
        line, column = (
            np.asarray(pc.fill_null(pa.array(self._columns[name], pa.int64()), 0)) for name in ("line", "column")
        )
        order = pa.array(np.lexsort((column, line)))  # stable: findings at one place keep the order of their making
        arrays = []
        for kind in FINDING_SCHEMA:
            # Words are numbered after sorting, so that the table is the same whoever made the findings first.
            if pa.types.is_dictionary(kind.type):
                words = pa.array(self._columns[kind.name], pa.string()).take(order)
                arrays.append(words.dictionary_encode().cast(kind.type))
            else:
                arrays.append(pa.array(self._columns[kind.name], kind.type).take(order))
        return pa.Table.from_arrays(arrays, schema=FINDING_SCHEMA)


def _shorten(value: str | None) -> str | None:
    if value is None or len(value) <= MAX_VALUE_CHARS:
        return value
    return value[: MAX_VALUE_CHARS - 1] + "…"


def sort_findings(table: pa.Table) -> pa.Table:
    """Findings in the order of line and column; whole-file findings first, those of one place as they came."""
    line, column = (np.asarray(pc.fill_null(table[name], 0)) for name in ("line", "column"))
    return table.take(np.lexsort((column, line)))


def empty_findings() -> pa.Table:
    """A findings table without rows."""
    return FINDING_SCHEMA.empty_table()


def join_findings(tables: Iterable[pa.Table]) -> pa.Table:
    """Several findings tables as one."""
    kept = [table for table in tables if table.num_rows]
    return pa.concat_tables(kept).unify_dictionaries() if kept else empty_findings()


def count_by_severity(findings: pa.Table) -> Mapping[str, int]:
    """How many errors, warnings and infos."""
    counts = {
        str(row["values"]): int(row["counts"])
        for row in pc.value_counts(findings["severity"].cast(pa.string())).to_pylist()
    }
    return {severity: counts.get(severity, 0) for severity in SEVERITIES}
