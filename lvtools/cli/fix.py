"""lvtools fix: mend what is wrong with a manifest. Exit 0 no errors are left, 1 some are, 2 could not work."""

from __future__ import annotations

import click

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
from lvtools.findings import PROFILES
from lvtools.findings.render import render_text
from lvtools.manifest import fix_manifest
from lvtools.manifest.edit.repairs import LINE_REPAIRS, VALUE_REPAIRS


def _list(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    known = {*LINE_REPAIRS, *((one.code, one.safe, one.about) for one in VALUE_REPAIRS)}
    for code, safe, about in sorted(known, key=lambda one: (not one[1], one[0])):
        click.echo(f"{code} {'safe  ' if safe else 'unsafe'} {about}")
    ctx.exit()


@click.command("fix", short_help="Mend what is wrong with a manifest.")
@click.argument("manifest")
@output_option
@in_place_option
@click.option("--unsafe", is_flag=True, help="Also make repairs that decide something for you; look at --list.")
@click.option("--prefix", metavar="S3_URI", help="Put relative references under s3://bucket/folder.")
@click.option("--drop-broken", is_flag=True, help="Move lines that cannot be read to OUT.rejected (--unsafe does so).")
@click.option("--rejected", metavar="FILE", help="Where such lines go instead of OUT.rejected.")
@click.option(
    "--profile",
    type=click.Choice(["auto", *PROFILES]),
    default="auto",
    show_default=True,
    help="Whose rules to mend by.",
)
@dry_run_option
@click.option("--all", "everything", is_flag=True, help="With --dry-run: show every repair, not a few per code.")
@progress_option
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="List the repairs.")
def command(
    manifest: str,
    output: str | None,
    in_place: bool,
    unsafe: bool,
    prefix: str | None,
    drop_broken: bool,
    rejected: str | None,
    profile: str,
    dry_run: bool,
    everything: bool,
    **options: bool | None,
) -> int:
    """Mend what can be mended in MANIFEST, and say what is left.

    Only the bytes of what is mended change. Without -o or --in-place the result goes to standard output.

    Exit codes: 0 no errors are left, 1 errors are left (the result is written all the same), 2 could not work.
    """
    dest = destination(manifest, output, in_place)
    with progress(manifest, options["progress"]) as tell:
        report = fix_manifest(
            manifest, dest, unsafe=unsafe, profile=profile, prefix=prefix, drop_broken=drop_broken, rejected=rejected,
            dry_run=dry_run, on_progress=tell,
        )  # fmt: skip
    count = report.repairs.num_rows
    if dry_run:
        click.echo(report.to_text(everything=everything), nl=False)
    did = "would be made" if dry_run else "made"
    say(f"{plural(count, 'repair')} {did}" + ("" if dry_run else shown(dest)) if count else "nothing to mend")
    if report.rejected:
        where = f" to {report.rejected_to}" if report.rejected_to else ""
        say(f"{lines(report.rejected.count(bytes([10])))} {'would be moved' if dry_run else 'moved'} out{where}")
    if report.errors:
        errors = report.findings.filter(_is_error(report.findings))
        click.echo(render_text(errors), nl=False, err=True)
        more = "" if unsafe else "; lvtools fix --unsafe may cure some"
        say(f"{plural(report.errors, 'error')} left{more}")
    return int(report.errors > 0)


def _is_error(findings: object) -> object:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.equal(findings["severity"].cast(pa.string()), "error")  # type: ignore[index]
