"""lvtools filter: take the lines that meet conditions. Exit 0, or 2 when the work could not be done."""

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
from lvtools.findings import PROFILES
from lvtools.manifest import filter_manifest
from lvtools.manifest.edit.lines import OnBroken


@click.command("filter", short_help="Take the lines of a manifest that meet conditions.")
@click.argument("manifest")
@output_option
@in_place_option
@click.option("--labeled/--unlabeled", default=None, help="Only labeled, or only unlabeled images.")
@click.option("--anomaly-class", type=click.Choice(["normal", "anomaly"]), help="Only images of that class.")
@click.option("--class", "class_name", metavar="NAME", help="Only images of that class, whatever its name.")
@click.option("--before", metavar="DATE", help="Only images labeled before that time (2024-05-01, 2024-05-01T08:00).")
@click.option("--after", metavar="DATE", help="Only images labeled after that time.")
@click.option("--contains", metavar="TEXT", help="Only images with this in source-ref; capitals count.")
@click.option(
    "--profile",
    type=click.Choice(["auto", *PROFILES]),
    default="auto",
    show_default=True,
    help="Whose rules to read by.",
)
@click.option("--attribute", metavar="NAME", help="The label attribute that gives the class, when lines have several.")
@broken_option
@dry_run_option
@progress_option
def command(
    manifest: str,
    output: str | None,
    in_place: bool,
    labeled: bool | None,
    anomaly_class: str | None,
    class_name: str | None,
    before: str | None,
    after: str | None,
    contains: str | None,
    profile: str,
    attribute: str | None,
    on_broken: OnBroken,
    dry_run: bool,
    **options: bool | None,
) -> int:
    """Take the lines of MANIFEST that meet all conditions, byte for byte: those of ListDatasetEntries."""
    where = None
    if class_name is not None:
        import pyarrow.compute as pc

        where = pc.field("class_name") == class_name
    dest = destination(manifest, output, in_place)
    with progress(manifest, options["progress"]) as tell:
        report = filter_manifest(
            manifest, None if dry_run else dest, labeled=labeled, anomaly_class=anomaly_class, before=before,
            after=after, source_ref_contains=contains, where=where, profile=profile, attribute=attribute,
            on_broken=on_broken, on_progress=tell,
        )  # fmt: skip
    say(f"{report.kept:,} of {report.lines:,} lines {'would be kept' if dry_run else f'kept{shown(dest)}'}")
    return 0
