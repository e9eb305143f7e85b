"""What the evaluation page says: an evaluation document in, the template's words and coordinates out.

Knows no HTML: strings leave here plain, the template escapes them. Every number that may be undefined travels with the
reason why, so that the page never shows a zero that is not one.
"""

from __future__ import annotations

import base64
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lvtools._version import __version__
from lvtools.dataset import format_color, parse_color
from lvtools.errors import ArgumentError, MaskError
from lvtools.images import encode_jpeg, thumbnail
from lvtools.report import overlay
from lvtools.text import printable

UInt8Array = NDArray[np.uint8]

MAX_PICTURE_SIDE = 480  # shown at some 300 CSS pixels; twelve rows of four panels stay near one megabyte
MAX_WRONG_ROWS = 200  # a page is for reading; evaluation.json has them all
MAX_REFS = 25
MAX_EXAMPLES = 4
MAX_MATRIX_CLASSES = 30  # a heat table beyond that is a wall
MAX_TEXT = 400
BINS = 20


class Picture(NamedTuple):
    """An image with what was drawn and what was predicted, as arrays; what is absent is None.

    `truth` and `prediction` are uint8 class indexes of shape (height, width); they fit `image`, and without it each
    other.
    """

    source_ref: str
    image: UInt8Array | None
    truth: UInt8Array | None
    prediction: UInt8Array | None


class Figure(NamedTuple):
    """A number as the page shows it; `why` is set when there is none."""

    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    why: str = ""


def visible(value: Any) -> Any:
    """Text with every control, bidirectional and otherwise invisible character shown as an escape, and not too long.

    Such characters could reorder the words around them, hide a part of a name, or (as half a surrogate pair) keep the
    page from being written at all. Other values pass.
    """
    if type(value) is not str:
        return value
    return printable(value if len(value) <= MAX_TEXT else value[: MAX_TEXT - 1] + "…")


def page_context(
    evaluation: Mapping[str, Any],
    *,
    pictures: Iterable[Picture],
    color_map: Mapping[str, int] | None,
    classes: Sequence[str],
) -> dict[str, Any]:
    """Everything the template needs, computed; no arithmetic is left to it."""
    if evaluation.get("lvtools_evaluation") != 1:
        raise ArgumentError(
            f"this is no evaluation of version 1: lvtools_evaluation is {evaluation.get('lvtools_evaluation')!r}",
            hint="pass Evaluation.to_dict(), or the content of evaluation.json",
        )
    image = evaluation["image"]
    rows = list(evaluation["images"])
    by_ref = {row["source_ref"]: row for row in reversed(rows)}
    return {
        "version": __version__,
        "truth": evaluation["truth"],
        "predictions": evaluation["predictions"],
        "match": evaluation["match"],
        "verdict": _verdict(evaluation),
        "cards": _cards(image, evaluation["pixel"]),
        "positive": image["positive"],
        "threshold": None if image["threshold"] is None else f"{image['threshold']:.4g}",
        "matrix": _matrix(image["classes"], image["confusion_matrix"]),
        "histogram": _histogram(rows, image["positive"], image["threshold"]),
        "classes": [_class_row(row) for row in image["per_class"]],
        "pixel": _pixel(evaluation["pixel"]),
        "worst": [_panels(picture, by_ref.get(picture.source_ref), classes, color_map) for picture in pictures],
        "legend": [
            ("found", format_color(overlay.FOUND)),
            ("missed", format_color(overlay.MISSED)),
            ("false alarm", format_color(overlay.FALSE_ALARM)),
            ("other class", format_color(overlay.OTHER_CLASS)),
        ],
        "overlay_classes": [
            (name, format_color(color))
            for name, color in list(zip(classes, overlay.class_colors(classes, color_map), strict=True))[1:]
        ],
        "wrong": _wrong(rows, image["threshold"]),
        "left_out": _left_out(evaluation["match"]),
        "findings": _findings(evaluation["findings"]),
    }


def number(value: object, why: str, form: str = ".3f") -> Figure:
    """A ratio or count, or a dash with the reason."""
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return Figure("–", why=why)
    return Figure(format(value, form), float(value))


def _interval(measure: Mapping[str, Any] | None, why: str) -> Figure:
    """A measure with its 95 % interval; the whole may be null, or any of its numbers."""
    if measure is None:
        return Figure("–", why=why)
    shown = number(measure.get("value"), why)
    low, high = (number(measure.get(end), "").value for end in ("low", "high"))
    return shown if low is None or high is None else shown._replace(low=low, high=high)


def _bar(figure: Figure) -> dict[str, float] | None:
    """Where an interval bar's line and dot lie, on a scale of 0 to 100."""
    if figure.value is None:
        return None
    low, high = (figure.value if end is None else end for end in (figure.low, figure.high))
    low, high, value = (round(100 * min(max(x, 0.0), 1.0), 2) for x in (low, high, figure.value))
    return {"low": low, "width": round(max(high - low, 0.4), 2), "value": value}


def _card(name: str, figure: Figure, about: str) -> dict[str, Any]:
    return {"name": name, "figure": figure, "bar": _bar(figure), "about": about}


def _cards(image: Mapping[str, Any], pixel: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The headline figures; without a positive class there is no single F1, so accuracy leads."""
    cards = []
    positive = image["positive"]
    if positive is not None:
        tp, fp, fn = image["tp"], image["fp"], image["fn"]
        seen = fn is not None and tp is not None and fp is not None
        cards = [
            _card(
                "F1",
                _interval(image["f1"], f"neither truth nor predictions have {positive}"),
                "harmonic mean of precision and recall",
            ),
            _card(
                "Precision",
                _interval(image["precision"], f"no image was predicted as {positive}"),
                f"{tp:,} of {tp + fp:,} alarms were right" if seen else "alarms that were right",
            ),
            _card(
                "Recall",
                _interval(image["recall"], f"the truth has no {positive}"),
                f"{tp:,} of {tp + fn:,} were found" if seen else "anomalies that were found",
            ),
        ]
    accuracy = _interval(image["accuracy"], "no image was compared")
    right = sum(row[at] for at, row in enumerate(image["confusion_matrix"]))
    total = sum(map(sum, image["confusion_matrix"]))
    cards.append(_card("Accuracy", accuracy, f"{right:,} of {total:,} images are right"))
    if pixel is not None:
        iou = number(pixel["mean_iou"], "no anomaly class occurs in truth or prediction")
        cards.append(_card("Mean IoU", iou, f"pixels of {_count(pixel['images'], 'image')}, mean over anomaly classes"))
    return cards


def _verdict(evaluation: Mapping[str, Any]) -> str:
    """The page in two sentences."""
    image, matched = evaluation["image"], evaluation["match"]["matched"]
    if not matched:
        return "No image could be compared. See below what was left out, and why."
    positive = image["positive"]
    total = sum(map(sum, image["confusion_matrix"]))
    if positive is None or image["tp"] is None:
        right = sum(row[at] for at, row in enumerate(image["confusion_matrix"]))
        return f"{right:,} of {_count(total, 'image')} got the class that the truth has."
    tp, fp, fn, tn = image["tp"], image["fp"], image["fn"], image["tn"]
    found = (
        f"{tp:,} of {_count(tp + fn, f'{positive} image')} found" if tp + fn else f"The truth has no {positive} image"
    )
    alarms = f"{_count(fp, 'false alarm')} on {_count(fp + tn, 'other image')}" if fp + tn else "no other images"
    return f"{found}; {alarms}."


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def _matrix(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> dict[str, Any] | None:
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


def _histogram(
    rows: Sequence[Mapping[str, Any]], positive: str | None, threshold: float | None
) -> dict[str, Any] | None:
    """Scores in bins, two groups back to back: the positive class above the line, all others below.

    Without a positive class the groups are right and wrong decisions.
    """
    scored = [(number(row["score"], "").value, row) for row in rows]
    points = [(score, row) for score, row in scored if score is not None]
    if not points:
        return None
    low, high = min(0.0, *(s for s, _ in points)), max(1.0, *(s for s, _ in points))
    if positive is not None:
        upper_name, lower_name = f"truth: {positive}", "truth: other"
        others = {row["truth"] for _, row in points} - {positive}
        if len(others) == 1:
            lower_name = f"truth: {others.pop()}"
        groups = [(score, row["truth"] == positive) for score, row in points]
    else:
        upper_name, lower_name = "decision wrong", "decision right"
        groups = [(score, row["correct"] is False) for score, row in points]
    upper, lower = [0] * BINS, [0] * BINS
    for score, is_upper in groups:
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
                bars.append({**bar, "title": f"{start:.2f} to {end:.2f}: {_count(n, 'image')}, {name}"})
        if upper[at] or lower[at]:
            table.append((f"{start:.2f} to {end:.2f}", upper[at], lower[at]))
    ticks = [{"x": round(left + width * k / 5, 2), "text": f"{low + (high - low) * k / 5:.3g}"} for k in range(6)]
    line = None
    if threshold is not None and low <= threshold <= high:
        x = left + width * (threshold - low) / (high - low)
        anchor = "end" if x > left + width * 0.75 else "start"
        line = {"x": round(x, 2), "text_x": round(x + (6 if anchor == "start" else -6), 2), "anchor": anchor}
    heights = [n for n in {max(upper), max(upper) // 2} if n] + [-n for n in {max(lower), max(lower) // 2} if n]
    grid = [{"y": round(axis - n * unit, 2), "text": str(abs(n))} for n in sorted(heights)]
    return {
        "bars": bars, "ticks": ticks, "line": line, "grid": grid, "axis": round(axis, 2), "table": table,
        "bottom": round(top + space + 2, 2), "upper": upper_name, "lower": lower_name,
        "left": left, "right": left + width, "scored": len(points), "unscored": len(rows) - len(points), "top": top,
    }  # fmt: skip


def _class_row(row: Mapping[str, Any]) -> dict[str, Any]:
    name = row["class_name"]
    measures = {
        "precision": f"no image was predicted as {name}",
        "recall": f"the truth has no {name}",
        "f1": f"neither truth nor predictions have {name}",
    }
    figures = {key: _interval(row[key], why) for key, why in measures.items()}
    return {
        "name": name,
        "support": f"{row['support']:,}",
        "predicted": f"{row['predicted']:,}",
        "figures": [{"figure": figure, "bar": _bar(figure)} for figure in figures.values()],
    }


def _color(text: object) -> str:
    """A colour that is one: what stands in the document goes into an attribute."""
    try:
        return format_color(parse_color(text if isinstance(text, (str, int)) else ""))
    except MaskError:
        return "#808080"


def _pixel(pixel: Mapping[str, Any] | None) -> dict[str, Any] | None:
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
                "bar": _bar(iou),
                "figures": [
                    number(row["mean_iou"], f"no image has {name}"),
                    number(row["precision"], unpredicted),
                    number(row["recall"], absent),
                    number(row["f1"], neither),
                ],
            }
        )
    return {
        "images": _count(pixel["images"], "image"),
        "rows": rows,
        "mean_iou": number(pixel["mean_iou"], "no anomaly class occurs in truth or prediction"),
        "matrix": _matrix(pixel["classes"], pixel["confusion_matrix"]),
        "ambiguous": pixel["ambiguous_px"] or 0,
        "unknown": pixel["unknown_px"] or 0,
    }


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g} %" if fraction >= 1e-6 or fraction == 0 else "<0.0001 %"


def _image_row(row: Mapping[str, Any]) -> dict[str, Any]:
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


def _wrong(rows: Sequence[Mapping[str, Any]], threshold: float | None) -> dict[str, Any]:
    wrong = [row for row in rows if row["correct"] is False]
    shown = overlay.pick_worst(wrong, MAX_WRONG_ROWS, threshold=threshold)
    return {"count": len(wrong), "rows": [_image_row(row) for row in shown], "more": len(wrong) - len(shown)}


def _left_out(match: Mapping[str, Any]) -> list[dict[str, Any]]:
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


def _findings(findings: Mapping[str, Any]) -> dict[str, Any]:
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


def _panels(
    picture: Picture, row: Mapping[str, Any] | None, classes: Sequence[str], color_map: Mapping[str, int] | None
) -> dict[str, Any]:
    """Up to four pictures: the image, the truth and the prediction over it, and the wrong pixels."""
    base = picture.image
    if base is None:
        shape = next((mask.shape for mask in (picture.truth, picture.prediction) if mask is not None), None)
        base = None if shape is None else np.full((*shape, 3), 128, np.uint8)
    panels: list[dict[str, str]] = []
    if base is not None:
        colors = overlay.class_colors(classes, color_map)
        outline = max(1, math.ceil(max(base.shape[:2]) / MAX_PICTURE_SIDE * 1.2))  # still seen when shrunk
        if picture.image is not None:
            panels.append(_panel("image", base, f"the image {picture.source_ref}"))
        for name, mask in (("truth", picture.truth), ("prediction", picture.prediction)):
            if mask is not None:
                painted = overlay.paint_mask(base, mask, colors, outline=outline)
                panels.append(_panel(name, painted, f"{name}: {_contents(mask, classes)}"))
        if picture.truth is not None and picture.prediction is not None:
            truth, prediction = _comparable(picture.truth, picture.prediction, len(classes) or 256)
            painted = overlay.paint_errors(base, truth, prediction, outline=outline)
            wrong = int(np.count_nonzero(truth != prediction))
            panels.append(_panel("wrong pixels", painted, f"{wrong:,} wrong pixels"))
    return {"ref": picture.source_ref, "panels": panels, "row": None if row is None else _image_row(row)}


def _comparable(truth: UInt8Array, prediction: UInt8Array, classes: int) -> tuple[UInt8Array, UInt8Array]:
    """Both masks with background where either has an index of no class: such a pixel is neither right nor wrong."""
    if truth.shape != prediction.shape:
        raise ArgumentError(f"the truth is {truth.shape}, the prediction {prediction.shape}: they must be equal")
    known = (truth < classes) & (prediction < classes)
    return truth * known, prediction * known


def _panel(name: str, rgb: UInt8Array, alt: str) -> dict[str, str]:
    small = thumbnail(rgb, MAX_PICTURE_SIDE)
    data = base64.b64encode(encode_jpeg(small, 82)).decode()
    return {"name": name, "alt": alt, "uri": _DataUri(f"data:image/jpeg;base64,{data}"), "height": str(small.shape[0]),
            "width": str(small.shape[1])}  # fmt: skip


class _DataUri(str):
    """A picture's address, made here from bytes: `visible` must not shorten it."""

    __slots__ = ()


def _contents(mask: UInt8Array, classes: Sequence[str]) -> str:
    counts = np.bincount(mask.ravel(), minlength=1)
    found = [
        f"{classes[index] if index < len(classes) else 'no class'} {n / mask.size:.2%}"
        for index, n in enumerate(counts.tolist())
        if index and n
    ]
    return ", ".join(found) if found else "no anomaly"
