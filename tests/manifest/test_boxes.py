# ruff: noqa: E501 - tables of cases and columns, one a line
"""Bounding boxes, whose numbers the engine reads several at once: judged by the slow reader."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lvtools.manifest.read import read_manifest
from tests.manifest.fuzz_fast import differences, taken
from tests.manifest.reference import read_slowly

pytestmark = pytest.mark.usefixtures("both_loops")

KEYS = ("class_id", "top", "left", "height", "width")
WHOLE = ("0", "3", "10", "64", "404", "1920", "65535", "123456", "9999999")
ODD = ("12345678", "00", "07", "-1", "-0", "1.5", "2.0", "1e2", "3E0", "", "+1", "0x1", "1 ", " 1", "1_0", ".5", "5.", "null", '"4"',
       "1234567890123456789", "6\t", "\u0664", "9/", "9:")  # fmt: skip
CONFIDENCES = ("0.5", "0.18", "0.1234567", "0.12345678", "0.", "0.5e1", "0.5E-3", "0.25 ", "0", "1", "1.0", "0.0", "0.0000000",
               "00.5", "-0.5")  # fmt: skip
GAPS = ((",", ":"), (", ", ": "), (" , ", " : "), (",\t", ":" + 20 * " "), (",", ":" + 30 * " "), (",", ":" + 40 * " "))


def box(keys, numbers, gaps=GAPS[0]):
    """The text of one box, its numbers as written."""
    return "{" + gaps[0].join(f'"{key}"{gaps[1]}{number}' for key, number in zip(keys, numbers, strict=True)) + "}"


def line(number, boxes, confidences, gap=""):
    """A line with these texts of boxes and confidences."""
    objects = ",".join(f'{{"confidence":{one}}}' for one in confidences)
    return (
        f'{{"source-ref":"s3://parts-a/{number}.png","bb":{{"image_size":[{{"width":9999,"height":9999,"depth":3}}],'
        f'"annotations":[{f",{gap}".join(boxes)}]}},"bb-metadata":{{"objects":[{objects}],"class-map":{{"0":"a","3":"b","10":"c","64":"d"}},'
        '"type":"groundtruth/object-detection","human-annotated":"yes","creation-date":"2024-05-01T08:00:00","job-name":"j"}}\n'
    ).encode()


def same(data, profile):
    found = differences(read_manifest(data, profile=profile, threads=1), read_slowly(data, profile=profile))
    assert not found, "\n".join(found)


@st.composite
def files(draw):
    """Lines whose boxes look like the one before, but for their numbers, and now and then for their keys and gaps."""
    lines = []
    keys, gaps = draw(st.permutations(KEYS)), draw(st.sampled_from(GAPS))
    for number in range(draw(st.integers(1, 4))):
        if draw(st.integers(0, 3)) == 0:
            keys, gaps = draw(st.permutations(KEYS)), draw(st.sampled_from(GAPS))
        some = st.sampled_from(WHOLE + ODD if draw(st.integers(0, 2)) == 0 else WHOLE)
        rows = draw(st.lists(st.lists(some, min_size=5, max_size=5), min_size=1, max_size=6))
        confidences = draw(st.lists(st.sampled_from(CONFIDENCES), min_size=len(rows), max_size=len(rows) + 1))
        lines.append(
            line(number, [box(keys, row, gaps) for row in rows], confidences, draw(st.sampled_from(["", " "])))
        )
    return b"".join(lines)


@settings(deadline=None, max_examples=300)
@given(files(), st.sampled_from(["rekognition", "groundtruth", "lookoutvision"]))
@example(line(0, [box(KEYS, ["0", "1", "2", "3", "4"])] * 2 + [box(KEYS, ["9999999"] * 5)], ["0.5"] * 3), "groundtruth")
def test_any_boxes(data, profile):
    same(data, profile)


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("number", WHOLE + ODD)
def test_every_number_in_every_place(place, number):
    """Behind a box whose shape is known, and before one that has it again."""
    usual = ["3", "404", "308", "23", "142"]
    spoiled = [number if k == place else one for k, one in enumerate(usual)]
    for k in range(5):  # each key in that place
        keys = KEYS[k:] + KEYS[:k]
        rows = [box(keys, usual), box(keys, spoiled), box(keys, usual)]
        same(line(0, rows, ["0.5"] * 3) + line(1, rows[1:], ["0.5"] * 2), "groundtruth")


@pytest.mark.parametrize("gaps", GAPS)
def test_the_engine_takes_boxes_of_whole_numbers_itself(gaps):
    data = b"".join(
        line(n, [box(KEYS, ["3", str(10**k), "308", "23", "142"], gaps) for k in range(4)], ["0.5"] * 4)
        for n in range(9)
    )
    assert taken(data, "groundtruth") == 1
