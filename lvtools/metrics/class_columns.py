"""Columns of class names: what is accepted as one, and each value as text. Nothing is counted here."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lvtools.errors import ArgumentError

NULL = "(null)"  # the name of missing values

ClassColumn: TypeAlias = pa.Array | pa.ChunkedArray

_DICTIONARY = pa.dictionary(pa.int8(), pa.string()).id
_FLOATS = frozenset(kind.id for kind in (pa.float16(), pa.float32(), pa.float64()))
_CLASS_TYPES = _FLOATS | {
    kind.id
    for kind in (
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.bool_(),
        pa.null(),
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
        *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    )
}


def as_class_column(side: str, values: Any) -> pa.ChunkedArray:
    """`class_column` in chunks, whatever was given."""
    column = class_column(side, values)
    return column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])


def class_column(side: str, values: Any) -> ClassColumn:
    """Arrow columns as they are, everything else as one; ArgumentError when they hold no class names."""
    try:
        if isinstance(values, (pa.Array, pa.ChunkedArray)):
            column = values
        elif hasattr(values, "__arrow_c_stream__"):
            column = pa.chunked_array(values)
        else:
            if isinstance(values, np.ndarray) and values.ndim != 1:
                raise ArgumentError(f"{side} has shape {values.shape}, one value per image is needed")
            column = pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(
            f"{side} is no column of classes: {error}",
            hint="give strings, booleans or whole numbers, one type per column",
        ) from None
    kind = column.type.value_type if column.type.id == _DICTIONARY else column.type
    if kind.id not in _CLASS_TYPES:
        raise ArgumentError(
            f"{side} holds {kind} values, class names are needed", hint="strings, booleans or whole numbers"
        )
    if kind.id in _FLOATS and len(column):
        column = pa.array(column.to_numpy(zero_copy_only=False), from_pandas=True)  # NaN is null
    return column


def chunks_of(column: ClassColumn) -> list[pa.Array]:
    return column.chunks if isinstance(column, pa.ChunkedArray) else [column]


class Encoded(NamedTuple):
    """A column as indexes into its own words."""

    words: list[str]
    codes: NDArray[np.int64]


def encode(side: str, column: ClassColumn) -> Encoded:
    import pyarrow.compute as pc  # takes as long as all else that a first figure needs

    if column.type.id != _DICTIONARY:
        column = column.dictionary_encode()
    numbers: dict[str, int] = {}
    pieces = [np.zeros(0, np.int64)]
    for chunk in chunks_of(column):
        own = [NULL if word is None else word for word in class_text(side, chunk.dictionary).to_pylist()]
        table = np.array([numbers.setdefault(word, len(numbers)) for word in [*own, NULL]], np.int64)
        indexes = pc.fill_null(chunk.indices.cast(pa.int64()), len(own)).to_numpy(zero_copy_only=False)
        if len(indexes) and not 0 <= indexes.min() <= indexes.max() < len(table):
            raise ArgumentError(
                f"{side} is no valid Arrow array: it points outside its dictionary",
                hint="array.validate(full=True) says more",
            )
        pieces.append(table[indexes])
    return Encoded(list(numbers) or [NULL], np.concatenate(pieces))


def class_names(side: str, values: Any) -> NDArray[np.object_]:
    """The name of each row, '(null)' for missing values, as an array of str."""
    encoded = encode(side, class_column(side, values))
    return np.array([*encoded.words, ""], object)[encoded.codes]


def class_text(side: str, values: Any) -> pa.Array:
    """Class names as text: true and false in lower case, whole floats without the point."""
    array = class_column(side, values)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
    if array.type.id == _DICTIONARY:
        array = array.dictionary_decode()
    try:
        # A whole float is written without its point: 1.0 in a pandas column with gaps meant 1.
        return (array.cast(pa.int64()) if array.type.id in _FLOATS else array).cast(pa.string())
    except pa.ArrowException:
        raise ArgumentError(
            f"{side} holds numbers that are no class names", hint="scores need a threshold first: score >= 0.5"
        ) from None
