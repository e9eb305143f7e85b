"""Divide a manifest into training and test, or into folds: the same images always come to the same side.

An image's place follows from a hash of the seed and its `source-ref`, so the order of lines plays no part. Counts per
class are exact: shares are rounded by the method of largest remainders.
"""

from __future__ import annotations

import hashlib
import os
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

from lvtools.errors import ArgumentError, ObjectError
from lvtools.manifest.edit.again import rereadable
from lvtools.manifest.edit.entries import Entries, EntryReader
from lvtools.manifest.edit.lines import OnBroken, Progress, joined, joined_groups, stages
from lvtools.objects import Source, Spool, is_remote, write_object

Group: TypeAlias = str | Callable[[str], str]
STRATA = ("class_name", "label", "job_name", "human_annotated", "anomaly_classes", "mask")
MAX_FOLDS = 1000
_HELD_BYTES = 32 * 2**20  # of lines that wait for being written to their parts


@dataclass(frozen=True)
class Split:
    """The parts of a manifest.

    Attributes
    ----------
    parts : dict of str to bytes
        'train' and 'test', or 'fold-1', 'fold-2', ...: every line is in exactly one of them, in the source's order.
        Empty when the parts were written to files, or only asked about.
    counts : dict of str to dict
        Lines per part and class (or what `by` says); 'unlabeled' for images without.
    written : tuple of str
        The files they were written to, or would be in a dry run.
    """

    origin: str
    parts: Mapping[str, bytes]
    counts: Mapping[str, Mapping[str, int]]
    lines: int
    warnings: tuple[str, ...] = field(default=())
    written: tuple[str, ...] = field(default=())

    def train(self, fold: int | None = None) -> bytes:
        """The training lines; of folds: all but `fold` (1-based)."""
        if "train" in self.parts:
            return self.parts["train"]
        left_out = self._fold(fold)
        return b"".join(joined(part for name, part in self.parts.items() if name != left_out and part))

    def test(self, fold: int | None = None) -> bytes:
        """The test lines; of folds: those of `fold` (1-based)."""
        return self.parts["test"] if "test" in self.parts else self.parts[self._fold(fold)]

    def _fold(self, fold: int | None) -> str:
        if f"fold-{fold}" not in self.parts:
            raise ArgumentError(f"there is no fold {fold}", hint=f"1 to {len(self.counts)}")
        return f"fold-{fold}"

    def files(self, stem: str, suffix: str = ".manifest") -> dict[str, bytes]:
        """The files this split is written as: STEM.train, STEM.test, or both for every fold."""
        named = _files(list(self.counts), stem, suffix)
        return {name: b"".join(joined(self.parts[part] for part in parts if self.parts[part])) for name, parts in named}

    def write(self, stem: str | os.PathLike[str], suffix: str = ".manifest") -> list[str]:
        """Write `files`; return their names."""
        files = self.files(os.fspath(stem), suffix)
        for name, data in files.items():
            write_object(name, data)
        return list(files)


def split_manifest(
    source: Source,
    dest: str | os.PathLike[str] | None = None,
    *,
    test: float | int = 0.2,
    by: str | None = "class_name",
    group: Group | None = None,
    folds: int | None = None,
    seed: int = 0,
    profile: str = "auto",
    attribute: str | None = None,
    on_broken: OnBroken = "error",
    suffix: str = ".manifest",
    overwrite: bool = True,
    dry_run: bool = False,
    on_progress: Progress | None = None,
) -> Split:
    """Divide a manifest so that every line is in one part and no image in two.

    Parameters
    ----------
    source : path, URI, '-', or bytes
        The manifest. Read twice; digests of the images are held, not the lines.
    dest : path or URI, optional
        The stem of files to write: STEM.train.manifest, ..., each whole or not at all. Without it the parts are in
        the result.
    test : float or int
        Share of the test part (0 < test < 1), or its number of lines.
    by : {'class_name', 'label', 'job_name', 'human_annotated', 'anomaly_classes', 'mask'} or None
        What shall be spread evenly; None: nothing. 'anomaly_classes' are the classes in the color map.
    group : str or callable, optional
        Images of one group stay together: a regular expression on `source-ref` (its first group, or all it matches), or
        a function of it. Counts are then as near as groups allow. Images the expression does not match stand alone.
    folds : int, optional
        Make this many parts of equal size instead of training and test.
    seed : int
        Another seed, another division.
    profile, attribute, on_broken, on_progress
        As for `filter_manifest`. Kept broken lines are divided by their bytes.
    suffix : str
        How the names of files end; '.gz' and '.zst' pack them.
    overwrite : bool
        Write over files that exist.
    dry_run : bool
        Only count.

    Raises
    ------
    ArgumentError
        A share, number of folds or expression that cannot be meant.
    ManifestError
        A line cannot be read and `on_broken` is 'error'.
    ObjectError
        The source cannot be read, or a file not written.
    """
    if by is not None and by not in STRATA:
        raise ArgumentError(f"cannot spread by {by!r}", hint=", ".join(STRATA))
    if folds is not None and (isinstance(folds, bool) or not 2 <= folds <= MAX_FOLDS):
        raise ArgumentError(f"folds cannot be {folds!r}", hint=f"2 to {MAX_FOLDS}")
    column = "mask_ref" if by == "mask" else by
    names = [f"fold-{number}" for number in range(1, folds + 1)] if folds else ["test", "train"]
    shown = names if folds else names[::-1]
    files = [] if dest is None else _files(shown, os.fspath(dest), suffix)
    if not overwrite and not dry_run:
        for name, _ in files:
            if not is_remote(name) and os.path.exists(name):
                raise ObjectError(
                    "this file exists already",
                    path=name,
                    hint="overwrite=True (--force) writes over it; or take another stem (-o)",
                )
    key = _key_of(group)
    first, second = stages(on_progress, 2)
    with rereadable(source) as again, Spool() as spool:
        reader = EntryReader(
            again, [column] if column else [], profile=profile, attribute=attribute, on_broken=on_broken
        )
        units = reader.attempt(lambda: _Units(reader.parts(first), by, key, seed))
        sizes = units.sizes()
        targets = _shares(sizes, test) if folds is None else _equal_shares(sizes, folds)
        place = units.placed(targets)
        parts = _Parts(spool, len(names))
        if not dry_run:
            row = 0
            for entries in reader.parts(second):
                parts.put(entries.raws, place[row : row + len(entries.raws)])
                row += len(entries.raws)
        for name, members in [] if dry_run else files:
            write_object(name, parts.pieces([names.index(one) for one in members]))
        held = {} if dry_run or dest is not None else {
            name: b"".join(parts.pieces([names.index(name)])) for name in shown
        }  # fmt: skip
    counts = units.counts(place, len(names))
    return Split(
        origin=again.origin,
        parts=held,
        counts={name: counts[names.index(name)] for name in shown},
        lines=len(place),
        warnings=tuple(f"{name} is empty" for name in shown if not counts[names.index(name)] and len(place)),
        written=tuple(name for name, _ in files),
    )


def _files(parts: Sequence[str], stem: str, suffix: str) -> list[tuple[str, list[str]]]:
    """Names of files, and the parts that each holds."""
    if "train" in parts:
        return [(f"{stem}.{name}{suffix}", [name]) for name in parts]
    return [
        (f"{stem}.{name}.{side}{suffix}", [one for one in parts if (one == name) == (side == "test")])
        for name in parts
        for side in ("train", "test")
    ]


class _Parts:
    """Lines waiting in one spool, sorted by part as they come."""

    def __init__(self, spool: Spool, count: int) -> None:
        self._spool, self._size = spool, 0
        self._waiting: list[list[bytes]] = [[] for _ in range(count)]
        self._chunks: list[list[tuple[int, int]]] = [[] for _ in range(count)]  # start and size
        self._held = 0

    def put(self, raws: list[bytes], place: np.ndarray[Any, Any]) -> None:
        """Add lines, each to its part."""
        for raw, part in zip(raws, place.tolist(), strict=True):
            self._waiting[part].append(raw)
            self._held += len(raw)
        if self._held > _HELD_BYTES:
            self._flush()

    def _flush(self) -> None:
        for part, raws in enumerate(self._waiting):
            data = b"".join(raws)
            if data:
                self._chunks[part].append((self._size, len(data)))
                self._spool.write(data)
                self._size += len(data)
            raws.clear()
        self._held = 0

    def pieces(self, parts: Sequence[int]) -> Iterator[bytes]:
        """The lines of these parts, one part after the other; only the very last may be without its line end."""
        self._flush()
        return joined_groups([self._spool.at(start, size)] for part in parts for start, size in self._chunks[part])


def _key_of(group: Group | None) -> Callable[[str], str]:
    """The group of an image. Prefixed, so that a group cannot be mistaken for a single image."""
    if group is None:
        return lambda ref: "image " + ref
    if callable(group):
        function = group
        return lambda ref: "group " + str(function(ref))
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise ArgumentError(f"the expression {group!r} cannot be used: {error}") from None

    def key(ref: str) -> str:
        found = pattern.search(ref)
        part = None if found is None else (found[1] if pattern.groups else found[0])
        return "image " + ref if part is None else "group " + part

    return key


class _Units:
    """What stays together, and the class of every line. Names of images are not kept, their digests are."""

    def __init__(self, parts: Iterable[Entries], by: str | None, key: Callable[[str], str], seed: int) -> None:
        self._unit_of, self._stratum_of = array("q"), array("q")  # of every line
        self._known: dict[bytes, int] = {}
        strata: dict[str, int] = {} if by else {"lines": 0}
        for entries in parts:
            refs = entries.column("source_ref")
            values = entries.column("mask_ref" if by == "mask" else by) if by else [None] * len(refs)
            for raw, ref, value in zip(entries.raws, refs, values, strict=True):
                name = key(ref) if isinstance(ref, str) else "line " + raw.strip().decode("utf-8", "replace")
                self._unit_of.append(self._known.setdefault(_digest(seed, name), len(self._known)))
                self._stratum_of.append(strata.setdefault(_stratum(by, value), len(strata)) if by else 0)
        self._names = list(strata)

    def sizes(self) -> dict[str, int]:
        """Lines per class."""
        counts = np.bincount(np.frombuffer(self._stratum_of, np.int64), minlength=len(self._names)).tolist()
        return {name: count for name, count in zip(self._names, counts, strict=True) if count}

    def placed(self, targets: list[dict[str, int]]) -> np.ndarray[Any, Any]:
        """The part of every line.

        In the order of their digests, units go where they bring the counts nearest to the targets. Of equal choices
        the first part wins for test and training, so that a few new images move few others; folds take the one with
        most room.
        """
        unit_of, stratum_of = np.frombuffer(self._unit_of, np.int64), np.frombuffer(self._stratum_of, np.int64)
        order = np.argsort(unit_of, kind="stable")
        bounds = np.searchsorted(unit_of[order], np.arange(len(self._known) + 1)).tolist()
        strata = stratum_of[order]
        need = [[target.get(name, 0) for name in self._names] for target in targets]
        room = [sum(target.values()) for target in targets]
        place = np.zeros(len(self._known), np.int16)
        for unit in [number for _, number in sorted(self._known.items())]:
            size = Counter(strata[bounds[unit] : bounds[unit + 1]].tolist())

            def gain(part: int, size: Counter[int] = size) -> tuple[int, int, int]:
                nearer = sum(abs(need[part][s]) - abs(need[part][s] - count) for s, count in size.items())
                return nearer, room[part] if len(need) > 2 else 0, -part

            best = max(range(len(need)), key=gain)
            place[unit] = best
            for stratum, count in size.items():
                need[best][stratum] -= count
                room[best] -= count
        return place[unit_of] if len(place) else np.zeros(0, np.int16)

    def counts(self, place: np.ndarray[Any, Any], parts: int) -> list[dict[str, int]]:
        """Lines per class, for every part."""
        width = max(len(self._names), 1)
        both = place.astype(np.int64) * width + np.frombuffer(self._stratum_of, np.int64)
        table = np.bincount(both, minlength=parts * width).reshape(parts, width).tolist()
        return [
            dict(sorted((name, count) for name, count in zip(self._names, row, strict=False) if count)) for row in table
        ]


def _stratum(by: str | None, value: object) -> str:
    if by == "mask":
        return "without mask" if value is None else "with mask"
    if by == "anomaly_classes":
        names = [one["class_name"] for one in value] if isinstance(value, list) else []
        return ", ".join(sorted(name for name in names if name.casefold() != "background")) or "none"
    return "unlabeled" if value is None else str(value)


def _largest_remainders(exact: Mapping[str, Fraction], total: int) -> dict[str, int]:
    """Whole numbers that add up to `total`, each its share rounded down or up."""
    whole = {name: int(share) for name, share in exact.items()}
    by_rest = sorted(exact, key=lambda name: (-(exact[name] - whole[name]), name))
    for name in by_rest[: total - sum(whole.values())]:
        whole[name] += 1
    return whole


def _shares(sizes: Mapping[str, int], test: float | int) -> list[dict[str, int]]:
    """Targets per stratum for test and training."""
    total = sum(sizes.values())
    if isinstance(test, bool) or not isinstance(test, (int, float)):
        raise ArgumentError(f"test cannot be {test!r}", hint="a share such as 0.2, or a number of lines")
    if isinstance(test, int) and 0 < test < max(total, 1):
        share = Fraction(test, total)
    elif isinstance(test, float) and 0 < test < 1:
        share = Fraction(repr(test))
    elif not total:
        share = Fraction(0)
    else:
        raise ArgumentError(
            f"test cannot be {test!r} of {total:,} lines", hint="a share such as 0.2, or a number of lines below all"
        )
    wanted = int(share * total + Fraction(1, 2))
    tested = _largest_remainders({name: share * size for name, size in sizes.items()}, wanted)
    return [tested, {name: size - tested[name] for name, size in sizes.items()}]


def _equal_shares(sizes: Mapping[str, int], folds: int) -> list[dict[str, int]]:
    """Targets per stratum for every fold; what is left over goes round, so that folds differ by one line at most."""
    targets: list[dict[str, int]] = [{} for _ in range(folds)]
    turn = 0
    for name, size in sorted(sizes.items()):
        for target in targets:
            target[name] = size // folds
        for _ in range(size % folds):
            targets[turn % folds][name] += 1
            turn += 1
    return targets


def _digest(seed: int, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}\n{name}".encode("utf-8", "backslashreplace"), digest_size=16).digest()
