"""The parts of an evaluation's summary beyond its decisions: scores, thresholds, regions, slices, suspects."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lvtools.evaluation.scoring import remarks_on
from lvtools.evaluation.sections import Section, interval_text, number_text
from lvtools.metrics.blobs import size_range
from lvtools.metrics.comparison import p_text
from lvtools.metrics.intervals import UNDEFINED, Interval
from lvtools.text import printable, short_number

if TYPE_CHECKING:
    from lvtools.evaluation.result import Evaluation

SLICES_SHOWN = 20
SUSPECTS_SHOWN = 5

ADVICE_NOTES = (
    "moves within: where 95 % of the thresholds lie that are chosen in the same way on images drawn anew from these",
    "changing: images whose decision depends on where in there the threshold is",
    "F1 elsewhere: 95 % of F1 on other draws than the one the threshold was chosen on",
)


def scores(evaluation: Evaluation) -> Iterator[Section]:
    """AUROC and its like, then the candidates for a threshold."""
    sweep, figures = evaluation.sweep, evaluation.score_figures
    if sweep is None or figures is None:
        return
    rows = tuple(
        (name, *interval_text(one))
        for name, one in (
            ("AUROC", figures.auroc),
            ("average precision", figures.average_precision),
            ("best F1", figures.best_f1),
        )
    )
    title = f"Scores of {len(sweep.positives):,} anomalous and {len(sweep.negatives):,} normal images"
    yield Section(title, ("", "value", "95 % interval"), rows, tuple(remarks_on(evaluation, sweep)))
    if not len(sweep.positives) or not len(sweep.negatives):
        return
    head = ("", "threshold", "moves within", "changing", "precision", "recall", "F1", "F1 elsewhere", "false alarms")
    yield Section(
        "Which threshold?", head, tuple(map(_advice, evaluation.threshold_advice().to_pylist())), ADVICE_NOTES
    )


def _advice(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["point"],
        short_number(row["short"]),
        "fixed" if row["point"] == "in use" else _range(row["threshold_low"], row["threshold_high"]),
        f"{row['between']:,}",
        *(number_text(row[name]) for name in ("precision", "recall", "f1")),
        "-" if math.isnan(row["f1_low"] + row["f1_high"]) else f"{row['f1_low']:.3f}..{row['f1_high']:.3f}",
        "-" if math.isnan(row["fpr"]) else f"{row['fp']:,} ({row['fpr']:.1%})",
    )


def _range(low: float, high: float) -> str:
    return f"{score_text(low)}..{score_text(high)}"


def score_text(value: float) -> str:
    """A threshold; 'none' where nothing is called anomalous."""
    return f"{value:.4g}" if math.isfinite(value) else "none"


def regions(evaluation: Evaluation) -> Iterator[Section]:
    """Anomalies hit, by size."""
    report = evaluation.regions
    if report is None:
        return
    found = report.summary()
    rows = tuple(
        (
            size_range(row["from_px"], row["to_px"]),
            f"{row['regions']:,}",
            f"{row['hit']:,}",
            number_text(row["hit_rate"]),
            number_text(row["mean_overlap"]),
        )
        for row in report.by_size().to_pylist()
        if row["regions"]
    )
    notes = (
        f"{found['regions_hit']:,} of {found['regions']:,} connected regions are hit by at least one predicted pixel",
        f"{found['false_blobs']:,} predicted regions touch none: {number_text(found['false_blobs_per_image'])} per "
        f"image, of {found['images']:,} images",
    )
    yield Section("Regions", ("area in pixels", "regions", "hit", "hit rate", "mean overlap"), rows, notes)


def maps(evaluation: Evaluation) -> Iterator[Section]:
    """The area under the per-region overlap curve."""
    found = evaluation.maps
    if found is None:
        return
    rows = ((f"AUPRO up to a false positive rate of {found.fpr_limit:g}", number_text(found.aupro)),)
    notes = () if found.aupro == found.aupro else ("it needs an anomalous region and a normal pixel",)
    yield Section(f"Score maps of {found.images:,} images", ("", "value"), rows, notes)


def slices(evaluation: Evaluation) -> Iterator[Section]:
    """A table per column sliced by."""
    names = ("precision", "recall", "f1", "accuracy") if evaluation.positive is not None else ("accuracy",)
    for by in evaluation.slice_by:
        table = evaluation.slices(by).to_pylist()
        rows = []
        for row in table[:SLICES_SHOWN]:
            figures = (_slice_figure(row, name, two=len(names) > 1) for name in names)
            rows.append(
                (
                    printable(row["slice"]) or "''",
                    f"{row['images']:,}",
                    *(" ".join(interval_text(figure)) for figure in figures),
                )
            )
        more = len(table) - SLICES_SHOWN
        notes = (f"and {more:,} more; --json has them",) if more > 0 else ()
        head = (printable(by), "images", *("F1" if name == "f1" else name for name in names))
        yield Section(f"By {printable(by)}, with 95 % intervals", head, tuple(rows), notes)


def _slice_figure(row: dict[str, Any], name: str, *, two: bool) -> Interval:
    """A figure of a slice; precision and F1 of images that are all of one class say nothing about the detector."""
    if two and name in ("precision", "f1") and row["tp"] + row["fn"] in (0, row["images"]):
        return UNDEFINED
    return Interval(row[name], row[f"{name}_low"], row[f"{name}_high"])


def comparison(evaluation: Evaluation) -> Iterator[Section]:
    """The predictions against the baseline."""
    found = evaluation.comparison
    if found is None:
        return
    rows = tuple((name, f"{one.value:+.4f}", f"{one.low:+.4f}..{one.high:+.4f}") for name, one in found.figures())
    notes = [
        found.verdict(),
        f"{found.images:,} images in both; both right {found.decisions.both_right:,}, both wrong "
        f"{found.decisions.both_wrong:,}; McNemar's p {p_text(found.decisions.p_value)}",
    ]
    for count, who in ((found.only_baseline, "the baseline"), (found.only_predictions, "the predictions")):
        if count:
            notes.append(f"{count:,} images only {who} has a decision for, left out here")
    title = f"Predictions less baseline ({printable(found.baseline)})"
    yield Section(title, ("", "difference", "95 % interval"), rows, tuple(notes))


def suspects(evaluation: Evaluation) -> Iterator[Section]:
    """Label-error candidates."""
    table = evaluation.label_errors()
    many = table.num_rows
    if not many:
        return
    rows = tuple(
        (printable(row["source_ref"]), printable(row["reason"])) for row in table.slice(0, SUSPECTS_SHOWN).to_pylist()
    )
    more = many - SUSPECTS_SHOWN
    notes = (f"and {more:,} more; --json and --html have them",) if more > 0 else ()
    yield Section(f"{many:,} label{'' if many == 1 else 's'} worth a second look", ("image", "why"), rows, notes)
