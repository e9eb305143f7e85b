"""What a manifest's images and masks show together, and where in the manifest their faults stand.

A few numbers per image are remembered; no line, and no image.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from lvtools.dataset import is_background
from lvtools.findings import FindingList, Place
from lvtools.manifest.scan import Places, places_of, pointer, quoted
from lvtools.objects import Objects, is_remote
from lvtools.validation.looks import Fault, Seen, Task, shown

MISSING = ("LV304", "LV305")
MAX_SEARCHED = 50_000  # files looked at for a better root: a second or two
MAX_WAITING = 10_000  # missing files that wait for one that is found: 10 MB


class Files:
    """Adds up what the entries' files show, and gives every fault its place in the manifest.

    `each_missing`: every missing file is a finding, even when not one image is found.
    """

    def __init__(self, findings: FindingList, objects: Objects, each_missing: bool = False) -> None:
        self.objects, self.profile = objects, findings.profile
        self._findings = findings
        self._sizes = _Sizes()
        self._declared: dict[str, tuple[Place, str]] = {}
        self._shown: set[str] = set()
        self._dummies: set[str] = set()
        self._waiting: list[tuple[Place, Fault]] | None = None if each_missing else []
        self._waited = False  # too many for a word about all of them to take their place
        self._first_missing: str | None = None
        self._images = self._lost = self._wanted = self._masks = self._unread = 0

    def begin(self, entries: pa.Table, base: int) -> None:
        """The next part of the manifest, which begins at the byte `base` of the file."""
        self._raw = entries["raw"].combine_chunks()
        self._lines = entries["line"].combine_chunks()
        starts = np.frombuffer(self._raw.buffers()[1], np.int64)
        self._starts = starts[self._raw.offset : self._raw.offset + len(self._raw) + 1] - starts[0] + base

    def see(self, task: Task, seen: Seen) -> None:
        """Take note of one entry's files."""
        places = self._places(task.row) if seen.faults else None
        for fault in seen.faults:
            if fault.code in MISSING and self._waiting is not None:
                self._first_missing = self._first_missing or task.source_ref
                self._waiting.append(((places or self._places(task.row)).of(fault.path), fault))
            else:
                self._add(task.row, fault, places)
        self._lost += any(fault.code == "LV305" for fault in seen.faults)
        self._wanted += task.source_ref is not None
        if self._waiting is not None and self._lost < self._wanted:
            self._release()
            self._waiting = None  # the root is right
        elif self._waiting is not None and len(self._waiting) > MAX_WAITING:
            self._release()
            self._waited = True
        if seen.size is not None:
            self._images += 1
            if self.profile == "lookoutvision":
                self._sizes.add(seen.size, (places or self._places(task.row)).of(("source-ref",)))
        if task.mask_ref is not None and self.profile != "rekognition":
            self._see_mask(task, seen, task.mask_ref)

    def _see_mask(self, task: Task, seen: Seen, mask_ref: str) -> None:
        self._masks += seen.mask is not None
        self._unread += seen.mask is None
        attribute = task.mask_attribute or ""
        for one in task.classes or ():
            if not is_background(one["class_name"]) and one["class_name"] not in self._declared:
                path = (f"{attribute}-metadata", "internal-color-map", one["index"], "class-name")
                self._declared[one["class_name"]] = self._places(task.row).of(path), pointer(path)
        if seen.mask is None:
            return
        self._shown.update(seen.mask.area_px)
        odd = seen.mask.is_dummy and (seen.mask.height, seen.mask.width) != seen.size
        if odd and mask_ref not in self._dummies:
            self._dummies.add(mask_ref)
            self._add(task.row, Fault("LV313", (attribute,), quoted(mask_ref)))

    def _add(self, row: int, fault: Fault, places: Places | None = None) -> None:
        self._report((places or self._places(row)).of(fault.path), fault)

    def _report(self, place: Place, fault: Fault) -> None:
        where = pointer(fault.path)
        self._findings.add(fault.code, **place, pointer=where, value=fault.value, expected=fault.expected)

    def _places(self, row: int) -> Places:
        return places_of(self._raw[row].as_py(), self._lines[row].as_py(), int(self._starts[row]))

    def _release(self) -> None:
        for place, fault in self._waiting or ():
            self._report(place, fault)
        self._waiting = []

    def counts(self) -> dict[str, int]:
        """For the statistics."""
        return {"images_seen": self._images, "masks_seen": self._masks}

    def finish(self) -> None:
        """Report what only all files show, once every entry has been seen."""
        self._report_root()
        self._one_size()
        if not self._unread:
            for name, (place, where) in self._declared.items():
                if name not in self._shown:
                    self._findings.add("LV315", **place, pointer=where, value=quoted(name))

    def _report_root(self) -> None:
        """Missing files one by one; or once for all, when not one image was found: then the root is wrong."""
        if self._waiting is None:
            return
        if self._waited or not self._lost:
            self._release()
        if not self._lost:
            return
        ref = self._first_missing or ""
        name = quoted(ref.rstrip("/").rsplit("/", 1)[-1])
        better = likely_root(self.objects, ref)
        words = f"{self._lost:,} are named, {self.objects.root} has none"
        self._findings.add("LV319", value=f"{words}; {name} lies under {better}" if better else f"{words}, nor {name}")

    def _one_size(self) -> None:
        """Lookout's rule: all images have the same dimensions. Those that differ from most are named."""
        usual = self._sizes.usual()
        if usual is not None:
            for place, size in self._sizes.others(usual):
                self._report(place, Fault("LV310", ("source-ref",), shown(size), f"most others have {shown(usual)}"))


class _Sizes:
    """The images' dimensions (height, width) and their places in the manifest, 28 bytes each."""

    def __init__(self) -> None:
        self._sizes = array("Q")  # height in the upper half
        self._lines, self._columns, self._offsets = array("q"), array("i"), array("q")

    def add(self, size: tuple[int, int], place: Place) -> None:
        """One more image."""
        self._sizes.append(size[0] << 32 | size[1])
        self._lines.append(place["line"])
        self._columns.append(place["column"])
        self._offsets.append(place["byte_offset"])

    def usual(self) -> tuple[int, int] | None:
        """The dimensions of most images, of equally many those met first; None when there are no others."""
        sizes, first, counts = np.unique(np.frombuffer(self._sizes, np.uint64), return_index=True, return_counts=True)
        if len(sizes) < 2:
            return None
        most = np.lexsort((first, -counts))[0]
        return int(sizes[most]) >> 32, int(sizes[most]) & 0xFFFFFFFF

    def others(self, usual: tuple[int, int]) -> Iterator[tuple[Place, tuple[int, int]]]:
        """Every image of other dimensions."""
        differ = np.flatnonzero(np.frombuffer(self._sizes, np.uint64) != usual[0] << 32 | usual[1])
        for at in differ.tolist():
            place: Place = {"line": self._lines[at], "column": self._columns[at], "byte_offset": self._offsets[at]}
            yield place, (self._sizes[at] >> 32, self._sizes[at] & 0xFFFFFFFF)


def likely_root(objects: Objects, ref: str) -> str | None:
    """The folder below a local root that should have been named, judged by where a file of that name lies."""
    parts = [part for part in ref.split("/") if part]
    if is_remote(objects.root) or not parts:
        return None
    searched = 0
    for folder, _, names in os.walk(objects.root):
        searched += len(names)
        if parts[-1] in names:
            found, wanted = Path(folder), parts[:-1]
            while wanted and found.name == wanted[-1] and found != Path(objects.root):
                found, wanted = found.parent, wanted[:-1]
            return str(found)
        if searched > MAX_SEARCHED:
            return None
    return None
