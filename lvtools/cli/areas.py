"""lvtools areas: pixels per class in mask PNGs.

Exit 0 fine, 1 a mask is unreadable or has unknown colours, 2 could not look, 130 interrupted.

The work is `lvtools.masks.area_tables` and, with --output, `lvtools.write_mask_areas`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import click
import pyarrow as pa

import lvtools
from lvtools.cli.areas_text import remarks, write_text
from lvtools.cli.color_map import alpha_option, color_map_options, read_color_map
from lvtools.cli.editing import say, shown
from lvtools.cli.terminal import counting, printable, wants_progress
from lvtools.compressed import compression_of
from lvtools.dataset import ColorMap
from lvtools.errors import ArgumentError, LvtoolsError, ObjectError
from lvtools.findings import join_findings
from lvtools.findings.streams import stream_of, written
from lvtools.masks import AreaTotals, area_pieces, area_tables, find_masks, journal_of
from lvtools.masks.problems import mask_findings
from lvtools.objects import Objects, is_remote

FORMATS = ("text", "json", "jsonl", "csv", "parquet", "sarif", "github")
_MANIFEST_ENDS = (".manifest", ".jsonl", ".json", ".ndjson")


@click.command(name="areas")
@click.argument("masks", nargs=-1, required=True, metavar="MASK...")
@color_map_options
@alpha_option()
@click.option("--images", metavar="ROOT", help="Where the masks lie that a manifest names: a folder or s3:// prefix.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write a row per mask and class; .csv, .json, .jsonl or .parquet says the format. Survives being interrupted.",
)
@click.option("--resume", is_flag=True, help="Go on with an interrupted run that had the same --output.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="How to print, or to write FILE.  [default: text]")
@click.option("--threads", type=click.IntRange(min=1), help="As many as processors, if not said.")
@click.option("--progress/--no-progress", default=None, help="On standard error; by default only on a terminal.")
@click.pass_context
def command(
    ctx: click.Context,
    masks: tuple[str, ...],
    map_file: str | None,
    pairs: tuple[str, ...],
    alpha: Literal["opaque", "any", "ignore", "error"],
    images: str | None,
    output: str | None,
    resume: bool,
    form: str | None,
    threads: int | None,
    progress: bool | None,
) -> None:
    """Count the pixels of each class in mask PNGs.

    MASK is a file, a folder (all *.png below it), a pattern in quotes ('masks/**/*.png'), an s3:// URI or prefix, or -
    for one PNG on standard input; or a manifest, whose masks are looked for below --images. Without --color-map and
    --class a manifest's own classes count; else the background is what is transparent or white, and other colours are
    named by their hex. The formats sarif and github tell what is wrong with the masks, not their areas.

    Exit codes: 0 fine, 1 a mask cannot be read or has colours of no class, 2 the work could not be done, 130
    interrupted.
    """
    if output == "-":
        output = None
    check_output(output, form, resume)
    color_map = read_color_map(map_file, pairs)
    meant, own_map = meant_masks(masks, images)
    color_map = own_map if color_map is None else color_map
    total = sum(1 for _ in meant()) if wants_progress(progress) else None
    how: dict[str, Any] = {"alpha": alpha, "threads": threads}
    totals = AreaTotals(alpha)
    with telling_how_to_go_on(output), counting("masks", total is not None, total) as how["on_done"]:
        if output is not None:
            totals = lvtools.write_mask_areas(meant(), output, color_map, form=form, resume=resume, **how)
        else:
            print_tables(area_tables(meant(), color_map, **how), form or "text", totals)
    if output is not None or form in (None, "text"):
        write_text(totals)
    remarks(totals)
    if output is not None:
        say(shown(output).removeprefix("; "))
    ctx.exit(1 if totals.unreadable or totals.unknown_px else 0)


def check_output(output: str | None, form: str | None, resume: bool) -> None:
    """Refuse what cannot be meant, before any work."""
    if output is None and resume:
        raise ArgumentError("--resume goes on with an --output", hint="name the FILE of the interrupted run")
    if output is None and form == "parquet":
        raise ArgumentError("Parquet is not for printing", hint="name a file: --output areas.parquet")
    if output is not None and form in ("text", "sarif", "github"):
        raise ArgumentError(
            f"--format {form} is for printing, not for --output",
            hint="csv, json, jsonl, parquet; or use > FILE",
        )


def meant_masks(
    arguments: tuple[str, ...], images: str | None
) -> tuple[Callable[[], Iterator[str | ObjectError]], ColorMap | None]:
    """What lists the masks, anew each time, and the color map of the manifests among the arguments.

    Raises
    ------
    ArgumentError
        Manifests among masks, or without a root: what a file mentions is looked for only where the user says.
    """
    manifests = [argument for argument in arguments if _is_manifest(argument)]
    if not manifests:
        if images is not None:
            raise ArgumentError("--images is for manifests", hint="name the folder as MASK")
        return lambda: find_masks(arguments), None
    if len(manifests) < len(arguments):
        raise ArgumentError("manifests and masks at once", hint="call it once for each")
    if images is None:
        raise ArgumentError(
            f"{manifests[0]}: the masks of a manifest are looked for only where you say",
            hint="--images names the folder or bucket that holds them",
        )
    objects = Objects(images)
    refs: dict[str, None] = {}
    color_map = ColorMap()
    for manifest in manifests:
        data = lvtools.read_manifest(manifest, columns=["mask_ref", "anomaly_classes"])
        refs.update(dict.fromkeys(data.entries["mask_ref"].drop_null().to_pylist()))
        color_map = color_map.merge(data.color_map)
    if not refs:
        raise ObjectError("no line names a mask", path=manifests[0])
    return lambda: _located(refs, objects), color_map or None


def _is_manifest(name: str) -> bool:
    stem = name.rpartition(".")[0] if compression_of(name) else name
    return stem.lower().endswith(_MANIFEST_ENDS)


def _located(refs: Iterable[str], objects: Objects) -> Iterator[str | ObjectError]:
    """Paths and URIs below the root; an error, to be counted like an unreadable mask, for what is not there."""
    seen = set()
    for ref in refs:
        try:
            path = objects.locate(ref)
        except ObjectError as error:
            yield ObjectError(error.message, path=ref)
            continue
        if path is None:
            yield ObjectError(f"is not under {objects.root}", path=ref)
        elif path not in seen:
            seen.add(path)
            yield objects.root.partition("://")[0] + "://" + path if is_remote(objects.root) else path


@contextmanager
def telling_how_to_go_on(output: str | None) -> Iterator[None]:
    """When --output cannot be ended: where the results are kept."""
    try:
        yield
    except (KeyboardInterrupt, LvtoolsError) as error:
        journal = None if output is None else journal_of(output)
        about_it = isinstance(error, LvtoolsError) and error.path == journal
        if journal is not None and not about_it and os.path.exists(journal):
            say(f"what was counted is kept in {journal}")
            click.echo("hint: the same command with --resume goes on from there", err=True)
        raise


def print_tables(tables: Iterator[pa.Table], form: str, totals: AreaTotals) -> None:
    """Print in any format but text, and add up."""
    if form in ("sarif", "github"):
        findings = join_findings(mask_findings(table) for table in _added(tables, totals))
        sys.stdout.buffer.write(written(stream_of(form, lvtools.__version__), [findings]))
    elif form == "text":
        for _ in _added(tables, totals):
            pass
    else:
        terminal = sys.stdout.isatty()
        for piece in area_pieces(form, tables, totals, printable if terminal else str):
            click.echo(piece.decode() if terminal else piece, nl=False)


def _added(tables: Iterator[pa.Table], totals: AreaTotals) -> Iterator[pa.Table]:
    for table in tables:
        totals.add(table)
        yield table
