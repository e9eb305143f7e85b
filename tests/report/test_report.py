"""The page says the numbers, explains the missing ones, and lets nothing out of data become markup."""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lvtools.errors import ArgumentError, MissingDependencyError
from lvtools.images import decode_image
from lvtools.report import Picture, evaluation_html, write_evaluation_html
from tests.report.documents import Page, document, measure, row

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;{{7*7}}\u202egnp.exe\x07\x00\ud800\u2066"


def _picture(ref: str = "s3://b/2.png") -> Picture:
    rng = np.random.default_rng(0)
    truth = np.zeros((40, 60), np.uint8)
    truth[5:15, 5:25] = 1
    return Picture(ref, rng.integers(0, 255, (40, 60, 3), np.uint8), truth, np.roll(truth, 4, axis=1))


def _page(evaluation: dict[str, Any], **options: Any) -> Page:
    return Page(evaluation_html(evaluation, **options))


def test_the_numbers_are_there() -> None:
    page = _page(document())
    words = page.words()
    assert "1 of 2 anomaly images found; 0 false alarms on 2 other images." in words
    cards = re.findall(r"(F1|Precision|Recall|Accuracy|Mean IoU)\s*(\d\.\d{3})\s*95 %: (\d\.\d{3} to \d\.\d{3})", words)
    assert ("F1", "0.667", "0.208 to 0.939") in cards
    assert ("Recall", "0.500", "0.095 to 0.905") in cards
    matrix = page.table("Confusion matrix of images")
    assert matrix[1] == ["truth", "anomaly", "normal", "all"]
    assert matrix[2:] == [["anomaly", "1 50%", "1 50%", "2"], ["normal", "0 0%", "2 100%", "2"], ["all", "1", "3", "4"]]
    per_class = page.table("Figures per class")
    assert per_class[2] == ["normal", "2", "3", "0.6680.200 to 0.900", "1.0000.342 to 1.000", "0.8000.376 to 0.964"]
    pixel = page.table("Figures per anomaly class")
    assert pixel[1] == ["scratch", "2", "9 % 90 px", "8 % 80 px", "0.700", "0.650", "0.875", "0.778", "0.824"]
    assert page.table("Confusion matrix of pixels")[2][:2] == ["BACKGROUND", "900 99%"]
    wrong = page.table("1 image with a wrong class")
    assert wrong[1] == ["s3://b/2.png", "anomaly", "normal", "0.200", "0.000", "12", "1", "2"]
    left = {cells[0]: cells[1] for cells in page.table("Images left out")[1:]}
    assert left == {"Without prediction": "1", "Without truth": "1", "Named twice": "0", "Unlabeled": "1"}
    findings = page.table("Findings by code")
    assert [cells[:3] for cells in findings[1:]] == [["LV401", "error", "1"], ["LV402", "warning", "1"]]
    assert "truth.manifest:5:3 no prediction for 's3://b/5.png'" in findings[1][3]
    assert "1 further findings are counted" in words
    assert "3 pixels belong to a class or not" in words


def test_the_histogram_counts_every_score_once() -> None:
    page = _page(document())
    table = page.table("Images per range of scores")
    assert table[0] == ["Score", "truth: anomaly", "truth: normal"]
    assert sum(int(cells[1]) for cells in table[1:]) == 2
    assert sum(int(cells[2]) for cells in table[1:]) == 2
    assert ["0.20 to 0.25", "1", "0"] in table
    bars = [a for tag, a in page.elements if tag == "rect" and a.get("class") in ("upper", "lower") and "y" in a]
    assert len(bars) == 4
    cuts = [a for tag, a in page.elements if tag == "line" and a.get("class") == "cut"]
    assert [cut["x1"] for cut in cuts] == ["334.0"]  # the middle of 44..624


@pytest.mark.parametrize("scores", [[1.0, 0.0, 1.0, 0.0], [-3.5, 12.0, 5.0, None], [float("nan"), 0.5, 0.5, 0.5]])
def test_scores_at_the_edges_and_outside_0_to_1(scores: list[float | None]) -> None:
    evaluation = document()
    for image, score in zip(evaluation["images"], scores, strict=True):
        image["score"] = score
    page = _page(evaluation)
    known = sum(score is not None and score == score for score in scores)
    table = page.table("Images per range of scores")
    assert sum(int(cells[1]) + int(cells[2]) for cells in table[1:]) == known
    assert ("carry no score" in page.words()) == (known < 4)


def _texts(value: Any) -> Any:
    """The document with every string that may come from data replaced by a hostile one."""
    if isinstance(value, dict):
        fixed = ("by", "code", "severity", "color", "positive")
        return {key: item if key in fixed else _texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return HOSTILE if isinstance(value, str) else value


def test_nothing_out_of_data_becomes_markup() -> None:
    plain = document()
    plain["image"]["threshold"] = None
    plain["match"]["duplicates"] = ["a"]
    evaluation = _texts(plain)
    for name in ("positive",):
        evaluation["image"][name] = HOSTILE
    evaluation["match"]["by"] = HOSTILE
    for finding in evaluation["findings"]["rows"]:
        finding |= {"code": HOSTILE, "severity": HOSTILE}
    evaluation["pixel"]["per_class"][0]["color"] = '#fff" onload="x'
    picture = _picture(HOSTILE)
    html = evaluation_html(
        evaluation, pictures=[picture], color_map={HOSTILE: 0xFF0000}, classes=["BACKGROUND", HOSTILE]
    )
    page = Page(html)
    html.encode()  # half a surrogate pair would fail here
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "iframe", "object", "embed", "link", "base", "form"}
    assert all(not name.startswith("on") and name != "style" for _, attrs in page.elements for name in attrs)
    assert [a["src"][:23] for tag, a in page.elements if tag == "img"] == ["data:image/jpeg;base64,"] * 4
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", html)
    assert r"\u202egnp.exe\x07\x00\ud800\u2066" in page.text
    assert "{{7*7}}" in page.text
    assert "<script>alert(1)</script>" in page.text  # as words
    assert next(a["fill"] for tag, a in page.elements if tag == "rect" and "fill" in a) == "#808080"


def test_the_page_asks_for_nothing_from_outside() -> None:
    html = evaluation_html(document(), pictures=[_picture()], classes=["BACKGROUND", "scratch"])
    page = Page(html)
    for tag, attrs in page.elements:
        for name in ("src", "href", "srcset", "action", "xlink:href", "data", "poster"):
            value = attrs.get(name)
            assert value is None or value.startswith(("#", "data:image/jpeg;base64,")), (tag, name, value)
    assert "http:" not in html.replace('http-equiv="', "")
    assert "https:" not in html
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    (policy,) = [a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    targets = {attrs["id"] for _, attrs in page.elements if "id" in attrs}
    assert {attrs["href"][1:] for tag, attrs in page.elements if tag == "a"} <= targets


def test_what_is_undefined_says_why() -> None:
    evaluation = document()
    image, pixel = evaluation["image"], evaluation["pixel"]
    image |= {"confusion_matrix": [[0, 0], [0, 4]], "tp": 0, "fp": 0, "fn": 0, "tn": 4}
    image |= {"precision": None, "recall": measure(None), "f1": measure(None, None, None)}
    image["per_class"][0] |= {"precision": None, "recall": measure(None), "f1": None}
    pixel["mean_iou"] = None
    pixel["per_class"][0] |= dict.fromkeys(
        ["iou", "mean_iou", "precision", "recall", "f1", "truth_fraction", "prediction_fraction"]
    )
    page = _page(evaluation)
    reasons = [attrs["title"] for _, attrs in page.elements if attrs.get("class") == "none"]
    for why in (
        "undefined: no image was predicted as anomaly",
        "undefined: the truth has no anomaly",
        "undefined: neither truth nor predictions have anomaly",
        "undefined: no pixel was predicted as scratch",
        "undefined: no image has scratch",
        "undefined: no anomaly class occurs in truth or prediction",
    ):
        assert why in reasons
    assert page.table("Figures per class")[1][3].startswith("– (undefined:")
    assert "None" not in page.words().replace("None: every compared", "")
    assert "nan" not in page.words()


def test_several_classes_without_a_positive_one() -> None:
    evaluation = document()
    classes = ["ok", "rust", "hole"]
    evaluation["image"] = {
        "classes": classes, "confusion_matrix": [[5, 1, 0], [0, 3, 0], [2, 0, 1]], "positive": None, "threshold": None,
        "tp": None, "fp": None, "fn": None, "tn": None, "accuracy": measure(0.75, 0.46, 0.91),
        "precision": None, "recall": None, "f1": None,
        "per_class": [{"class_name": name, "support": 1, "predicted": 2, "precision": measure(0.5, 0.1, 0.9),
                       "recall": measure(1.0, 0.2, 1.0), "f1": measure(0.6)} for name in classes],
    }  # fmt: skip
    evaluation["images"] = [row("a", "ok", "rust", 0.9), row("b", "rust", "rust", 0.7)]
    page = _page(evaluation)
    assert "9 of 12 images got the class that the truth has." in page.words()
    names = re.findall(r'<div class="name">(.*?)</div>', evaluation_html(evaluation))
    assert names == ["Accuracy", "Mean IoU"]
    assert page.table("Confusion matrix of images")[1] == ["truth", *classes, "all"]
    assert page.table("Images per range")[0] == ["Score", "decision wrong", "decision right"]
    assert "threshold" not in page.words()


def test_without_pixels_scores_and_findings() -> None:
    evaluation = document()
    evaluation["pixel"] = None
    evaluation["findings"] = {"error": 0, "warning": 0, "info": 0, "rows": []}
    for image in evaluation["images"]:
        image["score"] = None
    page = _page(evaluation)
    ids = {attrs.get("id") for _, attrs in page.elements}
    assert not ids & {"pixels", "scores", "worst"}
    assert {"decisions", "wrong", "left-out"} <= ids


def test_zero_images() -> None:
    evaluation = document()
    evaluation["image"] |= {"classes": [], "confusion_matrix": [], "per_class": [], "tp": 0, "fp": 0, "fn": 0, "tn": 0}
    evaluation["image"] |= {"accuracy": measure(None), "precision": None, "recall": None, "f1": None}
    evaluation["images"], evaluation["pixel"] = [], None
    evaluation["match"] |= {"matched": 0, "missing": [f"s3://b/{n}.png" for n in range(1000)]}
    page = _page(evaluation)
    assert "No image could be compared." in page.words()
    left = page.table("Images left out")
    assert left[1][1] == "1,000"
    assert "and 975 more" in left[1][2]


def test_many_wrong_images_and_many_classes_stay_readable() -> None:
    evaluation = document()
    names = [f"class {n}" for n in range(40)]
    evaluation["image"] |= {"classes": names, "confusion_matrix": [[1] * 40 for _ in names]}
    evaluation["images"] = [row(f"s3://b/{n:05d}.png", "normal", "anomaly", 0.6) for n in range(1000)]
    page = _page(evaluation)
    assert len(page.table("1,000 images with a wrong class")) == 201
    assert "and 800 more; evaluation.json lists all." in page.words()
    assert all(not caption.startswith("Confusion matrix of images") for caption, _ in page.tables)


def test_pictures_become_four_panels_with_words() -> None:
    html = evaluation_html(
        document(), pictures=[_picture()], color_map={"scratch": 0x2CA02C}, classes=["BG", "scratch"]
    )
    pictures = [attrs for tag, attrs in Page(html).elements if tag == "img"]
    alts = [attrs["alt"] for attrs in pictures]
    assert alts == ["the image s3://b/2.png", "truth: scratch 8.33%", "prediction: scratch 8.33%", "80 wrong pixels"]
    for attrs in pictures:
        source = attrs["src"]
        assert source is not None
        rgb = decode_image(base64.b64decode(source.partition(",")[2]))
        assert rgb.shape == (40, 60, 3)
        assert (attrs["height"], attrs["width"]) == ("40", "60")


def test_pictures_that_lack_something() -> None:
    whole = _picture()
    pictures = [
        whole._replace(prediction=None),
        whole._replace(image=None),
        Picture("s3://b/none.png", None, None, None),
        Picture("s3://b/big.png", np.zeros((600, 2000, 3), np.uint8), None, None),
    ]
    page = _page(document(), pictures=iter(pictures), classes=["BG", "scratch"])
    alts = [attrs["alt"] for tag, attrs in page.elements if tag == "img"]
    assert [alt.split(":")[0].split(" s3")[0] for alt in alts if alt] == [
        "the image", "truth", "truth", "prediction", "80 wrong pixels", "the image",
    ]  # fmt: skip
    assert "There is no picture of it." in page.words()
    assert [attrs["width"] for tag, attrs in page.elements if tag == "img"][-1] == "480"


def test_a_mask_of_another_size_is_refused() -> None:
    bad = _picture()._replace(truth=np.zeros((16, 16), np.uint8))
    with pytest.raises(ArgumentError, match="mask of \\(40, 60\\)"):
        evaluation_html(document(), pictures=[bad], classes=["BG", "scratch"])


def test_pixels_of_no_class_are_neither_right_nor_wrong() -> None:
    picture = _picture()
    assert picture.prediction is not None
    prediction = picture.prediction.copy()
    prediction[20:22] = 255
    html = evaluation_html(document(), pictures=[picture._replace(prediction=prediction)], classes=["BG", "scratch"])
    alts = [attrs["alt"] for tag, attrs in Page(html).elements if tag == "img"]
    assert alts[2:] == ["prediction: scratch 8.33%, no class 5.00%", "80 wrong pixels"]


def test_another_document_is_refused() -> None:
    with pytest.raises(ArgumentError, match="lvtools_evaluation is 2"):
        evaluation_html(document() | {"lvtools_evaluation": 2})


def test_every_table_has_a_caption_and_headers_with_scope() -> None:
    page = _page(document(), pictures=[_picture()], classes=["BG", "scratch"])
    assert len(page.tables) >= 7
    assert all(caption for caption, _ in page.tables)
    assert all("scope" in attrs for tag, attrs in page.elements if tag == "th")
    assert all(attrs.get("alt") for tag, attrs in page.elements if tag == "img")
    assert [attrs.get("lang") for tag, attrs in page.elements if tag == "html"] == ["en"]


def test_the_same_evaluation_gives_the_same_page() -> None:
    once, twice = (evaluation_html(document(), pictures=[_picture()], classes=["BG", "scratch"]) for _ in range(2))
    assert once == twice


def test_writing(tmp_path: Path) -> None:
    write_evaluation_html(document(), tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text("utf-8") == evaluation_html(document())


def test_without_jinja2_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'lvtools\[report\]'"):
        write_evaluation_html(document(), tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []
