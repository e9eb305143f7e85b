"""The classes that --color-map and --class name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

import lvtools
from lvtools.dataset import ColorMap
from lvtools.errors import ArgumentError, FormatError, MaskError
from lvtools.objects import read_source


def read_color_map(map_file: str | None, pairs: Iterable[str]) -> ColorMap | None:
    """The classes of --color-map and --class together; None when neither was given."""
    found = None if map_file is None else _read_map_file(map_file)
    for pair in pairs:
        name, equals, color = pair.rpartition("=")
        if not equals or not name:
            raise ArgumentError(f"--class {pair!r} has no name and colour", hint="write --class 'crack=#23a436'")
        found = (found or ColorMap()).merge({name: color})
    return found


def _read_map_file(path: str) -> ColorMap:
    data = bytes(memoryview(read_source(path)))
    try:
        content = orjson.loads(data)
    except orjson.JSONDecodeError:
        content = None
    # A manifest of one line is a JSON object, too: what makes it one is the image it names.
    if content is None or (isinstance(content, dict) and "source-ref" in content):
        merged: ColorMap = lvtools.read_manifest(path if path != "-" else data).color_map
        if not merged:
            raise FormatError("no line has a color map", path=path, hint="name the classes with --class")
        return merged
    if isinstance(content, dict):
        content = content.get("internal-color-map", content)
    try:
        return ColorMap(_map_items(content))
    except (MaskError, TypeError, KeyError, AttributeError) as error:
        reason = error.message if isinstance(error, MaskError) else "neither a manifest nor a color map"
        raise FormatError(reason, path=path, hint='a color map is {"crack": "#23a436"}') from None


def _map_items(content: Any) -> list[tuple[str, str | int]]:
    """Pairs of {"name": "#rrggbb"} or of Ground Truth's {"1": {"class-name": ..., "hex-color": ...}}."""
    return [
        (value["class-name"], value["hex-color"]) if isinstance(value, dict) else (key, value)
        for key, value in content.items()
    ]
