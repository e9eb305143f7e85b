import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools.errors import ArgumentError, MaskError
from lvtools.masks import class_pairs, engine, read_mask
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
