"""Counts of words over a whole file, against plain counting over its lines."""

from __future__ import annotations

import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from lvtools.manifest import validate_manifest
from tests.manifest.test_rules import LINE, MASK

NAMES = st.sampled_from(["normal", "anomaly", "dog", "Dog", "d og", "cat"])
LABELS = st.lists(st.tuples(NAMES, st.sampled_from([0, 1, 2])), max_size=12)


def rows(lines, profile):
    data = b"\n".join(json.dumps(line).encode() for line in lines)
    return validate_manifest(data, profile=profile).to_pylist()


@given(LABELS)
@settings(max_examples=100, deadline=None)
def test_numbers_and_names_equal_plain_counting(labels):
    lines = []
    for number, (name, label) in enumerate(labels):
        line = json.loads(LINE) | {"source-ref": f"s3://bucket/{number}.png", "x": label}
        line["x-metadata"] = line["x-metadata"] | {"class-name": name}
        lines.append(line)
    found = rows(lines, "groundtruth")
    numbers = {name: {label for other, label in labels if other == name} & {0, 1} for name in ("normal", "anomaly")}
    mixed = sorted(numbers["normal"] & numbers["anomaly"])
    shown = [row["value"] for row in found if row["code"] == "LV214"]
    assert shown == [str(number) for number in mixed[:1]]
    reversed_ = not mixed and 1 in numbers["normal"] and 0 in numbers["anomaly"]
    assert not [row for row in found if row["code"] == "LV213"]  # Ground Truth's numbers mean nothing else
    there = [row["code"] for row in rows(lines, "lookoutvision")]
    assert ("LV213" in there) == reversed_
    spellings = Counter("".join(name.split()).casefold() for name in {name for name, _ in labels})
    alike = [row for row in found if row["code"] == "LV215"]
    assert len(alike) == sum(count - 1 for count in spellings.values())
    for row in alike:
        first = labels[row["related_line"] - 1][0]
        assert json.loads(row["expected"]) == first
        assert json.loads(row["value"]) == labels[row["line"] - 1][0] != first
        assert row["related_line"] < row["line"]


@given(st.lists(st.lists(st.sampled_from(["crack", "dent", "stain"]), unique=True, max_size=3), max_size=8))
@settings(max_examples=60, deadline=None)
def test_images_with_one_type_equal_plain_counting(maps):
    lines = []
    for number, names in enumerate(maps):
        line = json.loads(MASK) | {"source-ref": f"s3://bucket/{number}.png"}
        colors = {"0": {"class-name": "BACKGROUND", "hex-color": "#ffffff", "confidence": 0}}
        for k, name in enumerate(names, 1):
            color = {"crack": "#100000", "dent": "#200000", "stain": "#300000"}[name]
            colors[str(k)] = {"class-name": name, "hex-color": color, "confidence": 0}
        line["m-ref-metadata"] = line["m-ref-metadata"] | {"internal-color-map": colors}
        lines.append(line)
    expected = {name: sum(names == [name] for names in maps) for names in maps for name in names}
    found = [row["value"] for row in rows(lines, "lookoutvision") if row["code"] == "LV217"]
    words = {f'{n} image{"s" if n != 1 else ""} with exactly the anomaly type "{name}"' for name, n in expected.items()}
    assert set(found) == words
    assert len(found) == len(words)
