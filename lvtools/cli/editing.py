"""What the commands that write manifests have in common: where the result goes, progress, and words."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from lvtools.cli.terminal import printable, talk, wants_progress
from lvtools.objects import is_packed

_Command = TypeVar("_Command", bound=Callable[..., Any])
_LARGE_BYTES = 8 * 2**20  # smaller files are done before a bar could be read


def output_option(function: _Command) -> _Command:
    """`-o`."""
    return click.option(
        "-o", "--output", metavar="OUT", default=None,
        help="A path, an s3:// URI, or - for standard output (the default). Names in .gz or .zst are packed.",
    )(function)  # fmt: skip


def in_place_option(function: _Command) -> _Command:
    """`--in-place`."""
    return click.option("-i", "--in-place", is_flag=True, help="Write the result over the manifest itself.")(function)


def dry_run_option(function: _Command) -> _Command:
    """`--dry-run`."""
    return click.option("-n", "--dry-run", is_flag=True, help="Show what would change; write nothing.")(function)


def progress_option(function: _Command) -> _Command:
    """`--progress`."""
    return click.option(
        "--progress/--no-progress", default=None, help="Show progress on standard error (default: on a terminal)."
    )(function)


def broken_option(function: _Command) -> _Command:
    """`--on-broken`."""
    return click.option(
        "--on-broken", type=click.Choice(["error", "keep", "drop"]), default="error", show_default=True,
        help="What becomes of lines that cannot be read.",
    )(function)  # fmt: skip


def destination(manifest: str, output: str | None, in_place: bool) -> str:
    """Where the result goes.

    Raises
    ------
    click.UsageError
        Two places at once, or standard input shall be changed in place.
    """
    if in_place and output is not None:
        raise click.UsageError("--in-place and --output are two places for one result")
    if in_place and manifest == "-":
        raise click.UsageError("standard input cannot be changed in place")
    return manifest if in_place else output or "-"


@contextmanager
def progress(manifests: str | Sequence[str], option: bool | None) -> Iterator[Callable[[int], None] | None]:
    """A moving bar while manifests are worked on; it has an end when they are files that are not packed.

    On a pipe there is none, even if asked for: nothing moves there, and a log would get an empty line.
    """
    names = [manifests] if isinstance(manifests, str) else list(manifests)
    known = all(os.path.isfile(name) and not is_packed(name) for name in names)
    size = sum(os.path.getsize(name) for name in names) if known else None
    small = known and (size or 0) < _LARGE_BYTES
    if not (wants_progress(option) and sys.stderr.isatty()) or (option is None and small):
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(),
        TimeElapsedColumn(),
    )  # fmt: skip
    title = printable(os.path.basename(names[0]) or names[0]) + (f" and {len(names) - 1} more" if names[1:] else "")
    with Progress(*columns, console=talk(), transient=True) as bar:
        task = bar.add_task(title, total=size)
        yield lambda seen: bar.update(task, completed=seen)


def say(text: str) -> None:
    """Tell the user something that is not the result."""
    click.echo(f"lvtools: {printable(text)}", err=True)


def lines(count: int) -> str:
    """'1 line', '2 lines'."""
    return plural(count, "line")


def plural(count: int, word: str) -> str:
    """A count with its word."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def shown(dest: str) -> str:
    """'; written to FILE' for the end of messages; nothing for standard output."""
    return "" if dest == "-" else f"; written to {dest}"
