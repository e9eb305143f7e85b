"""Regions of anomaly masks, and the area under the per-region overlap curve (AUPRO); `blobs` has the single threshold.

Regions are the 8-connected components of a mask's pixels that are not 0, as MVTec and anomalib count them. Knows
score maps and masks of one size each; class names, colours and files are `lvtools.masks`' business.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lvtools._native import region_scan, score_sweep
from lvtools.errors import ArgumentError
from lvtools.metrics.score_sides import LEVEL, sort

Scores = NDArray[np.floating[Any]]

# Every so many pixels one is looked at to guess which scores can be needed. A wrong guess is noticed and costs a
# second walk.
SAMPLE_STEP = 61


class Runs(NamedTuple):
    """The rows' runs of a mask: flat start and stop, and the number of the region, from 0 in order of first sight."""

    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    labels: NDArray[np.int64]
    regions: int


def runs_of(mask: NDArray[np.uint8]) -> Runs:
    """Runs and 8-connected regions of a C-contiguous uint8 mask of shape (height, width)."""
    starts, stops, labels = (np.empty(region_scan.count_runs(mask), np.int64) for _ in range(3))
    return Runs(starts, stops, labels, region_scan.label_runs(mask, starts, stops, labels))


def aupro(score_maps: Any, masks: Any, *, fpr_limit: float = 0.3) -> float:
    """The area under the per-region overlap curve, up to a false positive rate, over that rate: exact.

    At a threshold, PRO is the mean over all regions of the share of the region's pixels that are called (score >=
    threshold),
    and the false positive rate the share of called pixels among those of no region, over all images. The curve joins
    the points of all distinct scores by straight lines and is cut at `fpr_limit` by interpolation. That is the
    definition of P. Bergmann et al., "The MVTec anomaly detection dataset", IJCV 129 (2021), and anomalib's up to its
    resampling.

    Parameters
    ----------
    score_maps : array or iterable of arrays, each (height, width), of float or integer
        Higher is more anomalous. Infinities are scores like others.
    masks : array or iterable of arrays of the same shapes, bool or integer
        Not 0 is anomalous.
    fpr_limit : float in (0, 1]

    Returns
    -------
    float
        nan when there is no region or no normal pixel.

    Raises
    ------
    ArgumentError
        Shapes or lengths differ, a score is NaN, or the limit is outside its range.

    Notes
    -----
    Each anomalous pixel raises the curve by a ramp: it starts at the normal pixels scored higher than it and ends at
    those
    scored at least as high. The area is the sum over the anomalous pixels, in whole numbers per region; normal pixels
    beyond the limit are never sorted. Arrays and sequences are walked twice and take memory for that share of the
    normal pixels; of a one-shot iterable every map is let go at once, and its normal pixels' scores are kept.

    Examples
    --------
    >>> aupro([[[0.1, 0.9, 0.2]]], [[[0, 1, 0]]])
    1.0
    """
    if not 0 < fpr_limit <= 1:
        raise ArgumentError(f"fpr_limit is {fpr_limit}, it lies above 0 and is at most 1")
    again = all(isinstance(side, np.ndarray | Sequence) for side in (score_maps, masks))
    positives, negatives, sample = [], [], []
    areas: list[NDArray[np.int64]] = []
    runs: list[Runs] = []
    normal = 0
    for score, mask in pairs_of(score_maps, masks):
        found = runs_of(mask)
        flat, lengths = score.ravel(), found.stops - found.starts
        order = np.argsort(found.labels, kind="stable")  # region by region
        inside = np.empty(int(lengths.sum()), score.dtype)
        region_scan.gather_runs(flat, found.starts[order], found.stops[order], inside)
        positives.append(inside)
        areas.append(np.bincount(found.labels, lengths, found.regions).astype(np.int64))
        here = len(flat) - len(inside)
        normal += here
        sample.append(flat[::SAMPLE_STEP][mask.ravel()[::SAMPLE_STEP] == 0])
        if again:
            runs.append(found)
        else:
            negatives.append(_outside(flat, found, -math.inf, here))
        if np.isnan(inside).any():
            raise ArgumentError("a score map holds NaN")
    area = np.concatenate([np.zeros(0, np.int64), *areas])
    if not len(area) or not normal:
        return math.nan
    limit = fpr_limit * normal
    kind = np.result_type(np.float32, *(piece.dtype for piece in positives))
    for bound in (_bound(np.concatenate(sample), fpr_limit, kind), -math.inf):
        if again:
            flats = (score.ravel() for score, _ in pairs_of(score_maps, masks))
            pieces = [_outside(flat, one, bound, flat.size) for flat, one in zip(flats, runs, strict=True)]
        else:
            nothing = np.zeros(0, np.int64)
            pieces = [_outside(piece, Runs(nothing, nothing, nothing, 0), bound, len(piece)) for piece in negatives]
        kept = np.concatenate(pieces).astype(kind, copy=False)
        if len(kept) > limit or bound == -math.inf:
            break
    sort(kept)
    inside = np.concatenate(positives).astype(kind, copy=False)
    whole, twice, part = np.empty_like(area), np.empty_like(area), np.empty(len(area))
    # Of scores below the bound at least `limit` normal pixels are above: they count for nothing, as they should.
    score_sweep.overlaps(inside, area.cumsum(), kept, limit, np.empty_like(inside), whole, twice, part)
    overlaps = (whole * limit - twice / 2 + part) / (area * limit)
    return min(1.0, math.fsum(overlaps.tolist()) / len(area))


def _outside(flat: Scores, runs: Runs, bound: float, room: int) -> Scores:
    out = np.empty(room + score_sweep.SLACK, flat.dtype)
    kept, nans = score_sweep.keep_outside(flat, runs.starts, runs.stops, bound, out, LEVEL)
    if nans:
        raise ArgumentError("a score map holds NaN")
    return out[:kept].copy() if kept < room // 2 else out[:kept]


def _bound(sample: Scores, fpr_limit: float, kind: Any) -> float:
    """A score that more than the share `fpr_limit` of the normal pixels very likely reaches."""
    many = len(sample)
    share = fpr_limit + 4 * math.sqrt(fpr_limit * (1 - fpr_limit) / max(1, many)) + 8 / max(1, many)
    place = many - 1 - math.ceil(share * many)
    if place < 0 or np.isnan(sample).any():
        return -math.inf
    sample = np.ascontiguousarray(sample + kind.type(0), kind)
    sort(sample)
    return float(sample[place])


def pairs_of(score_maps: Any, masks: Any) -> Iterator[tuple[Scores, NDArray[np.uint8]]]:
    """Maps and masks as contiguous arrays, checked."""
    at = 0
    maps, truths = iter(score_maps), iter(masks)
    missing = object()
    while True:
        one, other = next(maps, missing), next(truths, missing)
        if one is missing and other is missing:
            return
        if one is missing or other is missing:
            raise ArgumentError(
                f"there are more {'masks' if one is missing else 'score maps'} than {at}, the other side's number"
            )
        score, mask = np.asarray(one), np.asarray(other)
        if score.shape != mask.shape or score.ndim != 2:
            raise ArgumentError(
                f"image {at}: a score map of shape {score.shape}, a mask of {mask.shape}; both are (height, width)"
            )
        if np.issubdtype(score.dtype, np.integer) or score.dtype == np.float64:
            score = np.ascontiguousarray(score, np.float64)
        elif np.issubdtype(score.dtype, np.floating) and score.dtype.itemsize < 8:
            score = np.ascontiguousarray(score, np.float32)
        else:
            raise ArgumentError(f"image {at}: scores are {score.dtype}, numbers of at most 64 bits are needed")
        if mask.dtype == bool:
            mask = np.ascontiguousarray(mask).view(np.uint8)
        elif mask.dtype != np.uint8:
            if not np.issubdtype(mask.dtype, np.integer):
                raise ArgumentError(f"image {at}: the mask is {mask.dtype}, bool or integer is needed")
            mask = (mask != 0).view(np.uint8)
        yield score, np.ascontiguousarray(mask)
        at += 1
