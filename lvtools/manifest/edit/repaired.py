"""What was repaired: a row per repair, as a table and as text for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from lvtools.findings import BY_CODE
from lvtools.manifest.edit.repairs import LINE_REPAIRS, VALUE_REPAIRS
from lvtools.text import printable

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


class Done(NamedTuple):
    """A repair that was made: the fields of `REPAIR_SCHEMA`."""

    line: int
    code: str
    safe: bool
    pointer: str | None
    before: str
    after: str


def shown(data: bytes) -> str:
    """Bytes of a manifest as a report shows them."""
    text = data.decode("utf-8", "backslashreplace")
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"


def repair_table(repairs: list[Done]) -> pa.Table:
    """The repairs as a table."""
    columns = list(zip(*repairs, strict=True)) if repairs else [()] * len(REPAIR_SCHEMA)
    arrays = [
        pa.array(column, pa.string()).dictionary_encode()
        if pa.types.is_dictionary(kind.type)
        else pa.array(column, kind.type)
        for column, kind in zip(columns, REPAIR_SCHEMA, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=REPAIR_SCHEMA)


def joined_tables(tables: list[pa.Table]) -> pa.Table:
    """Tables of repairs as one, in the order of the source's lines."""
    if not tables:
        return REPAIR_SCHEMA.empty_table()
    table = pa.concat_tables(tables).unify_dictionaries()
    return table.sort_by("line")


def repair_text(origin: str, repairs: pa.Table, everything: bool) -> Iterator[str]:
    """The repairs grouped by code, safe ones first."""
    about: dict[tuple[str, bool], str] = {(code, safe): words for code, safe, words in LINE_REPAIRS}
    about |= {(repair.code, repair.safe): repair.about for repair in VALUE_REPAIRS}
    groups: dict[tuple[str, bool], list[dict[str, Any]]] = {}
    for row in repairs.to_pylist():
        groups.setdefault((row["code"], row["safe"]), []).append(row)
    for (code, safe), rows in sorted(groups.items(), key=lambda group: (not group[0][1], group[0][0])):
        words = about.get((code, safe), BY_CODE[code].message)
        yield f"{code} {'' if safe else 'UNSAFE '}{words}: {len(rows):,}\n"
        count = len(rows) if everything or len(rows) <= 4 else 3
        for row in rows[:count]:
            where = f" {printable(row['pointer'])}" if row["pointer"] else ""
            yield f"  {printable(origin)}:{row['line']}{where}\n"
            if row["before"]:
                yield f"    - {printable(row['before'])}\n"
            if row["after"]:
                yield f"    + {printable(row['after'])}\n"
        if count < len(rows):
            yield f"    … and {len(rows) - count:,} more\n"
