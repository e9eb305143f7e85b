"""The areas of many masks as CSV, JSON, JSON Lines or Parquet, in pieces: tables go in one by one, none is kept."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from lvtools.compressed import Basket, compression_of
from lvtools.errors import ArgumentError
from lvtools.masks.areas import total_percentage_area
from lvtools.masks.schemas import MASK_AREA_SCHEMA
from lvtools.masks.totals import AreaTotals

FILE_FORMATS = ("csv", "json", "jsonl", "parquet")
_ENDS = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".pq": "parquet"}
_GROUP_ROWS = 2**17  # of Parquet: enough to pack well, few enough to hold


def format_of(name: str, form: str | None = None) -> str:
    """The format of a file: as asked for, else by the end of its name (before .gz or .zst).

    Raises
    ------
    ArgumentError
        Neither says it, or Parquet, which packs by itself, shall be packed once more.
    """
    packed = compression_of(name)
    stem = name.rpartition(".")[0] if packed else name
    found = form or next((kind for end, kind in _ENDS.items() if stem.lower().endswith(end)), None)
    if found not in FILE_FORMATS:
        raise ArgumentError(
            f"the name {name!r} does not say which format to write",
            hint=f"end it in .csv, .json, .jsonl or .parquet, or name one of the formats {', '.join(FILE_FORMATS)}",
        )
    if found == "parquet" and packed:
        raise ArgumentError(f"{name!r}: Parquet is packed inside already", hint="name it .parquet")
    return found


def area_pieces(
    form: str, tables: Iterable[pa.Table], totals: AreaTotals, shown: Callable[[str], str] = str
) -> Iterator[bytes]:
    """The file's bytes. Each table is added to `totals`; `shown` makes text in CSV safe for where it goes."""
    pieces = {"csv": _csv, "json": _json, "jsonl": _json_lines, "parquet": _parquet}[form]

    def added() -> Iterator[pa.Table]:
        for table in tables:
            totals.add(table)
            yield table

    return pieces(added(), totals, shown)


def _csv(tables: Iterator[pa.Table], totals: AreaTotals, shown: Callable[[str], str]) -> Iterator[bytes]:
    """A row per mask and class, RFC 4180."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(MASK_AREA_SCHEMA.names)
    for table in tables:
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
            writer.writerow([shown(value) if isinstance(value, str) else value for value in row])
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


# json's ASCII, not orjson: names out of data cannot steer a terminal that shows the file.
def _rows(table: pa.Table) -> Iterator[str]:
    fractions = table["area_fraction"].combine_chunks()
    missing = fractions.is_null().to_numpy(zero_copy_only=False)
    singles = pa.array(fractions.to_numpy(zero_copy_only=False).astype(np.float32), pa.float32(), mask=missing)
    return map(json.dumps, table.append_column("total_percentage_area", singles).to_pylist())


def _json_lines(tables: Iterator[pa.Table], totals: AreaTotals, shown: Callable[[str], str]) -> Iterator[bytes]:
    for table in tables:
        yield "".join(f"{row}\n" for row in _rows(table)).encode()


def _json(tables: Iterator[pa.Table], totals: AreaTotals, shown: Callable[[str], str]) -> Iterator[bytes]:
    """One document: each mask's rows, then the classes over all masks and the sums, which are known last."""
    yield b'{\n "areas": ['
    between = "\n  "
    for table in tables:
        yield (between + ",\n  ".join(_rows(table))).encode()
        between = ",\n  "
    tail: dict[str, Any] = {
        "classes": [
            {
                "class_name": total["class_name"],
                "color": total["color"],
                "area_px": total["area_px"],
                "area_fraction": total["area_px"] / totals.pixels,
                "total_percentage_area": total_percentage_area(total["area_px"], totals.pixels),
                "masks": total["masks"],
            }
            for total in totals.classes()
        ],
        "alpha": totals.alpha,
        **totals.numbers(),
    }
    yield f"\n ],{json.dumps(tail, indent=1)[1:]}\n".encode()


def _parquet(tables: Iterator[pa.Table], totals: AreaTotals, shown: Callable[[str], str]) -> Iterator[bytes]:
    from pyarrow import parquet

    basket = Basket()
    # Names and colours repeat; what a mask is called does not.
    texts = ["class_name", "color"]
    with parquet.ParquetWriter(
        pa.PythonFile(basket, mode="w"), MASK_AREA_SCHEMA, compression="zstd", use_dictionary=texts
    ) as writer:
        held: list[pa.Table] = []
        for table in tables:
            held.append(table.replace_schema_metadata(None))
            if sum(one.num_rows for one in held) >= _GROUP_ROWS:
                writer.write_table(pa.concat_tables(held), row_group_size=_GROUP_ROWS)
                held.clear()
                yield basket.drain()
        if held:
            writer.write_table(pa.concat_tables(held), row_group_size=_GROUP_ROWS)
        writer.add_key_value_metadata({"alpha": totals.alpha, **{k: str(n) for k, n in totals.numbers().items()}})
    yield basket.drain()
