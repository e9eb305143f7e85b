"""Which prediction belongs to which image. Knows references and rows, neither classes nor masks.

The whole set is matched at one level: by the reference as written, else by file name, else by file name without its
ending. The looser levels are used only when the stricter one finds nothing and names are unique on both sides: mixing
levels would pair images that merely look alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lvtools.errors import ArgumentError, FormatError
from lvtools.findings import FindingList

LEVELS = ("exact", "name", "stem")
REFS_AT_ONCE = 4096

Rows: TypeAlias = NDArray[np.int64]

# Endings of pictures and of what is saved beside them; 'board.v2' keeps its '.v2'.
_ENDING = re.compile(r"\.(jpe?g|png|bmp|tiff?|webp|gif|jp2|p[bgnp]m|json)\Z", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Match:
    """Rows that belong together, and what is left over.

    Attributes
    ----------
    by : str
        'exact', 'name' or 'stem'.
    truth_rows, prediction_rows : ndarray of int64
        Row of the truth, row of its prediction; in the order of the truth.
    missing, extra, duplicates, unlabeled : list of str
        References: truth without prediction, prediction without truth, either side more than once, truth without label.
    """

    by: str
    truth_rows: Rows
    prediction_rows: Rows
    missing: list[str]
    extra: list[str]
    duplicates: list[str]
    unlabeled: list[str]

    def __len__(self) -> int:
        return len(self.truth_rows)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """(row of the truth, row of the prediction): a new list, eight times the size of the two arrays."""
        return list(zip(self.truth_rows.tolist(), self.prediction_rows.tolist(), strict=True))


class _Side(NamedTuple):
    """The different references of a table, in order, and the first row of each."""

    refs: pa.Array
    rows: Rows


def match_rows(
    truth: pa.Table,
    predictions: pa.Table,
    truth_findings: FindingList,
    prediction_findings: FindingList,
    *,
    level: str = "auto",
) -> Match:
    """Pair two tables of `PREDICTION_SCHEMA`.

    Raises
    ------
    ArgumentError
        `level` is unknown, or names are not unique at the level asked for.
    FormatError
        Nothing matches at all.
    """
    if level not in ("auto", *LEVELS):
        raise ArgumentError(f"match is {level!r}", hint=f"one of auto, {', '.join(LEVELS)}")
    true, true_twice = _first_rows(truth, truth_findings)
    called, called_twice = _first_rows(predictions, prediction_findings)
    pa.default_memory_pool().release_unused()  # hash tables twice the size of what is kept
    by, place = _level(true, called, level, truth_findings.file, prediction_findings.file)
    pa.default_memory_pool().release_unused()
    found = place >= 0
    labelled = pc.is_valid(truth["class_name"].take(pa.array(true.rows))).to_numpy()
    missing: list[str] = []
    unlabeled: list[str] = []
    extra: list[str] = []
    for at in np.flatnonzero(~(found & labelled)).tolist():
        ref, row = true.refs[at].as_py(), int(true.rows[at])
        (missing if labelled[at] else unlabeled).append(ref)
        truth_findings.add("LV401" if labelled[at] else "LV408", line=truth["line"][row].as_py(), value=ref)
    unused = np.ones(len(called.refs), np.bool_)
    unused[place[found]] = False
    for at in np.flatnonzero(unused).tolist():
        extra.append(called.refs[at].as_py())
        line = predictions["line"][int(called.rows[at])].as_py()
        prediction_findings.add("LV402", line=line, value=extra[-1])
    paired = found & labelled
    rows = true.rows[paired], called.rows[place[paired]]
    return Match(by, *rows, missing, extra, list(dict.fromkeys(true_twice + called_twice)), unlabeled)


def _first_rows(table: pa.Table, findings: FindingList) -> tuple[_Side, list[str]]:
    """The first row of each reference, and the references that stand more than once."""
    refs, codes = _coded(table["source_ref"])
    rows = np.unique(codes, return_index=True)[1].astype(np.int64, copy=False)
    first = rows[codes]
    twice = []
    lines = table["line"]
    content = table.drop_columns(["line"])
    for row in np.flatnonzero(first != np.arange(len(codes))).tolist():
        before = int(first[row])
        ref = refs[int(codes[row])].as_py()
        twice.append(ref)
        same = content.slice(before, 1).to_pylist() == content.slice(row, 1).to_pylist()
        code = "LV403" if same else "LV404"
        findings.add(code, line=lines[row].as_py(), value=ref, related_line=lines[before].as_py())
    return _Side(refs, rows), list(dict.fromkeys(twice))


def _coded(values: pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int32]]:
    """The different values in order of first sight, and the number of each row's."""
    chunks = values.dictionary_encode("encode").chunks
    if not chunks:
        return pa.array([], values.type), np.zeros(0, np.int32)
    return chunks[-1].dictionary, np.concatenate([chunk.indices.to_numpy() for chunk in chunks])


def file_name(ref: str) -> str:
    """The last part of a path or URI."""
    return re.split(r"[/\\]", ref.rstrip("/\\"))[-1]


def file_stem(ref: str) -> str:
    """The file name without the endings of pictures: `a/b.jpg.json`, `b.jpg` and `b` are one."""
    name = file_name(ref)
    while (shorter := _ENDING.sub("", name)) not in (name, ""):
        name = shorter
    return name


def _keys(refs: pa.Array, level: str) -> pa.ChunkedArray:
    """What references are compared by; few of them are Python's at a time."""
    if level == "exact":
        return pa.chunked_array([refs])
    key = file_name if level == "name" else file_stem
    blocks = (refs.slice(start, REFS_AT_ONCE).to_pylist() for start in range(0, len(refs), REFS_AT_ONCE))
    return pa.chunked_array([[None if ref is None else key(ref) for ref in block] for block in blocks], refs.type)


def _level(
    truth: _Side, predictions: _Side, level: str, truth_name: str, predictions_name: str
) -> tuple[str, NDArray[np.int32]]:
    """The level at which images are found, and for each one of the truth the place of its prediction, else -1."""
    sides = (truth.refs, predictions.refs)
    clash = ""
    for one in LEVELS if level == "auto" else (level,):
        keys = [_keys(refs, one) for refs in sides]
        found = None
        if one != "exact":  # references are unique already
            for refs, mine, name in zip(sides, keys, (truth_name, predictions_name), strict=True):
                found = found or _clash(refs, mine, name)
        if found is not None:
            if level != "auto":
                raise ArgumentError(f"cannot match by {one}: {found}", hint="--match exact compares whole references")
            clash = clash or f"; file names do not decide, {found}"
            continue
        place = pc.fill_null(pc.index_in(keys[0], value_set=keys[1].combine_chunks()), -1).to_numpy()
        if (place >= 0).any():
            return one, place
    if level == "auto":
        raise FormatError(
            f"truth and predictions have no image in common{clash}; {_examples(sides)}", hint=_NOTHING_HINT
        )
    raise FormatError(f"no image in common when matched by {level}; {_examples(sides)}", hint=_NOTHING_HINT)


_NOTHING_HINT = (
    "is it the right pair of files? images are matched by whole reference, file name, or name without its ending"
)


def _clash(refs: pa.Array, keys: pa.ChunkedArray, name: str) -> str | None:
    """Two references that have one key."""
    _, codes = _coded(keys)
    first = np.unique(codes, return_index=True)[1][codes]
    again = np.flatnonzero(first != np.arange(len(codes)))
    if not len(again):
        return None
    row = int(again[0])
    return f"{name} has both {refs[int(first[row])].as_py()!r} and {refs[row].as_py()!r}"


def _examples(sides: tuple[pa.Array, pa.Array]) -> str:
    said = []
    for refs, name in zip(sides, ("the truth has", "the predictions have"), strict=True):
        shown = refs.slice(0, 2).to_pylist()
        said.append(f"{name} {', '.join(map(repr, shown)) or 'no images'}{', ...' if len(refs) > 2 else ''}")
    return "; ".join(said)
