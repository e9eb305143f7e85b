"""What the evaluation page says: an evaluation document in, the template's words and coordinates out.

Knows no HTML: strings leave here plain, the template escapes them. Numbers are put into words by `figures`, tables are
made in `listing` and `insight`, drawings in `charts` and `histogram`, pictures in `panels`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lvtools._version import __version__
from lvtools.dataset import format_color
from lvtools.errors import ArgumentError
from lvtools.report import insight, overlay
from lvtools.report.figures import Figure, bar, count, interval, number
from lvtools.report.histogram import histogram
from lvtools.report.listing import class_row, findings_part, image_row, left_out, matrix, pixel_part, wrong_part
from lvtools.report.panels import Picture, panels_of


def page_context(
    evaluation: Mapping[str, Any],
    *,
    pictures: Iterable[Picture],
    suspects: Iterable[Picture] = (),
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
    rows = evaluation["images"]  # perhaps not all in memory: each part walks over them
    painted = [panels_of(picture, classes, color_map) for picture in pictures]
    row_of = _first_rows(rows, {one["ref"] for one in painted})
    suspected = {one.source_ref: panels_of(one, classes, color_map) for one in suspects}
    positive, scores = image["positive"], evaluation.get("scores")
    threshold = image["threshold"]
    if threshold is None and scores is not None:
        threshold = scores["in_use"]["threshold"]  # the one that the predictions' own classes follow
    # Older documents lack what came later: those parts are left out.
    return {
        "version": __version__,
        "truth": evaluation["truth"],
        "predictions": evaluation["predictions"],
        "match": evaluation["match"],
        "verdict": _verdict(evaluation),
        "cards": [*_cards(image, evaluation["pixel"], scores), *_map_cards(evaluation.get("maps"))],
        "positive": positive,
        "threshold": None if image["threshold"] is None else f"{image['threshold']:.4g}",
        "matrix": matrix(image["classes"], image["confusion_matrix"]),
        "histogram": histogram(rows, positive, threshold),
        "classes": [class_row(row) for row in image["per_class"]],
        "pixel": pixel_part(evaluation["pixel"]),
        "worst": [{**one, "row": row_of.get(one["ref"])} for one in painted],
        "scores": insight.scores_part(scores, positive),
        "regions": insight.regions_part(evaluation.get("regions")),
        "slices": insight.slices_part(evaluation.get("slices") or [], positive),
        "suspects": insight.suspects_part(evaluation.get("label_errors") or [], suspected),
        "comparison": insight.comparison_part(evaluation.get("comparison")),
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
        "wrong": wrong_part(rows, image["threshold"]),
        "left_out": left_out(evaluation["match"]),
        "findings": findings_part(evaluation["findings"]),
    }


def _first_rows(rows: Iterable[Mapping[str, Any]], refs: set[str]) -> dict[str, dict[str, Any]]:
    """The first row of each of these images, as the page shows it."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows if refs else ():
        if row["source_ref"] in refs and row["source_ref"] not in found:
            found[row["source_ref"]] = image_row(row)
    return found


def _card(name: str, figure: Figure, about: str) -> dict[str, Any]:
    return {"name": name, "figure": figure, "bar": bar(figure), "about": about}


def _cards(
    image: Mapping[str, Any], pixel: Mapping[str, Any] | None, scores: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """The headline figures; without a positive class there is no single F1, so accuracy leads."""
    cards = []
    positive = image["positive"]
    if positive is not None:
        tp, fp, fn = image["tp"], image["fp"], image["fn"]
        seen = fn is not None and tp is not None and fp is not None
        cards = [
            _card(
                "F1",
                interval(image["f1"], f"neither truth nor predictions have {positive}"),
                "harmonic mean of precision and recall",
            ),
            _card(
                "Precision",
                interval(image["precision"], f"no image was predicted as {positive}"),
                f"{tp:,} of {tp + fp:,} alarms were right" if seen else "alarms that were right",
            ),
            _card(
                "Recall",
                interval(image["recall"], f"the truth has no {positive}"),
                f"{tp:,} of {tp + fn:,} were found" if seen else "anomalies that were found",
            ),
        ]
    accuracy = interval(image["accuracy"], "no image was compared")
    right = sum(row[at] for at, row in enumerate(image["confusion_matrix"]))
    total = sum(map(sum, image["confusion_matrix"]))
    cards.append(_card("Accuracy", accuracy, f"{right:,} of {total:,} images are right"))
    if scores is not None:
        about = "chance that an anomalous image outscores a normal one"
        cards.append(_card("AUROC", interval(scores["auroc"], "only one class has scores"), about))
    if pixel is not None:
        iou = number(pixel["mean_iou"], "no anomaly class occurs in truth or prediction")
        cards.append(_card("Mean IoU", iou, f"pixels of {count(pixel['images'], 'image')}, mean over anomaly classes"))
    return cards


def _map_cards(maps: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    if maps is None:
        return []
    limit, images = maps["fpr_limit"], count(maps["images"], "image")
    about = f"score maps of {images}: overlap with regions up to {limit:.0%} false pixels"
    return [_card("AUPRO", number(maps["aupro"], "it needs an anomalous region and a normal pixel"), about)]


def _verdict(evaluation: Mapping[str, Any]) -> str:
    """The page in two sentences."""
    image, matched = evaluation["image"], evaluation["match"]["matched"]
    if not matched:
        return "No image could be compared. See below what was left out, and why."
    positive = image["positive"]
    total = sum(map(sum, image["confusion_matrix"]))
    if positive is None or image["tp"] is None:
        right = sum(row[at] for at, row in enumerate(image["confusion_matrix"]))
        return f"{right:,} of {count(total, 'image')} got the class that the truth has."
    tp, fp, fn, tn = image["tp"], image["fp"], image["fn"], image["tn"]
    found = (
        f"{tp:,} of {count(tp + fn, f'{positive} image')} found" if tp + fn else f"The truth has no {positive} image"
    )
    alarms = f"{count(fp, 'false alarm')} on {count(fp + tn, 'other image')}" if fp + tn else "no other images"
    return f"{found}; {alarms}."
