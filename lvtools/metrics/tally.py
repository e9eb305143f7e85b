"""How often each pair of class names occurs in two columns. Knows Arrow chunks and the counting kernel, no metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from lvtools._native import confusion_count
from lvtools.errors import ArgumentError
from lvtools.metrics.class_columns import NULL, ClassColumn, chunks_of, class_text, encode

LEVEL = confusion_count.LEVEL  # 0 plain C, 1 AVX2; tests take both ways

Tally = dict[tuple[str, str], int]

_CODES = 256  # what the kernel counts by: byte codes, null's among them

# By the number of a type, which is there at once: asking pa.types' predicates in turn took longer than counting.
_BOOL, _DICTIONARY = pa.bool_().id, pa.dictionary(pa.int8(), pa.string()).id
_TEXT = frozenset(kind.id for kind in (pa.string(), pa.large_string()))
_WHOLE = frozenset(
    kind.id
    for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
)


class _TooManyWords(Exception):  # no error, a change of method
    """More distinct values than byte codes."""


def tally(truth: ClassColumn, prediction: ClassColumn) -> Tally:
    """How often each pair of names occurs. Chunks are counted where they lie; neither is copied nor joined."""
    if len(truth) != len(prediction):
        raise ArgumentError(
            f"truth has {len(truth):,} rows, prediction {len(prediction):,}",
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


def _tally_codes(truth: ClassColumn, prediction: ClassColumn) -> Tally:
    words = confusion_count.Words()  # strings of both sides get the same codes
    left_chunks, right_chunks = list(_chunks("truth", truth, words)), list(_chunks("prediction", prediction, words))
    counted: Tally = {}
    cells, alphabets = None, None
    at, start = [0, 0], [0, 0]  # the chunk of each side, and the row in it
    row = 0
    while at[0] < len(left_chunks) and at[1] < len(right_chunks):
        left, right = left_chunks[at[0]], right_chunks[at[1]]
        if cells is None or alphabets is None or alphabets[0] is not left.names or alphabets[1] is not right.names:
            if cells is not None and alphabets is not None:
                _add_cells(counted, cells, alphabets)
            alphabets = (left.names, right.names)
            cells = confusion_count.Cells(
                *(_CODES if isinstance(one, confusion_count.Words) else len(one) for one in alphabets)
            )
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
    if cells is not None and alphabets is not None:
        _add_cells(counted, cells, alphabets)
    return counted


def _add_cells(counted: Tally, cells: confusion_count.Cells, alphabets: tuple[Any, Any]) -> None:
    rows, columns = _text(alphabets[0]), _text(alphabets[1])
    for t, p, count in cells.pairs():
        pair = rows[t], columns[p]
        counted[pair] = counted.get(pair, 0) + count


def _text(names: tuple[str, ...] | confusion_count.Words) -> tuple[str, ...]:
    if isinstance(names, tuple):
        return names
    try:
        return tuple(NULL if word is None else word.decode() for word in names.seen())
    except UnicodeDecodeError as error:
        raise ArgumentError(f"a class name is no UTF-8: {error.object!r}") from None


def _chunks(side: str, column: ClassColumn, words: confusion_count.Words) -> Iterable[_Chunk]:
    kind = column.type.id
    names: tuple[str, ...] = ("false", "true", NULL)
    base, dictionary = 0, None
    if kind in _WHOLE:
        import pyarrow.compute as pc  # takes as long as all else that a first figure needs

        least, most = (value.as_py() for value in pc.min_max(column).values())
        base = least or 0
        if (most or 0) - base >= _CODES - 1 or base >= 2**63:
            raise _TooManyWords
        names = (*map(str, range(base, (most if most is not None else base) + 1)), NULL)
    elif kind != _BOOL and kind != _DICTIONARY and kind not in _TEXT:
        raise _TooManyWords
    for chunk in chunks_of(column):
        length = len(chunk)
        if not length:
            continue
        if kind == _DICTIONARY:
            if dictionary is None or not chunk.dictionary.equals(dictionary):
                dictionary = chunk.dictionary
                if len(dictionary) >= _CODES:
                    raise _TooManyWords
                # Names are written once per distinct value, never once per row.
                names = (*(NULL if word is None else word for word in class_text(side, dictionary).to_pylist()), NULL)
            chunk = chunk.indices
        buffers = chunk.buffers()
        valid = buffers[0] if chunk.null_count else None
        if kind in _TEXT:
            coded = confusion_count.Side(
                str(column.type), buffers[2], valid, chunk.offset, length, offsets=buffers[1], words=words
            )
            yield _Chunk(coded, length, words)
        else:
            coded = confusion_count.Side(
                str(chunk.type), buffers[1], valid, chunk.offset, length, base=base, codes=len(names) - 1
            )
            yield _Chunk(coded, length, names)


def _tally_many(truth: ClassColumn, prediction: ClassColumn) -> Tally:
    """The same by any number of words, with an int32 code per row: floats, and columns of more classes than a byte
    has."""
    rows, columns = encode("truth", truth), encode("prediction", prediction)
    pairs, counts = np.unique(rows.codes * len(columns.words) + columns.codes, return_counts=True)
    return {
        (rows.words[at // len(columns.words)], columns.words[at % len(columns.words)]): count
        for at, count in zip(pairs.tolist(), counts.tolist(), strict=True)
    }
