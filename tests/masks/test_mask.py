import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvtools.errors import ArgumentError, MaskError, ObjectError
from lvtools.masks import UNKNOWN_INDEX, mask_areas, read_mask
from tests.masks.strategies import MAPS, masks, rgba_png
from tests.shared import shared

GREEN, WHITE, BLACK, RED, BLUE = (35, 164, 54), (255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 0, 255)
CRACK = {"crack": "#23A436"}


@given(masks(), st.sampled_from([None, *MAPS]), st.sampled_from(["opaque", "any", "ignore"]))
@settings(max_examples=200, deadline=None)
def test_the_index_says_what_the_areas_say(rows, color_map, alpha):
    data = rgba_png(rows)
    mask = read_mask(data, color_map, alpha=alpha)
    table = mask_areas(data, color_map, alpha=alpha)
    assert mask.areas().equals(table, check_metadata=True)
    index = mask.index()
    assert index.dtype == np.uint8
    assert index.shape == (mask.height, mask.width) == (len(rows), len(rows[0]))
    counts = np.bincount(index.ravel(), minlength=256)
    areas = table["area_px"].to_pylist()
    known = len(mask.classes)
    assert counts[:known].tolist() == areas[:known]
    assert counts[UNKNOWN_INDEX] == sum(areas[known:]) == mask.unknown_px
    assert counts.sum() == index.size
    for one in mask.unknown:
        assert index[one.row, one.col] == UNKNOWN_INDEX
        assert "#{:02x}{:02x}{:02x}".format(*rows[one.row][one.col][:3]) == one.color
        before = [pixel[:3] for row in rows for pixel in row][: one.row * mask.width + one.col]
        hidden = {"opaque": 128, "any": 1, "ignore": 0}[alpha]
        flat = [pixel for row in rows for pixel in row]
        assert all(flat[k][:3] != rows[one.row][one.col][:3] or flat[k][3] < hidden for k in range(len(before)))


def test_index_0_is_the_background_wherever_the_map_has_it():
    data = rgba_png([[(*GREEN, 255), (*BLACK, 255), (*RED, 255)]])
    mask = read_mask(data, {"crack": 0x23A436, "dent": 0xFF0000, "Background": 0})
    assert mask.classes == ("Background", "crack", "dent")
    assert mask.index().tolist() == [[1, 0, 2]]
    assert (mask.ambiguous_px, mask.unknown_px, mask.alpha) == (0, 0, "opaque")
    assert repr(mask) == "<Mask 1 x 3, classes ['Background', 'crack', 'dent']>"


def test_classes_fix_the_order():
    data = rgba_png([[(*GREEN, 255), (*WHITE, 255), (*RED, 255)]])
    color_map = {"BACKGROUND": 0xFFFFFF, "crack": 0x23A436, "dent": 0xFF0000}
    classes = ["background", "scratch", "dent", "crack"]
    mask = read_mask(data, color_map, classes=classes)
    assert mask.classes == tuple(classes)
    assert mask.index().tolist() == [[3, 0, 2]]
    assert mask.areas()["class_name"].to_pylist() == classes
    assert mask.areas()["area_px"].to_pylist() == [1, 0, 1, 1]
    assert mask.areas()["color"].to_pylist() == ["#ffffff", None, "#ff0000", "#23a436"]
    assert mask.overlay(np.zeros((1, 3, 3), np.uint8), 1).tolist() == [[list(GREEN), [0, 0, 0], list(RED)]]


def test_the_first_class_names_the_background_whatever_it_is_called():
    data = rgba_png([[(*GREEN, 255), (*BLACK, 255)]])
    assert read_mask(data, {"good": 0, "crack": 0x23A436}, classes=["good", "crack"]).index().tolist() == [[1, 0]]


def test_classes_without_a_map_are_colours():
    data = rgba_png([[(*GREEN, 255), (*WHITE, 255), (*RED, 255)]])
    mask = read_mask(data, classes=["bg", "#0000ff", "#23A436"])
    assert mask.index().tolist() == [[2, 0, 255]]
    assert mask.unknown == (("#ff0000", 1, 0, 2),)
    with pytest.raises(ArgumentError, match="'crack' is not a colour"):
        read_mask(data, classes=["bg", "crack"])


@pytest.mark.parametrize(
    "classes", [[], "crack", ["bg"], ["bg", "crack", "crack"], ["crack"], ["bg", "crack", "BACKGROUND"]]
)
def test_classes_that_do_not_go_with_the_map(classes):
    with pytest.raises(ArgumentError, match="classes="):
        read_mask(rgba_png([[(*GREEN, 255)]]), {"BACKGROUND": 0xFFFFFF, **CRACK}, classes=classes)


def test_unknown_colours_are_listed_with_their_first_pixel():
    data = rgba_png([[(*WHITE, 255), (*RED, 255), (*BLUE, 255)], [(*BLUE, 200), (*GREEN, 255), (*BLUE, 90)]])
    mask = read_mask(data, CRACK)
    assert mask.index().tolist() == [[0, 255, 255], [255, 1, 0]]
    assert mask.unknown == (("#0000ff", 2, 0, 2), ("#ff0000", 1, 0, 1))
    assert mask.unknown[0].area_px == 2
    assert repr(mask).endswith(", 3 px unknown>")


def test_the_index_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        read_mask(rgba_png([[(*GREEN, 255)]])).index()[0, 0] = 1


def test_more_classes_than_an_index_has_room_for():
    row = [(k % 256, k // 256, 7, 255) for k in range(255)]
    assert len(read_mask(rgba_png([row[:254]])).classes) == 255
    with pytest.raises(MaskError, match="256 classes; an index array has room for 255"):
        read_mask(rgba_png([row]))


def test_overlay_mixes_and_leaves_the_background():
    data = rgba_png([[(*WHITE, 255), (*GREEN, 255), (*RED, 255), (*BLUE, 255)]])
    mask = read_mask(data, CRACK)
    image = np.full((1, 4, 3), 100, np.uint8)
    assert mask.overlay(image).tolist() == [[[100] * 3, [68, 132, 77], [178, 50, 178], [178, 50, 178]]]
    assert np.array_equal(mask.overlay(image, 0), image)
    assert mask.overlay(image, 1.0)[0, 1].tolist() == list(GREEN)
    assert image.tolist() == [[[100] * 3] * 4], "the image itself is left alone"
    for wrong in (image[:, :3], image.astype(float), image[:, :, :1]):
        with pytest.raises(ArgumentError, match=r"need a uint8 \(1, 4, 3\) image"):
            mask.overlay(wrong)
    for opacity in (-0.1, 1.1, float("nan")):
        with pytest.raises(ArgumentError, match=r"outside 0\.\.1"):
            mask.overlay(image, opacity)


def test_errors_name_the_file(tmp_path):
    path = tmp_path / "m.png"
    path.write_bytes(b"junk")
    with pytest.raises(MaskError, match=r"m\.png: this is not a PNG"):
        read_mask(path)
    with pytest.raises(ObjectError):
        read_mask(tmp_path / "none.png")
    with pytest.raises(ArgumentError):
        read_mask(path, alpha="none")
    path.write_bytes(rgba_png([[(*GREEN, 9)]]))
    with pytest.raises(MaskError, match=r"m\.png: 1 pixels belong"):
        read_mask(path, CRACK, alpha="error")


def test_a_cookie():
    path = shared("data", "cookies", "dataset-files", "mask-images", "anomaly-1.png")
    mask = read_mask(path, {"cracked": "#23a436"}, classes=["background", "cracked"])
    assert (mask.height, mask.width) == (768, 576)
    assert np.bincount(mask.index().ravel()).tolist() == [442_368 - 7676, 7676]
