"""Score maps beside the predictions: the area under the per-region overlap curve of an evaluation.

A column of the predictions names each image's map. Maps are read when they are needed, one at a time, and let go.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lvtools.errors import ArgumentError, LvtoolsError
from lvtools.evaluation.decisions import Decisions
from lvtools.evaluation.matching import Match
from lvtools.evaluation.per_image import picked
from lvtools.evaluation.pixels import PixelReader, read_first
from lvtools.evaluation.rows import Row, rows_at
from lvtools.formats.predictions import Predictions
from lvtools.images import decode_levels
from lvtools.metrics import aupro
from lvtools.metrics.pixel import UNKNOWN_INDEX

FPR_LIMIT = 0.3  # that of MVTec's benchmarks

Map = NDArray[np.floating[Any] | np.integer[Any]]


class MapFigures(NamedTuple):
    """AUPRO up to `fpr_limit`, nan without an anomalous or without a normal pixel, and of how many images."""

    aupro: float
    fpr_limit: float
    images: int


def map_figures(
    reader: PixelReader,
    true: Predictions,
    called: Predictions,
    matched: Match,
    decisions: Decisions,
    column: str,
) -> MapFigures:
    """AUPRO of the images that have a map and whose truth can be read; what is wrong with the others is a finding.

    Raises
    ------
    ArgumentError
        The predictions have no such column.
    """
    if column not in called.extra.column_names:
        raise ArgumentError(f"{called.origin} has no column or member {column!r}, which should name the score maps")
    normal = decisions.normal(decisions.truth), decisions.normal(decisions.prediction)
    refs = picked(called.extra[column], matched.prediction_rows).to_pylist()

    def rows() -> Iterator[tuple[Row, Row]]:
        return rows_at((true.table, called.table), (matched.truth_rows, matched.prediction_rows), normal)

    pairs = _Pairs(reader, refs, rows)
    value = aupro(_Side(pairs, 0), _Side(pairs, 1), fpr_limit=FPR_LIMIT)
    return MapFigures(value, FPR_LIMIT, pairs.used)


class _Pairs:
    """Maps with the truth's masks, as often as they are asked for; an image that failed once is left out."""

    def __init__(self, reader: PixelReader, refs: list[Any], rows: Callable[[], Iterator[tuple[Row, Row]]]) -> None:
        self._reader, self._refs, self._rows, self._findings = reader, refs, rows, reader.prediction_findings
        self._left_out: set[int] = set()
        self.used = 0
        self.masks: deque[NDArray[np.uint8]] = deque()  # of the maps that were handed out

    def __iter__(self) -> Iterator[tuple[Map, NDArray[np.uint8]]]:
        self.used = 0
        for at, (true, called) in enumerate(self._rows()):
            if at in self._left_out:
                continue
            pair = self._read(true, called, self._refs[at])
            if pair is None:
                self._left_out.add(at)
                continue
            self.used += 1
            yield pair

    def _read(self, true: Row, called: Row, ref: Any) -> tuple[Map, NDArray[np.uint8]] | None:
        if not isinstance(ref, str) or not ref:
            self._findings.add("LV413", line=called.line, value=f"{called.source_ref} has no score map")
            return None
        try:
            levels = decode_levels(read_first(self._reader.prediction_roots, ref))
        except LvtoolsError as error:
            said = error.message if ref in error.message else f"{ref}: {error.message}"
            self._findings.add("LV413", line=called.line, value=f"the score map cannot be read: {said}")
            return None
        if not true.has_mask and not true.is_normal:
            said = f"{called.source_ref} is no normal image and has a score map, but no mask in the truth"
            self._findings.add("LV413", line=called.line, value=said)
            return None
        mask = self._reader.truth_index(true, levels.shape)
        if mask is None:
            said = f"{called.source_ref} has a score map, but its mask in the truth cannot be read"
            self._findings.add("LV413", line=called.line, value=said)
            return None
        if mask.shape != levels.shape:
            said = f"the score map {ref} has {_size(levels)} pixels (rows x columns), the true mask {_size(mask)}"
            self._findings.add("LV413", line=called.line, value=said, related_line=true.line)
            return None
        return levels, ((mask != 0) & (mask != UNKNOWN_INDEX)).view(np.uint8)


class _Side(Sequence[Any]):
    """The maps (0) or masks (1) of `_Pairs`, walked in step: the walk over maps reads, that over masks takes."""

    def __init__(self, pairs: _Pairs, side: int) -> None:
        self._pairs, self._side = pairs, side

    def __iter__(self) -> Iterator[Any]:
        if self._side == 0:
            for levels, mask in self._pairs:
                self._pairs.masks.append(mask)
                yield levels
        else:
            while self._pairs.masks:
                yield self._pairs.masks.popleft()

    def __len__(self) -> int:
        raise TypeError("how many images can be used is known when all have been read")

    def __getitem__(self, at: Any) -> Any:
        raise TypeError("maps are read in order")


def _size(array: NDArray[Any]) -> str:
    return f"{array.shape[0]} x {array.shape[1]}"
