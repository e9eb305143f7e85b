"""The areas of more masks than fit into memory: tables one after the other, and files that survive a killed process."""

from __future__ import annotations

import os
import stat
import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, TypeAlias

import pyarrow as pa

from lvtools._version import __version__
from lvtools.errors import ArgumentError, ObjectError
from lvtools.masks.area_files import area_pieces, format_of
from lvtools.masks.areas import mask_areas_many
from lvtools.masks.classes import AlphaRule, Colors, as_color_map
from lvtools.masks.colors import MaskSource
from lvtools.masks.journal import Journal
from lvtools.masks.schemas import MASK_AREA_SCHEMA
from lvtools.masks.totals import AreaTotals
from lvtools.objects import is_remote, remote_version, write_object

JOURNAL_END = ".partial"
_FIRST_BATCH, _LAST_BATCH = 16, 1024  # masks; large batches keep the threads busy, small ones lose little to a kill
_BATCH_SECONDS = 1.0
_SETTLED_NS = 2 * 10**9  # file systems count time in up to 2 s: a younger file may change and not look changed

Mask: TypeAlias = MaskSource | ObjectError
_Rows: TypeAlias = list[tuple[Any, ...]]  # one mask's, in the order of the schema


def area_tables(
    masks: Iterable[Mask],
    color_map: Colors | None = None,
    *,
    alpha: AlphaRule = "opaque",
    threads: int | None = None,
    on_done: Callable[[int], object] | None = None,
) -> Iterator[pa.Table]:
    """The areas of any number of masks, a few hundred masks at a time.

    Parameters
    ----------
    masks : iterable of str, PathLike, bytes-like or ObjectError
        Read as it is needed, so a generator may stand for millions. An error takes the place of a mask that could not
        be found: it becomes the row of its `path`.
    color_map, alpha, threads, on_done
        As in `mask_areas_many`.

    Yields
    ------
    pyarrow.Table
        As `mask_areas_many` returns it; a mask's rows are in one table.

    Raises
    ------
    MaskError, ArgumentError
        As `mask_areas_many` for its arguments.
    """
    counter = _Counter(as_color_map(color_map), alpha, threads)
    numbered = enumerate(masks)
    done = 0
    while batch := list(islice(numbered, counter.size)):
        yield _table(counter.count(batch, done, on_done), alpha)
        done += len(batch)


def write_mask_areas(
    masks: Iterable[Mask],
    dest: str | os.PathLike[str],
    color_map: Colors | None = None,
    *,
    alpha: AlphaRule = "opaque",
    threads: int | None = None,
    form: str | None = None,
    resume: bool = False,
    on_done: Callable[[int], object] | None = None,
) -> AreaTotals:
    """Write the areas of any number of masks into a file, so that an interrupted run can be gone on with.

    What is found goes to `dest` + '.partial' first; the file itself is there whole or not at all. It depends on the
    masks and arguments only: not on threads, nor on how often the work was interrupted. Memory does not grow with the
    masks, but for 8 bytes each, and 16 for each that is in the journal of an interrupted run.

    Parameters
    ----------
    masks
        As in `area_tables`; sorted in any way that is the same in the next run.
    dest : str or PathLike
        A path or URI; names in .gz or .zst are packed. A bucket or a pipe has no place beside it for a journal: there
        nothing can be gone on with.
    color_map, alpha, threads, on_done
        As in `mask_areas_many`.
    form : {'csv', 'json', 'jsonl', 'parquet'}, optional
        By the end of the name when None. All have a row per mask and class; JSON is one document with the sums, and
        Parquet has them in its metadata.
    resume : bool
        Go on with the journal of an interrupted run, if there is one. Masks with another size or time of change than
        then are counted anew, and so are those that had been changed less than two seconds before they were counted.

    Returns
    -------
    AreaTotals
        The sums and classes over all masks, and the first errors.

    Raises
    ------
    ObjectError
        The journal of another run is there and `resume` is False, it was begun with other arguments, or something
        cannot be written.
    MaskError, ArgumentError
        As `mask_areas_many` for its arguments; the format is not known.
    """
    name = os.fspath(dest)
    kind = format_of(name, form)
    named = as_color_map(color_map)
    counter = _Counter(named, alpha, threads)
    classes = None if named is None else list(named.items())
    settings = {"lvtools": __version__, "alpha": alpha, "color_map": classes}
    totals = AreaTotals(alpha)
    beside = journal_of(name)
    if resume and beside is None:
        raise ArgumentError("only a file on this machine can be gone on with", hint="write a file, then copy it")
    with Journal(beside, settings, resume=resume) as journal:
        places = _collect(masks, journal, counter, on_done)
        write_object(dest, area_pieces(kind, _tables_of(journal, places, alpha), totals))
        journal.discard()
    return totals


def journal_of(dest: str | os.PathLike[str]) -> str | None:
    """Where an interrupted run leaves what it has found; None where it cannot."""
    name = os.fspath(dest)
    if name == "-" or is_remote(name):
        return None
    name = name.removeprefix("file://")
    folder = os.path.dirname(os.path.abspath(name))
    if not os.path.isdir(folder):  # said now, not when all the work is done
        raise ObjectError(f"the folder {folder} does not exist", path=name, hint="make it first, or name another place")
    if os.path.isdir(name):
        raise ObjectError("this is a folder, a file name is needed", path=name, hint="put a file name behind it")
    return name + JOURNAL_END if not os.path.exists(name) or os.path.isfile(name) else None


class _Counter:
    """Counts batches, whose size follows the time they take."""

    def __init__(self, color_map: Colors | None, alpha: AlphaRule, threads: int | None) -> None:
        self._how: dict[str, Any] = {"color_map": color_map, "alpha": alpha, "threads": threads}
        mask_areas_many([], **self._how)  # arguments that cannot be meant are told before any work
        self.size = _FIRST_BATCH

    def count(self, batch: list[tuple[int, Mask]], done: int, on_done: Callable[[int], object] | None) -> list[_Rows]:
        """The rows of each mask; bytes are called by the position that comes with them."""
        start = time.monotonic()
        good = [mask for _, mask in batch if not isinstance(mask, ObjectError)]
        table = mask_areas_many(good, **self._how, on_done=on_done and (lambda more: on_done(done + more)))
        found = [list(rows) for _, rows in groupby(_rows(table), itemgetter(0))]
        if len(found) != len(good):  # names that differ in bytes that are no text look alike
            found = [list(_rows(mask_areas_many([mask], **self._how))) for mask in good]
        seconds = time.monotonic() - start
        if seconds < _BATCH_SECONDS:
            self.size = min(2 * self.size, _LAST_BATCH)
        elif seconds > 4 * _BATCH_SECONDS:
            self.size = max(self.size // 2, 1)
        rest = iter(found)
        return [_named(mask, position, rest) for position, mask in batch]


def _named(mask: Mask, position: int, found: Iterator[_Rows]) -> _Rows:
    if isinstance(mask, ObjectError):
        blank = dict.fromkeys(MASK_AREA_SCHEMA.names) | {"mask": mask.path or str(position), "error": mask.message}
        return [tuple(blank.values())]
    rows = next(found)
    return rows if isinstance(mask, (str, os.PathLike)) else [(str(position), *row[1:]) for row in rows]


def _rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


def _table(masks: list[_Rows], alpha: str) -> pa.Table:
    """The rows of some masks as `mask_areas_many` has them, sums included."""
    at = {name: number for number, name in enumerate(MASK_AREA_SCHEMA.names)}
    good = [rows for rows in masks if rows[0][at["error"]] is None]
    sums = {
        "masks": len(good),
        "unreadable": len(masks) - len(good),
        "ambiguous_px": sum(rows[0][at["ambiguous_px"]] for rows in good),
        "unknown_px": sum(row[at["area_px"]] for rows in good for row in rows if row[at["class_name"]] is None),
        "pixels": sum(row[at["area_px"]] for rows in good for row in rows),
    }
    metadata = {"alpha": alpha, **{name: str(value) for name, value in sums.items()}}
    columns = list(zip(*(row for rows in masks for row in rows), strict=True))
    arrays = [pa.array(column, field.type) for column, field in zip(columns, MASK_AREA_SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=MASK_AREA_SCHEMA.with_metadata(metadata))


def _collect(
    masks: Iterable[Mask], journal: Journal, counter: _Counter, on_done: Callable[[int], object] | None
) -> array[int]:
    """Bring every mask's record into the journal that is not there yet; the records' places, in the masks' order."""
    places = array("q")
    source = iter(masks)
    while True:
        batch: list[tuple[int, Mask]] = []
        versions: list[list[int] | None] = []
        for mask in source:
            version = _version(mask)
            known = None if version is None else journal.find(os.fspath(mask), version)  # type: ignore[arg-type]
            if known is None:
                batch.append((len(places), mask))
                versions.append(version)
            places.append(-1 if known is None else known)
            if on_done is not None and known is not None:
                on_done(len(places) - len(batch))
            if len(batch) == counter.size:
                break
        if not batch:
            return places
        found = counter.count(batch, len(places) - len(batch), on_done)
        for (position, _), version, rows in zip(batch, versions, found, strict=True):
            kept = version if rows[0][-1] is None else None  # what could not be read may be there next time
            places[position] = journal.append([rows[0][0], kept, [row[1:] for row in rows]])
        journal.flush()


def _version(mask: Mask) -> list[int] | None:
    """What differs when a file has changed; None when that cannot be told."""
    if not isinstance(mask, (str, os.PathLike)) or isinstance(mask, ObjectError):
        return None
    name = os.fspath(mask)
    if is_remote(name):
        found = remote_version(name)
        return None if found is None else list(found)
    try:
        name.encode()  # the journal is text
        status = os.stat(name.removeprefix("file://"))
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode) or time.time_ns() - status.st_mtime_ns < _SETTLED_NS:
        return None
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _tables_of(journal: Journal, places: array[int], alpha: str) -> Iterator[pa.Table]:
    for at in range(0, len(places), _LAST_BATCH):
        records = map(journal.read, places[at : at + _LAST_BATCH])
        yield _table([[(name, *row) for row in rows] for name, _, rows in records], alpha)
