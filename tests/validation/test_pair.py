"""A test set beside its training set, and what a file's name says."""

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvtools import validate_manifest
from lvtools.errors import ObjectError
from lvtools.findings import PROFILES
from lvtools.manifest import batches
from tests.manifest.test_rules import BOX, LINE, MULTI, second, swap
from tests.validation.test_validate import Root, entry

MORE = b'{"source-ref":"s3://bucket/%d.png"}'


def rows(data, training, code, **how):
    table = validate_manifest(data, training=training, **how)
    return [row for row in table.to_pylist() if row["code"] == code]


@pytest.mark.parametrize("profile", PROFILES)
def test_an_image_of_both_is_found_at_its_place(profile):
    training = b"\n".join([MORE % 1, b"{]", MORE % 2, MORE % 2])
    testing = b"\n".join([MORE % 3, b"", b"  " + MORE % 2, MORE % 3])
    (row,) = rows(testing, training, "LV230", profile=profile)
    at = testing.index(b'"s3://bucket/2.png"')
    assert (row["line"], row["column"], row["byte_offset"]) == (3, at - testing.rindex(b"\n", 0, at), at)
    assert (row["severity"], row["value"], row["related_line"]) == ("warning", '"s3://bucket/2.png"', 3)
    assert rows(MORE % 3, training, "LV230", profile=profile) == []
    assert [row["line"] for row in rows(training, training, "LV230", profile=profile)] == [1, 3, 4]


@settings(deadline=None, max_examples=100)
@given(
    training=st.lists(st.integers(0, 9)), testing=st.lists(st.integers(0, 9)), part=st.sampled_from([1, 200, 10**6]),
    spread=st.booleans(),
)  # fmt: skip
def test_as_sets_say_it(training, testing, part, spread):
    one, other = (b"\n".join(MORE % n for n in numbers) for numbers in (training, testing))
    if spread:
        end = b"\n" + json.dumps({"source-ref": "s3://bucket/x.png"}, indent=1).encode()
        one, other = one + end, other + end
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "PART_BYTES", part)
        found = rows(other, one, "LV230")
        validate_manifest(other, training=one, on_findings=told.append)
    expected = [(line, training.index(n) + 1) for line, n in enumerate(testing, 1) if n in training]
    assert [(row["line"], row["related_line"]) for row in found[: len(expected)]] == expected
    assert len(found) == len(expected) + spread
    streamed = pa.concat_tables(told).to_pylist() if told else []
    assert [row for row in streamed if row["code"] == "LV230"] == found


def named(*names):
    return b"\n".join(
        swap(swap(LINE, b'"normal"', f'"{name}"'.encode()), b"a.png", name.encode()) for name in names
    )  # fmt: skip


def test_half_of_the_labels_have_to_be_common():
    training = named("a", "b", "c", "d")
    (row,) = rows(named("a", "x", "y"), training, "LV231", profile="rekognition")
    assert row["value"] == "1 of the 4 labels of the training set"
    assert (row["line"], row["severity"], row["rekognition_code"]) == (
        None, "error", "ERROR_INSUFFICIENT_LABEL_OVERLAP",
    )  # fmt: skip
    assert rows(named("a", "b", "x"), training, "LV231", profile="rekognition") == []
    assert rows(named("x"), training, "LV231", profile="lookoutvision") == []
    assert rows(named("x"), b"", "LV231", profile="rekognition") == []
    # Labels of boxes and of several-label lines are labels.
    boxes = swap(BOX, b'"dog"', b'"a"') + b"\n" + second(swap(MULTI, b'"cat"', b'"b"'))
    assert rows(boxes, training, "LV231", profile="rekognition") == []
    assert rows(boxes, named("dog", "cat", "a"), "LV231", profile="rekognition") == []


def test_with_images_and_without_a_training_set(tmp_path):
    root = Root(tmp_path)
    data = json.dumps(entry()).encode()
    (tmp_path / "train.manifest").write_bytes(data)
    codes = [row["code"] for row in rows(data, tmp_path / "train.manifest", "LV230", objects=root.path, max_findings=1)]
    assert codes == ["LV230"]
    with pytest.raises(ObjectError, match="no such file"):
        validate_manifest(data, training=tmp_path / "none")


def test_a_name_without_extension(tmp_path):
    for name, expected in (("train", ["LV011"]), ("train.manifest", []), ("a.b/train", ["LV011"])):
        (tmp_path / "a.b").mkdir(exist_ok=True)
        path = tmp_path / name
        path.write_bytes(LINE)
        for profile in PROFILES:
            found = rows(path, None, "LV011", profile=profile)
            assert [row["code"] for row in found] == (expected if profile == "rekognition" else [])
    assert rows(LINE, None, "LV011", profile="rekognition") == []
