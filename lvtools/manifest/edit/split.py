"""Divide a manifest into training and test, or into folds: the same images always come to the same side.

An image's place follows from a hash of the seed and its `source-ref`, so the order of lines plays no part. Counts per
class are exact: shares are rounded by the method of largest remainders.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from lvtools.errors import ArgumentError
from lvtools.manifest.edit.entries import Entries, read_entries
from lvtools.manifest.edit.lines import OnBroken, joined
from lvtools.objects import Source, write_object

Group: TypeAlias = str | Callable[[str], str]
STRATA = ("class_name", "label", "job_name", "human_annotated", "anomaly_classes", "mask")
MAX_FOLDS = 1000


@dataclass(frozen=True)
class Split:
    """The parts of a manifest.

    Attributes
    ----------
    parts : dict of str to bytes
        'train' and 'test', or 'fold-1', 'fold-2', ...: every line is in exactly one of them, in the source's order.
    counts : dict of str to dict
        Lines per part and class (or what `by` says); 'unlabeled' for images without.
    """

    origin: str
    parts: Mapping[str, bytes]
    counts: Mapping[str, Mapping[str, int]]
    lines: int
    warnings: tuple[str, ...] = field(default=())

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
            raise ArgumentError(f"there is no fold {fold}", hint=f"1 to {len(self.parts)}")
        return f"fold-{fold}"

    def files(self, stem: str, suffix: str = ".manifest") -> dict[str, bytes]:
        """The files this split is written as: STEM.train, STEM.test, or both for every fold."""
        if "train" in self.parts:
            return {f"{stem}.{name}{suffix}": part for name, part in self.parts.items()}
        return {
            f"{stem}.{name}.{side}{suffix}": getattr(self, side)(number)
            for number, name in enumerate(self.parts, 1)
            for side in ("train", "test")
        }

    def write(self, stem: str | os.PathLike[str], suffix: str = ".manifest") -> list[str]:
        """Write `files`; return their names."""
        files = self.files(os.fspath(stem), suffix)
        for name, data in files.items():
            write_object(name, data)
        return list(files)


def split_manifest(
    source: Source,
    *,
    test: float | int = 0.2,
    by: str | None = "class_name",
    group: Group | None = None,
    folds: int | None = None,
    seed: int = 0,
    profile: str = "auto",
    attribute: str | None = None,
    on_broken: OnBroken = "error",
) -> Split:
    """Divide a manifest so that every line is in one part and no image in two.

    Parameters
    ----------
    source : path, URI, '-', or bytes
        The manifest.
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
    profile, attribute, on_broken
        As for `filter_manifest`. Kept broken lines are divided by their bytes.

    Raises
    ------
    ArgumentError
        A share, number of folds or expression that cannot be meant.
    ManifestError
        A line cannot be read and `on_broken` is 'error'.
    """
    if by is not None and by not in STRATA:
        raise ArgumentError(f"cannot spread by {by!r}", hint=", ".join(STRATA))
    if folds is not None and (isinstance(folds, bool) or not 2 <= folds <= MAX_FOLDS):
        raise ArgumentError(f"folds cannot be {folds!r}", hint=f"2 to {MAX_FOLDS}")
    column = "mask_ref" if by == "mask" else by
    entries = read_entries(
        source, [column] if column else [], profile=profile, attribute=attribute, on_broken=on_broken
    )
    units = _units(entries, by, _key_of(group))
    sizes = Counter(stratum for members in units.values() for _, stratum in members)
    targets = _shares(sizes, test) if folds is None else _equal_shares(sizes, folds)
    place = _assign(units, targets, seed)
    names = [f"fold-{number}" for number in range(1, folds + 1)] if folds else ["test", "train"]
    rows: list[list[int]] = [[] for _ in names]
    counts: list[Counter[str]] = [Counter() for _ in names]
    for key, members in units.items():
        for row, stratum in members:
            rows[place[key]].append(row)
            counts[place[key]][stratum] += 1
    order = range(len(names)) if folds else (1, 0)
    parts = {names[at]: b"".join(joined(entries.raws[row] for row in sorted(rows[at]))) for at in order}
    return Split(
        origin=entries.origin,
        parts=parts,
        counts={names[at]: dict(sorted(counts[at].items())) for at in order},
        lines=len(entries.raws),
        warnings=tuple(f"{names[at]} is empty" for at in order if not rows[at] and entries.raws),
    )


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


def _units(entries: Entries, by: str | None, key: Callable[[str], str]) -> dict[str, list[tuple[int, str]]]:
    """What stays together: group to its rows with their strata."""
    strata = [_stratum(by, value) for value in entries.column("mask_ref" if by == "mask" else by)] if by else None
    units: dict[str, list[tuple[int, str]]] = {}
    for row, ref in enumerate(entries.column("source_ref")):
        name = key(ref) if isinstance(ref, str) else "line " + entries.raws[row].strip().decode("utf-8", "replace")
        units.setdefault(name, []).append((row, strata[row] if strata else "lines"))
    return units


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


def _assign(units: Mapping[str, Sequence[tuple[int, str]]], targets: list[dict[str, int]], seed: int) -> dict[str, int]:
    """A part for every unit: in the order of their hashes, each goes where it brings the counts nearest to the targets.

    Of equal choices the first part wins for test and training, so that a few new images move few others; folds take
    the one with most room.
    """
    need = [dict(target) for target in targets]
    room = [sum(target.values()) for target in targets]
    place = {}
    for name in sorted(units, key=lambda name: _digest(seed, name)):
        size = Counter(stratum for _, stratum in units[name])

        def gain(part: int, size: Counter[str] = size) -> tuple[int, int, int]:
            nearer = sum(abs(need[part][s]) - abs(need[part][s] - count) for s, count in size.items())
            return nearer, room[part] if len(need) > 2 else 0, -part

        best = max(range(len(need)), key=gain)
        place[name] = best
        for stratum, count in size.items():
            need[best][stratum] -= count
            room[best] -= count
    return place


def _digest(seed: int, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}\n{name}".encode("utf-8", "backslashreplace"), digest_size=16).digest()
