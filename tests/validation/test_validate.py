"""Images and masks beside their manifest: each fault found once, at its place, and nothing in sound sets."""

from __future__ import annotations

import io
import json

import numpy as np
import orjson
import pytest
from PIL import Image

import lvtools
from lvtools import images
from lvtools.errors import ArgumentError, FormatError, ObjectError
from lvtools.findings import PROFILES, RULES
from lvtools.images import ImageInfo, encode_jpeg, encode_png, peek_image
from lvtools.validation import validate as room
from lvtools.validation import validate_manifest
from tests.manifest import oracle
from tests.shared import shared

CRACK = (0x23, 0xA4, 0x36)


def entry(name="a", class_name="anomaly", mask=True, classes=("crack",), **more):
    common = {"human-annotated": "yes", "creation-date": "2024-05-01T08:00:00"}
    line = {
        "source-ref": f"s3://bucket/img/{name}.png",
        "x": int(class_name == "anomaly"),
        "x-metadata": {
            "class-name": class_name, "confidence": 1, "type": "groundtruth/image-classification", **common,
        },
    }  # fmt: skip
    if mask:
        names = [("BACKGROUND", "#ffffff"), *zip(classes, ("#23a436", "#0000ff"), strict=False)]
        colors = {
            str(k): {"class-name": n, "hex-color": c, "confidence": 0.0} for k, (n, c) in enumerate(names)
        }  # fmt: skip
        line["m-ref"] = f"s3://bucket/mask/{name}.png"
        line["m-ref-metadata"] = {
            "internal-color-map": colors, "type": "groundtruth/semantic-segmentation", **common,
        }  # fmt: skip
    return line | more


def boxed(width=80, height=64):
    meta = {"objects": [{"confidence": 1}], "class-map": {"0": "dog"}, "type": "groundtruth/object-detection",
            "human-annotated": "yes", "creation-date": "2024-05-01T08:00:00"}  # fmt: skip
    box = {"class_id": 0, "left": 1, "top": 1, "width": 9, "height": 9}
    value = {"image_size": [{"width": width, "height": height, "depth": 3}], "annotations": [box]}
    return {"source-ref": "s3://bucket/img/a.png", "b": value, "b-metadata": meta}


def picture(height=64, width=80):
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 4 % 256, columns * 3 % 256, np.full_like(rows, 200)], axis=2).astype(np.uint8)


def mask(*spots, size=(64, 80)):
    rgb = np.full((*size, 3), 255, np.uint8)
    for top, color in spots:
        rgb[top : top + 4, 10:30] = color
    return rgb


class Root:
    """A folder that stands in for the bucket, and a manifest."""

    def __init__(self, path):
        self.path = path
        for name in ("img", "mask"):
            (path / name).mkdir()
        self.put("img/a.png", picture())
        self.put("mask/a.png", mask((5, CRACK)))

    def put(self, name, content):
        (self.path / name).write_bytes(content if isinstance(content, bytes) else encode_png(content))
        return self

    def rows(self, *entries, profile="lookoutvision"):
        self.data = b"\n".join(json.dumps(one).encode() for one in entries)
        table = validate_manifest(self.data, profile=profile, objects=self.path, threads=2)
        return [row for row in table.to_pylist() if row["code"].startswith("LV3")]

    def codes(self, *entries, profile="lookoutvision"):
        return [row["code"] for row in self.rows(*entries, profile=profile)]


@pytest.fixture
def root(tmp_path):
    return Root(tmp_path)


def lossy(rgb):
    return encode_png(images.decode_image(encode_jpeg(rgb, 60)))


def gif(rgb):
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "BMP")
    return out.getvalue()


LIMIT = 8 * 2**20
# code: what to put where, the line, pointer, value, expected; the near miss is the sound set and SOUND below
CASES = {
    "LV301": ({"mask/a.png": encode_jpeg(mask(), 90)}, entry(), "/m-ref", None, None),
    "LV302": ({"mask/a.png": mask((5, CRACK), (9, (1, 2, 3)))}, entry(), "/m-ref",
              "80 pixels of #010203 from row 9, column 10", None),
    "LV305": ({}, entry("b", mask=False), "/source-ref", None, None),
    "LV306": ({"img/a.png": gif(picture())}, entry(), "/source-ref", "it is BMP, not JPEG or PNG", None),
    "LV307": ({"img/a.png": picture(63, 80), "mask/a.png": mask((5, CRACK), size=(63, 80))}, entry(), "/source-ref",
              "80 x 63", None),
    "LV308": ({"img/a.png": encode_png(picture()) + bytes(LIMIT)}, entry(), "/source-ref", None, None),
    "LV311": ({}, boxed(width=81), "/b/image_size/0", "80 x 64", "81 x 64"),
    "LV312": ({"mask/a.png": mask((5, CRACK), size=(64, 81))}, entry(), "/m-ref", "81 x 64", "80 x 64"),
    "LV313": ({"mask/a.png": mask(size=(16, 16))}, entry(class_name="normal"), "/m-ref",
              '"s3://bucket/mask/a.png"', None),
    "LV314": ({"mask/a.png": lossy(mask((5, CRACK)))}, entry(), "/m-ref", None, None),
    "LV315": ({}, entry(classes=("crack", "dent")), "/m-ref-metadata/internal-color-map/2/class-name", '"dent"', None),
    "LV316": ({"mask/a.png": mask()}, entry(), "/m-ref", None, None),
    "LV317": ({}, entry(class_name="normal"), "/m-ref", "80 pixels of crack", None),
}  # fmt: skip


def test_a_sound_set_has_nothing(root):
    assert root.codes(entry(), boxed()) == []
    table = validate_manifest(root.data, objects=root.path)
    statistics = orjson.loads(table.schema.metadata[b"statistics"])
    assert (statistics["images_seen"], statistics["masks_seen"]) == (2, 1)
    assert table.schema.metadata[b"profile"] == b"lookoutvision"


@pytest.mark.parametrize("code", CASES)
def test_a_fault_of_a_file_is_found_at_its_place(code, root):
    files, line, pointer, value, expected = CASES[code]
    for name, content in files.items():
        root.put(name, content)
    # A sound line first, so that lines and offsets are told apart; its own image never changes.
    root.put("img/ok.png", picture()).put("mask/ok.png", mask((20, CRACK)))
    rows = [row for row in root.rows(entry("ok"), line) if row["code"] == code]
    assert len(rows) == 1
    (row,) = rows
    assert (row["pointer"], row["expected"]) == (pointer, expected)
    assert value is None or row["value"] == value
    at = root.data.index(b"\n") + 1
    path = [int(step) if step.isdigit() and code == "LV311" else step for step in pointer.split("/")[1:]]
    member = line
    for step in path:
        member = member[step]
    offset = root.data.index(json.dumps(member).encode(), at)
    assert (row["line"], row["column"], row["byte_offset"]) == oracle.place(root.data, offset)


def test_every_rule_about_files_is_tried():
    elsewhere = {"LV303", "LV304", "LV309", "LV310", "LV318", "LV319", "LV329"}
    elsewhere |= {rule.code for rule in RULES if "LV320" <= rule.code < "LV329"}  # masks by themselves: lint-mask
    assert set(CASES) | elsewhere == {rule.code for rule in RULES if rule.code.startswith("LV3")}


def test_a_job_has_a_limit_of_pixels(root, monkeypatch):
    monkeypatch.setattr("lvtools.validation.looks.MAX_JOB_PIXELS", 64 * 80)
    assert root.codes(entry(mask=False), profile="groundtruth") == []
    root.put("img/a.png", picture(64, 81))
    assert root.codes(entry(mask=False), profile="groundtruth") == ["LV329"]
    assert root.codes(entry(mask=False)) == []


def test_limits_have_two_sides(root):
    root.put("img/a.png", picture(64, 4096)).put("mask/a.png", mask((5, CRACK), size=(64, 4096)))
    assert root.codes(entry()) == []
    assert root.codes(entry(), profile="rekognition") == ["LV309"]
    root.put("img/a.png", picture(64, 1280))
    assert root.codes(entry(), profile="rekognition") == []
    root.put("img/a.png", encode_png(picture()) + bytes(LIMIT - len(encode_png(picture()))))
    assert "LV308" not in root.codes(entry())
    assert root.codes(entry(), profile="groundtruth") == ["LV312"]


def test_images_of_another_size_than_most_are_named(root):
    for name, size in (("a", (64, 81)), ("b", (64, 80)), ("c", (64, 80))):
        root.put(f"img/{name}.png", picture(*size))
    lines = [entry(name, mask=False) for name in "abc"]
    (row,) = root.rows(*lines)
    assert (row["code"], row["line"], row["value"]) == ("LV310", 1, "81 x 64")
    assert row["expected"] == "most others have 80 x 64"
    assert root.codes(*lines[1:]) == []
    assert root.codes(*lines, profile="groundtruth") == []


def test_more_than_twenty_types_on_a_mask(root):
    colors = [(k, 0, 200) for k in range(21)]
    names = {str(k): {"class-name": f"c{k}", "hex-color": f"#{c[0]:02x}00c8", "confidence": 0}
             for k, c in enumerate(colors)}  # fmt: skip
    line = entry()
    line["m-ref-metadata"]["internal-color-map"] = names
    rgb = mask()
    for k, color in enumerate(colors[:20]):
        rgb[2 * k, :] = color
    assert "LV318" not in root.put("mask/a.png", rgb).codes(line)
    rgb[60, :] = colors[20]
    assert [row["value"] for row in root.put("mask/a.png", rgb).rows(line)] == ["21"]


def test_transparency_that_matters_is_told(root):
    rgba = np.dstack([mask((5, CRACK)), np.full((64, 80), 255, np.uint8)])
    rgba[5, 10] = (*CRACK, 100)
    out = io.BytesIO()
    Image.fromarray(rgba).save(out, "PNG")
    (row,) = root.put("mask/a.png", out.getvalue()).rows(entry())
    assert (row["code"], row["value"]) == ("LV303", "1 pixels")


def test_a_missing_mask_is_named_and_the_types_are_not_judged(root):
    (root.path / "mask/a.png").unlink()
    assert root.codes(entry(classes=("crack", "dent"))) == ["LV304"]
    assert root.codes(entry(), profile="rekognition") == []  # it has no masks


def test_a_wrong_root_is_one_finding_that_says_where(root, tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("img", "mask"):
        (tmp_path / name).rename(tmp_path / "deep" / name)
    rows = root.rows(entry(), entry("b"))
    assert [(row["code"], row["line"]) for row in rows] == [("LV319", None)]
    assert rows[0]["value"] == f'2 are named, {tmp_path} has none; "a.png" lies under {tmp_path / "deep"}'
    assert root.rows(entry("q", mask=False))[0]["value"].endswith('nor "q.png"')
    with pytest.raises(ObjectError, match="no such folder"):
        validate_manifest(b"{}", objects=tmp_path / "none")


def test_references_that_lead_out_are_missing(root):
    line = entry(mask=False) | {"source-ref": "s3://bucket/../../etc/passwd"}
    (row,) = [row for row in root.rows(entry(), line) if row["code"] == "LV305"]
    assert "not a plain path" in row["value"]


def test_broken_lines_and_other_forms_do_not_stop_it(root):
    data = b"\xef\xbb\xbf[\n" + json.dumps(entry(), indent=1).encode() + b",\n{]"
    for broken in (data, b"", b"x\n\n" + json.dumps(entry("b")).encode()):
        table = validate_manifest(broken, profile="lookoutvision", objects=root.path)
        assert table.num_rows
    assert validate_manifest(b"{}\n" * 600, objects=root.path).num_rows


def test_batches_change_nothing_and_progress_is_told(root, monkeypatch):
    lines = [entry("a"), entry("b"), entry("a", class_name="normal"), boxed(width=81), entry("c", mask=False)]
    expected = root.rows(*lines)
    monkeypatch.setattr(room, "BATCH", 2)
    assert root.rows(*lines) == expected
    told = []
    validate_manifest(root.data, objects=lvtools.Objects(root.path), on_image=lambda *seen: told.append(seen))
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_missing_images_are_part_of_rekognitions_budget(root):
    lines = [boxed() | {"source-ref": f"s3://bucket/img/{name}.png"} for name in "abcde"]
    for name in "bcd":
        root.put(f"img/{name}.png", picture())
    data = b"\n".join(json.dumps(one).encode() for one in lines)
    codes = validate_manifest(data, profile="rekognition", objects=root.path)["code"].to_pylist()
    assert codes == ["LV305"]  # 1 of 5 is 20 %
    (root.path / "img/d.png").unlink()
    codes = validate_manifest(data, profile="rekognition", objects=root.path)["code"].to_pylist()
    assert sorted(codes) == ["LV209", "LV305", "LV305"]


@pytest.mark.parametrize("profile", PROFILES)
def test_without_objects_it_is_the_manifests_own_validation(profile):
    data = json.dumps(entry()).encode() + b"\nx\n"
    assert lvtools.validate_manifest(data, profile=profile).equals(
        lvtools.manifest.validate_manifest(data, profile=profile)
    )
    with pytest.raises(ArgumentError):
        validate_manifest(data, profile="none")


def test_large_files_are_judged_by_their_ends(monkeypatch):
    class Stream(io.BytesIO):
        taken = 0

        def read(self, *count):
            data = super().read(*count)
            self.taken += len(data)
            return data

    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    for data, form in ((encode_png(noise), "png"), (encode_jpeg(noise, 100), "jpeg")):
        assert len(data) > 3 * images.PEEK_BYTES // 2
        monkeypatch.setattr(images, "PEEK_BYTES", 4096)
        stream = Stream(data)
        assert peek_image(stream) == (ImageInfo(form, 300, 400), len(data))
        assert stream.taken == 8192
        for cut in (len(data) - 1, len(data) // 2, 5000, 30):
            with pytest.raises(FormatError):
                peek_image(io.BytesIO(data[:cut]))
        monkeypatch.undo()
    # Metadata before the frame header that are longer than what is read at first
    data = encode_jpeg(noise, 100)
    long = data[:2] + (b"\xff\xe1\xff\xff" + bytes(65_533)) * 2 + data[2:]
    assert peek_image(io.BytesIO(long)) == (ImageInfo("jpeg", 300, 400), len(long))


def test_the_getting_started_set(tmp_path):
    files = shared("data", "cookies", "dataset-files")
    manifest = shared("data", "cookies", "train_class.manifest")
    table = validate_manifest(manifest, objects=files)
    assert [row["code"] for row in table.to_pylist() if row["code"].startswith("LV3")] == []
    table = validate_manifest(
        shared("data", "cookies", "dataset-files", "manifests", "template.manifest"), objects=files
    )
    codes = [row["code"] for row in table.to_pylist() if row["code"].startswith("LV3")]
    assert set(codes) == {"LV303"}
    assert len(codes) == 32
