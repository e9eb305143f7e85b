"""lvtools diff: what differs between two manifests. Exit 0 nothing, 1 something, 2 could not look."""

from __future__ import annotations

import click

from lvtools.cli.editing import progress, progress_option
from lvtools.manifest import diff_manifests


@click.command("diff", short_help="Show what differs between two manifests.")
@click.argument("a")
@click.argument("b")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print it."
)
@click.option("--all", "everything", is_flag=True, help="Show every image, not the first ones of each kind.")
@progress_option
def command(a: str, b: str, form: str, everything: bool, **options: bool | None) -> int:
    """Show what manifest B says other than A: images added, removed, changed, and where in their lines.

    The order of lines and keys, white space and the spelling of numbers make no difference.

    Exit codes: 0 the same, 1 different, 2 could not look.
    """
    if a == b == "-":
        raise click.UsageError("standard input can be read once only")
    with progress((a, b), options["progress"]) as tell:
        diff = diff_manifests(a, b, on_progress=tell)
    if form == "json":
        click.echo(diff.to_json(), nl=False)
        return int(not diff.same)
    click.echo(diff.to_text(everything=everything), nl=False)
    if diff.same:
        click.echo(f"the same: {diff.unchanged:,} images")
    else:
        counts = {"removed": diff.removed, "added": diff.added, "changed": diff.changed, "the same": diff.unchanged}
        click.echo(", ".join(f"{count:,} {word}" for word, count in counts.items()))
    return int(not diff.same)
