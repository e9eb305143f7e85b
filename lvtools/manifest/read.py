"""Read and validate manifests: bytes to the entries table and the findings table."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import orjson
import pyarrow as pa

from lvtools.dataset import ENTRY_SCHEMA, ColorMap, Dataset
from lvtools.errors import ArgumentError, MaskError
from lvtools.manifest.across import Across
from lvtools.manifest.columns import Columns, wanted_bits
from lvtools.manifest.fast import MAX_ENTRY_CHARS as MAX_ENTRY_CHARS
from lvtools.manifest.fast import Slice
from lvtools.manifest.judged import Judged
from lvtools.manifest.parts import MAX_PART_BYTES, blocks_of, count_threads, cut, file_of, slices_of
from lvtools.manifest.profile import PEEK_LINES, Profile, check_profile, choose_profile
from lvtools.manifest.scan import BLOCK_BYTES
from lvtools.objects import Source, origin_of, read_blocks, read_source

STEP_BYTES = 8 * 2**20  # of a part, when there are many: what a part of faulty lines knows of them can be as large
MANY_PARTS_BYTES = 2**27  # below this all parts may wait for each other, which costs less
DRAIN_BYTES = 2**17  # of a block, when findings are passed on: every byte of one may be a fault


def read_manifest(
    source: Source,
    *,
    profile: str = "auto",
    columns: Sequence[str] | None = None,
    attribute: str | None = None,
    threads: int | None = None,
) -> Dataset:
    """Read a manifest into the hub table without losing a byte.

    Parameters
    ----------
    source : path, URI, '-', or bytes
        JSON Lines of Lookout for Vision, Ground Truth or Rekognition Custom Labels.
    profile : {'auto', 'lookoutvision', 'rekognition', 'groundtruth'}
        Whose rules to judge by; 'auto' looks at the first lines.
    columns : sequence of str, optional
        Names of `ENTRY_SCHEMA` to keep, the others are judged only; leaving out 'raw' frees the file's bytes.
    attribute : str, optional
        The label attribute that gives `class_name`, when lines have several; default: the first that is no prediction.
    threads : int, optional
        How many parts of the file to read at once; default: by its size and the machine. The answer is the same.

    Returns
    -------
    Dataset
        A row per line, faulty and blank lines included. Joining the `raw` column gives the file's bytes back.

    Raises
    ------
    ObjectError
        The source cannot be read.
    ArgumentError
        No such profile or column.
    """
    check_profile(profile)
    names = ENTRY_SCHEMA.names if columns is None else list(columns)
    for name in names:
        if name not in ENTRY_SCHEMA.names:
            raise ArgumentError(f"there is no column {name!r}", hint=", ".join(ENTRY_SCHEMA.names))
    data = read_source(source)
    chosen = _choose(profile, data)
    count = max(count_threads(len(data), threads), -(-len(data) // MAX_PART_BYTES))
    bounds = cut(len(data), count, lambda at, size: data[at : at + size])
    job = Judged(origin_of(source), chosen, wanted_bits(names), attribute, hold=True)
    job.run(
        bounds,
        lambda start, end: slices_of(data, start, end) if start == 0 and end == len(data) else Slice(data, start, end),
        lambda at, length: data[at : at + length].decode(),
        count_threads(len(data), threads),
    )
    schema = pa.schema([ENTRY_SCHEMA.field(name) for name in names])
    batches = []
    for part, lines, end in zip(job.parts, job.lines_before, job.bounds[1:], strict=True):
        part.engine.close(lines, end)
        arrays = Columns(part.engine, part.labels).batch(names, data)
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
    table = pa.Table.from_batches(batches, schema=schema)
    return Dataset(
        table.unify_dictionaries() if len(batches) > 1 else table,
        job.table(),
        tuple(_color_maps(job.across)),
        origin_of(source),
        chosen.name,
        job.statistics(),
    )


def validate_manifest(
    source: Source,
    *,
    profile: str = "auto",
    on_progress: Callable[[int], None] | None = None,
    threads: int | None = None,
    max_findings: int | None = None,
    on_findings: Callable[[pa.Table], None] | None = None,
) -> pa.Table:
    """Find everything that is wrong with a manifest, in one pass and without holding the file.

    Memory: blocks, the findings that are listed, 24 to 48 bytes a line to recognise a reference that comes again, 16
    for an anomaly without a mask, and every distinct class name and color map. With several threads a part whose turn
    has not come keeps 56 bytes a line, and of a line of the slow path about 1 KB.

    Parameters
    ----------
    source, profile, threads
        As for `read_manifest`; only files and bytes are read in several parts.
    on_progress : callable, optional
        Called now and then with the number of bytes seen so far.
    max_findings : int, optional
        List the first so many findings of each code and count the others; default: list all.
    on_findings : callable, optional
        Called now and then with the findings since the last call, in the order of the file; those that only the whole
        file shows come last. They are not held, and no rows of the result. The file is then read in one part.

    Returns
    -------
    pyarrow.Table
        `FINDING_SCHEMA`. The schema's metadata tell `profile`, `profile_reason`, `origin` and `statistics` (JSON), and
        with `max_findings` or `on_findings` also `counts`: how many of each code there are (JSON).

    Raises
    ------
    ObjectError
        The source cannot be read.
    ArgumentError
        No such profile, or `max_findings` is negative.
    """
    return judge(
        source, profile=profile, on_progress=on_progress, threads=threads, max_findings=max_findings,
        on_findings=on_findings,
    ).table()  # fmt: skip


def judge(
    source: Source | Callable[[int], Iterable[bytes]],
    *,
    profile: str,
    on_progress: Callable[[int], None] | None = None,
    threads: int | None = None,
    max_findings: int | None = None,
    on_findings: Callable[[pa.Table], None] | None = None,
    origin: str | None = None,
) -> Judged:
    """`validate_manifest`, for who has more to say of the same file: findings can be added before `Judged.table`.

    A source can also be a function that gives blocks of at most so many bytes; `origin` is then its name.
    """
    check_profile(profile)
    if max_findings is not None and max_findings < 0:
        raise ArgumentError(f"max_findings cannot be {max_findings}", hint="a number from 0 on, or None for all")
    size = BLOCK_BYTES if on_findings is None else DRAIN_BYTES
    if callable(source):
        return _judge_blocks(source(size), origin or "", profile, on_progress, max_findings, on_findings)
    name = file_of(source)
    if on_findings is None and isinstance(source, bytes):
        return _judge_bytes(source, profile, threads, on_progress, max_findings)
    if on_findings is None and name is not None:
        return _judge_file(name, origin_of(source), profile, threads, on_progress, max_findings)
    return _judge_blocks(read_blocks(source, size), origin_of(source), profile, on_progress, max_findings, on_findings)


def validate_blocks(
    blocks: Iterable[bytes], origin: str, profile: str, on_progress: Callable[[int], None] | None = None
) -> pa.Table:
    """`validate_manifest` of what comes in pieces; the first decides on the profile and should have `BLOCK_BYTES`."""
    return _judge_blocks(blocks, origin, profile, on_progress, None, None).table()


def _judge_blocks(
    blocks: Iterable[bytes],
    origin: str,
    profile: str,
    on_progress: Callable[[int], None] | None,
    max_findings: int | None,
    on_findings: Callable[[pa.Table], None] | None,
) -> Judged:
    stream = iter(blocks)
    first: list[bytes] = []
    while sum(map(len, first)) < BLOCK_BYTES and (block := next(stream, b"")):
        first.append(block)
    job = Judged(origin, _choose(profile, b"".join(first)), 0, None, on_progress, max_findings, on_findings)
    job.run([0, 0], lambda start, end: job.drained(itertools.chain(first, stream)), lambda at, length: "", 1)
    return job


def _judge_bytes(
    data: bytes,
    profile: str,
    threads: int | None,
    on_progress: Callable[[int], None] | None,
    max_findings: int | None,
) -> Judged:
    job = Judged(origin_of(data), _choose(profile, data), 0, None, on_progress, max_findings, None)
    count = count_threads(len(data), threads)
    job.run(
        cut(len(data), _parts(len(data), count, on_progress), lambda at, size: data[at : at + size]),
        lambda start, end: slices_of(data, start, end) if start == 0 and end == len(data) else Slice(data, start, end),
        lambda at, length: data[at : at + length].decode(),
        count,
    )
    return job


def _judge_file(
    name: str,
    origin: str,
    profile: str,
    threads: int | None,
    on_progress: Callable[[int], None] | None,
    max_findings: int | None,
) -> Judged:
    def window(at: int, size: int) -> bytes:
        return b"".join(blocks_of(name, at, at + size, size))

    head = window(0, BLOCK_BYTES)
    size = os.path.getsize(name)
    count = count_threads(size, threads)
    job = Judged(origin, _choose(profile, head), 0, None, on_progress, max_findings, None)
    del head
    job.run(
        cut(size, _parts(size, count, on_progress), window),
        lambda start, end: (
            job.drained(blocks_of(name, start, end)) if end - start == size else blocks_of(name, start, end)
        ),
        lambda at, length: window(at, length).decode(),
        count,
    )
    return job


def _parts(size: int, threads: int, on_progress: Callable[[int], None] | None) -> int:
    """How many parts a file that is only judged is read in: a large one in many, of which few wait at a time."""
    if threads > 1 and (size > MANY_PARTS_BYTES or on_progress is not None):
        return max(threads, -(-size // STEP_BYTES))
    return threads


def _choose(profile: str, head: bytes) -> Profile:
    """The profile of a manifest that begins with these bytes, when the user names none."""
    return choose_profile(_first_objects(head)) if profile == "auto" else Profile(profile, "asked for")


def _first_objects(head: bytes) -> Iterator[dict[str, Any]]:
    """The objects at the start of a file, as far as they can be read at all; no findings, no places."""
    found = False
    at, end = 3 if head.startswith(b"\xef\xbb\xbf") else 0, min(len(head), BLOCK_BYTES)
    for _ in range(PEEK_LINES):
        cut_at = head.find(b"\n", at, end)
        stop = cut_at if cut_at >= 0 else end
        try:
            value = orjson.loads(head[at:stop])
        except orjson.JSONDecodeError:
            value = None
        if isinstance(value, dict):
            found = True
            yield value
        if cut_at < 0:
            break
        at = stop + 1
    if not found and len(head) < BLOCK_BYTES:
        try:
            value = orjson.loads(head.removeprefix(b"\xef\xbb\xbf"))  # one pretty-printed value?
        except orjson.JSONDecodeError:
            return
        yield from (
            one for one in (value if isinstance(value, list) else [value])[:PEEK_LINES] if isinstance(one, dict)
        )


def _color_maps(across: Across) -> Iterator[ColorMap]:
    maps: dict[ColorMap, None] = {}
    for classes in across.color_maps:
        pairs = [(name, color) for name, color in classes if color is not None]
        with contextlib.suppress(MaskError):  # two colours for a class: reported as LV188, and no map can hold it
            maps.setdefault(ColorMap(pairs))
    return iter(maps)
