from typing import Any

from numpy import float64, floating, int64, uint8
from numpy.typing import NDArray

Scores = NDArray[floating[Any]]  # float32 or float64, the same for all of a call

LEVEL: int
AVX512: bool
SLACK: int

def split(
    score: Scores, truth: NDArray[uint8], positives: Scores, negatives: Scores, level: int = ...
) -> tuple[int, int, int]: ...
def keep_outside(
    score: Scores, starts: NDArray[int64], stops: NDArray[int64], bound: float, out: Scores, level: int = ...
) -> tuple[int, int]: ...
def sort(scores: Scores, scratch: Scores) -> None: ...
def merge(positives: Scores, negatives: Scores) -> tuple[int, float, int, int]: ...
def ranks(positives: Scores, negatives: Scores, below: NDArray[int64], upto: NDArray[int64]) -> None: ...
def overlaps(
    positives: Scores,
    ends: NDArray[int64],
    negatives: Scores,
    limit: float,
    scratch: Scores,
    whole: NDArray[int64],
    twice: NDArray[int64],
    part: NDArray[float64],
) -> None: ...
