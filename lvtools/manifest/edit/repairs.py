"""The repairs of `fix`, one function each, named by the code of the finding they cure.

A safe repair says the same thing in the form the services want. An unsafe one decides something for the user: what a
missing value was, what a broken reference meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import unquote

from lvtools.manifest.dates import read_date
from lvtools.manifest.edit.document import Document, Kind, Path, dumps
from lvtools.manifest.edit.lines import canonical

GOOD_URI = re.compile(r"[sS]3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+", re.DOTALL)
_PREFIX = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", re.DOTALL)
_NUMBER = re.compile(r"(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_INVISIBLE = re.compile("[\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\u00ad\x00-\x1f\x7f]")
_HOSTED = re.compile(r"https?://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3[.-]?[a-z0-9-]*\.amazonaws\.com/([^?#]+)")
_PATH_STYLE = re.compile(r"https?://s3[.-]?[a-z0-9-]*\.amazonaws\.com/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([^?#]+)")


class Repair(NamedTuple):
    """A cure for one code."""

    code: str
    safe: bool
    about: str
    apply: Callable[[Document, Path, str | None], None]  # document, path of the finding, prefix for references
    reveals: frozenset[str] = frozenset()  # rules that can be judged only after the repair
    needs_prefix: bool = False


def check_prefix(prefix: str) -> bool:
    """Can references be put under this?"""
    return _PREFIX.fullmatch(prefix) is not None


def _text(document: Document, path: Path) -> tuple[int, str] | None:
    row = document.find(path)
    if row is None or document.kind(row) != Kind.STRING:
        return None
    value = document.value(row)
    return row, value


def _one_prefix(document: Document, path: Path, _: str | None) -> None:
    found = _text(document, path)
    if found:
        row, ref = found
        while ref.lower().startswith("s3://s3://"):
            ref = ref[5:]
        if not ref.lower().startswith("s3://s3:"):
            document.replace(row, dumps(ref))


def _lower_class(document: Document, path: Path, _: str | None) -> None:
    found = _text(document, path)
    if found:
        document.replace(found[0], dumps(found[1].strip().casefold()))


def _strip_class(document: Document, path: Path, _: str | None) -> None:
    found = _text(document, path)
    if found and found[1].strip():
        document.replace(found[0], dumps(found[1].strip()))


def _fraction(document: Document, path: Path, _: str | None) -> None:
    found = _text(document, path)
    if found and _NUMBER.fullmatch(found[1].strip()) and 0 <= float(found[1]) <= 1:
        document.replace(found[0], found[1].strip().encode())


def _yes_no(document: Document, path: Path, _: str | None) -> None:
    row = document.find(path)
    if row is not None:
        word = document.text(row).decode().strip('"').strip().casefold()
        answer = {"true": b'"yes"', "yes": b'"yes"', "false": b'"no"', "no": b'"no"'}.get(word)
        if answer is not None:
            document.replace(row, answer)


def _iso_date(document: Document, path: Path, _: str | None) -> None:
    found = _text(document, path)
    moment = read_date(found[1])[0] if found else None
    if found and moment is not None:
        document.replace(found[0], dumps(moment.replace(tzinfo=None).isoformat(timespec="seconds")))


def _label_number(document: Document, path: Path, _: str | None) -> None:
    row = document.find(path)
    if row is None:
        return
    value: Any = document.value(row)
    digits = isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip())
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    if digits or whole:
        document.replace(row, b"%d" % int(value))


def _size_array(document: Document, path: Path, _: str | None) -> None:
    row = document.find(path)
    if row is not None and document.kind(row) == Kind.OBJECT:
        document.replace(row, b"[" + document.text(row) + b"]")


def _hex_color(document: Document, path: Path, _: str | None) -> None:
    found = _text(document, path)
    if found:
        digits = re.fullmatch(r"\s*(?:#|0[xX])?([0-9a-fA-F]{6})\s*", found[1])
        if digits:
            document.replace(found[0], dumps("#" + digits[1]))


def _map_confidence(document: Document, path: Path, _: str | None) -> None:
    row = document.find(path)
    if row is not None and document.kind(row) == Kind.OBJECT:
        document.insert(row, [(b'"confidence"', b"0.0")])


def _same_twice(document: Document, _path: Path, _: str | None) -> None:
    for key, earlier in _twins(document):
        if canonical(document.value(earlier + 1)) == canonical(document.value(key + 1)):
            document.remove(key)


def _last_of_twins(document: Document, _path: Path, _: str | None) -> None:
    for _key, earlier in _twins(document):
        document.remove(earlier)


def _twins(document: Document) -> list[tuple[int, int]]:
    """Rows of keys that stand twice in their object, with the row of the earlier one."""
    twins = []
    for row in range(document.rows):
        if document.kind(row) == Kind.OBJECT:
            seen: dict[str, int] = {}
            for name, key, _ in document.members(row):
                if name in seen:
                    twins.append((key, seen[name]))
                seen[name] = key
    return twins


def _human(document: Document, path: Path, _: str | None) -> None:
    row = document.find(path)
    if row is not None and document.kind(row) == Kind.OBJECT:
        document.insert(row, [(b'"human-annotated"', b'"yes"')])


def _sure(document: Document, path: Path, _: str | None) -> None:
    row = document.find(path)
    human = document.find((*path, "human-annotated"))
    if row is not None and human is not None and document.text(human) == b'"yes"':
        document.insert(row, [(b'"confidence"', b"1")])


def _type_by_shape(document: Document, path: Path, _: str | None) -> None:
    row = document.find(path)
    if row is None or document.kind(row) != Kind.OBJECT:
        return
    names = {name for name, _, _ in document.members(row)}
    value = document.find((path[0].removesuffix("-metadata"),))
    kind = None if value is None else document.kind(value)
    if "internal-color-map" in names and kind == Kind.STRING:
        name = "groundtruth/semantic-segmentation"
    elif "class-map" in names and kind == Kind.ARRAY:
        name = "groundtruth/image-classification-multilabel"
    elif "class-map" in names and kind == Kind.OBJECT:
        name = "groundtruth/object-detection"
    elif "class-name" in names and kind in (Kind.STRING, Kind.NUMBER):
        name = "groundtruth/image-classification"
    else:
        return
    document.insert(row, [(b'"type"', dumps(name))])


def _background(document: Document, path: Path, _: str | None) -> None:
    """BACKGROUND to "0"; what stands there moves to where BACKGROUND was, or to the next free number."""
    row = document.find(path)
    if row is None or document.kind(row) != Kind.OBJECT:
        return
    members = list(document.members(row))
    if len({name for name, _, _ in members}) != len(members):
        return  # a key that stands twice comes first
    zero = next((key for name, key, _ in members if name == "0"), None)
    other = next((key for _, key, value in members if _is_background(document, value)), None)
    numbers = [int(name) for name, _, _ in members if re.fullmatch(r"[0-9]{1,9}", name)]
    if other is not None:
        if zero is not None:
            document.replace(zero, document.text(other))
        document.replace(other, b'"0"')
        return
    if zero is not None:
        document.replace(zero, dumps(str(max(numbers) + 1)))
    colon, comma = document.style()
    entry = [(b'"class-name"', b'"BACKGROUND"'), (b'"hex-color"', b'"#ffffff"'), (b'"confidence"', b"0.0")]
    text = b"{" + comma.join(key + colon + value for key, value in entry) + b"}"
    document.insert(row, [(b'"0"', text)], first=True)


def _is_background(document: Document, row: int) -> bool:
    value: Any = document.value(row)
    name = value.get("class-name") if isinstance(value, dict) else None
    return isinstance(name, str) and name.casefold() == "background"


def _meant_uri(document: Document, path: Path, _: str | None) -> None:
    found = _text(document, path)
    if not found:
        return
    row, ref = found
    plain = _INVISIBLE.sub("", ref).replace("\uf03a", ":").replace("\uff1a", ":").strip()
    plain = re.sub(r"\A[sS]3\s*:\s*/\s*/?\s*", "s3://", plain)
    for attempt in (plain, re.sub(r"\A[sS]3:/+", "s3://", unquote(plain))):
        hosted = _HOSTED.fullmatch(attempt) or _PATH_STYLE.fullmatch(attempt)
        uri = f"s3://{hosted[1]}/{unquote(hosted[2])}" if hosted else attempt
        if uri != ref and GOOD_URI.fullmatch(uri) and "\ufffd" not in uri:
            document.replace(row, dumps(uri))
            return


def _under_prefix(document: Document, path: Path, prefix: str | None) -> None:
    found = _text(document, path)
    if found and prefix is not None:
        tail = re.sub(r"\A(?:\./+)+", "", found[1].strip()).lstrip("/")
        if tail and ".." not in tail.split("/"):
            document.replace(found[0], dumps(f"{prefix.rstrip('/')}/{tail}"))


_OF_URIS = frozenset({"LV104", "LV107", "LV108", "LV143", "LV194"})

VALUE_REPAIRS: tuple[Repair, ...] = (
    Repair("LV024", True, "a key that stands twice with the same value: the second is removed", _same_twice),
    Repair("LV104", True, "a relative reference goes under the prefix given", _under_prefix, _OF_URIS, True),
    Repair("LV106", True, "s3:// twice: one is removed", _one_prefix, _OF_URIS | {"LV103"}),
    Repair("LV122", True, "normal and anomaly in lower case, without blanks", _lower_class),
    Repair("LV126", True, "a confidence in quotes becomes a number", _fraction),
    Repair("LV128", True, 'human-annotated true, false, "Yes", ... become "yes" and "no"', _yes_no),
    Repair("LV131", True, "a JavaScript date becomes ISO 8601 in UTC", _iso_date),
    Repair("LV133", True, "a label such as 1.0, or (for Rekognition) in quotes, becomes an integer", _label_number),
    Repair("LV161", True, "image_size becomes an array with one object", _size_array),
    Repair("LV186", True, "a colour without #, with 0x or blanks becomes #rrggbb", _hex_color),
    Repair("LV187", True, "the missing confidence of a color map entry becomes 0.0", _map_confidence),
    Repair("LV024", False, "a key that stands twice with different values: the last is kept", _last_of_twins),
    Repair("LV103", False, "a reference is mended: zero-width signs, %2F, https://", _meant_uri, _OF_URIS),
    Repair("LV104", False, "a reference is mended: %3A%2F%2F, blanks", _meant_uri, _OF_URIS),
    Repair("LV108", False, "a reference is mended: zero-width signs and blanks in the bucket", _meant_uri, _OF_URIS),
    Repair("LV114", False, "the missing type is told from the attribute's shape", _type_by_shape),
    Repair("LV124", False, "blanks around a class name are removed", _strip_class),
    Repair("LV125", False, "the missing confidence of a human label becomes 1", _sure),
    Repair("LV127", False, 'the missing human-annotated becomes "yes"', _human),
    Repair("LV183", False, 'BACKGROUND is put at "0" of the color map', _background),
)  # fmt: skip

# Repairs of whole lines; `fix` itself carries them out.
LINE_REPAIRS: tuple[tuple[str, bool, str], ...] = (
    ("LV004", True, "the byte-order mark is removed"),
    ("LV005", True, "a value over several lines goes on one line, an array on one line per element"),
    ("LV006", True, "a blank line is removed"),
    ("LV020", True, "two objects on one line get a line each"),
    ("LV026", True, "an array of objects on one line becomes one line per element"),
    ("LV027", True, "a control character inside a string is escaped"),
    ("LV020", False, "comments and commas too many are left out"),
    ("LV029", False, "Python and JavaScript forms become JSON: quotes, None, NaN, keys without quotes"),
    ("LV023", False, "half a surrogate pair becomes U+FFFD"),
)
