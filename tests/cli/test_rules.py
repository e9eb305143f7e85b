import json

import pytest

from lvtools.findings import PROFILES, RULES
from tests.cli.command import lvtools


def test_every_rule_is_listed():
    code, out, err = lvtools("rules")
    assert (code, err) == (0, "")
    assert [line.split()[:2] for line in out.splitlines()] == [[rule.code, rule.severity] for rule in RULES]
    assert "{" not in out


@pytest.mark.parametrize("profile", PROFILES)
def test_rules_of_a_profile(profile):
    code, out, _ = lvtools("rules", "--profile", profile)
    expected = [[r.code, r.severity_in(profile)] for r in RULES if r.severity_in(profile) != "off"]
    assert (code, [line.split()[:2] for line in out.splitlines()]) == (0, expected)


def test_a_code_is_explained():
    code, out, _ = lvtools("rules", "lv151")
    assert code == 0
    assert 'hint: add {"confidence": 1} per box' in out
    assert "Rekognition: ERROR_MISSING_BOUNDING_BOX_CONFIDENCE" in out
    assert "severity: lookoutvision error, rekognition error, groundtruth error, marketplace error" in out
    assert lvtools("rules", "ERROR_MISSING_CLASS_MAP_ID")[1].startswith("LV152 error ")


def test_json_and_markdown_hold_every_rule():
    rules = json.loads(lvtools("rules", "--format", "json")[1])
    assert [rule["code"] for rule in rules] == [rule.code for rule in RULES]
    assert rules[0]["severity_by_profile"] == {profile: RULES[0].severity_in(profile) for profile in PROFILES}
    rows = lvtools("rules", "--format", "markdown")[1].splitlines()
    assert [row.split(" | ")[0] for row in rows[2:]] == [f"| {rule.code}" for rule in RULES]
    # An escaped bar is text, not a column.
    assert {row.replace("\\|", "").count("|") for row in rows} == {10}


def test_a_code_that_does_not_exist_is_2():
    code, out, err = lvtools("rules", "LV199")
    assert (code, out) == (2, "")
    assert err.startswith("lvtools: there is no rule LV199\nhint: near it: LV190")
    assert lvtools("rules", "\x1b[31m")[2].startswith("lvtools: there is no rule \\x1b[31m\n")
