"""Scores against the truth, at every threshold at once: AUROC, average precision, best F1, operating points.

An image is called anomalous when score >= threshold. Knows scores and flags; class names only as far as saying which
one is the anomaly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lvtools._native import score_sweep
from lvtools.errors import ArgumentError
from lvtools.metrics.score_sides import Floats, NanRule, flags_of, frozen, scores_of, sorted_sides, split
from lvtools.text import html_table, ratio_text

SWEEP_SCHEMA = pa.schema(
    {
        "single": pa.bool_(),  # float32, so that a float32 sweep stays one
        "dropped": pa.int64(),
        "positives": pa.large_list(pa.float64()),
        "negatives": pa.large_list(pa.float64()),
    }
)


class OperatingPoint(NamedTuple):
    """What one threshold does. An undefined ratio is nan.

    `threshold` is inf when nothing is called anomalous, and nan (which no score reaches) where inf itself is a score.
    """

    threshold: float
    tp: int
    fp: int
    fn: int
    tn: int
    precision: float
    recall: float
    f1: float
    fpr: float


class Curve(NamedTuple):
    """Points from the highest threshold to the lowest: x and y as the curve's name says, and the threshold of each."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    threshold: NDArray[np.float64]


def sweep(truth: Any, score: Any, *, positive: str = "anomaly", nan: NanRule = "error") -> Sweep:
    """Judge scores at every threshold; see `Sweep.of`.

    >>> sweep([False, False, True, True], [0.1, 0.4, 0.35, 0.8]).auroc
    0.75
    """
    return Sweep.of(truth, score, positive=positive, nan=nan)


@dataclass(frozen=True, eq=False, repr=False)
class Sweep:
    """All scores, sorted: an immutable state that merges to the same bits in any grouping.

    Attributes
    ----------
    positives, negatives : ndarray of float32 or float64, ascending, read-only
        Scores of the anomalous and of the normal images. -0 is kept as 0.
    dropped : int
        Rows left out, by nan='drop'.

    Notes
    -----
    Everything is exact: counts are integers, ties are ties, and the one sum of fractions (average precision) carries
    its rounding error along. Empty or one-sided data has defined answers:

    ===================  =====  =================  =======  =========
    data                 auroc  average_precision  best_f1  threshold
    ===================  =====  =================  =======  =========
    none, or no anomaly  nan    nan                nan      nan
    no normal image      nan    1                  1        lowest score
    ===================  =====  =================  =======  =========
    """

    positives: Floats
    negatives: Floats
    dropped: int = 0

    @classmethod
    def empty(cls) -> Sweep:
        """The neutral element of `merge`."""
        return cls(frozen(np.zeros(0, np.float32)), frozen(np.zeros(0, np.float32)))

    @classmethod
    def of(cls, truth: Any, score: Any, *, positive: str = "anomaly", nan: NanRule = "error") -> Sweep:
        """Take in a batch.

        Parameters
        ----------
        truth : Arrow array or chunked array, NumPy array, pandas Series or list, shape (n,)
            Booleans or 0 and 1, where true is anomalous; or class names, one of which is `positive`.
        score : the same kinds, shape (n,)
            Floats or integers, infinities included; higher is more anomalous. float32 stays float32.
        positive : str
            The class that is looked for, compared without case. Only for class names.
        nan : {'error', 'drop', 'worst'}
            What a missing score (NaN, null) means: an error, a row to leave out, or the worst for the detector: a miss
            if the image is anomalous (-inf), a false alarm if it is normal (inf). A missing truth can only be dropped.

        Raises
        ------
        ArgumentError
            Lengths differ, a value is missing, truth has more than two classes or none of them is `positive`, or scores
            are no numbers (or integers beyond 2^53, which a float would round).
        """
        if nan not in ("error", "drop", "worst"):
            raise ArgumentError(f"nan is {nan!r}, 'error', 'drop' or 'worst' is possible")
        flags, unknown = flags_of(truth, positive)
        scores = scores_of(score)
        if len(flags) != len(scores):
            raise ArgumentError(f"truth has {len(flags):,} rows, score {len(scores):,}")
        dropped = 0
        if unknown is not None:
            if nan != "drop":
                raise ArgumentError(
                    f"truth is missing in {int(unknown.sum()):,} rows", hint="label them, or leave them out: nan='drop'"
                )
            dropped = int(unknown.sum())
            flags, scores = flags[~unknown], scores[~unknown]
        positives, negatives, nans = split(scores, flags)
        if nans:
            gone = np.isnan(scores)
            if nan == "error":
                raise ArgumentError(
                    f"score is missing in {nans:,} rows, the first is row {int(gone.argmax())}",
                    hint="nan='drop' leaves them out, nan='worst' counts them against the detector",
                )
            if nan == "drop":
                dropped += nans
                positives, negatives, _ = split(scores[~gone], flags[~gone])
            else:
                worst = np.where(flags != 0, -np.inf, np.inf).astype(scores.dtype)
                positives, negatives, _ = split(np.where(gone, worst, scores), flags)
        return cls(*sorted_sides(positives, negatives), dropped)

    def merge(self, other: Sweep) -> Sweep:
        """Both batches together; float32 and float64 give float64."""
        positives, negatives = (
            np.concatenate([np.asarray(a, kind), np.asarray(b, kind)])
            for kind in [
                np.result_type(*(side for one in (self, other) for side in one._sides if len(side)), np.float32)
            ]
            for a, b in zip(self._sides, other._sides, strict=True)
        )
        return Sweep(*sorted_sides(positives, negatives), self.dropped + other.dropped)

    @property
    def _sides(self) -> tuple[Floats, Floats]:
        return self.positives, self.negatives

    def to_arrow(self) -> pa.Table:
        """The state as a table of one row, `SWEEP_SCHEMA`; tables of many states can be concatenated."""
        columns = [
            pa.LargeListArray.from_arrays([0, len(side)], pa.array(side.astype(np.float64))) for side in self._sides
        ]
        return pa.table([[self.positives.dtype == np.float32], [self.dropped], *columns], schema=SWEEP_SCHEMA)

    @classmethod
    def from_arrow(cls, table: pa.Table | pa.RecordBatch) -> Sweep:
        """Read states back and merge them, whatever their number."""
        merged = cls.empty()
        for at in range(table.num_rows):
            kind: type[np.floating[Any]] = np.float32 if table["single"][at].as_py() else np.float64
            positives, negatives = (
                np.asarray(table[name][at].values.to_numpy(zero_copy_only=False), kind)
                for name in ("positives", "negatives")
            )
            merged = merged.merge(cls(positives, negatives, table["dropped"][at].as_py()))
        return merged

    def __reduce__(self) -> tuple[object, ...]:
        return _sweep_of, (self.positives, self.negatives, self.dropped)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Sweep)
            and self.dropped == other.dropped
            and all(bool(np.array_equal(a, b)) for a, b in zip(self._sides, other._sides, strict=True))
        )

    def __hash__(self) -> int:
        return hash((self.dropped, *(float(x) for side in self._sides for x in (len(side), *side[:1], *side[-1:]))))

    def __repr__(self) -> str:
        figures = ", ".join(f"{name} {getattr(self, name):.6g}" for name in ("auroc", "average_precision", "best_f1"))
        return f"Sweep of {len(self.positives):,} anomalous and {len(self.negatives):,} normal scores: {figures}"

    @cached_property
    def _walk(self) -> tuple[int, float, int, int]:
        return score_sweep.merge(*self._sides)

    @cached_property
    def _steps(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each distinct positive score, ascending: the positives below it, and the negatives at or above it.

        With the same anomalies found, a threshold at a positive's score has the fewest false alarms; so whatever is
        best is best at one of these, or where nothing is called.
        """
        positives, negatives = self._sides
        below, upto = np.empty(len(positives), np.int64), np.empty(len(positives), np.int64)
        score_sweep.ranks(positives, negatives, below, upto)
        first = np.flatnonzero(np.concatenate([np.ones(min(1, len(positives)), bool), positives[1:] != positives[:-1]]))
        return first, len(negatives) - below[first]

    @property
    def auroc(self) -> float:
        """The chance that an anomalous image scores higher than a normal one, ties counting half; nan without both."""
        pairs = len(self.positives) * len(self.negatives)
        return self._walk[0] / (2 * pairs) if pairs else math.nan

    @property
    def average_precision(self) -> float:
        """The mean over anomalous images of the precision at their score, as scikit-learn; nan without an anomaly."""
        return self._walk[1] / len(self.positives) if len(self.positives) else math.nan

    @property
    def best_f1(self) -> float:
        """The highest F1 of any threshold; nan without an anomaly."""
        return self.best.f1 if len(self.positives) else math.nan

    @property
    def threshold(self) -> float:
        """Where F1 is best; of several, the lowest, which misses least. nan without an anomaly."""
        return float(self.positives[self._walk[2]]) if len(self.positives) else math.nan

    @property
    def best(self) -> OperatingPoint:
        """The point of the best F1; without an anomaly the one that calls nothing."""
        return self.point(self.threshold) if len(self.positives) else self._nothing()

    def point(self, threshold: float) -> OperatingPoint:
        """What the threshold does: an image is called anomalous when score >= threshold. nan calls nothing."""
        called = [
            0 if math.isnan(threshold) else len(side) - int(np.searchsorted(side, _within(side.dtype, threshold)))
            for side in self._sides
        ]
        return _point(threshold, called[0], called[1], len(self.positives), len(self.negatives))

    def at(
        self,
        *,
        recall: float | None = None,
        precision: float | None = None,
        fpr: float | None = None,
        cost: tuple[float, float] | None = None,
        false_alarms_per_day: float | None = None,
        images_per_day: float | None = None,
    ) -> OperatingPoint:
        """The operating point for exactly one wish.

        Parameters
        ----------
        recall : float in 0..1
            The highest threshold that finds at least this share of the anomalies.
        precision : float in 0..1
            The lowest threshold at an anomaly's score where at least this share of the alarms is right; when there is
            none, the point that calls nothing.
        fpr : float in 0..1
            The lowest threshold that calls at most this share of the normal images. It needs no anomaly to be known.
        cost : (float, float)
            The price of a missed anomaly and of a false alarm: the cheapest threshold, of several the lowest.
        false_alarms_per_day, images_per_day : float
            As `fpr` of their ratio: on a line nearly all images are normal, and counting all as normal errs to the
            safe side.

        Raises
        ------
        ArgumentError
            Not exactly one wish, or one outside its range.
        """
        if (false_alarms_per_day is None) != (images_per_day is None):
            raise ArgumentError("false_alarms_per_day and images_per_day belong together")
        wishes = {"recall": recall, "precision": precision, "fpr": fpr, "cost": cost, "per_day": images_per_day}
        if sum(value is not None for value in wishes.values()) != 1:
            raise ArgumentError("at() takes exactly one wish: recall, precision, fpr, cost or false alarms per day")
        if images_per_day is not None and false_alarms_per_day is not None:
            if not (images_per_day > 0 and false_alarms_per_day >= 0):
                raise ArgumentError(
                    f"{false_alarms_per_day} false alarms of {images_per_day} images a day make no rate"
                )
            return self._at_fpr(min(1.0, false_alarms_per_day / images_per_day))
        if cost is not None:
            return self._at_cost(*cost)
        name, value = next((name, value) for name, value in wishes.items() if isinstance(value, int | float))
        if not 0 <= value <= 1:
            raise ArgumentError(f"{name} is {value}, it lies in 0..1")
        return {"recall": self._at_recall, "precision": self._at_precision, "fpr": self._at_fpr}[name](value)

    def _at_recall(self, wanted: float) -> OperatingPoint:
        many = len(self.positives)
        needed = min(many, math.ceil(wanted * many))
        while needed > 0 and (needed - 1) / many >= wanted:  # ceil of a rounded product may be one off
            needed -= 1
        while needed < many and needed / many < wanted:
            needed += 1
        return self.point(float(self.positives[many - needed])) if needed else self._nothing()

    def _at_precision(self, wanted: float) -> OperatingPoint:
        first, alarms = self._steps
        found = len(self.positives) - first
        good = np.flatnonzero(found / (found + alarms) >= wanted) if len(first) else first
        return self.point(float(self.positives[first[good[0]]])) if len(good) else self._nothing()

    def _at_fpr(self, wanted: float) -> OperatingPoint:
        many = len(self.negatives)
        allowed = min(many, math.floor(wanted * many))
        while allowed < many and (allowed + 1) / many <= wanted:
            allowed += 1
        while allowed > 0 and allowed / many > wanted:
            allowed -= 1
        if allowed == many:
            least = [side[0] for side in self._sides if len(side)]
            return self.point(float(min(least))) if least else self._nothing()
        limit = self.negatives[many - 1 - allowed]  # the highest score that must not be called
        if limit == np.inf:
            return self._nothing()
        above = [side[at] for side in self._sides if (at := int(np.searchsorted(side, limit, "right"))) < len(side)]
        # Without a score above, the next number: a threshold that can be used on other images.
        return self.point(float(min(above) if above else np.nextafter(limit, limit.dtype.type(np.inf))))

    def _at_cost(self, miss: float, alarm: float) -> OperatingPoint:
        if not (0 <= miss < math.inf and 0 <= alarm < math.inf):
            raise ArgumentError(f"a missed anomaly costs {miss}, a false alarm {alarm}: prices are numbers from 0 on")
        first, alarms = self._steps
        prices = miss * first + alarm * alarms
        if not len(first) or miss * len(self.positives) < prices.min():
            return self._nothing()
        return self.point(float(self.positives[first[prices.argmin()]]))

    def _nothing(self) -> OperatingPoint:
        infinite = any(len(side) and side[-1] == np.inf for side in self._sides)
        return self.point(math.nan if infinite else math.inf)

    def curve(self, kind: Literal["pr", "roc"], points: int = 1000) -> Curve:
        """Points of the precision-recall curve (x recall, y precision) or of the ROC (x FPR, y recall).

        Each lies exactly on the curve. Those of precision and recall are at the anomalies' scores; the ROC also has
        the threshold just above each, where its steps turn, so that unless it is thinned the area below straight lines
        is the AUROC. More than `points` are thinned evenly. The first is where nothing is called (precision 1 by
        convention); the ROC ends at (1, 1). Undefined ratios are nan.
        """
        if kind not in ("pr", "roc") or points < 4:
            raise ArgumentError(f"curve {kind!r} with {points} points: 'pr' or 'roc', and at least 4, are possible")
        first, alarms = self._steps
        room = points - 2 if kind == "pr" else (points - 2) // 2
        chosen = np.unique(np.linspace(0, len(first) - 1, min(len(first), room)).round().astype(np.int64))[::-1]
        found, alarms = len(self.positives) - first[chosen], alarms[chosen]
        threshold = self.positives[first[chosen]].astype(np.float64)
        if kind == "roc":
            return self._roc(threshold, found, alarms)
        nothing = [self._nothing().threshold]
        recall = np.concatenate([[0.0], found / max(1, len(self.positives))])
        precision = np.concatenate([[1.0], found / np.maximum(1, found + alarms)])
        return Curve(recall, precision, np.concatenate([nothing, threshold]))

    def _roc(self, threshold: NDArray[np.float64], found: NDArray[np.int64], alarms: NDArray[np.int64]) -> Curve:
        """The points at these thresholds, descending, and just above each."""
        rows = [(self._nothing().threshold, 0, 0)]
        above = [np.searchsorted(side, threshold.astype(side.dtype), "right").tolist() for side in self._sides]
        counted = zip(threshold.tolist(), found.tolist(), alarms.tolist(), *above, strict=True)
        for score, tp, fp, *places in counted:
            sides = list(zip(self._sides, places, strict=True))
            step = (
                min((float(side[place]) for side, place in sides if place < len(side)), default=math.inf),
                *(len(side) - place for side, place in sides),
            )
            if step[1:] != rows[-1][1:]:
                rows.append(step)
            rows.append((score, tp, fp))
        lowest = [float(side[0]) for side in self._sides if len(side)]
        rows.append((min(lowest) if lowest else math.nan, len(self.positives), len(self.negatives)))
        thresholds, hits, false = (np.array(column) for column in zip(*rows, strict=True))
        fpr = false / len(self.negatives) if len(self.negatives) else np.full(len(rows), math.nan)
        recall = hits / max(1, len(self.positives))
        # By convention the curve runs from corner to corner, whatever there is of a class.
        fpr[0], fpr[-1], recall[-1] = 0.0, 1.0, 1.0
        return Curve(fpr, recall, thresholds)

    def advise(
        self,
        wishes: Sequence[Mapping[str, Any]] = (),
        *,
        in_use: float | None = None,
        replicates: int = 200,
        seed: int = 0,
        level: float = 0.95,
    ) -> pa.Table:
        """A few sensible operating points, and how much they would move with other images.

        Parameters
        ----------
        wishes : sequence of mapping
            Arguments of `at`, such as {"recall": 0.99} or {"cost": (20, 1)}: rows in front of the usual ones.
        in_use : float, optional
            A threshold that is in use: the first row.
        replicates, seed, level : int, int, float
            Anomalous and normal scores are drawn anew, with replacement, each side for itself; a threshold is chosen
            on one draw and judged on another, as it will be chosen on today's images and used on tomorrow's.

        Returns
        -------
        pyarrow.Table
            `lvtools.metrics.advice.ADVICE_SCHEMA`. `*_low` and `*_high` hold the middle `level` of what came out.
            `between` counts the images whose decision depends on where between threshold_low and threshold_high the
            threshold lies: many of them say that there are too few images to choose it. The time grows with images
            times replicates.
        """
        from lvtools.metrics import advice

        first: list[Mapping[str, Any]] = [] if in_use is None else [{"threshold": in_use}]
        rest = [wish for wish in advice.STANDARD_WISHES if wish not in wishes]
        return advice.advise(self, [*first, *wishes, *rest], replicates=replicates, seed=seed, level=level)

    def _repr_html_(self) -> str:
        rows = [
            ("anomalous scores", f"{len(self.positives):,}"),
            ("normal scores", f"{len(self.negatives):,}"),
            ("AUROC", ratio_text(self.auroc)),
            ("average precision", ratio_text(self.average_precision)),
            ("best F1", ratio_text(self.best_f1)),
            ("at threshold", ratio_text(self.threshold)),
        ]
        return html_table(None, rows)


def _sweep_of(positives: Floats, negatives: Floats, dropped: int) -> Sweep:
    return Sweep(frozen(positives), frozen(negatives), dropped)


def _point(threshold: float, tp: int, fp: int, positives: int, negatives: int) -> OperatingPoint:
    return OperatingPoint(
        threshold, tp, fp, positives - tp, negatives - fp,
        tp / (tp + fp) if tp + fp else math.nan,
        tp / positives if positives else math.nan,
        2 * tp / (tp + fp + positives) if fp + positives else math.nan,
        fp / negatives if negatives else math.nan,
    )  # fmt: skip


def _within(kind: np.dtype[Any], threshold: float) -> np.floating[Any]:
    """The lowest number of the kind that reaches the threshold: numbers of a kind are compared, not copied to
    another."""
    with np.errstate(over="ignore"):
        near: np.floating[Any] = kind.type(threshold)
    return near if float(near) >= threshold else np.nextafter(near, kind.type(np.inf))
