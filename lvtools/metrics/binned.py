"""Scores in even bins: the threshold metrics of more scores than memory holds, with limits on what is lost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lvtools.errors import ArgumentError
from lvtools.metrics.score_sides import NanRule, frozen
from lvtools.metrics.scores import Sweep
from lvtools.text import html_table, ratio_text

BINNED_SCHEMA = pa.schema(
    {
        "low": pa.float64(),
        "high": pa.float64(),
        "dropped": pa.int64(),
        "positives": pa.list_(pa.int64()),
        "negatives": pa.list_(pa.int64()),
    }
)


@dataclass(frozen=True, eq=False, repr=False)
class BinnedSweep:
    """Counts of scores in even bins: the state for more scores than memory holds, with limits on what is lost.

    The true AUROC, average precision and best F1 of the scores lie within `*_low` and `*_high`, always: the order
    within a bin is unknown, and the limits are its best and its worst. Scores outside low..high count in the outer
    bins.

    Attributes
    ----------
    low, high : float
        Of the first and the last bin. Both 0 in the neutral element.
    positives, negatives : ndarray of int64, shape (bins,), read-only
    dropped : int
    """

    low: float
    high: float
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]
    dropped: int = 0

    @classmethod
    def empty(cls) -> BinnedSweep:
        """The neutral element of `merge`."""
        return cls(0.0, 0.0, frozen(np.zeros(0, np.int64)), frozen(np.zeros(0, np.int64)))

    @classmethod
    def of(
        cls,
        truth: Any,
        score: Any,
        *,
        bins: int = 4096,
        low: float = 0.0,
        high: float = 1.0,
        positive: str = "anomaly",
        nan: NanRule = "error",
    ) -> BinnedSweep:
        """Count a batch; truth, score, positive and nan as in `Sweep.of`."""
        if bins < 1 or not -math.inf < low < high < math.inf:
            raise ArgumentError(f"{bins} bins from {low} to {high} cannot be made")
        exact = Sweep.of(truth, score, positive=positive, nan=nan)
        # The scores are sorted, so each inner edge is looked up once: a score counts from the edge on that it reaches.
        inner = (low + np.arange(1, bins) * ((high - low) / bins)).astype(np.float64)
        positives, negatives = (
            np.diff(np.searchsorted(side.astype(np.float64), inner), prepend=0, append=len(side)).astype(np.int64)
            for side in exact._sides
        )
        return cls(float(low), float(high), frozen(positives), frozen(negatives), exact.dropped)

    def merge(self, other: BinnedSweep) -> BinnedSweep:
        """Both batches together; they must have the same bins."""
        if not len(self.positives) or not len(other.positives):
            one = other if not len(self.positives) else self
            return BinnedSweep(one.low, one.high, one.positives, one.negatives, self.dropped + other.dropped)
        if (self.low, self.high, len(self.positives)) != (other.low, other.high, len(other.positives)):
            raise ArgumentError(
                f"{len(self.positives)} bins over {self.low}..{self.high} do not merge with "
                f"{len(other.positives)} over {other.low}..{other.high}"
            )
        return BinnedSweep(
            self.low,
            self.high,
            frozen(self.positives + other.positives),
            frozen(self.negatives + other.negatives),
            self.dropped + other.dropped,
        )

    def to_arrow(self) -> pa.Table:
        """The state as a table of one row, `BINNED_SCHEMA`."""
        columns = [[self.low], [self.high], [self.dropped], [self.positives.tolist()], [self.negatives.tolist()]]
        return pa.table(columns, schema=BINNED_SCHEMA)

    @classmethod
    def from_arrow(cls, table: pa.Table | pa.RecordBatch) -> BinnedSweep:
        """Read states back and merge them, whatever their number."""
        merged = cls.empty()
        for row in table.to_pylist():
            positives, negatives = (frozen(np.array(row[name], np.int64)) for name in ("positives", "negatives"))
            merged = merged.merge(cls(row["low"], row["high"], positives, negatives, row["dropped"]))
        return merged

    def __reduce__(self) -> tuple[object, ...]:
        return _binned_of, (self.low, self.high, self.positives, self.negatives, self.dropped)

    def _key(self) -> tuple[object, ...]:
        return (self.low, self.high, self.positives.tobytes(), self.negatives.tobytes(), self.dropped)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BinnedSweep) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return (
            f"BinnedSweep of {self.positives.sum():,} anomalous and {self.negatives.sum():,} normal scores in "
            f"{len(self.positives):,} bins: auroc {self.auroc_low:.6g}..{self.auroc_high:.6g}"
        )

    def _auroc(self, ties: int) -> float:
        """With pairs of one bin counted as `ties` halves."""
        pos, neg = self.positives.tolist(), self.negatives.tolist()
        pairs, twice, below = sum(pos) * sum(neg), 0, 0
        for p, n in zip(pos, neg, strict=True):
            twice += p * (2 * below + ties * n)
            below += n
        return twice / (2 * pairs) if pairs else math.nan

    @property
    def auroc(self) -> float:
        """Scores of one bin taken as equal; at most (auroc_high - auroc_low) / 2 from the truth."""
        return self._auroc(1)

    @property
    def auroc_low(self) -> float:
        """Not higher than the exact AUROC."""
        return self._auroc(0)

    @property
    def auroc_high(self) -> float:
        """Not lower than the exact AUROC."""
        return self._auroc(2)

    def _above(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positives and negatives at or above each bin's lower edge."""
        return self.positives[::-1].cumsum()[::-1], self.negatives[::-1].cumsum()[::-1]

    def _average_precision(self, *, best: bool) -> float:
        total = int(self.positives.sum())
        if not total:
            return math.nan
        tp, fp = self._above()
        used = self.positives > 0
        p, n, tp, fp = self.positives[used], self.negatives[used], tp[used], fp[used]
        # Precision rises with tp and falls with fp: no positive of the bin does better than all of it without its
        # negatives, and none worse than one of it with all of them.
        precision = tp / (tp + fp - n) if best else (tp - p + 1) / (tp - p + 1 + fp)
        return math.fsum((p * precision).tolist()) / total

    @property
    def average_precision_low(self) -> float:
        """Not higher than the exact average precision."""
        return self._average_precision(best=False)

    @property
    def average_precision_high(self) -> float:
        """Not lower than the exact average precision."""
        return self._average_precision(best=True)

    @property
    def best_f1_low(self) -> float:
        """The best F1 at an edge between bins, which is exact there; not higher than the best F1 of any threshold."""
        return self._best()[0]

    def _repr_html_(self) -> str:
        names = (("AUROC", "auroc"), ("average precision", "average_precision"), ("best F1", "best_f1"))
        rows = [
            (title, *(ratio_text(getattr(self, f"{name}_{end}")) for end in ("low", "high"))) for title, name in names
        ]
        return html_table(("", "at least", "at most"), rows, caption=repr(self))

    @property
    def best_f1_high(self) -> float:
        """Not lower than the best F1 of any threshold."""
        total = int(self.positives.sum())
        if not total:
            return math.nan
        tp, fp = self._above()
        return float((2 * tp / (tp + fp - self.negatives + total)).max())

    @property
    def threshold(self) -> float:
        """The edge of `best_f1_low`; of several the lowest. -inf when it is best to call everything."""
        return self._best()[1]

    def _best(self) -> tuple[float, float]:
        total = int(self.positives.sum())
        if not total:
            return math.nan, math.nan
        tp, fp = self._above()
        f1 = 2 * tp / (tp + fp + total)
        at = int(f1.argmax())
        return float(f1[at]), self.low + at * ((self.high - self.low) / len(f1)) if at else -math.inf


def _binned_of(low: float, high: float, positives: Any, negatives: Any, dropped: int) -> BinnedSweep:
    return BinnedSweep(low, high, frozen(positives), frozen(negatives), dropped)
