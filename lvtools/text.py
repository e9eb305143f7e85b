"""Text from data made safe to show."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence

LONG_NUMBER = 12  # signs; a threshold between two scores hardly ever needs so many


def printable(text: str, *, keep_newlines: bool = False) -> str:
    """Text for a terminal or log: control, format and bidirectional characters become visible escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or (keep_newlines and sign == "\n") else _escaped(sign) for sign in text)


def _escaped(sign: str) -> str:
    code = ord(sign)
    if unicodedata.category(sign) == "Zs":
        return " "
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def ratio_text(value: float) -> str:
    """A figure as results show it; nan, an undefined one, as a dash."""
    return "-" if math.isnan(value) else f"{value:.4f}" if math.isfinite(value) else f"{value}"


def short_number(value: float | None) -> str:
    """A threshold in the digits it needs: 'none' where nothing reaches it, 'above x' for the next number after x."""
    if value is None or not math.isfinite(value):
        return "none"
    text = repr(float(value)).removesuffix(".0")
    return text if len(text) < LONG_NUMBER else f"above {value:.6g}"


def html_table(head: Sequence[str] | None, rows: Iterable[Sequence[str]], *, caption: str | None = None) -> str:
    """A table for a notebook; the first cell of a row is its head. Every cell is made printable and escaped."""
    cell = [f"<table><caption>{_safe(caption)}</caption>" if caption is not None else "<table>"]
    if head is not None:
        cell.append("<tr>" + "".join(f"<th>{_safe(name)}</th>" for name in head) + "</tr>")
    for first, *rest in rows:
        cell.append(f"<tr><th>{_safe(first)}</th>" + "".join(f"<td>{_safe(text)}</td>" for text in rest) + "</tr>")
    return "".join([*cell, "</table>"])


def _safe(text: str) -> str:
    import html  # its tables of names take a millisecond, and most programs print no HTML

    return html.escape(printable(text))
