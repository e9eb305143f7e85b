import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools._native import mask_runs
from lvtools.errors import ArgumentError
from lvtools.masks import BOX_SCHEMA, COMPONENT_SCHEMA
from lvtools.masks.regions import box_table, component_table
from lvtools.masks.runs import runs_of_array
from tests.masks.pictures import pictures, regions

NAMES = ["bg", "a", "b", None]


@given(pictures(), st.sampled_from([4, 8]))
def test_components_are_those_of_a_flood_fill(index, connectivity):
    table = component_table(runs_of_array(index), NAMES, connectivity)
    assert table.schema.equals(COMPONENT_SCHEMA)
    want = []
    for number, pixels in regions(index, connectivity):
        rows, cols = zip(*pixels, strict=True)
        box = min(cols), min(rows), max(cols) - min(cols) + 1, max(rows) - min(rows) + 1
        centroid = sum(cols) / len(cols), sum(rows) / len(rows)
        want.append((NAMES[number], len(pixels), *box, *centroid, *pixels[0]))
    assert list(zip(*(column.to_pylist() for column in table.columns), strict=True)) == want


@given(pictures())
def test_boxes_hold_all_pixels_of_a_class(index):
    table = box_table(runs_of_array(index), NAMES)
    assert table.schema.equals(BOX_SCHEMA)
    want = []
    for number in sorted(set(index.ravel().tolist()) - {0}):
        rows, cols = np.nonzero(index == number)
        left, top = int(cols.min()), int(rows.min())
        want.append((NAMES[number], len(rows), left, top, int(cols.max()) - left + 1, int(rows.max()) - top + 1))
    assert list(zip(*(column.to_pylist() for column in table.columns), strict=True)) == want


@given(pictures(largest=40), st.sampled_from([4, 8]))
def test_components_are_those_of_opencv(index, connectivity):
    cv2 = pytest.importorskip("cv2")
    table = component_table(runs_of_array(index), NAMES, connectivity)
    names = np.array(table["class_name"].to_pylist(), object)
    for number in (1, 2):
        picture = (index == number).astype(np.uint8)
        _, _, stats, centroids = cv2.connectedComponentsWithStats(picture, connectivity=connectivity)
        mine = table.filter(names == NAMES[number])
        columns = ("left", "top", "width", "height", "area_px", "centroid_x", "centroid_y")
        found = sorted(zip(*(mine[name].to_pylist() for name in columns), strict=True))
        want = sorted((*stat.tolist(), *centre.tolist()) for stat, centre in zip(stats[1:], centroids[1:], strict=True))
        assert [one[:5] for one in found] == [one[:5] for one in want]
        assert np.allclose(found, want, rtol=0, atol=1e-9)


def test_a_long_diagonal_is_one_region_or_many():
    index = np.eye(500, dtype=np.uint8)
    assert component_table(runs_of_array(index), NAMES, 8).num_rows == 1
    assert component_table(runs_of_array(index), NAMES, 4).num_rows == 500


def test_other_connectivities_are_refused():
    with pytest.raises(ArgumentError, match="connectivity=6"):
        component_table(runs_of_array(np.ones((1, 1), np.uint8)), NAMES, 6)


def ints(*values, kind=np.int32):
    return np.array(values, kind)


@pytest.mark.parametrize(
    ("ends", "numbers", "starts", "width", "places"),
    [
        (ints(), ints(), ints(0, kind=np.int64), 2, 0),
        (ints(2), ints(1), ints(0, 1, kind=np.int64), 3, 1),  # not the whole width
        (ints(2, 2), ints(1, 0), ints(0, 2, kind=np.int64), 2, 2),  # an empty run
        (ints(2, 1), ints(1, 0), ints(0, 2, kind=np.int64), 1, 2),  # descending
        (ints(2), ints(1, 1), ints(0, 1, kind=np.int64), 2, 1),  # numbers too many
        (ints(2), ints(1), ints(0, 1, kind=np.int64), 2, 2),  # labels too many
        (ints(2), ints(1), ints(0, 9, kind=np.int64), 2, 1),  # starts leave the runs
        (ints(2, 2), ints(1, 1), ints(0, 2, 1, 2, kind=np.int64), 2, 2),
        (ints(2), ints(1), ints(1, 1, kind=np.int64), 2, 1),
    ],
)
def test_the_kernel_refuses_what_is_no_run_list(ends, numbers, starts, width, places):
    assert mask_runs.label_runs(ends, numbers, starts, width, True, np.zeros(places, np.int64)) == -1
