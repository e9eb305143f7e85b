"""lvtools validate: report what a service would refuse and what users trip over.

Exit 0: clean, or warnings only. 1: errors. 2: could not look.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
import orjson
import pyarrow as pa

from lvtools import __version__
from lvtools.cli.editing import progress as reading
from lvtools.cli.terminal import counting, printable, wants_progress
from lvtools.errors import ArgumentError
from lvtools.findings import PROFILES, count_by_severity
from lvtools.findings.excerpt import Excerpt, excerpts
from lvtools.findings.render import FORMATS, github_lines, json_documents, render_text, sarif, summary
from lvtools.manifest.parts import file_of
from lvtools.validation import rekognition_summary, validate_manifest


@click.command("validate", short_help="Report everything that is wrong with a manifest.")
@click.argument("manifests", nargs=-1, required=True, metavar="MANIFEST...")
@click.option(
    "--profile",
    type=click.Choice(["auto", *PROFILES]),
    default="auto",
    show_default=True,
    help="Whose rules to judge by.",
)
@click.option(
    "--images", metavar="ROOT", help="Also look at the images and masks, in this folder or under this s3:// prefix."
)
@click.option(
    "--summary-dir",
    metavar="DIR",
    help="With --profile rekognition: write that service's manifest_summary.json and validation manifests here.",
)
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print the findings."
)
@click.option("--all", "everything", is_flag=True, help="Print every finding, not a few examples per rule.")
@click.option(
    "--progress/--no-progress", default=None, help="Show progress on standard error (default: on a terminal)."
)
def command(
    manifests: tuple[str, ...],
    profile: str,
    images: str | None,
    summary_dir: str | None,
    form: str,
    everything: bool,
    progress: bool | None,
) -> int:
    """Report everything that is wrong with each MANIFEST, in one pass.

    A MANIFEST is a path, an s3:// URI, or - for standard input. Findings have line, column, a stable code and a hint;
    `lvtools rules` explains the codes.

    With --images, s3://bucket/a/b.png is looked for as ROOT/bucket/a/b.png, ROOT/a/b.png, then ROOT/b.png. Nothing
    outside ROOT is read. With --summary-dir the first MANIFEST is the training set, a second one the test set.

    Exit codes: 0 clean or warnings only, 1 errors, 2 could not look.
    """
    if summary_dir is not None:
        _write_summary(manifests, profile, images, summary_dir)
    if form == "text":
        worst = 0
        for manifest in manifests:
            worst = max(worst, _print_text(_validate(manifest, profile, images, progress), everything, manifest))
        return worst
    tables = [_validate(manifest, profile, images, progress) for manifest in manifests]
    if form == "json":
        for piece in json_documents(tables):
            sys.stdout.buffer.write(piece)
    elif form == "sarif":
        sys.stdout.buffer.write(sarif(tables, __version__))
    else:
        for table in tables:
            for line in github_lines(table):
                sys.stdout.write(line)
    return int(any(count_by_severity(table)["error"] for table in tables))


def _write_summary(manifests: tuple[str, ...], profile: str, images: str | None, folder: str) -> None:
    if profile != "rekognition" or len(manifests) > 2 or "-" in manifests:
        raise ArgumentError(
            "--summary-dir needs --profile rekognition and one or two manifest files",
            hint="the first is the training set, the second the test set",
        )
    testing = manifests[1] if len(manifests) == 2 else None
    rekognition_summary(manifests[0], folder, testing=testing, objects=images)


def _validate(manifest: str, profile: str, images: str | None, progress: bool | None) -> pa.Table:
    if images is not None:
        with counting(os.path.basename(manifest) or manifest, wants_progress(progress)) as tell:
            return validate_manifest(manifest, profile=profile, objects=images, on_image=tell)
    with reading(manifest, progress) as tell:
        return validate_manifest(manifest, profile=profile, on_progress=tell)


def _mendable(findings: pa.Table) -> bool:
    """Does `lvtools fix` know a cure for a finding?"""
    from lvtools.manifest.edit.repairs import LINE_REPAIRS, VALUE_REPAIRS

    codes = {repair.code for repair in VALUE_REPAIRS if repair.safe} | {code for code, safe, _ in LINE_REPAIRS if safe}
    return not codes.isdisjoint(findings["code"].unique().to_pylist())


@contextmanager
def _excerpts(manifest: str) -> Iterator[Excerpt | None]:
    """Excerpts of a file as it lies on the disk; of streams, buckets and packed files there are none."""
    name = file_of(manifest)
    if name is None:
        yield None
        return
    with open(name, "rb") as stream:
        yield excerpts(stream, shutil.get_terminal_size().columns - 4)


def _print_text(findings: pa.Table, everything: bool, manifest: str) -> int:
    facts = {key.decode(): value.decode() for key, value in findings.schema.metadata.items()}
    counts = orjson.loads(facts["statistics"])
    errors = count_by_severity(findings)["error"]
    why = "as asked" if facts["profile_reason"] == "asked for" else facts["profile_reason"]
    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    with _excerpts(manifest) as excerpt:
        out = [render_text(findings, color=color, everything=everything, excerpt=excerpt)]
    if out[0]:
        out.append("\n")
    verdict = "not usable as it is" if errors else "usable"
    out.append(f"{printable(facts['origin'])}: {verdict}: {summary(findings)}\n")
    if counts["lines"]:
        out.append(f"    {_described(counts)}\n    judged by the rules of {facts['profile']} ({why})\n")
    if manifest != "-" and _mendable(findings):
        out.append(
            f"    next: lvtools fix {printable(shlex.quote(manifest))} --dry-run shows what can be mended by itself\n"
        )
    click.echo("".join(out), nl=False)
    return int(errors > 0)


def _described(counts: dict[str, int]) -> str:
    words = [f"{counts['lines']:,} line{'s' if counts['lines'] != 1 else ''}", f"{counts['labeled']:,} labeled"]
    if counts["normal"] or counts["anomaly"]:
        words.append(f"{counts['normal']:,} normal and {counts['anomaly']:,} anomaly")
    if counts["masks"]:
        words.append(f"{counts['masks']:,} with a mask")
    if counts["with_boxes"]:
        words.append(f"{counts['with_boxes']:,} with boxes")
    if "images_seen" in counts:
        words.append(f"{counts['images_seen']:,} images and {counts['masks_seen']:,} masks looked at")
    return ", ".join(words)
