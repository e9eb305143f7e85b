"""lvtools fix-mask: give pixels of undeclared colours to the nearest class.

Exit 0: all pixels have a class. 1: some are left, or a mask cannot be read. 2: could not work.
"""

from __future__ import annotations

import json
import os
import posixpath
from collections.abc import Iterator
from typing import Any, NamedTuple

import click

from lvtools.cli.color_map import alpha_option, color_map_options, read_color_map
from lvtools.cli.editing import dry_run_option, plural, progress_option, say
from lvtools.cli.terminal import counting, printable, wants_progress
from lvtools.dataset import ColorMap
from lvtools.errors import ArgumentError, MaskError, ObjectError
from lvtools.masks import AlphaRule, find_masks, fix_mask, write_mask
from lvtools.masks.colors import read_mask_bytes
from lvtools.masks.png import SIGNATURE
from lvtools.objects import is_remote, write_object

_SHOWN = 5  # colours per mask; --all and JSON have the rest


class _Job(NamedTuple):
    name: str
    dest: str | None


@click.command("fix-mask", short_help="Give pixels of undeclared colours to the nearest class.")
@click.argument("masks", nargs=-1, required=True, metavar="MASK...")
@click.option("-o", "--output", metavar="OUT", help="A file for one mask, a folder for several; - for standard output.")
@click.option("-i", "--in-place", is_flag=True, help="Write each result over its mask.")
@color_map_options
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0, max=442),
    metavar="DISTANCE",
    help="The farthest a colour may be, in R, G, B. [default: half the largest distance of two classes]",
)
@alpha_option()
@click.option("--rgb", is_flag=True, help="Write R, G, B as the service did, instead of a palette.")
@click.option("--rewrite", is_flag=True, help="Also write masks anew that need no repair: opaque, and small.")
@dry_run_option
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print."
)
@click.option("--all", "everything", is_flag=True, help="Print every colour, not the first few of each mask.")
@progress_option
def command(
    masks: tuple[str, ...],
    output: str | None,
    in_place: bool,
    map_file: str | None,
    pairs: tuple[str, ...],
    dry_run: bool,
    form: str,
    everything: bool,
    progress: bool | None,
    **options: Any,
) -> int:
    """Give pixels whose colour is of no class to the class of the nearest colour: smoothed edges, JPEG, resizing.

    MASK is a file, a folder (all *.png below it), an s3:// URI, or - for one PNG on standard input; it may be a JPEG or
    BMP in truth, what is written is a PNG. Pixels that are too far from every class keep their colour and are reported.
    A mask that needs no repair is copied as it is, or, with --in-place, left alone; unless --rewrite is given.

    Exit codes: 0 every pixel has a class, 1 some colours are left or a mask cannot be read (the others are written),
    2 could not work.
    """
    color_map = read_color_map(map_file, pairs)
    if not color_map:
        raise click.UsageError("name the declared colours with --color-map or --class")
    if not dry_run and in_place + (output is not None) != 1:
        raise click.UsageError("say where the results go: either -o OUT or --in-place; or look first with --dry-run")
    jobs = list(_jobs(masks, output, in_place, dry_run))
    results = []
    with counting("masks", wants_progress(progress), len(jobs)) as on_done:
        for number, job in enumerate(jobs, start=1):
            results.append(_fix(job, color_map, dry_run=dry_run, **options))
            if on_done is not None:
                on_done(number)
    to_stderr = any(job.dest == "-" for job in jobs)
    if form == "json":
        click.echo(json.dumps({"masks": results}, indent=1), err=to_stderr)  # json's ASCII cannot steer a terminal
    else:
        for result in results:
            _print(result, everything, to_stderr)
        _sum_up(results, dry_run)
    return int(any(result["error"] or result["unknown_px"] for result in results))


def _jobs(masks: tuple[str, ...], output: str | None, in_place: bool, dry_run: bool) -> Iterator[_Job]:
    """The masks, each once, and where their results go; nothing is written before all of them are known."""
    found: dict[str, tuple[str, str]] = {}
    for argument in masks:
        for name in find_masks([argument]):
            real = name if name == "-" or is_remote(name) else os.path.realpath(name)
            inside = os.path.relpath(name, argument) if os.path.isdir(argument) else name.rsplit("/", 1)[-1]
            found.setdefault(real, (name, inside))
    many = len(found) > 1 or any(os.path.isdir(argument) for argument in masks)
    taken: dict[str, str] = {}
    for name, inside in found.values():
        dest = output
        if dry_run:
            dest = None
        elif in_place:
            if name == "-":
                raise click.UsageError("standard input cannot be changed in place")
            dest = name
        elif output is not None and (many or os.path.isdir(output) or output.endswith("/")):
            if output == "-" or os.path.isfile(output):
                raise click.UsageError("-o must be a folder for several masks")
            dest = (posixpath if is_remote(output) else os.path).join(output, "mask.png" if inside == "-" else inside)
        if dest is not None and taken.setdefault(dest, name) != name:
            raise ArgumentError(f"{name} and {taken[dest]} would both be written to {dest}", hint="fix them one by one")
        yield _Job(name, dest)


def _fix(
    job: _Job,
    color_map: ColorMap,
    *,
    dry_run: bool,
    tolerance: float | None,
    alpha: AlphaRule,
    rgb: bool,
    rewrite: bool,
) -> dict[str, Any]:
    """Fix one mask and write it; what was done, as JSON has it. A mask that cannot be read is told, not raised."""
    result: dict[str, Any] = {"mask": job.name, "output": None, "error": None, "fixed_px": 0, "unknown_px": 0}
    try:
        data = bytes(read_mask_bytes(job.name)[0])
        fixed = fix_mask(data, color_map, tolerance=tolerance, alpha=alpha)
    except (MaskError, ObjectError) as error:
        return {**result, "error": error.message}
    facts = {key.decode(): value.decode() for key, value in fixed.report.schema.metadata.items()}
    number = {key: int(facts[key]) for key in ("height", "width", "fixed_px", "unknown_px", "ambiguous_px")}
    needed = rewrite or number["fixed_px"] > 0 or not data.startswith(SIGNATURE)
    dest = job.dest
    if dest is not None and not dry_run and (needed or dest != job.name):
        if not is_remote(dest) and dest != "-" and os.path.dirname(dest):
            os.makedirs(os.path.dirname(dest), exist_ok=True)
        write_object(dest, write_mask(fixed.mask, rgb=rgb) if needed else data)
        result["output"] = dest
    result |= number
    result |= {"alpha": alpha, "tolerance": float(facts["tolerance"]), "colors": fixed.report.to_pylist()}
    return result


def _print(result: dict[str, Any], everything: bool, to_stderr: bool) -> None:
    name = printable(result["mask"])
    if result["error"]:
        click.echo(f"{name}: {printable(result['error'])}", err=True)
        return
    if not result["colors"]:
        click.echo(f"{name}: every pixel has a class", err=to_stderr)
        return
    left = f", {result['unknown_px']:,} left" if result["unknown_px"] else ""
    click.echo(f"{name}: {result['fixed_px']:,} px given a class{left}", err=to_stderr)
    # What is left comes first: it is what the user has to look at.
    colors = sorted(result["colors"], key=lambda one: one["class_name"] is not None)
    shown = colors if everything else colors[:_SHOWN]
    for one in shown:
        became = "kept" if one["class_name"] is None else f"-> {printable(one['class_name'])}"
        place = f"first at row {one['first_row']}, column {one['first_col']}"
        click.echo(
            f"    {one['color']} {became}: {one['area_px']:,} px, {one['distance']:.0f} off, {place}", err=to_stderr
        )
    if len(colors) > len(shown):
        click.echo(f"    ... and {plural(len(colors) - len(shown), 'colour')} more; --all shows them", err=to_stderr)


def _sum_up(results: list[dict[str, Any]], dry_run: bool) -> None:
    fixed, left = (sum(result[key] for result in results) for key in ("fixed_px", "unknown_px"))
    unread = sum(result["error"] is not None for result in results)
    written = sum(result["output"] is not None for result in results)
    words = [f"{plural(len(results), 'mask')}", f"{fixed:,} px {'would be given' if dry_run else 'given'} a class"]
    words += [f"{left:,} px left"] * (left > 0) + [f"{unread:,} unreadable"] * (unread > 0)
    words += [] if dry_run else [f"{written:,} written"]
    say(", ".join(words))
    if left:
        say("colours that are left are declared nowhere, or too far off: see lvtools lint-mask, or raise --tolerance")
