"""Text from data made safe to show."""

from __future__ import annotations

import unicodedata


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
