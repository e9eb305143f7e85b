"""Words for the findings that the engine makes itself: the common oddities of lines that are otherwise sound.

The kernel gives a code and places; pointer and value come out as `attributes` and `rules` would have written them.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from lvtools._native.manifest_fast import Engine
from lvtools.findings import FindingList
from lvtools.manifest.scan import describe, pointer, quoted

Path = tuple[str | int, ...]
Text = Callable[[int, int], str]
_MAP = "internal-color-map"


def word_finding(
    findings: FindingList, find: tuple[int, int, int, int, int, int, int, int, int, int], engine: Engine, text: Text
) -> None:
    """Add one finding of the kernel (`struct Find` in manifest_base.h) to the list."""
    line, start, at, number, key, index, value_at, value_len, part_at, part_len = find
    name = engine.word(5, key).decode() if key >= 0 else "source-ref"
    value = text(value_at, value_len) if value_at >= 0 else None
    part = text(part_at, part_len) if part_at >= 0 else ""
    path, value = _worded(number, name, index, value, part)
    findings.add(
        f"LV{number}", line=line + 1, column=at - start + 1, byte_offset=at, pointer=pointer(path), value=value
    )


def _worded(number: int, key: str, index: int, value: str | None, part: str) -> tuple[Path, str | None]:
    metadata = f"{key}-metadata"
    if number in (110, 157):
        return (), None
    if number in (118, 125, 127, 129):
        return (metadata,), None
    if number == 121:
        return (metadata, "class-name"), value
    if number == 126:
        return (metadata, "confidence"), describe(orjson.loads(value or "null"))
    if number == 131:
        return (metadata, "creation-date"), value
    if number in (183, 184, 187, 191):
        return _of_map(number, metadata, value, part)
    if number in (152, 153, 154, 156, 158):
        return _of_boxes(number, key, index, value, part)
    if number == 194:
        return (key,), quoted(value or "")
    return (key,), value  # 104, 107, 108, 192: the reference as it stands


def _of_map(number: int, metadata: str, value: str | None, part: str) -> tuple[Path, str | None]:
    if number == 183:
        return (metadata, _MAP), None
    if number == 184:
        return (metadata, _MAP, part, "hex-color"), (value or "").strip('"')
    if number == 187:
        return (metadata, _MAP, part), None
    return (metadata, _MAP, part, "class-name"), value


def _of_boxes(number: int, key: str, index: int, value: str | None, part: str) -> tuple[Path, str | None]:
    if number == 158:
        return (key, "annotations"), None
    if number == 152:
        return (key, "annotations", index, "class_id"), value
    box = orjson.loads(value or "{}")
    if number == 156:
        return (key, "image_size", 0), f"{box['width']} x {box['height']}"
    left, top, width, height = (float(box[side]) for side in ("left", "top", "width", "height"))
    path: Path = (key, "annotations", index)
    if number == 154:
        return path, f"{width:g} x {height:g}"
    size = orjson.loads(part)
    frame = f" in an image of {float(size['width']):g} x {float(size['height']):g}"
    return path, f"left {left:g}, top {top:g}, width {width:g}, height {height:g}{frame}"
