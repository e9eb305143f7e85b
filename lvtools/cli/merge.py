"""lvtools merge: put manifests together. Exit 0, 1 they contradict each other, 2 could not work."""

from __future__ import annotations

import click

from lvtools.cli.editing import (
    broken_option,
    dry_run_option,
    lines,
    output_option,
    plural,
    progress,
    progress_option,
    say,
    shown,
)
from lvtools.cli.terminal import printable
from lvtools.manifest import merge_manifests
from lvtools.manifest.edit.lines import OnBroken
from lvtools.manifest.edit.merge import ON_CONFLICT, ConflictError, OnConflict

_SHOWN = 20


@click.command("merge", short_help="Put manifests together, one line per image.")
@click.argument("manifests", nargs=-1, required=True, metavar="MANIFEST...")
@output_option
@click.option(
    "--on-conflict",
    type=click.Choice(ON_CONFLICT),
    default="error",
    show_default=True,
    help="What to do with two different lines for one image; join puts the attributes of chained jobs in one line.",
)
@broken_option
@dry_run_option
@progress_option
def command(
    manifests: tuple[str, ...],
    output: str | None,
    on_conflict: OnConflict,
    on_broken: OnBroken,
    dry_run: bool,
    **options: bool | None,
) -> int:
    """Put MANIFESTs together by source-ref, in the order given.

    Lines of one image that say the same count once.

    Exit codes: 0 done, 1 lines contradict each other (nothing is written), 2 could not work.
    """
    if manifests.count("-") > 1:
        raise click.UsageError("standard input can be read once only")
    dest = output or "-"
    try:
        with progress(manifests, options["progress"]) as tell:
            report = merge_manifests(
                list(manifests), None if dry_run else dest, on_conflict=on_conflict,
                on_broken=on_broken, on_progress=tell,
            )  # fmt: skip
    except ConflictError as error:
        click.echo(f"lvtools: {printable(error.message, keep_newlines=True)}", err=True)
        click.echo(f"hint: --on-conflict {'|'.join(ON_CONFLICT[1:])}", err=True)
        return 1
    rows = report.conflicts.to_pylist()
    for row in rows[:_SHOWN]:
        kept = {"first": row["first"], "second": row["second"]}.get(row["kept"], row["kept"])
        text = f"{row['second']} and {row['first']} differ in {', '.join(row['keys'][:5])}: kept {kept}"
        click.echo(printable(text), err=not dry_run)
    if len(rows) > _SHOWN:
        click.echo(f"… and {len(rows) - _SHOWN:,} more", err=not dry_run)
    say(
        f"{lines(report.kept)} of {report.lines:,}: {report.same:,} said the same, {plural(len(rows), 'conflict')}"
        + ("" if dry_run else shown(dest))
    )
    return 0
