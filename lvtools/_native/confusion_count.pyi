from numpy import int64, uint8
from numpy.typing import NDArray
from typing_extensions import Buffer

LEVEL: int
FULL: int
STRAY: int

class Words:
    def __len__(self) -> int: ...
    def seen(self) -> list[bytes | None]: ...

class Side:
    def __init__(
        self,
        kind: str,
        data: Buffer | None,
        valid: Buffer | None,
        offset: int,
        length: int,
        *,
        base: int = 0,
        codes: int = 2,
        offsets: Buffer | None = None,
        words: Words | None = None,
    ) -> None: ...

class Cells:
    def __init__(self, rows: int, columns: int) -> None: ...
    def pairs(self) -> list[tuple[int, int, int]]: ...

def count_sides(
    truth: Side,
    truth_start: int,
    prediction: Side,
    prediction_start: int,
    length: int,
    cells: Cells,
    level: int = ...,
) -> tuple[int, int, int]: ...
def count_pixels(
    truth: NDArray[uint8], prediction: NDArray[uint8], counts: NDArray[int64], level: int = ...
) -> int: ...
