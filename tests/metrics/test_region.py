"""Regions against a flood fill, AUPRO against its definition point by point, reports against plain loops."""

import math
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lvtools as lv
from lvtools._native import region_scan, score_sweep
from lvtools.errors import ArgumentError
from lvtools.metrics import blobs, region
from lvtools.metrics.blobs import REGION_IMAGE_SCHEMA, REGION_SCHEMA, SIZE_SCHEMA, BlobCollector, size_range
from lvtools.metrics.region import runs_of
from tests.metrics import oracle

LEVELS = sorted({0, score_sweep.LEVEL})


@st.composite
def scenes(draw, kind=None):
    """Some images: score maps with many ties, masks from empty to full."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    levels = draw(st.sampled_from([1, 2, 5, 1000]))
    maps, masks = [], []
    for _ in range(draw(st.integers(1, 3))):
        shape = draw(st.integers(1, 7)), draw(st.sampled_from([1, 3, 7, 8, 9, 17]))
        maps.append(
            (rng.integers(0, levels, shape) / levels).astype(kind or draw(st.sampled_from([np.float32, np.float64])))
        )
        masks.append((rng.random(shape) < draw(st.sampled_from([0, 0.05, 0.3, 0.6, 1]))).astype(np.uint8))
    return maps, masks


def plain(arrays):
    return [one.tolist() for one in arrays]


@settings(deadline=None, max_examples=200)
@given(scenes())
def test_regions_equal_a_flood_fill(drawn):
    for mask in drawn[1]:
        runs = runs_of(mask)
        found = [[] for _ in range(runs.regions)]
        for start, stop, label in zip(runs.starts.tolist(), runs.stops.tolist(), runs.labels.tolist(), strict=True):
            found[label] += [divmod(at, mask.shape[1]) for at in range(start, stop)]
        assert [sorted(one) for one in found] == [sorted(one) for one in oracle.regions(mask.tolist())]


@pytest.mark.parametrize("density", [0.02, 0.3, 0.5, 0.7])
def test_regions_of_larger_masks_equal_those_of_scipy(density):
    ndimage = pytest.importorskip("scipy.ndimage")
    rng = np.random.default_rng(0)
    for shape in ((64, 65), (200, 3), (1, 500), (90, 200)):
        mask = (rng.random(shape) < density).astype(np.uint8)
        runs = runs_of(mask)
        ours = np.zeros(mask.size, np.int64)
        for start, stop, label in zip(*runs[:3], strict=True):
            ours[start:stop] = label + 1
        theirs, many = ndimage.label(mask, np.ones((3, 3)))
        assert runs.regions == many
        assert np.array_equal(ours.reshape(shape), theirs)


def test_a_spiral_is_one_region():
    mask = np.zeros((41, 41), np.uint8)
    row, column, step, side = 20, 20, (0, 1), 1
    while 0 <= row < 41 and 0 <= column < 41:
        for _ in range(2 * ((side + 1) // 2)):
            if 0 <= row < 41 and 0 <= column < 41:
                mask[row, column] = 1
            row, column = row + step[0], column + step[1]
        step, side = (step[1], -step[0]), side + 1
    assert runs_of(mask).regions == 1 == len(oracle.regions(mask.tolist()))


@settings(deadline=None, max_examples=250)
@given(
    scenes(), st.sampled_from([Fraction(1, 20), Fraction(3, 10), Fraction(1, 2), Fraction(1)]), st.sampled_from(LEVELS)
)
def test_aupro_equals_its_definition(drawn, limit, level):
    maps, masks = drawn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(region, "LEVEL", level)
        ours = lv.aupro(maps, masks, fpr_limit=float(limit))
        streamed = lv.aupro(iter(maps), iter(masks), fpr_limit=float(limit))
    theirs = oracle.aupro(plain(maps), plain(masks), Fraction(float(limit)))
    if theirs is None:
        assert math.isnan(ours)
        assert math.isnan(streamed)
        return
    assert ours == pytest.approx(float(theirs), abs=1e-12)
    assert streamed == ours


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from([0.01, 0.3, 0.9]), st.sampled_from([None, 2]), st.integers(1, 4))
def test_the_sampled_bound_changes_nothing(seed, limit, decimals, images):
    rng = np.random.default_rng(seed)
    score = rng.normal(size=(images, 60, 70)).astype(np.float32)
    score = score if decimals is None else score.round(decimals)
    mask = np.zeros(score.shape, np.uint8)
    mask[0, 10:20, 10:20] = mask[-1, 40:50, 20:60] = 1
    score += mask
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(region, "_bound", lambda *_: -math.inf)
        whole = lv.aupro(score, mask, fpr_limit=limit)
        patch.setattr(region, "_bound", lambda *_: 5.0)  # much too high: must be noticed
        assert lv.aupro(score, mask, fpr_limit=limit) == whole
        assert lv.aupro(iter(score), iter(mask), fpr_limit=limit) == whole
    assert lv.aupro(score, mask, fpr_limit=limit) == whole


def test_the_bound_keeps_little_more_than_what_can_be_needed():
    score = np.random.default_rng(0).random((4, 256, 256), np.float32)
    flat = score.ravel()[:: region.SAMPLE_STEP]
    share = (score >= region._bound(flat, 0.3, np.dtype(np.float32))).mean()
    assert 0.3 < share < 0.4


def test_aupro_of_whole_regions():
    perfect = np.zeros((8, 8))
    perfect[2:4, 2:4] = 1
    assert lv.aupro([perfect], [perfect.astype(bool)]) == 1.0
    assert lv.aupro([1 - perfect], [perfect.astype(bool)]) == 0.0
    # All equal: the curve is the diagonal, cut at the limit.
    assert lv.aupro([np.zeros((8, 8))], [perfect.astype(int)]) == pytest.approx(0.15)
    assert lv.aupro(np.full((1, 2, 2), np.inf), np.eye(2, dtype=bool)[None], fpr_limit=1) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("maps", "masks", "message"),
    [
        ([np.zeros((2, 2))], [], "more score maps than 0"),
        ([], [np.zeros((2, 2), bool)], "more masks than 0"),
        ([np.zeros((2, 2))], [np.zeros((2, 3), bool)], "image 0: a score map of shape"),
        ([np.zeros(4)], [np.zeros(4, bool)], "both are"),
        ([np.zeros((2, 2), complex)], [np.zeros((2, 2), bool)], "64 bits"),
        ([np.zeros((2, 2))], [np.zeros((2, 2))], "bool or integer"),
        ([np.full((2, 2), np.nan)], [np.zeros((2, 2), bool)], "NaN"),
        ([np.full((2, 2), np.nan)], [np.eye(2, dtype=bool)], "NaN"),
        ([np.full((2, 2), np.nan)], [np.ones((2, 2), bool)], "NaN"),
    ],
)
def test_arguments_are_checked(maps, masks, message):
    if not (message == "NaN" and masks[0].sum() == 0):  # without any region there is nothing to judge
        with pytest.raises(ArgumentError, match=message):
            lv.aupro(maps, masks)
    with pytest.raises(ArgumentError, match=message):
        lv.aupro(iter(maps), iter(masks))


def test_limits_are_checked():
    for limit in (0, -1, 1.5, math.nan):
        with pytest.raises(ArgumentError, match="fpr_limit"):
            lv.aupro([], [], fpr_limit=limit)
    assert math.isnan(lv.aupro([], []))
    assert math.isnan(lv.aupro(np.zeros((1, 0, 3)), np.zeros((1, 0, 3), bool)))


@settings(deadline=None, max_examples=150)
@given(scenes(), st.sampled_from([0.0, 0.4, 2.0]), st.sampled_from([0.0, 0.5, 1.0]))
def test_reports_equal_plain_loops(drawn, threshold, min_overlap):
    maps, masks = drawn
    report = lv.region_report(maps, masks, threshold, min_overlap=min_overlap)
    assert report.regions.schema == REGION_SCHEMA
    assert report.images.schema == REGION_IMAGE_SCHEMA
    rows, hits = report.regions.to_pylist(), 0
    for at, (score, mask) in enumerate(zip(maps, masks, strict=True)):
        called = (score >= threshold).tolist()
        truth = oracle.regions(mask.tolist())
        hits_here = 0
        for number, members in enumerate(truth):
            row = rows.pop(0)
            inside = sum(called[r][c] for r, c in members)
            hit = inside > 0 and inside / len(members) >= min_overlap
            hits_here += hit
            assert (row["image"], row["region"], row["area_px"], row["hit_px"], row["hit"]) == (
                at, number, len(members), inside, hit,
            )  # fmt: skip
            assert row["overlap"] == inside / len(members)
            assert row["max_score"] == max(score[r, c] for r, c in members)
            box = (row["top"], row["left"], row["bottom"] - 1, row["right"] - 1)
            assert box == (
                min(r for r, _ in members), min(c for _, c in members), max(r for r, _ in members), max(c for _, c in
                members),
            )  # fmt: skip
        false = sum(not any(mask[r, c] for r, c in blob) for blob in oracle.regions(called))
        called_px = sum(map(sum, called))
        false_px = sum(bool(v) and not mask[r, c] for r, line in enumerate(called) for c, v in enumerate(line))
        assert list(report.images.slice(at, 1).to_pylist()[0].values()) == [
            at, len(truth), hits_here, false, false_px, called_px,
        ]  # fmt: skip
        hits += hits_here
    many = report.regions.num_rows
    assert math.isnan(report.hit_rate) if not many else report.hit_rate == hits / many
    sizes = report.by_size((2, 5))
    assert sizes.schema == SIZE_SCHEMA
    assert sum(sizes["regions"].to_pylist()) == many
    areas = report.regions["area_px"].to_pylist()
    assert sizes["regions"].to_pylist() == [
        sum(a < 2 for a in areas), sum(2 <= a < 5 for a in areas), sum(a >= 5 for a in areas),
    ]  # fmt: skip


def test_reports_of_nothing_and_bad_arguments():
    report = lv.region_report([], [], 0.5)
    assert report.regions.num_rows == report.images.num_rows == 0
    assert all(math.isnan(x) for x in (report.hit_rate, report.pro, report.false_blobs_per_image))
    for bad in ({"threshold": math.nan}, {"threshold": 0, "min_overlap": 2}):
        with pytest.raises(ArgumentError, match="are needed"):
            lv.region_report([], [], **bad)
    with pytest.raises(ArgumentError, match="ascend"):
        report.by_size((5, 5))
    one = lv.region_report([np.array([[0.9, 0.1, 0.9]])], [np.array([[1, 1, 0]])], 0.5)
    assert (one.pro, one.false_blobs_per_image) == (0.5, 1.0)
    assert isinstance(one.images, pa.Table)


def test_kernels_check_their_arrays():
    mask, room = np.eye(3, dtype=np.uint8), [np.zeros(3, np.int64) for _ in range(3)]
    assert region_scan.label_runs(mask, *room) == 1
    for size in (0, 2, 4):
        with pytest.raises(ValueError, match="another number"):
            region_scan.label_runs(mask, *(np.zeros(size, np.int64) for _ in range(3)))
    with pytest.raises(ValueError, match="differ"):
        region_scan.label_runs(mask, room[0], room[1][:2], room[2])
    scores, ends = np.zeros(4), np.array([1, 3], np.int64)
    for starts, stops in ((ends[::-1].copy(), ends), (ends, ends + 9), (ends - 2, ends)):
        with pytest.raises(ValueError, match="leaves"):
            region_scan.gather_runs(scores, starts, stops, scores)
    with pytest.raises(ValueError, match="too short"):
        region_scan.gather_runs(scores, ends, ends + 1, scores[:1])
    with pytest.raises(ValueError, match="differ"):
        region_scan.gather_runs(scores, ends, ends[:1], scores)
    out = (np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(2))
    for bad in (np.array([3, 1], np.int64), np.array([1, 9], np.int64)):
        with pytest.raises(ValueError, match="ascend"):
            score_sweep.overlaps(scores, bad, scores, 1.0, scores.copy(), *out)
    with pytest.raises(ValueError, match="another length"):
        score_sweep.overlaps(scores, ends, scores, 1.0, scores[:3].copy(), *out)


@settings(deadline=None, max_examples=100)
@given(scenes(), st.sampled_from([0.0, 0.5]))
def test_masks_that_are_called_count_as_maps_of_0_and_1(drawn, min_overlap):
    maps, masks = drawn
    called = [np.ascontiguousarray(score >= 0.4).view(np.uint8) for score in maps]
    collected = BlobCollector(min_overlap)
    for one, mask in zip(called, masks, strict=True):
        collected.add(one, mask)
    wanted = lv.region_report([one.astype(float) for one in called], masks, 1.0, min_overlap=min_overlap)
    report = collected.report()
    assert report.regions == wanted.regions
    assert report.images == wanted.images
    assert report.summary() == pytest.approx(wanted.summary(), nan_ok=True)
    assert f"{report.regions.num_rows:,} regions in {len(masks)} images" in repr(report)
    assert report._repr_html_().count("<tr>") == 7


@settings(deadline=None, max_examples=100)
@given(scenes(), st.sampled_from([0.0, 0.5]), st.integers(1, 4))
def test_regions_that_are_known_count_as_their_masks(drawn, min_overlap, at_once):
    masks = drawn[1]
    called = [np.ascontiguousarray(score >= 0.4).view(np.uint8) for score in drawn[0]]
    one, other = BlobCollector(min_overlap), BlobCollector(min_overlap)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blobs, "IMAGES_AT_ONCE", at_once)
        for call, mask in zip(called, masks, strict=True):
            sides = []
            for mine, theirs in ((mask, call), (call, mask)):
                rows = []
                for region in oracle.regions(mine.tolist()):
                    ys, xs = zip(*region, strict=True)
                    under = sum(bool(theirs[at]) for at in region)
                    rows.append([len(region), under, min(ys), min(xs), max(ys) + 1, max(xs) + 1])
                sides.append(np.array(rows, np.int64).reshape(-1, 6))
            assert one.add_regions(*sides) == other.add(call, mask)
            assert one.add_empty() == other.add_empty()
        assert one.report().regions == other.report().regions
        assert one.report().images == other.report().images, "asked twice, it is the same"


def test_sizes_in_words():
    assert [size_range(*ends) for ends in ((0, 16), (16, 64), (4096, None))] == [
        "below 16", "16 to 63", "4,096 and more",
    ]  # fmt: skip
