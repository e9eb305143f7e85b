# ruff: noqa: E501 - tables of cases and columns, one a line
"""Seeded manifests of the three kinds, as one tool writes them, or with key order and spacing changing from line to line."""

from __future__ import annotations

import json
import random
from typing import Any

COLORS = {
    "0": ("BACKGROUND", "#ffffff"),
    "1": ("scratch", "#2ca02c"),
    "2": ("dent", "#1f77b4"),
    "3": ("crack", "#ff7f0e"),
}
CLASSES = {"0": "screw", "1": "washer", "2": "nut", "3": "bolt"}
WIDTH, HEIGHT = 1920, 1080


def make(kind: str, lines: int, mixed: bool = False) -> bytes:
    """`lines` lines of 'classification', 'segmentation' or 'boxes'."""
    source = random.Random(7)
    row = {"classification": _classification, "segmentation": _segmentation, "boxes": _boxes}[kind]
    return b"".join(_write(row(number, source), source, mixed) + b"\n" for number in range(lines))


def _common(number: int, kind: str) -> dict[str, Any]:
    moment = f"2024-{number % 12 + 1:02}-{number % 28 + 1:02}T{number % 24:02}:{number % 60:02}:{number % 59:02}.{number % 1000000:06}"
    return {
        "type": f"groundtruth/{kind}",
        "human-annotated": "yes",
        "creation-date": moment,
        "job-name": "labeling-job/inspection-line-4",
    }


def _classification(number: int, source: random.Random) -> dict[str, Any]:
    anomalous = source.random() < 0.3
    return {
        "source-ref": f"s3://acme-visual-inspection/line-4/camera-2/{number:09}.png",
        "anomaly-label": int(anomalous),
        "anomaly-label-metadata": {
            "class-name": "anomaly" if anomalous else "normal",
            "confidence": round(source.random(), 2),
            **_common(number, "image-classification"),
        },
    }


def _segmentation(number: int, source: random.Random) -> dict[str, Any]:
    colors = {key: {"class-name": name, "hex-color": color, "confidence": 0.0} for key, (name, color) in COLORS.items()}
    return {
        **_classification(number, source),
        "anomaly-mask-ref": f"s3://acme-visual-inspection/masks/line-4/camera-2/{number:09}.png",
        "anomaly-mask-ref-metadata": {"internal-color-map": colors, **_common(number, "semantic-segmentation")},
    }


def _boxes(number: int, source: random.Random) -> dict[str, Any]:
    boxes = []
    for _ in range(source.randrange(6, 13)):
        left, top = source.randrange(WIDTH - 200), source.randrange(HEIGHT - 200)
        boxes.append(
            {
                "class_id": source.randrange(4),
                "top": top,
                "left": left,
                "height": source.randrange(5, 200),
                "width": source.randrange(5, 200),
            }
        )
    return {
        "source-ref": f"s3://acme-visual-inspection/line-4/camera-2/{number:09}.png",
        "parts": {"image_size": [{"width": WIDTH, "height": HEIGHT, "depth": 3}], "annotations": boxes},
        "parts-metadata": {
            "objects": [{"confidence": round(source.random(), 2)} for _ in boxes],
            "class-map": CLASSES,
            **_common(number, "object-detection"),
        },
    }


def _write(row: dict[str, Any], source: random.Random, mixed: bool) -> bytes:
    if not mixed:
        return json.dumps(row, separators=(",", ":")).encode()
    separators = source.choice(((",", ":"), (", ", ": "), (" , ", " : "), (",", ": ")))
    return json.dumps(_shuffled(row, source), separators=separators).encode()


def _shuffled(value: Any, source: random.Random) -> Any:
    if isinstance(value, list):
        return [_shuffled(one, source) for one in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    if not keys[0].isdigit():  # the order of a color map's classes is data, and column parsers do not keep it
        source.shuffle(keys)
    return {key: _shuffled(value[key], source) for key in keys}
