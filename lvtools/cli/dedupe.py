"""lvtools dedupe: take repeated lines out. Exit 0, or 2 when the work could not be done."""

from __future__ import annotations

import click

from lvtools.cli.editing import (
    broken_option,
    destination,
    dry_run_option,
    in_place_option,
    lines,
    output_option,
    progress,
    progress_option,
    say,
    shown,
)
from lvtools.cli.terminal import printable
from lvtools.manifest import dedupe_manifest
from lvtools.manifest.edit.dedupe import Keep, Same
from lvtools.manifest.edit.lines import OnBroken

_SHOWN = 20


@click.command("dedupe", short_help="Take repeated lines out of a manifest.")
@click.argument("manifest")
@output_option
@in_place_option
@click.option(
    "--same",
    type=click.Choice(["source-ref", "line", "normalized"]),
    default="source-ref",
    show_default=True,
    help="What makes lines the same: the image, all bytes, or the image however it is written (%20, //, ./).",
)
@click.option(
    "--keep",
    type=click.Choice(["first", "last", "newest"]),
    default="first",
    show_default=True,
    help="Which one stays.",
)
@broken_option
@dry_run_option
@progress_option
def command(
    manifest: str,
    output: str | None,
    in_place: bool,
    same: Same,
    keep: Keep,
    on_broken: OnBroken,
    dry_run: bool,
    **options: bool | None,
) -> int:
    """Take repeated lines out of MANIFEST; the others stay where and as they are."""
    dest = destination(manifest, output, in_place)
    with progress(manifest, options["progress"]) as tell:
        report = dedupe_manifest(
            manifest, None if dry_run else dest, same=same, keep=keep, on_broken=on_broken, on_progress=tell,
        )  # fmt: skip
    if dry_run:
        rows = report.removed.to_pylist()
        for row in rows[:_SHOWN]:
            how = "the same as" if row["identical"] else "another version of"
            click.echo(printable(f"- line {row['line']}, {how} line {row['kept_line']}: {row['source_ref']}"))
        if len(rows) > _SHOWN:
            click.echo(f"… and {len(rows) - _SHOWN:,} more")
    gone = report.removed.num_rows
    different = gone - sum(report.removed["identical"].to_pylist())
    note = f" ({different:,} of them not the same as the one kept)" if different else ""
    did = "would be taken out" if dry_run else "taken out"
    say(f"{lines(gone)} {did}{note}, {report.kept:,} left{'' if dry_run else shown(dest)}")
    return 0
