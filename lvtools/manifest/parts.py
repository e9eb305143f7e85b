"""A manifest's bytes in ranges that can be read at once: each begins where, beyond doubt, a line's object begins."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from lvtools.manifest.scan import _binary
from lvtools.objects import Source, is_packed, is_remote, open_source

MIN_PART_BYTES = 2**24  # some 7 ms of work; below this a thread costs more than it gives
MAX_PART_BYTES = 2**28  # box names can outgrow the input five times, and a column of texts ends at 2 GB
BLOCK_BYTES = 2**20
_SEARCH_BYTES = 2**18


def count_threads(size: int, threads: int | None) -> int:
    """How many to use for so many bytes, when the caller does not say."""
    if threads is not None:
        return max(1, threads)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, size // MIN_PART_BYTES))


def cut(size: int, parts: int, window: Callable[[int, int], bytes]) -> list[int]:
    """Where the parts of a manifest of `size` bytes begin, and its end; `window` gives bytes at a place.

    A cut stands behind a line that ends in '}' and before one that starts with '{'. Inside a value that is spread over
    lines this cannot be, except in a broken one: whoever meets a spread value in a part starts again in one part.
    """
    bounds = [0]
    if parts > 1 and _binary(window(0, 4096)) is None:
        for number in range(1, parts):
            start = max(size * number // parts, bounds[-1] + 1)
            found = _boundary(window(start, _SEARCH_BYTES))
            if found and start + found < size:
                bounds.append(start + found)
    return [*bounds, size]


def _boundary(text: bytes) -> int:
    at = text.find(b"\n{")
    while at >= 0:
        if text[:at].rstrip(b"\r").endswith(b"}") and text[at + 2 : at + 3] == b'"':
            return at + 1
        at = text.find(b"\n{", at + 1)
    return 0


def file_of(source: Source) -> str | None:
    """The path of a source that several can read from at different places; None for streams, buckets, packed files."""
    if not isinstance(source, (str, os.PathLike)) or source == "-" or is_remote(source):
        return None
    name = os.fspath(source)
    return name if os.path.isfile(name) and not is_packed(name) else None


def slices_of(data: bytes, start: int, end: int) -> Iterator[bytes]:
    """A range of bytes in memory: all of it uncopied, a part in pieces that end with a line and stay in the cache."""
    if start == 0 and end == len(data):
        yield data
        return
    while start < end:
        stop = min(start + BLOCK_BYTES, end)
        if stop < end:
            cut_at = data.rfind(b"\n", start, stop)
            stop = cut_at + 1 if cut_at >= 0 else stop
        yield data[start:stop]
        start = stop


def blocks_of(name: str, start: int, end: int, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """A range of a file in pieces."""
    with open_source(name) as stream:
        stream.seek(start)
        while start < end and (block := stream.read(min(block_bytes, end - start))):
            start += len(block)
            yield block
