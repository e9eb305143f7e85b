"""What `stats` counts, a part of the file at a time: counts of distinct words, 32 bytes a line and 20 a box."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lvtools.manifest.edit.lines import BLANK, BOM, canonical, parse

COLUMNS = (
    "source_ref", "class_name", "label", "creation_date", "human_annotated", "job_name", "mask_ref", "anomaly_classes",
    "boxes", "labels", "raw",
)  # fmt: skip


class Quantiles(NamedTuple):
    """The least, the quarters and the greatest of some numbers (nearest rank below: always one that occurs)."""

    least: float
    quarter: float
    median: float
    three_quarters: float
    greatest: float


@dataclass(frozen=True)
class MaskClass:
    """An anomaly class in the color maps: how many images name it, and its colours (more than one is a fault)."""

    images: int
    colors: tuple[str, ...]


@dataclass(frozen=True)
class BoxClass:
    """The boxes of one class."""

    boxes: int
    images: int
    width: Quantiles
    height: Quantiles
    area: Quantiles


class Tallies:
    """Sees the entries in parts, in order."""

    def __init__(self) -> None:
        self.images = self.masks = self.dated = 0
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.lines = LineTally()
        self.boxes = BoxTally()
        self._words: dict[str, Counter[str]] = defaultdict(Counter)
        self._polarity: Counter[tuple[str, str]] = Counter()
        self._mask_images: Counter[str] = Counter()
        self._mask_colors: dict[str, Counter[str]] = defaultdict(Counter)

    def see(self, table: pa.Table, base: int) -> None:
        """Take note of a part that begins at byte `base` of the file."""
        self.lines.see(table, base)
        self.boxes.see(table["boxes"].combine_chunks())
        self.images += len(table) - table["source_ref"].null_count
        self.masks += len(table) - table["mask_ref"].null_count
        for name in ("class_name", "human_annotated", "job_name"):
            self._count(name, table[name])
        labels = pc.list_flatten(table["labels"].drop_null())
        if len(labels):
            self._count("labels", pc.struct_field(labels, "class_name"))
        self._see_polarity(table)
        self._see_dates(table["creation_date"])
        for classes in table["anomaly_classes"].drop_null().to_pylist():
            self._mask_images.update({one["class_name"] for one in classes})
            for one in classes:
                if one["color"] is not None:
                    self._mask_colors[one["class_name"]][one["color"]] += 1

    def _count(self, name: str, column: pa.ChunkedArray) -> None:
        for row in pc.value_counts(column.drop_null().cast(pa.string())).to_pylist():
            self._words[name][row["values"]] += row["counts"]

    def _see_polarity(self, table: pa.Table) -> None:
        pairs = table.select(["label", "class_name"]).filter(pc.is_valid(table["label"]))
        pairs = pairs.set_column(1, "class_name", pc.fill_null(pairs["class_name"].cast(pa.string()), "unlabeled"))
        for row in pairs.group_by(["label", "class_name"]).aggregate([([], "count_all")]).to_pylist():
            self._polarity[row["label"], row["class_name"]] += row["count_all"]

    def _see_dates(self, column: pa.ChunkedArray) -> None:
        self.dated += len(column) - column.null_count
        bounds = pc.min_max(column).as_py()
        if bounds["min"] is not None:
            self.first = bounds["min"] if self.first is None else min(self.first, bounds["min"])
            self.last = bounds["max"] if self.last is None else max(self.last, bounds["max"])

    def words(self, name: str) -> dict[str, int]:
        """How often the words of a column stand there."""
        return most_first(self._words[name])

    def polarity(self) -> dict[str, dict[str, int]]:
        """Classes by the number that stands with them."""
        found: dict[str, dict[str, int]] = {}
        for (label, name), count in sorted(
            self._polarity.items(), key=lambda item: (len(item[0][0]), item[0][0], -item[1], item[0][1])
        ):
            found.setdefault(label, {})[name] = count
        return found

    def mask_classes(self) -> dict[str, MaskClass]:
        """The classes of the color maps."""
        return {
            name: MaskClass(count, tuple(most_first(self._mask_colors[name])))
            for name, count in most_first(self._mask_images).items()
        }


class LineTally:
    """What only the lines themselves tell: attributes, types, repeated lines."""

    def __init__(self) -> None:
        self.blank = self.broken = 0
        self.attributes: dict[str, Counter[str]] = defaultdict(Counter)
        self.types: Counter[str] = Counter()
        self.buckets: Counter[str] = Counter()
        self.prefixes: Counter[str] = Counter()
        self._marks = bytearray()  # of every image's line: a digest of its reference, one of what it says

    def see(self, table: pa.Table, base: int) -> None:
        """Take note of a part's lines."""
        for row, (raw, ref) in enumerate(zip(table["raw"].to_pylist(), table["source_ref"].to_pylist(), strict=True)):
            body = (raw.removeprefix(BOM) if row == 0 and base == 0 else raw).strip(BLANK)
            if not body:
                self.blank += 1
                continue
            value = parse(body)
            if ref is not None:
                self._place(ref)
            if value is not None:
                self._look(value, ref)
            elif ref is None:
                self.broken += 1

    def _place(self, ref: str) -> None:
        folder = ref.rpartition("/")[0]
        self.prefixes[folder + "/" if folder else "(relative)"] += 1
        scheme, found, rest = ref.partition("://")
        if found:
            self.buckets[f"{scheme}://{rest.partition('/')[0]}"] += 1

    def _look(self, value: dict[str, Any], ref: str | None) -> None:
        for key, part in value.items():
            if key.endswith("-metadata") and isinstance(part, dict) and key != "source-ref-metadata":
                kind = part.get("type")
                name = kind if isinstance(kind, str) else "(no type)"
                self.attributes[key.removesuffix("-metadata")][name] += 1
                self.types[name] += 1
        if ref is not None:
            self._marks += _digest(ref.encode()) + _digest(canonical(value))

    def duplicates(self) -> dict[str, int]:
        """Images on several lines, lines that could go, and those that say the same as an earlier one."""
        marks = np.frombuffer(self._marks, np.uint64).reshape(-1, 4)
        images = _group_sizes(marks[:, :2])
        again = images[images > 1]
        same = len(marks) - len(_group_sizes(marks))
        return {"images": len(again), "lines": int(again.sum()) - len(again), "identical": same}


def _digest(data: bytes) -> bytes:
    """Equal digests count as equal texts: for a million lines the chance that any two differ is below 1e-26."""
    return hashlib.blake2b(data, digest_size=16).digest()


def _group_sizes(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """How often each distinct row occurs."""
    if not len(rows):
        return np.zeros(0, np.int64)
    ordered = rows[np.lexsort(rows.T)]
    starts = np.flatnonzero(np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(axis=1)]))
    return np.diff(np.append(starts, len(rows)))


class BoxTally:
    """Boxes by class, with their sizes: quantiles want them all."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._images: Counter[str] = Counter()
        self._parts: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]] = []

    def see(self, column: pa.Array) -> None:
        """Take note of a part's boxes."""
        flat = pc.list_flatten(column)
        if not len(flat):
            return
        parent = pc.list_parent_indices(column).to_numpy()
        names = pc.fill_null(pc.struct_field(flat, "class_name"), "(no name)").dictionary_encode()
        words = names.dictionary.to_pylist()
        numbers = np.array([self._codes.setdefault(word, len(self._codes)) for word in words], np.int32)
        local = names.indices.to_numpy()
        pairs = np.unique(np.stack([local.astype(np.int64), parent.astype(np.int64)]), axis=1)[0]
        for word, count in zip(words, np.bincount(pairs, minlength=len(words)).tolist(), strict=True):
            self._images[word] += count
        width, height = (np.array(pc.struct_field(flat, side).to_numpy()) for side in ("width", "height"))
        self._parts.append((numbers[local], width, height))

    def classes(self) -> dict[str, BoxClass]:
        """The boxes of every class."""
        if not self._parts:
            return {}
        codes, width, height = (np.concatenate(columns) for columns in zip(*self._parts, strict=True))
        counts = np.bincount(codes, minlength=len(self._codes)).tolist()
        found = {}
        for name, count in most_first({name: counts[code] for name, code in self._codes.items()}).items():
            ours = codes == self._codes[name]
            sides = width[ours], height[ours]
            sizes = (_quantiles(values) for values in (*sides, sides[0] * sides[1]))
            found[name] = BoxClass(count, self._images[name], *sizes)
        return found


def most_first(counts: Mapping[str, int]) -> dict[str, int]:
    """By count, then by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _quantiles(values: np.ndarray[Any, Any]) -> Quantiles:
    return Quantiles(*(float(x) for x in np.quantile(values, [0, 0.25, 0.5, 0.75, 1], method="lower")))
