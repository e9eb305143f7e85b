import io
import os

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvtools.dataset import ColorMap
from lvtools.errors import ArgumentError, MaskError, ObjectError
from lvtools.masks import (
    AREA_SCHEMA,
    MASK_AREA_SCHEMA,
    decode_png,
    mask_areas,
    mask_areas_many,
    mask_colors,
    total_percentage_area,
)
from tests.masks import oracle
from tests.masks.strategies import MAPS, masks, rgba_png
from tests.shared import shared

CRACK = {"crack": "#23A436"}
GREEN, WHITE, BLACK, RED = (35, 164, 54), (255, 255, 255), (0, 0, 0), (255, 0, 0)


def areas_of(*pixels, color_map=None, **options):
    """(class_name or colour, pixels) of a mask of one row; only what is there."""
    table = mask_areas(rgba_png([list(pixels)]), color_map, **options)
    assert sum(table["area_px"].to_pylist()) == len(pixels), "no pixel disappears"
    return [(row["class_name"] or row["color"], row["area_px"]) for row in table.to_pylist() if row["area_px"]]


@given(masks(), st.sampled_from(MAPS), st.sampled_from(["opaque", "any", "ignore", "error"]))
@settings(max_examples=300, deadline=None)
def test_areas_equal_a_plain_count(rows, color_map, alpha):
    pixels = [pixel for row in rows for pixel in row]
    want, ambiguous = oracle.areas(pixels, color_map, alpha)
    if alpha == "error" and ambiguous:
        with pytest.raises(MaskError, match=f"^{ambiguous:,} pixels belong to a class or not"):
            mask_areas(rgba_png(rows), color_map, alpha=alpha)
        return
    table = mask_areas(rgba_png(rows), color_map, alpha=alpha)
    found = {}
    for row in table.to_pylist():
        name = row["class_name"]
        key = int(row["color"][1:], 16) if name is None else "background" if name.lower() == "background" else name
        assert key not in found
        found[key] = row["area_px"]
        assert row["area_fraction"] == row["area_px"] / len(pixels)
    assert {key: count for key, count in found.items() if count} == want
    assert sum(found.values()) == len(pixels)
    names = table["class_name"].to_pylist()
    assert names[0] == (ColorMap(color_map).background or "background")
    assert tuple(names[1 : len(ColorMap(color_map).anomaly_classes) + 1]) == ColorMap(color_map).anomaly_classes
    metadata = table.schema.metadata
    assert metadata[b"ambiguous_px"] == str(ambiguous).encode()
    assert metadata[b"unknown_px"] == str(sum(count for key, count in want.items() if isinstance(key, int))).encode()
    assert (metadata[b"height"], metadata[b"width"]) == (b"%d" % len(rows), b"%d" % len(rows[0]))
    assert metadata[b"alpha"] == alpha.encode()


def cookies():
    folder = shared("data", "cookies", "dataset-files", "mask-images")
    paths = sorted(folder.glob("anomaly-*.png"))
    assert len(paths) == 32
    return paths


@pytest.mark.parametrize(
    ("alpha", "cracked"), [("ignore", 458_619), ("any", 420_466), ("opaque", 399_846), (None, 399_846)]
)
def test_aws_cookie_masks(alpha, cracked):
    table = mask_areas_many(cookies(), {"cracked": "#23A436"}, **({"alpha": alpha} if alpha else {}))
    rows = table.to_pylist()
    assert sum(row["area_px"] for row in rows if row["class_name"] == "cracked") == cracked
    assert sum(row["area_px"] for row in rows if row["class_name"] == "background") == 32 * 576 * 768 - cracked
    assert len(rows) == 64
    assert table.schema.metadata[b"ambiguous_px"] == b"79160"
    assert sum(row["ambiguous_px"] for row in rows) == 2 * 79_160


def test_aws_cookie_masks_by_other_means():
    opaque, bare = 0, 0
    for path in cookies():
        pixels = decode_png(path.read_bytes())
        green = (pixels[:, :, :3] == GREEN).all(axis=2)
        opaque += int((green & (pixels[:, :, 3] == 255)).sum())
        bare += mask_colors(path)[0x23A436]
    assert (opaque, bare) == (379_459, 458_619)
    with pytest.raises(MaskError, match=r"anomaly-1.png: 2,143 pixels belong to a class or not.*row 382, column 355"):
        mask_areas(cookies()[0], {"cracked": 0x23A436}, alpha="error")


def test_ground_truths_own_mask():
    path = shared("data", "gt-segmentation", "mask.png")
    table = mask_areas(path)
    assert table["class_name"][0].as_py() == "background"
    assert table["color"][0].as_py() == "#ffffff"
    assert sum(table["area_px"].to_pylist()) == decode_png(path.read_bytes()).size // 4


def test_total_percentage_area_is_the_services_single():
    assert total_percentage_area(8008, 442368) == 0.018102575093507767
    assert total_percentage_area(434360, 442368) == 0.9818974137306213
    assert total_percentage_area(2421, 6_000_000) == 0.0004034999874420464
    assert total_percentage_area(3580, 6_000_000) == 0.0005966666503809392
    assert total_percentage_area(5_993_999, 6_000_000) == 0.998999834060669
    assert (total_percentage_area(0, 5), total_percentage_area(5, 5)) == (0.0, 1.0)
    for wrong in ((1, 0), (0, 0), (-1, 5), (6, 5)):
        with pytest.raises(ArgumentError, match="is no area"):
            total_percentage_area(*wrong)


def test_each_alpha_rule_by_hand():
    pixels = [(*GREEN, alpha) for alpha in (0, 1, 127, 128, 254, 255)] + [(*WHITE, 255)]
    assert areas_of(*pixels, color_map=CRACK) == [("background", 4), ("crack", 3)]
    assert areas_of(*pixels, color_map=CRACK, alpha="any") == [("background", 2), ("crack", 5)]
    assert areas_of(*pixels, color_map=CRACK, alpha="ignore") == [("background", 1), ("crack", 6)]
    with pytest.raises(MaskError, match=r"5 pixels belong .* first is at row 0, column 0"):
        areas_of(*pixels, color_map=CRACK, alpha="error")
    assert areas_of(*pixels[5:], color_map=CRACK, alpha="error") == [("background", 1), ("crack", 1)]


def test_a_faint_pixel_of_another_colour_is_not_hidden_by_error():
    assert areas_of((*RED, 5), (*GREEN, 255), (*WHITE, 255), color_map=CRACK, alpha="error")[-1] == ("#ff0000", 1)


def test_the_background_is_found_by_name_in_any_case():
    for name in ("BACKGROUND", "background", "BackGround"):
        color_map = {"crack": 0x23A436, name: 0x000000}
        assert areas_of((*BLACK, 255), (*GREEN, 255), color_map=color_map) == [(name, 1), ("crack", 1)]


def test_the_background_is_white_or_the_single_colour_without_an_entry():
    assert areas_of((*BLACK, 255), (*GREEN, 255), color_map=CRACK) == [("background", 1), ("crack", 1)]
    assert areas_of((*BLACK, 255), (*WHITE, 255), color_map=CRACK) == [("background", 1), ("#000000", 1)]
    both = areas_of((*BLACK, 255), (*RED, 255), (*RED, 255), (*GREEN, 255), color_map=CRACK)
    assert both == [("crack", 1), ("#ff0000", 2), ("#000000", 1)], "two candidates are none; most pixels first"


def test_a_stray_colour_beside_transparency_is_not_taken_for_the_background():
    assert areas_of((*BLACK, 0), (*RED, 255), color_map=CRACK) == [("background", 1), ("#ff0000", 1)]


def test_transparent_black_under_ignore_is_the_single_unlisted_colour():
    assert areas_of((*BLACK, 0), (*GREEN, 0), color_map=CRACK, alpha="ignore") == [("background", 1), ("crack", 1)]


def test_with_a_background_entry_white_is_not_special():
    color_map = {"BACKGROUND": "#000000", **CRACK}
    assert areas_of((*WHITE, 255), (*BLACK, 255), color_map=color_map) == [("BACKGROUND", 1), ("#ffffff", 1)]


def test_a_class_may_be_white():
    assert areas_of((*WHITE, 255), (*BLACK, 255), color_map={"paint": 0xFFFFFF}) == [("background", 1), ("paint", 1)]


def test_without_a_map_colours_name_themselves():
    pixels = [(*RED, 255), (*GREEN, 255), (*GREEN, 200), (*WHITE, 255), (*BLACK, 0), (*GREEN, 3)]
    assert areas_of(*pixels) == [("background", 3), ("#23a436", 2), ("#ff0000", 1)]
    assert mask_areas(rgba_png([pixels])).schema.metadata[b"ambiguous_px"] == b"2"


def test_the_row_of_the_background_says_its_colour_only_if_it_has_one():
    def color(*pixels, color_map=None):
        return mask_areas(rgba_png([list(pixels)]), color_map)["color"][0].as_py()

    assert color((*BLACK, 0), color_map=CRACK) is None
    assert color((*WHITE, 255), color_map=CRACK) == "#ffffff"
    assert color((*BLACK, 255), color_map=CRACK) == "#000000"
    assert color((*BLACK, 0), color_map={"BACKGROUND": 0xFFFFFF}) == "#ffffff"
    assert color((*BLACK, 0)) is None


def test_every_way_to_hand_over_a_mask(tmp_path, monkeypatch):
    data = rgba_png([[(*GREEN, 255), (*WHITE, 255)]])
    path = tmp_path / "m.png"
    path.write_bytes(data)
    want = mask_areas(data, CRACK)
    assert want.schema == AREA_SCHEMA
    for form in (path, str(path), bytearray(data), memoryview(data), pa.py_buffer(data), np.frombuffer(data, np.uint8)):
        assert mask_areas(form, CRACK).equals(want, check_metadata=True)
    assert mask_areas(data, ColorMap(CRACK)).equals(want)
    for wrong in (None, 5):
        with pytest.raises(ArgumentError, match="is no mask"):
            mask_areas(wrong)
    with pytest.raises(ObjectError, match="no such file"):
        mask_areas(tmp_path / "none.png")
    monkeypatch.setattr("lvtools.masks.colors.MAX_OBJECT_BYTES", len(data) - 1)
    with pytest.raises(MaskError, match=r"m\.png: larger than"):
        mask_areas(path)


def test_arguments_that_cannot_be_meant():
    data = rgba_png([[(*GREEN, 255)]])
    with pytest.raises(ArgumentError, match="alpha='half' is no rule"):
        mask_areas(data, alpha="half")
    with pytest.raises(ArgumentError, match="is no color map"):
        mask_areas(data, ["crack"])
    with pytest.raises(MaskError, match="belongs to two classes"):
        mask_areas_many([], {"a": 1, "b": 1})
    for options in ({"threads": 0}, {"on_error": "ignore"}, {"alpha": ""}):
        with pytest.raises(ArgumentError):
            mask_areas_many([data], **options)
    for one in (data, "mask.png"):
        with pytest.raises(ArgumentError, match="one mask is no list"):
            mask_areas_many(one)


def test_a_bad_mask_does_not_lose_the_others(tmp_path):
    good, bad, stray = rgba_png([[(*GREEN, 255), (*RED, 9)]]), tmp_path / "bad.png", tmp_path / "stray.png"
    bad.write_bytes(good[:-1])
    stray.write_bytes(rgba_png([[(*WHITE, 255)], [(*RED, 255)]]))
    steps = []
    table = mask_areas_many([good, bad, tmp_path / "none.png", stray], CRACK, threads=3, on_done=steps.append)
    assert table.schema == MASK_AREA_SCHEMA
    assert steps == [1, 2, 3, 4]
    rows = [tuple(row.values()) for row in table.to_pylist()]
    assert rows == [
        ("0", "background", None, 1, 0.5, 0, 0, 1, None),
        ("0", "crack", "#23a436", 1, 0.5, 0, 0, 0, None),
        (str(bad), None, None, None, None, None, None, None, "the file ends inside the chunk at byte "
         f"{len(good) - 12}"),
        (str(tmp_path / "none.png"), None, None, None, None, None, None, None, "there is no such file"),
        (str(stray), "background", "#ffffff", 1, 0.5, 0, 0, 0, None),
        (str(stray), "crack", "#23a436", 0, 0.0, 0, None, None, None),
        (str(stray), None, "#ff0000", 1, 0.5, 0, 1, 0, None),
    ]  # fmt: skip
    assert table.schema.metadata == {
        b"alpha": b"opaque",
        b"masks": b"2",
        b"unreadable": b"2",
        b"ambiguous_px": b"0",
        b"unknown_px": b"1",
        b"pixels": b"4",
    }
    with pytest.raises(MaskError, match=r"bad\.png: the file ends"):
        mask_areas_many([good, bad, tmp_path / "none.png"], on_error="raise")


def test_threads_change_nothing_and_no_masks_is_a_table():
    paths = cookies()[:6]
    one = mask_areas_many(paths, threads=1)
    assert mask_areas_many(iter(paths), threads=4).equals(one, check_metadata=True)
    assert one["mask"].to_pylist()[0] == str(paths[0])
    assert mask_areas_many([]).num_rows == 0


def test_a_file_name_that_is_no_utf8(tmp_path):
    path = os.fsencode(tmp_path) + b"/m\xff.png"
    try:
        with open(path, "wb") as file:
            file.write(b"junk")
    except OSError:
        pytest.skip("this file system only has UTF-8 names")
    table = mask_areas_many([os.fsdecode(path)])
    assert table["mask"][0].as_py().endswith("m\\udcff.png")
    assert "not a PNG" in table["error"][0].as_py()


def test_a_mask_from_standard_input(monkeypatch):
    class Stdin:
        buffer = io.BytesIO(rgba_png([[(*GREEN, 255)]]))

    monkeypatch.setattr("sys.stdin", Stdin)
    assert mask_areas("-")["area_px"].to_pylist() == [0, 1]
