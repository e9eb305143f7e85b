"""The row of each image that was compared: `PER_IMAGE_SCHEMA`, collected as numbers, never as Python's objects."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lvtools.evaluation.decisions import Decisions
from lvtools.evaluation.matching import Match
from lvtools.metrics import PixelState
from lvtools.metrics.pixel import IOU_UNIT_BITS

IMAGES_AT_ONCE = 4096

PER_IMAGE_SCHEMA = pa.schema(
    [
        pa.field("source_ref", pa.string(), metadata={"about": "as the truth writes it"}),
        pa.field("truth", pa.string()),
        pa.field("prediction", pa.string()),
        pa.field("score", pa.float64(), metadata={"about": "how anomalous, 0..1"}),
        pa.field("correct", pa.bool_()),
        pa.field(
            "iou", pa.float64(), metadata={"about": "mean over the anomaly classes in truth or prediction; null: none"}
        ),
        pa.field("wrong_px", pa.int64(), metadata={"about": "pixels of no class left out; null: not compared"}),
        pa.field("truth_px", pa.int64(), metadata={"about": "pixels of anomaly classes"}),
        pa.field("prediction_px", pa.int64()),
        pa.field("truth_line", pa.int64()),
        pa.field("prediction_line", pa.int64()),
        pa.field("truth_mask_ref", pa.string()),
        pa.field("prediction_mask_ref", pa.string()),
        pa.field("regions", pa.int64(), metadata={"about": "connected regions of the true mask; null: not compared"}),
        pa.field("regions_hit", pa.int64(), metadata={"about": "those with at least one predicted pixel"}),
        pa.field("false_blobs", pa.int64(), metadata={"about": "predicted regions that touch no true one"}),
    ]
)

PIXEL_COLUMNS = ("wrong_px", "truth_px", "prediction_px", "regions", "regions_hit", "false_blobs")


class PixelColumns:
    """The columns that masks give, image by image: `iou` and `PIXEL_COLUMNS`, 56 bytes an image."""

    def __init__(self, images: int) -> None:
        self._images = images
        self._done: list[list[pa.Array]] = []
        self._begin()

    def _begin(self) -> None:
        room = min(IMAGES_AT_ONCE, self._images)
        self._iou = np.full(room, math.nan)  # nan and -1: null
        self._counts = np.full((len(PIXEL_COLUMNS), room), -1, np.int64)
        self._at = 0

    def add(self, figures: PixelFigures | None, regions: Mapping[str, int] | None) -> None:
        """The next image; None: it could not be compared, or has no such figures."""
        if figures is not None:
            iou, *counts = figures
            self._counts[:3, self._at] = counts
            if iou is not None:
                self._iou[self._at] = iou
        if regions is not None:
            self._counts[3:, self._at] = [regions[name] for name in PIXEL_COLUMNS[3:]]
        self._at += 1
        if self._at == len(self._iou):
            self._pack()

    def _pack(self) -> None:
        here = slice(self._at)
        iou = pa.array(self._iou[here], mask=np.isnan(self._iou[here]))
        self._done.append([iou, *(pa.array(one[here], mask=one[here] < 0) for one in self._counts)])
        self._begin()

    def columns(self) -> dict[str, pa.ChunkedArray]:
        """Those of all images; images that were not added have nulls."""
        added = sum(len(block[0]) for block in self._done) + self._at
        if self._at:
            self._pack()
        found = {}
        for at, name in enumerate(("iou", *PIXEL_COLUMNS)):
            kind = PER_IMAGE_SCHEMA.field(name).type
            rest = [pa.nulls(self._images - added, kind)] if added < self._images else []
            found[name] = pa.chunked_array([*(block[at] for block in self._done), *rest], kind)
        return found


PixelFigures = tuple[float | None, int, int, int]


def pixel_figures(state: PixelState) -> PixelFigures:
    """Mean IoU over the anomaly classes in truth or prediction (None: there is none), wrong, true and called pixels."""
    matrix = state.pooled
    anomalies = matrix.named_classes[1:]
    units = [state.seen[name][1] for name in anomalies if name in state.seen]
    iou = sum(units) / (len(units) << IOU_UNIT_BITS) if units else None
    right = sum(matrix.tp(name) for name in matrix.named_classes)
    return (
        iou,
        matrix.total - right - state.unknown_px,
        sum(map(matrix.support, anomalies)),
        sum(map(matrix.predicted, anomalies)),
    )


def per_image_table(
    truth: pa.Table, predictions: pa.Table, matched: Match, decisions: Decisions, pixels: PixelColumns
) -> pa.Table:
    """`PER_IMAGE_SCHEMA`, in the order of the truth."""
    true, called = (decisions.truth.dictionary_decode(), decisions.prediction.dictionary_decode())
    columns = {
        "source_ref": picked(truth["source_ref"], matched.truth_rows),
        "truth": true,
        "prediction": called,
        "score": picked(predictions["score"], matched.prediction_rows),
        "correct": pc.fill_null(pc.equal(true, called), False),
        "truth_line": picked(truth["line"], matched.truth_rows),
        "prediction_line": picked(predictions["line"], matched.prediction_rows),
        "truth_mask_ref": picked(truth["mask_ref"], matched.truth_rows),
        "prediction_mask_ref": picked(predictions["mask_ref"], matched.prediction_rows),
        **pixels.columns(),
    }
    return pa.table([columns[name] for name in PER_IMAGE_SCHEMA.names], schema=PER_IMAGE_SCHEMA)


def picked(column: pa.ChunkedArray, rows: NDArray[np.int64]) -> pa.ChunkedArray:
    """The values of some rows; those of neighbours in their order, as of most files, without a copy."""
    if len(rows) and int(rows[-1]) - int(rows[0]) == len(rows) - 1 and bool((np.diff(rows) == 1).all()):
        return column.slice(int(rows[0]), len(rows))
    return column.take(pa.array(rows))
