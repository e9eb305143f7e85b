"""The page's tables: decisions by class, pixels, wrong images, what was left out."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lvtools.dataset import format_color, parse_color
from lvtools.errors import MaskError
from lvtools.report.figures import bar, count, interval, number
from lvtools.report.overlay import pick_worst

MAX_WRONG_ROWS = 200  # a page is for reading; evaluation.json has them all
MAX_REFS = 25
MAX_EXAMPLES = 4
MAX_MATRIX_CLASSES = 30  # a heat table beyond that is a wall


def matrix(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> dict[str, Any] | None:
    """A confusion matrix as rows of cells; `heat` is 0..9 by the share of the cell in its row."""
    if not classes or len(classes) > MAX_MATRIX_CLASSES:
        return None
    rows = []
    for at, (name, row) in enumerate(zip(classes, counts, strict=True)):
        total = sum(row)
        cells = []
        for column, n in enumerate(row):
            share = n / total if total else 0.0
            kind = "hit" if at == column else "miss"
            heat = 0 if n == 0 else max(1, min(9, math.ceil(share * 9)))
            percent = f"{share:.1%}" if n and share < 0.1 else f"{share:.0%}"
            cells.append({"count": f"{n:,}", "percent": percent if total else "", "css": f"{kind} heat{heat}"})
        rows.append({"name": name, "cells": cells, "total": f"{total:,}"})
    sums = [f"{sum(row[at] for row in counts):,}" for at in range(len(classes))]
    return {"classes": list(classes), "rows": rows, "sums": sums, "total": f"{sum(map(sum, counts)):,}"}


def class_row(row: Mapping[str, Any]) -> dict[str, Any]:
    name = row["class_name"]
    measures = {
        "precision": f"no image was predicted as {name}",
        "recall": f"the truth has no {name}",
        "f1": f"neither truth nor predictions have {name}",
    }
    figures = {key: interval(row[key], why) for key, why in measures.items()}
    return {
        "name": name,
        "support": f"{row['support']:,}",
        "predicted": f"{row['predicted']:,}",
        "figures": [{"figure": figure, "bar": bar(figure)} for figure in figures.values()],
    }


def _color(text: object) -> str:
    """A colour that is one: what stands in the document goes into an attribute."""
    try:
        return format_color(parse_color(text if isinstance(text, (str, int)) else ""))
    except MaskError:
        return "#808080"


def pixel_part(pixel: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if pixel is None:
        return None
    rows = []
    for row in pixel["per_class"]:
        name = row["class_name"]
        neither, unpredicted, absent = (
            f"neither truth nor prediction has {name}",
            f"no pixel was predicted as {name}",
            f"the truth has no {name}",
        )
        iou = number(row["iou"], neither)
        fractions = [number(row[f"{side}_fraction"], "no pixel was compared") for side in ("truth", "prediction")]
        rows.append(
            {
                "name": name,
                "color": _color(row["color"]),
                "images": f"{row['images']:,}",
                "areas": [
                    (
                        f"{row[f'{side}_px']:,}",
                        figure if figure.value is None else figure._replace(text=_percent(figure.value)),
                    )
                    for side, figure in zip(("truth", "prediction"), fractions, strict=True)
                ],
                "iou": iou,
                "bar": bar(iou),
                "figures": [
                    number(row["mean_iou"], f"no image has {name}"),
                    number(row["precision"], unpredicted),
                    number(row["recall"], absent),
                    number(row["f1"], neither),
                ],
            }
        )
    return {
        "images": count(pixel["images"], "image"),
        "rows": rows,
        "mean_iou": number(pixel["mean_iou"], "no anomaly class occurs in truth or prediction"),
        "matrix": matrix(pixel["classes"], pixel["confusion_matrix"]),
        "ambiguous": pixel["ambiguous_px"] or 0,
        "unknown": pixel["unknown_px"] or 0,
    }


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g} %" if fraction >= 1e-6 or fraction == 0 else "<0.0001 %"


def image_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ref": row["source_ref"],
        "truth": "unlabeled" if row["truth"] is None else row["truth"],
        "prediction": "none" if row["prediction"] is None else row["prediction"],
        "correct": row["correct"],
        "score": number(row["score"], "the prediction carries no score"),
        "iou": number(row["iou"], "no mask on either side, or no anomaly in both"),
        "wrong_px": number(row["wrong_px"], "no pixels were compared", ",.0f"),
        "lines": (row["truth_line"], row["prediction_line"]),
    }


def wrong_part(rows: Iterable[Mapping[str, Any]], threshold: float | None) -> dict[str, Any]:
    many = 0

    def wrong() -> Iterator[Mapping[str, Any]]:
        nonlocal many
        for row in rows:
            if row["correct"] is False:
                many += 1
                yield row

    shown = pick_worst(wrong(), MAX_WRONG_ROWS, threshold=threshold)
    return {"count": many, "rows": [image_row(row) for row in shown], "more": many - len(shown)}


def left_out(match: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The images that count in no figure, by reason."""
    reasons = (
        ("missing", "Without prediction", "in the truth, but nothing was predicted for them"),
        ("extra", "Without truth", "predicted, but the truth does not have them"),
        ("duplicates", "Named twice", "only the first line of each counts"),
        ("unlabeled", "Unlabeled", "the truth does not say what they are"),
    )
    return [
        {
            "name": name,
            "why": why,
            "count": len(match[key]),
            "refs": match[key][:MAX_REFS],
            "more": max(0, len(match[key]) - MAX_REFS),
        }
        for key, name, why in reasons
    ]


def findings_part(findings: Mapping[str, Any]) -> dict[str, Any]:
    """Findings by code, the worst severity and the most frequent code first."""
    rank = {"error": 0, "warning": 1, "info": 2}
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in findings["rows"]:
        groups[row["code"]].append(row)
    ordered = sorted(groups.items(), key=lambda item: (rank.get(item[1][0]["severity"], 3), -len(item[1]), item[0]))
    total = sum(findings[severity] for severity in rank)
    return {
        "counts": [(severity, findings[severity]) for severity in rank],
        "total": total,
        "hidden": max(0, total - len(findings["rows"])),
        "groups": [
            {
                "code": code,
                "severity": rows[0]["severity"] if rows[0]["severity"] in rank else "info",
                "count": len(rows),
                "files": ", ".join(sorted(Counter(_base(row["file"]) for row in rows))),
                "hint": rows[0]["hint"] or "",
                "examples": [{"place": _place(row), "message": row["message"]} for row in rows[:MAX_EXAMPLES]],
                "more": max(0, len(rows) - MAX_EXAMPLES),
            }
            for code, rows in ordered
        ],
    }


def _base(name: object) -> str:
    return str(name).replace("\\", "/").rstrip("/").rpartition("/")[2] if name is not None else "(no file)"


def _place(row: Mapping[str, Any]) -> str:
    return ":".join(str(part) for part in (_base(row["file"]), row["line"], row["column"]) if part is not None)
