import array
import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from lvtools.dataset import ENTRY_SCHEMA, ColorMap
from lvtools.errors import ArgumentError, MaskError, ObjectError
from lvtools.findings import FINDING_SCHEMA
from lvtools.manifest import read_manifest, validate_manifest


def labeled(name, key="anomaly-label", number=1, **more):
    metadata = {
        "class-name": name,
        "confidence": 0.5,
        "type": "groundtruth/image-classification",
        "human-annotated": "yes",
        "creation-date": "2024-05-01T08:00:00.000",
        "job-name": "labeling-job/x",
    }
    return {key: number, f"{key}-metadata": metadata | more}


def masked(classes, key="anomaly-mask-ref", ref="s3://bucket/m.png"):
    metadata = {
        "internal-color-map": {
            str(n): {"class-name": name, "hex-color": color, "confidence": 0} for n, (name, color) in enumerate(classes)
        },
        "type": "groundtruth/semantic-segmentation",
        "human-annotated": "no",
        "creation-date": "2024-05-01T08:00:00",
    }
    return {key: ref, f"{key}-metadata": metadata}


def boxed(key="box", count=1):
    box = {"class_id": 0, "left": 1.5, "top": 2, "width": 30, "height": 40}
    metadata = {
        "objects": [{"confidence": 0.25}] * count,
        "class-map": {"0": "dog "},
        "type": "groundtruth/object-detection",
        "human-annotated": "yes",
        "creation-date": "2024-05-01T08:00:00",
    }
    value = {"image_size": [{"width": 640, "height": 480, "depth": 3}], "annotations": [box] * count}
    return {key: value, f"{key}-metadata": metadata}


def lines(*values):
    return "".join(
        json.dumps({"source-ref": f"s3://bucket/{n}.png"} | value) + "\n" for n, value in enumerate(values)
    ).encode()


def entry(*parts, profile="lookoutvision", attribute=None):
    value = {}
    for part in parts:
        value |= part
    dataset = read_manifest(lines(value), profile=profile, attribute=attribute)
    return dataset.entries.to_pylist()[0]


def test_a_whole_line_becomes_a_row():
    data = lines(labeled("anomaly") | masked([("BACKGROUND", "#ffffff"), ("crack", "#23A436")]))
    row = read_manifest(data).entries.to_pylist()[0]
    classes = row.pop("anomaly_classes")
    assert row == {
        "source_ref": "s3://bucket/0.png",
        "class_name": "anomaly",
        "label": "1",
        "confidence": 0.5,
        "creation_date": datetime(2024, 5, 1, 8, tzinfo=UTC),
        "human_annotated": True,
        "job_name": "labeling-job/x",
        "label_attribute": "anomaly-label",
        "mask_ref": "s3://bucket/m.png",
        "mask_attribute": "anomaly-mask-ref",
        "boxes": None,
        "labels": None,
        "line": 1,
        "raw": data,
    }
    assert classes == [
        {"index": "0", "class_name": "BACKGROUND", "color": "#ffffff", "confidence": 0.0},
        {"index": "1", "class_name": "crack", "color": "#23a436", "confidence": 0.0},
    ]


@pytest.mark.parametrize("data", [b"", b"\n", b"{}\n", b"[1]\nnot json\n", b"\x89PNG", lines(labeled("normal"))])
@pytest.mark.parametrize("columns", [None, ["line", "raw"], ["class_name"], []])
def test_the_tables_have_their_schemas(data, columns):
    dataset = read_manifest(data, columns=columns)
    names = ENTRY_SCHEMA.names if columns is None else columns
    assert dataset.entries.schema.equals(pa.schema([ENTRY_SCHEMA.field(name) for name in names]))
    dataset.entries.validate(full=True)
    dataset.findings.validate(full=True)
    assert dataset.findings.schema.equals(FINDING_SCHEMA)
    assert validate_manifest(data).schema.equals(FINDING_SCHEMA)


@pytest.mark.parametrize(
    ("written", "lookoutvision"),
    [("normal", "normal"), ("anomaly", "anomaly"), ("Anomaly", "anomaly"), (" NORMAL ", "normal"), ("scratch", None)],
)
def test_the_class_under_each_profile(written, lookoutvision):
    assert entry(labeled(written))["class_name"] == lookoutvision
    assert entry(labeled(written), profile="groundtruth")["class_name"] == written
    assert entry(labeled(written), profile="rekognition")["class_name"] == written


@pytest.mark.parametrize(("number", "label"), [(0, "0"), ("1", "1"), (True, None), (None, None), ([1], None)])
def test_the_number_is_kept_as_written(number, label):
    assert entry(labeled("normal", number=number))["label"] == label


def test_unlabeled_faulty_and_blank_lines_are_rows_too():
    dataset = read_manifest(b'{"source-ref":"s3://bucket/a.png"}\n\n{broken\n[]\n{"source":"text"}\n')
    assert dataset.entries["source_ref"].to_pylist() == ["s3://bucket/a.png", None, None, None, None]
    assert dataset.entries["line"].to_pylist() == [1, 2, 3, 4, 5]
    assert dataset.entries["class_name"].null_count == 5
    assert len(dataset) == 5


def test_chained_attributes_the_first_decides_and_all_are_listed():
    row = entry(labeled("normal"), labeled("anomaly", "verify", 7))
    assert (row["class_name"], row["label_attribute"]) == ("normal", "anomaly-label")
    assert [(one["attribute"], one["class_id"], one["class_name"]) for one in row["labels"]] == [
        ("anomaly-label", "1", "normal"),
        ("verify", "7", "anomaly"),
    ]


def test_the_attribute_asked_for_decides():
    row = entry(labeled("normal"), labeled("anomaly", "second", 7), attribute="second")
    assert (row["class_name"], row["label_attribute"], row["label"]) == ("anomaly", "second", "7")
    assert [one["attribute"] for one in row["labels"]] == ["anomaly-label", "second"]
    assert entry(labeled("normal"), attribute="other")["class_name"] is None


def test_predictions_are_no_truth():
    row = entry(
        labeled("anomaly", "anomaly-label-detected"),
        masked([("crack", "#23a436")], "anomaly-mask-ref-detected"),
        boxed("box-detected"),
        boxed("rekognition-custom-labels-evaluation"),
        labeled("normal", "rekognition-custom-labels-evaluation-0"),
        profile="groundtruth",
    )
    given = {name for name, value in row.items() if value is not None}
    assert given == {"source_ref", "line", "raw"}
    row = entry(labeled("anomaly", "anomaly-label-detected"), labeled("normal"))
    assert (row["class_name"], row["label_attribute"], row["labels"]) == ("normal", "anomaly-label", None)
    asked = entry(labeled("anomaly", "anomaly-label-detected"), labeled("normal"), attribute="anomaly-label-detected")
    assert asked["class_name"] == "anomaly"


def test_boxes_and_multi_labels():
    row = entry(boxed(count=2), boxed("more"), profile="groundtruth")
    assert len(row["boxes"]) == 3
    assert row["boxes"][0] == {
        "class_id": 0,
        "class_name": "dog ",
        "left": 1.5,
        "top": 2.0,
        "width": 30.0,
        "height": 40.0,
        "confidence": 0.25,
    }
    assert entry(boxed(count=0), profile="groundtruth")["boxes"] == []
    tags = {
        "tags": [1, 8],
        "tags-metadata": {
            "class-map": {"1": "bicycle", "8": "coat"},
            "confidence-map": {"1": 0.95, "8": 0.2},
            "type": "groundtruth/image-classification-multilabel",
        },
    }
    assert entry(tags, profile="groundtruth")["labels"] == [
        {"attribute": "tags", "class_id": "1", "class_name": "bicycle", "confidence": 0.95},
        {"attribute": "tags", "class_id": "8", "class_name": "coat", "confidence": 0.2},
    ]


def test_color_maps_are_listed_once_and_joined():
    one, two = [("BACKGROUND", "#ffffff"), ("crack", "#23A436")], [("dent", "#1f77b4")]
    dataset = read_manifest(lines(masked(one), masked(two), masked(one)))
    assert dataset.color_maps == (ColorMap(dict(one)), ColorMap(dict(two)))
    assert dict(dataset.color_map) == {"BACKGROUND": 0xFFFFFF, "crack": 0x23A436, "dent": 0x1F77B4}
    assert dataset.color_map.anomaly_classes == ("crack", "dent")
    assert dataset.color_map.background == "BACKGROUND"
    clash = read_manifest(lines(masked(one), masked([("crack", "#000001")])))
    with pytest.raises(MaskError, match="two colours"):
        _ = clash.color_map
    assert read_manifest(lines(masked([("a", "#000001"), ("b", "#000001")]))).color_maps == ()


@pytest.mark.parametrize(
    ("line", "profile"),
    [
        (labeled("normal"), "lookoutvision"),
        (labeled("ANOMALY", "auto-label"), "lookoutvision"),
        (labeled("dog"), "groundtruth"),
        ({}, "groundtruth"),
        (labeled("normal") | {"cl-metadata": {"is_labeled": True}}, "rekognition"),
        (labeled("dog", "rekognition-custom-labels-training-0"), "rekognition"),
        (labeled("dog") | {"errors": [{"code": "ERROR_X", "message": ""}]}, "rekognition"),
        (labeled("dog") | {"errors": ["mine"]}, "groundtruth"),
    ],
)
def test_the_profile_is_found(line, profile):
    assert read_manifest(lines(line)).profile == profile
    facts = validate_manifest(lines(line)).schema.metadata
    assert facts[b"profile"].decode() == profile
    assert facts[b"profile_reason"]
    spread = json.dumps([{"source-ref": "s3://bucket/0.png"} | line], indent=1).encode()
    assert read_manifest(spread).profile == profile
    assert read_manifest(b"\xef\xbb\xbf" + lines(line)).profile == profile


def test_a_profile_or_column_that_does_not_exist_is_refused():
    for call in (read_manifest, validate_manifest):
        with pytest.raises(ArgumentError, match="no profile 'aws'"):
            call(b"{}", profile="aws")
    with pytest.raises(ArgumentError, match="no column 'image'"):
        read_manifest(b"{}", columns=["image"])
    with pytest.raises(ArgumentError, match="cannot read from a int"):
        read_manifest(7)


def test_any_source_gives_the_same(tmp_path):
    data = lines(labeled("normal"), labeled("anomaly"))
    path = tmp_path / "m.manifest"
    path.write_bytes(data)
    sources = [data, bytearray(data), memoryview(data), pa.py_buffer(data), array.array("B", data), path, str(path)]
    tables = [read_manifest(source).entries for source in (*sources, path.as_uri())]
    assert all(table.equals(tables[0]) for table in tables)
    reports = [validate_manifest(source).drop(["file"]) for source in (*sources, path.as_uri())]
    assert all(report.equals(reports[0]) for report in reports)
    with pytest.raises(ObjectError, match="no such file"):
        read_manifest(tmp_path / "none")


def test_statistics_and_progress():
    data = lines(labeled("normal"), labeled("anomaly") | masked([("crack", "#23a436")]), boxed(), {})
    assert read_manifest(data).statistics == {
        "lines": 4,
        "bytes": len(data),
        "entries": 4,
        "labeled": 3,
        "normal": 1,
        "anomaly": 1,
        "masks": 1,
        "with_boxes": 1,
    }
    seen = []
    validate_manifest(data * 800, on_progress=seen.append)
    assert seen
    assert seen == sorted(seen)
    assert seen[-1] <= len(data) * 800


@pytest.mark.parametrize("value", [None, True, 0, "", "s", [], [[]], [{}], {}, {"0": None}, {"0": {}}, 1e308, -1])
def test_any_value_in_any_member_has_an_answer(value):
    whole = labeled("normal") | masked([("crack", "#23a436")]) | boxed()
    whole |= {"t": [0], "t-metadata": {"type": "groundtruth/image-classification-multilabel", "class-map": {"0": "a"}}}

    def spoiled(part):
        for key in part:
            yield part | {key: value}
            if isinstance(part[key], dict):
                yield from (part | {key: inner} for inner in spoiled(part[key]))
            elif isinstance(part[key], list) and part[key] and isinstance(part[key][0], dict):
                yield from (part | {key: [inner]} for inner in spoiled(part[key][0]))

    for profile in ("lookoutvision", "rekognition", "groundtruth", "auto"):
        data = lines(*spoiled(whole))
        dataset = read_manifest(data, profile=profile)
        dataset.entries.validate(full=True)
        assert len(dataset) == data.count(b"\n")
        assert dataset.findings.num_rows > 0
