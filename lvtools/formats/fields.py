"""What users call things: the keys and columns under which predictions keep image, class, score and mask.

Names are compared without case and without '-', '_' and blanks: `source-ref`, `source_ref` and `SourceRef` are one.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from lvtools.findings import FindingList
from lvtools.formats.registry import NO_MASK, Mask

# In the order in which they are tried.
IMAGE_NAMES = ("sourceref", "image", "imageref", "imagefile", "imagepath", "imagename", "imageid", "file", "filename",
               "filepath", "path", "key", "uri", "s3uri")  # fmt: skip
CLASS_NAMES = ("classname", "class", "prediction", "predictedclass", "predictedlabel", "label", "labelname", "truth",
               "truelabel", "trueclass", "isanomalous", "isanomaly", "anomaly")  # fmt: skip
SCORE_NAMES = ("score", "anomalyscore", "predscore", "predictionscore", "probability")
CONFIDENCE_NAMES = ("confidence",)  # of the decision made, so it needs a class beside it
MASK_NAMES = ("anomalymask", "mask", "maskref", "maskfile", "maskpath", "anomalymaskref", "predmask")

NORMAL, ANOMALY = "normal", "anomaly"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BASE64_SIGNS = re.compile(r"[A-Za-z0-9+/_-]*=*\Z")


def plain(name: str) -> str:
    """A name as the lists above spell it."""
    return name.lower().replace("-", "").replace("_", "").replace(" ", "")


def find(names: Iterable[str], wanted: tuple[str, ...]) -> str | None:
    """The first of the wanted names that is there, as it is written there."""
    there: dict[str, str] = {}
    for name in names:
        there.setdefault(plain(name), name)
    return next((there[name] for name in wanted if name in there), None)


def image_of(item: Mapping[str, Any]) -> str | None:
    """The image an object names, or None. Rekognition's {"S3Object": {"Bucket", "Name"}} is understood."""
    there: dict[str, Any] = {}
    for name, value in item.items():
        there.setdefault(plain(name), value)
    for name in IMAGE_NAMES:
        value = there.get(name)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        s3 = value.get("S3Object") if isinstance(value, dict) else None
        if isinstance(s3, dict) and isinstance(s3.get("Bucket"), str) and isinstance(s3.get("Name"), str):
            return f"s3://{s3['Bucket']}/{s3['Name']}"
    return None


def share_of(value: object, name: str, findings: FindingList, line: int) -> float | None:
    """A number in 0..1, or None with a finding; None for None."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            findings.add("LV410", line=line, value=f"{name} is {value!r}, not a number")
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        findings.add("LV410", line=line, value=f"{name} is {_short(value)}, not a number")
        return None
    if not 0 <= value <= 1:  # also NaN
        what = "no number" if math.isnan(value) else "outside 0..1"
        findings.add("LV410", line=line, value=f"{name} {value} is {what}")
        return None
    return float(value)


def score_of(class_name: str | None, confidence: float | None) -> float | None:
    """The anomaly score behind a decision: its confidence when it is 'anomaly', one minus that when it is 'normal'.

    Confidence is that of the decision made, so a normal image of confidence 0.31 scores 0.69 (behaviour of the
    service, 8.2).
    """
    kind = class_name.casefold() if class_name is not None else None
    if confidence is None or kind not in (NORMAL, ANOMALY):
        return None
    return confidence if kind == ANOMALY else 1 - confidence


def are_numbers(values: list[Any]) -> bool:
    """Is this a column of 0 and 1 only?"""
    return bool(seen := {_word(value) for value in values} - {None}) and seen <= {"0", "1"}


def class_names_of(values: list[Any]) -> list[str | None]:
    """Class names of a column: true or 1 is 'anomaly', false or 0 'normal' when the column holds nothing else."""
    seen = {_word(value) for value in values} - {None}
    binary = seen <= {"0", "1"} or seen <= {"true", "false"}
    table = {"1": ANOMALY, "true": ANOMALY, "0": NORMAL, "false": NORMAL} if binary else {}
    return [None if word is None else table.get(word, word) for word in map(_word, values)]


def _word(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str):
        text = value.strip()
        return text.lower() if text.lower() in ("true", "false") else text or None
    return str(value)


def mask_of(value: object, name: str, findings: FindingList, line: int) -> Mask:
    """A mask as it stands in a prediction: bytes, base64 of a PNG (surplus '=' is forgiven), or a path or URI."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return NO_MASK
    if isinstance(value, (bytes, bytearray)):
        if bytes(value[:8]) == PNG_SIGNATURE:
            return Mask(data=bytes(value))
        findings.add("LV410", line=line, value=f"{name} holds {len(value):,} bytes that are no PNG")
        return NO_MASK
    if not isinstance(value, str):
        findings.add("LV410", line=line, value=f"{name} is {_short(value)}, neither base64 of a PNG nor a path")
        return NO_MASK
    text = value.partition(",")[2] if value[:5].lower() == "data:" else value
    if text is value and ("." in text or "://" in text) and len(text) < 4096:  # base64 has no point
        return Mask(ref=text)
    data = decode_base64(text)
    if data is None or data[:8] != PNG_SIGNATURE:
        findings.add("LV410", line=line, value=f"{name} is neither base64 of a PNG nor a path: {_short(value)}")
        return NO_MASK
    return Mask(data=data)


def decode_base64(text: str) -> bytes | None:
    """Base64; line breaks and missing or surplus '=' are forgiven (the edge runtime writes '=='). None: it is none."""
    packed = "".join(text.split())
    if not _BASE64_SIGNS.match(packed):
        return None
    packed = packed.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except binascii.Error:
        return None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
