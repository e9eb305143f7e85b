"""The rows of a slice of masks, as one thread makes them for `mask_areas_many`: read, count, classify, one table.

What `classify_many` settles never becomes a Python object; the other masks go through `classify` one by one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lvtools.dataset import ColorMap, format_color
from lvtools.errors import LvtoolsError, MaskError, ObjectError
from lvtools.masks import engine
from lvtools.masks.classes import AlphaRule, Classified, classify
from lvtools.masks.classify_many import Legend, Rows, settle
from lvtools.masks.colors import MAX_COLORS, ColorCounts, MaskSource, count_slowly, read_mask_bytes
from lvtools.masks.schemas import MASK_AREA_SCHEMA

_HELD_BYTES = 2**23  # of files that are read ahead of counting


class Part(NamedTuple):
    """`MASK_AREA_SCHEMA`, and masks read, masks unreadable, ambiguous, unknown and all pixels."""

    table: pa.Table
    sums: tuple[int, int, int, int, int]


def area_part(
    sources: Sequence[MaskSource],
    start: int,
    *,
    color_map: ColorMap | None,
    legend: Legend | None,
    alpha: AlphaRule,
    stop_at_error: bool,
) -> Part:
    """The areas of a slice of masks; `start` is the position of its first one, `legend` is made of `color_map`.

    Raises
    ------
    MaskError, ObjectError
        With `stop_at_error`, the first one in the order of `sources`; else they are rows.
    """
    work = _Work(start, color_map, legend, alpha)
    for held in _read_ahead(sources, work):
        work.count(sources, held)
    if stop_at_error and work.errors:
        raise work.errors[min(work.errors)]
    return work.part()


def class_rows(
    classified: Classified,
) -> tuple[list[str | None], list[str | None], list[int], list[tuple[int, int] | tuple[None, None]]]:
    """Names, colours, areas and first places of all rows: background, classes, unknown colours."""
    unknown = classified.unknown
    names: list[str | None] = [*classified.names, *(None for _ in unknown)]
    colors = [None if color is None else format_color(color) for color in classified.colors]
    areas = [*classified.area_px.tolist(), *(one.area_px for one in unknown)]
    places: list[tuple[int, int] | tuple[None, None]] = [
        (None, None) if at < 0 else divmod(at, classified.width) for at in classified.first.tolist()
    ]
    return names, [*colors, *(one.color for one in unknown)], areas, [*places, *((u.row, u.col) for u in unknown)]


def _read_ahead(sources: Sequence[MaskSource], work: _Work) -> Iterator[list[tuple[int, memoryview, str]]]:
    """(position, bytes, name) of the masks, in lists of a few megabytes; what cannot be read becomes an error."""
    held: list[tuple[int, memoryview, str]] = []
    size = 0
    for k, source in enumerate(sources):
        try:
            data, name = read_mask_bytes(source)
        except (MaskError, ObjectError) as error:
            work.refuse(k, source, error)
            continue
        held.append((k, data, name))
        size += len(data)
        if size > _HELD_BYTES:
            yield held
            held, size = [], 0
    if held:
        yield held


class _Work:
    """What has become of the masks of a slice: tables of those settled together, rows of the others."""

    def __init__(self, start: int, color_map: ColorMap | None, legend: Legend | None, alpha: AlphaRule) -> None:
        self.start, self.color_map, self.legend, self.alpha = start, color_map, legend, alpha
        self.errors: dict[int, LvtoolsError] = {}
        self.tables: list[pa.Table] = []
        self.order: list[NDArray[np.int64]] = []  # the mask of each row of `tables`
        self.rows: dict[str, list[object]] = {name: [] for name in MASK_AREA_SCHEMA.names}
        self.row_order: list[int] = []
        self.sums = np.zeros(5, np.int64)

    def count(self, sources: Sequence[MaskSource], held: list[tuple[int, memoryview, str]]) -> None:
        at = 0
        for counted in engine.count_pngs([data for _, data, _ in held], MAX_COLORS):
            part = held[at : at + len(counted.known)]
            at += len(part)
            rows = settle(counted, self.legend, self.alpha)
            self._add_settled(sources, counted, rows, np.array([k for k, _, _ in part], np.int64))
            for place in np.flatnonzero(~rows.settled).tolist():
                k, data, name = part[place]
                self._add_alone(sources, k, data, name, _slice_of(counted, place))

    def _add_settled(
        self, sources: Sequence[MaskSource], counted: engine.CountedMany, rows: Rows, numbers: NDArray[np.int64]
    ) -> None:
        if not len(rows.mask):
            return
        names = pa.array([_name(sources[k], self.start + k) for k in numbers.tolist()], pa.string())
        pixels = counted.height * counted.width
        unseen = rows.first < 0
        line, column = np.divmod(rows.first, counted.width[rows.mask])
        arrays = [
            names.take(pa.array(rows.mask)),
            pa.array(rows.names, pa.string()).take(pa.array(rows.name)),
            pa.array(rows.colors, pa.string()).take(pa.array(rows.color)),
            pa.array(rows.area_px),
            pa.array(rows.area_px / pixels[rows.mask]),
            pa.array(rows.ambiguous_px[rows.mask]),
            pa.array(line, mask=unseen),
            pa.array(column, mask=unseen),
            pa.nulls(len(rows.mask), pa.string()),
        ]
        self.tables.append(pa.Table.from_arrays(arrays, schema=MASK_AREA_SCHEMA))
        self.order.append(numbers[rows.mask])
        settled = rows.settled
        self.sums += (int(settled.sum()), 0, int(rows.ambiguous_px[settled].sum()), 0, int(pixels[settled].sum()))

    def _add_alone(
        self, sources: Sequence[MaskSource], k: int, data: memoryview, name: str, counted: ColorCounts | None
    ) -> None:
        try:
            found = classify(counted or count_slowly(data, name), self.color_map, alpha=self.alpha)
        except MaskError as error:
            if error.path is None and name:
                error.path = os.fspath(sources[k])  # type: ignore[arg-type]
            self.refuse(k, sources[k], error)
            return
        names, colors, areas, places = class_rows(found)
        pixels, rows = found.height * found.width, len(names)
        columns: tuple[list[object], ...] = (
            [_name(sources[k], self.start + k)] * rows,
            [*names],
            [*colors],
            [*areas],
            [area / pixels for area in areas],
            [found.ambiguous_px] * rows,
            [row for row, _ in places],
            [col for _, col in places],
            [None] * rows,
        )
        self._append(k, columns)
        self.sums += (1, 0, found.ambiguous_px, found.unknown_px, pixels)

    def refuse(self, k: int, source: MaskSource, error: LvtoolsError) -> None:
        self.errors[k] = error
        sentence = error.message.encode("utf-8", "backslashreplace").decode("utf-8")
        nothing: list[list[object]] = [[None]] * (len(self.rows) - 2)
        self._append(k, ([_name(source, self.start + k)], *nothing, [sentence]))
        self.sums += (0, 1, 0, 0, 0)

    def _append(self, k: int, columns: tuple[list[object], ...]) -> None:
        for kept, more in zip(self.rows.values(), columns, strict=True):
            kept += more
        self.row_order += [k] * len(columns[0])

    def part(self) -> Part:
        """All rows in the order of the masks."""
        tables, order = self.tables, self.order
        if self.row_order:
            arrays = [pa.array(self.rows[field.name], field.type) for field in MASK_AREA_SCHEMA]
            tables = [*tables, pa.Table.from_arrays(arrays, schema=MASK_AREA_SCHEMA)]
            order = [*order, np.array(self.row_order, np.int64)]
        table = pa.concat_tables(tables) if tables else MASK_AREA_SCHEMA.empty_table()
        if self.row_order and len(tables) > 1:
            table = table.take(pa.array(np.argsort(np.concatenate(order), kind="stable")))
        masks, unreadable, ambiguous, unknown, pixels = self.sums.tolist()
        return Part(table, (masks, unreadable, ambiguous, unknown, pixels))


def _slice_of(counted: engine.CountedMany, place: int) -> ColorCounts | None:
    if not counted.known[place]:
        return None
    here = slice(int(counted.starts[place]), int(counted.starts[place + 1]))
    height, width = int(counted.height[place]), int(counted.width[place])
    return ColorCounts(height, width, counted.colors[here], counted.counts[here], counted.first[here])


def _name(png: MaskSource, position: int) -> str:
    if isinstance(png, bytes) or not isinstance(png, (str, os.PathLike)):  # the second question takes 1 us
        return str(position)
    # A file name may hold bytes that are no UTF-8 (Python has them as surrogates); Arrow's strings may not.
    return os.fspath(png).encode("utf-8", "backslashreplace").decode("utf-8")
