"""What reaches a terminal: no escape codes out of data, colour and progress only where a person looks."""

from __future__ import annotations

import sys

from rich.console import Console

from lvtools.text import printable

__all__ = ["printable", "talk", "wants_progress"]


def talk() -> Console:
    """The console for everything that is not the result: progress and remarks, on standard error."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def wants_progress(option: bool | None) -> bool:
    """Progress is for a terminal; on a pipe only when asked for."""
    return sys.stderr.isatty() if option is None else option
