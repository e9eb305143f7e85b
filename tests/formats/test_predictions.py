import base64
import contextlib
import json

import cv2
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools.errors import ArgumentError, FormatError, LvtoolsError, ObjectError
from lvtools.formats.fields import IMAGE_NAMES, decode_base64
from lvtools.formats.predictions import PREDICTION_FORMATS, PREDICTION_SCHEMA, read_predictions
from tests.shared import shared

PNG = cv2.imencode(".png", np.zeros((2, 3, 3), np.uint8))[1].tobytes()
ANSWER = {
    "Source": {"Type": "direct"},
    "IsAnomalous": True,
    "Confidence": 0.75,
    "Anomalies": [
        {"Name": "background", "PixelAnomaly": {"TotalPercentageArea": 0.9, "Color": "#FFFFFF"}},
        {"Name": "dent", "PixelAnomaly": {"TotalPercentageArea": 0.1, "Color": "#23A436"}},
    ],
    "AnomalyMask": base64.b64encode(PNG).decode(),
}


def lines(*items):
    return b"".join(orjson.dumps(item) + b"\n" if not isinstance(item, bytes) else item + b"\n" for item in items)


def codes(read):
    return list(zip(read.findings["line"].to_pylist(), read.findings["code"].to_pylist(), strict=True))


def refs(read):
    return read.table["source_ref"].to_pylist()


@pytest.mark.parametrize(
    "key", ["source-ref", "source_ref", "image", "image_ref", "file", "filename", "path", "key", "Image"]
)
@pytest.mark.parametrize("wrapped", [True, False])
def test_saved_answers(key, wrapped):
    item = {key: "s3://b/x.jpg", "DetectAnomalyResult": ANSWER} if wrapped else {key: "s3://b/x.jpg", **ANSWER}
    read = read_predictions(lines(item))
    assert (read.format, read.findings.num_rows) == ("detect", 0)
    assert read.table.schema == PREDICTION_SCHEMA
    assert read.table.to_pylist() == [
        {
            "source_ref": "s3://b/x.jpg",
            "class_name": "anomaly",
            "score": 0.75,
            "mask_ref": None,
            "mask": PNG,
            "anomaly_classes": [
                {"class_name": "background", "color": "#FFFFFF", "area_fraction": 0.9},
                {"class_name": "dent", "color": "#23A436", "area_fraction": 0.1},
            ],
            "line": 1,
        }
    ]


def test_confidence_is_that_of_the_decision():
    read = read_predictions(lines({"image": "a", "IsAnomalous": False, "Confidence": 0.25}))
    assert read.table["class_name"].to_pylist() == ["normal"]
    assert read.table["score"].to_pylist() == [0.75]


@pytest.mark.parametrize("mask", ["masks/a.png", "s3://b/masks/a.png", "C:\\m\\a.PNG", "a.png"])
def test_masks_by_reference(mask):
    for key in ("AnomalyMask", "mask", "mask_ref", "mask_file"):
        read = read_predictions(lines({"image": "a", "IsAnomalous": True, "Confidence": 1, key: mask}))
        assert read.table["mask_ref"].to_pylist() == [mask]


def test_a_bad_line_never_hides_the_next():
    good = {"image": "good.jpg", "IsAnomalous": True, "Confidence": 0.9}
    bad = [
        (b'{"image": ', "LV020"),
        (b"\xff\xfe{}", "LV020"),
        (b"[1, 2]", "LV026"),
        ({"IsAnomalous": True, "Confidence": 0.5}, "LV411"),
        ({"image": "a", "IsAnomalous": "perhaps", "Confidence": 0.5}, "LV405"),
        ({"image": "a", "Confidence": 0.5}, "LV405"),
        ({"image": "b1", "IsAnomalous": True, "Confidence": 97.5}, "LV410"),
        ({"image": "b2", "IsAnomalous": True, "Confidence": "x"}, "LV410"),
        ({"image": "b3", "IsAnomalous": True, "Confidence": 0.5, "AnomalyMask": "b'\\x89PNG"}, "LV410"),
        (
            {"image": "b4", "IsAnomalous": True, "Confidence": 0.5, "AnomalyMask": base64.b64encode(b"JPEG").decode()},
            "LV410",
        ),
        ({"image": "b5", "IsAnomalous": True, "Confidence": 0.5, "Anomalies": [{"Name": "dent"}]}, "LV410"),
    ]
    data = lines(*[item for one, _ in bad for item in (one, good)])
    read = read_predictions(data, format="detect")
    assert codes(read) == [(2 * at + 1, code) for at, (_, code) in enumerate(bad)]
    assert refs(read).count("good.jpg") == len(bad)
    assert {"b1", "b2", "b3", "b4", "b5"} < set(refs(read)), "what is right about a line counts"


def test_one_document_an_array_and_a_folder(tmp_path):
    named = {"image": "x.jpg", **ANSWER}
    array = json.dumps([named, {"image": "y.jpg", **ANSWER}, 7], indent=1).encode()
    assert refs(read_predictions(array)) == ["x.jpg", "y.jpg"]
    assert codes(read_predictions(array)) == [(3, "LV026")]
    assert refs(read_predictions(b"\xef\xbb\xbf" + json.dumps(named, indent=2).encode())) == ["x.jpg"]
    folder = tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.jpg.json").write_bytes(orjson.dumps(ANSWER))
    (folder / "b.png.json").write_bytes(b"{")
    (folder / "sub" / "c.jpg.json").write_bytes(orjson.dumps({"DetectAnomalyResult": ANSWER}))
    (folder / "notes.txt").write_text("no prediction")
    read = read_predictions(folder)
    assert refs(read) == ["a.jpg", "sub/c.jpg"]
    assert codes(read) == [(2, "LV020")]
    assert refs(read_predictions(folder / "a.jpg.json")) == ["a.jpg"]
    (tmp_path / "none").mkdir()
    with pytest.raises(FormatError, match=r"no .json file"):
        read_predictions(tmp_path / "none")


def test_a_broken_array_says_where():
    with pytest.raises(FormatError, match="the JSON array is broken"):
        read_predictions(b'[{"image": "a", "IsAnomalous": true},\n {"image"')


@given(st.binary(max_size=40), st.sampled_from(["", "=", "==", "===="]), st.sampled_from(["", "\n"]))
def test_lenient_base64(data, surplus, gap):
    text = base64.b64encode(data).decode()
    assert decode_base64(text[:8] + gap + text[8:].rstrip("=") + surplus) == data


@pytest.mark.parametrize("text", ["a", "!!!!", "ab\u00e9d", "a=bc"])
def test_rubbish_is_no_base64(text):
    assert decode_base64(text) is None


def test_edge_captures():
    folder = shared("data", "cookies", "edge-results")
    sizes = {}
    for path in sorted(folder.glob("*.jsonl")):
        read = read_predictions(path)
        assert read.format == "edge"
        assert read.findings.num_rows == 0
        assert read.table["class_name"].to_pylist() == ["anomaly"] * len(read)
        assert read.table["score"].to_pylist() == [0.9984821677207947] * len(read)
        sizes[path.name[0]] = len(read)
    assert sizes == {"A": 2, "B": 2, "C": 1, "D": 1}
    last = read.table.to_pylist()[0]
    assert last["mask_ref"] == "<INFER_OUT>/test-mask.jpg"
    assert last["anomaly_classes"][1] == {
        "class_name": "cracked",
        "color": "#23a436",
        "area_fraction": 0.022438332438468933,
    }


def test_edge_faults_are_findings():
    frame = {"deviceFleetAuxiliaryInputs": [{"data-ref": "a.jpg"}]}

    def output(text):
        return [{"data": text, "observedContentType": "json"}]

    failed = base64.b64encode(b'{"Inference status": "error", "Error msg": "no model"}').decode()
    read = read_predictions(
        lines(
            {**frame, "deviceFleetAuxiliaryOutputs": output("*")},
            {**frame, "deviceFleetAuxiliaryOutputs": output(failed)},
            {"deviceFleetAuxiliaryInputs": [], "deviceFleetAuxiliaryOutputs": []},
            frame,
        )
    )
    assert codes(read) == [(1, "LV410"), (1, "LV405"), (2, "LV405"), (3, "LV411"), (4, "LV405")]
    assert "no model" in read.findings["value"].to_pylist()[2]


EVALUATED = {
    "source-ref": "s3://b/a.jpg",
    "anomaly-label": 1,
    "anomaly-label-metadata": {
        "class-name": "anomaly",
        "type": "groundtruth/image-classification",
        "human-annotated": "yes",
    },
    "anomaly-label-detected": 0,
    "anomaly-label-detected-metadata": {"class-name": "normal", "confidence": 0.75, "human-annotated": "no"},
    "anomaly-mask-ref-detected": "s3://b/a.png",
    "anomaly-mask-ref-detected-metadata": {
        "internal-color-map": {"0": {"name": "background", "hex-color": "#ffffff", "total-percentage-area": 0.5}}
    },
}


def test_an_evaluation_manifest_holds_both_sides():
    read = read_predictions(lines(EVALUATED))
    row = read.table.to_pylist()[0]
    assert read.format == "evaluation-manifest"
    assert (row["class_name"], row["score"], row["mask_ref"]) == ("normal", 0.25, "s3://b/a.png")
    assert row["anomaly_classes"] == [{"class_name": "background", "color": "#ffffff", "area_fraction": 0.5}]
    truth = read_predictions(lines(EVALUATED), role="truth")
    assert (truth.format, truth.table["class_name"].to_pylist()) == ("manifest", ["anomaly"])


def test_a_rekognition_snapshot():
    key = "rekognition-custom-labels-evaluation-0"
    item = {"source-ref": "s3://b/a.jpg", key: 1, key + "-metadata": {"class-name": "ok", "confidence": 0.9}}
    row = read_predictions(lines(item)).table.to_pylist()[0]
    assert (row["class_name"], row["score"]) == ("ok", None)


def test_an_ordinary_manifest():
    human = {
        "class-name": "anomaly",
        "confidence": 0.9,
        "human-annotated": "yes",
        "type": "groundtruth/image-classification",
        "creation-date": "2024-01-01T00:00:00",
        "job-name": "x",
    }
    machine = {**human, "human-annotated": "no", "class-name": "normal"}
    read = read_predictions(
        lines(
            {"source-ref": "a.jpg", "l": 1, "l-metadata": human},
            b"{]",
            {"source-ref": "b.jpg", "l": 1, "l-metadata": machine},
        )
    )
    assert read.format == "manifest"
    assert read.table["score"].to_pylist() == [None, pytest.approx(0.1)]
    assert [line for line, _ in codes(read)] == [2]


COLUMNS = {"Image_Path": ["a", "b", "c"], "Anomaly Score": [0.25, 0.5, None], "Label": [None, "normal", "anomaly"]}
EXPECTED = [("a", None, 0.25), ("b", "normal", 0.5), ("c", "anomaly", None)]


def brief(read):
    return [(row["source_ref"], row["class_name"], row["score"]) for row in read.table.to_pylist()]


def test_tables_in_every_form(tmp_path):
    table = pa.table(COLUMNS)
    paths = [tmp_path / name for name in ("t.csv", "t.parquet", "t.arrow", "t.stream", "t.json", "t.jsonl")]
    pa.csv.write_csv(table, paths[0])
    pa.parquet.write_table(table, paths[1])
    with pa.ipc.new_file(paths[2], table.schema) as writer:
        writer.write_table(table)
    with pa.ipc.new_stream(paths[3], table.schema) as writer:
        writer.write_table(table)
    paths[4].write_bytes(orjson.dumps(table.to_pylist()))
    paths[5].write_bytes(lines(*table.to_pylist()))

    class Capsule:
        def __arrow_c_stream__(self, requested_schema=None):
            return table.__arrow_c_stream__(requested_schema)

    found = {}
    for source in (*paths, table, Capsule(), table.to_batches()[0]):
        read = read_predictions(source)
        assert brief(read) == EXPECTED, source
        assert read.findings.num_rows == 0
        found[str(source)[-6:]] = read.format
    assert set(found.values()) == {"csv", "parquet", "arrow", "records"}
    again = read_predictions(read_predictions(table).table)
    assert brief(again) == EXPECTED, "our own schema passes"


@pytest.mark.parametrize("values", [[True, False], [1, 0], ["True", "false"], ["1", "0"], [1.0, 0.0]])
def test_true_and_1_mean_anomaly(values):
    read = read_predictions(pa.table({"file": ["a", "b"], "prediction": values}))
    assert brief(read) == [("a", "anomaly", None), ("b", "normal", None)]


def test_numbers_of_many_classes_stay_names():
    read = read_predictions(pa.table({"file": ["a", "b", "c"], "prediction": [0, 1, 2]}))
    assert [name for _, name, _ in brief(read)] == ["0", "1", "2"]


def test_a_confidence_needs_its_decision():
    read = read_predictions(
        lines({"file": "a", "label": "normal", "confidence": 0.75}, {"file": "b", "confidence": 0.5, "label": None})
    )
    assert brief(read) == [("a", "normal", 0.25)]
    assert codes(read) == [(2, "LV405")]


def test_csv_rows_keep_their_numbers():
    read = read_predictions(b"image;score\n001;0.5\n002;0.7;3\n003;xx\n004;\n;0.5\n005;0,5\n006;nan\n")
    assert brief(read) == [("001", None, 0.5)]
    assert codes(read) == [(3, "LV410"), (4, "LV410"), (5, "LV405"), (6, "LV411"), (7, "LV410"), (8, "LV405")]
    assert brief(read_predictions(b"image,label\r\na.jpg,anomaly\r\n")) == [("a.jpg", "anomaly", None)]


def test_csv_that_is_not_utf8_is_read_all_the_same():
    read = read_predictions("image,label\na.jpg,anomaly\nö.jpg,normal\n".encode("latin-1"))
    assert brief(read) == [("a.jpg", "anomaly", None), ("\ufffd.jpg", "normal", None)]
    assert codes(read) == [(3, "LV022")]


def test_inline_masks_in_tables():
    read = read_predictions(pa.table({"image": ["a", "b", "c"], "score": [0.5] * 3, "mask": [PNG, b"rubbish", None]}))
    assert read.table["mask"].to_pylist() == [PNG, None, None]
    assert codes(read) == [(2, "LV410")]


def test_what_cannot_be_read_is_said():
    with pytest.raises(FormatError, match=r"no column names the image; found a, b"):
        read_predictions(pa.table({"a": [1], "b": [2]}))
    with pytest.raises(FormatError, match=r"no column gives a class or score"):
        read_predictions(pa.table({"image": ["x"]}))
    with pytest.raises(FormatError, match="empty"):
        read_predictions(b" \n")
    with pytest.raises(FormatError, match=r"none of the forms"):
        read_predictions(b"\x00\x01\x02")
    with pytest.raises(FormatError, match=r"none of the forms"):
        read_predictions(b"just words\n")
    with pytest.raises(ArgumentError, match="'coco' is no prediction format"):
        read_predictions(b"{}", format="coco")
    with pytest.raises(ObjectError):
        read_predictions("/nowhere/at/all.csv")


@pytest.mark.parametrize("name", sorted(PREDICTION_FORMATS))
@given(
    data=st.binary(max_size=60)
    | st.sampled_from([b"PAR1", b"ARROW1", b"[]", b"{}", b"[", b"[[[", b"null", b'{"a":' * 5000])
)
def test_forced_formats_answer_or_refuse_any_bytes(name, data):
    with contextlib.suppress(LvtoolsError):
        assert read_predictions(data, format=name).table.schema == PREDICTION_SCHEMA


@given(st.integers(0, 10**4))
def test_every_prefix_gives_an_answer(cut):
    data = lines(EVALUATED, {"image": "x", **ANSWER})
    with contextlib.suppress(LvtoolsError):
        assert len(read_predictions(data[: cut % len(data)])) <= 2


def test_birds_and_names():
    read = read_predictions(shared("data", "manifests", "aws-amazon-sagemaker-examples", "birds-true_labels.json"))
    assert (read.format, len(read), read.findings.num_rows) == ("records", 302, 0)
    assert len(set(IMAGE_NAMES)) == len(IMAGE_NAMES)
