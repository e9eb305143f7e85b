import base64
import json
import math

import cv2
import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lvtools as lv
from lvtools.errors import ArgumentError, FormatError, LvtoolsError
from lvtools.evaluation.decisions import decide
from lvtools.metrics import PixelState
from tests.shared import shared

WHITE, DENT, CRACK = (255, 255, 255), (35, 164, 54), (200, 0, 0)
COLORS = [("BACKGROUND", "#ffffff"), ("dent", "#23a436"), ("crack", "#c80000")]


def png(index, colors=(WHITE, DENT, CRACK)):
    rgb = np.array(colors, np.uint8)[np.asarray(index)]
    return cv2.imencode(".png", rgb[:, :, ::-1])[1].tobytes()


def truth_line(ref, cls, mask=None, colors=COLORS):
    item = {"source-ref": ref}
    if cls is not None:
        item |= {
            "anomaly-label": 1,
            "anomaly-label-metadata": {
                "class-name": cls, "confidence": 1, "human-annotated": "yes", "job-name": "j",
                "creation-date": "2024-01-01T00:00:00", "type": "groundtruth/image-classification",
            },
        }  # fmt: skip
    if mask:
        color_map = {
            str(at): {"class-name": name, "hex-color": color, "confidence": 0}
            for at, (name, color) in enumerate(colors)
        }
        item |= {
            "anomaly-mask-ref": mask,
            "anomaly-mask-ref-metadata": {
                "internal-color-map": color_map, "human-annotated": "yes", "job-name": "j",
                "creation-date": "2024-01-01T00:00:00", "type": "groundtruth/semantic-segmentation",
            },
        }  # fmt: skip
    return item


def answer(ref, anomalous, confidence=0.9, mask=None, colors=None):
    result = {"IsAnomalous": anomalous, "Confidence": confidence}
    if mask is not None:
        result["AnomalyMask"] = base64.b64encode(mask).decode() if isinstance(mask, bytes) else mask
    if colors is not None:
        result["Anomalies"] = [{"Name": n, "PixelAnomaly": {"TotalPercentageArea": 0.1, "Color": c}} for n, c in colors]
    return {"source-ref": ref, "DetectAnomalyResult": result}


def jsonl(*items):
    return b"".join(orjson.dumps(item) + b"\n" for item in items)


def codes(result):
    return sorted(result.findings["code"].to_pylist())


@pytest.fixture
def case(tmp_path):
    """Write truth lines, masks and answers; evaluate them."""

    def run(truth, answers, masks=None, **options):
        for name, data in (masks or {}).items():
            (tmp_path / name).write_bytes(data)
        (tmp_path / "truth.manifest").write_bytes(jsonl(*truth))
        (tmp_path / "answers.jsonl").write_bytes(jsonl(*answers))
        return lv.evaluate(tmp_path / "truth.manifest", tmp_path / "answers.jsonl", **options)

    return run


def test_images(case):
    truth = [
        truth_line(f"s3://b/{n}.jpg", cls)
        for n, cls in enumerate(["anomaly", "anomaly", "normal", "normal", "anomaly", None])
    ]
    answers = [answer(f"s3://b/{n}.jpg", n in (0, 2)) for n in (0, 1, 2, 3, 5, 9)]
    result = case(truth, answers)
    assert result.image.classes == ("normal", "anomaly")
    assert result.image.counts.tolist() == [[1, 1], [1, 1]]
    assert (result.positive, result.threshold, result.pixel) == ("anomaly", None, None)
    assert result.match.missing == ["s3://b/4.jpg"]
    assert result.match.extra == ["s3://b/9.jpg"]
    assert result.match.unlabeled == ["s3://b/5.jpg"]
    assert codes(result) == ["LV401", "LV402", "LV408"]
    assert result.per_image["correct"].to_pylist() == [True, False, False, True]
    assert result.per_image["truth_line"].to_pylist() == [1, 2, 3, 4]
    assert result.per_image["prediction_line"].to_pylist() == [1, 2, 3, 4]


def test_threshold(case):
    truth = [truth_line(f"{n}.jpg", cls) for n, cls in enumerate(["anomaly", "normal", "normal"])]
    answers = [answer("0.jpg", False, 0.7), answer("1.jpg", False, 0.9), answer("2.jpg", True, 0.6)]
    assert case(truth, answers).image.counts.tolist() == [[1, 1], [1, 0]]
    result = case(truth, answers, threshold=0.25)
    assert result.image.counts.tolist() == [[1, 1], [0, 1]]
    assert (result.threshold, result.threshold_assumed) == (0.25, False)


def test_scores_alone_are_cut_at_one_half_and_that_is_said(tmp_path):
    (tmp_path / "s.csv").write_text("image,score\na.jpg,0.5\nb.jpg,0.49\n")
    truth = jsonl(truth_line("a.jpg", "Anomaly"), truth_line("b.jpg", "Normal"))
    result = lv.evaluate(truth, tmp_path / "s.csv")
    assert result.image.counts.tolist() == [[1, 0], [0, 1]]
    assert (result.threshold, result.threshold_assumed) == (0.5, True)
    assert "the default" in str(result)


@pytest.mark.parametrize(
    ("truth", "prediction", "positive", "expected"),
    [
        (["Anomaly", "Normal"], ["anomaly", "NORMAL"], "anomaly", ("normal", "anomaly")),
        (["good", "bad"], ["bad", "bad"], "BAD", ("good", "bad")),
        (["anomaly"], ["anomaly"], "anomaly", ("normal", "anomaly")),
        (["normal"], ["normal"], "anomaly", ("normal", "anomaly")),
        (["good", "bad"], ["good", "bad"], "anomaly", None),
        (["normal", "anomaly"], ["normal", "dent"], "anomaly", None),
    ],
)
def test_two_class_tasks(truth, prediction, positive, expected):
    decisions = decide(truth, prediction, [None] * len(truth), threshold=None, positive=positive)
    if expected is None:
        assert decisions.positive is None
        assert list(decisions.matrix().classes) == sorted({*truth, *prediction})
    else:
        assert (decisions.negative, decisions.positive) == expected
        assert decisions.matrix().total == len(truth)


def test_scores_need_two_classes():
    with pytest.raises(ArgumentError, match=r"scores alone cannot decide between the classes a, b"):
        decide(["a", "b"], [None, None], [0.1, 0.2], threshold=None, positive="anomaly")
    with pytest.raises(ArgumentError, match=r"scores lie in 0..1"):
        decide(["normal"], [None], [0.1], threshold=50, positive="anomaly")


T = np.array([[0, 1, 1, 0], [0, 1, 1, 0]])
P = np.array([[0, 0, 1, 0], [0, 0, 1, 2]])


def test_pixels_match_classes_by_name_not_by_colour_or_index(case):
    own = [("background", "#FFFFFF"), ("crack", "#23A436"), ("dent", "#C80000")]  # the colours of the truth, swapped
    swapped = png(np.array([0, 2, 1])[P])
    result = case(
        [truth_line("a.jpg", "anomaly", "a.png")], [answer("a.jpg", True, mask=swapped, colors=own)], {"a.png": png(T)}
    )
    assert result.pixel == PixelState.of(T.astype(np.uint8), P.astype(np.uint8), ("background", "dent", "crack"))
    assert result.pixel.iou("dent") == 0.5
    row = result.per_image.to_pylist()[0]
    assert (row["iou"], row["wrong_px"], row["truth_px"], row["prediction_px"]) == (0.25, 3, 4, 3)
    part = result.to_dict()["pixel"]
    assert part["mean_iou"] == 0.25
    assert [(one["class_name"], one["color"]) for one in part["per_class"]] == [
        ("background", "#ffffff"),
        ("dent", "#23a436"),
        ("crack", "#c80000"),
    ]
    assert codes(result) == []


def test_a_prediction_without_colours_takes_those_of_the_truth(case):
    result = case(
        [truth_line("a.jpg", "anomaly", "a.png")],
        [answer("a.jpg", True, mask="p.png")],
        {"a.png": png(T), "p.png": png(P)},
    )
    assert result.pixel.iou("dent") == 0.5


@pytest.mark.parametrize(
    ("true", "called", "images", "found"),
    [
        (("normal", None), (True, P), 1, []),  # a normal truth without mask has no anomaly pixels
        (("normal", "dummy.png"), (True, P), 1, []),  # AWS's 16 x 16 white mask says the same
        (("normal", "dummy.png"), (False, np.zeros((2, 4), int)), 1, []),
        (("normal", "dummy.png"), (False, None), 0, []),
        (("normal", None), (False, None), 0, []),
        (("anomaly", "a.png"), (False, None), 1, []),  # called normal: no anomaly pixels predicted
        (("anomaly", "a.png"), (True, None), 0, ["LV412"]),  # which pixels were meant is open
        (("anomaly", None), (True, P), 0, ["LV412"]),
        (("anomaly", "a.png"), (True, P[:, :3]), 0, ["LV406"]),
        (("anomaly", "missing.png"), (True, P), 0, ["LV304"]),
        (("anomaly", "../a.png"), (True, P), 0, ["LV304"]),
        (("anomaly", "broken.png"), (True, P), 0, ["LV301"]),
        (("anomaly", "strange.png"), (True, P), 1, ["LV302"]),
    ],
)
def test_missing_odd_and_broken_masks(case, true, called, images, found):
    # A second image with both masks makes this a task with pixels.
    masks = {
        "a.png": png(T),
        "dummy.png": png(np.zeros((16, 16), int)),
        "broken.png": png(T)[:60],
        "strange.png": png(T, (WHITE, DENT[::-1])),
    }
    colors = COLORS[:1] if true[1] == "dummy.png" else COLORS
    mask = None if called[1] is None else png(called[1])
    result = case(
        [truth_line("x.jpg", "anomaly", "a.png"), truth_line("y.jpg", true[0], true[1], colors)],
        [answer("x.jpg", True, mask=png(P)), answer("y.jpg", called[0], mask=mask)],
        masks,
    )
    assert result.pixel.images == 1 + images
    assert codes(result) == found
    assert result.image.total == 2
    if images:
        state = PixelState.of(T.astype(np.uint8), P.astype(np.uint8), ("background", "dent", "crack"))
        assert result.pixel.pooled.total == 2 * state.pooled.total, "the 16 x 16 pixels of a dummy count nowhere"


def test_no_folder_with_masks_is_said_once(case):
    truth = [truth_line(f"s3://b/{n}.jpg", "anomaly", f"s3://b/{n}.png") for n in range(3)]
    result = case(truth, [answer(f"s3://b/{n}.jpg", True, mask=png(P)) for n in range(3)])
    assert result.pixel is None
    assert codes(result) == ["LV412"]
    assert result.findings["severity"].to_pylist() == ["warning"]


def test_conflicting_colours_are_a_finding(case):
    clash = [("dent", "#23a436"), ("crack", "#23a436")]
    result = case(
        [truth_line("a.jpg", "anomaly", "a.png")], [answer("a.jpg", True, mask=png(P), colors=clash)], {"a.png": png(T)}
    )
    assert (result.pixel, codes(result)) == (None, ["LV301"])


def test_broken_lines_of_both_sides_are_listed(tmp_path):
    truth = jsonl(truth_line("a.jpg", "anomaly")) + b"{]\n" + jsonl(truth_line("b.jpg", "normal"))
    predictions = jsonl(answer("a.jpg", True)) + b"rubbish\n" + jsonl(answer("b.jpg", False))
    result = lv.evaluate(truth, predictions)
    assert result.image.counts.tolist() == [[1, 0], [0, 1]]
    assert result.findings["line"].to_pylist() == [2, 2]
    assert result.to_dict()["findings"]["error"] == 2


def test_the_document(case, tmp_path):
    result = case([truth_line("a.jpg", "normal", None)], [answer("a.jpg", False)])
    document = result.to_dict()
    assert list(document) == [
        "lvtools_evaluation",
        "truth",
        "predictions",
        "match",
        "image",
        "scores",
        "pixel",
        "regions",
        "maps",
        "slices",
        "label_errors",
        "comparison",
        "images",
        "findings",
    ]
    assert document["truth"] == {"origin": str(tmp_path / "truth.manifest"), "images": 1, "format": "manifest"}
    assert document["match"] == {
        "by": "exact",
        "matched": 1,
        "missing": [],
        "extra": [],
        "duplicates": [],
        "unlabeled": [],
    }
    assert document["image"]["precision"] == {"value": None, "low": None, "high": None}, "undefined is null"
    assert document["image"]["tn"] == 1
    assert document["pixel"] is None
    target = tmp_path / "out.json"
    assert json.loads(result.to_json(target)) == document == json.loads(target.read_bytes())
    assert [path for path in tmp_path.iterdir() if ".tmp" in path.name] == []
    with pytest.raises(LvtoolsError):
        result.to_json(tmp_path / "no" / "where.json")


def test_names_out_of_data_are_escaped(tmp_path):
    result = lv.evaluate(
        orjson.dumps([{"image": "<i>\x1b[31m", "label": "<b>x"}, {"image": "b", "label": "y"}]),
        orjson.dumps([{"image": "b", "label": "\x1b[1my"}, {"image": "<script>", "label": "y"}]),
    )
    assert "\x1b" not in str(result)
    assert "\x1b" not in result._repr_html_()
    assert "<i>" not in result._repr_html_()
    assert "<script>" not in result._repr_html_()


def test_birds_equal_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    folder = shared("data", "manifests", "aws-amazon-sagemaker-examples")
    result = lv.evaluate(folder / "birds-true_labels.json", folder / "birds-output.manifest")
    true = {one["ImageId"]: one["Label"] for one in json.loads((folder / "birds-true_labels.json").read_bytes())}
    called = {}
    for line in (folder / "birds-output.manifest").read_text().splitlines():
        item = json.loads(line)
        called[item["source-ref"].split("/")[-1].split(".")[0]] = item["birds-open-images-clone-metadata"]["class-name"]
    y_true, y_pred = [true[key] for key in sorted(true)], [called[key] for key in sorted(true)]
    names = sorted(set(y_true))
    assert (result.match.by, len(names), len(result.match.pairs)) == ("stem", 10, 302)
    assert result.image.classes == tuple(names)
    assert result.image.counts.tolist() == metrics.confusion_matrix(y_true, y_pred, labels=names).tolist()
    p, r, f, _ = metrics.precision_recall_fscore_support(y_true, y_pred, labels=names)
    for at, name in enumerate(names):
        figures = result.precision(name).value, result.recall(name).value, result.f1(name).value
        assert figures == pytest.approx((p[at], r[at], f[at]), abs=1e-12)
    assert codes(result) == []


def test_aws_sample_data_against_itself():
    cookies = shared("data", "cookies")
    manifest = cookies / "dataset-files" / "manifests" / "template.manifest"
    result = lv.evaluate(manifest, manifest, objects=cookies / "dataset-files")
    assert result.image.counts.tolist() == [[31, 0], [0, 32]]
    assert result.pixel.images == 32
    assert result.pixel.pooled.support("cracked") == 399_846, "alpha >= 128, as the manifest notes count it"
    assert (result.pixel.iou("cracked"), result.pixel.mean_iou("cracked")) == (1.0, 1.0)


@given(st.lists(st.sampled_from(["normal", "anomaly"]), min_size=1, max_size=12), st.randoms())
def test_the_order_of_predictions_changes_nothing(labels, random):
    truth = orjson.dumps([{"image": str(n), "label": label} for n, label in enumerate(labels)])
    answers = [{"image": str(n), "label": random.choice(["normal", "anomaly"])} for n in range(len(labels))]
    first = lv.evaluate(truth, orjson.dumps(answers))
    random.shuffle(answers)
    second = lv.evaluate(truth, orjson.dumps(answers))
    assert first.image == second.image
    assert first.per_image.drop_columns(["prediction_line"]) == second.per_image.drop_columns(["prediction_line"])


def test_0_and_1_beside_more_numbers_are_class_names():
    truth = pa.table({"image": ["a", "b", "c"], "label": [0, 1, 2]})
    result = lv.evaluate(truth, pa.table({"image": ["a", "b", "c"], "label": [0, 1, 1]}))
    assert result.image.classes == ("0", "1", "2")
    assert result.image.accuracy() == pytest.approx(2 / 3)
    two = lv.evaluate(truth.slice(0, 2), pa.table({"image": ["a", "b"], "label": ["normal", "anomaly"]}))
    assert (two.positive, two.image.accuracy()) == ("anomaly", 1.0)


def test_a_dataset_that_has_been_read_serves_as_truth(tmp_path):
    (tmp_path / "t.manifest").write_bytes(jsonl(truth_line("a.jpg", "anomaly", "a.png")))
    (tmp_path / "a.png").write_bytes(png(T))
    result = lv.evaluate(lv.read_manifest(tmp_path / "t.manifest"), jsonl(answer("a.jpg", True, mask=png(P))))
    assert result.truth.format == "manifest"
    assert result.pixel.iou("dent") == 0.5


def test_html(case, tmp_path):
    pytest.importorskip("jinja2")
    image = png(P, (WHITE, WHITE, WHITE))
    result = case(
        [truth_line("s3://b/x.png", "anomaly", "a.png"), truth_line("s3://b/<y>.png", "normal")],
        [answer("s3://b/x.png", True, mask=png(P)), answer("s3://b/<y>.png", True, mask=png(P))],
        {"a.png": png(T), "x.png": image},
    )
    before = result.findings
    result.to_html(tmp_path / "page.html", objects=tmp_path)
    page = (tmp_path / "page.html").read_text()
    assert "data:image/" in page
    assert "<y>" not in page
    assert result.findings == before


def test_pixel_confusion():
    matrix = lv.pixel_confusion(T.astype(np.uint8), P.astype(np.uint8))
    assert matrix.classes == ("0", "1", "2")
    named = lv.pixel_confusion(png(T), png(P), dict(COLORS))
    assert named.classes == ("BACKGROUND", "dent", "crack")
    assert named.counts.tolist() == matrix.counts.tolist()
    assert lv.pixel_confusion(png(T), P.astype(np.uint8), dict(COLORS)) == named
    assert lv.pixel_confusion(png(T), png(P)).total == 8
    with pytest.raises(ArgumentError, match="without a color map"):
        lv.pixel_confusion(png(T), P.astype(np.uint8))


def test_arguments_are_checked():
    with pytest.raises(ArgumentError, match="cannot both be standard input"):
        lv.evaluate("-", "-")
    with pytest.raises(FormatError, match="no image in common"):
        lv.evaluate(b'[{"image":"a","label":"x"}]', b'[{"image":"b","label":"x"}]')
    result = lv.evaluate(b'[{"image":"a","label":"x"}]', b'[{"image":"a","label":"y"}]')
    with pytest.raises(LvtoolsError, match="which class"):
        result.precision()
    assert math.isnan(result.precision("x").value)


def test_a_side_without_a_single_image_says_why(tmp_path):
    (tmp_path / "cut.manifest").write_bytes(b'{"source-ref": "s3://b')
    (tmp_path / "good.csv").write_text("image,class\na.png,normal\n")
    with pytest.raises(FormatError, match=r"not one image could be read; the first fault is LV02") as caught:
        lv.evaluate(str(tmp_path / "cut.manifest"), str(tmp_path / "good.csv"))
    assert (caught.value.path, caught.value.line) == (str(tmp_path / "cut.manifest"), 1)
