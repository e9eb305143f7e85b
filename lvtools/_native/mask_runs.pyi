import numpy as np
from numpy.typing import NDArray

def label_runs(
    ends: NDArray[np.int32],
    numbers: NDArray[np.int32],
    starts: NDArray[np.int64],
    width: int,
    eight: bool,
    labels: NDArray[np.int64],
) -> int: ...
def trace_rings(
    across: NDArray[np.int64],
    along: NDArray[np.int64],
    seen: NDArray[np.uint8],
    order: NDArray[np.int64],
    firsts: NDArray[np.int64],
) -> int: ...
