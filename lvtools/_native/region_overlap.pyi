import numpy as np
from numpy.typing import NDArray

COLUMNS: tuple[str, ...]

def count_overlaps(
    ends: NDArray[np.int32],
    labels: NDArray[np.int64],
    starts: NDArray[np.int64],
    rows: NDArray[np.int32],
    other_ends: NDArray[np.int32],
    other_labels: NDArray[np.int64],
    other_starts: NDArray[np.int64],
    other_rows: NDArray[np.int32],
    width: int,
    out: NDArray[np.int64],
    other_out: NDArray[np.int64],
) -> int: ...
