"""Areas as a person reads them: totals per class, and on standard error what to know about them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from lvtools.cli.editing import plural
from lvtools.cli.terminal import printable
from lvtools.masks import AreaTotals

MAX_CLASSES_SHOWN = 104  # the colours of the service's own palette; more are a photograph, not a mask
MAX_SHOWN = 20  # of unreadable masks and unknown colours: a photograph has a million; JSON and CSV have them all


def write_text(totals: AreaTotals) -> None:
    """The totals per class: a table on a terminal, aligned text on a pipe."""
    classes = totals.classes()
    shown = [total for total in classes if total["class_name"] is not None]
    left_out = len(shown) - MAX_CLASSES_SHOWN
    if left_out > 0:
        shown = sorted(shown, key=lambda total: -total["area_px"])[:MAX_SHOWN]
        left_out = len(classes) - len(shown)
    lines = [
        (
            printable(str(total["class_name"])),
            total["color"] or "-",
            f"{total['area_px']:,}",
            f"{total['area_px'] / totals.pixels:.4%}",
            f"{total['masks']:,}",
        )
        for total in shown
    ]
    if lines:
        _write_table(("class", "color", "area_px", "percent", "masks"), lines)
    if left_out > 0:
        click.echo(f"... and {left_out:,} more colours: photographs among the masks? --format csv has them all")
    unread = f", {totals.unreadable:,} unreadable" if totals.unreadable else ""
    click.echo(
        f"{plural(totals.masks, 'mask')}{unread}, {totals.pixels:,} pixels, "
        f"{totals.ambiguous_px:,} ambiguous, {totals.unknown_px:,} unknown; alpha {totals.alpha}"
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


def remarks(totals: AreaTotals) -> None:
    """What the reader of the numbers should know, on standard error."""
    for mask, error in totals.errors[:MAX_SHOWN]:
        click.echo(f"lvtools: {printable(mask)}: {printable(error)}", err=True)
    if totals.unreadable > MAX_SHOWN:
        click.echo(
            f"lvtools: and {totals.unreadable - MAX_SHOWN:,} more unreadable masks; --format csv has them all", err=True
        )
    unknown = [total for total in totals.classes() if total["class_name"] is None]
    for total in unknown[:MAX_SHOWN]:
        place = total["first"]
        at = f"first in {printable(place[0])} at row {place[1]}, column {place[2]}" if place else ""
        click.echo(f"lvtools: {total['color']} is the colour of no class: {total['area_px']:,} px, {at}", err=True)
    if len(unknown) > MAX_SHOWN:
        click.echo(f"lvtools: and {len(unknown) - MAX_SHOWN:,} more colours; --format json has them all", err=True)
    if unknown:
        click.echo("hint: was a mask saved as JPEG, or resized with interpolation?", err=True)
    if totals.ambiguous_px:
        click.echo(
            f"lvtools: {totals.ambiguous_px:,} pixels have the colour of a class but are not fully opaque; "
            "whether they count is for --alpha to say (opaque: alpha >= 128, any: > 0, ignore: all)",
            err=True,
        )
