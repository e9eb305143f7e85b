import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools.errors import ArgumentError, MaskError, ObjectError
from lvtools.findings import BY_CODE, FINDING_SCHEMA
from lvtools.findings.render import rows
from lvtools.masks import lint_mask, read_mask, write_mask
from tests.masks.strategies import MAPS, chunk, damaged, masks, pngs, rgba_png, simple
from tests.masks.test_fix import EDGE, GREEN, MAP, RED, WHITE, drawn


def found(data, color_map=MAP, **options):
    """Codes and values, in the order told."""
    table = lint_mask(data, color_map, **options)
    assert table.schema.equals(FINDING_SCHEMA)
    return [(row["code"], row["value"]) for row in table.to_pylist()]


def opencv(index, change):
    cv2 = pytest.importorskip("cv2")
    picture = change(cv2, np.ascontiguousarray(EDGE[index][:, :, ::-1]))
    return cv2.imencode(".png", picture)[1].tobytes()


def jpeg(quality):
    return lambda cv2, bgr: cv2.imdecode(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)


def test_a_clean_mask_has_no_findings():
    for rgb in (False, True):
        assert found(write_mask(drawn(), rgb=rgb), image_size=(120, 160)) == []


@pytest.mark.parametrize("quality", [30, 60, 80, 90, 95])
@pytest.mark.parametrize("color_map", [MAP, None])
def test_jpeg_is_told_once(quality, color_map):
    codes = found(opencv(drawn(), jpeg(quality)), color_map)
    assert [code for code, _ in codes][:1] == ["LV321"]
    assert len([code for code, _ in codes if code != "LV302"]) == 1
    assert "colours, the first at row " in codes[0][1]


@pytest.mark.parametrize("change", [
    lambda cv2, bgr: cv2.GaussianBlur(bgr, (3, 3), 0),
    lambda cv2, bgr: cv2.resize(bgr, (400, 300), interpolation=cv2.INTER_LINEAR),
    lambda cv2, bgr: cv2.resize(bgr, (80, 60), interpolation=cv2.INTER_AREA),
])  # fmt: skip
def test_smoothing_is_told_once(change):
    codes = found(opencv(drawn(), change))
    assert [code for code, _ in codes] == ["LV320"]


def test_antialiased_lines():
    def draw(cv2, bgr):
        return cv2.line(bgr, (5, 5), (150, 20), (54, 164, 35), 2, cv2.LINE_AA)

    assert [code for code, _ in found(opencv(drawn(), draw))] == ["LV320"]


def test_two_areas_of_mixed_colours_are_no_smoothing():
    rows_ = [[(145, 209, 154, 255)] * 20 + [(200, 232, 205, 255)] * 20 + [WHITE, GREEN] for _ in range(20)]
    codes = found(rgba_png(rows_))
    assert [code for code, _ in codes][:2] == ["LV302", "LV302"]


def test_colours_of_no_class_are_told_with_pixels_and_place():
    data = rgba_png([[WHITE, RED, GREEN], [RED, (0, 0, 255, 255), WHITE]])
    assert found(data)[:2] == [
        ("LV302", "2 pixels of #ff0000, the first at row 0, column 1"),
        ("LV302", "1 pixel of #0000ff, the first at row 1, column 1"),
    ]
    many = rgba_png([[(255, k, 200, 255) for k in range(0, 100, 5)]])
    codes = found(many)
    assert [code for code, _ in codes] == ["LV302"] * 17
    assert codes[-1][1] == "4 pixels of 4 colours, the first at row 0, column 16"


def test_class_numbers():
    index = np.zeros((4, 5), np.uint8)
    index[1, 1:3], index[2, 2] = 1, 2
    assert found(simple(5, 4, 0, index.tobytes())) == [("LV327", "grey levels 0, 1, 2")]
    assert [code for code, _ in found(simple(5, 4, 0, bytes(20)))] == ["LV302"], "black alone is a colour"


def test_sizes():
    data = write_mask(drawn())
    assert found(data, image_size=(160, 120)) == [("LV312", "160 x 120")]
    (row,) = rows(lint_mask(data, MAP, image_size=(160, 120)))
    assert row["message"] == "the mask has 160 x 120 pixels, its image 120 x 160"
    dummy = write_mask(np.zeros((16, 16), np.uint8), rgb=True)
    assert [code for code, _ in found(dummy, image_size=(160, 120))] == ["LV313", "LV324"]


def test_transparency():
    data = rgba_png([[(0, 0, 0, 0), (35, 164, 54, 90), GREEN, (35, 164, 54, 200)]])
    assert found(data, {"crack": 0x23A436}) == [
        ("LV303", "2 pixels"),
        ("LV323", "1 pixel, the first at row 0, column 0"),
    ]


def test_enlarged_masks():
    small = (np.random.default_rng(1).random((20, 30)) < 0.3).astype(np.uint8)
    large = np.repeat(np.repeat(small, 3, axis=0), 3, axis=1)
    assert ("LV322", "3") in found(write_mask(large))
    assert "LV322" not in [code for code, _ in found(write_mask(small))]


def test_specks_beside_larger_regions():
    index = drawn()
    index[5, 5] = index[7:9, 7] = 1
    value = "2 regions of 'crack' with at most 4 pixels, the first at row 5, column 5"
    assert found(write_mask(index)) == [("LV328", value)]
    assert found(write_mask(index), speck_px=1)[0][1].startswith("1 region of 'crack' with at most 1 pixel,")
    assert found(write_mask(index), speck_px=0) == []
    lone = np.zeros((9, 9), np.uint8)
    lone[4, 4] = 1
    assert found(write_mask(lone)) == [("LV325", "'dent'")], "a defect may be small"


def test_empty_masks_and_absent_classes():
    assert found(write_mask(np.zeros((5, 5), np.uint8))) == [("LV324", None)]
    assert found(write_mask(np.eye(5, dtype=np.uint8))) == [("LV325", "'dent'")]


def test_unusual_pngs():
    wide = simple(2, 1, 2, bytes([0x23, 0, 0xA4, 0, 0x36, 0, 255, 255, 255, 255, 255, 255]), depth=16)
    assert ("LV326", "16 bits a sample, of which the upper 8 are looked at") in found(wide)
    twice = simple(2, 1, 3, b"\1\2", chunk(b"PLTE", bytes([255, 255, 255, *GREEN[:3], *GREEN[:3]])))
    assert ("LV326", "its palette has the colour of 'crack' 2 times, at 1, 2") in found(twice)
    other = simple(2, 1, 3, b"\0\1", chunk(b"PLTE", bytes([*GREEN[:3], 255, 255, 255])))
    assert "the palette has 'BACKGROUND' at 1, the color map at 0" in dict(found(other))["LV326"]


def test_a_file_that_is_no_png_is_a_finding(tmp_path):
    path = tmp_path / "m.png"
    path.write_bytes(b"\xff\xd8\xff\xe0")
    table = lint_mask(path, MAP)
    assert table["file"].to_pylist() == [str(path)]
    assert [(row["code"], row["value"]) for row in table.to_pylist()] == [("LV301", "this is a JPEG file, not PNG")]
    with pytest.raises(ObjectError):
        lint_mask(tmp_path / "none.png")


@given(
    pngs() | damaged() | masks().map(rgba_png),
    st.sampled_from([None, *MAPS]),
    st.sampled_from(["opaque", "any", "error"]),
)
def test_every_unknown_pixel_is_told(data, color_map, alpha):
    table = lint_mask(data, color_map, alpha=alpha)
    statistics = json.loads(table.schema.metadata[b"statistics"])
    codes = table["code"].to_pylist()
    assert all(code in BY_CODE for code in codes)
    assert all(row["message"] for row in rows(table))
    try:
        mask = read_mask(data, color_map, alpha="any" if alpha == "error" else alpha)
    except MaskError:
        return
    assert "LV301" not in codes
    if color_map:
        assert statistics["unknown_px"] == mask.unknown_px
    told = sum(
        int(value.split(" ")[0].replace(",", ""))
        for code, value in zip(codes, table["value"].to_pylist(), strict=True)
        if code in ("LV302", "LV320", "LV321")
    )
    assert told == statistics["unknown_px"] or "LV327" in codes


def test_what_cannot_be_meant():
    data = rgba_png([[WHITE]])
    with pytest.raises(ArgumentError, match="image_size"):
        lint_mask(data, image_size=(0, 5))
    with pytest.raises(ArgumentError, match="speck_px"):
        lint_mask(data, speck_px=-1)
    with pytest.raises(ArgumentError, match="alpha="):
        lint_mask(data, alpha="no")
    with pytest.raises(MaskError, match="two classes"):
        lint_mask(data, {"a": 1, "b": 1})
