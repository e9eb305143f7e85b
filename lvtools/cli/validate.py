"""lvtools validate: report what a service would refuse and what users trip over.

Exit 0: clean, or warnings only. 1: errors. 2: could not look.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import click
import orjson
import pyarrow as pa

from lvtools import __version__
from lvtools.cli.editing import progress as reading
from lvtools.cli.editing import say
from lvtools.cli.terminal import counting, printable, wants_progress
from lvtools.errors import ArgumentError
from lvtools.findings import PROFILES, code_counts, count_by_severity
from lvtools.findings.excerpt import Excerpt, excerpts
from lvtools.findings.render import render_text, summary
from lvtools.findings.streams import FORMATS, Stream, stream_of
from lvtools.manifest.parts import file_of
from lvtools.validation import rekognition_summary, validate_manifest

KEPT = 1000  # findings of each code at hand for the text, which shows a few and the lines of more


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
@click.option(
    "--pair", is_flag=True, help="The second MANIFEST is the test set of the first: no image may stand in both."
)
@click.option(
    "--all", "everything", is_flag=True, help="Text: print every finding, in the order of the file. Other formats do."
)
@click.option(
    "--max-findings",
    "most",
    type=click.IntRange(min=0),
    metavar="N",
    help="Print the first N findings of each rule and count the others (text: 5 errors, 3 warnings, 1 remark).",
)
@click.option(
    "--progress/--no-progress", default=None, help="Show progress on standard error (default: on a terminal)."
)
def command(
    manifests: tuple[str, ...],
    profile: str,
    images: str | None,
    summary_dir: str | None,
    form: str,
    pair: bool,
    everything: bool,
    most: int | None,
    progress: bool | None,
) -> int:
    """Report everything that is wrong with each MANIFEST, in one pass, in memory that does not grow with the faults.

    A MANIFEST is a path, an s3:// URI, or - for standard input. Findings have line, column, a stable code and a hint;
    `lvtools rules` explains the codes.

    With --images, s3://bucket/a/b.png is looked for as ROOT/bucket/a/b.png, ROOT/a/b.png, then ROOT/b.png. Nothing
    outside ROOT is read. With --summary-dir or --pair the first MANIFEST is the training set, a second one the test
    set.

    Exit codes: 0 clean or warnings only, 1 errors, 2 could not look.
    """
    if everything and most is not None:
        raise ArgumentError("--all and --max-findings contradict each other", hint="give one of them")
    if summary_dir is not None:
        _write_summary(manifests, profile, images, summary_dir)
    if pair and (len(manifests) != 2 or "-" in manifests):
        raise ArgumentError("--pair needs two manifest files", hint="the training set, then the test set")
    look = _Look(profile, images, progress, None)
    first, *others = manifests
    looks = [(look, first), *((look._replace(training=first if pair else None), one) for one in others)]
    if form == "text" and not everything:
        return max([_print_text(look, manifest, most) for look, manifest in looks])
    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    stream = stream_of(form, __version__, color=color)
    worst = max([_print_stream(look, manifest, most, stream, form, color) for look, manifest in looks])
    _put(stream.end())
    if stream.unlisted and form != "text":
        say(f"{stream.unlisted.total():,} findings are not listed; without --max-findings they are")
    return worst


def _write_summary(manifests: tuple[str, ...], profile: str, images: str | None, folder: str) -> None:
    if profile != "rekognition" or len(manifests) > 2 or "-" in manifests:
        raise ArgumentError(
            "--summary-dir needs --profile rekognition and one or two manifest files",
            hint="the first is the training set, the second the test set",
        )
    testing = manifests[1] if len(manifests) == 2 else None
    rekognition_summary(manifests[0], folder, testing=testing, objects=images)


class _Look(NamedTuple):
    """How to look at each manifest."""

    profile: str
    images: str | None
    progress: bool | None
    training: str | None

    def at(self, manifest: str, most: int | None, on_findings: Callable[[pa.Table], None] | None = None) -> pa.Table:
        """The findings, with a bar for the manifest and then one for its images."""
        mixed = on_findings is not None and sys.stdout.isatty()  # a bar among the findings is of no use
        with _Bars(manifest, False if mixed else self.progress) as bars:
            return validate_manifest(
                manifest, profile=self.profile, objects=self.images, max_findings=most, on_findings=on_findings,
                on_progress=bars.reading(), on_image=bars.looking(),
                training=self.training,
            )  # fmt: skip


class _Bars(ExitStack):
    """A bar for the bytes of a manifest, whose place one for its entries takes when their images' turn comes."""

    def __init__(self, manifest: str, progress: bool | None) -> None:
        super().__init__()
        self._manifest, self._option = manifest, progress
        self._image: Callable[..., None] | None = None

    def reading(self) -> Callable[[int], None] | None:
        """Tells of bytes; None when nobody looks."""
        return self.enter_context(reading(self._manifest, self._option))

    def looking(self) -> Callable[[int, int], None] | None:
        """Tells of entries; None when nobody looks."""
        return self._tell if wants_progress(self._option) and sys.stderr.isatty() else None

    def _tell(self, done: int, total: int) -> None:
        if self._image is None:
            self.close()
            self._image = self.enter_context(counting(os.path.basename(self._manifest) or self._manifest, True, total))
        if self._image is not None:
            self._image(done, total)


def _mendable(findings: pa.Table) -> bool:
    """Does `lvtools fix` know a cure for a finding?"""
    from lvtools.manifest.edit.repairs import LINE_REPAIRS, VALUE_REPAIRS

    codes = {repair.code for repair in VALUE_REPAIRS if repair.safe} | {code for code, safe, _ in LINE_REPAIRS if safe}
    return not codes.isdisjoint(code_counts(findings))


@contextmanager
def _excerpts(manifest: str) -> Iterator[Excerpt | None]:
    """Excerpts of a file as it lies on the disk; of streams, buckets and packed files there are none."""
    name = file_of(manifest)
    if name is None:
        yield None
        return
    with open(name, "rb") as stream:
        yield excerpts(stream, shutil.get_terminal_size().columns - 4)


def _put(pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        sys.stdout.buffer.write(piece)


def _print_stream(look: _Look, manifest: str, most: int | None, stream: Stream, form: str, color: bool) -> int:
    """Write findings as they come; none is held."""
    table = look.at(manifest, most, lambda found: _put(stream.add(found)))
    _put(stream.close(table))
    if form == "text":
        sys.stdout.buffer.write(("\n" * bool(code_counts(table)) + _verdict(table, manifest, color)).encode())
    return int(count_by_severity(table)["error"] > 0)


def _print_text(look: _Look, manifest: str, most: int | None) -> int:
    table = look.at(manifest, max(most or 0, KEPT))
    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    with _excerpts(manifest) as excerpt:
        text = render_text(table, color=color, excerpt=excerpt, shown=most)
    more = "    more: --all prints every finding on a line; --format jsonl is for programs\n"
    shortened = "\n    … and " in text
    click.echo(text + "\n" * bool(text) + _verdict(table, manifest, color) + more * shortened, nl=False)
    return int(count_by_severity(table)["error"] > 0)


def _verdict(findings: pa.Table, manifest: str, color: bool) -> str:
    """What to make of it all, and what to do next."""
    facts = {key.decode(): value.decode() for key, value in findings.schema.metadata.items()}
    counts = orjson.loads(facts["statistics"])
    why = "as asked" if facts["profile_reason"] == "asked for" else facts["profile_reason"]
    broken = count_by_severity(findings)["error"] > 0
    verdict = "not usable as it is" if broken else "usable"
    if color:
        verdict = f"\x1b[{31 if broken else 32};1m{verdict}\x1b[0m"
    out = [f"{printable(facts['origin'])}: {verdict}: {summary(findings)}\n"]
    if counts["lines"]:
        out.append(f"    {_described(counts)}\n    judged by the rules of {facts['profile']} ({why})\n")
    if manifest != "-" and _mendable(findings):
        out.append(
            f"    next: lvtools fix {printable(shlex.quote(manifest))} --dry-run shows what can be mended by itself\n"
        )
    return "".join(out)


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
