"""What reaches a terminal: no escape codes out of data, colour and progress only where a person looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from lvtools.text import printable

__all__ = ["counting", "printable", "talk", "wants_progress"]


def talk() -> Console:
    """The console for everything that is not the result: progress and remarks, on standard error."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def wants_progress(option: bool | None) -> bool:
    """Progress is for a terminal; on a pipe only when asked for."""
    return sys.stderr.isatty() if option is None else option


@contextmanager
def counting(what: str, shown: bool, total: int | None = None) -> Iterator[Callable[..., None] | None]:
    """A bar over things that are counted: a function of how many are done and, optionally, of how many there are.

    None when nobody looks.
    """
    if not shown:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=talk(), transient=True) as bar:
        task = bar.add_task(printable(what), total=total)
        yield lambda done, total=None: bar.update(task, completed=done, total=total)
