"""Which declared colour another colour comes from: the nearest one, or the nearer end of the line it was mixed on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Channels = NDArray[np.int64]  # (n, 3): R, G, B

ON_LINE = 6.0  # how far rounding and colour management move a mixture, in R, G, B
_NEAR_LINE = 48.0  # a declared colour that close to the line of two others divides it
_MAX_DECLARED = 24  # colours whose mixtures are looked into, the first ones: 276 pairs
_AT_ONCE = 2**16  # colours compared in one step


class Origins(NamedTuple):
    """For each colour the place of the declared one it comes from, how far that is, and how far it is off a line.

    `place` is int64, `distance` and `off_line` are float64, all (n,). `off_line` is infinite where no line comes near.
    """

    place: NDArray[np.int64]
    distance: NDArray[np.float64]
    off_line: NDArray[np.float64]


def channels(colors: list[int]) -> Channels:
    """0xRRGGBB to R, G, B: int64 (n, 3)."""
    packed = np.array(colors, np.int64)
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1)


def origins(colors: Channels, declared: Channels) -> Origins:
    """Where colours come from.

    A colour within `ON_LINE` of the line between two declared ones is a mixture of them and comes from the nearer of
    the two, even where a third is nearer still: else the smoothed edge between white and green would get a rim of
    turquoise. Every other colour comes from the nearest one. Of several as near, the first.
    """
    parts = [_some(colors[first : first + _AT_ONCE], declared) for first in range(0, max(1, len(colors)), _AT_ONCE)]
    return Origins(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _some(colors: Channels, declared: Channels) -> Origins:
    place, square = np.zeros(len(colors), np.int64), np.full(len(colors), 2**40, np.int64)
    for k, one in enumerate(declared):
        apart = ((colors - one) ** 2).sum(axis=1)
        nearer = apart < square
        place[nearer], square[nearer] = k, apart[nearer]
    off_line = np.full(len(colors), np.inf)
    for j, k in _pairs(declared):
        share, distance = _to_line(colors, declared[j], declared[k])
        nearer = (distance <= ON_LINE) & (distance < off_line)
        off_line[nearer] = distance[nearer]
        place[nearer] = np.where(share[nearer] <= 0.5, j, k)
    chosen = declared[place] if len(declared) else colors
    return Origins(place, np.sqrt(((colors - chosen) ** 2).sum(axis=1)), off_line)


def _pairs(declared: Channels) -> Iterator[tuple[int, int]]:
    """The pairs of declared colours that no third one lies between."""
    some = declared[:_MAX_DECLARED]
    for j in range(len(some)):
        for k in range(j + 1, len(some)):
            _, distance = _to_line(declared, some[j], some[k])
            if (distance <= _NEAR_LINE).sum() == 2:  # the two themselves
                yield j, k


def _to_line(colors: Channels, one: Channels, other: Channels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where on the line between two colours each one has its nearest point, 0..1 from the first; and how far it is."""
    off, along = (colors - one).astype(np.float64), (other - one).astype(np.float64)
    share = np.clip(off @ along / (along @ along), 0, 1)
    return share, np.sqrt(((off - share[:, None] * along) ** 2).sum(axis=1))
