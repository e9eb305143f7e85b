"""Colours land on the right pixels, and the worst images come in a fixed order."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lvtools.errors import ArgumentError
from lvtools.report.overlay import (
    FALSE_ALARM,
    FOUND,
    MISSED,
    OTHER_CLASS,
    UNKNOWN,
    class_colors,
    paint_errors,
    paint_mask,
    pick_worst,
)
from tests.report.documents import row


def _hex(pixel: np.ndarray) -> int:
    return int(pixel[0]) << 16 | int(pixel[1]) << 8 | int(pixel[2])


def test_tint_border_and_halo() -> None:
    image = np.full((9, 9, 3), 100, np.uint8)
    mask = np.zeros((9, 9), np.uint8)
    mask[2:7, 2:7] = 1
    out = paint_mask(image, mask, (0xFFFFFF, 0xFF0000), opacity=0.5)
    assert _hex(out[2, 2]) == _hex(out[2, 4]) == 0xFF0000  # border, pure
    assert out[4, 4].tolist() == [178, 50, 50]  # inside, half and half
    assert _hex(out[1, 4]) == 0xFFFFFF  # halo
    assert _hex(out[0, 0]) == 0x646464  # untouched
    assert (image == 100).all()
    bare = paint_mask(image, mask, (0xFFFFFF, 0xFF0000), opacity=0.5, outline=0)
    assert bare[2, 2].tolist() == [178, 50, 50]
    assert _hex(bare[1, 4]) == 0x646464


def test_a_border_runs_between_touching_classes_and_not_along_the_edge_of_the_picture() -> None:
    mask = np.ones((5, 10), np.uint8)
    mask[:, 5:] = 2
    out = paint_mask(np.zeros((5, 10, 3), np.uint8), mask, (0, 0xFF0000, 0x00FF00), opacity=0.0)
    assert [_hex(pixel) for pixel in out[0]] == [0, 0, 0, 0, 0xFF0000, 0x00FF00, 0, 0, 0, 0]


def test_a_wider_border() -> None:
    mask = np.zeros((9, 9), np.uint8)
    mask[1:8, 1:8] = 1
    out = paint_mask(np.zeros((9, 9, 3), np.uint8), mask, (0, 0xFF0000), opacity=0.0, outline=2, halo=False)
    assert [_hex(pixel) == 0xFF0000 for pixel in out[4]] == [False, True, True, False, False, False, True, True, False]


def test_an_index_without_colour_is_magenta() -> None:
    mask = np.full((1, 1), 200, np.uint8)
    assert _hex(paint_mask(np.zeros((1, 1, 3), np.uint8), mask, (0, 1), opacity=1.0)[0, 0]) == UNKNOWN


def test_wrong_pixels_have_four_kinds() -> None:
    truth = np.array([[0, 1, 1, 0, 1]], np.uint8)
    prediction = np.array([[0, 1, 0, 2, 2]], np.uint8)
    image = np.zeros((1, 5, 3), np.uint8)
    out = paint_errors(image, truth, prediction)
    assert [_hex(pixel) for pixel in out[0, 2:]] == [MISSED, FALSE_ALARM, OTHER_CLASS]
    assert len({_hex(pixel) for pixel in out[0]}) == 5
    found = out[0, 1].astype(int)
    assert np.abs(found - [FOUND >> 16, FOUND >> 8 & 255, FOUND & 255]).max() < 120


@pytest.mark.parametrize(
    "mask", [np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.int64), np.zeros((3, 2, 1), np.uint8)]
)
def test_masks_that_do_not_fit(mask: np.ndarray) -> None:
    with pytest.raises(ArgumentError, match=r"mask of \(3, 2\)"):
        paint_mask(np.zeros((3, 2, 3), np.uint8), mask, (0,))


def test_colors_come_from_the_map_or_from_a_series() -> None:
    assert class_colors(["BACKGROUND", "a", "b"], {"b": 0x123456}) == (0xFFFFFF, 0x2CA02C, 0x123456)
    assert len(set(class_colors([str(n) for n in range(10)]))) == 10


ROWS = [
    row("barely wrong", "normal", "anomaly", 0.55, iou=0.0),
    row("wrong without score", "anomaly", "normal", None),
    row("surely wrong", "anomaly", "normal", 0.05),
    row("right, poor IoU", "anomaly", "anomaly", 0.9, iou=0.1, wrong_px=5),
    row("right, same IoU, more pixels", "anomaly", "anomaly", 0.9, iou=0.1, wrong_px=50),
    row("right, good IoU", "anomaly", "anomaly", 0.9, iou=0.9, wrong_px=1),
    row("right, no IoU", "normal", "normal", 0.1, iou=None, wrong_px=2),
    row("perfect", "normal", "normal", 0.1, iou=None, wrong_px=0),
    row("right, no pixels", "normal", "normal", 0.1),
]
ORDER = [
    "surely wrong",
    "barely wrong",
    "wrong without score",
    "right, same IoU, more pixels",
    "right, poor IoU",
    "right, good IoU",
    "right, no IoU",
]


def test_the_worst_come_first_whatever_the_order() -> None:
    for rotation in range(len(ROWS)):
        rows = ROWS[rotation:] + ROWS[:rotation]
        assert [image["source_ref"] for image in pick_worst(rows)] == ORDER
        assert [image["source_ref"] for image in pick_worst(reversed(rows), 2)] == ORDER[:2]


def test_the_threshold_says_how_wrong_a_score_is() -> None:
    rows = [row("a", "normal", "anomaly", 0.30), row("b", "anomaly", "normal", 0.18)]
    assert [image["source_ref"] for image in pick_worst(rows, threshold=0.2)] == ["a", "b"]
    assert [image["source_ref"] for image in pick_worst(rows, threshold=0.29)] == ["b", "a"]


def test_ties_are_broken_by_name() -> None:
    rows = [row(name, "normal", "anomaly", 0.6) for name in "cab"]
    for order in itertools.permutations(rows):
        assert [image["source_ref"] for image in pick_worst(order)] == ["a", "b", "c"]
    assert pick_worst(rows, 0) == []
    with pytest.raises(ArgumentError):
        pick_worst(rows, -1)
