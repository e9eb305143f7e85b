import json
from datetime import UTC, datetime

import numpy as np
import orjson
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import lvtools as lv
from lvtools.cli.evaluate import command
from lvtools.errors import ArgumentError, ObjectError
from lvtools.formats.evaluation_result import ServiceModel
from tests.evaluation.test_evaluate import COLORS, P, T, answer, jsonl, png, truth_line

WHEN = datetime(2024, 5, 1, 8, 0, 0, 120, tzinfo=UTC)
MODEL = {"model": "boards/3", "ended": WHEN}


def both(tmp_path, evaluation, **options):
    files = lv.write_service_files(evaluation, tmp_path, **{**MODEL, **options})
    lines = [json.loads(line) for line in (tmp_path / "EvaluationManifest-boards-3.json").read_text().splitlines()]
    return json.loads((tmp_path / "EvaluationResult-boards-3.json").read_text()), lines, files


@pytest.fixture
def segmentation(tmp_path):
    (tmp_path / "a.png").write_bytes(png(T))
    (tmp_path / "p.png").write_bytes(png(P))
    truth = jsonl(
        truth_line("a.jpg", "anomaly", "a.png"), truth_line("b.jpg", "normal"), truth_line("c.jpg", "anomaly")
    )
    (tmp_path / "truth.manifest").write_bytes(truth)
    colors = [("background", "#FFFFFF"), ("dent", "#23A436"), ("crack", "#C80000")]
    answers = [answer("a.jpg", True, 0.75, "p.png", colors), answer("b.jpg", False), answer("c.jpg", False, 0.625)]
    (tmp_path / "answers.jsonl").write_bytes(jsonl(*answers))
    return lv.evaluate(tmp_path / "truth.manifest", tmp_path / "answers.jsonl")


def test_the_result_has_the_services_members_in_its_nesting(tmp_path, segmentation):
    document, _, files = both(tmp_path, segmentation, training_images=40)
    assert files == (
        str(tmp_path / "EvaluationResult-boards-3.json"),
        str(tmp_path / "EvaluationManifest-boards-3.json"),
    )
    assert document == {
        "Version": 1,
        "EvaluationDetails": {
            "ModelArn": "arn:aws:lookoutvision:local:000000000000:model/boards/3",
            "EvaluationEndTimestamp": "2024-05-01T08:00:00.000120",
            "NumberOfTrainingImages": 40,
            "NumberOfTestingImages": 3,
        },
        "AggregatedEvaluationResults": {
            "Metrics": {
                "ROCAUC": 1.0,
                "AveragePrecision": 1.0,
                "Precision": 1.0,
                "Recall": 0.5,
                "F1Score": 2 / 3,
                # 'crack' is predicted only: "one element per anomaly label found in the test dataset"
                "PixelAnomalyClassMetrics": [
                    {"Precision": 1.0, "Recall": 0.5, "F1Score": 2 / 3, "AIOU": 0.5, "ClassName": "dent"}
                ],
            }
        },
    }


def test_the_manifest_has_the_guides_keys_in_the_guides_order(tmp_path, segmentation):
    _, lines, _ = both(tmp_path, segmentation)
    date = "2024-05-01T08:00:00.000120"
    assert [list(line) for line in lines[1:]] == 2 * [
        [
            "source-ref",
            "source-ref-metadata",
            "anomaly-label",
            "anomaly-label-metadata",
            "anomaly-label-detected",
            "anomaly-label-detected-metadata",
        ]
    ]
    assert lines[2] == {
        "source-ref": "c.jpg",
        "source-ref-metadata": {"creation-date": date},
        "anomaly-label": 1,
        "anomaly-label-metadata": {
            "class-name": "anomaly",
            "type": "groundtruth/image-classification",
            "human-annotated": "yes",
            "creation-date": date,
            "job-name": "labeling-job/anomaly-detection",
        },
        "anomaly-label-detected": 0,
        "anomaly-label-detected-metadata": {
            "class-name": "normal",
            "confidence": 0.625,
            "type": "groundtruth/image-classification",
            "human-annotated": "no",
            "creation-date": date,
            "job-name": "training-job/anomaly-detection",
            "model-arn": "arn:aws:lookoutvision:local:000000000000:model/boards/3",
            "project-name": "boards",
            "model-version": "3",
        },
    }
    assert lines[0]["anomaly-mask-ref-metadata"]["internal-color-map"] == {
        str(at): {"class-name": name, "hex-color": color, "confidence": 0.0} for at, (name, color) in enumerate(COLORS)
    }
    assert lines[0]["anomaly-mask-ref-detected"] == "p.png"
    assert lines[0]["anomaly-mask-ref-detected-metadata"]["internal-color-map"]["1"] == {
        "name": "dent",
        "hex-color": "#23a436",
        "total-percentage-area": 0.1,
    }


def test_read_back_it_is_the_same_evaluation(tmp_path, segmentation):
    _, _, files = both(tmp_path, segmentation)
    again = lv.evaluate(files.manifest, files.manifest)
    assert (again.truth.format, again.predictions.format) == ("manifest", "evaluation-manifest")
    assert (again.image, again.pixel) == (segmentation.image, segmentation.pixel)
    assert again.per_image["score"] == segmentation.per_image["score"]
    assert again.findings.num_rows == 0
    row = lv.read_evaluation_result(files.result).to_pylist()[0]
    assert (row["precision"], row["recall"], row["f1"]) == (1.0, 0.5, 2 / 3)
    assert row["pixel"] == [{"class_name": "dent", "precision": 1.0, "recall": 0.5, "f1": 2 / 3, "mean_iou": 0.5}]


def test_what_is_written_validates_without_errors(tmp_path):
    (tmp_path / "a.png").write_bytes(png(T))
    truth = [truth_line("s3://parts/a.jpg", "anomaly", "s3://parts/a.png"), truth_line("s3://parts/b.jpg", "normal")]
    answers = jsonl(answer("s3://parts/a.jpg", True, mask=png(P)), answer("s3://parts/b.jpg", False))
    _, _, files = both(tmp_path, lv.evaluate(jsonl(*truth), answers, objects=tmp_path))
    found = lv.validate_manifest(files.manifest, profile="lookoutvision")
    assert "error" not in found["severity"].to_pylist()
    assert found["line"].null_count == found.num_rows, "only the file's two images are too few"


CASES = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.one_of(st.none(), st.floats(0, 1), st.floats(0.5, 1))),
    min_size=1,
    max_size=12,
)


@given(CASES)
def test_any_two_class_evaluation_survives(tmp_path_factory, cases):
    folder = tmp_path_factory.mktemp("service")
    words = {True: "BAD", False: "good"}  # the service's words stand for them in its files
    truth = orjson.dumps([{"image": f"{n}.jpg", "label": words[is_]} for n, (is_, _, _) in enumerate(cases)])
    called = [{"image": f"{n}.jpg", "label": words[c], "score": score} for n, (_, c, score) in enumerate(cases)]
    evaluation = lv.evaluate(truth, orjson.dumps(called), positive="bad")
    if evaluation.positive is None:  # only 'good' was seen: nothing says what the anomaly is called
        with pytest.raises(ArgumentError, match="know normal and anomaly only"):
            both(folder, evaluation)
        assert list(folder.iterdir()) == []
        return
    document, _, files = both(folder, evaluation)
    again = lv.evaluate(files.manifest, files.manifest)
    assert again.image.counts.tolist() == evaluation.image.counts.tolist()
    before, after = (one.per_image["score"].to_pylist() for one in (evaluation, again))
    assert [x is None for x in after] == [x is None for x in before]
    assert [x for x in after if x is not None] == pytest.approx([x for x in before if x is not None], abs=2**-53)
    figures = document["AggregatedEvaluationResults"]["Metrics"]
    tp, fp, fn = (sum(is_ == t and c == p for is_, c, _ in cases) for t, p in ((1, 1), (0, 1), (1, 0)))
    assert figures["Precision"] == (tp / (tp + fp) if tp + fp else None)
    assert figures["Recall"] == (tp / (tp + fn) if tp + fn else None)
    assert figures["F1Score"] == (2 * tp / (2 * tp + fp + fn) if tp + fp + fn else None)
    assert "PixelAnomalyClassMetrics" not in figures
    scored = all(score is not None for _, _, score in cases)
    assert (figures["ROCAUC"] is not None) == (scored and len({is_ for is_, _, _ in cases}) == 2)


def test_a_published_fold_is_reproduced(tmp_path):
    # behaviour of the service, 9.2: 34 test images, precision 1, recall 16/17, F1 32/33
    truth = orjson.dumps([{"image": str(n), "label": "anomaly" if n < 17 else "normal"} for n in range(34)])
    called = orjson.dumps([{"image": str(n), "label": "anomaly" if n < 16 else "normal"} for n in range(34)])
    document, _, _ = both(tmp_path, lv.evaluate(truth, called))
    figures = document["AggregatedEvaluationResults"]["Metrics"]
    rounded = [round(figures[name], 6) for name in ("Precision", "Recall", "F1Score")]
    assert rounded == [1.0, 0.941176, 0.969697]


def test_prefixes_are_joined_as_the_service_joined_them(tmp_path, segmentation):
    names = {
        str(tmp_path): tmp_path / "EvaluationResult-boards-3.json",
        f"{tmp_path}/fold_": tmp_path / "fold_EvaluationResult-boards-3.json",
    }
    for prefix, name in names.items():
        assert lv.write_service_files(segmentation, prefix, **MODEL).result == str(name)
        assert name.exists()
    with pytest.raises(ObjectError):
        lv.write_service_files(segmentation, f"{tmp_path}/none/", **MODEL)


def test_models_are_named_by_project_and_version_or_arn():
    arn = "arn:aws:lookoutvision:eu-west-1:123456789012:model/p-1/12"
    assert ServiceModel.parse("p-1/12") == ("p-1", "12", None)
    assert ServiceModel.parse(arn) == ("p-1", "12", arn)
    assert ServiceModel.parse(arn).model_arn == arn
    for wrong in ("boards", "boards/", "/1", "../x/1", "a b/1", "boards/latest", "boards/0", "x/../1"):
        with pytest.raises(ArgumentError, match="names no model"):
            ServiceModel.parse(wrong)


def test_the_command(tmp_path, segmentation):
    truth, answers = tmp_path / "truth.manifest", tmp_path / "answers.jsonl"
    (tmp_path / "out").mkdir()
    options = ["--save-service", str(tmp_path / "out"), "--service-model", "boards/3"]
    result = CliRunner().invoke(command, [str(truth), str(answers), *options])
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "EvaluationManifest-boards-3.json",
        "EvaluationResult-boards-3.json",
    ]
    again = lv.evaluate(*2 * [tmp_path / "out" / "EvaluationManifest-boards-3.json"], objects=tmp_path)
    assert again.pixel == segmentation.pixel
    failed = CliRunner().invoke(command, [str(truth), str(answers), *options[:2], "--service-model", "../x"])
    assert isinstance(failed.exception, ArgumentError)
    assert failed.output == "", "said before the work"


def test_masks_that_came_inline_have_no_name(tmp_path):
    (tmp_path / "a.png").write_bytes(png(np.zeros((2, 2), int)))
    (tmp_path / "t.manifest").write_bytes(jsonl(truth_line("a.jpg", "anomaly", "a.png")))
    evaluation = lv.evaluate(tmp_path / "t.manifest", jsonl(answer("a.jpg", True, mask=png(np.ones((2, 2), int)))))
    assert evaluation.pixel is not None
    _, lines, _ = both(tmp_path, evaluation)
    assert "anomaly-mask-ref" in lines[0]
    assert "anomaly-mask-ref-detected" not in lines[0]
