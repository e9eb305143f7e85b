"""Class indexes for Hypothesis, and the slow truth about regions: loops, sets and dicts; nothing of lvtools."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

Pixels = list[tuple[int, int]]  # (row, col)


@st.composite
def pictures(draw: st.DrawFn, classes: int = 3, largest: int = 12) -> np.ndarray:
    """uint8 (height, width) of 0..classes: noise, blocks, stripes, equal rows, or next to nothing."""
    height, width = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    used = draw(st.integers(0, classes))
    out = random.integers(0, used + 1, (height, width)).astype(np.uint8)
    kind = draw(st.sampled_from(["noise", "rows", "blocks", "sparse", "rings"]))
    if kind == "rows":
        out = np.repeat(out, draw(st.integers(1, 4)), axis=0)
    elif kind == "blocks":
        out = np.repeat(np.repeat(out, 3, axis=0), 2, axis=1)
    elif kind == "sparse":
        out[random.random(out.shape) < 0.8] = 0
    elif kind == "rings":
        row, col = np.indices(out.shape)
        out = (np.maximum(abs(row - height // 2), abs(col - width // 2)) % (used + 1)).astype(np.uint8)
    return out


def regions(index: np.ndarray, connectivity: int) -> list[tuple[int, Pixels]]:
    """Class and pixels of every region that is not 0, by class, then by first pixel; flood fill."""
    steps = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    if connectivity == 8:
        steps += [(1, 1), (1, -1), (-1, 1), (-1, -1)]
    values = {(r, c): int(index[r, c]) for r in range(index.shape[0]) for c in range(index.shape[1])}
    seen: set[tuple[int, int]] = set()
    found = []
    for start in sorted(values):
        if values[start] == 0 or start in seen:
            continue
        todo, pixels = [start], []
        seen.add(start)
        while todo:
            row, col = todo.pop()
            pixels.append((row, col))
            for down, right in steps:
                there = row + down, col + right
                if values.get(there) == values[start] and there not in seen:
                    seen.add(there)
                    todo.append(there)
        found.append((values[start], sorted(pixels)))
    return sorted(found, key=lambda one: (one[0], one[1][0]))


def fill(rings: list[np.ndarray], height: int, width: int) -> list[list[int]]:
    """Even-odd: a pixel is inside when a ray to the left from its middle crosses the rings an odd number of times."""
    out = [[0] * width for _ in range(height)]
    for ring in rings:
        corners = [tuple(corner) for corner in ring.tolist()]
        for (x, y), (x_next, y_next) in zip(corners, [*corners[1:], corners[0]], strict=True):
            assert (x == x_next) != (y == y_next), "edges of exact outlines run along the pixels"
            for row in range(min(y, y_next), max(y, y_next)):
                for col in range(x, width):
                    out[row][col] ^= 1
    return out


def twice_area(ring: np.ndarray) -> int:
    """Twice the signed area; positive for a ring that runs clockwise on a screen, where y grows downward."""
    corners = ring.tolist()
    return sum(
        x * y_next - x_next * y for (x, y), (x_next, y_next) in zip(corners, [*corners[1:], corners[0]], strict=True)
    )


def column_counts(index: np.ndarray, number: int) -> list[int]:
    """COCO's counts: outside, inside, outside ... down the columns."""
    counts, inside = [0], False
    for col in range(index.shape[1]):
        for row in range(index.shape[0]):
            if (index[row, col] == number) != inside:
                inside = not inside
                counts.append(0)
            counts[-1] += 1
    return counts


def counts_of_text(text: str) -> list[int]:
    """COCO's compressed text read back, by the description of its format."""
    counts: list[int] = []
    value = shift = 0
    for sign in text:
        bits = ord(sign) - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            if bits & 0x10:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts
