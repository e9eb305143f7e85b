"""Captures of the edge runtime (AWS's DefectDetectionApplication): a JSON object per frame, results as base64 JSON.

Its 'Confidence' is that of the decision, its 'Anomaly_score' is 0.0 in every capture seen, and so is not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pyarrow as pa

from lvtools.findings import FindingList
from lvtools.formats.fields import ANOMALY, NORMAL, decode_base64, score_of, share_of
from lvtools.formats.registry import Input, Mask, PredictionFormat, Rows

INPUTS, OUTPUTS = "deviceFleetAuxiliaryInputs", "deviceFleetAuxiliaryOutputs"
RESULT = "Inference result"
_CLASSES = {"anomaly": ANOMALY, "anomalous": ANOMALY, "normal": NORMAL}


def sniff(source: Input) -> bool:
    """The inputs and outputs of a device fleet."""
    return source.first is not None and INPUTS in source.first


def read(source: Input, findings: FindingList) -> pa.Table:
    """A row per captured frame."""
    rows = Rows()
    for line, item in source.items(findings):
        _add_frame(item, line, rows, findings)
    return rows.table()


def _add_frame(item: Mapping[str, Any], line: int, rows: Rows, findings: FindingList) -> None:
    image = next((one["data-ref"] for one in _dicts(item.get(INPUTS)) if isinstance(one.get("data-ref"), str)), None)
    if image is None:
        findings.add("LV411", line=line)
        return
    facts: dict[str, Any] = {}
    mask = None
    for number, one in enumerate(_dicts(item.get(OUTPUTS))):
        if "mask" in str(one.get("observedContentType")) and isinstance(one.get("data-ref"), str):
            mask = Mask(ref=one["data-ref"])  # named .jpg, yet a PNG: bytes decide, not names
        if isinstance(one.get("data"), str) and "json" in str(one.get("observedContentType")):
            unpacked = _unpacked(one["data"])
            if unpacked is None:
                findings.add(
                    "LV410",
                    line=line,
                    pointer=f"/{OUTPUTS}/{number}/data",
                    value=f"output {number} is no base64 of JSON",
                )
                continue
            facts.update(unpacked)
    result = facts.get(RESULT)
    class_name = _CLASSES.get(result.casefold()) if isinstance(result, str) else None
    if class_name is None:
        status = facts.get("Error msg") or facts.get("Inference status")
        said = f" ({status})" if isinstance(status, str) and status != "success" else ""
        findings.add("LV405", line=line, value=f"{RESULT!r} is {result!r}{said}")
        return
    confidence = share_of(facts.get("Confidence"), "Confidence", findings, line)
    rows.add(image, class_name, score_of(class_name, confidence), line, mask, color_classes(facts.get("anomalies")))


def color_classes(mapping: object) -> list[dict[str, Any]] | None:
    """A color map of AWS's successor, index to name, colour and area; the keys' order is that of the file."""
    if not isinstance(mapping, dict):
        return None
    classes = []
    for one in mapping.values():
        name = (one.get("class-name") or one.get("name")) if isinstance(one, dict) else None
        if isinstance(name, str) and isinstance(one.get("hex-color"), str):
            area = one.get("total-percentage-area")
            fraction = float(area) if isinstance(area, (int, float)) and not isinstance(area, bool) else None
            classes.append({"class_name": name, "color": one["hex-color"], "area_fraction": fraction})
    return classes or None


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _unpacked(text: str) -> dict[str, Any] | None:
    data = decode_base64(text)
    try:
        value = orjson.loads(data) if data is not None else None
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


FORMAT = PredictionFormat("edge", "captures of the edge runtime, JSON Lines", sniff, read)
