import numpy as np
from numpy.typing import NDArray

OK: int
DAMAGED: int
NO_ROOM: int
REFERRED: int

def has_avx2() -> bool: ...
def crc32(data: bytes | memoryview) -> int: ...

class Workspace:
    def colors(
        self, data: bytes | memoryview, limits: tuple[int, int, int, int], multiplier: int, most_colors: int
    ) -> int | dict[int, int]: ...
    def count(
        self,
        masks: list[bytes | memoryview],
        limits: tuple[int, int, int, int],
        multiplier: int,
        most_colors: int,
    ) -> tuple[int, bytes, bytes, bytes, bytes]: ...
    def read(
        self,
        data: bytes | memoryview,
        limits: tuple[int, int, int, int],
        multiplier: int,
        most_colors: int,
        most_kept: int = 0,
    ) -> int | tuple[int, int, bytes, bytes, bytes, bytes, bytes, bytes, bytes]: ...

def paint(
    ends: NDArray[np.int32],
    numbers: NDArray[np.int32],
    starts: NDArray[np.int64],
    rows: NDArray[np.int32],
    values: NDArray[np.uint8],
    out: NDArray[np.uint8],
) -> int: ...
def pair(
    ends: NDArray[np.int32],
    numbers: NDArray[np.int32],
    starts: NDArray[np.int64],
    rows: NDArray[np.int32],
    other_ends: NDArray[np.int32],
    other_numbers: NDArray[np.int32],
    other_starts: NDArray[np.int64],
    other_rows: NDArray[np.int32],
    width: int,
    out: NDArray[np.int64],
) -> int: ...
