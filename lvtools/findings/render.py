"""Findings for people: sentences, groups by rule, summaries. Everything out of data is made safe to show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lvtools.findings import BY_CODE, SEVERITIES, code_counts, count_by_severity
from lvtools.findings.excerpt import Excerpt
from lvtools.text import printable

_SHOWN = {"error": 5, "warning": 3, "info": 1}  # examples per rule before 'and N more'
_CHUNK = 10_000  # rows rendered at a time: a million findings must not become a million dicts
COLORS = {"error": "31", "warning": "33", "info": "36"}


def message(row: Mapping[str, Any]) -> str:
    """The sentence of one finding, from its row."""
    rule = BY_CODE[row["code"]]
    text = rule.message.format(
        value=row["value"] if row["value"] is not None else "",
        pointer=(row["pointer"] or "").lstrip("/") or "the line",
        expected=row["expected"],
        related=row["related_line"],
    )
    return printable(text)


def hint(code: str) -> str:
    """What to do about a rule's findings."""
    return BY_CODE[code].hint.format()


def rows(findings: pa.Table) -> Iterator[dict[str, Any]]:
    """Findings as dictionaries with message and hint, made a few thousand at a time."""
    for batch in findings.to_batches(max_chunksize=_CHUNK):
        for row in batch.to_pylist():
            yield {**row, "message": message(row), "hint": hint(row["code"])}


def place(row: Mapping[str, Any]) -> str:
    """`file:line:column`, as editors and terminals make it clickable."""
    parts = [printable(row["file"] or "")]
    if row["line"] is not None:
        parts.append(str(row["line"]))
        if row["column"] is not None:
            parts.append(str(row["column"]))
    return ":".join(parts)


def render_text(
    findings: pa.Table,
    *,
    color: bool = False,
    everything: bool = False,
    excerpt: Excerpt | None = None,
    shown: int | None = None,
) -> str:
    """Findings grouped by rule, errors first, with a few examples each: `shown`, or all of them with `everything`.

    `excerpt` gives the text at the place of a rule's first finding, which is shown with a mark under it.
    """
    most = findings.num_rows if everything else shown
    return "".join(_text(findings, color, most, excerpt))


def _text(findings: pa.Table, color: bool, shown: int | None, excerpt: Excerpt | None) -> Iterator[str]:
    if not findings.num_rows:
        return
    totals = code_counts(findings)
    codes = findings["code"].cast(pa.string())
    severities = findings["severity"].cast(pa.string())
    first = True
    for severity in SEVERITIES:
        found = pc.filter(codes, pc.equal(severities, severity))
        # `unique` keeps the order of first appearance: the top of the file comes first.
        for code in found.unique().to_pylist():
            if not first:
                yield "\n"
            first = False
            group = findings.filter(pc.and_(pc.equal(codes, code), pc.equal(severities, severity)))
            total = max(totals[code], group.num_rows)
            yield from _group(group, total, severity, color, _SHOWN[severity] if shown is None else shown, excerpt)


def _group(
    group: pa.Table, total: int, severity: str, color: bool, shown: int, excerpt: Excerpt | None
) -> Iterator[str]:
    if total == shown + 1:
        shown = total  # '... and 1 more' takes as much room as the one
    shown = min(shown, group.num_rows)
    paint, plain = (f"\x1b[{COLORS[severity]};1m", "\x1b[0m") if color else ("", "")
    for index, row in enumerate(group.slice(0, shown).to_pylist()):
        yield f"{place(row)}: {paint}{severity}{plain} {row['code']} {message(row)}\n"
        if index == 0 and excerpt is not None and row["byte_offset"] is not None and row["column"] is not None:
            yield from _marked(excerpt(row["byte_offset"], row["column"]), paint, plain)
    if total > shown:
        where = _lines(group["line"].slice(shown), total > group.num_rows)
        yield f"    … and {total - shown:,} more{where} ({total:,} in all)\n"
    yield hint_line(group["code"][0].as_py())


def hint_line(code: str) -> str:
    """What to do, below the findings of a rule."""
    rule = BY_CODE[code]
    also = f"  [Rekognition: {rule.rekognition}]" if rule.rekognition else ""
    return f"    hint: {hint(code)}{also}\n"


def _marked(found: tuple[str, int] | None, paint: str, plain: str) -> Iterator[str]:
    if found is not None and found[0]:
        yield f"    {found[0]}\n    {' ' * found[1]}{paint}^{plain}\n"


def _lines(lines: pa.ChunkedArray, others: bool) -> str:
    """' on lines 4-118, 120': where the rest is; `others`: some of it is on lines that are not known."""
    numbers = lines.drop_null().unique().to_pylist()[:10_000]
    if not numbers:
        return ""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    words = [str(first) if first == last else f"{first}-{last}" for first, last in spans[:8]]
    more = ", …" if others or len(spans) > 8 else ""
    return f" on line{'s' if others or len(numbers) > 1 else ''} {', '.join(words)}{more}"


def summary(findings: pa.Table) -> str:
    """'3 errors, 1 warning' or 'nothing to complain about'."""
    counts = count_by_severity(findings)
    words = [
        f"{counts[s]:,} {s if s != 'info' else 'remark'}{'s' if counts[s] != 1 else ''}"
        for s in SEVERITIES
        if counts[s]
    ]
    return ", ".join(words) or "nothing to complain about"


def visible(document: bytes) -> bytes:
    """The same JSON with every sign escaped that a terminal could obey: C1 controls, bidirectional marks."""
    if document.isascii() and b"\x7f" not in document:
        return document
    return "".join(
        sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] if sign != "\x7f" else "\\u007f"
        for sign in document.decode()
    ).encode()
