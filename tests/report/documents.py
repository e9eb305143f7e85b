"""Evaluation documents for the tests: complete, small, and changed by each test to its need."""

from __future__ import annotations

import copy
from html.parser import HTMLParser
from typing import Any

_VOID = {"meta", "img", "br"}  # SVG elements close themselves


def measure(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def row(ref: str, truth: str, prediction: str, score: float | None = None, **more: Any) -> dict[str, Any]:
    return {
        "source_ref": ref, "truth": truth, "prediction": prediction, "score": score, "correct": truth == prediction,
        "iou": None, "wrong_px": None, "truth_px": None, "prediction_px": None, "truth_line": 1, "prediction_line": 2,
        "truth_mask_ref": None, "prediction_mask_ref": None,
    } | more  # fmt: skip


_DOCUMENT: dict[str, Any] = {
    "lvtools_evaluation": 1,
    "truth": {"origin": "truth.manifest", "images": 6, "format": "lookoutvision"},
    "predictions": {"origin": "answers.jsonl", "images": 5, "format": "DetectAnomalies"},
    "match": {"by": "exact", "matched": 4, "missing": ["s3://b/5.png"], "extra": ["s3://b/x.png"], "duplicates": [],
              "unlabeled": ["s3://b/6.png"]},
    "image": {
        "classes": ["anomaly", "normal"], "confusion_matrix": [[1, 1], [0, 2]], "positive": "anomaly", "threshold": 0.5,
        "tp": 1, "fp": 0, "fn": 1, "tn": 2,
        "accuracy": measure(0.75, 0.301, 0.954), "precision": measure(1.0, 0.207, 1.0),
        "recall": measure(0.5, 0.095, 0.905), "f1": measure(0.667, 0.208, 0.939),
        "per_class": [
            {"class_name": "anomaly", "support": 2, "predicted": 1, "precision": measure(1.0, 0.207, 1.0),
             "recall": measure(0.5, 0.095, 0.905), "f1": measure(0.667, 0.208, 0.939)},
            {"class_name": "normal", "support": 2, "predicted": 3, "precision": measure(0.668, 0.2, 0.9),
             "recall": measure(1.0, 0.342, 1.0), "f1": measure(0.8, 0.376, 0.964)},
        ],
    },
    "pixel": {
        "images": 4, "classes": ["BACKGROUND", "scratch"], "confusion_matrix": [[900, 10], [20, 70]],
        "ambiguous_px": 3, "unknown_px": 0, "mean_iou": 0.7,
        "per_class": [
            {"class_name": "scratch", "color": "#2ca02c", "images": 2, "truth_px": 90, "prediction_px": 80,
             "truth_fraction": 0.09, "prediction_fraction": 0.08, "iou": 0.7, "mean_iou": 0.65, "precision": 0.875,
             "recall": 0.778, "f1": 0.824},
        ],
    },
    "images": [
        row("s3://b/1.png", "anomaly", "anomaly", 0.9, iou=0.7, wrong_px=30),
        row("s3://b/2.png", "anomaly", "normal", 0.2, iou=0.0, wrong_px=12),
        row("s3://b/3.png", "normal", "normal", 0.1, wrong_px=0),
        row("s3://b/4.png", "normal", "normal", 0.3, wrong_px=0),
    ],
    "findings": {
        "error": 1, "warning": 2, "info": 0,
        "rows": [
            {"file": "in/truth.manifest", "line": 5, "column": 3, "pointer": None, "code": "LV401", "severity": "error",
             "value": "x", "related_line": None, "message": "no prediction for 's3://b/5.png'", "hint": "predict it"},
            {"file": "answers.jsonl", "line": 9, "column": 1, "pointer": None, "code": "LV402", "severity": "warning",
             "value": "x", "related_line": None, "message": "a prediction too many", "hint": None},
        ],
    },
}  # fmt: skip


def document() -> dict[str, Any]:
    """A fresh copy: two classes, a threshold, pixels, one wrong image."""
    return copy.deepcopy(_DOCUMENT)


class Page(HTMLParser):
    """What a browser makes of a page: elements with attributes, tables as rows of words, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.tables: list[tuple[str, list[list[str]]]] = []
        self.text = ""
        self._cell: list[str] | None = None
        self.feed(html)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append(("", []))
        elif tag == "tr":
            self.tables[-1][1].append([])
        elif tag in ("td", "th", "caption"):
            self._cell = []
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"
        if tag in ("td", "th", "caption") and self._cell is not None:
            words = " ".join("".join(self._cell).split())
            self._cell = None
            if tag == "caption":
                self.tables[-1] = (words, self.tables[-1][1])
            else:
                self.tables[-1][1][-1].append(words)

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"]:
            return
        self.text += data
        if self._cell is not None:
            self._cell.append(data)

    def table(self, caption: str) -> list[list[str]]:
        """The rows of the table whose caption begins so."""
        return next(rows for words, rows in self.tables if words.startswith(caption))

    def words(self) -> str:
        return " ".join(self.text.split())
