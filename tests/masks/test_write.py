import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools.errors import ArgumentError, MaskError, ObjectError
from lvtools.masks import encode, read_mask, write_mask
from lvtools.masks.encode import default_colors, encode_runs, paints
from lvtools.masks.runs import runs_of_array
from tests.masks import oracle
from tests.masks.pictures import pictures
from tests.masks.strategies import MAPS, masks, pngs, rgba_png

MAP = {"BACKGROUND": 0xFFFFFF, "crack": 0x23A436, "dent": 0x14A3B3}
EDGE = [(255, 255, 255), (0x23, 0xA4, 0x36), (0x14, 0xA3, 0xB3), (0xF7, 0x69, 0x02)]


@given(pictures(), st.booleans(), st.booleans())
def test_what_is_written_is_read(index, rgb, fast):
    data = write_mask(index, rgb=rgb, fast=fast)
    height, width, pixels = oracle.decode(data)
    assert (height, width) == index.shape
    assert pixels == [(*EDGE[k], 255) for k in index.ravel().tolist()]
    mask = read_mask(data, {"a": 0x23A436, "b": 0x14A3B3, "c": 0xF76902})
    assert np.array_equal(mask.index(), index)


@given(pictures(classes=1, largest=40), st.booleans())
def test_other_libraries_read_the_same(index, rgb):
    cv2, image = pytest.importorskip("cv2"), pytest.importorskip("PIL.Image")
    data = write_mask(index, rgb=rgb)
    want = np.array(EDGE, np.uint8)[index]
    assert np.array_equal(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1], want)
    with image.open(io.BytesIO(data)) as picture:
        assert picture.mode == ("RGB" if rgb else "P")
        assert np.array_equal(np.asarray(picture.convert("RGB")), want)


@pytest.mark.parametrize(("most", "depth"), [(0, 1), (1, 1), (2, 2), (3, 2), (4, 4), (15, 4), (16, 8), (254, 8)])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 7, 8, 9, 255])
def test_the_palette_is_as_narrow_as_can_be(most, depth, width):
    index = np.resize(np.arange(most + 1, dtype=np.uint8), (5, width))
    index[-1, -1] = most
    data = write_mask(index)
    assert (data[24], data[25]) == (depth, 3)
    colors = default_colors(most + 1)
    assert [r << 16 | g << 8 | b for r, g, b, _ in oracle.decode(data)[2]] == [colors[k] for k in index.ravel()]


@given(pictures(largest=30), st.integers(1, 200))
def test_bands_make_no_difference(index, band):
    whole = [oracle.decode(write_mask(index, rgb=rgb)) for rgb in (False, True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encode, "_BAND_BYTES", band)
        assert [oracle.decode(write_mask(index, rgb=rgb)) for rgb in (False, True)] == whole
        lists = runs_of_array(index)
        plain, upward = [], []
        for rows, times in encode._bands(lists, np.arange(4, dtype=np.uint8)[:, None], 8):
            plain += encode._repeated(rows, times)
            upward.append(b"".join(encode._differences(rows, times)))
        assert b"".join(plain) == index.tobytes()
        assert len(b"".join(upward)) == index.size


def test_the_same_mask_gives_the_same_small_file():
    row, col = np.indices((1024, 1024))
    index = ((row - 300) ** 2 + (col - 400) ** 2 < 200**2).astype(np.uint8)
    small, fast, colours = write_mask(index), write_mask(index, fast=True), write_mask(index, rgb=True)
    assert small == write_mask(index)
    assert len(small) <= len(fast)
    cv2 = pytest.importorskip("cv2")
    image = pytest.importorskip("PIL.Image")
    for mine, array, most in ((small, index, 0.9), (colours, np.array(EDGE, np.uint8)[index], 1.02)):
        assert len(mine) < most * len(cv2.imencode(".png", array, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1])
        theirs = io.BytesIO()
        image.fromarray(array).save(theirs, "png", optimize=True)
        assert len(mine) < most * len(theirs.getvalue())


@given(masks(), st.sampled_from([None, *MAPS]), st.sampled_from(["opaque", "any", "ignore"]), st.booleans())
def test_a_mask_that_was_read_is_written_as_it_is_understood(rows, color_map, alpha, rgb):
    mask = read_mask(rgba_png(rows), color_map, alpha=alpha)
    data = write_mask(mask, rgb=rgb)
    _, _, pixels = oracle.decode(data)
    index = mask.index().ravel().tolist()
    flat = [pixel for row in rows for pixel in row]
    taken = {}
    for written, number, pixel in zip(pixels, index, flat, strict=True):
        assert written[3] == 255
        if number == 255:
            assert written[:3] == pixel[:3], "an unknown colour is kept"
        elif number:
            assert "#{:02x}{:02x}{:02x}".format(*written[:3]) == mask.colors[number]
        assert taken.setdefault(written, number) == number or number == 255, "no two classes get one colour"
    assert len({color for color, number in taken.items() if number == 0}) <= 1


@given(pngs())
def test_masks_of_every_kind_are_written(data):
    try:
        mask = read_mask(data)
    except MaskError:
        return  # more colours than classes
    again = read_mask(write_mask(mask), mask.color_map)
    assert np.array_equal(again.index(), mask.index())


def test_a_mask_takes_other_colours():
    mask = read_mask(write_mask(np.array([[0, 1, 2]], np.uint8)), MAP)
    red = write_mask(mask, colors={"crack": "#ff0000", "dent": 0x00FF00, "BACKGROUND": "#000000"})
    assert oracle.decode(red)[2] == [(0, 0, 0, 255), (255, 0, 0, 255), (0, 255, 0, 255)]
    assert oracle.decode(write_mask(mask, colors=[1, 2, 3]))[2] == [(0, 0, k, 255) for k in (1, 2, 3)]
    assert oracle.decode(write_mask(mask, colors={"dent": 0xFFFFFF, "crack": 0}))[2][0][:3] not in (
        (255, 255, 255),
        (0, 0, 0),
    ), "the background gets a colour that is free"
    index = mask.index()
    later = {"crack": 5, "Background": 6, "dent": 7}
    data = write_mask(index, colors=later)
    assert np.array_equal(read_mask(data, later).index(), index), "an array's order is that of read_mask"


def test_the_file_is_written_whole(tmp_path):
    path = tmp_path / "m.png"
    path.write_bytes(b"old")
    data = write_mask(np.eye(3, dtype=bool), path)
    assert path.read_bytes() == data
    assert [one.name for one in tmp_path.iterdir()] == ["m.png"]
    with pytest.raises(ObjectError):
        write_mask(np.eye(3, dtype=bool), tmp_path / "none" / "m.png")


@pytest.mark.parametrize(
    ("mask", "options", "reason"),
    [
        (np.zeros((2, 2, 3), np.uint8), {}, r"got uint8 \(2, 2, 3\)"),
        (np.zeros((0, 2), np.uint8), {}, r"got uint8 \(0, 2\)"),
        (np.zeros((2, 2)), {}, r"got float64"),
        (np.array([[255]]), {}, "found 255"),
        (np.array([[-1]]), {}, "found -1"),
        (
            np.array([[0, 1], [2, 2]]),
            {"colors": ["#ffffff", 1]},
            "the index 2 has no colour; 2 pixels .* row 1, column 0",
        ),
        (np.array([[0, 1]]), {"colors": ["#ffffff", 0xFFFFFF]}, "#ffffff would be the colour of two classes"),
        (np.array([[0, 1]]), {"colors": "#ffffff"}, "colors='#ffffff'"),
    ],
)
def test_what_cannot_be_written(mask, options, reason):
    with pytest.raises(ArgumentError, match=reason):
        write_mask(mask, **options)


def test_a_class_without_a_colour_and_a_stray_colour_that_is_taken():
    mask = read_mask(rgba_png([[(35, 164, 54, 255), (1, 2, 3, 255), (9, 9, 9, 255)]]), {"crack": 0x23A436})
    with pytest.raises(ArgumentError, match="the class 'crack' has no colour; 1 pixels"):
        write_mask(mask, colors={"dent": 1})
    with pytest.raises(ArgumentError, match="#010203 would be the colour of two classes"):
        write_mask(mask, colors={"crack": "#010203"})


def test_default_colours_are_distinct_and_start_as_the_edge_runtime_has_them():
    colors = default_colors(3000)
    assert colors[:4] == (0xFFFFFF, 0x23A436, 0x14A3B3, 0xF76902)
    assert len(set(colors)) == 3000
    assert colors[:300] == default_colors(300)
    assert 0 not in colors
    assert paints([None, 5, None, 0xFFFFFF]) == [0, 5, 0x23A436, 0xFFFFFF]


def test_more_numbers_than_a_palette_holds_are_written_as_rgb():
    index = np.arange(300).reshape(10, 30)
    data = encode_runs(runs_of_array(index), list(range(300)))
    assert data[25] == 2
    assert oracle.decode(data)[2] == [(0, k >> 8, k & 255, 255) for k in range(300)]
