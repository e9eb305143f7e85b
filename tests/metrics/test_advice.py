"""Advice: points that grant the wish, draws that repeat, and honest words about few images."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lvtools as lv
from lvtools.errors import ArgumentError
from lvtools.metrics import advice
from tests.metrics import oracle

scored = st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])), max_size=25)


@settings(deadline=None, max_examples=40)
@given(scored)
def test_each_row_is_its_operating_point_and_its_own_count(drawn):
    truth, score = [t for t, _ in drawn], [s for _, s in drawn]
    found = lv.sweep(np.array(truth, bool), np.array(score))
    table = found.advise([{"recall": 0.5}], in_use=0.5, replicates=5)
    names = table["point"].to_pylist()
    assert names[:3] == ["in use", "recall 50 %", "best F1"]
    for row in table.to_pylist():
        threshold = row["threshold"]
        counts = oracle.called(truth, score, threshold) if not math.isnan(threshold) else (0, 0, sum(truth), None)
        assert (row["tp"], row["fp"], row["fn"]) == counts[:3]
        for figure in advice.MOVING:
            low, high = row[f"{figure}_low"], row[f"{figure}_high"]
            assert low <= high or math.isnan(high)
    first = table.to_pylist()[0]
    assert (first["threshold_low"], first["threshold_high"], first["between"]) == (0.5, 0.5, 0)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.booleans(), st.floats(-3, 3)), min_size=1, max_size=12))
def test_a_short_threshold_decides_the_same_with_as_few_digits_as_can_be(drawn):
    found = lv.sweep(np.array([t for t, _ in drawn]), np.array([s for _, s in drawn]))
    for threshold in sorted({s for _, s in drawn}):
        short = advice.short_threshold(found, threshold)
        assert short <= threshold
        assert found.point(short)[1:5] == found.point(threshold)[1:5]
        below = max((s for _, s in drawn if s < threshold), default=-math.inf)
        for digits in range(8):
            if round(short, digits) == short:
                break
            fewer = Fraction(math.floor(Fraction(repr(threshold)) * 10**digits), 10**digits)
            assert not below < float(fewer)  # no decimal of fewer digits lies between
    assert advice.short_threshold(found, math.inf) == math.inf
    assert math.isnan(advice.short_threshold(found, math.nan))


def test_a_threshold_just_above_a_score_is_rounded_up_but_not_beyond_1():
    found = lv.sweep([True, False, False], [0.2, 0.998102, 0.3])
    none = found.at(fpr=0.0)
    assert none.fp == 0
    assert advice.short_threshold(found, none.threshold) == 1.0
    between = lv.sweep([True, False, False], [0.2, 0.412, 0.3])
    assert advice.short_threshold(between, float(np.nextafter(0.3, 1))) == 0.4
    full = lv.sweep([True, False], [0.2, 1.0])
    assert advice.short_threshold(full, full.at(fpr=0.0).threshold) == full.at(fpr=0.0).threshold > 1


@settings(deadline=None, max_examples=60)
@given(scored, st.integers(0, 9))
def test_draws_are_of_the_same_scores_and_sizes(drawn, seed):
    found = lv.sweep(np.array([t for t, _ in drawn], bool), np.array([s for _, s in drawn]))
    draws = advice.resamples(found, seed)
    for one in (next(draws), next(draws)):
        for side, mine in ((found.positives, one.positives), (found.negatives, one.negatives)):
            assert len(side) == len(mine)
            assert set(mine.tolist()) <= set(side.tolist())
            assert (np.diff(mine) >= 0).all()


def test_images_between_the_ends_of_a_threshold_are_counted():
    rng = np.random.default_rng(1)
    truth = rng.random(200) < 0.4
    score = np.where(truth, rng.normal(1, 1, 200), rng.normal(0, 1, 200))
    for row in lv.sweep(truth, score).advise(replicates=30).to_pylist():
        low, high = row["threshold_low"], row["threshold_high"]
        assert row["between"] == sum(low <= s < high for s in score)


def test_the_interval_of_f1_covers_what_other_images_give():
    """A threshold chosen on 60 images, judged on others: in most trials inside the interval that the 60 promised."""
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(60):
        truth = np.arange(60) < 25
        score = np.where(truth, rng.normal(1.2, 1, 60), rng.normal(0, 1, 60))
        row = advice.advise(lv.sweep(truth, score), [{"best": "f1"}], replicates=60).to_pylist()[0]
        other = np.arange(60) < 25
        met = lv.sweep(other, np.where(other, rng.normal(1.2, 1, 60), rng.normal(0, 1, 60))).point(row["threshold"])
        inside += row["f1_low"] <= met.f1 <= row["f1_high"]
    assert inside >= 45  # 95 % is promised for draws of the same 60; new ones stray further


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ({"threshold": 0.5}, "in use"),
        ({"cost": (1, 1)}, "fewest errors"),
        ({"cost": (20, 1)}, "a miss costs 20 false alarms"),
        ({"cost": (1, 4)}, "a miss costs 1, a false alarm 4"),
        ({"cost": (3, 0)}, "a miss costs 3, a false alarm 0"),
        ({"recall": 0.999}, "recall 99.9 %"),
        ({"fpr": 0.0}, "no false alarm"),
        ({"false_alarms_per_day": 2, "images_per_day": 5000}, "2 false alarms in 5,000 images"),
    ],
)
def test_wishes_have_names(wish, name):
    assert advice.wish_name(wish) == name


@pytest.mark.parametrize("wish", [{}, {"luck": 1}, {"recall": 2}, {"best": "recall"}, {"recall": 0.5, "threshold": 1}])
def test_what_is_no_wish_is_refused(wish):
    with pytest.raises(ArgumentError):
        lv.sweep([True, False], [0.1, 0.2]).advise([wish])


def test_remarks_are_honest():
    few = lv.sweep([False] * 40 + [True] * 3, [0.1] * 40 + [0.9] * 3)
    said = advice.remarks(few)
    assert said[0].startswith("3 anomalous images only: even a perfect recall on them shows no more than 29 %")
    assert "without error" in said[1]
    assert len(said) == 2
    assert advice.remarks(lv.sweep([False, False], [0.1, 0.2])) == [
        "no anomalous image has a score: thresholds cannot be compared"
    ]
    turned = lv.sweep([False] * 40 + [True] * 40, [0.9] * 40 + [0.1] * 39 + [0.95])
    assert "upside down" in advice.remarks(turned)[0]
    good = lv.sweep([False] * 40 + [True] * 40, [0.1] * 39 + [0.95] + [0.9] * 40)
    assert advice.remarks(good) == []


def test_intervals_of_average_precision_and_best_f1():
    rng = np.random.default_rng(2)
    truth = rng.random(300) < 0.3
    found = lv.sweep(truth, rng.normal(size=300) + truth)
    once, twice = (advice.score_intervals(found, replicates=50, seed=4) for _ in range(2))
    assert once == twice
    for interval, exact in zip(once, (found.average_precision, found.best_f1), strict=True):
        assert interval.value == exact
        assert interval.low < exact < interval.high
    assert all(math.isnan(x) for one in advice.score_intervals(lv.sweep([False], [0.1])) for x in one)
