"""Small tables of words with a title: what an evaluation says, before it becomes lines, a rich table or HTML."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from lvtools.metrics import Interval

TEXT_COLUMNS = ("format", "from", "why")


class Section(NamedTuple):
    """A title, a table (possibly without rows) whose first column is words, and remarks below it."""

    title: str
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()


def number_text(value: float) -> str:
    """A ratio; a dash when it is undefined."""
    return "-" if math.isnan(value) else f"{value:.4f}"


def interval_text(interval: Interval) -> tuple[str, str]:
    """A ratio and its limits."""
    if math.isnan(interval.value):
        return "-", ""
    return f"{interval.value:.4f}", f"{interval.low:.3f}..{interval.high:.3f}"


def aligned(section: Section) -> Iterator[str]:
    """A section as lines of aligned text."""
    yield section.title
    if section.rows:
        widths = [max(map(len, column)) for column in zip(section.head, *section.rows, strict=True)]
        for line in (section.head, *section.rows):
            cells = [
                text.rjust(width) if not is_text(section, k) else text.ljust(width)
                for k, (text, width) in enumerate(zip(line, widths, strict=True))
            ]
            yield "  " + "  ".join(cells).rstrip()
    yield from (f"  {note}" for note in section.notes)


def is_text(section: Section, column: int) -> bool:
    """Is this a column of words, to be set flush left?"""
    return column == 0 or section.head[column] in TEXT_COLUMNS
