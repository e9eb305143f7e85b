"""Image-level decisions: how often each class was taken for each other. Rows are truth, columns prediction.

Knows class names and counts; files, matching by image and thresholds are `lvtools.evaluation`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lvtools.errors import ArgumentError
from lvtools.metrics.class_columns import NULL, class_column, class_text
from lvtools.metrics.tally import tally
from lvtools.text import html_table

OTHER = "(other)"  # of classes that the caller's `classes` does not name
UNKNOWN = "(unknown)"  # of pixels in a colour of no class
EXTRAS = (NULL, OTHER, UNKNOWN)

STATE_SCHEMA = pa.schema({"classes": pa.list_(pa.string()), "counts": pa.list_(pa.int64())})  # counts row by row
CELL_SCHEMA = pa.schema({"truth": pa.string(), "prediction": pa.string(), "count": pa.int64()})
_COUNTS, _RATIOS = ("support", "predicted", "tp", "fp", "fn"), ("precision", "recall", "f1", "iou")
CLASS_SCHEMA = pa.schema(
    [
        ("class_name", pa.string()),
        *((name, pa.int64()) for name in _COUNTS),
        *((name, pa.float64()) for name in _RATIOS),
    ]
)


@dataclass(frozen=True, eq=False, repr=False)
class ConfusionMatrix:
    """Counts of (truth, prediction) pairs: an immutable state that merges.

    Attributes
    ----------
    classes : tuple of str
        Named classes first. Behind them, and only when something was counted there, '(null)' for missing values,
        '(other)' for classes that were not asked for and '(unknown)' for pixels of no class: no row disappears. Such
        a cell is never correct and has no figures of its own, but it counts in `total` and against the classes it was
        confused with. Data that itself says '(null)' or '(other)' is counted there too.
    counts : ndarray of int64, shape (C, C), read-only
        Rows are truth, columns prediction.
    """

    classes: tuple[str, ...]
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        counts = np.array(self.counts, np.int64, order="C")  # a copy: nobody else can change it
        if counts.shape != (len(self.classes), len(self.classes)) or len(set(self.classes)) != len(self.classes):
            raise ArgumentError(f"counts of shape {counts.shape} do not fit the classes {self.classes!r}")
        counts.flags.writeable = False
        object.__setattr__(self, "classes", tuple(self.classes))
        object.__setattr__(self, "counts", counts)

    @classmethod
    def empty(cls) -> ConfusionMatrix:
        """The neutral element of `merge`."""
        return cls((), np.zeros((0, 0), np.int64))

    @classmethod
    def of(cls, truth: Any, prediction: Any, classes: Sequence[Any] | None = None) -> ConfusionMatrix:
        """Count a batch.

        Parameters
        ----------
        truth, prediction : Arrow array or chunked array, any Arrow-capsule array, NumPy array, pandas Series or list
            Equally long, of strings (plain or dictionary), booleans, integers or whole floats. Null, None and NaN are
            '(null)'.
        classes : sequence, optional
            The classes that count, in the order wanted; what is none of them is '(other)'. Without it: all that
            occur, sorted.

        Raises
        ------
        ArgumentError
            The lengths differ, or values are no class names (scores, lists, mixed types).
        """
        wanted = class_text("classes", classes).to_pylist() if classes is not None else None
        if wanted is not None and (len(set(wanted)) != len(wanted) or None in wanted):
            raise ArgumentError(f"classes are {wanted!r}: each must be named once")
        pairs = tally(class_column("truth", truth), class_column("prediction", prediction))
        seen = {name for pair in pairs for name in pair}
        named = sorted(seen.difference(EXTRAS)) if wanted is None else wanted
        known = {*named, *EXTRAS}
        seen = {name if name in known else OTHER for name in seen}
        # A class named like one of the extras stays where the caller put it.
        every = (*named, *(extra for extra in EXTRAS if extra in seen and extra not in named))
        place = {name: at for at, name in enumerate(every)}
        counts = np.zeros((len(every), len(every)), np.int64)
        for (row, column), count in pairs.items():
            counts[place[row if row in known else OTHER], place[column if column in known else OTHER]] += count
        return cls(every, counts)

    def merge(self, other: ConfusionMatrix) -> ConfusionMatrix:
        """Both batches together.

        When both name the same classes in the same order, that order stays; otherwise the names are sorted. That makes
        every grouping and every order of merges give equal results. '(null)', '(other)', '(unknown)' come last.
        """
        if self.classes == other.classes:  # nearly always, and some ten times faster
            return ConfusionMatrix(self.classes, self.counts + other.counts)
        mine, theirs = _named(self.classes), _named(other.classes)
        joined = mine if mine == theirs or not theirs else theirs if not mine else tuple(sorted({*mine, *theirs}))
        joined += tuple(extra for extra in EXTRAS if extra in self.classes or extra in other.classes)
        counts = np.zeros((len(joined), len(joined)), np.int64)
        for one in (self, other):
            at = [joined.index(name) for name in one.classes]
            counts[np.ix_(at, at)] += one.counts
        return ConfusionMatrix(joined, counts)

    def to_arrow(self) -> pa.Table:
        """The state as a table of one row, `STATE_SCHEMA`; tables of many states can be concatenated."""
        return pa.table([[list(self.classes)], [self.counts.ravel().tolist()]], schema=STATE_SCHEMA)

    @classmethod
    def from_arrow(cls, table: pa.Table | pa.RecordBatch) -> ConfusionMatrix:
        """Read states back and merge them, whatever their number."""
        merged = cls.empty()
        for classes, counts in zip(table["classes"].to_pylist(), table["counts"].to_pylist(), strict=True):
            size = len(classes)
            if len(counts) != size * size:
                raise ArgumentError(f"{len(counts)} counts do not fit {size} classes")
            merged = merged.merge(cls(tuple(classes), np.array(counts, np.int64).reshape(size, size)))
        return merged

    def __reduce__(self) -> tuple[object, ...]:
        return ConfusionMatrix, (self.classes, np.array(self.counts))  # through __post_init__, so read-only again

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ConfusionMatrix)
            and self.classes == other.classes
            and bool(np.array_equal(self.counts, other.counts))
        )

    def __hash__(self) -> int:
        return hash((self.classes, self.counts.tobytes()))

    @property
    def named_classes(self) -> tuple[str, ...]:
        """The classes without '(null)', '(other)' and '(unknown)'."""
        return _named(self.classes)

    @property
    def total(self) -> int:
        """All pairs counted, those with '(null)' or '(other)' included."""
        return int(self.counts.sum())

    def accuracy(self) -> float:
        """Correct pairs over all pairs; nan when nothing was counted. A pair of '(null)'s is not correct."""
        return _ratio(sum(self.tp(name) for name in self.named_classes), self.total)

    def support(self, cls: str) -> int:
        """How often the truth is `cls`."""
        return int(self.counts[self._at(cls)].sum())

    def predicted(self, cls: str) -> int:
        """How often the prediction is `cls`."""
        return int(self.counts[:, self._at(cls)].sum())

    def tp(self, cls: str) -> int:
        """Truth and prediction are `cls`."""
        return int(self.counts[self._at(cls), self._at(cls)])

    def fp(self, cls: str) -> int:
        """Predicted `cls`, truth is something else."""
        return self.predicted(cls) - self.tp(cls)

    def fn(self, cls: str) -> int:
        """Truth is `cls`, predicted something else."""
        return self.support(cls) - self.tp(cls)

    def tn(self, cls: str) -> int:
        """Neither is `cls`."""
        return self.total - self.tp(cls) - self.fp(cls) - self.fn(cls)

    def precision(self, cls: str) -> float:
        """TP / (TP + FP); nan when `cls` was never predicted."""
        return _ratio(self.tp(cls), self.predicted(cls))

    def recall(self, cls: str) -> float:
        """TP / (TP + FN); nan when `cls` is never true."""
        return _ratio(self.tp(cls), self.support(cls))

    def f1(self, cls: str) -> float:
        """2 TP / (2 TP + FP + FN); nan when `cls` is neither true nor predicted anywhere: 0 would read as a failure."""
        return _ratio(2 * self.tp(cls), self.support(cls) + self.predicted(cls))

    dice = f1  # the same number under the name it has for masks

    def iou(self, cls: str) -> float:
        """TP / (TP + FP + FN), intersection over union; nan when `cls` is neither true nor predicted anywhere."""
        return _ratio(self.tp(cls), self.support(cls) + self.predicted(cls) - self.tp(cls))

    def macro_f1(self) -> float:
        """The plain mean of F1 over the named classes where it is defined; nan when it is defined for none."""
        defined = [value for value in (self.f1(name) for name in self.named_classes) if not math.isnan(value)]
        return math.fsum(defined) / len(defined) if defined else math.nan

    def micro_f1(self) -> float:
        """F1 of the summed TP, FP and FN of the named classes; nan for none. Without '(null)' it is the accuracy."""
        correct = sum(self.tp(name) for name in self.named_classes)
        return _ratio(2 * correct, sum(self.support(name) + self.predicted(name) for name in self.named_classes))

    def weighted_f1(self) -> float:
        """The mean of F1 weighted by support; nan when no named class is ever true."""
        weights = [(self.support(name), self.f1(name)) for name in self.named_classes if self.support(name)]
        return (
            math.fsum(weight * value for weight, value in weights) / sum(w for w, _ in weights) if weights else math.nan
        )

    def balanced_accuracy(self) -> float:
        """The mean recall of the named classes that are ever true; nan when none is."""
        recalls = [self.recall(name) for name in self.named_classes if self.support(name)]
        return math.fsum(recalls) / len(recalls) if recalls else math.nan

    def mcc(self) -> float:
        """Matthews' correlation coefficient over all classes, '(null)' and '(other)' as classes that are never right.

        For more than two classes after J. Gorodkin, Comput. Biol. Chem. 28 (2004), 367-374. nan when truth or
        prediction is one class only (scikit-learn says 0): there is nothing to correlate.
        """
        truth, called = (self.counts.sum(axis).tolist() for axis in (1, 0))
        total, right = self.total, sum(self.tp(name) for name in self.named_classes)
        spread = [total**2 - sum(n * n for n in side) for side in (truth, called)]
        if not all(spread):
            return math.nan
        shared: int = right * total - sum(t * p for t, p in zip(truth, called, strict=True))
        return shared / math.sqrt(spread[0] * spread[1])

    def to_table(self) -> pa.Table:
        """The cells in long form, `CELL_SCHEMA`: truth, prediction, count; zeros included, row by row."""
        size = len(self.classes)
        return pa.table(
            [[t for t in self.classes for _ in range(size)], list(self.classes) * size, self.counts.ravel()],
            schema=CELL_SCHEMA,
        )

    def per_class(self) -> pa.Table:
        """A row per named class, `CLASS_SCHEMA`; undefined figures are nan."""
        names = self.named_classes
        figures = (
            self.support,
            self.predicted,
            self.tp,
            self.fp,
            self.fn,
            self.precision,
            self.recall,
            self.f1,
            self.iou,
        )
        return pa.table([list(names), *([figure(name) for name in names] for figure in figures)], schema=CLASS_SCHEMA)

    def _at(self, cls: str) -> int:
        try:
            return self.classes.index(cls)
        except ValueError:
            raise ArgumentError(f"{cls!r} is none of the classes {', '.join(map(repr, self.classes))}") from None

    def __repr__(self) -> str:
        width = max([len(name) for name in self.classes] + [len(str(self.counts.max(initial=0)))], default=1)
        head = " " * width + " " + " ".join(name.rjust(width) for name in self.classes)
        lines = [
            name.rjust(width) + " " + " ".join(str(count).rjust(width) for count in row)
            for name, row in zip(self.classes, self.counts.tolist(), strict=True)
        ]
        return "\n".join([f"ConfusionMatrix of {self.total:,}, rows truth, columns prediction", head, *lines])

    def _repr_html_(self) -> str:
        rows = [
            (name, *(f"{count:,}" for count in row))
            for name, row in zip(self.classes, self.counts.tolist(), strict=True)
        ]
        return html_table(("truth \\ prediction", *self.classes), rows)


def confusion(truth: Any, prediction: Any, *, classes: Sequence[Any] | None = None) -> ConfusionMatrix:
    """Count how often each class was taken for each other; see `ConfusionMatrix.of`.

    >>> confusion(["normal", "anomaly"], ["normal", "normal"]).recall("anomaly")
    0.0
    """
    return ConfusionMatrix.of(truth, prediction, classes)


def _named(classes: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in classes if name not in EXTRAS)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
