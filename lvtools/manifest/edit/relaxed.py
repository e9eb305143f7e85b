"""Almost-JSON to JSON: printed Python dicts, JavaScript with comments, text that was pasted by hand.

A tokenizer of its own instead of `ast.literal_eval`: it takes one pass whatever the nesting, knows JSON's words and
Python's side by side, says no to everything else, and leaves the text of sound tokens (numbers above all) as it was.
"""

from __future__ import annotations

import json
import re

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
      | (?P<sign>[{}\[\]:,])
      | (?P<double>"(?:[^"\\\n]|\\.)*+")
      | (?P<single>'(?:[^'\\\n]|\\.)*+')
      | (?P<number>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-]))
      | (?P<comment>//[^\n]*|\#[^\n]*|/\*.*?\*/)
      | (?P<word>-?[A-Za-z]+)(?!\w)""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = {
    "true": "true", "True": "true", "false": "false", "False": "false", "null": "null", "None": "null",
    "undefined": "null", "NaN": "null", "nan": "null", "Infinity": "null", "-Infinity": "null", "inf": "null",
}  # fmt: skip
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "a": "\a", "v": "\v", "0": "\0"}
_SURROGATES = re.compile("([\ud800-\udbff])([\udc00-\udfff])|[\ud800-\udfff]")


def relaxed(body: bytes) -> bytes | None:
    """The JSON that a broken line evidently means, or None when that is not evident.

    Curly text in other encodings, words nobody knows, missing quotes and unclosed brackets are not guessed at.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    found = _read(text, one_value=False)
    return None if found is None else found[0].encode("utf-8")


def relaxed_value(text: str) -> tuple[bytes, int] | None:
    """The first value of a text that may go on over several lines, as JSON, and where it ends; None: as above."""
    found = _read(text, one_value=True)
    return None if found is None else (found[0].encode("utf-8"), found[1])


def _read(text: str, *, one_value: bool) -> tuple[str, int] | None:
    out: list[str] = []
    at = depth = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            return None
        at = token.end()
        kind, part = token.lastgroup, token[0]
        if kind == "comment":
            continue
        if kind == "word":
            if part not in _WORDS:
                return None
            part = _WORDS[part]
        elif kind in ("double", "single"):
            part = _string(part)
        elif part in ("}", "]"):
            _drop_comma(out)
            depth -= 1
        elif part in ("{", "["):
            depth += 1
        out.append(part)
        if one_value and depth <= 0 and kind != "blank":
            return "".join(out).strip(), at
    if one_value:
        return None
    _drop_comma(out)
    return "".join(out).strip(), at


def _drop_comma(out: list[str]) -> None:
    """Take away a comma that nothing follows, and the blanks behind it."""
    place = len(out) - 1
    while place >= 0 and not out[place].strip():
        place -= 1
    if place >= 0 and out[place] == ",":
        del out[place:]


def _string(part: str) -> str:
    """A quoted string as JSON; one that is sound already stays as it is written."""
    if part[0] == '"':
        try:
            if _well_paired(json.loads(part)):
                return part
        except ValueError:
            pass
    text = _ESCAPE.sub(_unescaped, part[1:-1])
    return json.dumps(_SURROGATES.sub(_paired, text), ensure_ascii=False)


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] in "uxU" and len(code) > 1:
        number = int(code[1:], 16)
        return chr(number) if number <= 0x10FFFF else "\ufffd"
    return _PLAIN.get(code, code)


def _well_paired(text: str) -> bool:
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def _paired(found: re.Match[str]) -> str:
    """Two halves make a character; one alone stands for none, and becomes U+FFFD, the sign for that."""
    if found[1] is None:
        return "\ufffd"
    return chr(0x10000 + ((ord(found[1]) - 0xD800) << 10) + (ord(found[2]) - 0xDC00))
