"""What a prediction format declares, and the table that every one of them reads into."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import pyarrow as pa

from lvtools.dataset import Dataset
from lvtools.findings import FindingList
from lvtools.formats.spill import MaskColumn
from lvtools.objects import is_remote, open_source, origin_of, read_blocks, read_source

PREDICTED_CLASS = pa.struct([("class_name", pa.string()), ("color", pa.string()), ("area_fraction", pa.float64())])

PREDICTION_SCHEMA = pa.schema(
    [
        pa.field("source_ref", pa.string(), metadata={"about": "the image, as written"}),
        pa.field("class_name", pa.string(), metadata={"about": "null when only a score is given"}),
        pa.field("score", pa.float64(), metadata={"about": "how anomalous, 0..1, higher is more; null when unknown"}),
        pa.field("mask_ref", pa.string(), metadata={"about": "the predicted mask, as written"}),
        pa.field("mask", pa.large_binary(), metadata={"about": "the predicted mask's bytes, when they came inline"}),
        pa.field("anomaly_classes", pa.list_(PREDICTED_CLASS), metadata={"about": "the mask's classes and colours"}),
        pa.field("line", pa.int64(), metadata={"about": "1-based: line, row, element of an array or file of a folder"}),
    ]
)

HEAD_BYTES = 4096
ROWS_AT_ONCE, MASK_BYTES_AT_ONCE = 4096, 4 * 2**20
_BLOCK_BYTES = 2**20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Schema metadata of a table whose classes were written as 0 and 1: another file of the same task may have 2 as well.
WRITTEN_AS_NUMBERS = {b"lvtools.classes": b"0, 1"}


@dataclass(frozen=True)
class Input:
    """A source that formats look at: bytes, a folder or a table, with the name messages call it.

    `extra` names the caller's own columns that are wanted too.
    """

    source: Any
    extra: tuple[str, ...] = ()

    @cached_property
    def origin(self) -> str:
        if isinstance(self.source, Dataset):
            return self.source.origin or "<dataset>"
        return "<table>" if self.table is not None else origin_of(self.source)

    @cached_property
    def table(self) -> pa.Table | None:
        """The table itself, when the caller gave one or anything with the Arrow capsule methods."""
        if isinstance(self.source, pa.Table):
            return self.source
        if isinstance(self.source, pa.RecordBatch):
            return pa.Table.from_batches([self.source])
        if hasattr(self.source, "__arrow_c_stream__"):
            return pa.table(self.source)
        return None

    @cached_property
    def folder(self) -> str | None:
        if isinstance(self.source, (str, os.PathLike)) and os.path.isdir(self.source):
            return os.fspath(self.source)
        return None

    @cached_property
    def data(self) -> memoryview:
        """All bytes, read once; without the byte-order mark."""
        view = memoryview(read_source(self.source))
        return view[3:] if bytes(view[:3]) == _BYTE_ORDER_MARK else view

    @cached_property
    def head(self) -> bytes:
        if self.table is not None or self.folder is not None or isinstance(self.source, Dataset):
            return b""
        if not self._can_be_read_again or "data" in self.__dict__:
            return bytes(self.data[:HEAD_BYTES])
        with open_source(self.source) as stream:
            return stream.read(HEAD_BYTES + len(_BYTE_ORDER_MARK)).removeprefix(_BYTE_ORDER_MARK)[:HEAD_BYTES]

    @property
    def _can_be_read_again(self) -> bool:
        """A file or an object; a pipe that has a name (`<(zcat ...)`) gives its bytes once."""
        return is_remote(self.source) or (isinstance(self.source, (str, os.PathLike)) and os.path.isfile(self.source))

    @cached_property
    def _first_line(self) -> dict[str, Any] | None:
        """The object on the first line of a file that can be read line by line; None for all else."""
        from lvtools.formats.jsonitems import object_in

        if not self._can_be_read_again or self.head.lstrip()[:1] != b"{":
            return None
        return next((object_in(text) for _, text in self._lines() if text.strip()), None)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        from lvtools.formats.jsonitems import lines_of

        return lines_of(read_blocks(self.source, _BLOCK_BYTES))

    def items(self, findings: FindingList) -> Iterator[tuple[int, dict[str, Any]]]:
        """`json_items` of the source: line by line where that can be done, so that no file is in memory whole."""
        from lvtools.formats.jsonitems import json_items, line_items

        if self._first_line is not None:
            return line_items(self._lines(), findings)
        return json_items(self.data, self.origin, findings)

    @property
    def name(self) -> str:
        return self.origin.lower()

    @cached_property
    def first(self) -> dict[str, Any] | None:
        """The first JSON object of JSON Lines, of an array, or the document itself; what sniffing goes by."""
        from lvtools.formats.jsonitems import first_object

        if self._first_line is not None:
            return self._first_line
        return first_object(self.data) if self.head.lstrip()[:1] in (b"{", b"[") else None


class Rows:
    """Predictions being collected, column by column; Python's objects for a few thousand rows at a time."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in PREDICTION_SCHEMA.names}
        self._done: list[pa.Table] = []
        self._masks = MaskColumn()
        self._mask_bytes = 0

    def add(
        self,
        source_ref: str,
        class_name: str | None,
        score: float | None,
        line: int,
        mask: Mask | None = None,
        anomaly_classes: list[dict[str, Any]] | None = None,
    ) -> None:
        mask = mask or NO_MASK
        row = (source_ref, class_name, score, mask.ref, mask.data, anomaly_classes, line)
        for name, value in zip(PREDICTION_SCHEMA.names, row, strict=True):
            self._columns[name].append(value)
        self._mask_bytes += len(mask.data or b"")
        if len(self._columns["line"]) >= ROWS_AT_ONCE or self._mask_bytes >= MASK_BYTES_AT_ONCE:
            self._pack()

    def _pack(self) -> None:
        self._masks.add(self._columns.pop("mask"))
        rest = pa.schema([field for field in PREDICTION_SCHEMA if field.name != "mask"])
        self._done.append(pa.table([self._columns[name] for name in rest.names], schema=rest))
        self._columns = {name: [] for name in PREDICTION_SCHEMA.names}
        self._mask_bytes = 0

    def table(self) -> pa.Table:
        """`PREDICTION_SCHEMA`; to be asked for once."""
        self._pack()
        table = pa.concat_tables(self._done)
        columns = {name: table[name] for name in table.column_names} | {"mask": self._masks.column()}
        return pa.table([columns[name] for name in PREDICTION_SCHEMA.names], schema=PREDICTION_SCHEMA)


class Mask(NamedTuple):
    """A predicted mask: a reference or its bytes."""

    ref: str | None = None
    data: bytes | None = None


NO_MASK = Mask()


@dataclass(frozen=True)
class Predictions:
    """What was read: `PREDICTION_SCHEMA` rows, `FINDING_SCHEMA` findings, the format's name and where it came from.

    `extra` holds, row by row, those of the caller's own columns that were asked for and found.
    """

    table: pa.Table
    findings: pa.Table
    format: str
    origin: str
    extra: pa.Table = field(default_factory=lambda: pa.table({}))

    def __len__(self) -> int:
        return int(self.table.num_rows)


class PredictionFormat(NamedTuple):
    """One form in which predictions (or a truth that is no manifest) are kept."""

    name: str  # what the user types: --prediction-format edge
    about: str
    sniff: Callable[[Input], bool]  # looks at the name and the first object only
    read: Callable[[Input, FindingList], pa.Table]  # PREDICTION_SCHEMA; a bad line is a finding


def words(items: Iterable[str]) -> str:
    """Names in a sentence."""
    return ", ".join(items)
