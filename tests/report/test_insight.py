"""The page's newer parts: curves that hold the document's points, advice, slices, suspects, regions, a baseline."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import orjson
import pytest

import lvtools as lv
from lvtools.report import Picture, evaluation_html
from lvtools.report.charts import LABEL_LINE, LABEL_ROOM, pr_chart, roc_chart, threshold_points, tradeoff_chart
from tests.report.documents import Page, document
from tests.report.test_report import HOSTILE


def lines(*items: dict[str, Any]) -> bytes:
    return b"".join(orjson.dumps(item) + b"\n" for item in items)


def evaluated(**options: Any) -> Any:
    rng = np.random.default_rng(4)
    truth = [
        {"image": f"{'left' if n % 2 else 'right'}/{n}.png", "label": "anomaly" if n % 3 == 0 else "normal",
         "camera": "ab"[n % 2]} for n in range(60)
    ]  # fmt: skip
    scores = [float(np.clip(rng.normal(0.35 + 0.3 * (row["label"] == "anomaly"), 0.15), 0, 1)) for row in truth]
    scores[1] = 0.999  # labelled normal
    called = [{"image": row["image"], "score": score} for row, score in zip(truth, scores, strict=True)]
    other = [{"image": row["image"], "score": 1 - row["score"]} for row in called[2:]]
    return lv.evaluate(lines(*truth), lines(*called), slice_by=["camera", "class"], baseline=lines(*other), **options)


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(evaluated().to_json())
    return found


def points_of(line: dict[str, Any]) -> np.ndarray:
    return np.array([[float(x) for x in pair.split(",")] for pair in line["points"].split()])


def area(chart: dict[str, Any]) -> float:
    """The area below the first line, in the units of the axes."""
    points = points_of(chart["lines"][0])
    x = (points[:, 0] - chart["left"]) / (chart["right"] - chart["left"])
    y = (chart["bottom"] - points[:, 1]) / (chart["bottom"] - chart["top"])
    return float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum())


def test_the_areas_below_the_curves_are_the_figures(whole: dict[str, Any]) -> None:
    scores = whole["scores"]
    pr, roc = pr_chart(scores), roc_chart(scores)
    assert pr is not None
    assert roc is not None
    assert area(pr) == pytest.approx(scores["average_precision"]["value"], abs=1e-3)
    assert area(roc) == pytest.approx(scores["auroc"]["value"], abs=1e-3)


def test_marks_lie_where_their_points_are(whole: dict[str, Any]) -> None:
    scores = whole["scores"]
    pr = pr_chart(scores)
    assert pr is not None
    marks = {mark["text"]: mark for mark in pr["marks"]}
    point = scores["in_use"]["point"]
    x = pr["left"] + point["recall"] * (pr["right"] - pr["left"])
    y = pr["bottom"] - point["precision"] * (pr["bottom"] - pr["top"])
    assert (marks["in use"]["x"], marks["in use"]["y"]) == pytest.approx((x, y), abs=0.01)
    assert set(marks) == {"in use", "best F1"}
    same = json.loads(json.dumps(scores))
    best = next(row for row in same["advice"] if row["point"] == "best F1")
    same["in_use"]["point"] = best
    again = pr_chart(same)
    assert again is not None
    assert [mark["text"] for mark in again["marks"]] == ["in use and best F1"]


@pytest.mark.parametrize("recall", [0.0, 0.5, 0.97])
@pytest.mark.parametrize("precision", [0.01, 0.04, 0.5, 0.93, 1.0])
@pytest.mark.parametrize("step", [-0.03, 0.0, 0.03])
def test_no_name_of_a_mark_is_written_over_another(
    whole: dict[str, Any], recall: float, precision: float, step: float
) -> None:
    scores = json.loads(json.dumps(whole["scores"]))
    best = next(row for row in scores["advice"] if row["point"] == "best F1")
    best |= {"recall": recall, "precision": precision}
    scores["in_use"]["point"] = best | {"recall": recall + 0.02, "precision": min(1.0, max(0.0, precision + step))}
    chart = pr_chart(scores)
    assert chart is not None
    one, two = chart["marks"]
    assert abs(one["text_y"] - two["text_y"]) > LABEL_LINE - 0.1 or abs(one["text_x"] - two["text_x"]) >= LABEL_ROOM
    assert max(one["text_y"], two["text_y"]) <= chart["bottom"]


def test_the_tradeoff_holds_at_its_thresholds(whole: dict[str, Any]) -> None:
    rows = whole["images"]
    truth, score = [row["truth"] == "anomaly" for row in rows], [row["score"] for row in rows]
    for threshold, precision, recall, f1 in threshold_points(whole["scores"]):
        point = lv.sweep(truth, score).point(threshold)
        assert (precision, recall, f1) == pytest.approx((point.precision, point.recall, point.f1))
    chart = tradeoff_chart(whole["scores"])
    assert chart is not None
    assert [line["name"] for line in chart["lines"]] == ["precision", "recall", "F1"]
    recall = points_of(chart["lines"][1])
    assert (np.diff(recall[:, 0]) >= 0).all()
    assert (np.diff(recall[:, 1]) >= 0).all(), "recall falls as the threshold rises"
    for (x1, y1), (x2, y2) in itertools.pairwise(recall.tolist()):
        assert x1 == x2 or y1 == y2, "recall goes in steps"
    best = next(row for row in whole["scores"]["advice"] if row["point"] == "best F1")
    width = chart["right"] - chart["left"]
    assert chart["band"]["x"] == pytest.approx(chart["left"] + best["threshold_low"] * width, abs=0.01)
    assert chart["cut"]["x"] == pytest.approx(chart["left"] + 0.5 * width, abs=0.01)


def test_the_page_has_the_parts(whole: dict[str, Any]) -> None:
    page = Page(evaluation_html(whole))
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    wanted = {"scores", "threshold", "slices", "comparison", "labels", "wrong", "left-out"}
    assert wanted <= set(ids)
    links = {str(attrs["href"])[1:] for tag, attrs in page.elements if tag == "a"}
    assert links <= set(ids)
    assert {"pr-title", "roc-title", "tradeoff-title", "score-title"} <= set(ids)
    for tag, attrs in page.elements:
        if tag == "svg" and attrs.get("role") == "img":
            assert all(name in ids for name in str(attrs["aria-labelledby"]).split())
    candidates = page.table("Candidates for the threshold")
    assert [row[0] for row in candidates[1:3]] == ["in use", "best F1"]
    advice = whole["scores"]["advice"]
    assert len(candidates) == len(advice) + 1
    for row, one in zip(candidates[1:], advice, strict=True):
        assert row[6] == f"{one['fn']:,}"
        assert row[7].startswith(f"{one['fp']:,}")
    slices = page.table("By camera")
    assert [row[:2] for row in slices[1:]] == [["a", "30"], ["b", "30"]]
    by_class = page.table("By class")
    assert by_class[1][2].startswith("–"), "precision of images of one class says nothing"
    assert page.table("Images by who is right")[1][1:] == [
        f"{whole['comparison'][name]:,}" for name in ("both_right", "only_a")
    ]
    assert "left/1.png" in page.words()
    assert "1 label that the scores contradict" in page.words()


def test_older_documents_lack_the_parts_and_are_shown_all_the_same() -> None:
    page = Page(evaluation_html(document()))
    ids = {attrs["id"] for _, attrs in page.elements if "id" in attrs}
    assert not {"threshold", "slices", "comparison", "labels", "regions"} & ids
    assert {"scores", "pixels", "wrong"} <= ids


def hostile(value: Any) -> Any:
    fixed = ("by", "code", "severity", "color", "positive", "point", "kind", "source")
    if isinstance(value, dict):
        return {key: item if key in fixed else hostile(item) for key, item in value.items()}
    if isinstance(value, list):
        return [hostile(item) for item in value]
    return HOSTILE if isinstance(value, str) else value


def test_nothing_out_of_data_becomes_markup(whole: dict[str, Any]) -> None:
    evil = hostile(whole)
    evil["slices"][0]["by"] = HOSTILE
    tame = Page(evaluation_html(whole))
    page = Page(evaluation_html(evil))
    assert not [tag for tag, _ in page.elements if tag == "script"]
    assert [tag for tag, _ in page.elements if tag == "img"] == []
    for tag, attrs in page.elements:
        assert not [name for name in attrs if name.startswith("on")], tag
    assert {tag for tag, _ in page.elements} == {tag for tag, _ in tame.elements}
    for sign in "\x07\x00\u202e\u2066\ud800":
        assert sign not in page.text


def test_suspects_have_their_pictures(whole: dict[str, Any]) -> None:
    image = np.full((10, 12, 3), 90, np.uint8)
    page = Page(evaluation_html(whole, suspects=[Picture("left/1.png", image, None, None)]))
    assert [attrs["alt"] for tag, attrs in page.elements if tag == "img"] == ["the image left/1.png"]


@pytest.mark.parametrize("labels", [["normal"], ["anomaly"], ["anomaly", "normal"]])
def test_few_and_one_sided_scores_make_a_page(labels: list[str]) -> None:
    truth = lines(*({"image": str(n), "label": label} for n, label in enumerate(labels)))
    called = lines(*({"image": str(n), "score": 0.5} for n in range(len(labels))))
    page = Page(evaluation_html(json.loads(lv.evaluate(truth, called).to_json())))
    words = page.words()
    if len(labels) == 1:
        missing = "anomalous" if labels == ["normal"] else "normal"
        assert f"no {missing} image has a score" in words
        assert "Candidates for the threshold" not in words
    else:
        assert "1 anomalous image only" in words
        assert "Candidates for the threshold" in words


def test_regions_on_the_page() -> None:
    evaluation = document()
    evaluation["regions"] = {
        "regions": 3, "regions_hit": 2, "hit_rate": 2 / 3, "pro": 0.5, "images": 4, "false_blobs": 1,
        "false_blobs_per_image": 0.25,
        "by_size": [
            {"from_px": 0, "to_px": 16, "regions": 0, "hit": 0, "hit_rate": None, "mean_overlap": None},
            {"from_px": 16, "to_px": None, "regions": 3, "hit": 2, "hit_rate": 2 / 3, "mean_overlap": 0.5},
        ],
    }  # fmt: skip
    page = Page(evaluation_html(evaluation))
    assert page.table("Regions by their area")[1:] == [["16 and more", "3", "2", "0.667", "0.500"]]
    words = page.words()
    assert "2 of 3 regions were hit." in words
    assert "Predicted regions that touch no true one: 1, or 0.25 per image, of 4 images." in words
