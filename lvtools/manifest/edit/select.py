"""Take the lines of a manifest that meet conditions: those of ListDatasetEntries, and any other on the columns."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lvtools.dataset import ENTRY_SCHEMA
from lvtools.errors import ArgumentError
from lvtools.manifest.dates import read_date
from lvtools.manifest.edit.again import rereadable
from lvtools.manifest.edit.entries import Entries, EntryReader
from lvtools.manifest.edit.lines import OnBroken, Progress, deliver, joined_groups
from lvtools.objects import Source

Moment: TypeAlias = str | date | datetime
MAX_CONTAINS = 2048  # ListDatasetEntries, SourceRefContains

_COLUMNS = ("source_ref", "class_name", "creation_date", "mask_ref", "boxes", "labels")


@dataclass(frozen=True)
class FilterReport:
    """What `filter_manifest` took: `kept` of `lines` lines; `data` when no destination was given."""

    origin: str
    profile: str
    lines: int
    kept: int
    kept_lines: tuple[int, ...]
    data: bytes | None


def filter_manifest(
    source: Source,
    dest: str | os.PathLike[str] | None = None,
    *,
    labeled: bool | None = None,
    anomaly_class: str | None = None,
    before: Moment | None = None,
    after: Moment | None = None,
    source_ref_contains: str | None = None,
    where: pc.Expression | None = None,
    profile: str = "auto",
    attribute: str | None = None,
    on_broken: OnBroken = "error",
    on_progress: Progress | None = None,
) -> FilterReport:
    """Keep the lines that meet all conditions given, byte for byte and in order.

    Parameters
    ----------
    source, dest
        Where from and where to; without `dest` the result is in the report.
    labeled : bool, optional
        Only labeled, or only unlabeled images. For Lookout for Vision labeled means: normal or anomaly.
    anomaly_class : {'normal', 'anomaly'}, optional
        Only images of that class; unlabeled ones have none.
    before, after : str, date or datetime, optional
        Only images whose label was made strictly before or after that time (UTC when no zone is given). Images
        without a date that can be read meet neither.
    source_ref_contains : str, optional
        Only images with this text in `source-ref`; capitals count.
    where : pyarrow.compute.Expression, optional
        Any condition on the columns of `ENTRY_SCHEMA`, such as ``pc.field("class_name") == "dog"``.
    profile, attribute
        As for `read_manifest`.
    on_broken : {'error', 'keep', 'drop'}
        What becomes of lines that cannot be read.
    on_progress : callable, optional
        Called now and then with the number of bytes seen so far.

    Raises
    ------
    ArgumentError
        A condition cannot be meant.
    ManifestError
        A line cannot be read and `on_broken` is 'error'.
    """
    if anomaly_class not in (None, "normal", "anomaly"):
        raise ArgumentError(
            f"anomaly_class cannot be {anomaly_class!r}", hint="normal or anomaly; for others use where="
        )
    if source_ref_contains is not None and not (
        source_ref_contains.strip() and len(source_ref_contains) <= MAX_CONTAINS
    ):
        raise ArgumentError(f"source_ref_contains needs 1 to {MAX_CONTAINS} characters, not only blanks")
    conditions = _Conditions(
        labeled=labeled,
        anomaly_class=anomaly_class,
        before=None if before is None else _moment(before, "before"),
        after=None if after is None else _moment(after, "after"),
        contains=source_ref_contains,
        where=where,
    )
    columns = list(_COLUMNS) if where is None else [name for name in ENTRY_SCHEMA.names if name != "raw"]
    with rereadable(source) as again:
        reader = EntryReader(again, columns, profile=profile, attribute=attribute, on_broken=on_broken)

        def work() -> FilterReport:
            counted = [0]
            kept: list[int] = []

            def groups() -> Iterator[list[bytes]]:
                for part in reader.parts(on_progress):
                    rows = np.flatnonzero(conditions.met(part, reader.profile))
                    counted[0] += len(part.raws)
                    kept.extend(part.table["line"].take(rows).to_pylist())
                    yield [part.raws[row] for row in rows.tolist()]

            data = deliver(joined_groups(groups()), dest)
            return FilterReport(again.origin, reader.profile, counted[0], len(kept), tuple(kept), data)

        return reader.attempt(work)


class _Conditions(NamedTuple):
    """What a line has to meet, all of it."""

    labeled: bool | None
    anomaly_class: str | None
    before: datetime | None
    after: datetime | None
    contains: str | None
    where: pc.Expression | None

    def met(self, entries: Entries, profile: str) -> np.ndarray[Any, Any]:
        """Which lines meet the conditions; broken ones, where they are kept, do."""
        table = entries.table
        mask = np.ones(table.num_rows, bool)
        dates = table["creation_date"]
        if self.labeled is not None:
            mask &= labeled_rows(table, profile) == self.labeled
        if self.anomaly_class is not None:
            mask &= _true(pc.equal(table["class_name"], self.anomaly_class))
        if self.before is not None:
            mask &= _true(pc.less(dates, pa.scalar(self.before, dates.type)))
        if self.after is not None:
            mask &= _true(pc.greater(dates, pa.scalar(self.after, dates.type)))
        if self.contains is not None:
            mask &= _true(pc.match_substring(table["source_ref"], self.contains))
        if self.where is not None:
            mask &= _where(table, self.where)
        mask |= np.asarray(entries.broken, bool)
        return mask


def labeled_rows(table: pa.Table, profile: str) -> np.ndarray[Any, Any]:
    """Which images are labeled: for Lookout those that are normal or anomaly, else those with any annotation."""
    labeled = _true(pc.is_valid(table["class_name"]))
    if profile != "lookoutvision":
        for name in ("labels", "boxes", "mask_ref"):
            labeled |= _true(pc.is_valid(table[name]))
    return labeled


def _true(flags: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """Null is no."""
    return np.array(pc.fill_null(flags, False).to_numpy(zero_copy_only=False), bool)


def _where(table: pa.Table, where: pc.Expression) -> np.ndarray[Any, Any]:
    mask = np.zeros(table.num_rows, bool)
    numbered = table.append_column("lvtools_row", pa.array(range(table.num_rows), pa.int64()))
    try:
        found = numbered.filter(where)
    except (pa.ArrowException, TypeError) as error:
        raise ArgumentError(
            f"the condition cannot be used: {str(error).splitlines()[0]}",
            hint="columns are " + ", ".join(table.column_names),
        ) from None
    mask[found["lvtools_row"].to_numpy()] = True
    return mask


def _moment(value: Moment, name: str) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    moment = read_date(value)[0] if isinstance(value, str) else None
    if moment is None:
        raise ArgumentError(f"{name} {value!r} is no date", hint="for example 2024-05-01 or 2024-05-01T08:00:00")
    return moment
