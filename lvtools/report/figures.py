"""Numbers as the page shows them: every one that may be undefined travels with the reason why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from lvtools.text import printable

MAX_TEXT = 400


class Figure(NamedTuple):
    """A number as the page shows it; `why` is set when there is none."""

    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    why: str = ""


class Made(str):
    """Text made here from numbers or bytes, such as a picture's address: `visible` must not shorten it."""

    __slots__ = ()


def visible(value: Any) -> Any:
    """Text with every control, bidirectional and otherwise invisible character shown as an escape, and not too long.

    Such characters could reorder the words around them, hide a part of a name, or (as half a surrogate pair) keep the
    page from being written at all. Other values pass.
    """
    if type(value) is not str:
        return value
    return printable(value if len(value) <= MAX_TEXT else value[: MAX_TEXT - 1] + "…")


def number(value: object, why: str, form: str = ".3f") -> Figure:
    """A ratio or count, or a dash with the reason."""
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return Figure("–", why=why)
    return Figure(format(value, form), float(value))


def interval(measure: Mapping[str, Any] | None, why: str) -> Figure:
    """A measure with its 95 % interval; the whole may be null, or any of its numbers."""
    if measure is None:
        return Figure("–", why=why)
    shown = number(measure.get("value"), why)
    low, high = (number(measure.get(end), "").value for end in ("low", "high"))
    return shown if low is None or high is None else shown._replace(low=low, high=high)


def bar(figure: Figure) -> dict[str, float] | None:
    """Where an interval bar's line and dot lie, on a scale of 0 to 100."""
    if figure.value is None:
        return None
    low, high = (figure.value if end is None else end for end in (figure.low, figure.high))
    low, high, value = (round(100 * min(max(x, 0.0), 1.0), 2) for x in (low, high, figure.value))
    return {"low": low, "width": round(max(high - low, 0.4), 2), "value": value}


def count(n: int, what: str) -> str:
    return f"{n:,} {what}" + ("" if n == 1 else "s")
