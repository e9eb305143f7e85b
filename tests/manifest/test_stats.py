"""stats: counts against plain loops, and pages that can be shown."""
# ruff: noqa: E501 - lines of a manifest are read as lines

from __future__ import annotations

import json
from collections import Counter
from html.parser import HTMLParser

import pytest
from hypothesis import given

import lvtools as lv
from tests.manifest.files import bodies, entry, manifests, odd_manifests, refs, text
from tests.shared import SHARED, shared


@given(manifests())
def test_counts_equal_plain_counts(data):
    stats = lv.manifest_stats(data, profile="lookoutvision")
    values = [json.loads(line) for line in bodies(data)]
    names = Counter(v["anomaly-label-metadata"]["class-name"] for v in values if "anomaly-label" in v)
    assert stats.classes == names
    assert stats.lines == stats.images == len(values)
    assert stats.labeled == sum(names.values())
    assert stats.labeled + stats.unlabeled == len(values)
    assert stats.buckets == ({"s3://bbb": len(values)} if values else {})
    assert sum(stats.prefixes.values()) == len(values)
    polarity = Counter(
        (str(v["anomaly-label"]), v["anomaly-label-metadata"]["class-name"]) for v in values if "anomaly-label" in v
    )
    assert {(n, c): k for n, row in stats.polarity.items() for c, k in row.items()} == polarity
    repeated = Counter(refs(data))
    assert stats.duplicates["lines"] == sum(repeated.values()) - len(repeated)
    assert stats.duplicates["images"] == sum(count > 1 for count in repeated.values())
    assert stats.duplicates["identical"] == len(values) - len(set(bodies(data)))


@given(odd_manifests())
def test_every_file_has_a_page(data):
    stats = lv.manifest_stats(data)
    assert json.loads(stats.to_json())["lines"] == stats.lines
    assert stats.to_text().startswith("<bytes>: ")
    HTMLParser().feed(stats.to_html())
    assert stats.blank + stats.broken <= stats.lines


def test_masks_boxes_and_attributes():
    box = {"class_id": 0, "left": 1, "top": 2, "width": 3, "height": 40}
    size = [{"width": 100, "height": 80, "depth": 3}]
    boxes = {"b": {"image_size": size, "annotations": [box, box | {"width": 5.5}, box | {"class_id": 1}]}}
    boxes["b-metadata"] = {
        "class-map": {"0": "dog", "1": "cat"}, "objects": [{"confidence": 1}] * 3, "type": "groundtruth/object-detection"
    }  # fmt: skip
    color_map = {
        "0": {"class-name": "BACKGROUND", "hex-color": "#ffffff"},
        "1": {"class-name": "crack", "hex-color": "#AA0000"},
    }
    mask = {"m-ref": "s3://bbb/m.png"}
    mask["m-ref-metadata"] = {"internal-color-map": color_map, "type": "groundtruth/semantic-segmentation"}
    data = text(entry("s3://bbb/a/1.png", "x", **boxes), entry("s3://bbb/a/2.png", **mask), entry("3.png", "x"))
    stats = lv.manifest_stats(data, profile="groundtruth")
    assert stats.boxes == 3
    assert list(stats.box_classes) == ["dog", "cat"]
    dog = stats.box_classes["dog"]
    assert (dog.boxes, dog.images, dog.width.least, dog.width.greatest, dog.height.median) == (2, 1, 3, 5.5, 40)
    assert dog.area.greatest == 220
    assert stats.mask_classes["crack"].colors == ("#aa0000",)
    assert stats.masks == 1
    assert stats.task_types["groundtruth/object-detection"] == 1
    assert stats.attributes["m-ref"] == {"groundtruth/semantic-segmentation": 1}
    assert stats.prefixes == {"s3://bbb/a/": 2, "(relative)": 1}
    assert stats.dates["first"] == "2024-05-01T08:00:00+00:00"
    assert stats.jobs == {"labeling-job/cls": 2}
    assert stats.human_annotated == {"yes": 2}
    for page in (stats.to_text(), stats.to_html()):
        for word in ("dog", "crack, 1 image"[:5], "#aa0000", "s3://bbb/a/", "groundtruth/object-detection"):
            assert word in page


def test_reversed_numbers_are_told():
    data = text(entry("s3://bbb/1.png", "normal", number=1), entry("s3://bbb/2.png", "anomaly", number=0))
    assert "the class name decides" in lv.manifest_stats(data).to_text()


def test_long_lists_are_shortened():
    data = text(*(entry(f"s3://bbb/{number}/1.png", f"c{number}") for number in range(40)))
    stats = lv.manifest_stats(data, profile="groundtruth")
    assert len(stats.classes) == 40
    assert "… and 30 more" in stats.to_text()


def test_pages_are_safe():
    data = text(entry("s3://bbb/<script>alert(1)</script>/\x1b[2J\u202e1.png", "<b>"))
    stats = lv.manifest_stats(data, profile="groundtruth")
    assert "<script>" not in stats.to_html()
    assert "<b>" not in stats._repr_html_()
    assert not {"\x1b", "\u202e"} & set(stats.to_text() + stats.to_html())


DATA = SHARED / "data"
REAL = sorted(path for path in DATA.glob("**/*") if path.suffix in (".manifest", ".jsonl"))


@pytest.mark.parametrize("path", REAL, ids=lambda path: "-".join(path.parts[-2:]))
def test_real_manifests(path):
    stats = lv.manifest_stats(path)
    assert stats.lines == len(path.read_bytes().splitlines())
    assert stats.broken == 0
    assert stats.to_text()
    json.loads(stats.to_json())


def test_the_getting_started_set():
    stats = lv.manifest_stats(shared("data", "cookies", "train_segmentation.manifest"))
    assert stats.classes == {"anomaly": 32, "normal": 31}
    assert stats.polarity == {"0": {"normal": 31}, "1": {"anomaly": 32}}
    assert stats.mask_classes["cracked"].colors == ("#23a436",)
