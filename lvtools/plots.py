"""Figures for a notebook or a paper, drawn with matplotlib onto the axes that the caller gives.

Every function returns the axes it drew on and leaves size, title and saving to the caller. Names out of data are made
printable, and `$` in them starts no formula. `Evaluation` and `Sweep` both serve where scores are needed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from lvtools.errors import ArgumentError, MissingDependencyError
from lvtools.metrics import ConfusionMatrix, Sweep
from lvtools.text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette: told apart by colour-blind readers, and in print.
ANOMALY, NORMAL, ACCENT, SOFT = "#D55E00", "#0072B2", "#0072B2", "#777777"
CURVE_POINTS = 1000


def confusion_matrix(matrix: Any, ax: Axes | None = None, *, shares: bool = True) -> Axes:
    """Counts as a heat table, rows truth, columns prediction.

    Parameters
    ----------
    matrix : ConfusionMatrix, or anything with one as `.image`, such as an Evaluation
    ax : matplotlib Axes, optional
        Else a new figure's.
    shares : bool
        Colour and caption by the share of the row, not by count.

    Raises
    ------
    MissingDependencyError
        matplotlib is not installed.
    """
    found = matrix if isinstance(matrix, ConfusionMatrix) else getattr(matrix, "image", None)
    if not isinstance(found, ConfusionMatrix):
        raise ArgumentError(f"a {type(matrix).__name__} is no confusion matrix, nor has it one as .image")
    ax = _axes(ax)
    rows = found.counts.sum(1, keepdims=True)
    share = np.divide(found.counts, rows, out=np.zeros(found.counts.shape), where=rows > 0)
    heat = share if shares else found.counts / max(1, int(found.counts.max(initial=0)))
    ax.imshow(heat, cmap="Blues", vmin=0, vmax=1)
    names = [_safe(name) for name in found.classes]
    tilted = len(names) > 4
    ax.set_xticks(range(len(names)), names, rotation=45 if tilted else 0, ha="right" if tilted else "center")
    ax.set_yticks(range(len(names)), names)
    for (row, column), count in np.ndenumerate(found.counts):
        text = f"{count:,}" + (f"\n{share[row, column]:.0%}" if shares and rows[row, 0] else "")
        ax.text(column, row, text, ha="center", va="center", color="white" if heat[row, column] > 0.55 else "black")
    ax.set(xlabel="prediction", ylabel="truth")
    return ax


def pr_curve(source: Any, ax: Axes | None = None, *, threshold: float | None = None, label: str | None = None) -> Axes:
    """Precision over recall, in steps: the area below is the average precision, unless the curve was thinned.

    Parameters
    ----------
    source : Sweep or Evaluation
    ax : matplotlib Axes, optional
    threshold : float, optional
        Marked by a dot; of an Evaluation the one in use.
    label : str, optional
        For the legend, in front of the average precision.
    """
    sweep, threshold = _scores(source, threshold)
    ax = _axes(ax)
    curve = sweep.curve("pr", CURVE_POINTS)
    (line,) = ax.step(curve.x, curve.y, where="pre", label=_label(label, "AP", sweep.average_precision))
    if threshold is not None:
        point = sweep.point(threshold)
        ax.plot([point.recall], [point.precision], "o", color=line.get_color(), label=f"threshold {threshold:.4g}")
    ax.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
    ax.legend(loc="lower left")
    return ax


def roc_curve(source: Any, ax: Axes | None = None, *, threshold: float | None = None, label: str | None = None) -> Axes:
    """Recall over the rate of false alarms; the area below is the AUROC, unless thinned. Arguments as `pr_curve`."""
    sweep, threshold = _scores(source, threshold)
    ax = _axes(ax)
    curve = sweep.curve("roc", CURVE_POINTS)
    (line,) = ax.plot(curve.x, curve.y, label=_label(label, "AUROC", sweep.auroc))
    ax.plot([0, 1], [0, 1], "--", color=SOFT, linewidth=1)
    if threshold is not None:
        point = sweep.point(threshold)
        ax.plot([point.fpr], [point.recall], "o", color=line.get_color(), label=f"threshold {threshold:.4g}")
    ax.set(xlabel="false alarm rate", ylabel="recall", xlim=(-0.02, 1.02), ylim=(0, 1.02))
    ax.legend(loc="lower right")
    return ax


def score_histogram(source: Any, ax: Axes | None = None, *, bins: int = 30, threshold: float | None = None) -> Axes:
    """How anomalous and normal images score, one histogram over the other; infinite scores are not drawn."""
    sweep, threshold = _scores(source, threshold)
    ax = _axes(ax)
    sides = [side[np.isfinite(side)].astype(float) for side in (sweep.negatives, sweep.positives)]
    known = np.concatenate(sides)
    edges = np.histogram_bin_edges(known, bins) if len(known) else np.linspace(0, 1, bins + 1)
    for side, name, color in zip(sides, ("normal", "anomaly"), (NORMAL, ANOMALY), strict=True):
        ax.hist(side, edges.tolist(), alpha=0.6, color=color, label=f"{name} ({len(side):,})")
    if threshold is not None:
        ax.axvline(threshold, color="black", linestyle="--", label=f"threshold {threshold:.4g}")
    ax.set(xlabel="score", ylabel="images")
    ax.legend()
    return ax


def threshold_tradeoff(source: Any, ax: Axes | None = None, *, threshold: float | None = None) -> Axes:
    """Precision, recall and F1 for every threshold; the band is where the best one moves on other images.

    The band is `threshold_low` to `threshold_high` of the best F1 in `Sweep.advise` (of an Evaluation:
    `threshold_advice`); without scores of both classes there is none.
    """
    sweep, threshold = _scores(source, threshold)
    ax = _axes(ax)
    scores = np.unique(np.concatenate([sweep.positives, sweep.negatives]).astype(float))
    scores = scores[np.isfinite(scores)]
    if len(scores) > CURVE_POINTS:
        scores = scores[np.linspace(0, len(scores) - 1, CURVE_POINTS).round().astype(int)]
    points = [sweep.point(float(score)) for score in scores]
    for name, color in (("precision", NORMAL), ("recall", ANOMALY), ("f1", "black")):
        values = [getattr(point, name) for point in points]
        # A threshold between two scores does what the upper one does.
        ax.step(scores, values, where="pre", color=color, label="F1" if name == "f1" else name)
    if len(sweep.positives) and len(sweep.negatives):
        table = sweep.advise() if isinstance(source, Sweep) else source.threshold_advice()
        best = next(row for row in table.to_pylist() if row["point"] == "best F1")
        if math.isfinite(best["threshold_low"]) and math.isfinite(best["threshold_high"]):
            ax.axvspan(best["threshold_low"], best["threshold_high"], color=ACCENT, alpha=0.12, label="best F1 moves")
    if threshold is not None:
        ax.axvline(threshold, color="black", linestyle="--", label=f"threshold {threshold:.4g}")
    ax.set(xlabel="threshold", ylabel="share", ylim=(0, 1.02))
    ax.legend()
    return ax


def areas(table: pa.Table, ax: Axes | None = None, *, background: bool = False) -> Axes:
    """How large each class is in each mask: a box per class over the masks where it is, of `lvtools.mask_areas_many`.

    Parameters
    ----------
    table : pyarrow.Table
        With the columns `class_name`, `area_px` and `area_fraction`.
    background : bool
        Draw the background too.

    Raises
    ------
    ArgumentError
        A column is missing.
    """
    missing = [name for name in ("class_name", "area_px", "area_fraction") if name not in table.column_names]
    if missing:
        raise ArgumentError(f"the table has no column {missing[0]!r}", hint="it is made by lvtools.mask_areas_many")
    found: dict[str, list[float]] = {}
    columns = (table[name].to_pylist() for name in ("class_name", "area_px", "area_fraction"))
    for name, pixels, share in zip(*columns, strict=True):
        if name is None or (not background and name.casefold() == "background"):
            continue
        there = found.setdefault(name, [])
        if pixels:
            there.append(100 * share)
    ax = _axes(ax)
    names = list(found)
    if names:
        ax.boxplot([found[name] for name in names], positions=range(len(names)))
    ax.set_xticks(range(len(names)), [f"{_safe(name)}\n{len(found[name]):,} masks" for name in names])
    ax.set(ylabel="area, % of the mask")
    return ax


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError:
        raise MissingDependencyError("plots need matplotlib", hint="pip install 'lvtools[report]'") from None
    return pyplot.subplots()[1]


def _scores(source: Any, threshold: float | None) -> tuple[Sweep, float | None]:
    """The sweep, and the threshold to mark."""
    if isinstance(source, Sweep):
        return source, threshold
    sweep = getattr(source, "sweep", None)
    if not isinstance(sweep, Sweep):
        raise ArgumentError(
            f"this {type(source).__name__} has no scores of a two-class task", hint="pass a Sweep, or an Evaluation"
        )
    if threshold is None:
        first = source.threshold_advice().slice(0, 1).to_pylist()
        threshold = first[0]["threshold"] if first and first[0]["point"] == "in use" else None
    return sweep, threshold


def _label(label: str | None, name: str, value: float) -> str:
    figure = f"{name} {value:.4f}" if not math.isnan(value) else f"{name} undefined"
    return figure if label is None else f"{_safe(label)}: {figure}"


def _safe(text: str) -> str:
    """Text for matplotlib: no control signs, no formula; a legend drops labels that begin with '_'."""
    clean = printable(text).replace("$", r"\$")
    return f" {clean}" if clean.startswith("_") else clean
