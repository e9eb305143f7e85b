"""lvtools areas: pixels per class in mask PNGs.

Exit 0 fine, 1 a mask is unreadable or has unknown colours, 2 could not look.

The work is `lvtools.mask_areas_many`; here its table is added up per class and written as text, JSON or CSV.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypedDict

import click
import numpy as np
import orjson
import pyarrow as pa

import lvtools
from lvtools.cli.terminal import printable, talk, wants_progress
from lvtools.dataset import ColorMap
from lvtools.errors import ArgumentError, FormatError, MaskError, ObjectError
from lvtools.findings.render import github_lines, sarif
from lvtools.masks import ALPHA_RULES, MaskSource
from lvtools.masks.problems import mask_findings
from lvtools.objects import is_remote, read_source

FORMATS = ("text", "json", "csv", "sarif", "github")
MAX_CLASSES_SHOWN = 104  # the colours of the service's own palette; more are a photograph, not a mask
MAX_UNKNOWN_SHOWN = 20  # a photograph has a million; JSON and CSV have them all


class Total(TypedDict):
    """One class, or one unknown colour, over all masks."""

    class_name: str | None
    color: str | None
    area_px: int
    masks: int
    first: tuple[str, int, int] | None


@click.command(name="areas")
@click.argument("masks", nargs=-1, required=True, metavar="MASK...")
@click.option("--color-map", "map_file", metavar="FILE", help="A manifest, or JSON {name: '#rrggbb'}.")
@click.option("--class", "pairs", multiple=True, metavar="NAME=#rrggbb", help="A class and its colour; repeatable.")
@click.option(
    "--alpha",
    type=click.Choice(ALPHA_RULES),
    default="opaque",
    show_default=True,
    help="When a pixel belongs to its colour: alpha >= 128, > 0, always; or fail where it matters.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print.")
@click.option("--progress/--no-progress", default=None, help="On standard error; by default only on a terminal.")
@click.pass_context
def command(
    ctx: click.Context,
    masks: tuple[str, ...],
    map_file: str | None,
    pairs: tuple[str, ...],
    alpha: Literal["opaque", "any", "ignore", "error"],
    form: str,
    progress: bool | None,
) -> None:
    """Count the pixels of each class in mask PNGs.

    MASK is a file, a folder (all *.png below it), an s3:// URI, or - for one PNG on standard input. Without --color-map
    and --class the background is what is transparent or white, and other colours are named by their hex. The formats
    sarif and github tell what is wrong with the masks, not their areas.

    Exit codes: 0 fine, 1 a mask cannot be read or has colours of no class, 2 the work could not be done.
    """
    color_map = read_color_map(map_file, pairs)
    sources = list(find_masks(masks))
    with progress_bar(len(sources), wants_progress(progress)) as on_done:
        table = lvtools.mask_areas_many(sources, color_map, alpha=alpha, on_done=on_done)
    totals = add_up(table)
    if form == "json":
        click.echo(
            json.dumps(as_json(table, totals), indent=1)
        )  # json's ASCII, not orjson: names cannot steer a terminal
    elif form == "csv":
        write_csv(table)
    elif form == "sarif":
        sys.stdout.buffer.write(sarif([mask_findings(table)], lvtools.__version__))
    elif form == "github":
        for line in github_lines(mask_findings(table)):
            click.echo(line, nl=False)
    else:
        write_text(table, totals)
    remarks(table, totals)
    number = numbers_of(table)
    ctx.exit(1 if number["unreadable"] or number["unknown_px"] else 0)


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


def find_masks(arguments: Iterable[str]) -> Iterator[MaskSource]:
    """The masks meant, each once, in the order named; all arguments are looked at before the first mask is.

    Raises
    ------
    ObjectError
        A file or folder is missing, or a folder has no PNG below it.
    """
    seen: set[str] = set()
    found: list[MaskSource] = []
    for argument in arguments:
        if argument == "-":
            inside = ["-"]
        elif is_remote(argument):
            inside = [argument]
        elif os.path.isdir(argument):
            inside = [str(path) for path in sorted(Path(argument).rglob("*")) if _is_png(path)]
            if not inside:
                raise ObjectError("there is no *.png in this folder", path=argument)
        elif os.path.exists(argument):
            inside = [argument]
        else:
            raise ObjectError("there is no such file", path=argument)
        for path in inside:
            real = path if path == "-" or is_remote(path) else os.path.realpath(path)
            if real not in seen:  # a folder and a file in it, or a name given twice: counting it twice helps nobody
                seen.add(real)
                found.append(path)
    yield from found


def _is_png(path: Path) -> bool:
    return path.suffix.lower() == ".png" and not path.is_dir()  # a dangling link stays in, to be reported


@contextmanager
def progress_bar(total: int, shown: bool) -> Iterator[Any]:
    """A function to tell the number of masks done, or None when nobody looks."""
    if not shown:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("masks"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=talk(), transient=True) as bar:
        task = bar.add_task("masks", total=total)
        yield lambda done: bar.update(task, completed=done)


def add_up(table: pa.Table) -> list[Total]:
    """The table's rows per class over all masks: background and classes as first met, then unknown colours by area."""
    totals: dict[tuple[str | None, str | None], Total] = {}
    columns = [table[name].to_pylist() for name in ("class_name", "color", "area_px", "mask", "first_row", "first_col")]
    for name, color, area, mask, row, col in zip(*columns, strict=True):
        if area is None:
            continue
        # A class is one by its name: a transparent background has no colour in one mask and may have one in the next.
        key = (name, None) if name is not None else (None, color)
        new: Total = {"class_name": name, "color": color, "area_px": 0, "masks": 0, "first": None}
        total = totals.setdefault(key, new)
        total["area_px"] += area
        if area:
            total["masks"] += 1
            total["color"] = total["color"] or color
            total["first"] = total["first"] or (mask, row, col)
    known = [total for total in totals.values() if total["class_name"] is not None]
    unknown = [total for total in totals.values() if total["class_name"] is None]
    return known + sorted(unknown, key=lambda total: -total["area_px"])


def numbers_of(table: pa.Table) -> dict[str, int]:
    """The sums over all masks that the table's metadata has."""
    return {key.decode(): int(value) for key, value in (table.schema.metadata or {}).items() if key not in (b"alpha",)}


def single(area_px: int, pixels: int) -> float | None:
    """TotalPercentageArea, or None when no mask could be read."""
    return lvtools.masks.total_percentage_area(area_px, pixels) if pixels else None


def as_json(table: pa.Table, totals: list[Total]) -> dict[str, Any]:
    """All there is to know: sums, classes over all masks, and each mask."""
    number = numbers_of(table)
    pixels = number["pixels"]
    fractions = table["area_fraction"].combine_chunks()
    singles = pa.array(
        fractions.to_numpy(zero_copy_only=False).astype(np.float32), pa.float32(), mask=_nulls(fractions)
    )
    rows = table.append_column("total_percentage_area", singles).to_pylist()
    return {
        "alpha": table.schema.metadata[b"alpha"].decode(),
        **number,
        "classes": [
            {
                "class_name": total["class_name"],
                "color": total["color"],
                "area_px": total["area_px"],
                "area_fraction": total["area_px"] / pixels,
                "total_percentage_area": single(total["area_px"], pixels),
                "masks": total["masks"],
            }
            for total in totals
        ],
        "areas": rows,
    }


def _nulls(array: pa.Array) -> Any:
    return array.is_null().to_numpy(zero_copy_only=False)


def write_csv(table: pa.Table) -> None:
    """A row per mask and class, RFC 4180; made safe for the eye only when it goes to a terminal."""
    shown = printable if sys.stdout.isatty() else str
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(table.column_names)
    for row in table.to_pylist():
        writer.writerow([shown(value) if isinstance(value, str) else value for value in row.values()])


def write_text(table: pa.Table, totals: list[Total]) -> None:
    """The totals per class: a table on a terminal, aligned text on a pipe."""
    number = numbers_of(table)
    shown = [total for total in totals if total["class_name"] is not None]
    left_out = len(shown) - MAX_CLASSES_SHOWN
    if left_out > 0:
        shown = sorted(shown, key=lambda total: -total["area_px"])[:MAX_UNKNOWN_SHOWN]
        left_out = len(totals) - len(shown)
    lines = [
        (
            printable(str(total["class_name"])),
            total["color"] or "-",
            f"{total['area_px']:,}",
            f"{total['area_px'] / number['pixels']:.4%}",
            f"{total['masks']:,}",
        )
        for total in shown
    ]
    if lines:
        _write_table(("class", "color", "area_px", "percent", "masks"), lines)
    if left_out > 0:
        click.echo(f"... and {left_out:,} more colours: photographs among the masks? --format csv has them all")
    unread = f", {number['unreadable']:,} unreadable" if number["unreadable"] else ""
    alpha = table.schema.metadata[b"alpha"].decode()
    click.echo(
        f"{number['masks']:,} mask{'' if number['masks'] == 1 else 's'}{unread}, {number['pixels']:,} pixels, "
        f"{number['ambiguous_px']:,} ambiguous, {number['unknown_px']:,} unknown; alpha {alpha}"
    )


def _write_table(head: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> None:
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table()
        for place, name in enumerate(head):
            table.add_column(name, justify="left" if place < 2 else "right")
        for line in lines:
            table.add_row(*map(Text, line))  # Text: a class called [bold] is no markup
        Console(highlight=False).print(table)
        return
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    for line in [head, *lines]:
        cells = [
            text.ljust(width) if k < 2 else text.rjust(width)
            for k, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())


def remarks(table: pa.Table, totals: list[Total]) -> None:
    """What the reader of the numbers should know, on standard error."""
    number = numbers_of(table)
    for mask, error in zip(table["mask"].to_pylist(), table["error"].to_pylist(), strict=True):
        if error is not None:
            click.echo(f"lvtools: {printable(mask)}: {printable(error)}", err=True)
    unknown = [total for total in totals if total["class_name"] is None]
    for total in unknown[:MAX_UNKNOWN_SHOWN]:
        place = total["first"]
        at = f"first in {printable(place[0])} at row {place[1]}, column {place[2]}" if place else ""
        click.echo(f"lvtools: {total['color']} is the colour of no class: {total['area_px']:,} px, {at}", err=True)
    if len(unknown) > MAX_UNKNOWN_SHOWN:
        click.echo(
            f"lvtools: and {len(unknown) - MAX_UNKNOWN_SHOWN:,} more colours; --format json has them all", err=True
        )
    if unknown:
        click.echo("hint: was a mask saved as JPEG, or resized with interpolation?", err=True)
    if number["ambiguous_px"]:
        click.echo(
            f"lvtools: {number['ambiguous_px']:,} pixels have the colour of a class but are not fully opaque; "
            "whether they count is for --alpha to say (opaque: alpha >= 128, any: > 0, ignore: all)",
            err=True,
        )
