"""Labels that may be wrong: images where the truth and a confident detector disagree, and labels that contradict.

A candidate is no verdict. A detector that is confidently wrong looks the same; a person has to look.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from lvtools.evaluation.result import Evaluation

SUSPECT_SCHEMA = pa.schema(
    [
        pa.field("source_ref", pa.string()),
        pa.field("kind", pa.string(), metadata={"about": "conflict, high score or low score"}),
        pa.field("truth", pa.string()),
        pa.field("prediction", pa.string(), metadata={"about": "null for a conflict that was not predicted"}),
        pa.field("score", pa.float64()),
        pa.field(
            "strength",
            pa.float64(),
            metadata={"about": "share of the other class's images that look less like their class; 1 for a conflict"},
        ),
        pa.field("reason", pa.string()),
        pa.field("truth_line", pa.int64()),
    ]
)

# An image labelled normal is a candidate when it scores at least as high as half of the anomalies, and the reverse:
# the self-confidence of C. Northcutt et al., "Confident learning", JAIR 70 (2021), with medians, which outliers cannot
# move.
TYPICAL = 0.5
ROWS_AT_ONCE = 1024


def label_errors(evaluation: Evaluation) -> pa.Table:
    """Candidates for wrong labels as `SUSPECT_SCHEMA`: contradictions first, then by falling `strength`."""
    found = itertools.chain(_conflicts(evaluation), _disagreements(evaluation))
    tables = [SUSPECT_SCHEMA.empty_table()]
    while rows := list(itertools.islice(found, ROWS_AT_ONCE)):
        tables.append(pa.Table.from_pylist(rows, SUSPECT_SCHEMA))
    return pa.concat_tables(tables)


def _conflicts(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    """Images that the truth names more than once, with different labels."""
    if not evaluation.tables or not evaluation.match.duplicates:
        return
    twice = pa.array(evaluation.match.duplicates, pa.string())
    truth, rows = (
        table.filter(pc.is_in(table["source_ref"], value_set=twice))
        for table in (evaluation.tables[0].select(["source_ref", "class_name", "line"]), evaluation.per_image)
    )
    seen: dict[str, list[tuple[str, int | None]]] = {}
    for ref, label, line in zip(*(truth[name].to_pylist() for name in truth.column_names), strict=True):
        if label is not None:
            seen.setdefault(ref, []).append((label, line))
    counted = {row["source_ref"]: row for row in rows.to_pylist()}
    for ref, labels in sorted(seen.items()):
        if len({label.casefold() for label, _ in labels}) > 1:
            said = ", ".join(f"{label!r} in line {line}" if line else f"{label!r}" for label, line in labels)
            row = counted.get(ref, {})
            yield _row(ref, "conflict", row, labels[0][0], 1.0, f"the truth labels it {said}", labels[0][1])


def _disagreements(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    sweep, positive = evaluation.sweep, evaluation.positive
    # Scores that do not tell the classes apart accuse nobody.
    if sweep is None or not sweep.auroc > 0.5:
        return
    threshold = evaluation.threshold if evaluation.threshold is not None else sweep.threshold
    rows = evaluation.per_image
    rows = rows.filter(pc.and_(pc.is_valid(rows["score"]), pc.invert(rows["correct"])))
    score = rows["score"].to_numpy()
    missed = pc.equal(rows["truth"], positive).to_numpy()
    lower = (len(sweep.negatives) - np.searchsorted(sweep.negatives, score)) / len(sweep.negatives)
    higher = np.searchsorted(sweep.positives, score, "right") / len(sweep.positives)
    rows = rows.append_column("strength", pa.array(np.where(missed, lower, higher)))
    distance = np.abs(score - threshold)
    rows = rows.append_column("distance", pa.array(np.where(np.isfinite(distance), distance, 0.0)))
    rows = rows.filter(pc.greater_equal(rows["strength"], TYPICAL))
    order = [("strength", "descending"), ("distance", "descending"), ("source_ref", "ascending")]
    for batch in rows.sort_by(order).to_batches(max_chunksize=ROWS_AT_ONCE):
        for row in batch.to_pylist():
            low = row["truth"] == positive
            kind, how, other = (
                ("low score", "low", evaluation.image.classes[0]) if low else ("high score", "high", positive)
            )
            reason = (
                f"labelled {row['truth']}, but its score {row['score']:.4g} is as {how} as, or {how}er than, that of "
                f"{100 * row['strength']:.0f} % of the images labelled {other}"
            )
            yield _row(row["source_ref"], kind, row, row["truth"], row["strength"], reason, row["truth_line"])


def _row(
    ref: str, kind: str, row: dict[str, Any], truth: str, strength: float, reason: str, line: int | None
) -> dict[str, Any]:
    return {
        "source_ref": ref, "kind": kind, "truth": truth, "prediction": row.get("prediction"),
        "score": row.get("score"), "strength": strength, "reason": reason, "truth_line": line,
    }  # fmt: skip
