"""The counting kernel: every kind of column, both ways of counting, sizes around its blocks, and input that lies."""

import itertools
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvtools._native import confusion_count
from lvtools._native.confusion_count import Cells, Side, Words
from lvtools.errors import ArgumentError, MaskError
from lvtools.metrics import pixel, tally
from lvtools.metrics.class_columns import NULL
from lvtools.metrics.image import ConfusionMatrix, confusion
from lvtools.metrics.pixel import PixelState
from tests.metrics import oracle

LEVELS = sorted({0, confusion_count.LEVEL})
SIZES = [0, 1, 7, 8, 31, 32, 33, 63, 64, 65, 255, 256, 257, 1023, 1024, 1025, 4095, 4096, 4097, 8192, 8225]
# Alike at both ends and in length; prefixes of each other; with a zero byte; empty; longer than what is loaded at once.
WORDS = ["normal", "anomaly", "", "\0", "a", "abcdefgh", "abcdefghi", "x" * 16, "x" * 17, "abcdefgh-1-hgfedcba",
         "abcdefgh-2-hgfedcba", "é" * 5, "normal\0"]  # fmt: skip


@pytest.fixture(params=LEVELS, ids=lambda level: ("plain", "avx2")[level])
def level(request, monkeypatch):
    for module in (tally, pixel):
        monkeypatch.setattr(module, "LEVEL", request.param)
    return request.param


def column(rng, kind, size, classes, nulls):
    """An Arrow array of `kind` and the names its rows have."""
    codes = rng.integers(0, classes, size)
    if size and rng.random() < 0.5:  # runs, as real data has them
        codes = np.repeat(codes, 40)[:size]
    missing = rng.random(size) < 0.2 if nulls else np.zeros(size, bool)
    pad = int(rng.integers(0, 12))  # an offset inside every buffer
    if kind == "bool":
        values = (codes % 2).astype(bool)
        array, names = pa.array(values, mask=missing), [str(value).lower() for value in values]
        front = pa.array([True, None] * 6)[:pad]
    elif kind in ("string", "large_string"):
        words = [WORDS[code % len(WORDS)] for code in codes.tolist()]
        array, names = pa.array(words, kind, mask=missing), words
        front = pa.array(["never seen", None] * 6, kind)[:pad]
    elif kind.startswith("dictionary"):
        words = [WORDS[k] if k < len(WORDS) else f"class {k}" for k in range(classes)]
        index = pa.array(codes, kind.split()[1], mask=missing)
        array, names = pa.DictionaryArray.from_arrays(index, words), [words[code] for code in codes]
        front = array[:0]
    else:
        low = int(rng.integers(-3, 3)) if kind.startswith("int") else 0
        values = codes + low
        array, names = pa.array(values, kind, mask=missing), [str(value) for value in values.tolist()]
        front = pa.array(np.zeros(pad), kind)
    if len(front):
        array = pa.concat_arrays([front, array])[len(front) :]
    return array, [NULL if gone else name for name, gone in zip(names, missing, strict=True)]


KINDS = ["bool", "string", "large_string", "int8", "uint8", "int16", "int32", "uint32", "int64", "uint64",
         "dictionary int8", "dictionary int16", "dictionary int32", "dictionary int64", "dictionary uint8"]  # fmt: skip


def cut(rng, array):
    edges = sorted({0, len(array), *rng.integers(0, len(array) + 1, int(rng.integers(0, 4))).tolist()})
    return pa.chunked_array([array[a:b] for a, b in itertools.pairwise(edges)], array.type)


def as_cells(matrix):
    return {(row["truth"], row["prediction"]): row["count"] for row in matrix.to_table().to_pylist() if row["count"]}


@settings(deadline=None, max_examples=250)
@given(
    st.sampled_from(KINDS), st.sampled_from(KINDS), st.sampled_from(SIZES), st.sampled_from([1, 2, 3, 5, 8, 13, 60]),
    st.booleans(), st.booleans(), st.booleans(), st.integers(0, 2**32), st.sampled_from(LEVELS),
)  # fmt: skip
def test_every_kind_of_column_counts_as_a_loop_would(
    kind_t, kind_p, size, classes, nulls_t, nulls_p, chunked, seed, level
):
    rng = np.random.default_rng(seed)
    truth, names_t = column(rng, kind_t, size, classes, nulls_t)
    prediction, names_p = column(rng, kind_p, size, classes, nulls_p)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tally, "LEVEL", level)
        matrix = confusion(cut(rng, truth), cut(rng, prediction)) if chunked else confusion(truth, prediction)
    assert as_cells(matrix) == oracle.cells(names_t, names_p)


@pytest.mark.parametrize("many", [254, 255, 256, 257, 700])
@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("kind", ["string", "dictionary int16", "int32"])
def test_more_classes_than_a_byte_holds(level, many, nulls, kind):
    rng = np.random.default_rng(many)
    names = [f"class {k}" for k in range(many)] if kind != "int32" else [str(k) for k in range(many)]
    truth = [*rng.permutation(names).tolist(), *names] + [None] * nulls
    prediction = [*names, *rng.permutation(names).tolist()] + [None] * nulls
    as_column = {
        "string": lambda side: pa.array(side),
        "dictionary int16": lambda side: (
            pa.array(side).dictionary_encode().cast(pa.dictionary(pa.int16(), pa.string()))
        ),
        "int32": lambda side: pa.array([None if x is None else int(x) for x in side], pa.int32()),
    }[kind]
    matrix = confusion(as_column(truth), as_column(prediction))
    wanted = oracle.cells(*([NULL if x is None else x for x in side] for side in (truth, prediction)))
    assert as_cells(matrix) == wanted


def test_dictionaries_are_unified_by_name(level):
    one = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2], pa.int8()), ["a", "b", None])
    two = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), ["b", "a"])
    again = pa.DictionaryArray.from_arrays(pa.array([1, 0], pa.int8()), ["a", "a"])  # the same name twice
    chunked = pa.chunked_array([one, two, again])
    matrix = confusion(chunked, ["a", "b", None, "b", "a", None, "a", "a"])
    assert as_cells(matrix) == {("a", "a"): 4, ("b", "b"): 2, (NULL, NULL): 2}


def test_whatever_lies_under_a_null_is_not_looked_at(level):
    size = 5000
    valid = pa.py_buffer(np.packbits(np.arange(size) % 2 == 0, bitorder="little"))
    for kind in (np.int8, np.int16, np.int32, np.int64):
        values = np.where(np.arange(size) % 2, 99, 1).astype(kind)
        index = pa.Array.from_buffers(pa.from_numpy_dtype(kind), size, [valid, pa.py_buffer(values)])
        column = pa.DictionaryArray.from_arrays(index, ["a", "b"], safe=False)
        assert as_cells(confusion(column, column)) == {("b", "b"): 2500, (NULL, NULL): 2500}


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64])
@pytest.mark.parametrize("bad", [2, 3, 100, -1, -100])
@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("place", [0, 40, 4999])
def test_an_index_outside_its_dictionary_is_refused(level, kind, bad, nulls, place):
    values = np.zeros(5000, kind)
    values[place] = bad
    valid = np.ones(5000, bool)
    valid[7] = not nulls
    buffers = [pa.py_buffer(np.packbits(valid, bitorder="little")), pa.py_buffer(values)]
    index = pa.Array.from_buffers(pa.from_numpy_dtype(kind), 5000, buffers)
    column = pa.DictionaryArray.from_arrays(index, ["a", "b"], safe=False)
    good = pa.array(["a"] * 5000)
    with pytest.raises(ArgumentError, match=f"truth is no valid Arrow array: row {place} "):
        confusion(column, good)
    with pytest.raises(ArgumentError, match=f"prediction is no valid Arrow array: row {place} "):
        confusion(good, column)


@pytest.mark.parametrize(
    ("offsets", "row"),
    [([0, 5, 3, 6], 1), ([0, 1, 2, 99], 2), ([-1, 1, 2, 3], 0), ([9, 9, 9, 9], 0), ([0, 99, 2, 3], 0)],
)
@pytest.mark.parametrize("kind", ["string", "large_string"])
def test_offsets_outside_the_text_are_refused(offsets, row, kind, level):
    places = np.array(offsets, np.int32 if kind == "string" else np.int64)
    side = Side(kind, b"abcdef", None, 0, 3, offsets=places, words=Words())
    other, cells = Side("int8", b"\0\0\0", None, 0, 3), Cells(256, 256)
    assert confusion_count.count_sides(side, 0, other, 0, 3, cells, level) == (confusion_count.STRAY, row, 0)
    assert confusion_count.count_sides(other, 0, side, 0, 3, cells, level) == (confusion_count.STRAY, row, 1)
    array = pa.Array.from_buffers(
        pa.string(), 3, [None, *map(pa.py_buffer, (np.array([0, 5, 3, 6], np.int32), b"abcdef"))]
    )
    with pytest.raises(ArgumentError, match="row 1 points outside"):
        confusion(array, ["a", "b", "c"])


def test_text_that_is_no_utf8_is_refused():
    array = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, 1], np.int32)), pa.py_buffer(b"\xff")]
    )
    with pytest.raises(ArgumentError, match="no UTF-8"):
        confusion(array, ["a"])


def test_nothing_behind_a_buffer_is_read():
    with pytest.raises(ValueError, match="values are too short"):
        Side("int32", b"\0" * 15, None, 0, 4, codes=2)
    with pytest.raises(ValueError, match="values are too short"):
        Side("bool", b"\0", None, 1, 8)
    with pytest.raises(ValueError, match="bitmap is too short"):
        Side("int8", b"\0" * 9, b"\0", 0, 9)
    with pytest.raises(ValueError, match="offsets are too short"):
        Side("string", b"", None, 0, 1, offsets=b"\0" * 7, words=Words())
    side, cells = Side("int8", b"\0\1", None, 0, 2), Cells(2, 2)
    for starts in ((0, 1), (1, 0), (-1, 0), (3, 0)):
        with pytest.raises(ValueError, match="rows outside"):
            confusion_count.count_sides(side, starts[0], side, starts[1], 2, cells)
    confusion_count.count_sides(side, 0, side, 0, 2, cells)
    assert cells.pairs() == [(0, 0, 1), (1, 1, 1)]
    with pytest.raises(ValueError, match="at most 255"):
        Side("int8", b"\0", b"\1", 0, 1, codes=256)


def test_cells_without_room_for_every_code_are_refused(level):
    two = Side("int8", b"\0\1", None, 0, 2)
    null = Side("int8", b"\0\1", b"\1", 0, 2)
    bits = Side("bool", b"\1", None, 0, 2)
    text = Side("string", b"ab", None, 0, 2, offsets=np.array([0, 1, 2], np.int32), words=Words())
    for side, room in ((two, 2), (null, 3), (bits, 3), (text, 256)):
        for small in (Cells(room - 1, 256), Cells(256, room - 1)):
            with pytest.raises(ValueError, match="no room"):
                confusion_count.count_sides(side, 0, side, 0, 2, small, level)
            assert small.pairs() == []
        cells = Cells(room, room)
        assert confusion_count.count_sides(side, 0, side, 0, 2, cells, level)[0] == 0
        assert sum(count for _, _, count in cells.pairs()) == 2
    for shape in ((0, 1), (1, 0), (257, 1), (1, 257), (-1, 1)):
        with pytest.raises(ValueError, match="1 to 256"):
            Cells(*shape)
    with pytest.raises(TypeError):
        confusion_count.count_sides(two, 0, None, 0, 2, Cells(2, 2), level)


@settings(deadline=None, max_examples=120)
@given(
    st.sampled_from([*SIZES, 20_000]), st.sampled_from([0, 1, 2, 4, 5, 6, 17, 254, 255]), st.booleans(),
    st.sampled_from([1, 31, 64, 500]), st.integers(0, 2**32), st.sampled_from(LEVELS),
)  # fmt: skip
def test_pixels_count_as_a_loop_would(size, classes, unknown, run, seed, level):
    rng = np.random.default_rng(seed)
    codes = np.array([*range(classes), *([255] if unknown or not classes else [])], np.uint8)
    truth, prediction = (np.repeat(rng.choice(codes, size), run)[:size] for _ in range(2))
    if size:
        prediction = np.roll(prediction, int(rng.integers(0, 40)))
    counts = np.zeros((classes + 1, classes + 1), np.int64)
    assert confusion_count.count_pixels(truth, prediction, counts, level) == -1
    place = {255: 0} | {code: code + 1 for code in range(classes)}
    wanted = oracle.cells(truth.tolist(), prediction.tolist())
    assert {(int(t), int(p)): int(counts[t, p]) for t, p in zip(*counts.nonzero(), strict=True)} == {
        (place[t], place[p]): n for (t, p), n in wanted.items()
    }


@pytest.mark.parametrize("place", [0, 31, 32, 4096, 9999])
@pytest.mark.parametrize("bad", [3, 4, 254])
@pytest.mark.parametrize("whole", [False, True])
def test_the_first_pixel_of_no_class_is_named(level, place, bad, whole):
    good, stray = np.zeros(10_000, np.uint8), np.zeros(10_000, np.uint8)
    stray[place : None if whole else place + 1] = bad
    for sides in ((good, stray), (stray, good)):
        assert confusion_count.count_pixels(*sides, np.zeros((4, 4), np.int64), level) == place
    with pytest.raises(MaskError, match=f"index {bad} names no class, there are 3"):
        PixelState.of(stray.reshape(100, 100), good.reshape(100, 100), ["a", "b", "c"])


def test_pixel_counts_need_a_square():
    pixels = np.zeros(3, np.uint8)
    for shape in ((0, 0), (2, 3), (257, 257)):
        with pytest.raises(ValueError, match="square"):
            confusion_count.count_pixels(pixels, pixels, np.zeros(shape, np.int64))


SHORT = ["", "a", "normal", "anomaly", "8 bytes.", "8 bytes!", "9 letters", "\0", "\0\0"]


@given(
    st.lists(st.sampled_from(SHORT), max_size=5),
    st.integers(0, 2**32), st.integers(0, 70), st.integers(0, 5), st.sampled_from([pa.string(), pa.large_string()]),
    st.booleans(), st.sampled_from(LEVELS),
)  # fmt: skip
def test_few_short_words_equal_a_plain_count(words, seed, rows, offset, kind, nulls, level):
    rng = np.random.default_rng(seed)
    choice = [*words, *([None] if nulls else [])] or ["x"]
    sides = [[choice[at] for at in rng.integers(0, len(choice), rows + offset)] for _ in range(2)]
    columns = [pa.array(side, kind).slice(offset) for side in sides]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tally, "LEVEL", level)
        found = ConfusionMatrix.of(*columns)
    name = {None: "(null)"}
    expected = Counter(
        (name.get(t, t), name.get(p, p)) for t, p in zip(*(side[offset:] for side in sides), strict=True)
    )
    counted = {(row["truth"], row["prediction"]): row["count"] for row in found.to_table().to_pylist() if row["count"]}
    assert counted == expected
