"""Validate a manifest, and, when told where they are, the images and masks it names.

The manifest's own rules are `lvtools.manifest`'s; here its entries are joined with what their files show (`files`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lvtools import manifest
from lvtools.dataset import Dataset
from lvtools.findings import FindingList, join_findings, sort_findings
from lvtools.manifest.crossline import PART_OF_LINE, check_budget
from lvtools.manifest.edit.again import rereadable
from lvtools.manifest.read import judge
from lvtools.objects import Objects, Source
from lvtools.validation.files import Files
from lvtools.validation.looks import Task, look
from lvtools.validation.pair import compare_with_training, entries

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
    max_findings: int | None = None,
    on_findings: Callable[[pa.Table], None] | None = None,
    training: Source | None = None,
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
        For images and masks, and for the parts of the manifest; as many as fit when None.
    on_progress : callable, optional
        Called now and then with the number of bytes of the manifest seen so far.
    on_image : callable, optional
        With `objects`, called now and then with the entries looked at so far, and how many lines there are.
    max_findings : int, optional
        List the first so many findings of each code and count the others; default: list all.
    on_findings : callable, optional
        Called now and then with the findings since the last call (`FINDING_SCHEMA`), in the order of the file, those of
        images and masks after those of the manifest. They are not held, and no rows of the result.
    training : path, URI, '-', or bytes, optional
        The training set of which `source` is the test set: images that stand in both are reported, and, for
        Rekognition, too few common labels.

    Returns
    -------
    pyarrow.Table
        `FINDING_SCHEMA`. The schema's metadata tell `profile`, `profile_reason`, `origin` and `statistics` (JSON), and
        with `max_findings` or `on_findings` also `counts`: how many findings of each code there are (JSON), listed or
        not. Memory grows with the findings that are listed and by 24 to 72 bytes a line; with `objects` by a mask a
        thread and 28 bytes an image. A source that cannot be read twice is then copied to disk first.

    Raises
    ------
    ObjectError
        The source, the training set or the root of `objects` cannot be read.
    ArgumentError
        No such profile, or `max_findings` is negative.
    """
    if objects is None and training is None:
        return manifest.validate_manifest(
            source, profile=profile, on_progress=on_progress, threads=threads, max_findings=max_findings,
            on_findings=on_findings,
        )  # fmt: skip
    room = objects if isinstance(objects, Objects) or objects is None else Objects(objects)
    counts: dict[str, int] = {}
    with rereadable(source) as again:
        judged = judge(
            again.blocks if again.is_copy else source, profile=profile, on_progress=on_progress, threads=threads,
            max_findings=max_findings, on_findings=on_findings, origin=again.origin,
        )  # fmt: skip
        if training is not None:
            compare_with_training(judged, again, training)
        if room is not None:
            files = Files(judged.findings, room)
            parts = entries(again, COLUMNS, judged.profile.name)
            _look(parts, files, judged.statistics()["lines"], threads, on_image, judged.drain)
            files.finish()
            counts = files.counts()
    return judged.table(**counts)


def look_at_objects(
    dataset: Dataset,
    objects: Objects,
    *,
    threads: int | None = None,
    each_missing: bool = False,
) -> pa.Table:
    """The findings of a dataset, with those of its images and masks added.

    When not one image is found that is said once, unless `each_missing`.
    """
    findings = FindingList(dataset.origin, dataset.profile)
    files = Files(findings, objects, each_missing)
    _look(iter([(dataset.entries, 0)]), files, dataset.entries.num_rows, threads, None, None)
    files.finish()
    joined = join_findings([dataset.findings, findings.table()])
    return sort_findings(_budget(joined, dataset) if dataset.profile == "rekognition" else joined)


def _budget(joined: pa.Table, dataset: Dataset) -> pa.Table:
    """Rekognition's budget of invalid lines, counted again: missing and broken images are invalid lines, too."""
    kept = joined.filter(pc.not_equal(joined["code"].cast(pa.string()), "LV209"))
    rows = zip(*(kept[name].to_pylist() for name in ("line", "code", "severity")), strict=True)
    invalid = {line for line, code, severity in rows if severity == "error" and line and code not in PART_OF_LINE}
    again = FindingList(dataset.origin, dataset.profile)
    check_budget(again, len(invalid), dataset.statistics["lines"])
    return join_findings([kept, again.table()])


def _look(
    parts: Iterator[tuple[pa.Table, int]],
    files: Files,
    total: int,
    threads: int | None,
    on_image: Callable[[int, int], None] | None,
    on_batch: Callable[[], None] | None,
) -> None:
    """Look at the files of all entries, some at a time."""
    done = 0
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for table, base in parts:
            tasks = _Tasks(table)
            files.begin(table, base)
            for at in range(0, len(tasks), BATCH):
                batch = [tasks.task(row) for row in range(at, min(at + BATCH, len(tasks)))]
                seen = pool.map(lambda one: look(one, files.objects, files.profile), batch)
                for task, one in zip(batch, seen, strict=True):
                    files.see(task, one)
                done += len(batch)
                if on_image is not None:
                    on_image(done, total)
                if on_batch is not None:
                    on_batch()


class _Tasks:
    """The entries as tasks, made when their turn comes."""

    def __init__(self, entries: pa.Table) -> None:
        self._columns = {name: entries[name].combine_chunks() for name in COLUMNS}

    def __len__(self) -> int:
        return len(self._columns["line"])

    def task(self, row: int) -> Task:
        """A row's."""
        values: dict[str, Any] = {
            name: column[row].as_py() for name, column in self._columns.items() if name not in ("raw", "line", "boxes")
        }
        raw = self._columns["raw"][row].as_py() if self._columns["boxes"][row].is_valid else None
        return Task(
            row, values["source_ref"], values["class_name"], values["mask_ref"], values["mask_attribute"],
            values["anomaly_classes"], raw,
        )  # fmt: skip
