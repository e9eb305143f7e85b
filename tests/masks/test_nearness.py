import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvtools.masks import nearness
from lvtools.masks.nearness import channels, origins

COLORS = st.tuples(*[st.integers(0, 255)] * 3)


def on_line(color, one, other):
    """Share and distance, by the dot product written out."""
    along = [b - a for a, b in zip(one, other, strict=True)]
    share = sum((c - a) * d for c, a, d in zip(color, one, along, strict=True)) / sum(d * d for d in along)
    share = min(1.0, max(0.0, share))
    return share, math.dist(color, [a + share * d for a, d in zip(one, along, strict=True)])


def origin(color, declared):
    best = min(range(len(declared)), key=lambda k: (math.dist(color, declared[k]), k))
    line = math.inf
    for j, one in enumerate(declared):
        for k in range(j + 1, len(declared)):
            if any(on_line(third, one, declared[k])[1] <= 48 for n, third in enumerate(declared) if n not in (j, k)):
                continue
            share, distance = on_line(color, one, declared[k])
            if distance <= 6 and distance < line - 1e-9:
                line, best = distance, j if share <= 0.5 else k
    return best, line


@given(st.lists(COLORS, max_size=6), st.lists(COLORS, min_size=1, max_size=5, unique=True))
@settings(max_examples=300)
def test_origins_are_those_of_the_definition(colors, declared):
    # Exact halves and equal distances depend on rounding; whatever is chosen then is as near.
    found = origins(np.array(colors, np.int64).reshape(-1, 3), np.array(declared, np.int64))
    assert len(found.place) == len(found.distance) == len(found.off_line) == len(colors)
    for k, color in enumerate(colors):
        place, line = origin(color, declared)
        chosen = declared[int(found.place[k])]
        assert found.distance[k] == pytest.approx(math.dist(color, chosen))
        assert found.off_line[k] == pytest.approx(line, abs=1e-6) or line == pytest.approx(6)
        if int(found.place[k]) != place and line == math.inf:
            assert math.dist(color, chosen) == pytest.approx(math.dist(color, declared[place]))


def test_a_smoothed_edge_gets_no_rim_of_a_third_class():
    declared = channels([0xFFFFFF, 0x23A436, 0x14A3B3])
    edge = np.array([[255 - round(s * 220), 255 - round(s * 91), 255 - round(s * 201)] for s in (0.1, 0.45, 0.55, 0.9)])
    assert origins(edge, declared).place.tolist() == [0, 0, 1, 1]
    assert (origins(edge, declared).off_line < 1).all()


def test_a_class_between_two_others_divides_their_line():
    declared = channels([0x000000, 0xFFFFFF, 0x808080])
    assert origins(channels([0x7F7F7F, 0x202020, 0xE0E0E0, 0x505050]), declared).place.tolist() == [2, 0, 1, 2]


def test_of_two_as_near_the_first():
    declared = channels([0xFF0000, 0x00FF00, 0x0000FF])
    assert origins(channels([0x000000, 0x808080]), declared).place.tolist() == [0, 0]
    assert origins(channels([0x000000]), declared[::-1]).place.tolist() == [0]


def test_steps_make_no_difference(monkeypatch):
    rng = np.random.default_rng(5)
    colors, declared = rng.integers(0, 256, (100, 3)), rng.integers(0, 256, (5, 3))
    whole = origins(colors, declared)
    monkeypatch.setattr(nearness, "_AT_ONCE", 7)
    assert all(np.array_equal(a, b) for a, b in zip(whole, origins(colors, declared), strict=True))
