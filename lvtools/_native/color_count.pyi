import numpy as np
from numpy.typing import NDArray

MISUSE: int

def index_colors(colors: NDArray[np.uint32], used: int, multiplier: int, slots: NDArray[np.int32]) -> int: ...
def count_colors(
    pixels: NDArray[np.uint8],
    start: int,
    offset: int,
    multiplier: int,
    slots: NDArray[np.int32],
    colors: NDArray[np.uint32],
    counts: NDArray[np.int64],
    first: NDArray[np.int64],
    used: int,
) -> tuple[int, int]: ...
def number_colors(
    pixels: NDArray[np.uint8], colors: NDArray[np.uint32], numbers: NDArray[np.uint8], out: NDArray[np.uint8]
) -> int: ...
