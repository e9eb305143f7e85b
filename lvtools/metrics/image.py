"""Image-level decisions: how often each class was taken for each other. Rows are truth, columns prediction.

Knows class names and counts; files, matching by image and thresholds are `lvtools.evaluation`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lvtools._native import confusion_count
from lvtools.errors import ArgumentError
from lvtools.text import html_table

NULL = "(null)"  # the row or column of missing values
OTHER = "(other)"  # of classes that the caller's `classes` does not name
UNKNOWN = "(unknown)"  # of pixels in a colour of no class
EXTRAS = (NULL, OTHER, UNKNOWN)

LEVEL = confusion_count.LEVEL  # 0 plain C, 1 AVX2; tests take both ways

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
        named = _words("classes", classes).to_pylist() if classes is not None else None
        if named is not None and (len(set(named)) != len(named) or None in named):
            raise ArgumentError(f"classes are {named!r}: each must be named once")
        tally = _tally(as_class_column("truth", truth), as_class_column("prediction", prediction))
        seen = {name for pair in tally for name in pair}
        if named is None:
            named = sorted(seen - {NULL, OTHER, UNKNOWN})
        place = {name: at for at, name in enumerate(named)}
        for extra in EXTRAS:  # a class named like one of ours stays where the caller put it
            place.setdefault(extra, len(place))
        every = list(place)
        counts = np.zeros((len(every), len(every)), np.int64)
        for (row, column), count in tally.items():
            counts[place.get(row, place[OTHER]), place.get(column, place[OTHER])] += count
        keep = [at for at in range(len(every)) if at < len(named) or counts[at].any() or counts[:, at].any()]
        return cls(tuple(every[at] for at in keep), counts[keep][:, keep])

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


Tally = dict[tuple[str, str], int]

_CODES = 256  # what the kernel counts by: byte codes, null's among them


class _TooManyWords(Exception):  # no error, a change of method
    """More distinct values than byte codes."""


def _tally(truth: pa.ChunkedArray, prediction: pa.ChunkedArray) -> Tally:
    """How often each pair of names occurs. Chunks are counted where they lie; neither is copied nor joined."""
    if truth.length() != prediction.length():
        raise ArgumentError(
            f"truth has {truth.length():,} rows, prediction {prediction.length():,}",
            hint="both must be in the same order; lvtools.evaluate() matches by image",
        )
    try:
        return _tally_codes(truth, prediction)
    except _TooManyWords:
        return _tally_many(truth, prediction)


class _Chunk(NamedTuple):
    """One chunk for the kernel. `names` is a code's name; chunks with the same object are counted into one table."""

    side: confusion_count.Side
    length: int
    names: tuple[str, ...] | confusion_count.Words


def _tally_codes(truth: pa.ChunkedArray, prediction: pa.ChunkedArray) -> Tally:
    words = confusion_count.Words()  # strings of both sides get the same codes
    sides = (list(_chunks("truth", truth, words)), list(_chunks("prediction", prediction, words)))
    tally: Tally = {}
    cells, alphabets = np.empty((_CODES, _CODES), np.int64), None
    at, start = [0, 0], [0, 0]  # the chunk of each side, and the row in it
    row = 0
    while at[0] < len(sides[0]) and at[1] < len(sides[1]):
        left, right = sides[0][at[0]], sides[1][at[1]]
        if alphabets is None or alphabets[0] is not left.names or alphabets[1] is not right.names:
            if alphabets is not None:
                _add_cells(tally, cells, alphabets)
            alphabets = (left.names, right.names)
            # Zeroing the half megabyte would take longer than counting ten million bits.
            rows, columns = (_CODES if isinstance(one, confusion_count.Words) else len(one) for one in alphabets)
            cells[:rows, :columns] = 0
        length = min(left.length - start[0], right.length - start[1])
        state, stopped, side = confusion_count.count_sides(
            left.side, start[0], right.side, start[1], length, cells, LEVEL
        )
        if state == confusion_count.FULL:
            raise _TooManyWords
        if state == confusion_count.STRAY:
            raise ArgumentError(
                f"{('truth', 'prediction')[side]} is no valid Arrow array: row {row + stopped} points outside",
                hint="array.validate(full=True) says more",
            )
        row += length
        for one, chunk in enumerate((left, right)):
            start[one] += length
            if start[one] == chunk.length:
                at[one], start[one] = at[one] + 1, 0
    if alphabets is not None:
        _add_cells(tally, cells, alphabets)
    return tally


def _add_cells(tally: Tally, cells: NDArray[np.int64], alphabets: tuple[Any, Any]) -> None:
    rows, columns = (_text(names) for names in alphabets)
    used = cells[: len(rows), : len(columns)]  # what lies behind holds anything
    for t, p in zip(*(at.tolist() for at in np.nonzero(used)), strict=True):
        pair = rows[t], columns[p]
        tally[pair] = tally.get(pair, 0) + int(used[t, p])


def _text(names: tuple[str, ...] | confusion_count.Words) -> tuple[str, ...]:
    if isinstance(names, tuple):
        return names
    try:
        return tuple(NULL if word is None else word.decode() for word in names.seen())
    except UnicodeDecodeError as error:
        raise ArgumentError(f"a class name is no UTF-8: {error.object!r}") from None


def _chunks(side: str, column: pa.ChunkedArray, words: confusion_count.Words) -> Iterable[_Chunk]:
    kind = column.type
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    names: tuple[str, ...] = ("false", "true", NULL)
    base, dictionary = 0, None
    if pa.types.is_integer(kind):
        import pyarrow.compute as pc  # takes as long as all else that a first figure needs

        least, most = (value.as_py() for value in pc.min_max(column).values())
        base = least or 0
        if (most or 0) - base >= _CODES - 1 or base >= 2**63:
            raise _TooManyWords
        names = (*map(str, range(base, (most if most is not None else base) + 1)), NULL)
    elif not (text or pa.types.is_boolean(kind) or pa.types.is_dictionary(kind)):
        raise _TooManyWords
    for chunk in column.chunks:
        if not len(chunk):
            continue
        if pa.types.is_dictionary(kind):
            if dictionary is None or not chunk.dictionary.equals(dictionary):
                dictionary = chunk.dictionary
                if len(dictionary) >= _CODES:
                    raise _TooManyWords
                # Names are written once per distinct value, never once per row.
                names = (*(NULL if word is None else word for word in _words(side, dictionary).to_pylist()), NULL)
            chunk = chunk.indices
        valid = chunk.buffers()[0] if chunk.null_count else None
        if text:
            _, offsets, data = chunk.buffers()
            coded = confusion_count.Side(str(kind), data, valid, chunk.offset, len(chunk), offsets=offsets, words=words)
            yield _Chunk(coded, len(chunk), words)
        else:
            coded = confusion_count.Side(
                str(chunk.type), chunk.buffers()[1], valid, chunk.offset, len(chunk), base=base, codes=len(names) - 1
            )
            yield _Chunk(coded, len(chunk), names)


def _tally_many(truth: pa.ChunkedArray, prediction: pa.ChunkedArray) -> Tally:
    """The same by any number of words, with an int32 code per row: floats, and columns of more classes than a byte
    has."""
    rows, columns = _encode("truth", truth), _encode("prediction", prediction)
    pairs, counts = np.unique(rows.codes * len(columns.words) + columns.codes, return_counts=True)
    return {
        (rows.words[at // len(columns.words)], columns.words[at % len(columns.words)]): count
        for at, count in zip(pairs.tolist(), counts.tolist(), strict=True)
    }


class _Encoded(NamedTuple):
    """A column as indexes into its own words."""

    words: list[str]
    codes: NDArray[np.int64]


def _encode(side: str, column: pa.ChunkedArray) -> _Encoded:
    import pyarrow.compute as pc  # takes as long as all else that a first figure needs

    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    numbers: dict[str, int] = {}
    pieces = [np.zeros(0, np.int64)]
    for chunk in column.chunks:
        own = [NULL if word is None else word for word in _words(side, chunk.dictionary).to_pylist()]
        table = np.array([numbers.setdefault(word, len(numbers)) for word in [*own, NULL]], np.int64)
        indexes = pc.fill_null(chunk.indices.cast(pa.int64()), len(own)).to_numpy(zero_copy_only=False)
        if len(indexes) and not 0 <= indexes.min() <= indexes.max() < len(table):
            raise ArgumentError(
                f"{side} is no valid Arrow array: it points outside its dictionary",
                hint="array.validate(full=True) says more",
            )
        pieces.append(table[indexes])
    return _Encoded(list(numbers) or [NULL], np.concatenate(pieces))


_CLASS_TYPES = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_boolean,
    pa.types.is_null,
)


def as_class_column(side: str, values: Any) -> pa.ChunkedArray:
    try:
        if isinstance(values, pa.ChunkedArray):
            column = values
        elif isinstance(values, pa.Array):
            column = pa.chunked_array([values])
        elif hasattr(values, "__arrow_c_stream__"):
            column = pa.chunked_array(values)
        else:
            if isinstance(values, np.ndarray) and values.ndim != 1:
                raise ArgumentError(f"{side} has shape {values.shape}, one value per image is needed")
            column = pa.chunked_array([pa.array(values, from_pandas=True)])
    except (pa.ArrowException, TypeError, ValueError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(
            f"{side} is no column of classes: {error}",
            hint="give strings, booleans or whole numbers, one type per column",
        ) from None
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not any(accepts(kind) for accepts in _CLASS_TYPES):
        raise ArgumentError(
            f"{side} holds {kind} values, class names are needed", hint="strings, booleans or whole numbers"
        )
    if pa.types.is_floating(kind) and column.length():
        column = pa.chunked_array([pa.array(column.to_numpy(), from_pandas=True)])  # NaN is null
    return column


def class_names(side: str, values: Any) -> NDArray[np.object_]:
    """The name of each row, '(null)' for missing values, as an array of str."""
    encoded = _encode(side, as_class_column(side, values))
    return np.array([*encoded.words, ""], object)[encoded.codes]


def _words(side: str, values: Any) -> pa.Array:
    """Class names as text: true and false in lower case, whole floats without the point."""
    column = as_class_column(side, values)
    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    try:
        # A whole float is written without its point: 1.0 in a pandas column with gaps meant 1.
        return (array.cast(pa.int64()) if pa.types.is_floating(array.type) else array).cast(pa.string())
    except pa.ArrowException:
        raise ArgumentError(
            f"{side} holds numbers that are no class names", hint="scores need a threshold first: score >= 0.5"
        ) from None
