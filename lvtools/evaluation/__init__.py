"""Predictions against the truth: matched by image, counted by class and by pixel, with nothing left out in silence."""

from lvtools.evaluation.compare import evaluate
from lvtools.evaluation.pixels import pixel_confusion
from lvtools.evaluation.result import Evaluation

__all__ = [
    "Evaluation",
    "evaluate",
    "pixel_confusion",
]
