"""Which service a manifest was written for, when the user does not say."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from lvtools.errors import ArgumentError
from lvtools.findings import PROFILES

PEEK_LINES = 200  # one tool writes a file; its first lines show which


class Profile(NamedTuple):
    """A set of rules, and why it was taken."""

    name: str
    reason: str


def check_profile(profile: str) -> None:
    """Refuse a profile that does not exist."""
    if profile not in ("auto", *PROFILES):
        raise ArgumentError(f"there is no profile {profile!r}", hint="auto, " + ", ".join(PROFILES))


def choose_profile(lines: Iterable[Mapping[str, Any]]) -> Profile:
    """Rekognition's own marks first, then Lookout's class names and mask key, else Ground Truth, which allows most."""
    lookout = rekognition = seen = 0
    for line in lines:
        seen += 1
        rekognition += _is_rekognition(line)
        lookout += _is_lookout(line)
    if rekognition:
        return Profile("rekognition", f"{_of(rekognition, seen)} what only Rekognition Custom Labels writes")
    if lookout:
        return Profile("lookoutvision", f"{_of(lookout, seen)} normal or anomaly, or a mask under Lookout's key")
    return Profile("groundtruth", "no line holds Lookout's or Rekognition's own marks")


def _of(some: int, seen: int) -> str:
    return f"{some} of the first {seen} lines hold" if seen > 1 else "the line holds"


def _is_rekognition(line: Mapping[str, Any]) -> bool:
    if "cl-metadata" in line or "cl-errors" in line or _is_marked(line):
        return True
    if any(key.startswith("rekognition-custom-labels-") for key in line):
        return True
    attributes = [value for value in line.values() if isinstance(value, dict)]
    boxes = [box for value in attributes if isinstance(value.get("annotations"), list) for box in value["annotations"]]
    return any(_is_marked(part) for part in (*attributes, *boxes))


def _is_marked(part: Any) -> bool:
    """Does an object carry the arrays of codes that Rekognition adds where something is wrong?"""
    if not isinstance(part, dict):
        return False
    marks = [part[key] for key in ("errors", "warnings") if isinstance(part.get(key), list)]
    return any(isinstance(mark, dict) and "code" in mark for mark in itertools.chain.from_iterable(marks))


def _is_lookout(line: Mapping[str, Any]) -> bool:
    for key, value in line.items():
        if key.endswith("-metadata") and isinstance(value, dict):
            name = value.get("class-name")
            if isinstance(name, str) and name.strip().casefold() in ("normal", "anomaly"):
                return True
    return "anomaly-mask-ref" in line
