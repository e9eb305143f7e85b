"""Truth and scores in, scores of the anomalies and of the rest out: what every threshold metric starts from."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lvtools._native import score_sweep
from lvtools.errors import ArgumentError
from lvtools.metrics.class_columns import as_class_column

Floats = NDArray[np.floating[Any]]  # float32 or float64
NanRule = Literal["error", "drop", "worst"]

LEVEL = score_sweep.LEVEL  # 0 plain C, 1 AVX2; tests take both ways
NUMPY_SORTS = score_sweep.AVX512  # NumPy brings Intel's sort for AVX-512: twice as fast as ours by digits


def frozen(array: Any) -> Any:
    array.flags.writeable = False
    return array


def split(scores: Floats, flags: NDArray[np.uint8]) -> tuple[Floats, Floats, int]:
    positives = int(np.count_nonzero(flags))
    p_room, n_room = (np.empty(many + score_sweep.SLACK, scores.dtype) for many in (positives, len(flags) - positives))
    p, n, nans = score_sweep.split(scores, flags, p_room, n_room, LEVEL)
    return p_room[:p], n_room[:n], nans


def sort(scores: Floats, scratch: Floats | None = None) -> None:
    """Sort ascending, in place: contiguous, no NaN, no -0. `scratch`, where there is one, is as long."""
    if NUMPY_SORTS:
        scores.sort()
    else:
        score_sweep.sort(scores, np.empty_like(scores) if scratch is None else scratch)


def sorted_sides(positives: Floats, negatives: Floats) -> tuple[Floats, Floats]:
    kind = np.float32 if not len(positives) + len(negatives) else positives.dtype  # empty is empty, of whatever type
    sides = [side.astype(kind, copy=False) for side in (positives, negatives)]
    scratch = None if NUMPY_SORTS else np.empty(max(map(len, sides)), kind)
    for side in sides:
        sort(side, scratch)
    return frozen(sides[0]), frozen(sides[1])


def scores_of(values: Any) -> Floats:
    """Scores as contiguous floats, missing ones as NaN."""
    import pyarrow.compute as pc  # takes as long as all else that a first figure needs

    if not isinstance(values, np.ndarray):
        values = _arrow("score", values)
        if values.null_count and pa.types.is_integer(values.type):
            _whole(np.asarray(pc.min_max(values.drop_null()).as_py()["min"] or 0), pc.max(values).as_py() or 0)
            values = values.cast(pa.float64())
        if pa.types.is_null(values.type):
            values = values.cast(pa.float64())
        if not (pa.types.is_floating(values.type) or pa.types.is_integer(values.type)):
            raise ArgumentError(f"score holds {values.type} values, numbers are needed")
        values = values.to_numpy() if isinstance(values, pa.ChunkedArray) else values.to_numpy(zero_copy_only=False)
    if values.ndim != 1:
        raise ArgumentError(f"score has shape {values.shape}, one number per image is needed")
    if np.issubdtype(values.dtype, np.integer):
        _whole(values.min(initial=0), values.max(initial=0))
        return np.ascontiguousarray(values, np.float64)
    if values.dtype == object:
        return scores_of(_arrow("score", values.tolist()))
    if not np.issubdtype(values.dtype, np.floating) or values.dtype.itemsize > 8:
        raise ArgumentError(f"score holds {values.dtype} values, numbers of at most 64 bits are needed")
    return np.ascontiguousarray(values, np.float64 if values.dtype.itemsize == 8 else np.float32)


def _whole(least: Any, most: Any) -> None:
    if max(-int(least), int(most)) > 2**53:
        raise ArgumentError("score holds whole numbers beyond 2^53, which floats would round", hint="scale them first")


def _arrow(side: str, values: Any) -> Any:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    try:
        return pa.chunked_array(values) if hasattr(values, "__arrow_c_stream__") else pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise ArgumentError(f"{side} is no column: {error}") from None


def flags_of(truth: Any, positive: str) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
    """One byte per row, and where the truth is missing."""
    import pyarrow.compute as pc  # takes as long as all else that a first figure needs

    if isinstance(truth, np.ndarray) and truth.dtype == bool and truth.ndim == 1:
        return np.ascontiguousarray(truth).view(np.uint8), None
    column = as_class_column("truth", truth)
    unknown = None
    if column.null_count:
        unknown = column.is_null().to_numpy()
    if pa.types.is_boolean(column.type):
        return column.fill_null(False).to_numpy().view(np.uint8), unknown
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    column = column.unify_dictionaries()
    if not column.num_chunks:
        return np.zeros(0, np.uint8), unknown
    words = column.chunk(0).dictionary.to_pylist()
    hit = np.array([_is_positive(word, positive) for word in words] or [False], bool)
    used = {
        words[code]
        for code in pc.unique(pa.chunked_array([c.indices for c in column.chunks])).to_pylist()
        if code is not None
    }
    if None in used:
        missing = pa.chunked_array([pc.is_null(chunk.dictionary_decode()) for chunk in column.chunks]).to_numpy()
        unknown = missing if unknown is None else unknown | missing
    _check_two(used - {None}, positive)
    codes = pa.chunked_array([chunk.indices.fill_null(0) for chunk in column.chunks]).to_numpy()
    return hit[codes].view(np.uint8), unknown


def _is_positive(word: Any, positive: str) -> bool:
    return word.casefold() == positive.casefold() if isinstance(word, str) else word in (True, 1)


def _check_two(used: set[Any], positive: str) -> None:
    texts = {word for word in used if isinstance(word, str)}
    if not texts:
        if strange := [word for word in used if word not in (0, 1)]:
            raise ArgumentError(f"truth holds {strange[0]!r}; numbers must be 0 (normal) or 1 (anomalous)")
        return
    others = {word.casefold() for word in texts} - {positive.casefold()}
    if len(others) > 1 or (others and others != {"normal"} and not any(_is_positive(w, positive) for w in texts)):
        raise ArgumentError(
            f"truth holds the classes {', '.join(map(repr, sorted(texts)))}; two are needed, one of them {positive!r}",
            hint="name the class that is looked for (positive=...), or give booleans: truth != 'normal'",
        )
