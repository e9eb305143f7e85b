"""Class names made comparable: the two-class task in one spelling, scores turned into classes at a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lvtools.errors import ArgumentError
from lvtools.metrics import ConfusionMatrix

DEFAULT_THRESHOLD = 0.5
NEGATIVE = "normal"


class Decisions(NamedTuple):
    """What was true and what was called, image by image.

    `positive` and `negative` are None when the task has more than two classes. `threshold` is None when every class
    came with the predictions; `assumed` says that nobody asked for the threshold.
    """

    truth: list[str]
    prediction: list[str]
    positive: str | None
    negative: str | None
    threshold: float | None
    assumed: bool

    def matrix(self) -> ConfusionMatrix:
        """The normal class first, then the anomaly; more than two classes sorted."""
        two = [self.negative, self.positive] if self.positive is not None else None
        return ConfusionMatrix.of(self.truth, self.prediction, two)


def decide(
    truth: Sequence[str],
    prediction: Sequence[str | None],
    score: Sequence[float | None],
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
    words = {name.casefold(): name for name in [*(p for p in reversed(prediction) if p is not None), *reversed(truth)]}
    wanted = positive.casefold()
    others = [word for word in words if word != wanted]
    two = len(others) <= 1 and (wanted in words or others == [NEGATIVE])
    scored = [
        value is not None and (called is None or (threshold is not None and two))
        for value, called in zip(score, prediction, strict=True)
    ]
    if not two:
        if any(scored):
            raise ArgumentError(
                f"scores alone cannot decide between the classes {', '.join(sorted(words.values()))}",
                hint=f"predict class names, or use a truth of two classes, one of them {positive!r}",
            )
        return Decisions(list(truth), [str(called) for called in prediction], None, None, None, False)
    # 'Anomaly' and 'Normal' are written as the service wrote them; other names as the truth has them.
    known = {"anomaly": "anomaly", NEGATIVE: NEGATIVE}
    yes = known.get(wanted, words.get(wanted, positive))
    no = known.get(others[0], words[others[0]]) if others else NEGATIVE
    names = {wanted: yes}
    limit = threshold if threshold is not None else DEFAULT_THRESHOLD
    called_as = []
    for by_score, value, called in zip(scored, score, prediction, strict=True):
        if by_score and value is not None:
            called_as.append(yes if value >= limit else no)
        else:
            called_as.append(names.get(str(called).casefold(), no))
    used = limit if any(scored) else None
    return Decisions(
        [names.get(name.casefold(), no) for name in truth],
        called_as,
        yes,
        no,
        used,
        used is not None and threshold is None,
    )
