"""lvtools rewrite: move references to another bucket or folder. Exit 0, or 2 when the work could not be done."""

from __future__ import annotations

import re

import click
import orjson

from lvtools.cli.editing import (
    destination,
    dry_run_option,
    in_place_option,
    lines,
    output_option,
    plural,
    progress,
    progress_option,
    say,
    shown,
)
from lvtools.cli.terminal import printable
from lvtools.manifest import rewrite_manifest
from lvtools.objects import read_source


@click.command("rewrite", short_help="Move references to another bucket or folder.")
@click.argument("manifest")
@click.argument("pairs", nargs=-1, metavar="[OLD=NEW]...")
@click.option("--map", "map_file", metavar="FILE", help='The same as JSON: {"s3://old/folder": "s3://new/folder"}.')
@output_option
@in_place_option
@dry_run_option
@progress_option
def command(
    manifest: str,
    pairs: tuple[str, ...],
    map_file: str | None,
    output: str | None,
    in_place: bool,
    dry_run: bool,
    **options: bool | None,
) -> int:
    """Replace the beginnings of references (images and masks) in MANIFEST.

    OLD matches whole segments: s3://a/img matches s3://a/img/1.png, not s3://a/img2/1.png; the longest OLD wins. An
    empty OLD (=s3://bucket/folder) stands for relative references. An OLD that matches nothing is an error.
    """
    mapping = dict(_pair(pair) for pair in pairs) | _from_file(map_file)
    if not mapping:
        raise click.UsageError("name what to replace: s3://old/folder=s3://new/folder")
    dest = destination(manifest, output, in_place)
    with progress(manifest, options["progress"]) as tell:
        report = rewrite_manifest(manifest, mapping, None if dry_run else dest, on_progress=tell)
    if dry_run:
        for number, old, new in report.examples:
            click.echo(printable(f"{report.origin}:{number}"))
            click.echo(printable(f"  - {old}\n  + {new}", keep_newlines=True))
        if sum(report.by_key.values()) > len(report.examples):
            click.echo("…")
    for old, count in report.by_prefix.items():
        say(f"{old or '(relative)'} -> {mapping[old]}: {plural(count, 'reference')}")
    kinds = ", ".join(f"{count:,} {name}" for name, count in report.by_key.items())
    left = f"; {report.untouched:,} references met no prefix" if report.untouched else ""
    broken = f"; {lines(report.broken)} could not be read and stayed" if report.broken else ""
    did = "would change" if dry_run else "changed"
    say(f"{report.changed:,} of {lines(report.lines)} {did} ({kinds}){left}{broken}{'' if dry_run else shown(dest)}")
    return 0


def _pair(text: str) -> tuple[str, str]:
    cuts = [found.start() for found in re.finditer("=", text)]
    if len(cuts) > 1:
        cuts = [cut for cut in cuts if re.match(r"[A-Za-z0-9+.-]+://", text[cut + 1 :])]
    if len(cuts) != 1:
        more = "; use --map FILE where '=' is part of a name" if cuts else ""
        raise click.UsageError(f"{text!r} is not OLD=NEW{more}")
    return text[: cuts[0]], text[cuts[0] + 1 :]


def _from_file(name: str | None) -> dict[str, str]:
    if name is None:
        return {}
    try:
        mapping = orjson.loads(read_source(name))
    except orjson.JSONDecodeError as error:
        raise click.UsageError(f"{name} is no JSON: {error}") from None
    if not isinstance(mapping, dict) or not all(isinstance(new, str) for new in mapping.values()):
        raise click.UsageError(f'{name} must hold {{"s3://old": "s3://new"}}')
    return mapping
