"""lvtools upsert: change and add lines by source-ref. Exit 0, or 2 when the work could not be done."""

from __future__ import annotations

import click

from lvtools.cli.editing import (
    broken_option,
    destination,
    dry_run_option,
    in_place_option,
    output_option,
    progress,
    progress_option,
    say,
    shown,
)
from lvtools.cli.terminal import printable
from lvtools.manifest import upsert_manifest
from lvtools.manifest.edit.lines import OnBroken

_SHOWN = 20


@click.command("upsert", short_help="Change and add lines by source-ref.")
@click.argument("base")
@click.argument("changes")
@output_option
@in_place_option
@click.option("--other-buckets", is_flag=True, help="Take images from other buckets than those of BASE.")
@broken_option
@dry_run_option
@progress_option
def command(
    base: str,
    changes: str,
    output: str | None,
    in_place: bool,
    other_buckets: bool,
    on_broken: OnBroken,
    dry_run: bool,
    **options: bool | None,
) -> int:
    """Put the lines of CHANGES into BASE, as UpdateDatasetEntries did.

    A line for an image of BASE replaces its line completely; lines for new images follow behind. One bad line in
    CHANGES, and nothing is written.
    """
    if base == changes == "-":
        raise click.UsageError("standard input can be read once only")
    dest = destination(base, output, in_place)
    with progress(base, options["progress"]) as tell:
        report = upsert_manifest(
            base, changes, None if dry_run else dest, other_buckets=other_buckets, on_broken=on_broken,
            on_progress=tell,
        )  # fmt: skip
    if dry_run:
        for sign, refs in (("~", report.replaced_refs), ("+", report.added_refs)):
            for ref in refs[:_SHOWN]:
                click.echo(printable(f"{sign} {ref}"))
            if len(refs) > _SHOWN:
                click.echo(f"  … and {len(refs) - _SHOWN:,} more")
    void = f"; {report.superseded:,} made void by later ones" if report.superseded else ""
    did = "would be " if dry_run else ""
    say(
        f"{report.replaced:,} {did}replaced, {report.added:,} {did}added, {report.unchanged:,} unchanged{void}"
        + ("" if dry_run else shown(dest))
    )
    return 0
