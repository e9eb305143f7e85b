"""A table of compared images, with scores and masks, and what one pass over it says."""

from __future__ import annotations

import cv2
import numpy as np
import pyarrow as pa

from lvtools.metrics import ConfusionMatrix, PixelState, Sweep
from lvtools.scale import Options

COLORS = {"background": "#ffffff", "dent": "#23a436", "crack": "#c80000"}
OPTIONS = Options(color_map=COLORS)
PAINT = np.array([(255, 255, 255), (35, 164, 54), (200, 0, 0)], np.uint8)


def png(index):
    return cv2.imencode(".png", PAINT[np.asarray(index)][:, :, ::-1])[1].tobytes()


def indexes(rows, seed=0):
    rng = np.random.default_rng(seed)
    return [tuple(rng.integers(0, 3, (4, 5)) if rng.random() < 0.8 else None for _ in range(2)) for _ in range(rows)]


def compared(rows, *, masks=False, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.random(rows) < 0.3
    score = np.where(truth, rng.normal(0.7, 0.2, rows), rng.normal(0.3, 0.2, rows)).clip(0, 1).round(3)
    table = pa.table(
        {
            "truth": np.where(truth, "anomaly", "normal"),
            "prediction": np.where(score >= 0.5, "anomaly", "normal"),
            "score": score,
        }
    )
    if masks:
        pairs = indexes(rows, seed)
        for at, name in enumerate(("truth_mask", "prediction_mask")):
            column = pa.array([None if pair[at] is None else png(pair[at]) for pair in pairs], pa.binary())
            table = table.append_column(name, column)
    return table


def one_pass(table, seed=0):
    """The same figures by the metrics themselves, without shards or serialising."""
    image = ConfusionMatrix.of(table["truth"], table["prediction"])
    sweep = Sweep.of(table["truth"], table["score"])
    pixel = None
    if "truth_mask" in table.column_names:
        pixel = PixelState.empty()
        for pair in indexes(table.num_rows, seed):
            if any(side is not None for side in pair):
                shape = next(side.shape for side in pair if side is not None)
                truth, prediction = (np.zeros(shape, np.uint8) if one is None else one.astype(np.uint8) for one in pair)
                pixel = pixel.merge(PixelState.of(truth, prediction, tuple(COLORS)))
    return image, sweep, pixel


def bits(merged):
    """All that a result holds, as bytes where numbers could differ unseen."""
    found = [merged.shards, merged.rows, merged.skipped]
    for state in (merged.image, merged.sweep, merged.binned, merged.pixel):
        if state is None:
            found.append(None)
            continue
        found += [repr(column.to_pylist()) for column in state.to_arrow().columns]
    if merged.sweep is not None:
        found += [side.tobytes() for side in (merged.sweep.positives, merged.sweep.negatives)]
        found += [merged.sweep.auroc.hex(), merged.sweep.average_precision.hex(), merged.sweep.best_f1.hex()]
    return found[1:]
