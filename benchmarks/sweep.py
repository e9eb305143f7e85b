"""AUROC, average precision and best F1 of 10 million scores, against scikit-learn's three calls and one argsort."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

import lvtools as lv
from benchmarks.bench import compare

ROWS = 10_000_000


def _three_calls(truth: Any, score: Any) -> tuple[float, float, float, float]:
    precision, recall, thresholds = precision_recall_curve(truth, score)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
    best = int(f1[:-1].argmax())
    return roc_auc_score(truth, score), average_precision_score(truth, score), f1[best], thresholds[best]


def _one_argsort(truth: Any, score: Any) -> tuple[float, float, float, float]:
    """The same four by numpy alone: one argsort, cumulated counts, ties taken together."""
    order = np.argsort(-score)
    score, truth = score[order], truth[order]
    last = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    tp = np.cumsum(truth)[last]
    fp = last + 1 - tp
    positives, negatives = int(tp[-1]), int(fp[-1])
    area = np.trapezoid(np.append(0, tp), np.append(0, fp)) / (positives * negatives)
    precision = tp / (tp + fp)
    average = np.sum(np.diff(tp, prepend=0) * precision) / positives
    f1 = 2 * tp / (tp + fp + positives)
    best = len(f1) - 1 - int(f1[::-1].argmax())
    return float(area), float(average), float(f1[best]), float(score[last[best]])


def run() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(ROWS) < 0.1
    scores = (rng.normal(size=ROWS) + 1.5 * truth).astype(np.float32)
    for name, score in (("float32", scores), ("float32 with 3 decimals", (1 / (1 + np.exp(-scores))).round(3))):

        def ours(score: Any = score) -> tuple[float, float, float, float]:
            found = lv.sweep(truth, score)
            return found.auroc, found.average_precision, found.best_f1, found.threshold

        compare(
            f"sweep: {name}, 10 % anomalous",
            ours=ours,
            peers={
                "numpy, one argsort": lambda score=score: _one_argsort(truth, score),
                "scikit-learn, three calls": lambda score=score: _three_calls(truth, score),
            },
            items=ROWS,
            unit="scores",
            rounds=3,
            same=lambda a, b: bool(np.allclose(a, b, rtol=0, atol=1e-9)),
        )
