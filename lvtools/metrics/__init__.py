"""Metrics as mergeable states: count a batch with `of`, join with `merge`, compute at the end."""

from lvtools.metrics.binned import BinnedSweep
from lvtools.metrics.blobs import BlobCollector, RegionReport, region_report
from lvtools.metrics.comparison import Comparison, bootstrap, compare, slices
from lvtools.metrics.image import ConfusionMatrix, confusion
from lvtools.metrics.intervals import Interval, clopper_pearson, f1_interval, mcnemar, wilson
from lvtools.metrics.pixel import PixelState
from lvtools.metrics.region import aupro
from lvtools.metrics.scores import OperatingPoint, Sweep, sweep

__all__ = [
    "BinnedSweep",
    "BlobCollector",
    "Comparison",
    "ConfusionMatrix",
    "Interval",
    "OperatingPoint",
    "PixelState",
    "RegionReport",
    "Sweep",
    "aupro",
    "bootstrap",
    "clopper_pearson",
    "compare",
    "confusion",
    "f1_interval",
    "mcnemar",
    "region_report",
    "slices",
    "sweep",
    "wilson",
]
