"""Validate a manifest, and, when told where they are, the images and masks it names.

The manifest's own rules are `lvtools.manifest`'s; here its entries are joined with what their files show.
"""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from lvtools import manifest
from lvtools.dataset import Dataset, is_background
from lvtools.findings import FindingList, join_findings, sort_findings
from lvtools.manifest.crossline import PART_OF_LINE, check_budget
from lvtools.manifest.scan import Places, places_of, pointer, quoted
from lvtools.objects import Objects, Source, is_remote
from lvtools.validation.looks import Fault, Seen, Task, look, shown
from lvtools.validation.looks import Path as Pointer

MISSING = ("LV304", "LV305")
MAX_SEARCHED = 50_000  # files looked at for a better root: a second or two
BATCH = 256  # entries given to the threads at a time: results wait for their turn, files do not
COLUMNS = ("source_ref", "class_name", "mask_ref", "mask_attribute", "anomaly_classes", "boxes", "line", "raw")


def validate_manifest(
    source: Source,
    *,
    profile: str = "auto",
    objects: str | os.PathLike[str] | Objects | None = None,
    threads: int | None = None,
    on_progress: Callable[[int], None] | None = None,
    on_image: Callable[[int, int], None] | None = None,
) -> pa.Table:
    """Find everything that is wrong with a manifest, and with the images and masks it names.

    Parameters
    ----------
    source : path, URI, '-', or bytes
        JSON Lines of Lookout for Vision, Ground Truth or Rekognition Custom Labels.
    profile : {'auto', 'lookoutvision', 'rekognition', 'groundtruth', 'marketplace'}
        Whose rules to judge by; 'auto' looks at the first lines, and never takes 'marketplace'.
    objects : path, URI or Objects, optional
        The folder or bucket that holds the images and masks (`lvtools.Objects` says where references are looked for).
        Without it no file but the manifest is opened.
    threads : int, optional
        For images and masks, or, without `objects`, for the parts of the manifest; as many as fit when None.
    on_progress : callable, optional
        Called now and then with the number of bytes of the manifest seen so far; with `objects` `on_image` is.
    on_image : callable, optional
        Called now and then with the entries looked at so far, and how many there are.

    Returns
    -------
    pyarrow.Table
        `FINDING_SCHEMA`. The schema's metadata tell `profile`, `profile_reason`, `origin` and `statistics` (JSON).
        Without `objects` memory is constant. With it the manifest is held, and a mask per thread; of images only the
        first and last bytes are read where these say enough.

    Raises
    ------
    ObjectError
        The source or the root of `objects` cannot be read.
    ArgumentError
        No such profile.
    """
    if objects is None:
        return manifest.validate_manifest(source, profile=profile, on_progress=on_progress, threads=threads)
    room = objects if isinstance(objects, Objects) else Objects(objects)
    dataset = manifest.read_manifest(source, profile=profile, columns=COLUMNS)
    return look_at_objects(dataset, room, threads=threads, on_image=on_image)


def look_at_objects(
    dataset: Dataset,
    objects: Objects,
    *,
    threads: int | None = None,
    on_image: Callable[[int, int], None] | None = None,
    each_missing: bool = False,
) -> pa.Table:
    """The findings of a dataset, with those of its images and masks added.

    When not one image is found that is said once, unless `each_missing`.
    """
    files = _Files(dataset, objects, each_missing)
    tasks = _Tasks(dataset)
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for at in range(0, len(tasks), BATCH):
            batch = [tasks.task(row) for row in range(at, min(at + BATCH, len(tasks)))]
            for task, seen in zip(batch, pool.map(lambda one: look(one, objects, dataset.profile), batch), strict=True):
                files.see(task, seen)
            if on_image is not None:
                on_image(min(at + BATCH, len(tasks)), len(tasks))
    return files.table()


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


class _Tasks:
    """The entries as tasks, made when their turn comes."""

    def __init__(self, dataset: Dataset) -> None:
        self._columns = {name: dataset.entries[name].combine_chunks() for name in COLUMNS}

    def __len__(self) -> int:
        return len(self._columns["line"])

    def task(self, row: int) -> Task:
        values: dict[str, Any] = {
            name: column[row].as_py() for name, column in self._columns.items() if name not in ("raw", "line", "boxes")
        }
        raw = self._columns["raw"][row].as_py() if self._columns["boxes"][row].is_valid else None
        return Task(
            row, values["source_ref"], values["class_name"], values["mask_ref"], values["mask_attribute"],
            values["anomaly_classes"], raw,
        )  # fmt: skip


class _Files:
    """Adds up what the entries' files show, and gives every fault its place in the manifest."""

    def __init__(self, dataset: Dataset, objects: Objects, each: bool) -> None:
        self._dataset, self._objects, self._each = dataset, objects, each
        self._findings = FindingList(dataset.origin, dataset.profile)
        self._raw = dataset.entries["raw"].combine_chunks()
        self._lines = dataset.entries["line"].combine_chunks()
        self._sizes: Counter[tuple[int, int]] = Counter()
        self._rows = array("q")
        self._heights, self._widths = array("l"), array("l")
        self._declared: dict[str, tuple[int, Pointer]] = {}
        self._shown: set[str] = set()
        self._dummies: set[str] = set()
        self._missing: list[tuple[int, Fault]] = []
        self._first_missing: str | None = None
        self._masks = self._unread = self._wanted = 0

    def see(self, task: Task, seen: Seen) -> None:
        """Take note of one entry's files."""
        for fault in seen.faults:
            if fault.code in MISSING:
                self._missing.append((task.row, fault))
                self._first_missing = self._first_missing or task.source_ref
            else:
                self._add(task.row, fault)
        self._wanted += task.source_ref is not None
        if seen.size is not None:
            self._sizes[seen.size] += 1
            self._rows.append(task.row)
            self._heights.append(seen.size[0])
            self._widths.append(seen.size[1])
        if task.mask_ref is None or self._dataset.profile == "rekognition":
            return
        self._masks += seen.mask is not None
        self._unread += seen.mask is None
        attribute = task.mask_attribute or ""
        for one in task.classes or ():
            if not is_background(one["class_name"]) and one["class_name"] not in self._declared:
                path = (f"{attribute}-metadata", "internal-color-map", one["index"], "class-name")
                self._declared[one["class_name"]] = task.row, path
        if seen.mask is None:
            return
        self._shown.update(seen.mask.area_px)
        odd = seen.mask.is_dummy and (seen.mask.height, seen.mask.width) != seen.size
        if odd and task.mask_ref not in self._dummies:
            self._dummies.add(task.mask_ref)
            self._add(task.row, Fault("LV313", (attribute,), quoted(task.mask_ref)))

    def _add(self, row: int, fault: Fault) -> None:
        place = self._places(row).of(fault.path)
        where = pointer(fault.path)
        self._findings.add(fault.code, **place, pointer=where, value=fault.value, expected=fault.expected)

    def _places(self, row: int) -> Places:
        start = self._raw.buffers()[1]
        first = int(np.frombuffer(start, np.int64)[self._raw.offset])
        offset = int(np.frombuffer(start, np.int64)[self._raw.offset + row]) - first
        return places_of(self._raw[row].as_py(), self._lines[row].as_py(), offset)

    def table(self) -> pa.Table:
        """All findings, once every entry has been seen."""
        self._report_missing()
        self._one_size()
        if not self._unread:
            for name, (row, path) in self._declared.items():
                if name not in self._shown:
                    self._add(row, Fault("LV315", path, quoted(name)))
        before = self._dataset.findings
        facts = {key.decode(): value.decode() for key, value in before.schema.metadata.items()}
        joined = join_findings([before, self._findings.table()])
        if self._dataset.profile == "rekognition":
            joined = self._budget(joined)
        counts = {"images_seen": len(self._rows), "masks_seen": self._masks}
        facts["statistics"] = orjson.dumps({**orjson.loads(facts["statistics"]), **counts}).decode()
        return sort_findings(joined).replace_schema_metadata(facts)

    def _report_missing(self) -> None:
        """Every file that is missing; or once for all, when not one image was found: then the root is wrong."""
        lost = sum(fault.code == "LV305" for _, fault in self._missing)
        if self._each or not lost or lost < self._wanted:
            for row, fault in self._missing:
                self._add(row, fault)
            return
        ref = self._first_missing or ""
        name = quoted(ref.rstrip("/").rsplit("/", 1)[-1])
        better = likely_root(self._objects, ref)
        words = f"{lost:,} are named, {self._objects.root} has none"
        self._findings.add("LV319", value=f"{words}; {name} lies under {better}" if better else f"{words}, nor {name}")

    def _one_size(self) -> None:
        """Lookout's rule: all images have the same dimensions. Those that differ from most are named."""
        if len(self._sizes) < 2 or self._dataset.profile != "lookoutvision":
            return
        (usual, _), *_ = self._sizes.most_common(1)
        for row, size in zip(self._rows, self._all_sizes(), strict=True):
            if size != usual:
                self._add(row, Fault("LV310", ("source-ref",), shown(size), f"most others have {shown(usual)}"))

    def _all_sizes(self) -> Iterator[tuple[int, int]]:
        yield from zip(self._heights, self._widths, strict=True)

    def _budget(self, joined: pa.Table) -> pa.Table:
        """Rekognition's budget of invalid lines, counted again: missing and broken images are invalid lines, too."""
        kept = joined.filter(pc.not_equal(joined["code"].cast(pa.string()), "LV209"))
        rows = zip(*(kept[name].to_pylist() for name in ("line", "code", "severity")), strict=True)
        invalid = {line for line, code, severity in rows if severity == "error" and line and code not in PART_OF_LINE}
        again = FindingList(self._dataset.origin, self._dataset.profile)
        check_budget(again, len(invalid), self._dataset.statistics["lines"])
        return join_findings([kept, again.table()])
