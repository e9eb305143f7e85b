"""The URIs of images and masks: what a service would have followed, and what is only local."""

from __future__ import annotations

import re
import unicodedata
from typing import Protocol

from lvtools.manifest.scan import quoted

_S3 = re.compile(r"[sS]3://([^/]*)/(.+)\Z", re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_OLD_BUCKET = re.compile(r"[A-Za-z0-9._-]{3,255}\Z")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}\Z")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_UNPRINTED = re.compile(r"[^ -~]")
_WINDOWS_COLON = "\uf03a"  # what Windows' file systems, WSL and SMB write for ':' in a name

# Control (Cc), format (Cf: zero-width, bidirectional, byte-order mark), private (Co), line and paragraph separators;
# and of the letters and marks those that show nothing.
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Zl", "Zp"})
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u3164\uffa0")
_JOINERS = frozenset("\u200c\u200d")  # Persian, Hindi and emoji are written with them


class _Reporter(Protocol):
    def add(self, code: str, path: tuple[str | int, ...], *, key: bool = False, value: str | None = None) -> None: ...


def uri_bucket(ref: str) -> str | None:
    """The bucket of an S3 URI; None for anything else, and where the prefix stands twice: LV106 says all about that."""
    found = _S3.match(ref)
    return found[1] if found and found[1][:3].lower() != "s3:" else None


def unseen_sign(text: str) -> str | None:
    """The first sign that the eye does not see, as 'U+200B ZERO WIDTH SPACE'; None when all can be seen.

    A joiner between two signs beyond ASCII is spelling (Persian, Hindi, emoji); U+F03A has a rule of its own.
    """
    if text.isascii() and text.isprintable():
        return None
    for found in _UNPRINTED.finditer(text):
        at, sign = found.start(), found[0]
        if sign == _WINDOWS_COLON:
            continue
        if sign in _UNSEEN or unicodedata.category(sign) in _UNSEEN_CATEGORIES:
            if sign in _JOINERS and not (text[at - 1 : at].isascii() or text[at + 1 : at + 2].isascii()):
                continue
            name = unicodedata.name(sign, "a control character" if sign < "\xa0" else "a private sign")
            return f"U+{ord(sign):04X} ({name.lower()})"
    return None


def check_signs(report: _Reporter, path: tuple[str | int, ...], text: str, *, key: bool = False) -> None:
    """Report a sign that cannot be seen, in a reference, a class name or a key."""
    unseen = unseen_sign(text)
    if unseen is not None:
        report.add("LV140", path, key=key, value=f"{unseen} in {'the key ' if key else ''}{quoted(text)}")


def check_reference(report: _Reporter, path: tuple[str | int, ...], ref: str) -> None:
    """Say what is wrong with a reference at `path` of a line."""
    check_signs(report, path, ref)
    if _WINDOWS_COLON in ref:
        report.add("LV141", path, value=quoted(ref))
    if "%" in ref and _ENCODED.search(ref):
        report.add("LV142", path, value=quoted(ref))
    if ref[:1].isspace() or ref[-1:].isspace():
        report.add("LV144", path, value=quoted(ref))
    found = _S3.match(ref)
    if found is None:
        if ref[:8].lower() == "s3://s3:":
            report.add("LV106", path, value=quoted(ref))
            return
        plain = not _SCHEME.match(ref.lstrip()) and not ref.startswith("//") and "\0" not in ref
        local = plain and _WINDOWS_COLON not in ref and _looks_like_path(ref)
        report.add("LV104" if local else "LV103", path, value=quoted(ref))
        return
    bucket, key = found.groups()
    if bucket[:3].lower() == "s3:":
        report.add("LV106", path, value=quoted(ref))
        return
    if key.startswith("/") or "//" in key:
        report.add("LV143", path, value=quoted(ref))
    if not _BUCKET.match(bucket):
        report.add("LV107" if _OLD_BUCKET.match(bucket) else "LV108", path, value=quoted(ref))


def _looks_like_path(ref: str) -> bool:
    """A file name or path, not a sentence such as 'S3 bucket location'."""
    return "/" in ref or bool(_SUFFIX.search(ref.strip()))
