"""The slow truth about manifests: plain Python, nothing shared with lvtools. Reviewers look here first."""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 64
MAX_LINE_CHARS = 100_000
BOM = b"\xef\xbb\xbf"
BLANK = b" \t\r\n"


class Refused(ValueError):
    """The text is not what RFC 8259 and our limits allow."""


def _constant(word: str) -> Any:
    raise Refused(f"{word} is no JSON number")


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise Refused(f"{text} is too large")
    return value


def _integer(text: str) -> int | float:
    # orjson holds 64 bits exactly and gives a float beyond them; so do we.
    if len(text) < 25 and -(2**63) <= int(text) < 2**64:
        return int(text)
    return _number(text)


def _check(value: Any, depth: int) -> None:
    if isinstance(value, str):
        if any(0xD800 <= ord(sign) <= 0xDFFF for sign in value):
            raise Refused("half of a surrogate pair")
    elif isinstance(value, (list, dict)):
        if depth >= MAX_DEPTH:
            raise Refused("nested too deep")
        for one in value.values() if isinstance(value, dict) else value:
            _check(one, depth + 1)
        for key in value if isinstance(value, dict) else ():
            _check(key, depth)


def strict_json(data: bytes) -> tuple[Any, list[str]]:
    """(value, names that stand twice in an object) of one JSON text, or Refused."""
    twice: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in items]
        twice.extend(name for index, name in enumerate(names) if name in names[:index])
        for _, value in items:
            _check(value, MAX_DEPTH - 1) if isinstance(value, str) else None
        return dict(items)

    try:
        value = json.loads(
            data.decode("utf-8", "strict"),
            parse_constant=_constant,
            parse_float=_number,
            parse_int=_integer,
            object_pairs_hook=pairs,
        )
    except RecursionError:
        raise Refused("nested too deep") from None
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError
        raise Refused(str(error)) from None
    _check(value, 0)
    return value, twice


def judge(data: bytes) -> tuple[Any, str]:
    """(value, "") or (None, why it is refused)."""
    try:
        return strict_json(data)[0], ""
    except Refused as refusal:
        return None, str(refusal) or "refused"


def positions(data: bytes) -> dict[tuple[str | int, ...], tuple[int, int, int | None]]:
    """Path of every member -> (start, end, start of its key or None), by descent; `data` is known to be sound."""
    found: dict[tuple[str | int, ...], tuple[int, int, int | None]] = {}

    def blank(at: int) -> int:
        while data[at : at + 1] in (b" ", b"\t", b"\r", b"\n"):
            at += 1
        return at

    def string(at: int) -> int:
        at += 1
        while data[at] != ord('"'):
            at += 2 if data[at] == ord("\\") else 1
        return at + 1

    def value(at: int, path: tuple[str | int, ...], key: int | None) -> int:
        at = start = blank(at)
        sign = data[at : at + 1]
        if sign in (b"{", b"["):
            at = blank(at + 1)
            index = 0
            while data[at : at + 1] not in (b"}", b"]"):
                if sign == b"{":
                    name_at, at = at, string(at)
                    name = json.loads(data[name_at:at])
                    at = blank(at) + 1  # the colon
                    at = value(at, (*path, name), name_at)
                else:
                    at = value(at, (*path, index), None)
                    index += 1
                at = blank(at)
                if data[at : at + 1] == b",":
                    at = blank(at + 1)
            at += 1
        elif sign == b'"':
            at = string(at)
        else:
            while data[at : at + 1] not in (b"", b",", b"]", b"}", b" ", b"\t", b"\r", b"\n"):
                at += 1
        for deeper in [one for one in found if one[: len(path)] == path and len(one) >= len(path)]:
            if found[deeper][0] < start:
                del found[deeper]  # of equal keys the last counts, with all that is in it
        found[path] = (start, at, key)
        return at

    value(0, (), None)
    return found


def lines(data: bytes) -> list[tuple[int, bytes]]:
    """(offset, bytes) of every line, its line end included."""
    found, at = [], 0
    while at < len(data):
        cut = data.find(b"\n", at)
        end = len(data) if cut < 0 else cut + 1
        found.append((at, data[at:end]))
        at = end
    return found


def place(data: bytes, position: int) -> tuple[int, int, int]:
    """(line, column, byte offset) of a byte of a file; columns count bytes from 1."""
    before = data[:position]
    return before.count(b"\n") + 1, position - (before.rfind(b"\n") + 1) + 1, position


def class_name(line: dict[str, Any], profile: str) -> str | None:
    """What an image is: the class-name of the first classification that is no prediction."""
    for key in line:
        metadata = line.get(key + "-metadata")
        if key == "source-ref" or key.endswith("-detected") or not isinstance(metadata, dict):
            continue
        if metadata.get("type") == "groundtruth/image-classification":
            name = metadata.get("class-name")
            if not isinstance(name, str) or not name:
                return None
            if profile not in ("lookoutvision", "marketplace"):
                return name
            plain = name.strip().casefold()
            return plain if plain in ("normal", "anomaly") else None
    return None


def source_ref(line: dict[str, Any]) -> str | None:
    ref = line.get("source-ref")
    return ref if isinstance(ref, str) and ref.strip() else None


def mask_ref(line: dict[str, Any]) -> str | None:
    for key in line:
        metadata = line.get(key + "-metadata")
        if isinstance(metadata, dict) and metadata.get("type") == "groundtruth/semantic-segmentation":
            ref = line[key]
            return ref if isinstance(ref, str) and ref.strip() else None
    return None


def boxes(line: dict[str, Any]) -> list[tuple[Any, float, float, float, float]] | None:
    """(class name, left, top, width, height) of every box of a line made by our strategies."""
    found = None
    for key in line:
        metadata = line.get(key + "-metadata")
        if isinstance(metadata, dict) and metadata.get("type") == "groundtruth/object-detection":
            found = found or []
            for box in line[key]["annotations"]:
                sides = (float(box[side]) for side in ("left", "top", "width", "height"))
                found.append((metadata["class-map"].get(str(box["class_id"])), *sides))
    return found


def box_fault(box: dict[str, float], width: float, height: float) -> str | None:
    """Rekognition's word on one box in an image of width x height."""
    right, bottom = box["left"] + box["width"], box["top"] + box["height"]
    if box["left"] < 0 or box["top"] < 0 or box["width"] < 0 or box["height"] < 0:
        return "ERROR_INVALID_BOUNDING_BOX"
    if right > width or bottom > height:
        return "ERROR_INVALID_BOUNDING_BOX"
    longest = max(width, height)
    scale = 1280 / longest if longest > 1280 else 1
    if not (box["width"] * scale > 1 and box["height"] * scale > 1):
        return "ERROR_BOUNDING_BOX_TOO_SMALL"
    return None
