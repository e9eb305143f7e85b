"""Labels that may be wrong: images where the truth and a confident detector disagree, and labels that contradict.

A candidate is no verdict. A detector that is confidently wrong looks the same; a person has to look.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

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


def label_errors(evaluation: Evaluation) -> pa.Table:
    """Candidates for wrong labels as `SUSPECT_SCHEMA`: contradictions first, then by falling `strength`."""
    rows = [*_conflicts(evaluation), *_disagreements(evaluation)]
    return pa.table([[row[name] for row in rows] for name in SUSPECT_SCHEMA.names], schema=SUSPECT_SCHEMA)


def _conflicts(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Images that the truth names more than once, with different labels."""
    if not evaluation.tables or not evaluation.match.duplicates:
        return []
    truth = evaluation.tables[0]
    twice = set(evaluation.match.duplicates)
    seen: dict[str, list[tuple[str, int | None]]] = {}
    columns = (truth[name].to_pylist() for name in ("source_ref", "class_name", "line"))
    for ref, label, line in zip(*columns, strict=True):
        if ref in twice and label is not None:
            seen.setdefault(ref, []).append((label, line))
    counted = {row["source_ref"]: row for row in evaluation.per_image.to_pylist() if row["source_ref"] in twice}
    found = []
    for ref, labels in sorted(seen.items()):
        if len({label.casefold() for label, _ in labels}) > 1:
            said = ", ".join(f"{label!r} in line {line}" if line else f"{label!r}" for label, line in labels)
            row = counted.get(ref, {})
            found.append(_row(ref, "conflict", row, labels[0][0], 1.0, f"the truth labels it {said}", labels[0][1]))
    return found


def _disagreements(evaluation: Evaluation) -> list[dict[str, Any]]:
    sweep, positive = evaluation.sweep, evaluation.positive
    # Scores that do not tell the classes apart accuse nobody.
    if sweep is None or not sweep.auroc > 0.5:
        return []
    found = []
    threshold = evaluation.threshold if evaluation.threshold is not None else sweep.threshold
    for row in evaluation.per_image.to_pylist():
        score = row["score"]
        if score is None or row["correct"]:
            continue
        if row["truth"] == positive:
            other, beyond = sweep.negatives, len(sweep.negatives) - int(np.searchsorted(sweep.negatives, score))
            kind, how, labelled = "low score", "low", evaluation.image.classes[0]
        else:
            other, beyond = sweep.positives, int(np.searchsorted(sweep.positives, score, "right"))
            kind, how, labelled = "high score", "high", str(positive)
        strength = beyond / len(other)
        if strength < TYPICAL:
            continue
        reason = (
            f"labelled {row['truth']}, but its score {score:.4g} is as {how} as, or {how}er than, that of "
            f"{100 * strength:.0f} % of the images labelled {labelled}"
        )
        found.append(_row(row["source_ref"], kind, row, row["truth"], strength, reason, row["truth_line"]))
    found.sort(key=lambda one: (-one["strength"], -abs(_finite(one["score"] - threshold)), one["source_ref"]))
    return found


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _row(
    ref: str, kind: str, row: dict[str, Any], truth: str, strength: float, reason: str, line: int | None
) -> dict[str, Any]:
    return {
        "source_ref": ref, "kind": kind, "truth": truth, "prediction": row.get("prediction"),
        "score": row.get("score"), "strength": strength, "reason": reason, "truth_line": line,
    }  # fmt: skip
