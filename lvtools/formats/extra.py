"""Columns of a caller's own, such as camera or batch, kept beside what an evaluation reads.

A format returns them behind the columns of `PREDICTION_SCHEMA`, their names marked with `MARK`, so that a column of the
same name as one of ours is another column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from lvtools.dataset import Dataset
from lvtools.findings import FindingList
from lvtools.formats.fields import find, plain
from lvtools.formats.registry import PREDICTION_SCHEMA, Input

MARK = "extra:"


def take_columns(
    result: pa.Table, source: pa.Table, names: Sequence[str], lines: Sequence[int] | None = None
) -> pa.Table:
    """`result` with the wanted columns of the table it was made from: row by row, or by line, where `lines` numbers
    the source's rows."""
    rows = pa.array(range(source.num_rows), pa.int64())
    if lines is not None:
        place = {line: at for at, line in enumerate(lines)}
        rows = pa.array([place[line] for line in result["line"].to_pylist()], pa.int64())
    for name in names:
        found = name if name in source.column_names else find(source.column_names, (plain(name),))
        if found is not None:
            column = source[found].take(rows)
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            result = result.append_column(MARK + name, column)
    return result


def take_members(result: pa.Table, source: Input, names: Sequence[str]) -> pa.Table:
    """`result` with the wanted members of the JSON objects it was made from; 'a.b' is a member of a member."""
    names = [name for name in dict.fromkeys(names) if MARK + name not in result.column_names]
    lines = result["line"].to_numpy()
    place = {line: at for at, line in enumerate(lines.tolist())} if names else {}
    columns: list[list[Any]] = [[None] * len(lines) for _ in names]
    for line, item in _items(source) if names else ():  # one at a time: an object may hold a mask
        at = place.get(line)
        if at is not None:
            for column, name in zip(columns, names, strict=True):
                column[at] = _member(item, name)
    for column, name in zip(columns, names, strict=True):
        if any(value is not None for value in column):
            result = result.append_column(MARK + name, _column(column))
    return result


def split_columns(table: pa.Table) -> tuple[pa.Table, pa.Table]:
    """What a format returned, as `PREDICTION_SCHEMA` and the caller's own columns under their own names."""
    own = [name for name in table.column_names if name.startswith(MARK)]
    if not own:
        return table, pa.table({})
    extra = table.select(own).rename_columns([name.removeprefix(MARK) for name in own])
    known = table.select(PREDICTION_SCHEMA.names).replace_schema_metadata(table.schema.metadata)
    return known, extra.replace_schema_metadata(None)


def _items(source: Input) -> Iterator[tuple[int, dict[str, Any]]]:
    if isinstance(source.source, Dataset):
        entries = source.source.entries
        if "raw" in entries.column_names:
            for line, raw in zip(entries["line"].to_pylist(), entries["raw"], strict=True):
                yield line, _object(raw.as_py())
    elif source.table is None and source.folder is None and source.head.lstrip()[:1] in (b"{", b"["):
        yield from source.items(FindingList(""))  # its findings have been told


def _object(raw: bytes) -> dict[str, Any]:
    try:
        item = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return item if isinstance(item, dict) else {}


def _member(item: Mapping[str, Any], name: str) -> Any:
    """A scalar; None where there is none."""
    value: Any = item.get(name)
    if value is None and "." in name:
        first, _, rest = name.partition(".")
        inner = item.get(first)
        value = _member(inner, rest) if isinstance(inner, dict) else None
    if value is None and (found := find(item, (plain(name),))) is not None:
        value = item[found]
    return None if isinstance(value, (dict, list)) else value


def _column(values: list[Any]) -> pa.Array:
    """One type per column: numbers stay numbers when all are, everything else is text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and all(abs(value) < 2**53 for value in values if value is not None):
        return pa.array(values, pa.int64() if kinds == {int} else pa.float64())
    words = {True: "true", False: "false"}
    return pa.array([None if v is None else words[v] if isinstance(v, bool) else str(v) for v in values], pa.string())
