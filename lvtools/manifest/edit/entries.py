"""Lines with what they mean: the entries table of `read_manifest` beside the lines' own bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from lvtools.errors import ArgumentError
from lvtools.manifest.edit.lines import BLANK, BOM, Line, OnBroken, broken, parse
from lvtools.manifest.read import read_manifest
from lvtools.objects import Source, origin_of


class Entries(NamedTuple):
    """The lines of a manifest that count; `table`, `raws` and `broken` have a row for each."""

    table: pa.Table
    raws: list[bytes]  # line ends included, no byte-order mark
    broken: list[bool]
    profile: str
    origin: str

    def column(self, name: str) -> list[object]:
        """A column as Python values."""
        values: list[object] = self.table[name].to_pylist()
        return values


def read_entries(
    source: Source,
    columns: Sequence[str],
    *,
    profile: str = "auto",
    attribute: str | None = None,
    on_broken: OnBroken = "error",
) -> Entries:
    """Read the lines of a manifest, blank ones left out; words are plain strings, so that expressions can compare them.

    Raises
    ------
    ManifestError
        A line cannot be read and `on_broken` is 'error', or a value is spread over several lines.
    """
    if on_broken not in ("error", "keep", "drop"):
        raise ArgumentError(f"on_broken cannot be {on_broken!r}", hint="error, keep, drop")
    names = list(dict.fromkeys([*columns, "line", "source_ref", "raw"]))
    dataset = read_manifest(source, profile=profile, columns=names, attribute=attribute)
    origin = origin_of(source)
    kept: list[int] = []
    raws: list[bytes] = []
    bad: list[bool] = []
    numbers = dataset.entries["line"].to_pylist()
    for row, raw in enumerate(dataset.entries["raw"].to_pylist()):
        data = raw.removeprefix(BOM) if row == 0 else raw
        body = data.strip(BLANK)
        if not body:
            continue
        faulty = parse(body) is None
        spread = b"\n" in body
        if spread or (faulty and on_broken == "error"):
            line = Line(origin, numbers[row], b"{" if spread else data, None)
            raise broken(line)
        if faulty and on_broken == "drop":
            continue
        kept.append(row)
        raws.append(data)
        bad.append(faulty)
    table = dataset.entries.drop_columns(["raw"]).take(pa.array(kept, pa.int64()))
    for index, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(index, field.name, table[field.name].cast(field.type.value_type))
    return Entries(table, raws, bad, dataset.profile, origin)
