import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvtools.errors import ArgumentError
from lvtools.metrics.intervals import auroc_interval, beta_share, clopper_pearson, f1_interval, mcnemar, wilson

counts = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(lambda pair: (min(pair), max(pair)))


def test_published_values():
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3: four examples at 95 %.
    for successes, trials, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        interval = wilson(successes, trials)
        assert interval.value == successes / trials
        assert interval.low == pytest.approx(low, abs=5e-5)
        assert interval.high == pytest.approx(high, abs=5e-5)


@given(counts, st.floats(0.01, 0.999))
def test_an_interval_holds_its_value_and_stays_in_0_to_1(drawn, level):
    successes, trials = drawn
    interval = wilson(successes, trials, level)
    if trials == 0:
        assert all(math.isnan(x) for x in interval)
        return
    assert 0 <= interval.low <= interval.value <= interval.high <= 1
    # Wilson's defining property: each limit p solves (share - p)^2 = z^2 p (1 - p) / n; check the lower by symmetry.
    mirrored = wilson(trials - successes, trials, level)
    assert mirrored.low == pytest.approx(1 - interval.high, abs=1e-12)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_f1_interval_is_that_of_its_proportion(tp, fp, fn):
    interval = f1_interval(tp, fp, fn)
    if tp + fp + fn == 0:
        assert all(math.isnan(x) for x in interval)
        return
    jaccard = wilson(tp, tp + fp + fn)
    assert interval.value == 2 * tp / (2 * tp + fp + fn)
    assert interval.low <= interval.value <= interval.high
    for ours, theirs in zip(interval, jaccard, strict=True):
        assert ours / (2 - ours) == pytest.approx(theirs, abs=1e-12)


def test_arguments_are_checked():
    for bad in ((3, 2), (-1, 2)):
        with pytest.raises(ArgumentError, match="not a proportion"):
            wilson(*bad)
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        wilson(1, 2, 95)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_clopper_pearson_equals_scipys(level):
    stats = pytest.importorskip("scipy.stats")
    for successes, trials in (
        (0, 1),
        (1, 1),
        (0, 20),
        (81, 263),
        (15, 148),
        (1, 29),
        (500, 1000),
        (3, 10**6),
        (999_990, 10**6),
    ):
        ours = clopper_pearson(successes, trials, level)
        theirs = stats.binomtest(successes, trials).proportion_ci(level, "exact")
        assert ours.value == successes / trials
        assert ours.low == pytest.approx(theirs.low, abs=1e-12)
        assert ours.high == pytest.approx(theirs.high, abs=1e-12)
    assert all(math.isnan(x) for x in clopper_pearson(0, 0))
    with pytest.raises(ArgumentError, match="not a proportion"):
        clopper_pearson(3, 2)
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        clopper_pearson(1, 2, 95)


@settings(deadline=None)
# Not up to 1: at x = 1 - 1e-16, a = b = 0.5, scipy is 3e-9 off 2 / pi * asin(sqrt(x)), which has a closed form.
@given(st.floats(0, 0.999), st.floats(0.5, 3000), st.floats(0.5, 3000))
def test_incomplete_beta_equals_scipys(x, a, b):
    special = pytest.importorskip("scipy.special")
    assert beta_share(x, a, b) == pytest.approx(float(special.betainc(a, b, x)), abs=1e-10)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_a_fair_coin(only_a, only_b):
    stats = pytest.importorskip("scipy.stats")
    wanted = stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert mcnemar(only_a, only_b) == pytest.approx(wanted, abs=1e-12)


def test_mcnemar_of_many_images_and_of_no_counts():
    stats = pytest.importorskip("scipy.stats")
    assert mcnemar(1050, 980) == pytest.approx(stats.binomtest(1050, 2030).pvalue, abs=1e-11)
    with pytest.raises(ArgumentError, match="no counts"):
        mcnemar(-1, 2)


@settings(deadline=None)
@given(st.floats(0, 1), st.integers(1, 200), st.integers(1, 200), st.sampled_from([0.8, 0.95]))
def test_the_limits_of_auroc_lie_where_its_equation_says(auroc, positives, negatives, level):
    stats = pytest.importorskip("scipy.stats")
    found = auroc_interval(auroc, positives, negatives, level)
    assert found.value == auroc
    assert 0 <= found.low <= auroc <= found.high <= 1
    z = stats.norm.ppf((1 + level) / 2)
    for limit in (found.low, found.high):
        if 1e-9 < limit < 1 - 1e-9:
            extra = 1 + ((positives + negatives) / 2 - 1) * ((1 - limit) / (2 - limit) + limit / (1 + limit))
            deviation = math.sqrt(limit * (1 - limit) * extra / (positives * negatives))
            assert abs(auroc - limit) == pytest.approx(z * deviation, abs=1e-6)
    mirrored = auroc_interval(1 - auroc, positives, negatives, level)
    assert (1 - mirrored.high, 1 - mirrored.low) == pytest.approx((found.low, found.high), abs=1e-6)


def test_a_perfect_auroc_of_few_images_proves_little():
    few, many = auroc_interval(1.0, 5, 5), auroc_interval(1.0, 500, 500)
    assert (few.high, many.high) == (1.0, 1.0)
    assert few.low < 0.75 < 0.99 < many.low
    assert all(math.isnan(x) for x in auroc_interval(math.nan, 0, 5))
    for bad in ((1.5, 2, 2, 0.95), (0.5, 0, 2, 0.95), (0.5, 2, 2, 95)):
        with pytest.raises(ArgumentError):
            auroc_interval(*bad)
