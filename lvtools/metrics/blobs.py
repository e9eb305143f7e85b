"""Regions at one threshold: which anomalies are hit, by size, and the false blobs beside them.

Knows score maps or masks of one size each, as `region` does; what a colour or a class is, its callers know.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lvtools.errors import ArgumentError
from lvtools.metrics.region import Runs, Scores, pairs_of, runs_of
from lvtools.text import html_table, ratio_text

IMAGES_AT_ONCE = 1024
SIZE_EDGES = (16, 64, 256, 1024, 4096)  # pixels: each class has four times the area, twice the width, of the last

REGION_SCHEMA = pa.schema(
    {
        "image": pa.int64(),
        "region": pa.int64(),
        "area_px": pa.int64(),
        "hit_px": pa.int64(),
        "overlap": pa.float64(),
        "hit": pa.bool_(),
        "max_score": pa.float64(),
        "top": pa.int64(),
        "left": pa.int64(),
        "bottom": pa.int64(),
        "right": pa.int64(),
    }
)
REGION_IMAGE_SCHEMA = pa.schema(
    {name: pa.int64() for name in ("image", "regions", "regions_hit", "false_blobs", "false_px", "called_px")}
)
SIZE_SCHEMA = pa.schema(
    {
        "from_px": pa.int64(),
        "to_px": pa.int64(),
        "regions": pa.int64(),
        "hit": pa.int64(),
        "hit_rate": pa.float64(),
        "mean_overlap": pa.float64(),
    }
)


@dataclass(frozen=True, repr=False)
class RegionReport:
    """Regions and blobs at one threshold.

    Attributes
    ----------
    threshold : float
    min_overlap : float
    regions : pyarrow.Table
        A row per region of the truth, `REGION_SCHEMA`; bottom and right are exclusive.
    images : pyarrow.Table
        A row per image, `REGION_IMAGE_SCHEMA`. A false blob is a connected region of called pixels that touches no
        anomalous pixel; `false_px` are the called pixels outside all regions.
    """

    threshold: float
    min_overlap: float
    regions: pa.Table
    images: pa.Table

    @property
    def hit_rate(self) -> float:
        """Regions hit over regions; nan when there is none."""
        many = self.regions.num_rows
        return int(np.count_nonzero(self.regions["hit"].to_numpy())) / many if many else math.nan

    @property
    def pro(self) -> float:
        """The mean overlap of the regions at this threshold; nan when there is none."""
        many = self.regions.num_rows
        return math.fsum(self.regions["overlap"].to_numpy()) / many if many else math.nan

    @property
    def false_blobs_per_image(self) -> float:
        """False blobs over images, images without any included; nan when there is none."""
        many = self.images.num_rows
        return self._sum("false_blobs") / many if many else math.nan

    def _sum(self, name: str) -> int:
        return int(self.images[name].to_numpy().sum())

    def summary(self) -> dict[str, float]:
        """Regions, how many are hit, and the three figures above by name."""
        return {
            "regions": self.regions.num_rows,
            "regions_hit": self._sum("regions_hit"),
            "hit_rate": self.hit_rate,
            "pro": self.pro,
            "images": self.images.num_rows,
            "false_blobs": self._sum("false_blobs"),
            "false_blobs_per_image": self.false_blobs_per_image,
        }

    def __repr__(self) -> str:
        found = self.summary()
        return (
            f"RegionReport of {found['regions']:,} regions in {found['images']:,} images: hit rate "
            f"{ratio_text(self.hit_rate)}, mean overlap {ratio_text(self.pro)}, "
            f"{ratio_text(self.false_blobs_per_image)} false blobs per image"
        )

    def _repr_html_(self) -> str:
        rows = [
            (size_range(row["from_px"], row["to_px"]), f"{row['regions']:,}", f"{row['hit']:,}",
             ratio_text(row["hit_rate"]), ratio_text(row["mean_overlap"]))
            for row in self.by_size().to_pylist()
        ]  # fmt: skip
        head = ("area in pixels", "regions", "hit", "hit rate", "mean overlap")
        return html_table(head, rows, caption=repr(self))

    def by_size(self, edges: Sequence[int] = SIZE_EDGES) -> pa.Table:
        """Regions by their area, `SIZE_SCHEMA`: below the first edge, between edges (from inclusive, to exclusive),
        above."""
        area, hit, overlap = (self.regions[name].to_numpy() for name in ("area_px", "hit", "overlap"))
        limits = [0, *edges, None]
        if any(b is not None and b <= a for a, b in itertools.pairwise(limits) if a is not None):
            raise ArgumentError(f"sizes {tuple(edges)} do not ascend from above 0")
        group = np.searchsorted(np.array(edges, np.int64), area, "right")
        rows = []
        for at, (low, high) in enumerate(itertools.pairwise(limits)):
            mine = group == at
            many, hits = int(mine.sum()), int(hit[mine].sum())
            mean = math.fsum(overlap[mine]) / many if many else math.nan
            rows.append((low, high, many, hits, hits / many if many else math.nan, mean))
        return pa.table([list(column) for column in zip(*rows, strict=True)], schema=SIZE_SCHEMA)


def size_range(low: int, high: int | None) -> str:
    """A row of `SIZE_SCHEMA` in words; `high` is exclusive."""
    return f"{low:,} and more" if high is None else f"{low:,} to {high - 1:,}" if low else f"below {high:,}"


def region_report(score_maps: Any, masks: Any, threshold: float, *, min_overlap: float = 0.0) -> RegionReport:
    """How each region fares at a threshold, and what is called beside the regions.

    Parameters
    ----------
    score_maps, masks : as in `aupro`
        Walked once; NaN calls nothing.
    threshold : float
        A pixel is called when score >= threshold.
    min_overlap : float in 0..1
        A region is hit when at least this share of it, and at least one pixel, is called.
    """
    if not 0 <= min_overlap <= 1 or math.isnan(threshold):
        raise ArgumentError(
            f"threshold {threshold} and min_overlap {min_overlap}: a number, and one in 0..1, are needed"
        )
    collected = BlobCollector(min_overlap)
    for score, mask in pairs_of(score_maps, masks):
        collected.add((score >= threshold).view(np.uint8), mask, score)
    return collected.report(threshold)


class BlobCollector:
    """Regions of image after image, to be a `RegionReport`; no image is kept.

    Called masks serve without score maps too: then a region's `max_score` is 1 when a pixel of it is called, else 0,
    and the threshold of the report is 1. What is kept of a region are the 81 bytes of its row, of an image 48.
    """

    def __init__(self, min_overlap: float = 0.0) -> None:
        self.min_overlap = float(min_overlap)
        self.images = 0
        self._regions: list[tuple[NDArray[Any], ...]] = []  # waiting to be packed, columns of `REGION_SCHEMA`
        self._rows: list[tuple[int, ...]] = []  # the same of `REGION_IMAGE_SCHEMA`
        self._packed: tuple[list[pa.Table], list[pa.Table]] = (
            [REGION_SCHEMA.empty_table()],
            [REGION_IMAGE_SCHEMA.empty_table()],
        )

    def add(
        self,
        called: NDArray[np.uint8],
        mask: NDArray[np.uint8],
        score: Scores | None = None,
        *,
        image: int | None = None,
    ) -> dict[str, int]:
        """Count an image: C-contiguous masks of shape (height, width), where not 0 is called or anomalous.

        `image` is the number it gets, else the count of images so far. Returns its row of `REGION_IMAGE_SCHEMA`.
        """
        truth, blobs = runs_of(mask), runs_of(called)
        area = np.bincount(truth.labels, truth.stops - truth.starts, truth.regions)
        hit_px = np.bincount(truth.labels, _inside(called, truth), truth.regions)
        regions = np.stack([area, hit_px, *_corners(truth, mask.shape[1])], 1).astype(np.int64)
        touched = np.bincount(blobs.labels, _inside(mask, blobs), blobs.regions)
        highest = None if score is None else _highest(score, truth)
        called_px = int((blobs.stops - blobs.starts).sum())
        return self._add(image, regions, int((touched == 0).sum()), called_px, highest)

    def add_regions(
        self, truth: NDArray[np.int64], blobs: NDArray[np.int64], *, image: int | None = None
    ) -> dict[str, int]:
        """Count an image whose regions are known: int64 (regions, 6) of the mask and of what was called.

        Columns: area, pixels under any region of the other side, top, left, bottom, right; the last two exclusive.
        """
        return self._add(image, truth, int((blobs[:, 1] == 0).sum()), int(blobs[:, 0].sum()), None)

    def add_empty(self, *, image: int | None = None) -> dict[str, int]:
        """Count an image without anomaly on either side, of whatever size: it counts where blobs are shared out."""
        return self._count(self.images if image is None else image, 0, 0, 0, 0, 0)

    def _add(
        self,
        image: int | None,
        regions: NDArray[np.int64],
        false_blobs: int,
        called_px: int,
        highest: NDArray[np.float64] | None,
    ) -> dict[str, int]:
        at, many = self.images if image is None else image, len(regions)
        area, hit_px, *corners = regions.T
        hit = (hit_px > 0) & (hit_px >= self.min_overlap * area)
        if many:
            highest = (hit_px > 0).astype(np.float64) if highest is None else highest
            numbers = (np.full(many, at), np.arange(many))
            self._regions.append((*numbers, area, hit_px, hit_px / area, hit, highest, *corners))
        return self._count(at, many, int(np.count_nonzero(hit)), false_blobs, called_px - int(hit_px.sum()), called_px)

    def _count(self, *row: int) -> dict[str, int]:
        self._rows.append(row)
        self.images += 1
        if len(self._rows) >= IMAGES_AT_ONCE:
            self._pack()
        return dict(zip(REGION_IMAGE_SCHEMA.names, row, strict=True))

    def _pack(self) -> None:
        """Small arrays and tuples cost ten times the numbers in them: put them into columns."""
        if self._regions:
            columns = (np.concatenate(column) for column in zip(*self._regions, strict=True))
            arrays = [pa.array(column, field.type) for column, field in zip(columns, REGION_SCHEMA, strict=True)]
            self._packed[0].append(pa.table(arrays, schema=REGION_SCHEMA))
            self._regions = []
        if self._rows:
            numbers = [pa.array(column) for column in np.array(self._rows, np.int64).T]
            self._packed[1].append(pa.table(numbers, schema=REGION_IMAGE_SCHEMA))
            self._rows = []

    def report(self, threshold: float = 1.0) -> RegionReport:
        """What was collected so far."""
        self._pack()
        regions, images = (pa.concat_tables(tables) for tables in self._packed)
        return RegionReport(float(threshold), self.min_overlap, regions, images)


def _highest(score: Scores, truth: Runs) -> NDArray[np.float64]:
    """The highest score of each region."""
    highest = np.full(truth.regions, -np.inf)
    if len(truth.starts):
        # Between two runs lies what reduceat must not see: every second piece is dropped.
        cuts = np.stack([truth.starts, truth.stops], 1).ravel()
        flat = np.append(score.ravel(), score.dtype.type(0))  # a cut may lie behind the last pixel
        np.maximum.at(highest, truth.labels, np.maximum.reduceat(flat, cuts)[::2])
    return highest


def _corners(truth: Runs, columns: int) -> Iterable[NDArray[np.int64]]:
    """Top, left, bottom and right of each region, the last two exclusive."""
    width = max(1, columns)
    corners = [np.full(truth.regions, fill, np.int64) for fill in (2**62, 2**62, 0, 0)]
    rows, left, right = truth.starts // width, truth.starts % width, (truth.stops - 1) % width + 1
    ufuncs = (np.minimum, np.minimum, np.maximum, np.maximum)
    for ufunc, corner, value in zip(ufuncs, corners, (rows, left, rows + 1, right), strict=True):
        ufunc.at(corner, truth.labels, value)
    return corners


def _inside(mask: NDArray[np.uint8], runs: Runs) -> NDArray[np.int64]:
    """How many pixels of the mask are not 0, run by run."""
    if not len(runs.starts):
        return np.zeros(0, np.int64)
    cuts = np.stack([runs.starts, runs.stops], 1).ravel()
    flat = np.append(mask.ravel() != 0, False)  # a cut may lie behind the last pixel
    inside: NDArray[np.int64] = np.add.reduceat(flat, cuts, dtype=np.int64)[::2]
    return inside
