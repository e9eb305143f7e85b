"""Class names made comparable: the two-class task in one spelling, scores turned into classes at a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lvtools.errors import ArgumentError
from lvtools.metrics import ConfusionMatrix

DEFAULT_THRESHOLD = 0.5
NEGATIVE = "normal"


class Decisions(NamedTuple):
    """What was true and what was called, image by image.

    `truth` and `prediction` are dictionary arrays of int32 and string. `positive` and `negative` are None when the
    task has more than two classes. `threshold` is None when every class came with the predictions; `assumed` says
    that nobody asked for the threshold.
    """

    truth: pa.DictionaryArray
    prediction: pa.DictionaryArray
    positive: str | None
    negative: str | None
    threshold: float | None
    assumed: bool

    def matrix(self) -> ConfusionMatrix:
        """The normal class first, then the anomaly; more than two classes sorted."""
        two = [self.negative, self.positive] if self.positive is not None else None
        return ConfusionMatrix.of(self.truth, self.prediction, two)

    def normal(self, side: pa.DictionaryArray) -> NDArray[np.bool_]:
        """Which images are normal: the class that is not looked for; with more than two, the one so called."""
        names = side.dictionary.to_pylist()
        if self.positive is not None:
            normal = [name == self.negative for name in names]
        else:
            normal = [name.casefold() == NEGATIVE for name in names]
        return _of_codes(normal, side)


def decide(
    truth: Sequence[str] | pa.ChunkedArray,
    prediction: Sequence[str | None] | pa.ChunkedArray,
    score: Sequence[float | None] | pa.ChunkedArray,
    *,
    threshold: float | None,
    positive: str,
) -> Decisions:
    """Bring both sides to the same names.

    Two classes one of which is `positive`, compared without case ('Anomaly', 'anomaly'), are a two-class task. A
    threshold that is given decides every image that has a score; without one, 0.5 decides those that have only a score.

    Raises
    ------
    ArgumentError
        The threshold is outside 0..1, or scores stand against more than two classes.
    """
    if threshold is not None and not 0 <= threshold <= 1:
        raise ArgumentError(f"threshold is {threshold}, scores lie in 0..1")
    true, called = _coded(truth), _coded(prediction)
    scores = _whole(score, pa.float64())
    words = {
        name.casefold(): name
        for coded in (called, true)
        for name in reversed(coded.dictionary.to_pylist())  # so that the truth's first spelling stays
    }
    wanted = positive.casefold()
    others = [word for word in words if word != wanted]
    two = len(others) <= 1 and (wanted in words or others == [NEGATIVE])
    scored = scores.is_valid().to_numpy(zero_copy_only=False)
    if threshold is None or not two:
        scored &= called.is_null().to_numpy(zero_copy_only=False)
    if not two:
        if scored.any():
            raise ArgumentError(
                f"scores alone cannot decide between the classes {', '.join(sorted(words.values()))}",
                hint=f"predict class names, or use a truth of two classes, one of them {positive!r}",
            )
        return Decisions(true, called, None, None, None, False)
    # 'Anomaly' and 'Normal' are written as the service wrote them; other names as the truth has them.
    known = {"anomaly": "anomaly", NEGATIVE: NEGATIVE}
    yes = known.get(wanted, words.get(wanted, positive))
    no = known.get(others[0], words[others[0]]) if others else NEGATIVE
    limit = threshold if threshold is not None else DEFAULT_THRESHOLD
    is_true, is_called = (_positive(coded, wanted) for coded in (true, called))
    high = pc.fill_null(scores, 0.0).to_numpy() >= limit
    is_called = np.where(scored, high, is_called)
    used = limit if scored.any() else None
    names = pa.array([no, yes], pa.string())
    true, called = (pa.DictionaryArray.from_arrays(side.astype(np.int32), names) for side in (is_true, is_called))
    return Decisions(true, called, yes, no, used, used is not None and threshold is None)


def _whole(values: Sequence[object] | pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks()
    return pa.array(values, kind)


def _coded(values: Sequence[str | None] | pa.ChunkedArray) -> pa.DictionaryArray:
    """Class names as numbers, 4 bytes an image, the names in order of first sight."""
    return _whole(values, pa.string()).dictionary_encode()


def _positive(coded: pa.DictionaryArray, wanted: str) -> NDArray[np.bool_]:
    return _of_codes([name.casefold() == wanted for name in coded.dictionary.to_pylist()], coded)


def _of_codes(values: Sequence[bool], coded: pa.DictionaryArray) -> NDArray[np.bool_]:
    """The value of each image's class; no class is False."""
    found: NDArray[np.bool_] = np.array([*values, False])[pc.fill_null(coded.indices, -1).to_numpy()]
    return found
