"""Two models on the same images, figures by bootstrap, and figures slice by slice. Knows decisions, not where they
come from."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lvtools.errors import ArgumentError
from lvtools.metrics.class_columns import NULL, class_names
from lvtools.metrics.image import ConfusionMatrix
from lvtools.metrics.intervals import UNDEFINED, Interval, f1_interval, mcnemar, wilson
from lvtools.metrics.scores import Sweep
from lvtools.text import html_table, ratio_text

# Resamples are drawn in groups that keep the table of draws below this many numbers.
DRAWS_AT_ONCE = 1 << 22

_BOUNDED = ("accuracy", "precision", "recall", "f1")
SLICE_SCHEMA = pa.schema(
    [
        ("slice", pa.string()),
        ("images", pa.int64()),
        *((name, pa.int64()) for name in ("tp", "fp", "fn", "tn")),
        *((f"{name}{end}", pa.float64()) for name in _BOUNDED for end in ("", "_low", "_high")),
    ]
)


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two models, A and B, on the same images.

    Attributes
    ----------
    a, b : ConfusionMatrix
    both_right, only_a, only_b, both_wrong : int
        Images by who is right. A missing truth or prediction is not right.
    p_value : float
        McNemar's exact test: how likely so uneven a share of `only_a` and `only_b` is when both are equally good.
    accuracy, f1 : Interval
        B less A: the difference, with a paired bootstrap interval. f1 is that of `positive`.
    """

    a: ConfusionMatrix
    b: ConfusionMatrix
    both_right: int
    only_a: int
    only_b: int
    both_wrong: int
    p_value: float
    accuracy: Interval
    f1: Interval

    def __repr__(self) -> str:
        return (
            f"Comparison of two models on {self.a.total:,} images: only A right {self.only_a:,}, only B right "
            f"{self.only_b:,}, McNemar p = {p_text(self.p_value)}"
        )

    def _repr_html_(self) -> str:
        rows = [
            ("both right", f"{self.both_right:,}", ""),
            ("only A right", f"{self.only_a:,}", ""),
            ("only B right", f"{self.only_b:,}", ""),
            ("both wrong", f"{self.both_wrong:,}", ""),
            ("McNemar's p", p_text(self.p_value), ""),
            *(
                (f"{name}, B less A", ratio_text(one.value), f"{ratio_text(one.low)} to {ratio_text(one.high)}")
                for name, one in (("accuracy", self.accuracy), ("F1", self.f1))
            ),
        ]
        return html_table(("", "value", "95 % interval"), rows, caption=repr(self))


def p_text(p_value: float) -> str:
    """A p-value as results show it."""
    return "below 0.0001" if p_value < 0.0001 else f"{p_value:.4f}"


def compare(
    truth: Any,
    prediction_a: Any,
    prediction_b: Any,
    *,
    positive: str = "anomaly",
    replicates: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Comparison:
    """Ask whether one model is better than another, image by image.

    Parameters
    ----------
    truth, prediction_a, prediction_b : columns of classes as in `lvtools.confusion`, shape (n,)
    positive : str
        The class whose F1 is compared; 'true' for booleans, '1' for numbers.
    replicates, seed, level
        Of the bootstrap: images are drawn anew, with replacement, the same for both models.

    Raises
    ------
    ArgumentError
        As `lvtools.confusion`, and for replicates < 1 or a level outside 0..1.
    """
    is_, a, b = (class_names(name, side) for name, side in (("truth", truth), ("a", prediction_a), ("b", prediction_b)))
    known = is_ != NULL
    right = ((is_ == a) & known, (is_ == b) & known)
    true = is_ == positive
    # What is summed of each image: right, tp, and what F1 divides by (support + predicted), of both models.
    sums = np.stack(
        [
            *right,
            *(true & (side == positive) for side in (a, b)),
            *(true.astype(np.int64) + (s == positive) for s in (a, b)),
        ],
        1,
    ).astype(np.int64)

    def figures(totals: NDArray[np.int64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore", divide="ignore"):
            accuracy = (totals[:, 1] - totals[:, 0]) / len(is_)
            f1 = 2 * totals[:, 3] / totals[:, 5] - 2 * totals[:, 2] / totals[:, 4]
        return np.stack([accuracy, f1], 1)

    accuracy, f1 = bootstrap(sums, figures, replicates=replicates, seed=seed, level=level)
    only_a, only_b = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    return Comparison(
        a=ConfusionMatrix.of(truth, prediction_a),
        b=ConfusionMatrix.of(truth, prediction_b),
        both_right=int((right[0] & right[1]).sum()),
        only_a=only_a,
        only_b=only_b,
        both_wrong=int((~right[0] & ~right[1]).sum()),
        p_value=mcnemar(only_a, only_b),
        accuracy=accuracy,
        f1=f1,
    )


def compare_scores(
    truth: NDArray[np.bool_],
    score_a: NDArray[np.floating[Any]],
    score_b: NDArray[np.floating[Any]],
    *,
    replicates: int = 500,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[Interval, Interval]:
    """B less A: AUROC and average precision, with paired bootstrap intervals; see `compare` for decisions.

    Parameters
    ----------
    truth : ndarray of bool, shape (n,)
    score_a, score_b : ndarray of float, shape (n,)
        Without NaN. Anomalous and normal images are drawn for themselves, the same for both models.

    Returns
    -------
    (Interval, Interval)
        nan three times without images of both classes.
    """
    if replicates < 1 or not 0 < level < 1:
        raise ArgumentError(f"{replicates} replicates at level {level}: at least 1, and a level between 0 and 1")
    positives, negatives = np.flatnonzero(truth), np.flatnonzero(~truth)
    if not len(positives) or not len(negatives):
        return UNDEFINED, UNDEFINED

    def difference(rows: NDArray[np.int64]) -> tuple[float, float]:
        a, b = (Sweep.of(truth[rows], side[rows]) for side in (score_a, score_b))
        return b.auroc - a.auroc, b.average_precision - a.average_precision

    rng = np.random.default_rng(seed)
    exact = difference(np.arange(len(truth)))
    drawn = [
        difference(np.concatenate([side[rng.integers(0, len(side), len(side))] for side in (positives, negatives)]))
        for _ in range(replicates)
    ]
    ends = np.quantile(np.array(drawn), [(1 - level) / 2, (1 + level) / 2], axis=0)
    auroc, precision = (
        Interval(value, min(float(ends[0, at]), value), max(float(ends[1, at]), value))
        for at, value in enumerate(exact)
    )
    return auroc, precision


def bootstrap(
    sums: NDArray[Any],
    figures: Callable[[NDArray[Any]], NDArray[np.float64]],
    *,
    replicates: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> list[Interval]:
    """Percentile intervals of figures that are made of sums over images (B. Efron, Ann. Stat. 7 (1979), 1-26).

    Parameters
    ----------
    sums : ndarray, shape (n, k)
        What each image adds to each of k sums.
    figures : callable
        Totals of shape (m, k) to figures of shape (m, f).
    replicates, seed, level : int, int, float

    Returns
    -------
    list of Interval
        One per figure: its value on all images, and the middle `level` of its values on `replicates` draws of n images
        with replacement. Draws where the figure is undefined are left out; nan three times when it is so on all images.
    """
    if replicates < 1 or not 0 < level < 1:
        raise ArgumentError(f"{replicates} replicates at level {level}: at least 1, and a level between 0 and 1")
    # Images that add the same are one kind: drawing how many there are of each is the same draw, and soon done.
    kinds, many = np.unique(sums, axis=0, return_counts=True) if len(sums) else (sums, np.zeros(0, np.int64))
    value = figures(sums.sum(0, keepdims=True))[0]
    if not len(sums):
        return [UNDEFINED for _ in value]
    rng = np.random.default_rng(seed)
    drawn, step = [], max(1, DRAWS_AT_ONCE // len(kinds))
    for start in range(0, replicates, step):
        counts = rng.multinomial(len(sums), many / len(sums), min(step, replicates - start))
        drawn.append(figures(counts @ kinds))
    spread = np.concatenate(drawn)
    intervals = []
    for at, exact in enumerate(value.tolist()):
        defined = spread[:, at][~np.isnan(spread[:, at])]
        if math.isnan(exact) or not len(defined):
            intervals.append(UNDEFINED)
            continue
        low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2]).tolist()
        intervals.append(Interval(exact, min(low, exact), max(high, exact)))
    return intervals


def slices(
    table: Any,
    by: str,
    *,
    truth: str = "truth",
    prediction: str = "prediction",
    positive: str = "anomaly",
    level: float = 0.95,
) -> pa.Table:
    """The figures of one class, slice by slice: `SLICE_SCHEMA`, a row per value of the column `by`, sorted, missing
    last.

    Parameters
    ----------
    table : pyarrow.Table, or any object with the Arrow capsule methods
    by, truth, prediction : str
        Names of columns. `by` may hold anything that can be written as text: camera, shift, defect size class.
    positive : str
        The class whose tp, fp, fn, tn, precision, recall and F1 are given; accuracy is that over all classes.
    level : float
        Of the intervals (Wilson's; F1's after `f1_interval`).
    """
    import pyarrow.compute as pc  # takes as long as all else that a first figure needs

    table = table if isinstance(table, pa.Table) else pa.table(table)
    for name in (by, truth, prediction):
        if name not in table.column_names:
            raise ArgumentError(f"there is no column {name!r}", hint=f"columns: {', '.join(table.column_names)}")
    key = table[by].cast(table[by].type.value_type) if pa.types.is_dictionary(table[by].type) else table[by]
    rows: list[tuple[Any, ...]] = []
    values = pc.unique(key)
    for value in values.take(pc.sort_indices(values)):
        mine = pc.is_null(key) if not value.is_valid else pc.fill_null(pc.equal(key, value), False)
        part = table.filter(mine)
        matrix = ConfusionMatrix.of(part[truth], part[prediction])
        right = sum(matrix.tp(name) for name in matrix.named_classes)
        there = positive in matrix.classes
        tp, fp, fn = (getattr(matrix, name)(positive) if there else 0 for name in ("tp", "fp", "fn"))
        intervals = (
            wilson(right, matrix.total, level),
            wilson(tp, tp + fp, level),
            wilson(tp, tp + fn, level),
            f1_interval(tp, fp, fn, level),
        )
        name = str(value.as_py()) if value.is_valid else NULL
        rows.append(
            (name, matrix.total, tp, fp, fn, matrix.total - tp - fp - fn, *(x for one in intervals for x in one))
        )
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in SLICE_SCHEMA]
    return pa.table(columns, schema=SLICE_SCHEMA)
