"""JSON objects with their places: out of JSON Lines, one array, or one document. Knows no field names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from lvtools.errors import FormatError
from lvtools.findings import FindingList

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
FIRST_LINES = 20  # a broken first line must not hide the format of the file


def json_items(data: memoryview, origin: str, findings: FindingList) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, object). In an array the line is the element's number. What is no object is a finding.

    Raises
    ------
    FormatError
        An array that is cut off or broken: nothing says where its next element starts.
    """
    document, whole = _document(data)
    if whole:
        for number, item in enumerate(document if isinstance(document, list) else [document], 1):
            if isinstance(item, dict):
                yield number, item
            else:
                findings.add("LV026", line=number, value=_kind(item))
        return
    if bytes(data[:64]).lstrip()[:1] == b"[" and not isinstance(_line_value(data), list):
        try:
            orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise FormatError(
                f"the JSON array is broken: {error.msg}", path=origin, line=error.lineno, column=error.colno,
                hint="was the file cut off?",
            ) from None  # fmt: skip
    yield from line_items(_lines(data), findings)


def line_items(lines: Iterable[tuple[int, bytes]], findings: FindingList) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, object) of JSON Lines. What is no object is a finding, and never hides the next line."""
    for number, text in lines:
        if not text.strip():
            continue
        try:
            item = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            findings.add("LV020", line=number, column=error.colno, value=error.msg)
            continue
        if isinstance(item, dict):
            yield number, item
        else:
            findings.add("LV026", line=number, value=_kind(item))


def lines_of(blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """(number, line) of a file that comes in blocks; without the byte-order mark."""
    rest: list[bytes] = []
    number = 0
    for block in blocks:
        *ended, last = block.split(b"\n")
        for text in ended:
            number += 1
            whole = b"".join([*rest, text])
            rest = []
            yield number, whole.removeprefix(_BYTE_ORDER_MARK) if number == 1 else whole
        if last:
            rest.append(last)
    if rest:
        whole = b"".join(rest)
        yield number + 1, whole.removeprefix(_BYTE_ORDER_MARK) if number == 0 else whole


def object_in(text: bytes) -> dict[str, Any] | None:
    """The object that a line is, or None."""
    try:
        item = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return item if isinstance(item, dict) else None


def first_object(data: memoryview) -> dict[str, Any] | None:
    """The first object in a file, for sniffing; None when its beginning holds none."""
    for number, text in _lines(data):
        if number > FIRST_LINES:
            break
        try:
            item = orjson.loads(text)
        except orjson.JSONDecodeError:
            continue
        if isinstance(item, dict):
            return item
        if isinstance(item, list):
            break
    document, whole = _document(data)
    items = document if isinstance(document, list) else [document] if whole else []
    return next((item for item in items if isinstance(item, dict)), None)


def _document(data: memoryview) -> tuple[Any, bool]:
    """The file as one array or one object spread over lines; (None, False) when it is JSON Lines or broken."""
    start = bytes(data[:64]).lstrip()[:1]
    if start not in (b"[", b"{") or (start == b"{" and isinstance(_line_value(data), dict)):
        return None, False  # a first line that is complete by itself: JSON Lines
    try:
        return orjson.loads(data), True
    except orjson.JSONDecodeError:
        return None, False


def _line_value(data: memoryview) -> Any:
    for _, text in _lines(data):
        if text.strip():
            try:
                return orjson.loads(text)
            except orjson.JSONDecodeError:
                return None
    return None


def _lines(data: memoryview) -> Iterator[tuple[int, bytes]]:
    source = data.obj if isinstance(data.obj, bytes) and len(data.obj) == len(data) else bytes(data)
    start, number = 0, 1
    while start < len(source):
        end = source.find(b"\n", start)
        end = len(source) if end < 0 else end
        yield number, source[start:end]
        start, number = end + 1, number + 1


def _kind(item: object) -> str:
    names = {
        list: "an array",
        str: "a string",
        bool: "true or false",
        type(None): "null",
        int: "a number",
        float: "a number",
    }
    return names.get(type(item), type(item).__name__)
