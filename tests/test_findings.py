import json
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools.findings import (
    BY_CODE,
    FINDING_SCHEMA,
    PROFILES,
    RULES,
    SEVERITIES,
    FindingList,
    code_counts,
    count_by_severity,
    empty_findings,
    join_findings,
    not_listed,
    render,
    streams,
)
from lvtools.text import printable

HOSTILE = "\x1b[31mred\x1b[0m \x07 \u202eevil\u2066 a\nb\r\n%0A {value} {0} {} }{ \x9b1m \x7f ::error::x \u2028"
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def findings(*rows, file="f.manifest", profile="lookoutvision", **more):
    found = FindingList(file, profile, **more)
    for row in rows:
        found.add(row.pop("code"), **row)
    return found.table().replace_schema_metadata(
        {"origin": file, "profile": profile, "profile_reason": "asked for", "statistics": "{}"}
    )


def row(code="LV024", line=1, column=1, **more):
    return {"code": code, "line": line, "column": column, "byte_offset": 0, **more}


# The catalogue


def test_codes_are_unique_and_in_order():
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))
    assert all(re.fullmatch(r"LV\d{3}", code) for code in codes)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_is_complete(rule):
    assert rule.severity in SEVERITIES
    assert rule.hint
    assert rule.source
    assert {name for name, _ in rule.elsewhere} <= set(PROFILES)
    assert {severity for _, severity in rule.elsewhere} <= {*SEVERITIES, "off"}
    assert rule.rekognition is None or re.fullmatch(r"(ERROR|WARNING)_[A-Z0-9_]+", rule.rekognition)
    fields = {name for _, name, _, _ in string.Formatter().parse(rule.message) if name is not None}
    assert fields <= {"value", "pointer", "expected", "related"}
    assert not {name for _, name, _, _ in string.Formatter().parse(rule.hint) if name is not None}
    assert render.hint(rule.code) == rule.hint.replace("{{", "{").replace("}}", "}")


# The table


def test_findings_are_sorted_by_place_and_stable():
    table = findings(
        row(line=2, column=5, value="a"),
        row(line=1, column=9, value="b"),
        row(line=2, column=5, value="c"),
        row(line=2, column=1, value="d"),
        {"code": "LV001"},
    )
    assert table["value"].to_pylist() == [None, "b", "d", "a", "c"]
    assert table.schema.equals(FINDING_SCHEMA)


def test_severity_follows_the_profile_and_off_is_not_kept():
    found = FindingList("f", "groundtruth")
    assert found.add("LV115") == "info"
    assert found.add("LV121") == "off"
    assert len(found) == 1
    assert FindingList("f", "rekognition").add("LV115") == "error"


def test_long_values_are_shortened():
    assert findings(row(value="x" * 201))["value"].to_pylist() == ["x" * 199 + "…"]
    assert findings(row(value="x" * 200))["value"].to_pylist() == ["x" * 200]


def counted(found):
    facts = {"profile": found.profile, "counts": json.dumps(found.counts)}
    return found.table().replace_schema_metadata(facts)


def test_the_first_of_each_code_are_kept_and_all_are_counted():
    found = FindingList("f", keep=2)
    for line in range(1, 6):
        found.add("LV006", line=line, column=1)
    found.add("LV024", line=3, column=9)
    found.add("LV024", line=4, column=9)
    found.add("LV024", line=4, column=5)  # before the other of its line, though it was found later
    for value in "abc":
        found.add("LV217", value=value)
    table = counted(found)
    assert [(one["code"], one["line"], one["column"], one["value"]) for one in table.to_pylist()] == [
        ("LV217", None, None, "a"),
        ("LV217", None, None, "b"),
        ("LV006", 1, 1, None),
        ("LV006", 2, 1, None),
        ("LV024", 3, 9, None),
        ("LV024", 4, 5, None),
    ]
    assert found.counts == code_counts(table) == {"LV006": 5, "LV024": 3, "LV217": 3}
    assert not_listed(table) == {"LV006": 3, "LV024": 1, "LV217": 1}
    assert count_by_severity(table) == {"error": 0, "warning": 8, "info": 3}


def test_parts_are_put_together_as_one_list():
    whole, first, second = (FindingList("f", "rekognition", 2, {"LV201"}) for _ in range(3))
    for line in range(1, 7):
        for part, number in ((whole, line), (first, line) if line < 4 else (second, line - 3)):
            for code in ("LV006",) * (line != 3) + ("LV201",) + ("LV101",) * (line > 4):
                part.add(code, line=number, column=1)
    first.extend(second, 3)
    assert first.table().equals(whole.table())
    assert first.counts == whole.counts
    assert first.spoiled_lines == whole.spoiled_lines == 5  # line 3 only repeats an image


def test_what_was_taken_away_counts_as_listed():
    found = FindingList("f", keep=3)
    taken = []
    for line in range(1, 6):
        found.add("LV006", line=line, column=1)
        taken += found.drain()["line"].to_pylist()
    assert (taken, len(found), found.counts) == ([1, 2, 3], 0, {"LV006": 5})


def test_joining_and_counting():
    joined = join_findings([findings(row()), empty_findings(), findings(row("LV101"), file="g")])
    assert joined["file"].to_pylist() == ["f.manifest", "g"]
    assert count_by_severity(joined) == {"error": 1, "warning": 1, "info": 0}
    assert join_findings([]).schema.equals(FINDING_SCHEMA)
    assert count_by_severity(empty_findings()) == {"error": 0, "warning": 0, "info": 0}


# Rendering


def test_text_groups_by_rule_errors_first():
    table = findings(
        *(row("LV024", line, value=f'"{line}"') for line in range(1, 9)),
        row("LV101", 4),
        row("LV131", 2),
        {"code": "LV001"},
    )
    assert render.render_text(table) == (
        "f.manifest: error LV001 the manifest is empty\n"
        "    hint: write one JSON object per line  [Rekognition: ERROR_EMPTY_MANIFEST]\n"
        "\n"
        "f.manifest:4:1: error LV101 'source-ref' is missing\n"
        "    hint: add the image's s3:// URI  [Rekognition: ERROR_MISSING_SOURCE_REF]\n"
        "\n"
        'f.manifest:1:1: warning LV024 the key "1" stands twice in one object\n'
        'f.manifest:2:1: warning LV024 the key "2" stands twice in one object\n'
        'f.manifest:3:1: warning LV024 the key "3" stands twice in one object\n'
        "    … and 5 more on lines 4-8 (8 in all)\n"
        "    hint: keep one; readers disagree on which counts, lvtools takes the last\n"
        "\n"
        "f.manifest:2:1: info LV131 the line  is a JavaScript date; it was understood\n"
        "    hint: ISO 8601 is safer: 2024-05-01T08:00:00\n"
    )
    assert render.render_text(table, everything=True).count(" LV024 ") == 8
    assert "\x1b[31;1merror\x1b[0m LV101" in render.render_text(table, color=True)
    assert render.render_text(empty_findings()) == ""


def test_one_more_is_shown_rather_than_counted():
    text = render.render_text(findings(*(row(line=line) for line in range(1, 5))))
    assert text.count("LV024") == 4
    assert "more" not in text


def test_the_summary():
    assert render.summary(empty_findings()) == "nothing to complain about"
    assert render.summary(findings(row("LV101"), row(), row(line=2), row("LV131"))) == "1 error, 2 warnings, 1 remark"


def test_json_says_everything():
    tables = [findings(row(value='"a"', pointer="/a")), findings(file="g")]
    document = json.loads(streams.written(streams.JsonStream(), tables))
    assert [one["file"] for one in document["files"]] == ["f.manifest", "g"]
    (found,) = document["files"][0]["findings"]
    assert document["files"][0]["counts"] == {"error": 0, "warning": 1, "info": 0}
    assert found == {
        "line": 1,
        "column": 1,
        "byte_offset": 0,
        "pointer": "/a",
        "code": "LV024",
        "severity": "warning",
        "value": '"a"',
        "expected": None,
        "related_line": None,
        "rekognition_code": None,
        "message": 'the key "a" stands twice in one object',
        "hint": "keep one; readers disagree on which counts, lvtools takes the last",
    }
    assert json.loads(streams.written(streams.JsonStream(), [])) == {"lvtools_findings": 1, "files": []}


def check_sarif(log):
    """The members that SARIF 2.1.0 requires, and the references between them."""
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "lvtools"
    assert driver["version"] == "1.2"
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        for location in result["locations"]:
            physical = location["physicalLocation"]
            assert re.fullmatch(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+", physical["artifactLocation"]["uri"])
            region = physical.get("region", {"startLine": 1, "startColumn": 1})
            assert region["startLine"] >= 1
            assert region["startColumn"] >= 1
    return run["results"]


def test_sarif():
    table = findings(row("LV101", 3, 7, pointer="/a"), {"code": "LV001"}, file="my data/ä.manifest")
    whole, placed = check_sarif(json.loads(streams.written(streams.SarifStream("1.2"), [table])))
    assert whole["ruleId"] == "LV001"
    assert "region" not in whole["locations"][0]["physicalLocation"]
    assert placed["level"] == "error"
    physical = placed["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "my%20data/%C3%A4.manifest"
    assert physical["region"] == {"startLine": 3, "startColumn": 7, "byteOffset": 0}
    assert placed["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "/a"}]
    assert check_sarif(json.loads(streams.written(streams.SarifStream("1.2"), []))) == []


def test_github_lines_are_escaped():
    table = findings(row(value="50% a:b,c"), {"code": "LV001"}, row("LV131", 2), file="a:b,c%.manifest")
    assert streams.written(streams.GithubStream(), [table]).decode().splitlines(keepends=True) == [
        "::error file=a%3Ab%2Cc%25.manifest,title=LV001::the manifest is empty "
        "(hint: write one JSON object per line)\n",
        "::warning file=a%3Ab%2Cc%25.manifest,line=1,col=1,title=LV024::the key 50%25 a:b,c stands twice in one object "
        "(hint: keep one; readers disagree on which counts, lvtools takes the last)\n",
        "::notice file=a%3Ab%2Cc%25.manifest,line=2,col=1,title=LV131::the line  is a JavaScript date; it was "
        "understood (hint: ISO 8601 is safer: 2024-05-01T08:00:00)\n",
    ]


def every_rendering(table):
    text = render.render_text(table, everything=True)
    github = streams.written(streams.GithubStream(), [table]).decode().splitlines(keepends=True)
    document = streams.written(streams.JsonStream(), [table]).decode()
    log = streams.written(streams.SarifStream("1.2"), [table]).decode()
    return text, github, document, log


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_hostile_data_reaches_no_output_raw(rule):
    table = findings(
        row(rule.code, value=HOSTILE, pointer="/" + HOSTILE, expected=HOSTILE, related_line=1),
        file=HOSTILE,
        profile=next(profile for profile in PROFILES if rule.severity_in(profile) != "off"),
    )
    text, github, document, log = every_rendering(table)
    for output in (text, *github, document, log):
        assert not RAW.search(output)
    assert len(text.splitlines()) == 2
    assert len(github) == 1
    assert github[0].count("\n") == 1
    assert github[0].startswith("::")
    (found,) = json.loads(document)["files"][0]["findings"]
    assert found["value"] == HOSTILE
    assert json.loads(document)["files"][0]["file"] == HOSTILE
    if "{value}" in rule.message:
        assert "{value} {0} {} }{" in found["message"]
    check_sarif(json.loads(log))


@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(sorted(BY_CODE)))
def test_any_text_can_be_rendered(value, pointer, code):
    value, pointer = (text.encode("utf-8", "replace").decode() for text in (value, pointer))
    table = findings(row(code, value=value, pointer=pointer), profile="groundtruth")
    text, github, document, log = every_rendering(table)
    assert not RAW.search(text + "".join(github) + document + log)
    assert len(text.splitlines()) in (0, 2)
    assert [found["value"] for found in json.loads(document)["files"][0]["findings"]] == [value] * table.num_rows


@given(st.text())
def test_printable_text_is_one_safe_line(text):
    shown = printable(text)
    assert not RAW.search(shown)
    assert "\n" not in shown
    assert all(sign.isprintable() for sign in shown)
    assert printable(shown) == shown
    assert printable(text, keep_newlines=True).count("\n") == text.count("\n")
    if text.isprintable():
        assert shown == text


def test_printable_spells_what_it_hides():
    assert printable("a\x1b\u202e\U000e0001\u00a0b\udcff") == "a\\x1b\\u202e\\U000e0001 b\\udcff"
