"""Confusion matrices of 10 million images against pyarrow's group_by, and of 40 million pixels against
numpy.bincount."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

import lvtools as lv
from benchmarks.bench import compare
from lvtools.metrics import PixelState

ROWS = 10_000_000
PAIRS, SIDE = 10, 2048
CLASSES = ("background", "crack", "dent", "scratch")


def _sides(classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = (rng.random(ROWS) < 0.1).astype(np.int32) if classes == 2 else rng.integers(0, classes, ROWS, np.int32)
    wrong = rng.random(ROWS) < 0.05
    return truth, np.where(wrong, (truth + 1) % classes, truth).astype(np.int32)


def _columns() -> dict[str, tuple[pa.Array, pa.Array]]:
    two, ten = _sides(2), _sides(10)
    names = pa.array(["normal", "anomaly"])
    many = pa.array(["normal", *(f"anomaly of class {k}" for k in range(9))])

    def coded(codes: tuple[np.ndarray, np.ndarray], kind: type, words: pa.Array) -> tuple[pa.Array, pa.Array]:
        return tuple(pa.DictionaryArray.from_arrays(pa.array(side.astype(kind)), words) for side in codes)  # type: ignore[return-value]

    return {
        "bool": tuple(pa.array(side.astype(bool)) for side in two),  # type: ignore[dict-item]
        "dictionary int8": coded(two, np.int8, names),
        "dictionary int32": coded(two, np.int32, names),
        "strings": tuple(names.take(pa.array(side)) for side in two),  # type: ignore[dict-item]
        "10 classes, dictionary int32": coded(ten, np.int32, many),
        "10 classes, strings": tuple(many.take(pa.array(side)) for side in ten),  # type: ignore[dict-item]
    }


def _cells(matrix: lv.ConfusionMatrix) -> dict[tuple[str, str], int]:
    names = matrix.classes
    return {
        (truth, called): count
        for truth, row in zip(names, matrix.counts.tolist(), strict=True)
        for called, count in zip(names, row, strict=True)
        if count
    }


def _group_by(truth: pa.Array, prediction: pa.Array) -> Callable[[], Any]:
    table = pa.table({"t": truth, "p": prediction})

    def run() -> dict[tuple[str, str], int]:
        counted = table.group_by(["t", "p"], use_threads=False).aggregate([([], "count_all")])
        word = {False: "false", True: "true"}
        return {
            (word.get(row["t"], row["t"]), word.get(row["p"], row["p"])): row["count_all"]
            for row in counted.to_pylist()
        }

    return run


def _pixels(*, noisy: bool) -> tuple[np.ndarray, np.ndarray]:
    """Masks of round defects of four classes; predictions are shifted by some pixels, and speckled when noisy."""
    rng = np.random.default_rng(1)
    truth = np.zeros((PAIRS, SIDE, SIDE), np.uint8)
    row, column = np.ogrid[:SIDE, :SIDE]
    for image in truth:
        for _ in range(12):
            y, x, radius = (*rng.integers(0, SIDE, 2).tolist(), int(rng.integers(20, 150)))
            image[(row - y) ** 2 + (column - x) ** 2 < radius**2] = rng.integers(1, 4)
    prediction = np.roll(truth, (5, 7), (1, 2))
    if noisy:
        speckles = rng.random(truth.shape, np.float32) < 0.2
        prediction[speckles] = rng.integers(0, 4, int(speckles.sum()), np.uint8)
    return truth, prediction


def run() -> None:
    for name, (truth, prediction) in _columns().items():
        compare(
            f"confusion: {name}",
            ours=lambda truth=truth, prediction=prediction: _cells(lv.confusion(truth, prediction)),
            peers={"pyarrow group_by": _group_by(truth, prediction)},
            items=ROWS,
            unit="rows",
        )
    for kind, noisy in (("blobs", False), ("noisy", True)):
        truths, predictions = _pixels(noisy=noisy)

        def ours(truths: Any = truths, predictions: Any = predictions) -> Any:
            state = PixelState.empty()
            for truth, prediction in zip(truths, predictions, strict=True):
                state = state.merge(PixelState.of(truth, prediction, CLASSES))
            return state.pooled.counts.tolist()

        def bincount(truths: Any = truths, predictions: Any = predictions) -> Any:
            size = len(CLASSES)
            cells = np.zeros(size * size, np.int64)
            for truth, prediction in zip(truths, predictions, strict=True):
                cells += np.bincount((np.uint8(size) * truth + prediction).ravel(), minlength=size * size)
            return cells.reshape(size, size).tolist()

        compare(
            f"pixel confusion: 4 classes, {kind}",
            ours=ours,
            peers={"numpy bincount(C*t+p)": bincount},
            items=truths.size,
            unit="pixels",
        )
