"""A caller's own columns stay beside their rows, whatever the form."""

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lvtools as lv
from lvtools.formats.predictions import PREDICTION_SCHEMA, read_predictions

CSV = b"image,score,Camera,shift\na.jpg,0.5,left,1\n,0.3,lost,2\nb.jpg,broken,lost,3\nc.jpg,0.2,right,4\n"
ROWS = pa.table({"image": ["a.jpg", "c.jpg"], "score": [0.5, 0.2], "Camera": ["left", "right"], "shift": [1, 4]})


def parquet():
    sink = pa.BufferOutputStream()
    pq.write_table(ROWS, sink)
    return sink.getvalue().to_pybytes()


def jsonl():
    return b"".join(orjson.dumps(row) + b"\n" for row in ROWS.to_pylist())


def coded():
    return ROWS.set_column(2, "Camera", ROWS["Camera"].dictionary_encode())


@pytest.mark.parametrize(
    "source", [CSV, parquet(), ROWS, coded(), jsonl(), b"[" + jsonl().strip().replace(b"\n", b",") + b"]"]
)
def test_rows_that_are_left_out_shift_nothing(source):
    found = read_predictions(source, extra=["camera", "shift", "nowhere"])
    assert found.table["source_ref"].to_pylist() == ["a.jpg", "c.jpg"]
    assert found.table.schema.names == PREDICTION_SCHEMA.names
    assert found.extra.to_pydict() == {"camera": ["left", "right"], "shift": [1, 4]}
    plain = read_predictions(source)
    assert plain.extra.num_columns == 0
    assert plain.table == found.table


def test_members_of_manifests_and_answers():
    line = {
        "source-ref": "a.jpg", "camera": "left", "anomaly-label": 1,
        "anomaly-label-metadata": {"class-name": "anomaly", "confidence": 1, "human-annotated": "yes",
                                   "job-name": "labeling-job/x", "creation-date": "2024-01-01T00:00:00",
                                   "type": "groundtruth/image-classification"},
    }  # fmt: skip
    names = ["camera", "anomaly-label-metadata.job-name"]
    expected = {"camera": ["left"], "anomaly-label-metadata.job-name": ["labeling-job/x"]}
    data = orjson.dumps(line) + b"\n"
    for source in (data, lv.read_manifest(data)):
        assert read_predictions(source, extra=names).extra.to_pydict() == expected
    answer = {"source-ref": "a.jpg", "camera": 2.5, "DetectAnomalyResult": {"IsAnomalous": True, "Confidence": 0.9}}
    assert read_predictions(orjson.dumps(answer), extra=names).extra.to_pydict() == {"camera": [2.5]}


def test_mixed_members_become_text_and_objects_are_missing():
    items = [{"image": "a", "score": 0.1, "x": True}, {"image": "b", "score": 0.1, "x": 3},
             {"image": "c", "score": 0.1, "x": {"y": 1}}]  # fmt: skip
    data = b"".join(orjson.dumps(item) + b"\n" for item in items)
    found = read_predictions(data, extra=["x", "x.y"])
    assert found.extra.to_pydict() == {"x": ["true", "3", None], "x.y": [None, None, 1]}


def test_a_table_in_our_own_schema_keeps_its_further_columns():
    table = read_predictions(ROWS).table
    more = table.append_column("camera", pa.array(["x", "y"])).append_column("score2", pa.array([1, 2]))
    found = read_predictions(more, extra=["camera"])
    assert found.table == table
    assert found.extra.to_pydict() == {"camera": ["x", "y"]}


def test_a_column_named_as_one_of_ours_is_another():
    table = ROWS.append_column("line", pa.array(["L1", "L2"]))
    found = read_predictions(table, extra=["line"])
    assert found.extra.to_pydict() == {"line": ["L1", "L2"]}
    assert found.table["line"].to_pylist() == [1, 2]
