import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools._native import region_overlap
from lvtools.errors import ArgumentError, MaskError
from lvtools.masks import REGION_COLUMNS, class_pairs, engine, read_mask, region_pairs
from tests.masks import oracle
from tests.masks.strategies import chunk, ihdr, png, rgba_png

COLORS = {"background": "#ffffff", "dent": "#23a436", "crack": "#c80000"}
CLASSES = ("background", "crack", "dent")
PAINT = [
    (255, 255, 255, 255), (0x23, 0xA4, 0x36, 255), (0xC8, 0, 0, 255), (0xC8, 0, 0, 90), (1, 2, 3, 255), (0, 0, 0, 0),
]  # fmt: skip


@st.composite
def pictures(draw, height, width):
    row = st.lists(st.sampled_from(PAINT), min_size=width, max_size=width)
    return draw(st.lists(row, min_size=height, max_size=height))


@st.composite
def pairs(draw):
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    return draw(pictures(height, width)), draw(pictures(height, width))


def deep_png(pixels):
    """The same picture with 16 bits per sample, which the engine leaves to the slow road."""
    rows = b"".join(b"\0" + b"".join(struct.pack(">H", v * 257) for value in row for v in value) for row in pixels)
    head = ihdr(len(pixels[0]), len(pixels), 16, 6)
    return png(head, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND"))


def plain_class(value, alpha):
    """The class of a pixel, in words of the documents: the place in CLASSES, 3 for none."""
    r, g, b, a = value
    visible = {"opaque": a >= 128, "any": a > 0, "ignore": True}[alpha]
    if not visible:
        return 0
    name = {(255, 255, 255): 0, (0x23, 0xA4, 0x36): 2, (0xC8, 0, 0): 1}
    return name.get((r, g, b), 3)


@given(pairs(), st.sampled_from(["opaque", "any", "ignore"]), st.sampled_from([rgba_png, deep_png]), st.booleans())
def test_pairs_equal_a_plain_count(drawn, alpha, writer, mixed):
    truth, prediction = drawn
    expected = np.zeros((4, 4), np.int64)
    for true_row, called_row in zip(truth, prediction, strict=True):
        for t, p in zip(true_row, called_row, strict=True):
            expected[plain_class(t, alpha), plain_class(p, alpha)] += 1
    writers = (writer, rgba_png if mixed else writer)
    data = [write(side) for write, side in zip(writers, drawn, strict=True)]
    assert [oracle.decode(one)[2] for one in data] == [[v for row in side for v in row] for side in drawn]
    masks = [read_mask(one, COLORS, alpha=alpha, classes=CLASSES) for one in data]
    assert class_pairs(*masks).tolist() == expected.tolist()
    assert masks[0].class_px().tolist() == expected.sum(1).tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "KERNEL", None)
        assert class_pairs(*masks).tolist() == expected.tolist()


def test_the_slow_road_is_taken_where_it_should():
    picture = [[PAINT[1]]]
    assert engine.runs_of_png(memoryview(deep_png(picture)), 9) is None
    assert engine.runs_of_png(memoryview(rgba_png(picture)), 9) is not None


def test_sizes_must_agree():
    one, other = (read_mask(rgba_png(rows), COLORS, classes=CLASSES) for rows in ([PAINT[:2]], [PAINT[:1]]))
    with pytest.raises(MaskError, match="1 x 2 pixels has no pairs with one of 1 x 1"):
        class_pairs(one, other)


def test_classes_must_agree():
    picture = rgba_png([PAINT[:2]])
    other = read_mask(picture, COLORS, classes=("background", "dent", "crack"))
    with pytest.raises(ArgumentError, match="are not"):
        class_pairs(read_mask(picture, COLORS, classes=CLASSES), other)


def test_colours_that_were_met_before_keep_the_counts_of_their_own_mask():
    first, second = (read_mask(rgba_png(rows), COLORS) for rows in ([PAINT[:3]], [[PAINT[2]] * 2, PAINT[:2]]))
    assert [mask.class_px().tolist() for mask in (first, second)] == [[1, 1, 1, 0], [1, 1, 2, 0]]
    assert (second.height, second.width) == (2, 2)


def test_errors(tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(rgba_png([PAINT])[:40])
    with pytest.raises(MaskError) as error:
        read_mask(broken, COLORS, classes=CLASSES)
    assert error.value.path == str(broken)
    with pytest.raises(ArgumentError):
        read_mask(rgba_png([PAINT]), COLORS, classes=("background", "dent"))
    names = [f"#{at:06x}" for at in range(256)]
    with pytest.raises(MaskError, match="257 classes"):
        read_mask(rgba_png([PAINT]), dict(zip(names, names, strict=True)), classes=("background", *names))


def plain_regions(picture, other, alpha):
    """`region_pairs` of one side by flooding: pixels of any class but the background, joined by sides and corners."""
    marked = [
        {(r, c) for r, row in enumerate(rows) for c, value in enumerate(row) if plain_class(value, alpha) in (1, 2)}
        for rows in (picture, other)
    ]
    left, found = set(marked[0]), []
    while left:
        queue = [min(left)]  # the first pixel, from the top, then from the left
        left.discard(queue[0])
        region = set()
        while queue:
            r, c = queue.pop()
            region.add((r, c))
            near = {(r + i, c + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            queue += near
        rows, cols = zip(*region, strict=True)
        corners = [min(rows), min(cols), max(rows) + 1, max(cols) + 1]
        found.append([len(region), len(region & marked[1]), *corners])
    return found


@given(pairs(), st.sampled_from(["opaque", "any", "ignore"]), st.sampled_from([rgba_png, deep_png]), st.booleans())
def test_regions_that_meet_equal_a_flood_fill(drawn, alpha, writer, without_engine):
    masks = [read_mask(writer(side), COLORS, alpha=alpha, classes=CLASSES) for side in drawn]
    with pytest.MonkeyPatch.context() as patch:
        if without_engine:
            patch.setattr(engine, "KERNEL", None)
        found = region_pairs(*masks)
        assert [side.tolist() for side in found] == [
            plain_regions(drawn[0], drawn[1], alpha), plain_regions(drawn[1], drawn[0], alpha),
        ]  # fmt: skip
        alone = region_pairs(None, masks[1]), region_pairs(masks[1], None)
    nothing = [[(255, 255, 255, 255)] * len(drawn[1][0])] * len(drawn[1])
    assert alone[0][1].tolist() == alone[1][0].tolist() == plain_regions(drawn[1], nothing, alpha)
    assert len(alone[0][0]) == len(alone[1][1]) == 0
    assert REGION_COLUMNS == ("area_px", "under_px", "top", "left", "bottom", "right")


def test_regions_of_two_sizes_or_of_nothing():
    one, other = (read_mask(rgba_png(rows), COLORS, classes=CLASSES) for rows in ([PAINT[:2]], [PAINT[:1]]))
    with pytest.raises(MaskError, match="1 x 2 pixels has no pairs with one of 1 x 1"):
        region_pairs(one, other)
    with pytest.raises(ArgumentError, match="no mask at all"):
        region_pairs(None, None)


RUNS = ([2, 4, 4], [0, -1, 1], [0, 2, 3], [1, 2])  # ends, labels, starts, rows: 3 rows of 4 pixels, two regions


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (0, [2, 3, 4]),  # a group that ends before the width
        (0, [4, 2, 4]),
        (0, [2, 4]),
        (1, [0, -1, 2]),  # a region without a row in the output
        (1, [0, -2, 1]),
        (1, [0, -1]),
        (2, [0, 2, 4]),
        (2, [1, 2, 3]),
        (2, [0, 0, 3]),
        (2, [0, 3]),
        (3, [1, 0]),
        (3, [1, 1]),  # another height
        (3, []),
    ],
)
@pytest.mark.parametrize("side", [0, 1])
def test_the_kernel_refuses_lists_that_cover_no_picture(column, value, side):
    kinds = (np.int32, np.int64, np.int64, np.int32)

    def walked(lists):
        arrays = [np.array(one, kind) for picture in lists for one, kind in zip(picture, kinds, strict=True)]
        out = [np.zeros((2, 6), np.int64) for _ in range(2)]
        return region_overlap.count_overlaps(*arrays, 4, *out), out

    code, (found, _) = walked([RUNS, RUNS])
    assert (code, found.tolist()) == (0, [[2, 2, 0, 0, 1, 2], [8, 8, 1, 0, 3, 4]])
    bad = [list(RUNS), list(RUNS)]
    bad[side][column] = value
    assert walked(bad)[0] == -1
