import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools.errors import ArgumentError
from lvtools.masks import engine, runs
from lvtools.masks.runs import RunLists, combine, joined, paint, paint_groups, runs_of_array
from tests.masks.pictures import pictures

IDENTITY = np.arange(256, dtype=np.uint8)


def check(lists: RunLists, index: np.ndarray) -> None:
    """The lists are well formed, the shortest there are, and show this picture."""
    assert (lists.height, lists.width) == index.shape
    assert (lists.ends.dtype, lists.numbers.dtype, lists.starts.dtype, lists.rows.dtype) == (
        np.int32,
        np.int32,
        np.int64,
        np.int32,
    )
    row, before = 0, None
    for g, times in enumerate(lists.rows.tolist()):
        first, stop = lists.starts[g : g + 2].tolist()
        mine = list(zip(lists.ends[first:stop].tolist(), lists.numbers[first:stop].tolist(), strict=True))
        want = [
            (c + 1, int(index[row, c]))
            for c in range(index.shape[1])
            if c + 1 == index.shape[1] or index[row, c] != index[row, c + 1]
        ]
        assert mine == want
        assert mine != before
        before = mine
        for copy in range(times):
            assert index[row + copy].tolist() == index[row].tolist()
        row += times
    assert row == index.shape[0]


@given(pictures())
def test_runs_of_a_picture(index):
    lists = runs_of_array(index)
    check(lists, index)
    assert np.array_equal(paint(lists, IDENTITY), index)
    assert np.array_equal(np.repeat(paint_groups(lists, IDENTITY), lists.rows, axis=0), index)


@given(pictures(), st.integers(1, 30))
def test_bands_make_no_difference(index, band):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "_BAND_PIXELS", band)
        check(runs_of_array(index), index)


@given(pictures(), st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_joining_gives_the_shortest_lists(index, table):
    numbers = np.array(table, np.int32)
    check(joined(runs_of_array(index), numbers), numbers[index])


@given(st.data())
def test_two_pictures_laid_over_each_other(data):
    one = data.draw(pictures())
    other = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 3, one.shape).astype(np.uint8)
    if data.draw(st.booleans()):
        other[1:] = other[0]
    found = combine(runs_of_array(one), runs_of_array(other), lambda mine, its: 4 * mine + its)
    check(found, 4 * one + other)


def test_pictures_of_different_sizes_are_not_laid_together():
    one, other = (runs_of_array(np.zeros(shape, np.uint8)) for shape in ((2, 3), (3, 2)))
    with pytest.raises(ArgumentError, match="3 x 2 and 2 x 3 pixels cannot be laid together"):
        combine(one, other, lambda mine, _: mine)


@given(pictures())
def test_counts_and_first_places(index):
    counts, first = runs_of_array(index).tally(5)
    flat = index.ravel().tolist()
    assert counts.tolist() == [flat.count(k) for k in range(5)]
    assert first.tolist() == [flat.index(k) if k in flat else -1 for k in range(5)]


@given(pictures())
def test_finding_the_run_of_a_pixel(index):
    lists = runs_of_array(index)
    rows, cols = np.indices(index.shape)
    assert np.array_equal(lists.numbers[lists.find(rows.ravel(), cols.ravel())], index.ravel())


def test_painting_without_the_engine(monkeypatch):
    index = np.array([[0, 1, 1], [0, 1, 1], [2, 2, 0]], np.uint8)
    monkeypatch.setattr(engine, "KERNEL", None)
    assert np.array_equal(paint(runs_of_array(index), IDENTITY), index)
