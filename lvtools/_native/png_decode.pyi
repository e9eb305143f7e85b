import numpy as np
from numpy.typing import NDArray

MISUSE: int
DONE: int

def unfilter(lines: NDArray[np.uint8], prior: NDArray[np.uint8], bpp: int) -> int: ...
def expand_indexed(
    lines: NDArray[np.uint8],
    depth: int,
    table: NDArray[np.uint8],
    entries: int,
    out: NDArray[np.uint8],
    row: int,
    row_step: int,
    col: int,
    col_step: int,
) -> int: ...
def expand_samples(
    lines: NDArray[np.uint8],
    channels: int,
    sample_bytes: int,
    transparent: NDArray[np.uint16],
    out: NDArray[np.uint8],
    row: int,
    row_step: int,
    col: int,
    col_step: int,
) -> int: ...
