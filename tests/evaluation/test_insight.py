"""Scores, slices, regions, suspected labels and a baseline, against plain loops over the rows."""

import json
import math

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lvtools as lv
from lvtools.errors import ArgumentError
from lvtools.evaluation.slicing import folders
from lvtools.evaluation.suspects import SUSPECT_SCHEMA
from lvtools.metrics.advice import ADVICE_SCHEMA
from tests.evaluation.test_evaluate import COLORS, P, T, answer, jsonl, png, truth_line
from tests.metrics import oracle

classes = st.sampled_from(["anomaly", "normal"])
scored = st.lists(
    st.tuples(classes, st.sampled_from([0.0, 0.2, 0.4, 0.5, 0.6, 0.9, 1.0, None]), st.sampled_from(["l", "r", None])),
    min_size=1,
    max_size=20,
)


def lines(*items):
    return b"".join(orjson.dumps(item) + b"\n" for item in items)


def case(drawn, **options):
    truth = [{"image": f"i/{n}.png", "label": t, "camera": c} for n, (t, _, c) in enumerate(drawn)]
    called = [
        {"image": f"i/{n}.png", "score": s} if s is not None else {"image": f"i/{n}.png", "label": "normal"}
        for n, (_, s, _) in enumerate(drawn)
    ]
    return lv.evaluate(lines(*truth), lines(*called), **options)


@settings(deadline=None, max_examples=15)
@given(scored)
def test_scores_are_those_of_the_images_that_have_one(drawn):
    result = case(drawn)
    with_score = [(t == "anomaly", s) for t, s, _ in drawn if s is not None]
    if not with_score:
        assert result.sweep is None
        assert result.score_figures is None
        assert result.threshold_advice() == ADVICE_SCHEMA.empty_table()
        assert result.to_dict()["scores"] is None
        return
    truth, score = [t for t, _ in with_score], [s for _, s in with_score]
    assert result.sweep == lv.sweep(np.array(truth), np.array(score))
    part = result.to_dict()["scores"]
    assert (part["anomalous"], part["normal"]) == (sum(truth), len(truth) - sum(truth))
    assert part["unscored"] == len(drawn) - len(truth)
    wanted = oracle.auroc(truth, score)
    assert part["auroc"]["value"] == (None if wanted is None else pytest.approx(float(wanted)))
    best = oracle.best_f1(truth, score)
    assert part["best_f1"]["value"] == (None if best is None else pytest.approx(float(best[0])))
    assert part["in_use"]["threshold"] == 0.5
    assert part["in_use"]["source"] == "assumed"
    json.dumps(part, allow_nan=False)
    assert "Which threshold?" in str(result) or wanted is None


def test_the_threshold_in_use_is_told_from_the_decisions():
    def made(*answers):
        truth = [truth_line(f"{n}", "anomaly" if n % 2 else "normal") for n in range(len(answers))]
        called = [answer(f"{n}", yes, confidence) for n, (yes, confidence) in enumerate(answers)]
        return lv.evaluate(jsonl(*truth), jsonl(*called))

    usual = made((True, 0.9), (False, 0.8), (True, 0.55))
    assert usual.to_dict()["scores"]["in_use"]["source"] == "default"
    assert usual.threshold_advice()["point"][0].as_py() == "in use"
    # A normal image of confidence 0.31 scores 0.69: the service's threshold is not always 0.5.
    shifted = made((False, 0.31), (True, 0.72), (False, 0.9)).to_dict()["scores"]["in_use"]
    assert (shifted["source"], shifted["threshold"]) == ("learned", 0.72)
    mixed = made((True, 0.6), (False, 0.1))
    assert mixed.to_dict()["scores"]["in_use"] == {"threshold": None, "source": "mixed", "point": None}
    assert mixed.threshold_advice()["point"][0].as_py() == "best F1"
    assert "follow no threshold" in str(mixed)
    nothing = made((False, 0.9), (False, 0.3)).to_dict()["scores"]["in_use"]
    assert nothing["source"] == "none called"


def test_wishes_come_with_the_evaluation():
    drawn = [("anomaly", 0.9, None), ("normal", 0.1, None), ("anomaly", 0.4, None), ("normal", 0.6, None)] * 5
    result = case(drawn, wishes=[{"cost": (30, 1)}])
    assert result.threshold_advice()["point"].to_pylist()[:2] == ["in use", "a miss costs 30 false alarms"]
    assert result.to_dict()["scores"]["advice"][1]["fn"] == 0
    asked = result.threshold_advice([{"recall": 0.5}])
    assert asked["point"][1].as_py() == "recall 50 %"
    assert asked == result.threshold_advice([{"recall": 0.5}]), "seeded"


def test_more_than_two_classes_have_no_scores():
    result = lv.evaluate(
        lines(*({"image": str(n), "label": "abc"[n % 3]} for n in range(6))),
        lines(*({"image": str(n), "label": "abc"[n % 2]} for n in range(6))),
        slice_by=["class"],
    )
    assert result.sweep is None
    assert result.label_errors().num_rows == 0
    assert result.slices("class")["accuracy"].to_pylist() == [0.5, 0.5, 0.0]
    assert "By class" in str(result)
    assert result.to_dict()["slices"][0]["rows"][0]["precision"]["value"] is None


@settings(deadline=None, max_examples=40)
@given(scored)
def test_slices_are_the_figures_of_their_images(drawn):
    result = case([(t, s, c) for t, s, c in drawn], slice_by=["camera"] if any(c for *_, c in drawn) else ["class"])
    if result.slice_by == ("class",):
        assert result.slices("class")["slice"].to_pylist() == sorted({t for t, *_ in drawn})
        return
    found = {row["slice"]: row for row in result.slices("camera").to_pylist()}
    assert list(found) == sorted({c for *_, c in drawn if c}) + ["(none)"] * any(c is None for *_, c in drawn)
    called = result.per_image["prediction"].to_pylist()
    for camera, row in found.items():
        mine = [n for n, (*_, c) in enumerate(drawn) if (c or "(none)") == camera]
        rates = oracle.rates([drawn[n][0] for n in mine], [called[n] for n in mine], "anomaly")
        assert (row["tp"], row["fp"], row["fn"], row["tn"]) == rates


def test_numbers_are_cut_into_quarters_and_few_are_named():
    truth = pa.table(
        {
            "image": [str(n) for n in range(40)],
            "label": ["normal"] * 40,
            "size": [n / 2 for n in range(40)],
            "shift": [n % 3 if n else None for n in range(40)],
        }
    )
    called = pa.table({"image": truth["image"], "label": ["normal"] * 40, "model": ["m"] * 40})
    result = lv.evaluate(truth, called, slice_by=["size", "shift", "model", "folder"])
    sizes = result.slices("size")
    assert sizes["slice"].to_pylist() == ["0 to 4.5", "5 to 9.5", "10 to 14.5", "15 to 19.5"]
    assert sizes["images"].to_pylist() == [10] * 4
    shifts = result.slices("shift")
    assert shifts["slice"].to_pylist() == ["0", "1", "2", "(none)"]
    assert sum(shifts["images"].to_pylist()) == 40
    assert result.slices("model")["slice"].to_pylist() == ["m"], "a column of the predictions"
    assert result.slices("folder")["slice"].to_pylist() == ["."]


def test_the_truths_column_comes_before_that_of_the_predictions():
    truth = pa.table({"image": ["a", "b"], "label": ["normal", "anomaly"], "camera": ["t1", "t2"]})
    called = pa.table({"image": ["b", "a"], "score": [0.9, 0.2], "camera": ["p2", "p1"], "batch": [2, 1]})
    result = lv.evaluate(truth, called, slice_by=["camera", "batch"])
    assert result.columns.to_pydict() == {"camera": ["t1", "t2"], "batch": [1, 2]}


def test_a_column_that_nobody_has_is_refused():
    with pytest.raises(ArgumentError, match="cannot slice by 'lens'") as told:
        case([("normal", 0.1, "l")], slice_by=["lens"])
    assert "class, folder, area" in str(told.value)
    result = case([("normal", 0.1, "l")])
    with pytest.raises(ArgumentError, match="no column 'camera' to slice by"):
        result.slices("camera")
    many = pa.table({"image": [str(n) for n in range(600)], "label": ["normal"] * 600})
    named = many.append_column("serial", pa.array([f"s{n}" for n in range(600)]))
    with pytest.raises(ArgumentError, match="600 different values"):
        lv.evaluate(named, many, slice_by=["serial"]).slices("serial")


@pytest.mark.parametrize(
    ("refs", "wanted"),
    [
        ([], []),
        (["a.jpg", "b.jpg"], [".", "."]),
        (["s3://b/x/1.jpg", "s3://b/y/z/1.jpg"], ["x", "y/z"]),
        (["d/1.jpg", "d/e/1.jpg"], [".", "e"]),
        (["C:\\p\\left\\1.png", "C:\\p\\right\\1.png"], ["left", "right"]),
    ],
)
def test_folders_without_what_they_share(refs, wanted):
    assert folders(refs) == wanted


def test_label_error_candidates():
    normal = [{"image": f"n{n}", "label": "normal"} for n in range(10)]
    anomalous = [{"image": f"a{n}", "label": "anomaly"} for n in range(10)]
    scores = {f"n{n}": 0.1 + n / 100 for n in range(10)} | {f"a{n}": 0.8 + n / 100 for n in range(10)}
    scores |= {"n3": 0.99, "n4": 0.55, "a5": 0.02}  # wrong labels; wrong, but not typical of the other class
    truth = [*normal, *anomalous, {"image": "n9", "label": "Anomaly"}, {"image": "a1", "label": "ANOMALY"}]
    result = lv.evaluate(lines(*truth), lines(*({"image": k, "score": v} for k, v in scores.items())))
    found = result.label_errors()
    assert found.schema == SUSPECT_SCHEMA
    assert found.select(["source_ref", "kind", "truth_line"]).to_pylist() == [
        {"source_ref": "n9", "kind": "conflict", "truth_line": 10},
        {"source_ref": "n3", "kind": "high score", "truth_line": 4},
        {"source_ref": "a5", "kind": "low score", "truth_line": 16},
    ]
    rows = found.to_pylist()
    assert rows[0]["reason"] == "the truth labels it 'normal' in line 10, 'Anomaly' in line 21"
    assert rows[1]["strength"] == sum(scores[f"a{n}"] <= 0.99 for n in range(10)) / 10 == 1
    assert rows[1]["reason"] == (
        "labelled normal, but its score 0.99 is as high as, or higher than, "
        "that of 100 % of the images labelled anomaly"
    )
    assert "3 labels worth a second look" in str(result)
    assert result.to_dict()["label_errors"] == rows


def test_scores_that_separate_nothing_accuse_nobody():
    result = case([("normal", 0.9, None), ("anomaly", 0.1, None)] * 4)
    assert result.label_errors().num_rows == 0


@pytest.fixture
def masks(tmp_path):
    def run(pairs, **options):
        truth, answers = [], []
        for n, (true, called) in enumerate(pairs):
            ref = f"{n}.png"
            if true is not None:
                (tmp_path / ref).write_bytes(png(true))
            truth.append(truth_line(f"{n}.jpg", "normal" if true is None else "anomaly", None if true is None else ref))
            answers.append(answer(f"{n}.jpg", called is not None, mask=None if called is None else png(called)))
        (tmp_path / "truth.manifest").write_bytes(jsonl(*truth))
        return lv.evaluate(tmp_path / "truth.manifest", jsonl(*answers), **options)

    return run


def test_regions_are_those_of_the_masks(masks):
    blob = np.zeros((6, 8), int)
    blob[1:3, 1:3], blob[4, 5:8] = 1, 2
    called = np.zeros((6, 8), int)
    called[2, 2], called[0, 6] = 2, 1  # another class hits all the same; a false blob
    result = masks([(T, P), (blob, called), (None, called), (None, None)])
    wanted = lv.region_report(
        [np.array(side, float) for side in (P, called, called)],
        [np.array(side) for side in (T, blob, np.zeros_like(blob))],
        0.5,
    )
    found = result.regions
    assert found.regions["image"].to_pylist() == wanted.regions["image"].to_pylist()
    for name in ("area_px", "hit_px", "hit", "top", "left", "bottom", "right"):
        assert found.regions[name] == wanted.regions[name]
    assert found.images.slice(0, 3) == wanted.images
    assert found.images.num_rows == 4, "normal and called normal: no false blob there"
    assert found.false_blobs_per_image == sum(wanted.images["false_blobs"].to_pylist()) / 4
    part = result.to_dict()["regions"]
    assert (part["regions"], part["regions_hit"]) == (3, 2)
    assert sum(row["regions"] for row in part["by_size"]) == 3
    rows = result.per_image.to_pylist()
    assert [row["regions"] for row in rows] == [1, 2, 0, 0]
    assert [row["false_blobs"] for row in rows] == found.images["false_blobs"].to_pylist()
    assert "2 of 3 connected regions are hit" in str(result)
    assert result.slices("area")["slice"].to_pylist() == ["no anomaly pixels", "below 16 px", "no masks compared"]


def test_pixels_of_no_class_are_in_no_region(tmp_path):
    strange = png(np.array([[0, 1, 0, 0, 3]]), ((255, 255, 255), (35, 164, 54), (200, 0, 0), (1, 2, 3)))
    (tmp_path / "a.png").write_bytes(png(np.array([[0, 1, 0, 0, 0]])))
    (tmp_path / "truth.manifest").write_bytes(jsonl(truth_line("a.jpg", "anomaly", "a.png", COLORS)))
    result = lv.evaluate(tmp_path / "truth.manifest", jsonl(answer("a.jpg", True, mask=strange)))
    assert result.pixel.unknown_px == 1
    assert result.regions.summary()["false_blobs"] == 0


def test_images_that_could_not_be_compared_are_in_no_region(masks, tmp_path):
    result = masks([(T, P), (T, P[:, :3]), (T, P)])
    assert result.regions.images["image"].to_pylist() == [0, 2]
    assert result.per_image["false_blobs"].to_pylist()[1] is None
    assert lv.evaluate(jsonl(truth_line("a", "normal")), jsonl(answer("a", False))).regions is None


@settings(deadline=None, max_examples=15)
@given(st.lists(st.tuples(classes, classes, classes), min_size=1, max_size=15))
def test_a_baseline_is_compared_image_by_image(drawn):
    truth, mine, other = (
        lines(*({"image": f"{n}", "label": row[at]} for n, row in enumerate(drawn))) for at in range(3)
    )
    result = lv.evaluate(truth, mine, baseline=other)
    found = result.comparison
    right = [(row[0] == row[1], row[0] == row[2]) for row in drawn]
    assert found.better == [f"{n}" for n, pair in enumerate(right) if pair == (True, False)]
    assert found.worse == [f"{n}" for n, pair in enumerate(right) if pair == (False, True)]
    assert (found.decisions.only_b, found.decisions.only_a) == (len(found.better), len(found.worse))
    assert found.decisions.accuracy.value == pytest.approx((len(found.better) - len(found.worse)) / len(drawn))
    part = result.to_dict()["comparison"]
    assert part["only_b"] == len(found.better)
    assert math.isnan(found.auroc.value)
    assert result.compare(lv.evaluate(truth, other)).to_dict() == part


def test_a_baseline_with_scores_and_gaps():
    rng = np.random.default_rng(0)
    truth = [{"image": f"{n}", "label": "anomaly" if n % 3 == 0 else "normal"} for n in range(90)]

    def model(separation, images):
        return lines(*(
            {"image": row["image"],
             "score": float(np.clip(rng.normal(0.4 + separation * (row["label"] == "anomaly"), 0.1), 0, 1))}
            for row in truth[images]
        ))  # fmt: skip

    result = lv.evaluate(lines(*truth), model(0.4, slice(0, 88)), baseline=model(0.05, slice(1, 90)))
    found = result.comparison
    assert (found.images, found.only_baseline, found.only_predictions) == (87, 2, 1)
    assert 0 < found.auroc.low < found.auroc.value < found.auroc.high
    assert "The predictions are better" in found.verdict()
    text = str(result)
    assert "Predictions less baseline" in text
    assert "2 images only the baseline has a decision for" in text
    assert "AUROC" in repr(found)
    assert "<table>" in found._repr_html_()


def test_two_evaluations_must_be_of_one_truth():
    one = lv.evaluate(lines({"image": "a", "label": "normal"}), lines({"image": "a", "label": "normal"}))
    other = lv.evaluate(lines({"image": "a", "label": "anomaly"}), lines({"image": "a", "label": "normal"}))
    apart = lv.evaluate(lines({"image": "b", "label": "normal"}), lines({"image": "b", "label": "normal"}))
    with pytest.raises(ArgumentError, match="is 'normal' in one truth and 'anomaly' in the other"):
        one.compare(other)
    with pytest.raises(ArgumentError, match="no image in common"):
        one.compare(apart)
