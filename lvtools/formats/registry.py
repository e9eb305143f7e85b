"""What a prediction format declares, and the table that every one of them reads into."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import pyarrow as pa

from lvtools.dataset import Dataset
from lvtools.findings import FindingList
from lvtools.objects import origin_of, read_source

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
        return view[3:] if bytes(view[:3]) == b"\xef\xbb\xbf" else view

    @property
    def head(self) -> bytes:
        holds_bytes = self.table is None and self.folder is None and not isinstance(self.source, Dataset)
        return bytes(self.data[:HEAD_BYTES]) if holds_bytes else b""

    @property
    def name(self) -> str:
        return self.origin.lower()

    @cached_property
    def first(self) -> dict[str, Any] | None:
        """The first JSON object of JSON Lines, of an array, or the document itself; what sniffing goes by."""
        from lvtools.formats.jsonitems import first_object

        return first_object(self.data) if self.head.lstrip()[:1] in (b"{", b"[") else None


class Rows:
    """Predictions being collected, column by column."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in PREDICTION_SCHEMA.names}

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

    def table(self) -> pa.Table:
        return pa.table([self._columns[name] for name in PREDICTION_SCHEMA.names], schema=PREDICTION_SCHEMA)


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
