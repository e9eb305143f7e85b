"""The bytes around a place: cut at both ends, safe to show, with the mark under the right cell."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools.findings import FindingList
from lvtools.findings.excerpt import cells, excerpts
from lvtools.findings.render import render_text


@pytest.mark.parametrize(
    ("line", "at", "expected"),
    [
        (b'{"a":1}', 5, ('{"a":1}', 5)),
        ('{"ä":"裂","b":1}'.encode(), 16, ('{"ä":"裂","b":1}', 14)),
        (b'{"a":"\x1b[31m"}', 5, ('{"a":"\\x1b[31m"}', 5)),
        (b'{"\xff":1}', 5, ('{"\\xff":1}', 8)),
        (b"x" * 50 + b'"b":1', 54, ("…" + "x" * 24 + '"b":1', 29)),
        (b"y" * 200, 0, ("y" * 59 + "…", 0)),
    ],
)
def test_excerpts(line, at, expected):
    before = b'{"other":"line"}\n'
    read = excerpts(io.BytesIO(before + line + b"\r\n" + before), 60)
    assert read(len(before) + at, at + 1) == expected


@given(st.text(max_size=300), st.integers(0, 400), st.integers(1, 200))
def test_an_excerpt_is_one_safe_line_that_fits(text, at, width):
    line = text.replace("\n", "").encode()
    at = min(at, len(line))
    found = excerpts(io.BytesIO(line + b"\n"), width)(at, at + 1)
    assert found is not None
    assert found[0].isprintable()
    assert cells(found[0]) <= max(40, min(width, 120))
    assert found[1] <= cells(found[0])


def test_only_the_first_of_a_rule_is_shown():
    findings = FindingList("f")
    for line in range(1, 9):
        findings.add("LV006", line=line, column=1, byte_offset=line - 1)
    findings.add("LV001")
    text = render_text(findings.table(), excerpt=lambda offset, column: (f"bytes at {offset}", 3))
    assert text.count("bytes at") == 1
    assert "    bytes at 0\n       ^\n" in text
    assert " … and 5 more on lines 4-8 (8 in all)\n" in text
    assert "^" not in render_text(findings.table(), excerpt=lambda offset, column: None)
