import orjson
import pytest

from lvtools.errors import FormatError, ObjectError
from lvtools.formats.evaluation_result import RESULT_SCHEMA, read_evaluation_result

METRICS = {"ROCAUC": 0.99308, "AveragePrecision": 0.993808, "Precision": 1.0, "Recall": 16 / 17, "F1Score": 32 / 33}
DETAILS = {
    "ModelArn": "arn:aws:lookoutvision:us-east-1:123456789012:model/p/1",
    "EvaluationEndTimestamp": "2021-03-01T10:00:00.1",
    "NumberOfTrainingImages": 100,
    "NumberOfTestingImages": 34,
}


def document(details=None, **metrics):
    return orjson.dumps(
        {
            "Version": 1,
            "EvaluationDetails": {**DETAILS, **(details or {})},
            "AggregatedEvaluationResults": {"Metrics": {**METRICS, **metrics}},
        }
    )


def test_files_are_rows(tmp_path):
    pixel = [{"Precision": 0.5, "Recall": 1, "F1Score": 2 / 3, "AIOU": 0.25, "ClassName": "dent"}]
    (tmp_path / "a.json").write_bytes(document(PixelAnomalyClassMetrics=pixel))
    table = read_evaluation_result(tmp_path / "a.json", document())
    assert table.schema == RESULT_SCHEMA
    first, second = table.to_pylist()
    assert first.pop("pixel") == [
        {"class_name": "dent", "precision": 0.5, "recall": 1.0, "f1": 2 / 3, "mean_iou": 0.25}
    ]
    assert second.pop("pixel") is None
    assert (
        first
        == second
        == {
            "model_arn": DETAILS["ModelArn"],
            "ended": "2021-03-01T10:00:00.1",
            "training_images": 100,
            "testing_images": 34,
            "auroc": 0.99308,
            "average_precision": 0.993808,
            "precision": 1.0,
            "recall": 16 / 17,
            "f1": 32 / 33,
        }
    )


def test_what_is_not_said_is_null():
    data = orjson.dumps({"EvaluationDetails": {}, "AggregatedEvaluationResults": {"Metrics": {}}})
    assert set(read_evaluation_result(data).to_pylist()[0].values()) == {None}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "this is no JSON"),
        (b"[]", "no object 'AggregatedEvaluationResults'"),
        (b'{"AggregatedEvaluationResults": {"Metrics": {}}}', "no object 'EvaluationDetails'"),
        (document(Precision=93.1), "Precision is 93.1, a number in 0..1 belongs there"),
        (document(Recall="high"), "Recall is 'high', a number in 0..1"),
        (document(details={"NumberOfTestingImages": 1.5}), "NumberOfTestingImages is 1.5, a whole number"),
        (document(PixelAnomalyClassMetrics={}), "PixelAnomalyClassMetrics is {}, an array of objects"),
        (document(PixelAnomalyClassMetrics=[{"AIOU": 1}]), "ClassName is None, a string"),
        (document(PixelAnomalyClassMetrics=[{"AIOU": True, "ClassName": "x"}]), "AIOU is True, a number"),
    ],
)
def test_what_is_wrong_is_named(data, said):
    with pytest.raises(FormatError) as error:
        read_evaluation_result(data)
    assert said in str(error.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(ObjectError):
        read_evaluation_result(tmp_path / "none.json")
