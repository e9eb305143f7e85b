"""Rekognition's own validation files: forms, places, numbers and messages of its guide."""

from __future__ import annotations

import json

import pytest

import lvtools
from lvtools.errors import ObjectError
from lvtools.findings import RULES
from lvtools.validation import rekognition_summary
from lvtools.validation.summary import MESSAGES
from tests.cli.command import lvtools as run
from tests.manifest.test_rules import ANNOTATION, ANOMALY, BOX, DOCUMENTED, LINE, second, swap

TWO = swap(swap(BOX, ANNOTATION, ANNOTATION.replace(b'"left":10', b'"left":-1') + b"," + ANNOTATION),
           b'[{"confidence":1}]', b'[{"confidence":1},{"confidence":1}]')  # fmt: skip


def written(folder, name="training"):
    lines = (folder / f"{name}_manifest_with_validation.json").read_bytes().splitlines()
    return [json.loads(line) for line in lines]


def one(code, **more):
    return [{"code": code, "message": MESSAGES[code].replace("{}", more.get("attribute", ""))}]


def test_the_numbers_and_the_lines(tmp_path):
    data = b"\n".join([BOX, TWO.replace(b"a.png", b"b.png"), b"", b"{'a': 1}", b'{"source-ref":"s3://bucket/c.png"}',
                       LINE.replace(b"a.png", b"d.png")])  # fmt: skip
    summary = rekognition_summary(data, tmp_path / "new")
    assert json.loads((tmp_path / "new" / "manifest_summary.json").read_bytes()) == summary
    assert summary == {
        "statistics": {
            "training": {
                "use_case": "OBJECT_LOCALIZATION",
                "total_json_lines": 6,
                "valid_json_lines": 2,
                "invalid_json_lines": 2,
                "ignored_json_lines": 2,  # unlabeled; a label where boxes are trained
                "error_json_line_indices": [2, 3, 4],
                "errors": one("ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST"),
            }
        },
        "errors": [],
    }
    sound, box, blank, python, unlabeled, label = written(tmp_path / "new")
    assert (sound, label) == (json.loads(BOX), json.loads(LINE.replace(b"a.png", b"d.png")))
    assert box["b"]["annotations"][0]["errors"] == one("ERROR_INVALID_BOUNDING_BOX")
    assert "errors" not in box["b"]["annotations"][1]
    assert blank == python == {"errors": one("ERROR_INVALID_JSON_LINE")}
    assert unlabeled["warnings"] == one("WARNING_UNANNOTATED_RECORD")


def objects(value, path=()):
    """Every object of a line with its path."""
    yield path, value
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(item, (dict, list)):
            yield from objects(item, (*path, key))


WHERE = {  # path of the object that carries the code, as the guide tells it
    "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT": ("b-metadata",),
    "ERROR_MISSING_BOUNDING_BOX_CONFIDENCE": ("b-metadata",),
    "ERROR_UNSUPPORTED_USE_CASE_TYPE": ("b-metadata",),
    "ERROR_INVALID_LABEL_NAME_LENGTH": ("b-metadata",),
    "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT": ("b",),
    "ERROR_NO_VALID_ANNOTATIONS": ("b",),
    "ERROR_TOO_MANY_BOUNDING_BOXES": ("b",),
    "WARNING_NO_ATTRIBUTE_ANNOTATIONS": ("b",),
    "ERROR_INVALID_BOUNDING_BOX": ("b", "annotations", 0),
    "ERROR_BOUNDING_BOX_TOO_SMALL": ("b", "annotations", 0),
    "ERROR_MISSING_CLASS_MAP_ID": ("b", "annotations", 0),
}


@pytest.mark.parametrize("code", DOCUMENTED)
def test_a_code_is_put_where_the_guide_puts_it(code, tmp_path):
    for line in DOCUMENTED[code]:
        rekognition_summary(line + b"\n", tmp_path)
        (value,) = written(tmp_path) or [{"errors": one("ERROR_INVALID_JSON_LINE")}]  # a blank line is none at all
        kind = "errors" if code.startswith("ERROR_") else "warnings"
        found = [
            path
            for path, part in objects(value)
            if isinstance(part, dict) and any(mark["code"] == code for mark in part.get(kind, ()))
        ]
        attribute = "b" in value or "bb" in value
        assert found == [WHERE.get(code, ()) if attribute and isinstance(value.get("b"), dict) else found[0]]
        assert len(found) == 1
        assert all(
            mark["message"] and "{}" not in mark["message"]
            for _, part in objects(value)
            for mark in (part.get("errors", ()) if isinstance(part, dict) else ())
        )


def test_a_stopping_error_hides_the_others(tmp_path):
    rekognition_summary(swap(LINE, b'"class-name"', b'"name"'), tmp_path)
    (line,) = written(tmp_path)
    assert "errors" not in line  # ERROR_NO_VALID_LABEL_ATTRIBUTES is not looked for any more
    assert line["x-metadata"]["errors"] == one("ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT")


def test_two_manifests_and_their_labels(tmp_path):
    both = LINE + b"\n" + second(ANOMALY)
    other = swap(both, b'"normal"', b'"dog"').replace(b'"anomaly"', b'"cat"')
    assert rekognition_summary(both, tmp_path, testing=both)["errors"] == []
    summary = rekognition_summary(both, tmp_path, testing=other)
    assert summary["errors"] == one("ERROR_INSUFFICIENT_LABEL_OVERLAP")
    assert list(summary["statistics"]) == ["training", "testing"]
    assert len(written(tmp_path, "testing")) == 2


def test_labels_of_lines_that_cannot_be_used(tmp_path):
    both = LINE + b"\n" + second(ANOMALY)
    broken = swap(LINE, b'"human-annotated":"yes",', b"")
    few = one("ERROR_MANIFEST_TOO_FEW_USABLE_LABELS")
    summary = rekognition_summary(broken + b"\n" + second(ANOMALY), tmp_path, testing=both)
    assert few[0] in summary["statistics"]["training"]["errors"]
    assert few[0] not in summary["statistics"]["testing"]["errors"]
    assert summary["errors"] == []  # the one usable label of the training is in the testing
    nothing = broken + b"\n" + second(swap(ANOMALY, b'"human-annotated":"yes",', b""))
    summary = rekognition_summary(both, tmp_path, testing=nothing)
    assert summary["errors"] == one("ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP")
    # Where boxes are found, the boxes' labels count, and one is enough.
    summary = rekognition_summary(BOX, tmp_path, testing=BOX)
    assert summary["errors"] == summary["statistics"]["training"]["errors"] == []


def test_values_over_several_lines_are_several_broken_lines(tmp_path):
    data = json.dumps(json.loads(LINE), indent=1).encode()
    summary = rekognition_summary(data, tmp_path)
    lines = data.count(b"\n") + 1
    assert summary["statistics"]["training"]["invalid_json_lines"] == lines
    assert written(tmp_path) == [{"errors": one("ERROR_INVALID_JSON_LINE")}] * lines


def test_missing_images_are_errors_of_their_lines(tmp_path):
    (tmp_path / "img").mkdir()
    rekognition_summary(LINE, tmp_path, objects=tmp_path / "img")
    assert written(tmp_path)[0]["errors"] == one("ERROR_INVALID_IMAGE")


def test_every_code_has_its_message():
    assert {rule.rekognition for rule in RULES if rule.rekognition} <= set(MESSAGES)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ObjectError):
        rekognition_summary(LINE, tmp_path / "file")
    assert lvtools.rekognition_summary is rekognition_summary


def test_the_command_writes_them(tmp_path):
    manifest = tmp_path / "m.manifest"
    manifest.write_bytes(LINE + b"\n" + second(ANOMALY) + b"\n")
    folder = tmp_path / "out"
    code, out, err = run("validate", "--profile", "rekognition", "--summary-dir", str(folder), str(manifest))
    assert (code, err) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == [
        "manifest_summary.json",
        "training_manifest_with_validation.json",
    ]
    code, out, err = run("validate", "--summary-dir", str(folder), str(manifest))
    assert (code, out) == (2, "")
    assert "--summary-dir needs --profile rekognition" in err
    code, out, err = run("validate", "--images", str(tmp_path), str(manifest))
    assert code == 1
    assert "error LV319 none of the images is there: 2 are named" in out
    assert "0 images and 0 masks looked at" in out
    assert run("validate", "--images", str(tmp_path / "none"), str(manifest))[0] == 2
