import pickle
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvtools.errors import ArgumentError, MaskError, ObjectError
from lvtools.images import encode_png
from lvtools.masks import RUN_SCHEMA, UNKNOWN_INDEX, decode_png, engine, mask_areas, read_mask, write_mask
from tests.masks.pictures import column_counts, counts_of_text, fill, pictures
from tests.masks.strategies import MAPS, masks, pngs, rgba_png
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
    with_alpha = np.dstack([image, np.arange(4, dtype=np.uint8)[None]])
    assert np.array_equal(mask.overlay(with_alpha), np.dstack([mask.overlay(image), with_alpha[:, :, 3]]))
    assert np.array_equal(mask.overlay(encode_png(image)), mask.overlay(image))
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


@given(pngs())
def test_the_slow_road_gives_the_same_mask(data):
    with pytest.MonkeyPatch.context() as patch:
        try:
            fast = read_mask(data, CRACK)
        except MaskError as error:
            patch.setattr(engine, "KERNEL", None)
            with pytest.raises(MaskError, match=re.escape(error.message)):
                read_mask(data, CRACK)
            return
        patch.setattr(engine, "KERNEL", None)
        slow = read_mask(data, CRACK)
        assert np.array_equal(fast.index(), slow.index())
        assert fast.runs().equals(slow.runs())
        assert fast.unknown == slow.unknown


@given(masks(), st.sampled_from([None, *MAPS]))
def test_runs_cover_what_is_not_background(rows, color_map):
    mask = read_mask(rgba_png(rows), color_map)
    table = mask.runs()
    assert table.schema.equals(RUN_SCHEMA)
    index = np.zeros((mask.height, mask.width), np.uint8)
    for row, start, stop, number in zip(*(column.to_pylist() for column in table.columns), strict=True):
        assert 0 <= start < stop <= mask.width
        assert number != 0
        assert not index[row, start:stop].any()
        index[row, start:stop] = number
    assert np.array_equal(index, mask.index())
    before = list(zip(table["row"].to_pylist(), table["start"].to_pylist(), strict=True))
    assert before == sorted(before)


@given(masks(), st.sampled_from(MAPS))
def test_regions_know_classes_and_unknown_colours(rows, color_map):
    mask = read_mask(rgba_png(rows), color_map)
    index = mask.index()
    areas = mask.areas().to_pylist()
    want = {row["class_name"]: row["area_px"] for row in areas[1 : len(mask.classes)] if row["area_px"]}
    if mask.unknown_px:
        want[None] = mask.unknown_px
    boxes = mask.boxes()
    assert dict(zip(boxes["class_name"].to_pylist(), boxes["area_px"].to_pylist(), strict=True)) == want
    sums = {}
    for name, area in zip(
        *(mask.components()[column].to_pylist() for column in ("class_name", "area_px")), strict=True
    ):
        sums[name] = sums.get(name, 0) + area
    assert sums == want
    rle, polygons = mask.rle(), mask.polygons()
    assert list(rle) == list(polygons) == list(mask.classes[1:])
    for k, name in enumerate(mask.classes[1:], start=1):
        assert counts_of_text(rle[name]["counts"]) == column_counts(index, k)
        rings = [ring for one in polygons[name] for ring in (one.exterior, *one.holes)]
        assert fill(rings, *index.shape) == (index == k).astype(int).tolist()


COLORS = {"bg": 0xFFFFFF, "a": 1, "b": 2}


def mask_of(index, **colors):
    """A mask of these indexes; 3 is a colour that is no class."""
    data = write_mask(index, colors=[0xFFFFFF, 1, 2, 3])
    return read_mask(data, colors or COLORS, classes=list(colors or COLORS))


def truth(mine, its):
    return {
        "&": mine if mine == its else 0,
        "|": mine or its,
        "-": 0 if mine == its else mine,
        "^": 0 if mine == its else (mine or its),
    }


@given(st.data())
def test_operators_work_class_by_class(data):
    one = data.draw(pictures())
    other = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 4, one.shape).astype(np.uint8)
    a, b = mask_of(one), mask_of(other)
    made = {"&": a & b, "|": a | b, "-": a - b, "^": a ^ b}
    for sign, mask in made.items():
        want = [truth(x, y)[sign] for x, y in zip(one.ravel().tolist(), other.ravel().tolist(), strict=True)]
        assert mask.index().ravel().tolist() == [UNKNOWN_INDEX if k == 3 else k for k in want]
        assert mask.classes == a.classes
        assert mask.areas()["area_px"].to_pylist()[:3] == [want.count(k) for k in range(3)]
        assert sum(mask.areas()["area_px"].to_pylist()) == one.size
        first = want.index(3) if 3 in want else None
        place = () if first is None else (("#000003", want.count(3), *divmod(first, mask.width)),)
        assert mask.unknown == place
    assert ((made["&"] | made["-"]).index() == a.index()).all()
    assert ((made["-"] | (b - a)).index() == made["^"].index()).all()
    assert not (a ^ a).index().any()


def test_unknown_colours_of_two_masks_stay_apart():
    a, b = (read_mask(rgba_png([[(*BLACK, 255), (*one, 255), (*two, 255)]]), {"bg": 0, "x": 9}, classes=["bg", "x"])
            for one, two in ((RED, BLUE), (BLUE, BLUE)))  # fmt: skip
    assert (a & b).unknown == (("#0000ff", 1, 0, 2),)
    assert (a - b).unknown == (("#ff0000", 1, 0, 1),)
    assert (b - a).unknown == (("#0000ff", 1, 0, 1),)
    assert (a | b).unknown == (("#ff0000", 1, 0, 1), ("#0000ff", 1, 0, 2)), "equal counts: the first seen comes first"


def test_where_chooses_classes():
    mask = mask_of(np.array([[0, 1, 2, 3, 1]], np.uint8))
    assert mask.where("a").classes == ("bg", "a")
    assert mask.where("a").colors == ("#ffffff", "#000001")
    assert mask.where("a").index().tolist() == [[0, 1, 0, 0, 1]]
    assert mask.where("b", "a").classes == ("bg", "a+b")
    assert mask.where("b", "a").index().tolist() == [[0, 1, 1, 0, 1]]
    assert mask.where().classes == ("bg", "anomaly")
    assert mask.where().index().tolist() == [[0, 1, 1, 1, 1]], "painted is painted, whatever the colour"
    assert mask.where().unknown_px == 0
    assert (mask.where("a") | mask.where("b")).index().tolist() == [[0, 1, 1, 0, 1]]
    assert (mask.where("a") | mask.where("b")).classes == ("bg", "a")
    assert (mask.where() - mask.where("b")).areas()["area_px"].to_pylist() == [2, 3]
    with pytest.raises(ArgumentError, match="no class 'bg'"):
        mask.where("bg")
    with pytest.raises(ArgumentError, match=r"no class 'c'\nhint: one of 'a', 'b'"):
        mask.where("c")


def test_ambiguous_pixels_are_added_up():
    faint = read_mask(rgba_png([[(*GREEN, 9), (*GREEN, 255)]]), CRACK)
    assert (faint & faint).ambiguous_px == 2
    assert faint.where("crack").ambiguous_px == 1


def test_masks_that_cannot_be_laid_together():
    mask = mask_of(np.zeros((2, 2), np.uint8))
    with pytest.raises(ArgumentError, match="3 x 2 and 2 x 2 pixels"):
        mask_of(np.zeros((2, 3), np.uint8)) & mask
    with pytest.raises(ArgumentError, match=r"the classes \['a', 'b'\] and \['a', 'd'\]"):
        mask & mask_of(np.zeros((2, 2), np.uint8), bg=0xFFFFFF, a=1, d=4)
    for wrong in (mask.index(), 1, None):
        with pytest.raises(TypeError, match=r"unsupported operand type|does not support"):
            mask & wrong
        with pytest.raises(TypeError, match=r"unsupported operand type|does not support"):
            wrong | mask


def test_masks_cross_processes():
    mask = mask_of(np.array([[0, 1, 3, 3]], np.uint8))
    again = pickle.loads(pickle.dumps(mask))  # noqa: S301 - our own bytes
    assert np.array_equal(again.index(), mask.index())
    assert again.components().equals(mask.components())
    assert (again.unknown, again.classes) == (mask.unknown, mask.classes)


@given(pictures(largest=9))
def test_pictures_show_every_class(index):
    mask = mask_of(index)
    shown = {*(k for k in index.ravel().tolist())}
    pixels = decode_png(mask._repr_png_())
    assert pixels.shape[:2] == index.shape
    colors = {0: (255, 255, 255), 1: (0, 0, 1), 2: (0, 0, 2), 3: (255, 0, 255)}
    assert {tuple(pixel[:3]) for pixel in pixels.reshape(-1, 4).tolist()} == {colors[k] for k in shown}
    small = decode_png(mask._picture(3))
    step = -(-max(index.shape) // 3)
    assert small.shape[:2] == tuple(-(-side // step) for side in index.shape)
    blocks = [[index[r : r + step, c : c + step].max() for c in range(0, index.shape[1], step)]
              for r in range(0, index.shape[0], step)]  # fmt: skip
    assert [[tuple(pixel[:3]) for pixel in row] for row in small.tolist()] == [
        [colors[int(k)] for k in row] for row in blocks
    ]


def test_what_a_notebook_shows_is_escaped():
    data = rgba_png([[(*GREEN, 255), (*WHITE, 255), (*RED, 255)]])
    shown = read_mask(data, {"<script>alert(1)</script>\x1b": 0x23A436})._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b" in shown
    assert "#23a436" in shown
    assert "unknown" in shown
    assert "Mask of 1 x 3 px" in shown
    assert "data:image/png;base64,iVBOR" in shown
    many = read_mask(rgba_png([[(k, 0, 0, 255) for k in range(40)]]))._repr_html_()
    assert "and 21 more" in many
