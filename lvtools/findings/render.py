"""Findings as text, JSON, SARIF and GitHub annotations. Everything out of data is made safe to show."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from lvtools.findings import BY_CODE, RULES, SEVERITIES, Rule, count_by_severity
from lvtools.findings.excerpt import Excerpt
from lvtools.text import printable

FORMATS = ("text", "json", "sarif", "github")

_SHOWN = {"error": 5, "warning": 3, "info": 1}  # examples per rule before 'and N more'
_CHUNK = 10_000  # rows rendered at a time: a million findings must not become a million dicts
_COLORS = {"error": "31", "warning": "33", "info": "36"}


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
    findings: pa.Table, *, color: bool = False, everything: bool = False, excerpt: Excerpt | None = None
) -> str:
    """Findings grouped by rule, errors first, with a few examples each (all of them with `everything`).

    `excerpt` gives the text at the place of a rule's first finding, which is shown with a mark under it.
    """
    return "".join(_text(findings, color, everything, excerpt))


def _text(findings: pa.Table, color: bool, everything: bool, excerpt: Excerpt | None) -> Iterator[str]:
    if not findings.num_rows:
        return
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
            yield from _group(group, code, severity, color, everything, excerpt)


def _group(
    group: pa.Table, code: str, severity: str, color: bool, everything: bool, excerpt: Excerpt | None
) -> Iterator[str]:
    total = group.num_rows
    shown = total if everything else min(total, _SHOWN[severity])
    if total == shown + 1:
        shown = total  # '... and 1 more' takes as much room as the one
    paint, plain = (f"\x1b[{_COLORS[severity]};1m", "\x1b[0m") if color else ("", "")
    for index, row in enumerate(group.slice(0, shown).to_pylist()):
        yield f"{place(row)}: {paint}{severity}{plain} {code} {message(row)}\n"
        if index == 0 and excerpt is not None and row["byte_offset"] is not None and row["column"] is not None:
            yield from _marked(excerpt(row["byte_offset"], row["column"]), paint, plain)
    if total > shown:
        yield f"    … and {total - shown:,} more{_lines(group['line'].slice(shown))} ({total:,} in all)\n"
    rule = BY_CODE[code]
    also = f"  [Rekognition: {rule.rekognition}]" if rule.rekognition else ""
    yield f"    hint: {hint(code)}{also}\n"


def _marked(found: tuple[str, int] | None, paint: str, plain: str) -> Iterator[str]:
    if found is not None and found[0]:
        yield f"    {found[0]}\n    {' ' * found[1]}{paint}^{plain}\n"


def _lines(lines: pa.ChunkedArray) -> str:
    """' on lines 4-118, 120': where the rest is."""
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
    return f" on line{'s' if len(numbers) > 1 else ''} {', '.join(words)}{', …' if len(spans) > 8 else ''}"


def summary(findings: pa.Table) -> str:
    """'3 errors, 1 warning' or 'nothing to complain about'."""
    counts = count_by_severity(findings)
    words = [
        f"{counts[s]:,} {s if s != 'info' else 'remark'}{'s' if counts[s] != 1 else ''}"
        for s in SEVERITIES
        if counts[s]
    ]
    return ", ".join(words) or "nothing to complain about"


def json_documents(tables: Iterable[pa.Table]) -> Iterator[bytes]:
    """One JSON document over several files, in pieces."""
    yield b'{"lvtools_findings":1,"files":['
    for number, findings in enumerate(tables):
        facts = {key.decode(): value.decode() for key, value in (findings.schema.metadata or {}).items()}
        head = {
            "file": facts.get("origin"),
            "profile": facts.get("profile"),
            "profile_reason": facts.get("profile_reason"),
            "statistics": orjson.loads(facts.get("statistics", "{}")),
            "counts": dict(count_by_severity(findings)),
        }
        yield (b"," if number else b"") + _visible(orjson.dumps(head))[:-1] + b',"findings":['
        for index, row in enumerate(rows(findings)):
            del row["file"]
            yield (b"," if index else b"") + _visible(orjson.dumps(row))
        yield b"]}"
    yield b"]}\n"


def _visible(document: bytes) -> bytes:
    """The same JSON with every sign escaped that a terminal could obey: C1 controls, bidirectional marks."""
    if document.isascii() and b"\x7f" not in document:
        return document
    return "".join(
        sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] if sign != "\x7f" else "\\u007f"
        for sign in document.decode()
    ).encode()


def github_lines(findings: pa.Table) -> Iterator[str]:
    """Workflow commands that GitHub shows beside the lines of a pull request."""
    words = {"error": "error", "warning": "warning", "info": "notice"}
    for row in rows(findings):
        where = f"file={_property(printable(row['file'] or ''))}"
        if row["line"] is not None:
            where += f",line={row['line']},col={row['column'] or 1}"
        text = f"{row['message']} (hint: {row['hint']})".replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        yield f"::{words[row['severity']]} {where},title={row['code']}::{text}\n"


def _property(text: str) -> str:
    for sign, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C")):
        text = text.replace(sign, code)
    return text


def sarif(tables: Iterable[pa.Table], version: str, catalogue: Sequence[Rule] = RULES) -> bytes:
    """A SARIF 2.1.0 log: rules and findings. Columns count bytes, which SARIF cannot say; byteOffset is exact."""
    levels = {"error": "error", "warning": "warning", "info": "note"}
    index = {rule.code: number for number, rule in enumerate(catalogue)}
    rules = [
        {
            "id": rule.code,
            "shortDescription": {"text": rule.message},
            "help": {"text": hint(rule.code)},
            "defaultConfiguration": {"level": levels[rule.severity]},
            "properties": {"source": rule.source, **({"rekognition": rule.rekognition} if rule.rekognition else {})},
        }
        for rule in catalogue
    ]
    results = []
    for findings in tables:
        for row in rows(findings):
            location: dict[str, Any] = {"artifactLocation": {"uri": _uri(row["file"] or "")}}
            if row["line"] is not None:
                location["region"] = {"startLine": row["line"], "startColumn": row["column"] or 1}
                if row["byte_offset"] is not None:
                    location["region"]["byteOffset"] = row["byte_offset"]
            logical = [{"fullyQualifiedName": row["pointer"]}] if row["pointer"] else []
            results.append(
                {
                    "ruleId": row["code"],
                    "ruleIndex": index[row["code"]],
                    "level": levels[row["severity"]],
                    "message": {"text": row["message"]},
                    "locations": [{"physicalLocation": location, **({"logicalLocations": logical} if logical else {})}],
                }
            )
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": {"name": "lvtools", "version": version, "rules": rules}}, "results": results}],
    }
    return _visible(orjson.dumps(log, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _uri(name: str) -> str:
    """A path or URI as a URI reference: SARIF allows nothing else."""
    return quote(name, safe="/:@!$&'()*+,;=~")
