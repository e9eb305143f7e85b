"""Which prediction belongs to which image. Knows references and rows, neither classes nor masks.

The whole set is matched at one level: by the reference as written, else by file name, else by file name without its
ending. The looser levels are used only when the stricter one finds nothing and names are unique on both sides: mixing
levels would pair images that merely look alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from lvtools.errors import ArgumentError, FormatError
from lvtools.findings import FindingList

LEVELS = ("exact", "name", "stem")

# Endings of pictures and of what is saved beside them; 'board.v2' keeps its '.v2'.
_ENDING = re.compile(r"\.(jpe?g|png|bmp|tiff?|webp|gif|jp2|p[bgnp]m|json)\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Match:
    """Rows that belong together, and what is left over.

    Attributes
    ----------
    by : str
        'exact', 'name' or 'stem'.
    pairs : list of (int, int)
        Row of the truth, row of the prediction; in the order of the truth.
    missing, extra, duplicates, unlabeled : list of str
        References: truth without prediction, prediction without truth, either side more than once, truth without label.
    """

    by: str
    pairs: list[tuple[int, int]]
    missing: list[str]
    extra: list[str]
    duplicates: list[str]
    unlabeled: list[str]


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
    true_rows, true_twice = _first_rows(truth, truth_findings)
    predicted_rows, predicted_twice = _first_rows(predictions, prediction_findings)
    by, true_keys, predicted_keys = _level(
        true_rows, predicted_rows, level, truth_findings.file, prediction_findings.file
    )
    place = dict(zip(predicted_keys, predicted_rows.values(), strict=True))
    labels, true_lines = truth["class_name"].to_pylist(), truth["line"].to_pylist()
    pairs, missing, unlabeled, used = [], [], [], set()
    for key, (ref, row) in zip(true_keys, true_rows.items(), strict=True):
        used.add(key)
        if labels[row] is None:
            unlabeled.append(ref)
            truth_findings.add("LV408", line=true_lines[row], value=ref)
        elif key in place:
            pairs.append((row, place[key]))
        else:
            missing.append(ref)
            truth_findings.add("LV401", line=true_lines[row], value=ref)
    extra, lines = [], predictions["line"].to_pylist()
    for key, (ref, row) in zip(predicted_keys, predicted_rows.items(), strict=True):
        if key not in used:
            extra.append(ref)
            prediction_findings.add("LV402", line=lines[row], value=ref)
    return Match(by, pairs, missing, extra, list(dict.fromkeys(true_twice + predicted_twice)), unlabeled)


def _first_rows(table: pa.Table, findings: FindingList) -> tuple[dict[str, int], list[str]]:
    """The first row of each reference, and the references that stand more than once."""
    rows: dict[str, int] = {}
    twice = []
    lines = table["line"]
    content = table.drop_columns(["line"])
    for row, ref in enumerate(table["source_ref"].to_pylist()):
        first = rows.setdefault(ref, row)
        if first == row:
            continue
        twice.append(ref)
        same = content.slice(first, 1).to_pylist() == content.slice(row, 1).to_pylist()
        code = "LV403" if same else "LV404"
        findings.add(code, line=lines[row].as_py(), value=ref, related_line=lines[first].as_py())
    return rows, list(dict.fromkeys(twice))


def file_name(ref: str) -> str:
    """The last part of a path or URI."""
    return re.split(r"[/\\]", ref.rstrip("/\\"))[-1]


def file_stem(ref: str) -> str:
    """The file name without the endings of pictures: `a/b.jpg.json`, `b.jpg` and `b` are one."""
    name = file_name(ref)
    while (shorter := _ENDING.sub("", name)) not in (name, ""):
        name = shorter
    return name


def _keys(refs: Sequence[str], level: str) -> list[str]:
    return list(refs) if level == "exact" else [(file_name if level == "name" else file_stem)(ref) for ref in refs]


def _level(
    truth: Mapping[str, int], predictions: Mapping[str, int], level: str, truth_name: str, predictions_name: str
) -> tuple[str, list[str], list[str]]:
    sides = (list(truth), list(predictions))
    clash = ""
    for one in LEVELS if level == "auto" else (level,):
        true_keys, predicted_keys = (_keys(refs, one) for refs in sides)
        found = None
        for refs, keys, name in zip(sides, (true_keys, predicted_keys), (truth_name, predictions_name), strict=True):
            found = found or _clash(refs, keys, name)
        if found is not None:
            if level != "auto":
                raise ArgumentError(f"cannot match by {one}: {found}", hint="--match exact compares whole references")
            clash = clash or f"; file names do not decide, {found}"
        elif set(true_keys) & set(predicted_keys):
            return one, true_keys, predicted_keys
    if level == "auto":
        raise FormatError(
            f"truth and predictions have no image in common{clash}; {_examples(sides)}", hint=_NOTHING_HINT
        )
    raise FormatError(f"no image in common when matched by {level}; {_examples(sides)}", hint=_NOTHING_HINT)


_NOTHING_HINT = (
    "is it the right pair of files? images are matched by whole reference, file name, or name without its ending"
)


def _clash(refs: Sequence[str], keys: Sequence[str], name: str) -> str | None:
    seen: dict[str, str] = {}
    for ref, key in zip(refs, keys, strict=True):
        if seen.setdefault(key, ref) != ref:
            return f"{name} has both {seen[key]!r} and {ref!r}"
    return None


def _examples(sides: tuple[list[str], list[str]]) -> str:
    said = []
    for refs, name in zip(sides, ("the truth has", "the predictions have"), strict=True):
        said.append(f"{name} {', '.join(map(repr, refs[:2])) or 'no images'}{', ...' if len(refs) > 2 else ''}")
    return "; ".join(said)
