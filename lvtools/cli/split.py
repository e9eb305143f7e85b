"""lvtools split: divide a manifest into training and test, or folds. Exit 0, or 2 when the work could not be done."""

from __future__ import annotations

import re

import click

from lvtools.cli.editing import broken_option, dry_run_option, lines, progress, progress_option, say
from lvtools.cli.terminal import printable
from lvtools.manifest import split_manifest
from lvtools.manifest.edit.lines import OnBroken
from lvtools.manifest.edit.split import STRATA, Split

_SHOWN = 8
_SUFFIX = re.compile(r"(\.(?:manifest|jsonl|ndjson|json|txt))?(\.gz|\.zst)?\Z", re.IGNORECASE)


class _Share(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4
    name = "SHARE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | int:
        text = str(value).strip()
        try:
            if text.endswith("%"):
                return float(text[:-1]) / 100
            return int(text) if text.isdigit() else float(text)
        except ValueError:
            self.fail(f"{text!r} is no share: write 0.2, 20% or a number of lines", param, ctx)


@click.command("split", short_help="Divide a manifest into training and test, or into folds.")
@click.argument("manifest")
@click.option(
    "-o", "--output", "stem", metavar="STEM", help="Write STEM.train.manifest, ... (default: beside MANIFEST)."
)
@click.option("--test", type=_Share(), default="0.2", show_default=True, help="A share (0.2, 20%) or a number.")
@click.option("--folds", type=int, metavar="K", help="Make K folds instead, each with training and test.")
@click.option(
    "--by",
    type=click.Choice([*(name.replace("_", "-") for name in STRATA), "none"]),
    default="class-name",
    show_default=True,
    help="What to spread evenly.",
)
@click.option(
    "--group", metavar="REGEX", help="Keep images together whose source-ref gives the same match (or first group)."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed, another division.")
@click.option("--attribute", metavar="NAME", help="The label attribute that gives the class, when lines have several.")
@click.option("--force", is_flag=True, help="Write over files that exist.")
@broken_option
@dry_run_option
@progress_option
def command(
    manifest: str,
    stem: str | None,
    test: float | int,
    folds: int | None,
    by: str,
    group: str | None,
    seed: int,
    attribute: str | None,
    force: bool,
    on_broken: OnBroken,
    dry_run: bool,
    **options: bool | None,
) -> int:
    """Divide MANIFEST so that every line is in one part and no image in two.

    Counts per class are exact. The division follows from the seed and the images' names: the order of lines and the
    machine play no part.
    """
    found = _SUFFIX.search(manifest)
    suffix = (found[1] or ".manifest") + (found[2] or "") if found else ".manifest"
    if stem is None:
        if manifest == "-":
            raise click.UsageError("standard input has no name: give --output STEM")
        stem = manifest[: found.start()] if found else manifest
    with progress(manifest, options["progress"]) as tell:
        split = split_manifest(
            manifest, stem, test=test, by=None if by == "none" else by.replace("-", "_"), group=group, folds=folds,
            seed=seed, attribute=attribute, on_broken=on_broken, suffix=suffix, overwrite=force, dry_run=dry_run,
            on_progress=tell,
        )  # fmt: skip
    click.echo(_table(split), nl=False)
    for warning in split.warnings:
        say(warning)
    say(f"{lines(split.lines)} {'would go' if dry_run else 'went'} to {_listed(split.written)}")
    return 0


def _listed(names: tuple[str, ...]) -> str:
    """Names of files; of many the first and the last."""
    if len(names) <= _SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[:2])}, … {names[-1]} ({len(names):,} files)"


def _table(split: Split) -> str:
    """Lines per class and part."""
    strata = sorted({name for counts in split.counts.values() for name in counts})
    head = ["", *split.counts, "all"]
    numbers = {name: [counts.get(name, 0) for counts in split.counts.values()] for name in strata}
    if len(strata) > 1:
        numbers["all"] = [sum(counts.values()) for counts in split.counts.values()]
    rows = [[printable(name), *(f"{count:,}" for count in (*counts, sum(counts)))] for name, counts in numbers.items()]
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    return "".join(
        f"{row[0]:{widths[0]}}"
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        + "\n"
        for row in [head, *rows]
    )
