"""The classes that --color-map and --class name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
import orjson

import lvtools
from lvtools.dataset import ColorMap
from lvtools.errors import ArgumentError, FormatError, MaskError
from lvtools.masks import ALPHA_RULES
from lvtools.objects import read_source

_Command = TypeVar("_Command", bound=Callable[..., Any])


def color_map_options(function: _Command) -> _Command:
    """--color-map and --class, as `map_file` and `pairs`: what `read_color_map` takes."""
    add_class = click.option(
        "--class", "pairs", multiple=True, metavar="NAME=#rrggbb", help="A class and its colour; repeatable."
    )
    add_map = click.option("--color-map", "map_file", metavar="FILE", help="A manifest, or JSON {name: '#rrggbb'}.")
    return add_map(add_class(function))


def alpha_option(on_error: str = "or fail where it matters") -> Callable[[_Command], _Command]:
    """--alpha, as `alpha`; `on_error` says what the rule 'error' means to the command."""
    return click.option(
        "--alpha",
        type=click.Choice(ALPHA_RULES),
        default="opaque",
        show_default=True,
        help=f"When a pixel belongs to its colour: alpha >= 128, > 0, always; {on_error}.",
    )


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
