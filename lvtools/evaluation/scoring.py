"""Scores of an evaluation at every threshold, and what is said about them. Knows the rows of images, no files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lvtools.metrics import Interval, Sweep
from lvtools.metrics import advice as advising
from lvtools.metrics.intervals import auroc_interval

if TYPE_CHECKING:
    from lvtools.evaluation.result import Evaluation

CURVE_POINTS = 200  # more than a screen can tell apart

# Draws for intervals: 200 settle two digits; the scores of a million images hardly move and cost half a second a draw.
REPLICATES = (200, 20)
SCORES_AT_MOST = 4_000_000


class ScoreFigures(NamedTuple):
    """What scores say without a threshold; `best_f1` is at `threshold`."""

    auroc: Interval
    average_precision: Interval
    best_f1: Interval
    threshold: float


def sweep_of(per_image: pa.Table, positive: str | None) -> Sweep | None:
    """The scores of the images that have one; None without a positive class or without any score."""
    if positive is None or per_image["score"].null_count == per_image.num_rows:
        return None
    scored = per_image.filter(pc.is_valid(per_image["score"]))
    return Sweep.of(pc.equal(scored["truth"], positive), scored["score"])


def replicates_for(sweep: Sweep) -> int:
    """As many draws as a reader will wait for."""
    many = len(sweep.positives) + len(sweep.negatives)
    return min(REPLICATES[0], max(REPLICATES[1], SCORES_AT_MOST // max(1, many)))


def figures_of(sweep: Sweep) -> ScoreFigures:
    """AUROC by its score interval; average precision and best F1 by resampling."""
    auroc = auroc_interval(sweep.auroc, len(sweep.positives), len(sweep.negatives))
    precision, f1 = advising.score_intervals(sweep, replicates=replicates_for(sweep))
    return ScoreFigures(auroc, precision, f1, sweep.threshold)


def threshold_in_use(evaluation: Evaluation) -> tuple[float | None, str]:
    """The threshold that the decisions follow, and how it is known; None when no threshold gives them.

    Predictions that bring their classes follow the service's own threshold, which no answer tells: 0.5 is named when
    it gives the same decisions, else the lowest score that was called anomalous.
    """
    if evaluation.threshold is not None:
        return evaluation.threshold, "assumed" if evaluation.threshold_assumed else "given"
    rows = evaluation.per_image.filter(pc.is_valid(evaluation.per_image["score"]))
    called = pc.equal(rows["prediction"], evaluation.positive).to_numpy()
    score = rows["score"].to_numpy()
    least, most = score[called].min(initial=math.inf), score[~called].max(initial=-math.inf)
    if least <= most:
        return None, "mixed"
    if most < 0.5 <= least:
        return 0.5, "default"
    return (float(least), "learned") if math.isfinite(least) else (None, "none called")


def advice_for(evaluation: Evaluation, sweep: Sweep, wishes: Sequence[Mapping[str, Any]], seed: int = 0) -> pa.Table:
    """`ADVICE_SCHEMA`: the threshold in use, the wishes, the usual points."""
    threshold, _ = threshold_in_use(evaluation)
    return sweep.advise(wishes, in_use=threshold, replicates=replicates_for(sweep), seed=seed)


def remarks_on(evaluation: Evaluation, sweep: Sweep) -> list[str]:
    """What to know before trusting the figures."""
    said = advising.remarks(sweep)
    threshold, source = threshold_in_use(evaluation)
    unscored = evaluation.per_image["score"].null_count
    if unscored:
        said.append(f"{unscored:,} images carry no score and are left out here")
    if source == "mixed":
        said.append("the predictions' own classes follow no threshold of their scores, so none is in use")
    if source == "learned":
        said.append(f"the predictions' own classes follow a threshold near {threshold:.4g}")
    if source == "default":
        said.append("the predictions' own classes are those of threshold 0.5, the service's")
    return said


def scores_part(evaluation: Evaluation) -> dict[str, Any] | None:
    """The document's `scores`."""
    sweep = evaluation.sweep
    if sweep is None:
        return None
    figures = evaluation.score_figures
    assert figures is not None  # noqa: S101 - there is a sweep
    pr, roc = (sweep.curve(kind, CURVE_POINTS) for kind in ("pr", "roc"))
    threshold, source = threshold_in_use(evaluation)
    point = None if threshold is None else sweep.point(threshold)._asdict()
    return {
        "anomalous": len(sweep.positives),
        "normal": len(sweep.negatives),
        "unscored": evaluation.per_image["score"].null_count,
        "auroc": figures.auroc._asdict(),
        "average_precision": figures.average_precision._asdict(),
        "best_f1": {**figures.best_f1._asdict(), "threshold": figures.threshold},
        "in_use": {"threshold": threshold, "source": source, "point": point},
        "advice": evaluation.threshold_advice().to_pylist(),
        "remarks": remarks_on(evaluation, sweep),
        "curves": {
            "pr": {"recall": _list(pr.x), "precision": _list(pr.y), "threshold": _list(pr.threshold)},
            "roc": {"fpr": _list(roc.x), "recall": _list(roc.y), "threshold": _list(roc.threshold)},
        },
    }


def _list(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[float]:
    found: list[float] = values.tolist()
    return found
