"""Move references to other places: bucket to bucket, folder to folder, by whole segments and nothing less."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lvtools.errors import ArgumentError
from lvtools.manifest.edit.document import Document, Kind, dumps
from lvtools.manifest.edit.lines import BLANK, BOM, Progress, cut, deliver, parse
from lvtools.objects import Source, origin_of


@dataclass(frozen=True)
class RewriteReport:
    """What `rewrite_manifest` changed.

    `changed` lines of `lines`; references per prefix in `by_prefix`, per key ('source-ref', 'anomaly-mask-ref', ...) in
    `by_key`; `untouched` references met no prefix; `broken` lines could not be read and stayed as they are. `examples`
    are (line, before, after). `data` is the result when no destination was given.
    """

    origin: str
    lines: int
    changed: int
    by_prefix: Mapping[str, int]
    by_key: Mapping[str, int]
    untouched: int
    broken: int
    examples: tuple[tuple[int, str, str], ...]
    data: bytes | None


_EXAMPLES = 20


def rewrite_manifest(
    source: Source,
    mapping: Mapping[str, str],
    dest: str | os.PathLike[str] | None = None,
    *,
    on_progress: Progress | None = None,
) -> RewriteReport:
    """Replace the beginnings of references; only the references' own bytes change.

    Applies to `source-ref` and to every attribute whose name ends in `-ref` and whose value is a string (masks). An old
    prefix matches whole segments: 's3://a/img' matches 's3://a/img/1.png', not 's3://a/img2/1.png'. Of several that
    match the longest is taken, once. An old prefix of '' stands for relative references.

    Parameters
    ----------
    source, dest
        Where from and where to; without `dest` the result is in the report.
    mapping : mapping of str to str
        Old prefix to new prefix; a '/' at their ends makes no difference.

    Raises
    ------
    ArgumentError
        An old prefix matches no reference, which is a typing error as a rule, or two are the same. A file at `dest` is
        then as it was.
    """
    rewriter = _Rewriter(mapping)
    data = deliver(rewriter.run(source, on_progress), dest)
    return RewriteReport(
        origin=origin_of(source), lines=rewriter.lines, changed=rewriter.changed, by_prefix=dict(rewriter.by_prefix),
        by_key=dict(rewriter.by_key), untouched=rewriter.untouched, broken=rewriter.broken,
        examples=tuple(rewriter.examples), data=data,
    )  # fmt: skip


class _Rewriter:
    def __init__(self, mapping: Mapping[str, str]) -> None:
        if not mapping:
            raise ArgumentError("no prefix to replace", hint='{"s3://old/folder": "s3://new/folder"}')
        self._new: dict[str, str] = {}
        self._written: dict[str, str] = {}
        for old, new in mapping.items():
            key = _plain(old)
            if key in self._new:
                raise ArgumentError(f"two new places for {old!r}")
            if not new.strip():
                raise ArgumentError(f"no new place for {old!r}")
            self._new[key], self._written[key] = new.rstrip("/") if new.rstrip("/:") else new, old
        self._longest_first = sorted(self._new, key=len, reverse=True)
        self.by_prefix = dict.fromkeys(mapping, 0)
        self.by_key: dict[str, int] = {}
        self.examples: list[tuple[int, str, str]] = []
        self.lines = self.changed = self.untouched = self.broken = 0
        self._other = ""  # the first reference that no prefix met: it shows what a prefix would look like

    def run(self, source: Source, on_progress: Progress | None) -> Iterator[bytes]:
        for number, raw in enumerate(cut(source, on_progress), 1):
            self.lines += 1
            yield self._line(number, raw)
        unused = [old for old, count in self.by_prefix.items() if not count]
        if unused:
            # Raised before the file is moved into its place: writing is whole or not at all.
            raise ArgumentError(
                f"no reference begins with {', '.join(repr(old) for old in unused)}",
                path=origin_of(source),
                hint="prefixes match whole segments; "
                + (f"the first of the others is {self._other!r}; " if self._other else "")
                + "lvtools stats shows those in use",
            )

    def _line(self, number: int, raw: bytes) -> bytes:
        data = raw.removeprefix(BOM) if number == 1 else raw
        body = data.strip(BLANK)
        value = parse(body)
        if value is None:
            self.broken += bool(body)
            return raw
        if not any(isinstance(part, str) for key, part in value.items() if key.endswith("-ref")):
            return raw
        document = Document(body)
        for name, _, row in document.members():
            if name.endswith("-ref") and document.kind(row) == Kind.STRING:
                old = document.value(row)
                new = self._moved(old)
                if new is None:
                    self.untouched += 1
                    self._other = self._other or old
                    continue
                self.by_key[name] = self.by_key.get(name, 0) + 1
                if new != old:
                    document.replace(row, dumps(new))
                    if len(self.examples) < _EXAMPLES:
                        self.examples.append((number, old, new))
        if not document.edits:
            return raw
        self.changed += 1
        at = raw.index(body)
        return raw[:at] + document.edited() + raw[at + len(body) :]

    def _moved(self, ref: str) -> str | None:
        plain = _lower_scheme(ref)
        for old in self._longest_first:
            if old == "":
                if "://" in ref or ref.startswith("/"):
                    continue
                rest = "/" + ref
            elif plain == old or plain.startswith(old + "/"):
                rest = plain[len(old) :]
            else:
                continue
            self.by_prefix[self._written[old]] += 1
            return self._new[old] + rest
        return None


def _plain(prefix: str) -> str:
    plain = _lower_scheme(prefix.strip())
    bare = plain.rstrip("/")
    if bare.endswith(":"):
        raise ArgumentError(f"the prefix {prefix!r} names no bucket", hint="s3://bucket or s3://bucket/folder")
    return bare


def _lower_scheme(ref: str) -> str:
    return "s3://" + ref[5:] if ref.startswith("S3://") else ref
