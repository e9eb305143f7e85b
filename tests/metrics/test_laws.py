"""Every state there is keeps the laws of states; a new one must be listed here before this passes."""

import inspect

import numpy as np
import pytest

from lvtools import metrics
from lvtools.metrics import BinnedSweep, ConfusionMatrix, PixelState, Sweep
from lvtools.scale.states import METRICS
from tests.laws import check_state_laws

RNG = np.random.default_rng(0)
TRUTH, SCORE = RNG.random(90) < 0.3, RNG.random(90).round(2)
INDEX = RNG.integers(0, 3, (9, 2, 10, 1), np.uint8)
NAMES = ("background", "crack", "dent")
PARTS = [slice(0, 0), slice(0, 7), slice(7, 50), slice(50, 90)]
STATES = {
    ConfusionMatrix: [ConfusionMatrix.of(TRUTH[part], SCORE[part] >= 0.5) for part in PARTS],
    Sweep: [Sweep.of(TRUTH[part], SCORE[part]) for part in PARTS],
    BinnedSweep: [BinnedSweep.of(TRUTH[part], SCORE[part], bins=16) for part in PARTS],
    PixelState: [PixelState.of(truth, prediction, NAMES) for truth, prediction in INDEX],
}


def test_every_state_is_listed_and_can_be_sent():
    merging = {one for _, one in inspect.getmembers(metrics, inspect.isclass) if hasattr(one, "merge")}
    assert merging == set(STATES) == set(METRICS.values())


@pytest.mark.parametrize("kind", STATES)
def test_laws(kind):
    check_state_laws(kind, STATES[kind])


def test_any_split_of_the_scores_is_one_pass():
    check_state_laws(Sweep, STATES[Sweep], Sweep.of(TRUTH, SCORE))
    check_state_laws(BinnedSweep, STATES[BinnedSweep], BinnedSweep.of(TRUTH, SCORE, bins=16))
    check_state_laws(ConfusionMatrix, STATES[ConfusionMatrix], ConfusionMatrix.of(TRUTH, SCORE >= 0.5))


def test_torchmetrics_counts_the_same_intersections():
    pytest.importorskip("torchmetrics", reason="torchmetrics is not installed; scikit-learn is the twin elsewhere")
    torch = pytest.importorskip("torch")
    from torchmetrics.classification import MulticlassJaccardIndex

    twin = MulticlassJaccardIndex(num_classes=3, average=None)
    state = PixelState.empty()
    for truth, prediction in INDEX:
        twin.update(torch.from_numpy(prediction.astype(np.int64)), torch.from_numpy(truth.astype(np.int64)))
        state = state.merge(PixelState.of(truth, prediction, NAMES))
    assert [state.iou(name) for name in NAMES] == pytest.approx(twin.compute().tolist(), abs=1e-6)


def test_scikit_learn_counts_the_same_intersections():
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    truth, prediction = (np.concatenate([pair[side].ravel() for pair in INDEX]) for side in (0, 1))
    state = PixelState.empty()
    for pair in INDEX:
        state = state.merge(PixelState.of(*pair, NAMES))
    expected = sklearn.jaccard_score(truth, prediction, average=None)
    assert [state.iou(name) for name in NAMES] == pytest.approx(expected.tolist(), abs=1e-12)
