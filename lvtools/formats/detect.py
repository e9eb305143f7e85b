"""Saved DetectAnomalies answers: JSON Lines, one JSON array or document, or a folder of `<image>.json` files.

Score: Confidence when IsAnomalous, else 1 - Confidence; Confidence is that of the decision made (behaviour of the
service, 8.2).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import orjson
import pyarrow as pa

from lvtools.errors import FormatError, ObjectError
from lvtools.findings import FindingList
from lvtools.formats.fields import (
    ANOMALY,
    CLASS_NAMES,
    MASK_NAMES,
    NORMAL,
    SCORE_NAMES,
    decode_base64,
    find,
    image_of,
    mask_of,
    score_of,
    share_of,
)
from lvtools.formats.registry import Input, PredictionFormat, Rows
from lvtools.objects import read_source

WRAPPER = "DetectAnomalyResult"
__all__ = ["FORMAT", "add_answer", "decode_base64", "read", "sniff"]


def sniff(source: Input) -> bool:
    """A folder, or an object with IsAnomalous, bare or wrapped."""
    return source.folder is not None or (source.first is not None and answer_in(source.first) is not None)


def read(source: Input, findings: FindingList) -> pa.Table:
    """Every answer that names its image."""
    rows = Rows()
    if source.folder is not None:
        _read_folder(source.folder, rows, findings)
        return rows.table()
    for line, item in source.items(findings):
        add_answer(item, image_of(item) or _named_by_file(source), line, rows, findings)
    return rows.table()


def answer_in(item: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The DetectAnomalyResult in an object, or the object itself when it is one."""
    wrapped = item.get(WRAPPER)
    if isinstance(wrapped, dict):
        return wrapped
    return item if "IsAnomalous" in item else None


def add_answer(item: Mapping[str, Any], image: str | None, line: int, rows: Rows, findings: FindingList) -> None:
    """Read one object into a row; what is wrong with it becomes findings."""
    if image is None:
        findings.add("LV411", line=line)
        return
    answer = answer_in(item)
    verdict = _truth_value(answer.get("IsAnomalous")) if answer is not None else None
    if answer is None or verdict is None:
        what = (
            f"IsAnomalous is {answer.get('IsAnomalous')!r}" if answer is not None else f"found {', '.join(item)[:80]}"
        )
        findings.add("LV405", line=line, value=what)
        return
    class_name = ANOMALY if verdict else NORMAL
    confidence = share_of(answer.get("Confidence"), "Confidence", findings, line)
    where = answer if find(answer, MASK_NAMES) is not None else item
    key = find(where, MASK_NAMES)
    mask = mask_of(where[key], key, findings, line) if key is not None else None
    rows.add(image, class_name, score_of(class_name, confidence), line, mask, _anomalies(answer, findings, line))


def _anomalies(answer: Mapping[str, Any], findings: FindingList, line: int) -> list[dict[str, Any]] | None:
    """Names and colours of the mask, background included; the unit of the area is a fraction in spite of its name."""
    listed = answer.get("Anomalies")
    if listed is None:
        return None
    if not isinstance(listed, list):
        findings.add("LV410", line=line, pointer="/Anomalies", value="Anomalies is not an array")
        return None
    classes = []
    for number, one in enumerate(listed):
        pixel = one.get("PixelAnomaly") if isinstance(one, dict) else None
        if (
            not isinstance(pixel, dict)
            or not isinstance(one.get("Name"), str)
            or not isinstance(pixel.get("Color"), str)
        ):
            findings.add(
                "LV410",
                line=line,
                pointer=f"/Anomalies/{number}",
                value=f"Anomalies[{number}] lacks Name or PixelAnomaly.Color",
            )
            continue
        area = pixel.get("TotalPercentageArea")
        fraction = float(area) if isinstance(area, (int, float)) and not isinstance(area, bool) else None
        classes.append({"class_name": one["Name"], "color": pixel["Color"], "area_fraction": fraction})
    return classes


def _truth_value(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def _named_by_file(source: Input) -> str | None:
    """`x.jpg.json` holds the answer for x.jpg; a plain name says nothing."""
    name = PurePath(source.origin).name
    stem = name[: -len(".json")] if name.lower().endswith(".json") else ""
    return stem if PurePath(stem).suffix else None


def _read_folder(folder: str, rows: Rows, findings: FindingList) -> None:
    """What the awslabs SDK's batch_predict writes: the image is the file's name without '.json'."""
    names = sorted(
        os.path.relpath(os.path.join(place, name), folder)
        for place, _, files in os.walk(folder)
        for name in files
        if name.lower().endswith(".json") and not name.startswith(".")
    )
    if not names:
        raise FormatError(
            "this folder holds no .json file", path=folder, hint="one IMAGE.json per image, or name a file"
        )
    for number, name in enumerate(names, 1):
        try:
            item = orjson.loads(memoryview(read_source(os.path.join(folder, name))))
        except (orjson.JSONDecodeError, ObjectError) as error:
            findings.add(
                "LV020", line=number, value=f"{name}: {error.message if isinstance(error, ObjectError) else error.msg}"
            )
            continue
        if not isinstance(item, dict):
            findings.add("LV026", line=number, value=f"{name}: no object")
            continue
        image = image_of(item) or name[: -len(".json")].replace(os.sep, "/")
        add_answer(item, image, number, rows, findings)


def has_score_or_class(item: Mapping[str, Any]) -> bool:
    """Does an object carry a class or score under one of the known names?"""
    return find(item, CLASS_NAMES + SCORE_NAMES) is not None


FORMAT = PredictionFormat(
    "detect", "saved DetectAnomalies answers: JSON Lines, an array, or a folder of IMAGE.json", sniff, read
)
