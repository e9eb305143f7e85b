"""Sweeps against loops over every pair and every threshold, against scikit-learn, and against their own laws."""

import math
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lvtools as lv
from lvtools._native import score_sweep
from lvtools.errors import ArgumentError
from lvtools.metrics import score_sides
from lvtools.metrics.advice import ADVICE_SCHEMA
from lvtools.metrics.binned import BinnedSweep
from lvtools.metrics.scores import Sweep
from tests.laws import check_state_laws
from tests.metrics import oracle

LEVELS = sorted({0, score_sweep.LEVEL})
# Few values, so that ties happen; the neighbours of 0.5, both zeros, infinities, and what float32 cannot hold.
VALUES = [0.0, -0.0, 0.5, np.nextafter(0.5, 1), 0.25, 1.0, -3.0, 1e-40, 1e300, math.inf, -math.inf, 0.1]
rows = st.lists(st.tuples(st.booleans(), st.sampled_from(VALUES)), max_size=40)
kinds = st.sampled_from([np.float32, np.float64])


def arrays(drawn, kind=np.float64):
    with np.errstate(over="ignore"):
        return np.array([t for t, _ in drawn], bool), np.array([s for _, s in drawn], np.float64).astype(kind)


def plain(truth, score):
    return truth.tolist(), [float(s) for s in score]


def same(ours, theirs):
    assert math.isnan(ours) if theirs is None else ours == pytest.approx(float(theirs), abs=1e-15)


@settings(deadline=None, max_examples=200)
@given(rows, kinds, st.sampled_from(LEVELS))
def test_figures_equal_loops_over_pairs_and_thresholds(drawn, kind, level):
    truth, score = arrays(drawn, kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score_sides, "LEVEL", level)
        found = lv.sweep(truth, score)
    same(found.auroc, oracle.auroc(*plain(truth, score)))
    same(found.average_precision, oracle.average_precision(*plain(truth, score)))
    best = oracle.best_f1(*plain(truth, score))
    same(found.best_f1, best and best[0])
    if best:
        assert found.threshold == best[1]
    assert found.best[1:5] == oracle.called(*plain(truth, score), found.best.threshold)
    assert found.positives.dtype == (kind if len(truth) else np.float32)
    assert not np.signbit(found.negatives[found.negatives == 0]).any(), "-0 is 0"


@settings(deadline=None, max_examples=200)
@given(rows, kinds, st.integers(0, 10), st.tuples(st.integers(0, 5), st.integers(0, 5)))
def test_operating_points_are_the_best_of_all_thresholds(drawn, kind, tenths, prices):
    truth, score = arrays(drawn, kind)
    found, wish = lv.sweep(truth, score), tenths / 10
    every = [oracle.called(*plain(truth, score), t) for t in sorted({float(s) for s in score})] + [
        (0, 0, int(truth.sum()), int((~truth).sum()))
    ]
    positives, negatives = int(truth.sum()), int((~truth).sum())

    def checked(point):
        if not math.isnan(point.threshold):
            assert point[1:5] == oracle.called(*plain(truth, score), point.threshold)
        else:
            assert point[1:5] == every[-1]
        return point

    point = checked(found.at(recall=wish))
    if positives:
        good = [c for c in every if c[0] / positives >= wish]
        assert (point.tp, point.fp) == min((c[0], c[1]) for c in good)
    point = checked(found.at(precision=wish))
    good = [c for c in every if c[0] and c[0] / (c[0] + c[1]) >= wish]
    assert point.tp == max((c[0] for c in good), default=0)
    if good:
        assert point.precision >= wish
        assert point.fp == min(c[1] for c in good if c[0] == point.tp)
    point = checked(found.at(fpr=wish))
    if negatives:
        assert point.fp / negatives <= wish
        assert point.tp == max(c[0] for c in every if c[1] / negatives <= wish)
        assert found.at(false_alarms_per_day=tenths, images_per_day=10) == point
    point = checked(found.at(cost=prices))
    cost = min(prices[0] * c[2] + prices[1] * c[1] for c in every)
    assert prices[0] * point.fn + prices[1] * point.fp == cost
    assert point.tp == max(c[0] for c in every if prices[0] * c[2] + prices[1] * c[1] == cost) or prices[1] == 0


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32), st.integers(2, 3000), st.sampled_from([None, 1, 3]), kinds)
def test_scikit_learn_agrees(seed, size, decimals, kind):
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    truth = rng.random(size) < 0.3
    truth[:2] = True, False
    score = rng.normal(size=size) + truth
    score = (score if decimals is None else score.round(decimals)).astype(kind)
    found = lv.sweep(truth, score)
    assert found.auroc == pytest.approx(metrics.roc_auc_score(truth, score), abs=1e-12)
    assert found.average_precision == pytest.approx(metrics.average_precision_score(truth, score), abs=1e-12)
    precision, recall, thresholds = metrics.precision_recall_curve(truth, score)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
    assert found.best_f1 == pytest.approx(f1.max(), abs=1e-12)
    curve = found.curve("pr", points=10_000)
    assert curve.x[1:].tolist() == pytest.approx(
        [recall[np.flatnonzero(thresholds == t)[0]] for t in curve.threshold[1:]], abs=1e-12
    )
    fpr, tpr, at = metrics.roc_curve(truth, score, drop_intermediate=False)
    curve = found.curve("roc", points=10_000)
    there = {float(t): (x, y) for t, x, y in zip(at[1:], fpr[1:], tpr[1:], strict=True)}
    for x, y, t in list(zip(*curve, strict=True))[1:]:
        assert (x, y) == pytest.approx(there[float(t)], abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.tuples(rows, kinds), min_size=1, max_size=4))
def test_sweep_laws(drawn):
    batches = [Sweep.of(*arrays(part, kind)) for part, kind in drawn]
    whole = Sweep.of(*(np.concatenate(side) for side in zip(*(arrays(*one) for one in drawn), strict=True)))
    check_state_laws(Sweep, batches, whole)
    merged = batches[0]
    for other in batches[1:]:
        merged = merged.merge(other)
    assert [merged.auroc, merged.average_precision] == pytest.approx(
        [whole.auroc, whole.average_precision], abs=0, nan_ok=True
    )


@settings(deadline=None)
@given(st.lists(rows, min_size=1, max_size=4), st.integers(1, 70))
def test_binned_laws_and_limits(drawn, bins):
    batches = [BinnedSweep.of(*arrays(part), bins=bins, low=-1, high=1.5) for part in drawn]
    truth, score = arrays([row for part in drawn for row in part])
    check_state_laws(BinnedSweep, batches, BinnedSweep.of(truth, score, bins=bins, low=-1, high=1.5))
    exact, binned = Sweep.of(truth, score), BinnedSweep.of(truth, score, bins=bins, low=-1, high=1.5)
    slack = 1e-12
    for name in ("auroc", "average_precision", "best_f1"):
        value, low, high = getattr(exact, name), getattr(binned, f"{name}_low"), getattr(binned, f"{name}_high")
        if math.isnan(value):
            assert math.isnan(low)
            assert math.isnan(high)
        else:
            assert low - slack <= value <= high + slack
    if not math.isnan(exact.auroc):
        assert abs(binned.auroc - exact.auroc) <= (binned.auroc_high - binned.auroc_low) / 2 + slack
    if not math.isnan(binned.threshold):
        assert exact.point(binned.threshold).f1 == pytest.approx(binned.best_f1_low, abs=slack)


def test_binned_arguments():
    with pytest.raises(ArgumentError, match="do not merge"):
        BinnedSweep.of([True], [0.5]).merge(BinnedSweep.of([True], [0.5], bins=7))
    for bad in ({"bins": 0}, {"low": 1.0}, {"high": math.inf}, {"low": math.nan}):
        with pytest.raises(ArgumentError, match="cannot be made"):
            BinnedSweep.of([True], [0.5], **bad)
    assert math.isnan(BinnedSweep.empty().best_f1_high)
    assert "auroc" in repr(BinnedSweep.of([True, False], [0.5, 0.1]))


def test_one_sided_and_empty_data():
    for one in (lv.sweep([], []), lv.sweep([False, False], [0.1, 0.9])):
        assert all(math.isnan(x) for x in (one.auroc, one.average_precision, one.best_f1, one.threshold))
        assert one.at(recall=1.0).tp == 0
        assert one.curve("pr").x.tolist() == [0.0]
    ill = lv.sweep([True, True], [0.1, 0.9])
    assert (ill.average_precision, ill.best_f1, ill.threshold) == (1.0, 1.0, 0.1)
    assert math.isnan(ill.auroc)
    assert ill.at(fpr=0.0).tp == 2
    # Thresholds for false alarms need no anomaly.
    well = lv.sweep([False] * 4, np.array([0.1, 0.2, 0.3, 0.4], np.float32))
    assert well.at(fpr=0.25).fp == 1
    assert well.at(fpr=0.0).threshold == np.nextafter(np.float32(0.4), np.float32(1))
    assert lv.sweep([False], [math.inf]).at(fpr=0.0)[1:5] == (0, 0, 0, 1)


def test_missing_values():
    truth, score = [True, False, True, False], [0.9, math.nan, math.nan, 0.1]
    with pytest.raises(ArgumentError, match="missing in 2 rows, the first is row 1"):
        lv.sweep(truth, score)
    assert lv.sweep(truth, score, nan="drop") == lv.sweep([True, False], [0.9, 0.1], nan="drop").merge(
        Sweep(*Sweep.empty()._sides, 2)
    )
    worst = lv.sweep(truth, pa.array([0.9, None, None, 0.1]), nan="worst")
    assert (worst.positives.tolist(), worst.negatives.tolist()) == ([-math.inf, 0.9], [0.1, math.inf])
    for unlabelled in (pa.array([True, None]), ["anomaly", None], [1, None], np.array([1.0, math.nan])):
        with pytest.raises(ArgumentError, match="truth is missing in 1 rows"):
            lv.sweep(unlabelled, [1, 2], nan="worst")
        dropped = lv.sweep(unlabelled, [1, 2], nan="drop")
        assert (dropped.positives.tolist(), len(dropped.negatives), dropped.dropped) == ([1.0], 0, 1)


def test_every_form_of_truth_and_score():
    wanted = lv.sweep(np.array([True, False, True]), np.array([3.0, 1.0, 2.0]))
    words = ["Anomaly", "normal", "anomaly"]
    truths = [[True, False, True], [1, 0, 1], np.array([1, 0, 1], np.int8), np.array([1.0, 0, 1]), words,
    pa.array(words),
              pa.array(words).dictionary_encode(), pa.chunked_array([words[:1], [], words[1:]]), np.array(words,
              object),
              pa.array([None, True, False, True])[1:]]  # fmt: skip
    values = [[3, 1, 2], [3.0, 1.0, 2.0], np.array([3, 1, 2], np.uint8), pa.array([3, 1, 2], pa.int16()),
              pa.chunked_array([[3.0], [1.0, 2.0]]), np.array([3, 1, 2], np.float16), np.array([3, 1, 2], object),
              np.array([3.0, 9, 1, 9, 2])[::2], pa.array([3, 1, 2], pa.float32())]  # fmt: skip
    for truth in truths:
        assert lv.sweep(truth, [3.0, 1.0, 2.0]) == wanted
    for score in values:
        assert lv.sweep([True, False, True], score) == wanted
    assert lv.sweep(["dent", "good"], [1, 0], positive="DENT").auroc == 1.0
    pd = pytest.importorskip("pandas")
    assert lv.sweep(pd.Series(words), pd.Series([3.0, 1.0, 2.0])) == wanted


@pytest.mark.parametrize(
    ("truth", "score", "message"),
    [
        ([True], [1.0, 2.0], "truth has 1 rows, score 2"),
        (["a", "b"], [1, 2], "one of them 'anomaly'"),
        (["anomaly", "b", "c"], [1, 2, 3], "two are needed"),
        ([0, 2], [1, 2], "must be 0"),
        ([True], ["x"], "numbers are needed"),
        ([True], [[1.0]], "numbers are needed"),
        ([True], np.zeros((1, 1)), "shape"),
        ([True], [2**60], r"beyond 2\^53"),
        ([True], np.array([True]), "numbers"),
        ([True], np.array([1 + 1j]), "numbers"),
        ([True, False], [1, "a"], "no column"),
    ],
)
def test_arguments_are_checked(truth, score, message):
    with pytest.raises(ArgumentError, match=message):
        lv.sweep(truth, score)


def test_wishes_are_checked():
    found = lv.sweep([True, False], [1, 0])
    for wish in ({}, {"recall": 1, "fpr": 0}):
        with pytest.raises(ArgumentError, match="exactly one wish"):
            found.at(**wish)
    for wish in ({"recall": 1.1}, {"fpr": -0.1}, {"precision": math.nan}):
        with pytest.raises(ArgumentError, match=r"lies in 0\.\.1"):
            found.at(**wish)
    for wish in ({"cost": (-1, 1)}, {"cost": (math.nan, 1)}):
        with pytest.raises(ArgumentError, match="prices"):
            found.at(**wish)
    with pytest.raises(ArgumentError, match="belong together"):
        found.at(images_per_day=3)
    with pytest.raises(ArgumentError, match="no rate"):
        found.at(false_alarms_per_day=3, images_per_day=0)
    with pytest.raises(ArgumentError, match="possible"):
        lv.sweep([True], [1], nan="ignore")
    for kind, points in (("det", 9), ("pr", 2)):
        with pytest.raises(ArgumentError, match="possible"):
            found.curve(kind, points)
    with pytest.raises(ArgumentError, match="replicates"):
        found.advise(replicates=0)


def test_curves_have_at_most_so_many_points():
    rng = np.random.default_rng(0)
    truth = rng.random(5000) < 0.5
    found = lv.sweep(truth, rng.normal(size=5000) + truth)
    for kind in ("pr", "roc"):
        curve = found.curve(kind, points=50)
        assert len(curve.x) == len(curve.y) == len(curve.threshold) <= 50
        assert (np.diff(curve.x) >= 0).all()
        assert (np.diff(curve.threshold[:-1]) < 0).all()


@settings(deadline=None)
@given(rows, kinds)
def test_the_area_below_the_roc_is_the_auroc(drawn, kind):
    truth, score = arrays(drawn, kind)
    found = lv.sweep(truth, score)
    curve = found.curve("roc", points=1000)
    assert (curve.x[-1], curve.y[-1]) == (1.0, 1.0)
    assert (np.diff(curve.y) >= 0).all()
    if math.isnan(found.auroc):
        return
    area = float((np.diff(curve.x) * (curve.y[1:] + curve.y[:-1]) / 2).sum())
    assert area == pytest.approx(found.auroc, abs=1e-12)
    for x, y, threshold in zip(curve.x, curve.y, curve.threshold, strict=True):
        point = found.point(threshold)
        assert (point.fpr, point.recall) == (x, y)


def test_advice_is_repeatable_and_holds_its_own_value():
    rng = np.random.default_rng(0)
    truth = rng.random(400) < 0.3
    found = lv.sweep(truth, rng.normal(size=400) + 2 * truth)
    table = found.advise(replicates=40, seed=3)
    assert table.schema == ADVICE_SCHEMA
    assert table == found.advise(replicates=40, seed=3)
    assert table != found.advise(replicates=40, seed=4)
    for row in table.to_pylist():
        assert row["threshold_low"] <= row["threshold_high"]
        assert row["recall_low"] <= row["recall_high"]
    assert table["tp"][3].as_py() == int(truth.sum()), "recall 100 %"
    assert lv.sweep([], []).advise(replicates=2).num_rows == table.num_rows


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from([0, 1, 2, 23, 24, 25, 500, 2048, 2049, 4500, 40_000]),
    st.integers(0, 2**32),
    kinds,
    st.integers(0, 5),
)
def test_sort_sorts(size, seed, kind, shape):
    rng = np.random.default_rng(seed)
    values = [
        lambda: rng.normal(size=size),
        lambda: rng.random(size).round(2),
        lambda: np.exp(rng.normal(size=size) * 20),
        lambda: np.full(size, 0.5),
        lambda: np.where(rng.random(size) < 0.01, np.inf, -rng.random(size)),
        lambda: rng.integers(0, 2**63, size, np.int64).view(np.float64),
    ][shape]()
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        values = np.nan_to_num(values.astype(kind), nan=1.0, posinf=np.inf, neginf=-np.inf) + kind(0)
    ours = values.copy()
    score_sweep.sort(ours, np.empty(size, kind))
    assert ours.tobytes() == np.sort(values).tobytes()


@pytest.mark.parametrize("by_numpy", [False, True])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_whoever_sorts_it_is_the_same_sweep(by_numpy, kind, monkeypatch):
    rng = np.random.default_rng(3)
    truth, score = rng.random(5000) < 0.2, rng.normal(size=5000).astype(kind)
    wanted = lv.sweep(truth, score)
    monkeypatch.setattr(score_sides, "NUMPY_SORTS", by_numpy)
    found = lv.sweep(truth, score)
    assert found == wanted
    assert (found.positives.tolist(), found.negatives.tolist()) == (sorted(score[truth]), sorted(score[~truth]))
    side = np.array([3.0, 1.0, 2.0], kind)
    score_sides.sort(side)
    assert side.tolist() == [1, 2, 3]


def test_sort_survives_nan():
    values = np.array([np.nan, 1, -np.nan, 0] * 3000, np.float32)
    score_sweep.sort(values, np.empty_like(values))
    assert np.isnan(values).sum() == 6000


@settings(deadline=None, max_examples=100)
@given(st.sampled_from([0, 1, 7, 8, 9, 15, 16, 17, 33, 1000]), st.integers(0, 2**32), kinds, st.sampled_from(LEVELS))
def test_split_and_keep_stay_inside_and_in_order(size, seed, kind, level):
    rng = np.random.default_rng(seed)
    score, truth = rng.normal(size=size).astype(kind), (rng.random(size) < rng.random()).astype(np.uint8)
    score[rng.random(size) < 0.1] = np.nan
    many = int(truth.sum())
    room = [np.full(count + score_sweep.SLACK, 7, kind) for count in (many, size - many)]
    assert score_sweep.split(score, truth, *room, level) == (many, size - many, int(np.isnan(score).sum()))
    for place, flag in zip(room, (1, 0), strict=True):
        assert np.array_equal(place[: -score_sweep.SLACK], score[truth == flag], equal_nan=True)
    for short in range(2):
        with pytest.raises(ValueError, match="too short"):
            score_sweep.split(score, truth, *(r[: len(r) - (k == short)] for k, r in enumerate(room)))
    edges = np.sort(rng.integers(0, size + 1, 2 * int(rng.integers(0, 4))))
    starts, stops = edges[::2].astype(np.int64), edges[1::2].astype(np.int64)
    outside = np.ones(size, bool)
    for start, stop in zip(starts, stops, strict=True):
        outside[start:stop] = False
    out = np.empty(int(outside.sum()) + score_sweep.SLACK, kind)
    kept, nans = score_sweep.keep_outside(score, starts, stops, 0.1, out, level)
    assert out[:kept].tolist() == [s for s in score[outside].tolist() if s >= kind(0.1)]
    assert nans == int(np.isnan(score[outside]).sum())


def test_kernels_check_their_arrays():
    four, flags = np.zeros(4), np.zeros(4, np.uint8)
    with pytest.raises(ValueError, match="differ"):
        score_sweep.split(four, flags[:3], four, four)
    with pytest.raises(ValueError, match="scratch"):
        score_sweep.sort(four, four[:3])
    with pytest.raises(ValueError, match="length"):
        score_sweep.ranks(four, four, np.zeros(3, np.int64), np.zeros(4, np.int64))
    ends = np.array([3, 2], np.int64)
    for starts, stops in ((ends, ends), (ends[:1], ends[:1] + 9), (ends[:1], ends[1:]), (-ends[:1], ends[:1])):
        with pytest.raises(ValueError, match="overlap or leave"):
            score_sweep.keep_outside(four, starts, stops, 0.0, np.empty(99))
    with pytest.raises(ValueError, match="output is too short"):
        score_sweep.keep_outside(four, ends[:0], ends[:0], 0.0, np.empty(4 + score_sweep.SLACK - 1))
    with pytest.raises(ValueError, match="differ"):
        score_sweep.keep_outside(four, ends, ends[:1], 0.0, np.empty(99))


def test_ranks_equal_searchsorted():
    rng = np.random.default_rng(0)
    for many, few in ((0, 3), (5, 0), (1, 5000), (5000, 1), (700, 9000), (300, 17)):
        positives, negatives = (np.sort(rng.random(size).round(2)) for size in (many, few))
        below, upto = np.empty(many, np.int64), np.empty(many, np.int64)
        score_sweep.ranks(positives, negatives, below, upto)
        assert below.tolist() == np.searchsorted(negatives, positives, "left").tolist()
        assert upto.tolist() == np.searchsorted(negatives, positives, "right").tolist()
    assert all(a <= b for a, b in pairwise(below.tolist()))
