import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools.errors import ArgumentError, MaskError
from lvtools.metrics.pixel import PixelState
from tests.laws import check_state_laws
from tests.metrics import oracle

CLASSES = ("background", "crack", "dent")


@st.composite
def image_pairs(draw):
    height, width = draw(st.integers(0, 5)), draw(st.integers(1, 6))
    code = st.sampled_from([0, 1, 2, 255])
    return tuple(
        np.array(draw(st.lists(code, min_size=height * width, max_size=height * width)), np.uint8).reshape(
            height, width
        )
        for _ in range(2)
    )


@given(st.lists(image_pairs(), max_size=5))
def test_both_averages_equal_plain_loops(drawn):
    state = PixelState.empty()
    for truth, prediction in drawn:
        state = state.merge(PixelState.of(truth, prediction, CLASSES))
    flat_truth = [[code for t, _ in drawn for code in t.ravel().tolist()]]
    flat_prediction = [[code for _, p in drawn for code in p.ravel().tolist()]]
    for code, name in enumerate(CLASSES):
        each = [oracle.image_iou(t.tolist(), p.tolist(), code) for t, p in drawn]
        each = [iou for iou in each if iou is not None]
        pooled = oracle.image_iou(flat_truth, flat_prediction, code)
        assert state.images_with(name) == len(each)
        if pooled is None:
            assert math.isnan(state.mean_iou(name))
            continue
        assert state.iou(name) == float(pooled)
        assert state.mean_iou(name) == pytest.approx(float(sum(each) / len(each)), abs=1e-16)
    both = list(zip(flat_truth[0], flat_prediction[0], strict=True))
    assert state.unknown_px == sum(255 in pair for pair in both)
    assert state.pooled.total == len(both)


@given(st.lists(st.tuples(image_pairs(), st.integers(0, 9), st.permutations(CLASSES)), min_size=3, max_size=5))
def test_state_laws(drawn):
    check_state_laws(PixelState, [PixelState.of(t, p, order, ambiguous_px=n) for (t, p), n, order in drawn])


def test_indexes_are_checked():
    zeros = np.zeros((2, 3), np.uint8)
    with pytest.raises(MaskError, match="the truth has 2 x 3 pixels, the prediction 3 x 2"):
        PixelState.of(zeros, zeros.T, CLASSES)
    with pytest.raises(MaskError, match="index 3 names no class, there are 3"):
        PixelState.of(zeros + 3, zeros, CLASSES)
    with pytest.raises(MaskError, match="uint8"):
        PixelState.of(zeros.astype(int), zeros, CLASSES)
    with pytest.raises(ArgumentError, match="at most 255"):
        PixelState.of(zeros, zeros, ["a", "a"])


def test_memory_layout_changes_nothing():
    rng = np.random.default_rng(0)
    truth, prediction = rng.integers(0, 3, (2, 40, 30), np.uint8)
    plain = PixelState.of(truth, prediction, CLASSES)
    assert PixelState.of(np.asfortranarray(truth), prediction, CLASSES) == plain
    assert PixelState.of(truth[::-1], prediction[::-1], CLASSES) == plain


@given(image_pairs())
def test_cells_counted_elsewhere_make_the_same_state(drawn):
    cells = np.zeros((4, 4), np.int64)
    for t, p in zip(*(np.where(side == 255, 3, side).ravel().tolist() for side in drawn), strict=True):
        cells[t, p] += 1
    assert PixelState.of_cells(cells, CLASSES, ambiguous_px=7) == PixelState.of(*drawn, CLASSES, ambiguous_px=7)


def test_cells_must_fit_the_classes():
    with pytest.raises(ArgumentError, match="do not fit 3 classes"):
        PixelState.of_cells(np.zeros((3, 3), np.int64), CLASSES)
