"""Two models on the same truth: who is right where the other is wrong, and whether that can be chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from lvtools.errors import ArgumentError
from lvtools.metrics import Comparison, Interval, compare
from lvtools.metrics.comparison import compare_scores, p_text
from lvtools.metrics.intervals import UNDEFINED
from lvtools.text import html_table, ratio_text

if TYPE_CHECKING:
    from lvtools.evaluation.result import Evaluation

# Draws of the scores: each sorts both models' scores, so there are fewer of them for more images.
DRAWS = (500, 40)
SCORES_AT_MOST = 2_000_000


@dataclass(frozen=True, repr=False)
class ModelComparison:
    """A baseline, A, and the predictions evaluated, B, on the images that both were compared on.

    Attributes
    ----------
    baseline : str
        Where A came from.
    images : int
        Images that both have; only these are compared.
    only_baseline, only_predictions : int
        Images of the truth that one of them has no prediction for.
    decisions : Comparison
        Who is right, McNemar's test, and the differences in accuracy and F1.
    auroc, average_precision : Interval
        B less A; nan three times where scores are missing.
    better, worse : list of str
        References that only B, and only A, called correctly.
    """

    baseline: str
    images: int
    only_baseline: int
    only_predictions: int
    decisions: Comparison
    auroc: Interval
    average_precision: Interval
    better: list[str]
    worse: list[str]

    def verdict(self) -> str:
        """One sentence."""
        found = self.decisions
        if found.only_a + found.only_b == 0:
            return "Both are right on the same images."
        ahead = "the predictions are" if found.only_b > found.only_a else "the baseline is"
        if found.only_a == found.only_b:
            return f"Each is right alone on {found.only_a:,} images: neither is ahead."
        if found.p_value >= 0.05:
            return (
                f"The difference can be chance: McNemar's p is {p_text(found.p_value)}, right alone on "
                f"{found.only_b:,} (predictions) and {found.only_a:,} (baseline) images."
            )
        return (
            f"{ahead.capitalize()} better (McNemar's p {p_text(found.p_value)}), right alone on "
            f"{found.only_b:,} (predictions) and {found.only_a:,} (baseline) images."
        )

    def figures(self) -> list[tuple[str, Interval]]:
        """The differences that are defined, B less A."""
        named = (
            ("accuracy", self.decisions.accuracy),
            ("F1", self.decisions.f1),
            ("AUROC", self.auroc),
            ("average precision", self.average_precision),
        )
        return [(name, one) for name, one in named if one.value == one.value]

    def to_dict(self) -> dict[str, Any]:
        """The document's `comparison`."""
        found = self.decisions
        return {
            "baseline": self.baseline,
            "images": self.images,
            "only_baseline": self.only_baseline,
            "only_predictions": self.only_predictions,
            **{name: getattr(found, name) for name in ("both_right", "only_a", "only_b", "both_wrong", "p_value")},
            "verdict": self.verdict(),
            "differences": {name: one._asdict() for name, one in self.figures()},
            "better": self.better,
            "worse": self.worse,
        }

    def __repr__(self) -> str:
        lines = [
            f"{name}, predictions less baseline: {one.value:+.4f} ({one.low:+.4f} to {one.high:+.4f})"
            for name, one in self.figures()
        ]
        return "\n".join([f"{self.images:,} images, against {self.baseline}", self.verdict(), *lines])

    def _repr_html_(self) -> str:
        rows = [(name, ratio_text(one.value), f"{one.low:+.4f} to {one.high:+.4f}") for name, one in self.figures()]
        return html_table(("predictions less baseline", "value", "95 % interval"), rows, caption=self.verdict())


def compare_with(evaluation: Evaluation, baseline: Evaluation) -> ModelComparison:
    """`Evaluation.compare`."""
    mine, theirs = (
        one.per_image.select(["source_ref", "truth", "prediction", "score", "correct"]).combine_chunks()
        for one in (evaluation, baseline)
    )
    place = pc.index_in(mine["source_ref"], value_set=theirs["source_ref"])
    row, other = mine.filter(pc.is_valid(place)), theirs.take(pc.drop_null(place))
    if not row.num_rows:
        raise ArgumentError("the two evaluations have no image in common", hint="compare both models with one truth")
    for at in np.flatnonzero(pc.not_equal(row["truth"], other["truth"]).to_numpy())[:1].tolist():
        ref, is_, was = (
            table[name][at].as_py() for table, name in ((row, "source_ref"), (row, "truth"), (other, "truth"))
        )
        raise ArgumentError(
            f"{ref!r} is {is_!r} in one truth and {was!r} in the other",
            hint="compare both models with one truth, and with the same positive class",
        )
    positive = evaluation.positive
    decisions = compare(
        row["truth"], other["prediction"], row["prediction"], positive=positive if positive is not None else ""
    )
    auroc = precision = UNDEFINED
    scored = pc.and_(pc.is_valid(row["score"]), pc.is_valid(other["score"]))
    many = pc.sum(scored).as_py()
    if positive is not None and many:
        auroc, precision = compare_scores(
            pc.equal(row["truth"], positive).filter(scored).to_numpy(),
            other["score"].filter(scored).to_numpy(),
            row["score"].filter(scored).to_numpy(),
            replicates=min(DRAWS[0], max(DRAWS[1], SCORES_AT_MOST // many)),
        )
    better, worse = (
        row["source_ref"].filter(pc.and_(one["correct"], pc.invert(two["correct"]))).to_pylist()
        for one, two in ((row, other), (other, row))
    )
    return ModelComparison(
        baseline.predictions.origin,
        row.num_rows,
        theirs.num_rows - row.num_rows,
        mine.num_rows - row.num_rows,
        decisions,
        auroc,
        precision,
        better,
        worse,
    )
