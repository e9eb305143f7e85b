from typing import Any

from numpy import floating, int64, uint8
from numpy.typing import NDArray

def count_runs(mask: NDArray[uint8]) -> int: ...
def label_runs(mask: NDArray[uint8], starts: NDArray[int64], stops: NDArray[int64], labels: NDArray[int64]) -> int: ...
def gather_runs(
    scores: NDArray[floating[Any]], starts: NDArray[int64], stops: NDArray[int64], out: NDArray[floating[Any]]
) -> int: ...
