import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvtools._native import mask_runs
from lvtools.errors import ArgumentError
from lvtools.masks.polygons import outline
from lvtools.masks.runs import runs_of_array
from tests.masks.pictures import fill, pictures, regions, twice_area


def rings_of(polygons):
    return [ring for polygon in polygons for ring in (polygon.exterior, *polygon.holes)]


@given(pictures(classes=2), st.integers(0, 3))
@settings(max_examples=300)
def test_filled_by_even_and_odd_they_are_the_pixels(index, number):
    polygons = outline(runs_of_array(index), number)
    assert fill(rings_of(polygons), *index.shape) == (index == number).astype(int).tolist()


@given(pictures(classes=2))
@settings(max_examples=300)
def test_each_region_has_a_polygon_of_simple_rings(index):
    polygons = outline(runs_of_array(index), 1)
    want = [pixels for number, pixels in regions(index, 4) if number == 1]
    assert len(polygons) == len(want)
    for polygon, pixels in zip(polygons, want, strict=True):
        assert polygon.exterior.dtype == np.int32
        assert polygon.exterior[0].tolist() == [pixels[0][1], pixels[0][0]], "by first pixel, from its corner"
        assert twice_area(polygon.exterior) > 0
        assert all(twice_area(hole) < 0 for hole in polygon.holes)
        assert sum(map(twice_area, (polygon.exterior, *polygon.holes))) == 2 * len(pixels)
        filled = fill([polygon.exterior, *polygon.holes], *index.shape)
        assert [(r, c) for r, row in enumerate(filled) for c, inside in enumerate(row) if inside] == pixels
        for ring in (polygon.exterior, *polygon.holes):
            corners = [tuple(corner) for corner in ring.tolist()]
            assert len(set(corners)) == len(corners) >= 4
            assert min(corners, key=lambda corner: (corner[1], corner[0])) == corners[0]
            for before, corner, after in zip(
                [corners[-1], *corners], corners, [*corners[1:], corners[0]], strict=False
            ):
                assert (before[0] == corner[0]) != (after[0] == corner[0]), "every corner turns"


def test_one_pixel():
    (polygon,) = outline(runs_of_array(np.ones((1, 1), np.uint8)), 1)
    assert polygon.exterior.tolist() == [[0, 0], [1, 0], [1, 1], [0, 1]]
    assert polygon.holes == ()


def test_a_region_that_meets_itself_by_a_corner_has_a_hole_there():
    index = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], np.uint8)
    (polygon,) = outline(runs_of_array(index), 1)
    assert polygon.exterior.tolist() == [[0, 0], [3, 0], [3, 2], [2, 2], [2, 3], [0, 3]]
    assert [hole.tolist() for hole in polygon.holes] == [[[1, 1], [1, 2], [2, 2], [2, 1]]]


def test_nothing_has_no_polygon():
    assert outline(runs_of_array(np.zeros((3, 3), np.uint8)), 1) == []


def distance(point, a, b):
    along, off = b - a, point - a
    share = min(1.0, max(0.0, float(off @ along) / float(along @ along)))
    return float(np.hypot(*(off - share * along)))


@given(pictures(classes=1, largest=20), st.sampled_from([0.5, 0.8, 1.5, 4.0]))
def test_simpler_outlines_stay_within_the_tolerance(index, tolerance):
    lists = runs_of_array(index)
    exact, simpler = (rings_of(outline(lists, 1, given_)) for given_ in (0, tolerance))
    assert len(exact) == len(simpler)
    for ring, fewer in zip(exact, simpler, strict=True):
        assert 3 <= len(fewer) <= len(ring)
        places = [ring.tolist().index(corner) for corner in fewer.tolist()]
        assert places == sorted(places), "corners are left out, never moved"
        for first, last in zip(places, [*places[1:], places[0] + len(ring)], strict=True):
            for between in range(first + 1, last):
                a, b, corner = (ring[k % len(ring)].astype(float) for k in (first, last, between))
                assert distance(corner, a, b) <= tolerance


def test_a_circle_needs_few_corners():
    row, col = np.indices((101, 101))
    index = ((row - 50) ** 2 + (col - 50) ** 2 <= 1600).astype(np.uint8)
    lists = runs_of_array(index)
    (exact,), (simple,) = outline(lists, 1), outline(lists, 1, 1.0)
    assert len(exact.exterior) > 100 > 40 > len(simple.exterior)
    assert abs(twice_area(simple.exterior) / 2 - index.sum()) < 0.03 * index.sum()


@pytest.mark.parametrize("tolerance", [-1, float("nan"), float("inf"), "1"])
def test_tolerances_that_cannot_be_meant(tolerance):
    with pytest.raises(ArgumentError, match="tolerance="):
        outline(runs_of_array(np.ones((2, 2), np.uint8)), 1, tolerance)


@pytest.mark.parametrize(
    ("across", "along", "places"),
    [
        ([1, 0], [1, 1], 2),
        ([1, 1], [1, 0], 2),
        ([0, 1], [1, 0], 2),
        ([1, 0], [0, 1], 2),
        ([2, 0], [1, 0], 2),
        ([1, 0], [-1, 0], 2),
        ([1, 0], [1, 0], 3),
    ],
)
def test_the_kernel_refuses_partners_that_are_none(across, along, places):
    arrays = [np.array(one, np.int64) for one in (across, along)]
    out = [np.zeros(places, np.int64) for _ in range(2)]
    assert mask_runs.trace_rings(*arrays, np.zeros(places, np.uint8), *out) == -1
