"""lvtools rules: the catalogue, as the tool itself knows it. Exit 0, or 2 for a code that does not exist."""

from __future__ import annotations

import sys

import click
import orjson

from lvtools import __version__
from lvtools.errors import ArgumentError
from lvtools.findings import BY_CODE, PROFILES, RULES, Rule
from lvtools.findings.streams import SarifStream, written


@click.command("rules", short_help="List every rule that validate knows.")
@click.argument("codes", nargs=-1, metavar="[CODE...]")
@click.option(
    "--profile", type=click.Choice(PROFILES), default=None, help="Only the rules of one service, with its severities."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown", "sarif"]),
    default="text",
    show_default=True,
    help="How to print the rules.",
)
def command(codes: tuple[str, ...], profile: str | None, form: str) -> int:
    """List the rules, or explain the CODEs given (LV106, or a Rekognition code such as ERROR_MISSING_SOURCE_REF)."""
    rules = _chosen(codes)
    if profile:
        rules = [rule for rule in rules if rule.severity_in(profile) != "off"]
    if form == "json":
        sys.stdout.buffer.write(
            orjson.dumps([_as_dict(rule) for rule in rules], option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )
    elif form == "sarif":
        sys.stdout.buffer.write(written(SarifStream(__version__, rules), []))
    elif form == "markdown":
        click.echo(markdown(rules), nl=False)
    else:
        for rule in rules:
            click.echo(_as_text(rule, profile, bool(codes)))
    return 0


def _chosen(codes: tuple[str, ...]) -> list[Rule]:
    if not codes:
        return list(RULES)
    chosen = []
    for code in codes:
        found = [rule for rule in RULES if code.upper() in (rule.code, rule.rekognition)]
        if not found:
            near = [known for known in BY_CODE if known.startswith(code.upper()[:4])]
            raise ArgumentError(
                f"there is no rule {code}",
                hint=f"near it: {', '.join(near[:8])}" if near else "lvtools rules lists all",
            )
        chosen += found
    return chosen


def _severities(rule: Rule) -> dict[str, str]:
    return {profile: rule.severity_in(profile) for profile in PROFILES}


def _as_dict(rule: Rule) -> dict[str, object]:
    return {
        "code": rule.code,
        "severity": rule.severity,
        "severity_by_profile": _severities(rule),
        "message": rule.message,
        "hint": rule.hint.format(),
        "source": rule.source,
        "rekognition": rule.rekognition,
    }


def _as_text(rule: Rule, profile: str | None, detailed: bool) -> str:
    severity = rule.severity_in(profile) if profile else rule.severity
    text = f"{rule.code} {severity:7} {rule.message.replace('{', '<').replace('}', '>')}"
    if not detailed:
        return text
    text += f"\n    hint: {rule.hint.format()}\n    source: {rule.source}"
    if rule.rekognition:
        text += f"\n    Rekognition: {rule.rekognition}"
    return text + "\n    severity: " + ", ".join(f"{name} {severity}" for name, severity in _severities(rule).items())


def markdown(rules: list[Rule]) -> str:
    """The table of docs/rules.md."""
    lines = [
        f"| code | {' | '.join(PROFILES)} | what | hint | source | Rekognition's code |",
        "|---" * (len(PROFILES) + 5) + "|",
    ]
    for rule in rules:
        severity = " | ".join(_severities(rule).values())
        what = (
            rule.message.replace("{", "<")
            .replace("}", ">")
            .replace("|", "\\|")
            .replace("<", "&lt;")
            .replace(">", "&gt;")
        )
        hint = rule.hint.format().replace("|", "\\|").replace("<", "&lt;")
        lines.append(f"| {rule.code} | {severity} | {what} | {hint} | {rule.source} | {rule.rekognition or ''} |")
    return "\n".join(lines) + "\n"
