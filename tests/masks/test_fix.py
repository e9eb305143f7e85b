import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools.errors import ArgumentError, MaskError, ObjectError
from lvtools.masks import FIX_SCHEMA, UNKNOWN_INDEX, fix_mask, read_mask, write_mask
from tests.masks import oracle
from tests.masks.strategies import MAPS, masks, rgba_png
from tests.masks.test_nearness import origin

MAP = {"BACKGROUND": "#ffffff", "crack": "#23a436", "dent": "#14a3b3"}
EDGE = np.array([(255, 255, 255), (0x23, 0xA4, 0x36), (0x14, 0xA3, 0xB3)], np.uint8)
WHITE, GREEN, RED = (255, 255, 255, 255), (35, 164, 54, 255), (255, 0, 0, 255)


def drawn():
    row, col = np.indices((120, 160))
    index = ((row - 60) ** 2 + (col - 50) ** 2 < 900).astype(np.uint8)
    index[20:100, 110:140] = 2
    return index


def facts(fixed):
    return {key.decode(): value.decode() for key, value in fixed.report.schema.metadata.items()}


def test_jpeg_is_undone():
    cv2 = pytest.importorskip("cv2")
    index = drawn()
    smeared = cv2.imdecode(cv2.imencode(".jpg", EDGE[index][:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1], 1)
    fixed = fix_mask(cv2.imencode(".png", smeared)[1].tobytes(), MAP)
    assert np.array_equal(fixed.mask.index(), index)
    assert fixed.report.schema.equals(FIX_SCHEMA)
    assert fixed.report.num_rows > 100
    assert facts(fixed)["unknown_px"] == "0"
    assert int(facts(fixed)["fixed_px"]) == sum(fixed.report["area_px"].to_pylist())


def test_a_jpeg_or_bmp_under_another_name_is_taken(tmp_path):
    cv2 = pytest.importorskip("cv2")
    index = drawn()
    picture = np.ascontiguousarray(EDGE[index][:, :, ::-1])
    for kind, options in ((".jpg", [cv2.IMWRITE_JPEG_QUALITY, 90]), (".bmp", [])):
        data = cv2.imencode(kind, picture, options)[1].tobytes()
        (tmp_path / "m.png").write_bytes(data)
        assert np.array_equal(fix_mask(tmp_path / "m.png", MAP).mask.index(), index)
        (tmp_path / "m.png").write_bytes(data[:200])
        with pytest.raises(MaskError, match=r"m\.png: "):
            fix_mask(tmp_path / "m.png", MAP)


def test_smoothed_edges_become_one_of_their_two_sides():
    cv2 = pytest.importorskip("cv2")
    index = drawn()
    smooth = cv2.GaussianBlur(EDGE[index][:, :, ::-1], (3, 3), 0)
    fixed = fix_mask(cv2.imencode(".png", smooth)[1].tobytes(), MAP)
    found = fixed.mask.index()
    sides = [np.roll(np.pad(index, 1), step, axis) for axis in (0, 1) for step in (-1, 0, 1)]
    assert all(
        any(side[r + 1, c + 1] == found[r, c] for side in sides)
        for r, c in zip(*np.nonzero(found != index), strict=True)
    )
    assert (found != index).sum() < 40


def test_foreign_colours_are_kept_and_reported():
    data = rgba_png([[WHITE, RED, (34, 160, 50, 255)], [RED, GREEN, WHITE]])
    fixed = fix_mask(data, MAP)
    assert fixed.report.to_pylist() == [
        {"color": "#ff0000", "class_name": None, "area_px": 2, "distance": pytest.approx(279.66, abs=0.01),
         "first_row": 0, "first_col": 1},
        {"color": "#22a032", "class_name": "crack", "area_px": 1, "distance": pytest.approx(33**0.5),
         "first_row": 0, "first_col": 2},
    ]  # fmt: skip
    assert fixed.mask.index().tolist() == [[0, UNKNOWN_INDEX, 1], [UNKNOWN_INDEX, 1, 0]]
    assert fixed.mask.unknown == (("#ff0000", 2, 0, 1),)
    pixels = oracle.decode(write_mask(fixed.mask))[2]
    assert [pixel for pixel in pixels if pixel == RED] == [RED, RED], "nothing disappears when it is written"
    assert facts(fixed) == {"height": "2", "width": "3", "fixed_px": "1", "unknown_px": "2", "ambiguous_px": "0",
                            "alpha": "opaque", "tolerance": "156.79"}  # fmt: skip
    far = fix_mask(data, MAP, tolerance=442)
    assert far.mask.unknown_px == 0
    none = fix_mask(data, MAP, tolerance=0)
    assert none.mask.unknown_px == 3
    assert fix_mask(fixed.mask, tolerance=300).mask.index().tolist() == [[0, 1, 1], [1, 1, 0]]


@given(masks(), st.sampled_from([one for one in MAPS if one]), st.sampled_from(["opaque", "any", "ignore"]),
       st.sampled_from([None, 0, 100, 300, 442]))  # fmt: skip
def test_every_pixel_is_accounted_for(rows, color_map, alpha, tolerance):
    data = rgba_png(rows)
    before = read_mask(data, color_map, alpha=alpha)
    fixed = fix_mask(data, color_map, alpha=alpha, tolerance=tolerance)
    old, new = before.index(), fixed.mask.index()
    assert np.array_equal(new[old != UNKNOWN_INDEX], old[old != UNKNOWN_INDEX]), "what has a class keeps it"
    limit = float(facts(fixed)["tolerance"])
    shown = [(k, one) for k, one in enumerate(before.colors) if one is not None]
    if before.colors[0] is None and "#ffffff" not in [one for _, one in shown]:
        shown.insert(0, (0, "#ffffff"))
    declared = [tuple(bytes.fromhex(one[1:])) for _, one in shown]
    for row in range(before.height):
        for col in range(before.width):
            if old[row, col] == UNKNOWN_INDEX:
                place, _ = origin(rows[row][col][:3], declared)
                distance = sum((a - b) ** 2 for a, b in zip(rows[row][col][:3], declared[place], strict=True)) ** 0.5
                assert new[row, col] == (shown[place][0] if distance <= limit + 1e-3 else UNKNOWN_INDEX)
    report = fixed.report.to_pylist()
    assert sum(one["area_px"] for one in report) == before.unknown_px
    assert sum(one["area_px"] for one in report if one["class_name"] is None) == fixed.mask.unknown_px
    assert sum(fixed.mask.areas()["area_px"].to_pylist()) == before.height * before.width
    again = read_mask(write_mask(fixed.mask), fixed.mask.color_map)
    for rule in ("any", "ignore"):
        assert np.array_equal(
            read_mask(write_mask(fixed.mask), fixed.mask.color_map, alpha=rule).index(), again.index()
        )


def test_a_transparent_background_takes_what_is_near_white():
    fixed = fix_mask(rgba_png([[(0, 0, 0, 0), (250, 250, 250, 255), GREEN]]), {"crack": 0x23A436})
    assert fixed.mask.index().tolist() == [[0, 0, 1]]
    assert fixed.mask.colors == ("#ffffff", "#23a436")


def test_what_cannot_be_meant(tmp_path):
    data = rgba_png([[WHITE]])
    for missing in (None, {}):
        with pytest.raises(ArgumentError, match="needs to know the declared colours"):
            fix_mask(data, missing)
    with pytest.raises(ArgumentError, match="a color map of its own"):
        fix_mask(read_mask(data, MAP), MAP)
    for tolerance in (-1, float("nan"), "5"):
        with pytest.raises(ArgumentError, match="tolerance="):
            fix_mask(data, MAP, tolerance=tolerance)
    with pytest.raises(MaskError, match="not a PNG"):
        fix_mask(b"junk", MAP)
    with pytest.raises(ObjectError):
        fix_mask(tmp_path / "none.png", MAP)
    with pytest.raises(MaskError, match="depending on how alpha is read"):
        fix_mask(rgba_png([[(35, 164, 54, 9)]]), MAP, alpha="error")
