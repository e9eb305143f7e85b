"""Findings for programs, piece by piece: what is written of a table is not held, however many there are.

A stream takes tables of one file after the other: `add` those that come before the file's end, `close` with its last
one, whose metadata tell what the file is, and `end` behind the last file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import orjson
import pyarrow as pa

from lvtools.findings import RULES, Rule, code_counts, count_by_severity
from lvtools.findings.render import COLORS, hint, hint_line, message, place, rows, visible
from lvtools.text import printable

FORMATS = ("text", "json", "jsonl", "sarif", "github")

_RESULTS = "results stand here"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}  # of SARIF
_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}  # of GitHub


class Stream:
    """What the forms have in common: files begin and end, and listed findings are counted."""

    def __init__(self) -> None:
        self.files = 0
        self._is_open = False
        self._told: Counter[str] = Counter()
        self.unlisted: Counter[str] = Counter()  # of all files that are closed, by code

    def add(self, findings: pa.Table) -> Iterator[bytes]:
        """Findings of a file, of which others may follow."""
        if not self._is_open:
            self._is_open = True
            self._told.clear()
            yield from self._begin(findings)
            self.files += 1
        for row in rows(findings):
            yield from self._one(row, sum(self._told.values()))
            self._told[row["code"]] += 1

    def close(self, result: pa.Table) -> Iterator[bytes]:
        """A file's last findings; the metadata of their table are the file's."""
        yield from self.add(result)
        counts = Counter(code_counts(result)) if b"counts" in (result.schema.metadata or {}) else self._told
        missing = counts - self._told
        self.unlisted += missing
        yield from self._finish(result, counts, missing)
        self._is_open = False

    def end(self) -> Iterator[bytes]:
        """No more files."""
        yield b""

    def _begin(self, findings: pa.Table) -> Iterator[bytes]:
        yield b""

    def _one(self, row: dict[str, Any], number: int) -> Iterator[bytes]:
        raise NotImplementedError

    def _finish(self, result: pa.Table, counts: Mapping[str, int], missing: Mapping[str, int]) -> Iterator[bytes]:
        yield b""


def _facts(result: pa.Table) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in (result.schema.metadata or {}).items()}


def _described(result: pa.Table, counts: Mapping[str, int], missing: Mapping[str, int]) -> dict[str, Any]:
    """A file's profile and numbers."""
    facts = _facts(result)
    return {
        "profile": facts.get("profile"),
        "profile_reason": facts.get("profile_reason"),
        "statistics": orjson.loads(facts.get("statistics", "{}")),
        "counts": dict(count_by_severity(result)),
        "codes": dict(sorted(counts.items())),
        "not_listed": dict(sorted(missing.items())),
    }


class JsonStream(Stream):
    """One JSON document: a member of `files` for each, its findings first, what was counted behind them."""

    def _begin(self, findings: pa.Table) -> Iterator[bytes]:
        yield b"," if self.files else b'{"lvtools_findings":1,"files":['
        yield b'{"file":' + visible(orjson.dumps(_facts(findings).get("origin"))) + b',"findings":['

    def _one(self, row: dict[str, Any], number: int) -> Iterator[bytes]:
        del row["file"]
        yield (b"," if number else b"") + visible(orjson.dumps(row))

    def _finish(self, result: pa.Table, counts: Mapping[str, int], missing: Mapping[str, int]) -> Iterator[bytes]:
        yield b"]," + visible(orjson.dumps(_described(result, counts, missing)))[1:]

    def end(self) -> Iterator[bytes]:
        yield b"]}\n" if self.files else b'{"lvtools_findings":1,"files":[]}\n'


class JsonLinesStream(Stream):
    """A line for each finding; behind those of a file one line without `code`, with what was counted."""

    def _one(self, row: dict[str, Any], number: int) -> Iterator[bytes]:
        yield visible(orjson.dumps(row)) + b"\n"

    def _finish(self, result: pa.Table, counts: Mapping[str, int], missing: Mapping[str, int]) -> Iterator[bytes]:
        line = {"file": _facts(result).get("origin"), **_described(result, counts, missing)}
        yield visible(orjson.dumps(line)) + b"\n"


class GithubStream(Stream):
    """Workflow commands that GitHub shows beside the lines of a pull request."""

    def _one(self, row: dict[str, Any], number: int) -> Iterator[bytes]:
        where = f"file={_property(printable(row['file'] or ''))}"
        if row["line"] is not None:
            where += f",line={row['line']},col={row['column'] or 1}"
        text = _data(f"{row['message']} (hint: {row['hint']})")
        yield f"::{_COMMANDS[row['severity']]} {where},title={row['code']}::{text}\n".encode()


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


class SarifStream(Stream):
    """A SARIF 2.1.0 log: rules and findings. Columns count bytes, which SARIF cannot say; byteOffset is exact."""

    def __init__(self, version: str, catalogue: Sequence[Rule] = RULES) -> None:
        super().__init__()
        self._index = {rule.code: number for number, rule in enumerate(catalogue)}
        rules = [
            {
                "id": rule.code,
                "shortDescription": {"text": rule.message},
                "help": {"text": hint(rule.code)},
                "defaultConfiguration": {"level": _LEVELS[rule.severity]},
                "properties": {"source": rule.source} | ({"rekognition": rule.rekognition} if rule.rekognition else {}),
            }
            for rule in catalogue
        ]
        driver = {"name": "lvtools", "version": version, "rules": rules}
        log = {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{"tool": {"driver": driver}, "results": [_RESULTS]}],
        }
        text = visible(orjson.dumps(log, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        self._head, _, self._tail = text.partition(orjson.dumps(_RESULTS))
        self._results = 0

    def _begin(self, findings: pa.Table) -> Iterator[bytes]:
        if not self.files:
            yield self._head

    def _one(self, row: dict[str, Any], number: int) -> Iterator[bytes]:
        location: dict[str, Any] = {"artifactLocation": {"uri": _uri(row["file"] or "")}}
        if row["line"] is not None:
            location["region"] = {"startLine": row["line"], "startColumn": row["column"] or 1}
            if row["byte_offset"] is not None:
                location["region"]["byteOffset"] = row["byte_offset"]
        logical = [{"fullyQualifiedName": row["pointer"]}] if row["pointer"] else []
        result = {
            "ruleId": row["code"],
            "ruleIndex": self._index[row["code"]],
            "level": _LEVELS[row["severity"]],
            "message": {"text": row["message"]},
            "locations": [{"physicalLocation": location, **({"logicalLocations": logical} if logical else {})}],
        }
        yield (b",\n          " if self._results else b"") + visible(orjson.dumps(result))
        self._results += 1

    def end(self) -> Iterator[bytes]:
        tail = self._tail
        if self.unlisted:
            said = orjson.dumps({"lvtools": {"notListed": dict(sorted(self.unlisted.items()))}})
            tail = tail.replace(b"]", b'],\n      "properties": ' + said, 1)
        yield (b"" if self.files else self._head) + tail


def _uri(name: str) -> str:
    """A path or URI as a URI reference: SARIF allows nothing else."""
    return quote(name, safe="/:@!$&'()*+,;=~")


class TextStream(Stream):
    """A line for each finding, in the order of the file; the hint behind the first of each code."""

    def __init__(self, color: bool = False) -> None:
        super().__init__()
        self._color = color

    def _one(self, row: dict[str, Any], number: int) -> Iterator[bytes]:
        paint, plain = (f"\x1b[{COLORS[row['severity']]};1m", "\x1b[0m") if self._color else ("", "")
        text = f"{place(row)}: {paint}{row['severity']}{plain} {row['code']} {message(row)}\n"
        if not self._told[row["code"]]:
            text += hint_line(row["code"])
        yield text.encode("utf-8", "backslashreplace")


def stream_of(form: str, version: str, *, color: bool = False) -> Stream:
    """The stream of one of `FORMATS`; `version` is that of the tool, for those that say it."""
    if form == "sarif":
        return SarifStream(version)
    if form == "text":
        return TextStream(color)
    return {"json": JsonStream, "jsonl": JsonLinesStream, "github": GithubStream}[form]()


def written(stream: Stream, tables: Iterable[pa.Table]) -> bytes:
    """All that a stream writes of the findings of some files."""
    pieces = [piece for table in tables for piece in stream.close(table)]
    return b"".join([*pieces, *stream.end()])
