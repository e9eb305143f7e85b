"""Mend a manifest: first its lines (`layout`), then what stands on them (`values`), then the result is judged.

A file with one value per line is mended block by block, in memory of one block, the findings and the repairs. A file
with a value over several lines is held as a whole. Either way fixing a fixed file changes nothing.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lvtools.errors import ArgumentError, ManifestError
from lvtools.findings import BY_CODE, count_by_severity
from lvtools.manifest.edit.again import Again, TooLong, line_blocks, lines_of, rereadable
from lvtools.manifest.edit.layout import Item, Layout, Spread
from lvtools.manifest.edit.lines import BLANK, BLOCK_BYTES, Progress, deliver, ended, parse
from lvtools.manifest.edit.repaired import REPAIR_SCHEMA as REPAIR_SCHEMA
from lvtools.manifest.edit.repaired import Done, joined_tables, repair_table, repair_text
from lvtools.manifest.edit.repairs import check_prefix
from lvtools.manifest.edit.values import ValueRepairs
from lvtools.manifest.profile import check_profile
from lvtools.manifest.read import _choose, validate_blocks, validate_manifest
from lvtools.manifest.scan import BLOCK_BYTES as HEAD_BYTES
from lvtools.manifest.scan import _binary
from lvtools.objects import Source, Spool, is_remote, write_object

MAX_ROUNDS = 3  # repairs that move lines out of sight of who chooses the profile: not seen but in tests
_GROUP = 10_000  # lines mended at a time
# Without these a block has one sound object per line.
_DISORDER = {code for code in BY_CODE if code.startswith("LV0")} - {"LV002", "LV003", "LV010", "LV024"}


@dataclass(frozen=True)
class FixReport:
    """What `fix_manifest` did.

    Attributes
    ----------
    origin : str
        The source's name.
    lines : int
        How many the result has.
    changed : bool
        Does the result differ from the source?
    repairs : pyarrow.Table
        `REPAIR_SCHEMA`: every repair, with the bytes before and after.
    findings : pyarrow.Table
        `FINDING_SCHEMA`: what is wrong with the result, by its own line numbers; after a dry run and for standard
        output by those of the source.
    data : bytes or None
        The mended manifest when no destination was given.
    rejected : bytes
        Lines that could not be cured, as they stood; they are not in the result.
    rejected_to : str or None
        The file they were written to.
    """

    origin: str
    changed: bool
    lines: int
    repairs: pa.Table
    findings: pa.Table
    data: bytes | None
    rejected: bytes = b""
    rejected_to: str | None = None

    @property
    def errors(self) -> int:
        """How many errors the result still has."""
        return int(count_by_severity(self.findings)["error"])

    def to_text(self, *, everything: bool = False) -> str:
        """The repairs, grouped by code, with a few examples each (all of them with `everything`)."""
        return "".join(repair_text(self.origin, self.repairs, everything))


def fix_manifest(
    source: Source,
    dest: str | os.PathLike[str] | None = None,
    *,
    unsafe: bool = False,
    profile: str = "auto",
    prefix: str | None = None,
    drop_broken: bool = False,
    rejected: str | os.PathLike[str] | None = None,
    dry_run: bool = False,
    on_progress: Progress | None = None,
) -> FixReport:
    """Mend what can be mended in a manifest; all other bytes stay as they are.

    Parameters
    ----------
    source : path, URI, '-', or bytes
        The manifest. With one value per line it is worked on in blocks; with values over several lines it is held.
    dest : path, URI or '-', optional
        Where the result goes, whole or not at all; may be the source. Without it the result is in the report.
    unsafe : bool
        Also make repairs that decide something for you: quotes of printed Python dicts, missing values, broken
        references. Lines that still cannot be read are then moved to `rejected`.
    profile : {'auto', 'lookoutvision', 'rekognition', 'groundtruth'}
        Whose rules to mend by.
    prefix : str, optional
        's3://bucket/folder' to put before relative references.
    drop_broken : bool
        Move lines that cannot be read to `rejected` without making unsafe repairs.
    rejected : path or URI, optional
        Where the lines go that cannot be cured; default: `dest` with '.rejected' behind it.
    dry_run : bool
        Only report.
    on_progress : callable, optional
        Called now and then with the number of bytes of the source that were worked on.

    Raises
    ------
    ObjectError
        The source cannot be read, or the destination not written.
    ManifestError
        The source is no text at all.
    ArgumentError
        No such profile, a prefix that is none, or rejected lines that have nowhere to go.
    """
    check_profile(profile)
    if prefix is not None and not check_prefix(prefix):
        raise ArgumentError(f"the prefix {prefix!r} is no place in S3", hint="write s3://bucket/folder")
    fixer = _Fixer(unsafe=unsafe, profile=profile, prefix=prefix, reject=unsafe or drop_broken)
    with rereadable(source) as again, Spool() as spool:
        findings = fixer.run(again, spool, on_progress)
        rest = b"".join(raw for _, raw in sorted(fixer.rejected, key=lambda one: one[0]))
        target = _rejected_to(source, dest, rejected) if rest and not dry_run and dest is not None else None
        data = None
        if dest is None:
            data = b"".join(fixer.result())
        elif not dry_run:
            if target is not None:
                write_object(target, rest)  # first: what is taken out of the file must exist elsewhere
            if fixer.changed or dest == "-" or not _same_file(source, dest):
                deliver(fixer.result(), dest)
    if dry_run or dest == "-":  # whoever reads the findings has the source at hand, not the result
        findings = _at_source(findings, np.frombuffer(fixer.numbers, np.int64))
    elif dest is not None:
        findings = _named(findings, os.fspath(dest))
    return FixReport(
        origin=again.origin, changed=fixer.changed, lines=len(fixer.numbers), repairs=joined_tables(fixer.repairs),
        findings=findings, data=data, rejected=rest, rejected_to=target,
    )  # fmt: skip


def _same_file(source: Source, dest: str | os.PathLike[str]) -> bool:
    try:
        return isinstance(source, (str, os.PathLike)) and os.path.samefile(source, dest)
    except (OSError, ValueError):
        return False


def _same_name(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    if is_remote(one) or is_remote(other):
        return os.fspath(one) == os.fspath(other)
    return os.path.realpath(one) == os.path.realpath(other)


def _rejected_to(source: Source, dest: str | os.PathLike[str], wanted: str | os.PathLike[str] | None) -> str:
    name = os.fspath(dest)
    if wanted is not None:
        for other in (name, source):
            if isinstance(other, (str, os.PathLike)) and _same_name(wanted, other):
                raise ArgumentError(f"rejected lines would go over {os.fspath(other)}", hint="name another file")
        return os.fspath(wanted)
    if name == "-":
        raise ArgumentError(
            "some lines cannot be cured, and standard output has no file beside it",
            hint="name one: rejected= (--rejected)",
        )
    candidate, number = f"{name}.rejected", 2
    while not is_remote(candidate) and os.path.exists(candidate):
        candidate, number = f"{name}.rejected-{number}", number + 1  # an earlier run's lines are somebody's data
    return candidate


class _Fixer:
    """The work on one manifest: what was done, and the result."""

    def __init__(self, *, unsafe: bool, profile: str, prefix: str | None, reject: bool) -> None:
        self._unsafe, self._reject, self._asked = unsafe, reject, profile
        self._values = ValueRepairs(unsafe=unsafe, prefix=prefix)
        self._unclean = pa.array(sorted({*_DISORDER, *self._values.codes}))
        self._forget()

    def _forget(self) -> None:
        self.numbers = array("q")  # for every line of the result, that of the source
        self.rejected: list[tuple[int, bytes]] = []
        self.repairs: list[pa.Table] = []
        self._profile = ""  # chosen when the first lines are settled

    @property
    def changed(self) -> bool:
        """Is there anything that differs from the source?"""
        return bool(self.rejected or self.repairs)

    def run(self, again: Again, spool: Spool, on_progress: Progress | None) -> pa.Table:
        """Mend the source into the spool; the findings of the result."""
        self._result: Again | Spool = spool
        if (what := _binary(next(again.blocks(HEAD_BYTES), b""))) is not None:
            raise ManifestError(f"this is no manifest: {what}", path=again.origin)
        try:
            self._by_blocks(again.line_blocks(on_progress=on_progress), spool)
        except (Spread, TooLong):
            self._forget()
            spool.clear()
            layout = Layout(self._unsafe, self._reject)
            layout.add_file(b"".join(again.blocks()))
            self._put(layout, layout.take(), spool)
        if self.changed and _binary(next(self.result(HEAD_BYTES), b"")) is not None:
            self._forget()  # without its first lines the file looks like a picture: leave it as it is
        if not self.changed:
            self._result = again
            count, last = 0, b"\n"
            for block in again.blocks():
                count, last = count + block.count(b"\n"), block[-1:]
            self.numbers = array("q", range(1, count + (last != b"\n") + 1))
        findings = validate_blocks(self.result(HEAD_BYTES), again.origin, self._asked)
        for _ in range(MAX_ROUNDS):
            profile = (findings.schema.metadata or {})[b"profile"].decode()
            if not self.changed or profile == self._profile:
                break
            self._once_more(profile, spool)
            findings = validate_blocks(self.result(HEAD_BYTES), again.origin, self._asked)
        return findings

    def result(self, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
        """The mended manifest; the source itself when nothing was to be mended."""
        return self._result.blocks(block_bytes)

    def _by_blocks(self, blocks: Iterable[bytes], spool: Spool) -> None:
        layout = Layout(self._unsafe, self._reject)
        waiting: list[Item] = []
        number, size = 1, 0
        for block in blocks:
            if self._profile and self._is_clean(block):
                count = block.count(b"\n") + (not block.endswith(b"\n"))
                self.numbers.extend(range(number, number + count))
                spool.write(block)
                layout.started = True
                number += count
                continue
            lines = lines_of(block)
            layout.add_lines(lines, number)
            number += len(lines)
            items = layout.take()
            waiting += items
            size += sum(len(item.raw) for item in items)
            if size >= HEAD_BYTES:  # enough to choose the profile by
                self._put(layout, waiting, spool)
                waiting = []
        self._put(layout, waiting, spool)

    def _is_clean(self, block: bytes) -> bool:
        """Is there one sound object per line, and nothing that a repair is known for?"""
        codes = validate_manifest(block, profile=self._profile, threads=1)["code"].cast(pa.string())
        return not pc.any(pc.is_in(codes, self._unclean)).as_py()

    def _put(self, layout: Layout, items: list[Item], spool: Spool) -> None:
        """Mend the values of settled lines and pass them on."""
        if not self._profile:
            head = b"".join(ended(item.raw) for item in items)[:HEAD_BYTES]
            self._profile = _choose(self._asked, head).name
        for at in range(0, len(items), _GROUP):
            group = items[at : at + _GROUP]
            self._values.mend(group, self._profile)
            self.numbers.extend(item.line for item in group)
            spool.write(b"".join([item.raw for item in group]))
            self._note([one for item in group for one in item.done])
        self._note(layout.gone)
        self.rejected += layout.rejected
        layout.gone, layout.rejected = [], []

    def _note(self, repairs: list[Done]) -> None:
        if repairs:
            self.repairs.append(repair_table(repairs))

    def _once_more(self, profile: str, spool: Spool) -> None:
        """The repairs moved lines out of sight of who chooses the profile, and another one was chosen."""
        self._profile = profile
        numbers, self.numbers = self.numbers, array("q")
        with Spool() as earlier:
            for block in spool.blocks():
                earlier.write(block)
            spool.clear()
            layout = Layout(self._unsafe, self._reject)
            for block in line_blocks(earlier.blocks()):
                first = len(self.numbers)
                items = [Item(raw, numbers[first + at]) for at, raw in enumerate(lines_of(block))]
                for item in items:
                    item.sound = parse(item.raw.strip(BLANK)) is not None
                self._put(layout, items, spool)


def _named(findings: pa.Table, origin: str) -> pa.Table:
    """The findings as those of a file of that name."""
    name = pa.DictionaryArray.from_arrays(pa.array([0] * findings.num_rows, pa.int32()), pa.array([origin]))
    metadata = {**(findings.schema.metadata or {}), b"origin": origin.encode("utf-8", "backslashreplace")}
    return findings.set_column(0, findings.schema.field(0), name).replace_schema_metadata(metadata)


def _at_source(findings: pa.Table, source_lines: np.ndarray[Any, Any]) -> pa.Table:
    """The findings of the result at the lines of the source; columns are those of the mended line, offsets are lost."""
    source_lines = np.concatenate([np.zeros(1, np.int64), source_lines])
    for name in ("line", "related_line"):
        numbers = findings[name].combine_chunks()
        known = pc.if_else(pc.less(numbers, len(source_lines)), numbers, None)
        at = findings.schema.get_field_index(name)
        lines = pc.coalesce(pa.array(source_lines).take(known), numbers)
        findings = findings.set_column(at, findings.schema.field(at), lines)
    at = findings.schema.get_field_index("byte_offset")
    return findings.set_column(at, findings.schema.field(at), pa.nulls(findings.num_rows, pa.int64()))
