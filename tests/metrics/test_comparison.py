"""Comparisons against scipy, loops and their own symmetry."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lvtools as lv
from lvtools.errors import ArgumentError
from lvtools.metrics.class_columns import NULL
from lvtools.metrics.comparison import SLICE_SCHEMA, bootstrap
from tests.metrics import oracle

names = st.sampled_from(["normal", "anomaly", "dent", None])
triples = st.lists(st.tuples(names, names, names), max_size=40)


@settings(deadline=None)
@given(triples)
def test_images_are_told_apart_by_who_is_right(drawn):
    truth, a, b = ([one[at] for one in drawn] for at in range(3))
    found = lv.compare(truth, a, b, replicates=20)
    right = [(t is not None and t == x, t is not None and t == y) for t, x, y in drawn]
    assert (found.both_right, found.only_a, found.only_b, found.both_wrong) == tuple(
        right.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))
    )
    assert found.a == lv.confusion(truth, a)
    assert found.b == lv.confusion(truth, b)
    if not drawn:
        assert math.isnan(found.accuracy.value)
        return
    assert found.accuracy.value == pytest.approx(sum(y - x for x, y in right) / len(drawn), abs=1e-15)
    assert found.accuracy.low <= found.accuracy.value <= found.accuracy.high
    f1 = []
    for side in (a, b):
        tp, fp, fn, _ = oracle.rates(truth, side, "anomaly")
        f1.append(2 * tp / (2 * tp + fp + fn) if tp + fp + fn else math.nan)
    assert found.f1.value == pytest.approx(f1[1] - f1[0], abs=1e-15, nan_ok=True)
    swapped = lv.compare(truth, b, a, replicates=20)
    assert swapped.p_value == found.p_value
    assert swapped.accuracy.value == -found.accuracy.value


def test_the_bootstrap_is_repeatable_and_near_theory():
    rng = np.random.default_rng(0)
    sums = (rng.random((2000, 1)) < 0.3).astype(np.int64)
    mean = lambda totals: totals / 2000  # noqa: E731
    one = bootstrap(sums, mean, replicates=4000, seed=1)
    assert one == bootstrap(sums, mean, replicates=4000, seed=1)
    assert one != bootstrap(sums, mean, replicates=4000, seed=2)
    share = sums.mean()
    reach = 1.96 * math.sqrt(share * (1 - share) / 2000)
    assert one[0].low == pytest.approx(share - reach, abs=0.003)
    assert one[0].high == pytest.approx(share + reach, abs=0.003)
    for bad in ({"replicates": 0}, {"level": 1}):
        with pytest.raises(ArgumentError, match="replicates"):
            bootstrap(sums, mean, **bad)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["left", "right", None]), names, names), max_size=40), st.booleans())
def test_slices_are_the_figures_of_their_rows(drawn, coded):
    cameras, truth, called = (pa.array([one[at] for one in drawn], pa.string()) for at in range(3))
    table = pa.table(
        {"camera": cameras.dictionary_encode() if coded else cameras, "truth": truth, "prediction": called}
    )
    found = lv.slices(table, "camera")
    assert found.schema == SLICE_SCHEMA
    cameras = cameras.to_pylist()
    assert found["slice"].to_pylist() == [*sorted({c for c in cameras if c}), *([NULL] if None in cameras else [])]
    for row in found.to_pylist():
        mine = [(t, p) for c, t, p in drawn if (c or NULL) == row["slice"]]
        rates = oracle.rates([t for t, _ in mine], [p for _, p in mine], "anomaly")
        assert (row["tp"], row["fp"], row["fn"], row["tn"]) == rates
        assert row["images"] == len(mine)
        assert row["accuracy"] == sum(t == p and t is not None for t, p in mine) / len(mine)
        if rates[0] + rates[2]:
            assert row["recall_low"] <= row["recall"] <= row["recall_high"]


def test_slices_by_numbers_and_missing_columns():
    table = pa.table({"shift": [2, 1, 2], "truth": ["anomaly"] * 3, "prediction": ["anomaly", "normal", "anomaly"]})
    assert lv.slices(table, "shift")["slice"].to_pylist() == ["1", "2"]
    with pytest.raises(ArgumentError, match="no column 'camera'"):
        lv.slices(table, "camera")
