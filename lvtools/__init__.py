"""Manifests, masks and evaluation for anomaly-detection data of Lookout for Vision, Ground Truth and Rekognition.

Every public name is listed here by hand and imported when first used (PEP 562): a short script pays only for what it
calls.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lvtools._version import __version__

_HOME = {
    "BinnedSweep": "lvtools.metrics.binned",
    "ColorMap": "lvtools.dataset",
    "ConfusionMatrix": "lvtools.metrics.image",
    "Dataset": "lvtools.dataset",
    "Evaluation": "lvtools.evaluation",
    "LvtoolsError": "lvtools.errors",
    "Mask": "lvtools.masks",
    "Objects": "lvtools.objects",
    "Sweep": "lvtools.metrics.scores",
    "area_tables": "lvtools.masks",
    "aupro": "lvtools.metrics.region",
    "clopper_pearson": "lvtools.metrics.intervals",
    "compare": "lvtools.metrics.comparison",
    "confusion": "lvtools.metrics.image",
    "dedupe_manifest": "lvtools.manifest",
    "diff_manifests": "lvtools.manifest",
    "evaluate": "lvtools.evaluation",
    "evaluate_batches": "lvtools.scale",
    "filter_manifest": "lvtools.manifest",
    "find_masks": "lvtools.masks",
    "fix_manifest": "lvtools.manifest",
    "fix_mask": "lvtools.masks",
    "lint_mask": "lvtools.masks",
    "manifest_stats": "lvtools.manifest",
    "map_shards": "lvtools.scale",
    "mask_areas": "lvtools.masks",
    "mask_areas_many": "lvtools.masks",
    "mask_colors": "lvtools.masks",
    "merge_manifests": "lvtools.manifest",
    "merge_states": "lvtools.scale",
    "pixel_confusion": "lvtools.evaluation",
    "read_evaluation_result": "lvtools.formats.evaluation_result",
    "read_manifest": "lvtools.manifest",
    "read_mask": "lvtools.masks",
    "region_report": "lvtools.metrics.blobs",
    "rekognition_summary": "lvtools.validation",
    "rewrite_manifest": "lvtools.manifest",
    "slices": "lvtools.metrics.comparison",
    "split_manifest": "lvtools.manifest",
    "sweep": "lvtools.metrics.scores",
    "upsert_manifest": "lvtools.manifest",
    "validate_manifest": "lvtools.validation",
    "write_evaluation_manifest": "lvtools.evaluation",
    "write_evaluation_result": "lvtools.evaluation",
    "write_manifest": "lvtools.manifest",
    "write_mask": "lvtools.masks",
    "write_mask_areas": "lvtools.masks",
    "write_service_files": "lvtools.evaluation",
}

__all__ = ["__version__", *sorted(_HOME)]

if TYPE_CHECKING:
    from lvtools.dataset import ColorMap as ColorMap
    from lvtools.dataset import Dataset as Dataset
    from lvtools.errors import LvtoolsError as LvtoolsError
    from lvtools.evaluation import Evaluation as Evaluation
    from lvtools.evaluation import evaluate as evaluate
    from lvtools.evaluation import pixel_confusion as pixel_confusion
    from lvtools.evaluation import write_evaluation_manifest as write_evaluation_manifest
    from lvtools.evaluation import write_evaluation_result as write_evaluation_result
    from lvtools.evaluation import write_service_files as write_service_files
    from lvtools.formats.evaluation_result import read_evaluation_result as read_evaluation_result
    from lvtools.manifest import dedupe_manifest as dedupe_manifest
    from lvtools.manifest import diff_manifests as diff_manifests
    from lvtools.manifest import filter_manifest as filter_manifest
    from lvtools.manifest import fix_manifest as fix_manifest
    from lvtools.manifest import manifest_stats as manifest_stats
    from lvtools.manifest import merge_manifests as merge_manifests
    from lvtools.manifest import read_manifest as read_manifest
    from lvtools.manifest import rewrite_manifest as rewrite_manifest
    from lvtools.manifest import split_manifest as split_manifest
    from lvtools.manifest import upsert_manifest as upsert_manifest
    from lvtools.manifest import write_manifest as write_manifest
    from lvtools.masks import Mask as Mask
    from lvtools.masks import area_tables as area_tables
    from lvtools.masks import find_masks as find_masks
    from lvtools.masks import fix_mask as fix_mask
    from lvtools.masks import lint_mask as lint_mask
    from lvtools.masks import mask_areas as mask_areas
    from lvtools.masks import mask_areas_many as mask_areas_many
    from lvtools.masks import mask_colors as mask_colors
    from lvtools.masks import read_mask as read_mask
    from lvtools.masks import write_mask as write_mask
    from lvtools.masks import write_mask_areas as write_mask_areas
    from lvtools.metrics.binned import BinnedSweep as BinnedSweep
    from lvtools.metrics.blobs import region_report as region_report
    from lvtools.metrics.comparison import compare as compare
    from lvtools.metrics.comparison import slices as slices
    from lvtools.metrics.image import ConfusionMatrix as ConfusionMatrix
    from lvtools.metrics.image import confusion as confusion
    from lvtools.metrics.intervals import clopper_pearson as clopper_pearson
    from lvtools.metrics.region import aupro as aupro
    from lvtools.metrics.scores import Sweep as Sweep
    from lvtools.metrics.scores import sweep as sweep
    from lvtools.objects import Objects as Objects
    from lvtools.scale import evaluate_batches as evaluate_batches
    from lvtools.scale import map_shards as map_shards
    from lvtools.scale import merge_states as merge_states
    from lvtools.validation import rekognition_summary as rekognition_summary
    from lvtools.validation import validate_manifest as validate_manifest


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value  # the next use costs a dictionary look-up
        return value
    raise AttributeError(f"module 'lvtools' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
