"""lvtools stats: count what is in a manifest. Exit 0, or 2 when it cannot be read."""

from __future__ import annotations

import click

from lvtools.cli.editing import output_option, progress, progress_option
from lvtools.findings import PROFILES
from lvtools.manifest import manifest_stats
from lvtools.objects import write_object


@click.command("stats", short_help="Count what is in a manifest.")
@click.argument("manifest")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    show_default=True,
    help="How to print it.",
)
@output_option
@click.option(
    "--profile",
    type=click.Choice(["auto", *PROFILES]),
    default="auto",
    show_default=True,
    help="Whose rules to read by.",
)
@click.option("--attribute", metavar="NAME", help="The label attribute that gives the class, when lines have several.")
@progress_option
def command(
    manifest: str, form: str, output: str | None, profile: str, attribute: str | None, **options: bool | None
) -> int:
    """Count images, classes, labels, masks, boxes, dates, jobs, buckets and repeated lines of MANIFEST."""
    with progress(manifest, options["progress"]) as tell:
        stats = manifest_stats(manifest, profile=profile, attribute=attribute, on_progress=tell)
    text = stats.to_json() if form == "json" else (stats.to_html() if form == "html" else stats.to_text()).encode()
    if output is None:
        click.echo(text, nl=False)
    else:
        write_object(output, text)
    return 0
