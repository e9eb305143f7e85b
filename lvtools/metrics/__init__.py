"""Metrics as mergeable states: count a batch with `of`, join with `merge`, compute at the end.

Each is imported when first used (PEP 562), as in the front door: a confusion matrix need not wait for sweeps, regions
and intervals.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "BinnedSweep": "binned",
    "BlobCollector": "blobs",
    "Comparison": "comparison",
    "ConfusionMatrix": "image",
    "Interval": "intervals",
    "OperatingPoint": "scores",
    "PixelState": "pixel",
    "RegionReport": "blobs",
    "Sweep": "scores",
    "aupro": "region",
    "bootstrap": "comparison",
    "clopper_pearson": "intervals",
    "compare": "comparison",
    "confusion": "image",
    "f1_interval": "intervals",
    "mcnemar": "intervals",
    "region_report": "blobs",
    "slices": "comparison",
    "sweep": "scores",
    "wilson": "intervals",
}

__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from lvtools.metrics.binned import BinnedSweep as BinnedSweep
    from lvtools.metrics.blobs import BlobCollector as BlobCollector
    from lvtools.metrics.blobs import RegionReport as RegionReport
    from lvtools.metrics.blobs import region_report as region_report
    from lvtools.metrics.comparison import Comparison as Comparison
    from lvtools.metrics.comparison import bootstrap as bootstrap
    from lvtools.metrics.comparison import compare as compare
    from lvtools.metrics.comparison import slices as slices
    from lvtools.metrics.image import ConfusionMatrix as ConfusionMatrix
    from lvtools.metrics.image import confusion as confusion
    from lvtools.metrics.intervals import Interval as Interval
    from lvtools.metrics.intervals import clopper_pearson as clopper_pearson
    from lvtools.metrics.intervals import f1_interval as f1_interval
    from lvtools.metrics.intervals import mcnemar as mcnemar
    from lvtools.metrics.intervals import wilson as wilson
    from lvtools.metrics.pixel import PixelState as PixelState
    from lvtools.metrics.region import aupro as aupro
    from lvtools.metrics.scores import OperatingPoint as OperatingPoint
    from lvtools.metrics.scores import Sweep as Sweep
    from lvtools.metrics.scores import sweep as sweep


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"lvtools.metrics.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'lvtools.metrics' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
