"""The bytes around a finding with a mark under its place, for people at a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import BinaryIO

from lvtools.text import printable

BEFORE = 28  # bytes shown in front of the place: enough for the key
MIN_WIDTH, MAX_WIDTH = 40, 120

Excerpt = Callable[[int, int], tuple[str, int] | None]  # (byte offset, column) -> (text, cells before the place)


def excerpts(stream: BinaryIO, width: int) -> Excerpt:
    """A function that reads excerpts of at most `width` cells from a file."""
    width = max(MIN_WIDTH, min(width, MAX_WIDTH))

    def read(byte_offset: int, column: int) -> tuple[str, int] | None:
        start = byte_offset - min(column - 1, BEFORE)
        stream.seek(start)
        data = stream.read(byte_offset - start + 4 * width)
        before, after = data[: byte_offset - start], data[byte_offset - start :].split(b"\n", 1)[0].rstrip(b"\r")
        # A character that the cut went through is left out, not shown as broken.
        head = ("…" if column - 1 > BEFORE else "") + _text(before.lstrip(bytes(range(0x80, 0xC0))))
        if cells(head) > width - 8:  # bytes spelled out take four cells each
            head = "…"
        return _fitted(head + _text(after), width), cells(head)

    return read


def _text(data: bytes) -> str:
    return printable(data.decode("utf-8", "backslashreplace"))


def _fitted(text: str, width: int) -> str:
    if cells(text) <= width:
        return text
    while cells(text) >= width:
        text = text[: len(text) - max(1, (cells(text) - width) // 2)]
    return text + "…"


def cells(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )
