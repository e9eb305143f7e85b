"""The demo's data: the same bytes every time, the shapes the services wrote, and no foreign file touched."""

from __future__ import annotations

import base64
import csv
import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lvtools
from lvtools.cli import main
from lvtools.demo import DemoData, boards, make_demo_data
from lvtools.demo.dataset import MARKER, palette_png
from lvtools.errors import ArgumentError, ObjectError
from lvtools.images import decode_image, image_size
from lvtools.objects import Objects
from lvtools.report import write_evaluation_html
from tests.report.documents import Page, document


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DemoData:
    return make_demo_data(tmp_path_factory.mktemp("made") / "demo")


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_two_runs_give_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    make_demo_data(tmp_path / "a", images=20)
    make_demo_data(tmp_path / "b", images=20)
    make_demo_data(tmp_path / "c", images=20, seed=8)
    assert _content(tmp_path / "a") == _content(tmp_path / "b")
    assert _content(tmp_path / "a")["truth.manifest"] != _content(tmp_path / "c")["truth.manifest"]


def test_quotas_and_pictures(data: DemoData) -> None:
    entries = _lines(data.truth)[:-1]
    words = [entry.get("anomaly-label-metadata", {}).get("class-name", "").lower() for entry in entries]
    assert (words.count("normal"), words.count("anomaly"), words.count("")) == (40, 30, 1)
    objects = Objects(data.folder)
    formats = set()
    for entry in entries:
        info = image_size(objects.read(entry["source-ref"]))
        formats.add(info.format)
        assert (info.height, info.width) == (boards.HEIGHT, boards.WIDTH)
    assert formats == {"png", "jpeg"}


def test_every_mask_has_exactly_the_colours_of_its_map(data: DemoData) -> None:
    objects, seen = Objects(data.folder), set()
    for entry in _lines(data.truth)[:-1]:
        if "anomaly-mask-ref" not in entry:
            continue
        mask = objects.read(entry["anomaly-mask-ref"])
        seen.add(mask[25])
        rgb = decode_image(mask).reshape(-1, 3).astype(int)
        colors = {f"#{color:06x}" for color in np.unique(rgb @ [65536, 256, 1]).tolist()}
        known = {item["hex-color"] for item in entry["anomaly-mask-ref-metadata"]["internal-color-map"].values()}
        assert "#ffffff" in colors
        assert len(colors) > 1
        assert colors <= known
    assert seen == {2, 3}  # RGB and palette


def test_the_palette_index_is_the_key_of_the_color_map() -> None:
    from lvtools.masks import read_mask

    mask = np.array([[0, 1], [2, 3]], np.uint8)
    rgb = decode_image(palette_png(mask))
    assert [rgb[0, 0].tolist(), rgb[0, 1].tolist()] == [[255, 255, 255], [0x2C, 0xA0, 0x2C]]
    assert read_mask(palette_png(mask)) is not None  # the own reader takes it, too


def test_the_oddities_are_in_the_truth(data: DemoData) -> None:
    text = data.truth.read_text()
    lines = text.splitlines()
    assert lines[-1] == lines[11]
    assert '"class-name":"Anomaly"' in text
    assert "(Coordinated Universal Time)" in text
    assert '"confidence":1,' in text
    maps = [e["anomaly-mask-ref-metadata"]["internal-color-map"] for e in _lines(data.truth) if "anomaly-mask-ref" in e]
    assert any("confidence" not in item for one in maps for item in one.values())


def test_the_truth_is_usable_and_the_broken_one_shows_its_faults(data: DemoData) -> None:
    def codes(path: Path) -> dict[str, str]:
        table = lvtools.validate_manifest(str(path))
        return {row["code"]: row["severity"] for row in table.select(["code", "severity"]).to_pylist()}

    assert "error" not in codes(data.truth).values()
    assert {"LV122", "LV131", "LV187", "LV201", "LV110"} <= codes(data.truth).keys()
    assert {"LV106", "LV029", "LV120", "LV186", "LV111", "LV021"} <= codes(data.broken).keys()


def test_the_answers_are_what_the_service_sent(data: DemoData) -> None:
    answers = _lines(data.predictions)
    for answer in answers:
        result = answer["DetectAnomalyResult"]
        png = base64.b64decode(result["AnomalyMask"], validate=True)
        width, height, depth, color_type = struct.unpack_from(">IIBB", png, 16)
        assert (height, width, depth, color_type) == (boards.HEIGHT, boards.WIDTH, 8, 2)
        assert png.count(b"IDAT") == 1
        areas = [anomaly["PixelAnomaly"]["TotalPercentageArea"] for anomaly in result["Anomalies"]]
        assert sum(areas) == pytest.approx(1, abs=1e-6)
        assert [float(np.float32(area)) for area in areas] == areas
        assert result["Anomalies"][0]["Name"] == "background"
        assert 0 <= result["Confidence"] <= 1
        assert len(json.dumps(answer)) < 8192
    truth = {e["source-ref"]: e.get("anomaly-label") for e in _lines(data.truth)}
    predicted = {a["source-ref"]: a["DetectAnomalyResult"]["IsAnomalous"] for a in answers}
    assert len(truth.keys() - predicted.keys()) == len(predicted.keys() - truth.keys()) == 1
    pairs = [(truth[ref], predicted[ref]) for ref in truth.keys() & predicted.keys()]
    assert [pairs.count(pair) for pair in ((1, True), (1, False), (0, True), (0, False))] == [27, 3, 2, 37]


def test_the_csv_says_the_same(data: DemoData) -> None:
    with data.predictions_csv.open() as stream:
        table = {row["image"]: row for row in csv.DictReader(stream)}
    for answer in _lines(data.predictions):
        result = answer["DetectAnomalyResult"]
        row = table.pop(answer["source-ref"].removeprefix("s3://lvtools-demo/"))
        score = result["Confidence"] if result["IsAnomalous"] else 1 - result["Confidence"]
        assert row["class"] == ("anomaly" if result["IsAnomalous"] else "normal")
        assert float(row["score"]) == pytest.approx(score, abs=1e-4)
        assert (score >= 0.5) == result["IsAnomalous"]
    assert table == {}


def test_foreign_folders_are_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work")
    with pytest.raises(ObjectError, match="not empty"):
        make_demo_data(tmp_path)
    assert os.listdir(tmp_path) == ["thesis.txt"]
    with pytest.raises(ObjectError, match="a file stands"):
        make_demo_data(tmp_path / "thesis.txt")


def test_an_own_folder_is_made_anew_and_other_files_stay(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    make_demo_data(folder, images=20)
    for name in ("notes.txt", "images/mine.jpg", "images/00123.png"):
        (folder / name).write_text("mine")
    make_demo_data(folder, images=16)
    content = _content(folder)
    assert [content.pop(name) for name in ("notes.txt", "images/mine.jpg", "images/00123.png")] == [b"mine"] * 3
    make_demo_data(tmp_path / "fresh", images=16)
    assert content == _content(tmp_path / "fresh")
    assert MARKER in content


@pytest.mark.parametrize("bad", [{"images": 15}, {"images": 10_000}, {"seed": -1}])
def test_numbers_out_of_range(tmp_path: Path, bad: dict[str, int]) -> None:
    with pytest.raises(ArgumentError):
        make_demo_data(tmp_path / "demo", **bad)
    assert os.listdir(tmp_path) == []


def test_the_evaluation_finds_the_planned_mistakes(data: DemoData, tmp_path: Path) -> None:
    evaluation = lvtools.evaluate(str(data.truth), str(data.predictions), objects=str(data.folder))
    found = evaluation.to_dict()
    image, match = found["image"], found["match"]
    assert [image[key] for key in ("tp", "fn", "fp", "tn")] == [27, 3, 2, 37]
    assert [len(match[key]) for key in ("missing", "extra", "duplicates", "unlabeled")] == [1, 1, 1, 1]
    ious = {row["class_name"]: row["iou"] for row in found["pixel"]["per_class"]}
    assert all(0.4 < ious[name] < 0.9 for name in ("scratch", "dent", "missing"))
    evaluation.to_html(tmp_path / "report.html", objects=str(data.folder))
    page = Page((tmp_path / "report.html").read_text("utf-8"))
    assert f"F1{image['f1']['value']:.3f}" in "".join(page.text.split())
    assert len([tag for tag, _ in page.elements if tag == "img"]) == 12 * 4


class _Evaluation:
    """Stands in for lvtools.evaluate's result: the demo must use nothing but these four."""

    def __str__(self) -> str:
        return "four images compared"

    def to_dict(self) -> dict[str, Any]:
        return document()

    def to_json(self, path: os.PathLike[str]) -> None:
        Path(path).write_text(json.dumps(document()))

    def to_html(self, path: os.PathLike[str], *, objects: str | None = None) -> None:
        assert objects is not None
        write_evaluation_html(document(), path)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[tuple[str, str, str]] = []

    def evaluate(truth: str, predictions: str, *, objects: str) -> _Evaluation:
        asked.append((truth, predictions, objects))
        return _Evaluation()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(lvtools.__dict__, "evaluate", evaluate)
    with pytest.raises(SystemExit) as stop:
        main(["demo"])
    assert stop.value.code == 0
    assert asked == [("demo/truth.manifest", "demo/predictions.jsonl", "demo")]
    out = capsys.readouterr().out
    commands = [line for line in out.splitlines() if line.startswith("$ lvtools ")]
    assert [line.split()[2] for line in commands] == ["demo", "validate", "validate", "areas", "evaluate"]
    for expected in (
        "demo/truth.manifest: usable: ",
        "demo/broken.manifest: not usable as it is: ",
        "demo/broken.manifest:4:94: error LV120",
        "four images compared",
        "truth \\ predicted  anomaly  normal",
        "F1 0.667 (95 % interval 0.208 to 0.939)",
        str((tmp_path / "demo" / "report.html").resolve()),
    ):
        assert expected in out
    assert (tmp_path / "demo" / "evaluation.json").exists()
    assert (tmp_path / "demo" / "report.html").exists()


def test_the_command_refuses_a_folder_of_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(SystemExit) as stop:
        main(["demo", str(tmp_path)])
    assert stop.value.code == 2
    assert "not empty" in capsys.readouterr().err
