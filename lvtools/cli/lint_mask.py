"""lvtools lint-mask: report what is wrong with mask PNGs. Exit 0 clean or remarks only, 1 errors, 2 could not look."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import click
import pyarrow as pa

from lvtools import __version__
from lvtools.cli.color_map import alpha_option, color_map_options, read_color_map
from lvtools.cli.terminal import counting, wants_progress
from lvtools.dataset import ColorMap
from lvtools.errors import ArgumentError, ObjectError
from lvtools.findings import FindingList, count_by_severity, join_findings
from lvtools.findings.render import render_text, summary
from lvtools.findings.streams import FORMATS, stream_of, written
from lvtools.masks import AlphaRule, MaskSource, find_masks, lint_mask


@click.command("lint-mask", short_help="Report what is wrong with mask PNGs.")
@click.argument("masks", nargs=-1, required=True, metavar="MASK...")
@color_map_options
@click.option("--image-size", metavar="WIDTHxHEIGHT", help="The size of the images, which all masks must have.")
@alpha_option("error is here the same as any")
@click.option(
    "--speck-px", type=click.IntRange(min=0), default=4, show_default=True, help="Remark on regions up to that small."
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print.")
@click.option("--all", "everything", is_flag=True, help="Print every finding, not a few examples per rule.")
@click.option("--progress/--no-progress", default=None, help="On standard error; by default only on a terminal.")
def command(
    masks: tuple[str, ...],
    map_file: str | None,
    pairs: tuple[str, ...],
    image_size: str | None,
    alpha: AlphaRule,
    speck_px: int,
    form: str,
    everything: bool,
    progress: bool | None,
) -> int:
    """Report what is wrong or odd about mask PNGs: colours of no class and what made them, sizes, transparency.

    MASK is a file, a folder (all *.png below it), an s3:// URI, or - for one PNG on standard input. Without --color-map
    and --class the colours that cover much count as declared.

    Exit codes: 0 clean, or warnings and remarks only, 1 errors, 2 could not look.
    """
    color_map = read_color_map(map_file, pairs)
    size = None if image_size is None else _size(image_size)
    sources: list[MaskSource] = [*find_masks(masks)]
    with counting("masks", wants_progress(progress), len(sources)) as on_done:
        tables = list(_lint(sources, color_map, size, alpha, speck_px, on_done))
    if form != "text":
        sys.stdout.buffer.write(written(stream_of(form, __version__), tables))
    else:
        found = join_findings(tables)
        color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        text = render_text(found, color=color, everything=everything)
        number = f"{len(tables):,} mask{'' if len(tables) == 1 else 's'}"
        click.echo(f"{text}{chr(10) if text else ''}{number}: {summary(found)}")
    return int(any(count_by_severity(table)["error"] for table in tables))


def _size(text: str) -> tuple[int, int]:
    """'640x480' as height and width."""
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise ArgumentError(f"--image-size {text!r} is no size", hint="write WIDTHxHEIGHT, for example 640x480")
    return int(height), int(width)


def _lint(
    sources: list[MaskSource],
    color_map: ColorMap | None,
    size: tuple[int, int] | None,
    alpha: AlphaRule,
    speck_px: int,
    on_done: object,
) -> Iterator[pa.Table]:
    def one(source: MaskSource) -> pa.Table:
        try:
            return lint_mask(source, color_map, image_size=size, alpha=alpha, speck_px=speck_px)
        except ObjectError as error:  # one file that is gone must not hide the others
            findings = FindingList(str(source).encode("utf-8", "backslashreplace").decode())
            findings.add("LV301", value=error.message)
            return findings.table().replace_schema_metadata({"origin": findings.file, "profile": findings.profile})

    pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1)
    try:
        for number, table in enumerate(pool.map(one, sources), start=1):
            yield table
            if callable(on_done):
                on_done(number)
    finally:
        pool.shutdown(cancel_futures=True)
