"""Outlines of regions as polygons of pixel corners, with holes: exact, or with fewer corners within a tolerance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lvtools._native import mask_runs
from lvtools.errors import ArgumentError
from lvtools.masks.regions import label
from lvtools.masks.runs import Int32s, Int64s, RunLists, joined


class Polygon(NamedTuple):
    """One region: pixels that hang together by their sides. Its rings are simple, so that it is valid for GIS tools.

    Attributes
    ----------
    exterior : ndarray of int32, shape (corners, 2)
        x, y of pixel corners: 0..width, 0..height. Clockwise on the screen, from the left corner of the topmost edge;
        the first corner is not repeated.
    holes : tuple of ndarray of int32, shape (corners, 2)
        Counter-clockwise. A hole may touch the exterior or another hole in single points, never in a line.
    """

    exterior: Int32s
    holes: tuple[Int32s, ...]


def outline(lists: RunLists, number: int, tolerance: float = 0.0) -> list[Polygon]:
    """The polygons of one number, by first pixel; filled by even and odd they are its pixels, no more and no fewer.

    Raises
    ------
    ArgumentError
        `tolerance` is negative or no number.
    """
    if not (isinstance(tolerance, (int, float)) and math.isfinite(tolerance) and tolerance >= 0):
        raise ArgumentError(f"tolerance={tolerance!r}", hint="how far, in pixels, the outline may move; 0 is exact")
    chosen = np.zeros(max(number, int(lists.numbers.max())) + 1, np.int32)
    chosen[number] = 1
    binary = joined(lists, chosen)
    labels, count = label(binary, 4)
    exteriors: list[Int32s | None] = [None] * count
    holes: list[list[Int32s]] = [[] for _ in range(count)]
    rings = list(_rings(binary))
    # A ring starts at the left end of its topmost edge: below that edge lies the region, or else a hole in it.
    start = np.array([ring[0] for ring in rings], np.int64).reshape(-1, 2)
    is_hole = np.array([ring[1, 1] != ring[0, 1] for ring in rings], np.bool_)
    region = labels[binary.find(start[:, 1] - is_hole, start[:, 0])]
    for ring, inner, number in zip(rings, is_hole.tolist(), region.tolist(), strict=True):
        if inner:
            holes[number].append(_simpler(ring, tolerance))
        else:
            exteriors[number] = _simpler(ring, tolerance)
    return [
        Polygon(exterior, tuple(inner))
        for exterior, inner in zip(exteriors, holes, strict=True)
        if exterior is not None  # never None: a region has an outline
    ]


def _rings(binary: RunLists) -> Iterator[Int32s]:
    """The outlines of the pixels numbered 1, from the top: simple rings with the region on their right."""
    corners, order, firsts, doubles = _walk(binary)
    stops = np.append(firsts, len(order))[1:]
    ring_of = np.empty(len(order), np.int64)
    ring_of[order] = np.repeat(np.arange(len(firsts)), stops - firsts)
    pinched = set(ring_of[doubles][ring_of[doubles] == ring_of[doubles - 1]].tolist())
    start = corners[order[firsts]]
    is_hole = binary.numbers[binary.find(start[:, 1], start[:, 0])] == 0
    for number, (first, stop) in enumerate(zip(firsts.tolist(), stops.tolist(), strict=True)):
        ring = corners[order[first:stop]]
        if is_hole[number]:
            ring = np.concatenate([ring[:1], ring[:0:-1]])  # the same start, the other way round
        yield from _split(ring) if number in pinched else (ring,)


def _split(ring: Int32s) -> list[Int32s]:
    """A ring that comes to a corner twice, as rings that do not: there the region touches itself by a corner."""
    loops: list[list[tuple[int, int]]] = []
    path: list[tuple[int, int]] = []
    place: dict[tuple[int, int], int] = {}
    for x, y in ring.tolist():
        corner = x, y
        if corner in place:
            at = place[corner]
            loops.append(path[at:])
            for left in path[at:]:
                del place[left]
            del path[at:]
        place[corner] = len(path)
        path.append(corner)
    out = []
    for loop in [*loops, path]:
        start = min(range(len(loop)), key=lambda k: (loop[k][1], loop[k][0]))
        out.append(np.array(loop[start:] + loop[:start], np.int32))
    return out


def _walk(binary: RunLists) -> tuple[Int32s, Int64s, Int64s, Int64s]:
    """The corners (x, y) of the pixels numbered 1, sorted by y and x; their order ring by ring; each ring's first
    place; and which corners stand there the second time.

    A corner is a column where one of two neighbouring rows changes side; or where both do, in opposite directions:
    there two regions meet by a corner, and it stands twice, once for each. Along a row of corners every first is joined
    to every second by an edge, and along a column likewise.
    """
    inside = binary.numbers == 1
    stride = binary.width + 1
    group, begins, ends = binary.groups()[inside], binary.begins()[inside], binary.ends[inside]
    below = np.concatenate([group * stride + begins, group * stride + ends])
    rising = np.concatenate([np.ones(len(group), np.bool_), np.zeros(len(group), np.bool_)])
    keys = np.concatenate([below, below + stride])  # as edge of the rows below the corner, and above it
    rises = np.concatenate([rising, rising])
    is_above = np.repeat([False, True], len(below))
    order = np.lexsort((is_above, keys))
    keys, rises, is_above = keys[order], rises[order], is_above[order]
    twice = np.zeros(len(keys), np.bool_)
    np.equal(keys[1:], keys[:-1], out=twice[1:])
    straight = np.zeros(len(keys), np.bool_)
    straight[1:] = twice[1:] & (rises[1:] == rises[:-1])  # the edge goes on: no corner
    gone = straight.copy()
    gone[:-1] |= straight[1:]
    keys, rises, twice = keys[~gone], rises[~gone], twice[~gone]

    corners = np.stack([keys % stride, binary.tops()[keys // stride]], axis=1).astype(np.int32)
    # Slots come in pairs along a row. At a double corner the first slot ends the edge from the left, the second starts
    # the one to the right; the pixels decide which of them has the edge from above. Slot order there: below, above.
    n = len(keys)
    across = np.arange(n) ^ 1
    second = np.flatnonzero(twice)
    rank = np.zeros(n, np.int8)
    # Rows above rise: their pixel is right of the corner, so the right slot has the edge that comes from above.
    from_right = rises[second]
    rank[second] = ~from_right
    rank[second - 1] = from_right
    column = np.lexsort((rank, corners[:, 1], corners[:, 0]))
    along = np.empty(n, np.int64)
    along[column] = column[np.arange(n) ^ 1]
    ring_order, firsts = np.empty(n, np.int64), np.empty(n, np.int64)
    rings = mask_runs.trace_rings(across, along, np.zeros(n, np.uint8), ring_order, firsts)
    if rings < 0:
        raise AssertionError("an outline that does not close")
    return corners, ring_order, firsts[:rings], second


def _simpler(ring: Int32s, tolerance: float) -> Int32s:
    """The ring with corners left out that lie within `tolerance` of the line between those kept (Douglas and Peucker).

    The corner that starts the ring and the one farthest from it are always kept. A ring of which less than a triangle
    would be left is returned as it is: no region disappears.
    """
    if tolerance == 0 or len(ring) <= 4:
        return ring
    points = ring.astype(np.float64)
    far = int(np.argmax(((points - points[0]) ** 2).sum(axis=1)))
    closed = np.concatenate([points, points[:1]])
    kept = np.zeros(len(closed), np.bool_)
    kept[[0, far, len(points)]] = True
    open_ = [(0, far), (far, len(points))]
    while open_:
        first, last = open_.pop()
        if last - first < 2:
            continue
        a, b = closed[first], closed[last]
        between = closed[first + 1 : last] - a
        along = b - a
        share = np.clip(between @ along / (along @ along), 0, 1)
        distance = np.hypot(*(between - share[:, None] * along).T)
        worst = int(np.argmax(distance))
        if distance[worst] > tolerance:
            middle = first + 1 + worst
            kept[middle] = True
            open_ += [(first, middle), (middle, last)]
    chosen = ring[kept[:-1]]
    return chosen if len(chosen) >= 3 else ring
