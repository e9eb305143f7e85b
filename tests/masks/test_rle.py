import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools.masks.rle import compress, encode_rle
from lvtools.masks.runs import runs_of_array
from tests.masks.pictures import column_counts, counts_of_text, pictures


@given(pictures(), st.integers(0, 3))
def test_counts_are_those_of_a_walk_down_the_columns(index, number):
    lists = runs_of_array(index)
    plain, text = encode_rle(lists, number, compressed=False), encode_rle(lists, number)
    assert plain == {"size": list(index.shape), "counts": column_counts(index, number)}
    assert text["size"] == plain["size"]
    assert counts_of_text(text["counts"]) == plain["counts"]


@given(st.lists(st.integers(0, 2**28), min_size=1, max_size=12))
def test_the_text_holds_any_counts(counts):
    assert counts_of_text(compress(np.array(counts, np.int64))) == counts


@given(pictures(largest=40), st.integers(0, 3))
def test_the_text_is_that_of_pycocotools(index, number):
    theirs = pytest.importorskip("pycocotools.mask")
    want = theirs.encode(np.asfortranarray((index == number).astype(np.uint8)))
    assert encode_rle(runs_of_array(index), number) == {"size": want["size"], "counts": want["counts"].decode()}


def test_a_known_text():
    index = np.zeros((5, 4), np.uint8)
    index[1:3, 1:3] = 1  # from pycocotools' own encoder
    found = encode_rle(runs_of_array(index), 1, compressed=False)
    assert found == {"size": [5, 4], "counts": [6, 2, 3, 2, 7]}
    assert encode_rle(runs_of_array(index), 1)["counts"] == "62304"
