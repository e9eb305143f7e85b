"""A manifest's entries a part at a time: the table of `read_manifest` for what needs no more than a part of it.

Only the entries: what is wrong with the file is `validate_manifest`'s to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from lvtools.dataset import ENTRY_SCHEMA
from lvtools.findings import FindingList
from lvtools.manifest.columns import Columns, wanted_bits
from lvtools.manifest.fast import Part, Several
from lvtools.manifest.profile import Profile
from lvtools.manifest.read import _choose
from lvtools.manifest.scan import BLOCK_BYTES as HEAD_BYTES

__all__ = ["HEAD_BYTES", "Several", "head_profile", "read_batches"]

PART_BYTES = 16 * 2**20  # an engine learns its templates anew for every part: that should not show


def head_profile(blocks: Iterable[bytes], profile: str) -> Profile:
    """The profile of a manifest whose first block has `HEAD_BYTES`, or all of it."""
    return _choose(profile, next(iter(blocks), b""))


def read_batches(
    blocks: Iterable[bytes],
    columns: Sequence[str],
    *,
    profile: str,
    attribute: str | None = None,
    whole: bool = False,
    part_bytes: int | None = None,
) -> Iterator[tuple[pa.Table, int]]:
    """Tables whose rows together are those of `read_manifest`, each with the file's offset of its first line.

    Parameters
    ----------
    blocks : iterable of bytes
        The file.
    columns, attribute
        As for `read_manifest`.
    profile : str
        One of `PROFILES`, not 'auto'.
    whole : bool
        Read the file in one part, in memory of all of it.
    part_bytes : int, optional
        How large the parts are.

    Raises
    ------
    Several
        A value does not end on its line, and `whole` is not set: parts cannot be told apart. Start again with it.
    """
    schema = pa.schema([ENTRY_SCHEMA.field(name) for name in columns])
    base = lines = 0
    for data, last in _parts(blocks, None if whole else part_bytes or PART_BYTES):
        part = Part(
            [data], FindingList("", profile), want=wanted_bits(columns), attribute=attribute, base=base,
            alone=whole or (last and not base), last=last,
        ).read()  # fmt: skip
        part.engine.close(lines, base + len(data))
        arrays = Columns(part.engine, part.labels).batch(columns, data, base)
        yield pa.Table.from_batches([pa.RecordBatch.from_arrays(arrays, schema=schema)]), base
        lines += part.scanner.lines_seen
        base += len(data)


def _parts(blocks: Iterable[bytes], part_bytes: int | None) -> Iterator[tuple[bytes, bool]]:
    """The file in parts that begin where, beyond doubt, a line's object begins; and whether a part is the last."""
    held: list[bytes] = []
    size = 0
    for block in blocks:
        held.append(block)
        size += len(block)
        if part_bytes is not None and size > part_bytes:
            text = b"".join(held)
            cut = _last_boundary(text)
            if cut:
                yield text[:cut], False
            held, size = [text[cut:]], len(text) - cut
            part_bytes = max(part_bytes, 2 * size) if not cut else part_bytes
    yield b"".join(held), True


def _last_boundary(text: bytes) -> int:
    r"""Behind a line that ends in '}' and before one that starts with '{"', the last such place; 0: there is none."""
    at = text.rfind(b'\n{"')
    while at > 0:
        if text[max(at - 2, 0) : at].rstrip(b"\r").endswith(b"}"):
            return at + 1
        at = text.rfind(b'\n{"', 0, at)
    return 0
