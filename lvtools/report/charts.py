"""Line charts as coordinates: the curves of an evaluation's scores, placed in an SVG's units. Knows no markup.

Axes run over stated ranges and never clip: what lies outside is not drawn, and the template says nothing that is not
here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lvtools.report.figures import Made

WIDTH, HEIGHT = 460.0, 330.0
WIDE, LOW = 640.0, 272.0  # one below the other with the histogram, of its proportions
LEFT, TOP = 52.0, 14.0
LABEL_LINE = 15.0  # and their height
LABEL_ROOM = 120.0  # units that the words beside a mark need

Point = tuple[float, float]


class Axes(NamedTuple):
    """The range of both axes, and their names."""

    x_low: float
    x_high: float
    x_name: str
    y_name: str
    width: float = WIDTH
    height: float = HEIGHT

    @property
    def bottom(self) -> float:
        """Where the x axis lies."""
        return self.height - 50

    @property
    def right(self) -> float:
        """Where the x axis ends."""
        return self.width - 14

    def place(self, x: float, y: float) -> Point:
        """Units of the drawing; y runs over 0..1, upwards."""
        share = (x - self.x_low) / (self.x_high - self.x_low)
        return round(LEFT + share * (self.right - LEFT), 2), round(self.bottom - y * (self.bottom - TOP), 2)


def pr_chart(scores: Mapping[str, Any]) -> dict[str, Any] | None:
    """Precision over recall. Steps, not slopes: the area below is the average precision."""
    curve = scores["curves"]["pr"]
    points = _points(curve["recall"], curve["precision"])
    if len(points) < 2:
        return None
    axes = Axes(0.0, 1.0, "recall", "precision")
    steps = [points[0]]
    for (before, _), (recall, precision) in itertools.pairwise(points):
        steps += [(before, precision), (recall, precision)]
    total = scores["anomalous"] + scores["normal"]
    prevalence = scores["anomalous"] / total if total else 0.0
    table = _curve_table(("Threshold", "Recall", "Precision"), curve["threshold"], curve["recall"], curve["precision"])
    return _chart(
        "pr",
        "Precision and recall",
        axes,
        [_line(axes, steps, "curve"), _line(axes, [(0.0, prevalence), (1.0, prevalence)], "chance")],
        _marks(scores, axes, "recall", "precision"),
        table,
        "dashed: alarms drawn by lot",
    )


def roc_chart(scores: Mapping[str, Any]) -> dict[str, Any] | None:
    """Recall over the rate of false alarms, straight between points: the area below is the AUROC."""
    curve = scores["curves"]["roc"]
    points = _points(curve["fpr"], curve["recall"])
    if len(points) < 3:
        return None
    axes = Axes(0.0, 1.0, "false alarm rate", "recall")
    table = _curve_table(("Threshold", "False alarms", "Recall"), curve["threshold"], curve["fpr"], curve["recall"])
    return _chart(
        "roc",
        "ROC",
        axes,
        [_line(axes, points, "curve"), _line(axes, [(0.0, 0.0), (1.0, 1.0)], "chance")],
        _marks(scores, axes, "fpr", "recall"),
        table,
        "dashed: alarms drawn by lot",
    )


def tradeoff_chart(scores: Mapping[str, Any]) -> dict[str, Any] | None:
    """Precision, recall and F1 over the threshold, with the range in which the best threshold moves."""
    points = threshold_points(scores)
    if len({threshold for threshold, *_ in points}) < 2:
        return None
    low, high = min(0.0, points[0][0]), max(1.0, points[-1][0])
    axes = Axes(low, high, "threshold: called anomalous from this score on", "share", WIDE, LOW)
    lines = []
    for at, (name, css) in enumerate((("precision", "precision"), ("recall", "recall"), ("F1", "f1")), 1):
        path = [(low, points[0][at])]
        for before, after in itertools.pairwise([points[0], *points]):
            # Just above an anomaly's score it is missed: a step. Between, false alarms go one by one: a slope.
            if before[2] != after[2]:
                path.append((before[0], after[at]))
            path.append((after[0], after[at]))
        lines.append({**_line(axes, path, css), "name": name})
    best = next((row for row in scores["advice"] if row["point"] == "best F1"), None)
    band = None
    if best is not None and _known(best["threshold_low"]) and _known(best["threshold_high"]):
        ends = [axes.place(min(max(best[f"threshold_{end}"], low), high), 1.0)[0] for end in ("low", "high")]
        band = {"x": ends[0], "width": max(1.5, round(ends[1] - ends[0], 2)), "y": TOP, "height": axes.bottom - TOP}
    chart = _chart("tradeoff", "What the threshold trades", axes, lines, [], None, "")
    return {**chart, "band": band, "cut": _cut(scores["in_use"]["threshold"], axes)}


def threshold_points(scores: Mapping[str, Any]) -> list[tuple[float, float, float, float]]:
    """(threshold, precision, recall, F1) where something is called, by rising threshold: the ROC's points."""
    curve, anomalous, normal = scores["curves"]["roc"], scores["anomalous"], scores["normal"]
    found = []
    for threshold, fpr, recall in zip(curve["threshold"], curve["fpr"], curve["recall"], strict=True):
        if _known(threshold) and _known(fpr) and fpr + recall > 0:
            tp, fp = recall * anomalous, fpr * normal
            found.append((threshold, tp / (tp + fp), recall, 2 * tp / (tp + fp + anomalous)))
    return sorted(found, key=lambda point: (point[0], -point[2]))


def _chart(
    name: str,
    title: str,
    axes: Axes,
    lines: list[dict[str, Any]],
    marks: list[dict[str, Any]],
    table: dict[str, Any] | None,
    note: str,
) -> dict[str, Any]:
    return {
        "id": name, "title": title, "width": axes.width, "height": axes.height, "left": LEFT, "right": axes.right,
        "top": TOP, "bottom": axes.bottom, "lines": lines, "marks": marks, "x_name": axes.x_name, "y_name": axes.y_name,
        "x_ticks": [
            {"at": axes.place(value, 0)[0], "text": f"{value:.3g}"}
            for value in (axes.x_low + (axes.x_high - axes.x_low) * step / 5 for step in range(6))
        ],
        "y_ticks": [{"at": axes.place(axes.x_low, step / 5)[1], "text": f"{step / 5:.1f}"} for step in range(6)],
        "table": table, "note": note, "band": None, "cut": None,
    }  # fmt: skip


def _line(axes: Axes, points: Iterable[Point], css: str) -> dict[str, Any]:
    return {"points": Made(" ".join(f"{x},{y}" for x, y in (axes.place(*point) for point in points))), "css": css}


def _marks(scores: Mapping[str, Any], axes: Axes, x: str, y: str) -> list[dict[str, Any]]:
    """The threshold in use and the best F1, as dots with names; one dot where they do the same."""
    found: dict[Point, dict[str, Any]] = {}
    candidates = [("in use", scores["in_use"]["point"])]
    candidates += [(row["point"], row) for row in scores["advice"] if row["point"] == "best F1"]
    for name, point in candidates:
        if point is None or not _known(point[x]) or not _known(point[y]):
            continue
        place = axes.place(point[x], point[y])
        if place in found:
            found[place]["text"] += f" and {name}"
            continue
        right = place[0] + LABEL_ROOM > axes.right
        lowest = axes.bottom - 5
        text_x, text_y = round(place[0] + (-8 if right else 8), 2), min(lowest, round(place[1] + 18, 2))
        # Below the dots, as curves run in the upper corners; a neighbour's name goes a line further, or up at the end.
        for other in found.values():
            if abs(other["text_y"] - text_y) < LABEL_LINE and abs(other["text_x"] - text_x) < LABEL_ROOM:
                lower = round(other["text_y"] + LABEL_LINE, 2)
                text_y = lower if lower <= lowest else round(other["text_y"] - LABEL_LINE, 2)
        found[place] = {
            "x": place[0], "y": place[1], "text": name, "css": "inuse" if name == "in use" else "best",
            "text_x": text_x, "text_y": text_y, "anchor": "end" if right else "start",
        }  # fmt: skip
    return list(found.values())


def _cut(threshold: object, axes: Axes) -> dict[str, Any] | None:
    if not isinstance(threshold, (int, float)) or not axes.x_low <= threshold <= axes.x_high:
        return None
    x = axes.place(float(threshold), 0.0)[0]
    right = x + LABEL_ROOM > axes.right
    return {"x": x, "text_x": round(x + (-6 if right else 6), 2), "anchor": "end" if right else "start",
            "text": f"in use: {threshold:.4g}"}  # fmt: skip


def _points(x: Sequence[Any], y: Sequence[Any]) -> list[Point]:
    return [(a, b) for a, b in zip(x, y, strict=True) if _known(a) and _known(b)]


def _curve_table(head: tuple[str, ...], *columns: Sequence[Any]) -> dict[str, Any]:
    """About twenty of a curve's points in numbers, for those who cannot see it."""
    rows = list(zip(*columns, strict=True))
    step = max(1, math.ceil(len(rows) / 20))
    chosen = [*rows[:-1:step], rows[-1]] if rows else []
    return {"head": head, "rows": [tuple(_text(value) for value in row) for row in chosen]}


def _text(value: object) -> str:
    return f"{value:.4g}" if _known(value) else "–"


def _known(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
