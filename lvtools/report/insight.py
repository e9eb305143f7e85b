"""The page's words on scores, thresholds, slices, regions, suspected labels and the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lvtools.metrics.blobs import size_range
from lvtools.report.charts import pr_chart, roc_chart, tradeoff_chart
from lvtools.report.figures import Figure, bar, count, interval, number
from lvtools.text import short_number

MAX_SLICES = 40
MAX_SUSPECTS = 100

NO_ANOMALY, NO_NORMAL = "no anomalous image has a score", "no normal image has a score"


def scores_part(scores: Mapping[str, Any] | None, positive: str | None) -> dict[str, Any] | None:
    """Figures without a threshold, curves, and the candidates for one."""
    if scores is None or positive is None:
        return None
    one_sided = NO_ANOMALY if not scores["anomalous"] else NO_NORMAL
    best = scores["best_f1"]
    found = next((row for row in scores["advice"] if row["point"] == "best F1"), {"short": best["threshold"]})
    figures = [
        ("AUROC", interval(scores["auroc"], one_sided), f"how often {positive} outscores the rest, pair by pair"),
        ("Average precision", interval(scores["average_precision"], NO_ANOMALY), "area below precision over recall"),
        ("Best F1", interval(best, NO_ANOMALY), f"of any threshold, at {short_number(found['short'])}"),
    ]
    both = scores["anomalous"] and scores["normal"]
    charts = [pr_chart(scores), roc_chart(scores)] if both else []
    return {
        "figures": [
            {"name": name, "figure": shown, "bar": bar(shown), "about": about} for name, shown, about in figures
        ],
        "charts": [chart for chart in charts if chart is not None],
        "tradeoff": tradeoff_chart(scores) if both else None,
        "advice": [_advice(row, scores) for row in scores["advice"]] if both else [],
        "remarks": scores["remarks"],
        "images": count(scores["anomalous"] + scores["normal"], "image"),
    }


def threshold_text(value: object) -> str:
    """A threshold; one that no image reaches is null in the document."""
    return f"{value:.4g}" if isinstance(value, (int, float)) and math.isfinite(value) else "none"


def _advice(row: Mapping[str, Any], scores: Mapping[str, Any]) -> dict[str, Any]:
    total = scores["anomalous"] + scores["normal"]
    moves = [threshold_text(row[f"threshold_{end}"]) for end in ("low", "high")]
    return {
        "name": row["point"],
        "in_use": row["point"] == "in use",
        "threshold": short_number(row.get("short", row["threshold"])),
        "moves": f"{moves[0]} to {moves[1]}" if moves[0] != moves[1] else "",
        "changing": count(row["between"], "image"),
        "share": f"{row['between'] / total:.0%}" if total else "",
        "precision": number(row["precision"], "nothing is called at this threshold"),
        "recall": number(row["recall"], NO_ANOMALY),
        "f1": interval({"value": row["f1"], "low": row["f1_low"], "high": row["f1_high"]}, NO_ANOMALY),
        "false_alarms": f"{row['fp']:,}",
        "fpr": _percent(number(row["fpr"], NO_NORMAL)),
        "missed": f"{row['fn']:,}",
    }


def _percent(figure: Figure) -> Figure:
    return figure if figure.value is None else figure._replace(text=f"{figure.value:.1%}")


def slices_part(slices: Sequence[Mapping[str, Any]], positive: str | None) -> list[dict[str, Any]]:
    """A table per column sliced by."""
    names = ("precision", "recall", "f1", "accuracy") if positive is not None else ("accuracy",)
    why = {
        "precision": "no image of it was called so",
        "recall": f"it has no {positive} image",
        "f1": f"neither truth nor predictions have {positive} there",
        "accuracy": "no image was compared",
    }
    found = []
    for part in slices:
        rows = []
        for row in part["rows"][:MAX_SLICES]:
            figures = [_slice_figure(row, name, why[name], two=positive is not None) for name in names]
            rows.append(
                {
                    "name": row["slice"],
                    "images": f"{row['images']:,}",
                    "figures": [{"figure": figure, "bar": bar(figure)} for figure in figures],
                    "wrong": f"{row['fn']:,} missed, {row['fp']:,} false" if positive is not None else "",
                }
            )
        found.append(
            {
                "by": part["by"],
                "about": part["about"] or "a column of the files",
                "heads": ["F1" if name == "f1" else name.capitalize() for name in names],
                "rows": rows,
                "more": len(part["rows"]) - len(rows),
            }
        )
    return found


def _slice_figure(row: Mapping[str, Any], name: str, why: str, *, two: bool) -> Figure:
    """A figure of a slice; precision and F1 of images that are all of one class say nothing about the detector."""
    one_class = row["tp"] + row["fn"] in (0, row["images"])
    if two and one_class and name in ("precision", "f1"):
        return number(None, "all images here are of one class")
    return interval(row[name], why)


def regions_part(regions: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Anomalies hit, by size."""
    if regions is None:
        return None
    rows = []
    for row in regions["by_size"]:
        if row["regions"]:
            rate = number(row["hit_rate"], "no region of this size")
            low, high = row["from_px"], row["to_px"]
            rows.append(
                {
                    "size": size_range(low, high),
                    "regions": f"{row['regions']:,}",
                    "hit": f"{row['hit']:,}",
                    "rate": rate,
                    "bar": bar(rate),
                    "overlap": number(row["mean_overlap"], "no region of this size"),
                }
            )
    return {
        "rows": rows,
        "hit": f"{regions['regions_hit']:,} of {count(regions['regions'], 'region')}",
        "false": f"{regions['false_blobs']:,}",
        "per_image": number(regions["false_blobs_per_image"], "no image was compared", ".2f"),
        "images": count(regions["images"], "image"),
    }


def suspects_part(rows: Sequence[Mapping[str, Any]], pictures: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Label-error candidates, with their pictures where there are some."""
    shown = [
        {
            "ref": row["source_ref"],
            "kind": row["kind"],
            "truth": row["truth"],
            "score": number(row["score"], "the prediction carries no score"),
            "reason": row["reason"],
            "line": row["truth_line"],
            "panels": pictures[row["source_ref"]]["panels"] if row["source_ref"] in pictures else [],
        }
        for row in rows[:MAX_SUSPECTS]
    ]
    return {"count": len(rows), "rows": shown, "more": len(rows) - len(shown)}


def comparison_part(comparison: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The predictions against the baseline; a difference's bar runs from -1 to 1."""
    if comparison is None:
        return None
    differences = comparison["differences"]
    widest = max((abs(one[end]) for one in differences.values() for end in ("low", "high")), default=1.0)
    scale = next(step for step in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if step >= min(1.0, widest))
    rows = []
    for name, one in differences.items():
        low, high, value = (round(50 + 50 * one[end] / scale, 2) for end in ("low", "high", "value"))
        rows.append(
            {
                "name": name,
                "value": f"{one['value']:+.3f}",
                "interval": f"{one['low']:+.3f} to {one['high']:+.3f}",
                "bar": {"low": low, "width": round(max(0.4, high - low), 2), "value": value, "zero": 50},
            }
        )
    p_value = comparison["p_value"]
    return {
        **comparison,
        "rows": rows,
        "scale": f"{scale:g}",
        "p": "below 0.0001" if p_value < 0.0001 else f"{p_value:.4f}",
        "better": comparison["better"][:MAX_SUSPECTS],
        "worse": comparison["worse"][:MAX_SUSPECTS],
    }
