"""The histogram of scores: counts in bins, and where its bars lie."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import Any

from lvtools.report.figures import count, number

BINS = 20


def histogram(
    rows: Iterable[Mapping[str, Any]], positive: str | None, threshold: float | None
) -> dict[str, Any] | None:
    """Scores in bins, two groups back to back: the positive class above the line, all others below.

    Without a positive class the groups are right and wrong decisions.
    """
    scores, upper_side, others, many = array("d"), bytearray(), set(), 0
    for row in rows:
        many += 1
        score = number(row["score"], "").value
        if score is None:
            continue
        scores.append(score)
        is_upper = row["truth"] == positive if positive is not None else row["correct"] is False
        upper_side.append(is_upper)
        if positive is not None and not is_upper:
            others.add(row["truth"])
    if not scores:
        return None
    low, high = min(0.0, min(scores)), max(1.0, max(scores))
    upper_name, lower_name = "decision wrong", "decision right"
    if positive is not None:
        upper_name, lower_name = f"truth: {positive}", "truth: other"
        if len(others) == 1:
            lower_name = f"truth: {others.pop()}"
    upper, lower = [0] * BINS, [0] * BINS
    for score, is_upper in zip(scores, upper_side, strict=True):
        at = min(BINS - 1, int((score - low) / (high - low) * BINS))
        (upper if is_upper else lower)[at] += 1
    # A plot of 640 x 260: the axis lies where both groups have room in proportion to their tallest bin.
    left, width, top, space = 44.0, 580.0, 26.0, 188.0
    unit = space / max(1, max(upper) + max(lower))
    axis = top + max(upper) * unit
    step = width / BINS
    bars, table = [], []
    for at in range(BINS):
        x = round(left + at * step + 1, 2)
        start, end = (low + (high - low) * edge / BINS for edge in (at, at + 1))
        for name, n, y, css in (
            (upper_name, upper[at], axis - upper[at] * unit, "upper"),
            (lower_name, lower[at], axis, "lower"),
        ):
            if n:
                bar = {"x": x, "y": round(y, 2), "width": round(step - 2, 2), "height": round(n * unit, 2), "css": css}
                bars.append({**bar, "title": f"{start:.2f} to {end:.2f}: {count(n, 'image')}, {name}"})
        if upper[at] or lower[at]:
            table.append((f"{start:.2f} to {end:.2f}", upper[at], lower[at]))
    ticks = [{"x": round(left + width * k / 5, 2), "text": f"{low + (high - low) * k / 5:.3g}"} for k in range(6)]
    line = None
    if threshold is not None and low <= threshold <= high:
        x = left + width * (threshold - low) / (high - low)
        anchor = "end" if x > left + width * 0.75 else "start"
        line = {
            "x": round(x, 2),
            "text": f"threshold {threshold:.4g}",
            "text_x": round(x + (6 if anchor == "start" else -6), 2),
            "anchor": anchor,
        }
    heights = [n for n in {max(upper), max(upper) // 2} if n] + [-n for n in {max(lower), max(lower) // 2} if n]
    grid = [{"y": round(axis - n * unit, 2), "text": str(abs(n))} for n in sorted(heights)]
    return {
        "bars": bars, "ticks": ticks, "line": line, "grid": grid, "axis": round(axis, 2), "table": table,
        "bottom": round(top + space + 2, 2), "upper": upper_name, "lower": lower_name,
        "left": left, "right": left + width, "scored": len(scores), "unscored": many - len(scores), "top": top,
    }  # fmt: skip
