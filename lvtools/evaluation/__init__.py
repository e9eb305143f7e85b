"""Predictions against the truth: matched by image, counted by class and by pixel, with nothing left out in silence."""

from lvtools.evaluation.compare import evaluate
from lvtools.evaluation.result import Evaluation
from lvtools.evaluation.service_files import write_evaluation_manifest, write_evaluation_result, write_service_files
from lvtools.evaluation.two_masks import pixel_confusion

__all__ = [
    "Evaluation",
    "evaluate",
    "pixel_confusion",
    "write_evaluation_manifest",
    "write_evaluation_result",
    "write_service_files",
]
