"""Predictions in manifest form: evaluation manifests, Rekognition's snapshots, any manifest whose labels are taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lvtools.dataset import Dataset
from lvtools.findings import SEVERITIES, FindingList
from lvtools.formats.edge import color_classes
from lvtools.formats.fields import image_of, score_of, share_of
from lvtools.formats.registry import ROWS_AT_ONCE, Input, Mask, PredictionFormat, Rows

DETECTED = "-detected"
METADATA = "-metadata"
PART_BYTES = 2**20  # of a manifest in memory at a time, and half as much again
WANTED = ["source_ref", "class_name", "confidence", "human_annotated", "mask_ref", "anomaly_classes", "line"]
SNAPSHOT = "rekognition-custom-labels-evaluation"


def sniff(source: Input) -> bool:
    """Keys of a model's answer beside those of the truth."""
    return source.first is not None and any(_is_answer(key, source.first) for key in source.first)


def read(source: Input, findings: FindingList) -> pa.Table:
    """The model's answers; the truth on the same lines is left to `manifest`."""
    rows = Rows()
    for line, item in source.items(findings):
        image = image_of(item)
        if image is None:
            findings.add("LV411", line=line)
            continue
        class_name, score, mask, classes = None, None, None, None
        for key in item:
            if not _is_answer(key, item):
                continue
            metadata = item[key + METADATA]
            if key.endswith("-ref" + DETECTED):
                mask = Mask(ref=item[key]) if isinstance(item[key], str) and item[key] else None
                classes = color_classes(metadata.get("internal-color-map"))
            elif class_name is None and isinstance(metadata.get("class-name"), str):
                class_name = metadata["class-name"]
                # Rekognition's confidences in manifests are 0..1, only DetectCustomLabels says 0..100.
                score = score_of(class_name, share_of(metadata.get("confidence"), "confidence", findings, line))
        if class_name is None:
            findings.add("LV405", line=line, value=f"no '...{DETECTED}{METADATA}' with a class-name")
            continue
        rows.add(image, class_name, score, line, mask, classes)
    return rows.table()


def _is_answer(key: str, item: Mapping[str, Any]) -> bool:
    return (key.endswith(DETECTED) or key.startswith(SNAPSHOT)) and isinstance(item.get(key + METADATA), dict)


def sniff_manifest(source: Input) -> bool:
    """A source-ref, or an attribute with its metadata."""
    if isinstance(source.source, Dataset):
        return True
    first = source.first
    if first is None or source.head.lstrip()[:1] == b"[":
        return False
    labelled = any(isinstance(first.get(key + METADATA), dict) for key in first)
    return labelled or ("source-ref" in first and source.name.endswith(".manifest")) or set(first) == {"source-ref"}


def read_labels(source: Input, findings: FindingList) -> pa.Table:
    """The labels and masks of a manifest.

    Only what keeps a line out of an evaluation is carried over as a finding: the faults of lines without image. The
    rest is `validate_manifest`'s business.
    """
    if isinstance(source.source, Dataset):
        rows, lost = _labels([source.source.entries])
        _tell(lost, source.source.findings, findings)
        return rows.table()
    from lvtools.manifest.batches import HEAD_BYTES, Several, head_profile, read_batches
    from lvtools.manifest.edit.again import rereadable
    from lvtools.manifest.read import validate_blocks

    # Through the file in parts, and once more for the words only if a line has no image. Standard input comes once.
    with rereadable(bytes(source.data) if source.source == "-" else source.source) as again:
        profile = head_profile(again.blocks(HEAD_BYTES), "auto").name
        for whole in (profile == "marketplace", True):
            parts = read_batches(
                again.blocks(PART_BYTES // 2), WANTED, profile=profile, whole=whole, part_bytes=PART_BYTES
            )
            try:
                rows, lost = _labels(table for table, _ in parts)
                break
            except Several:  # a value is spread over lines: parts cannot be told apart
                continue
        table = rows.table()
        if lost or not table.num_rows:
            _tell(lost, validate_blocks(again.blocks(HEAD_BYTES), again.origin, profile), findings)
    return table


def _labels(parts: Iterable[pa.Table]) -> tuple[Rows, list[int]]:
    """The rows of a manifest's entries, and the lines that have no image."""
    rows = Rows()
    lost: list[int] = []
    for image, class_name, confidence, human, mask_ref, color_map, line in _values(parts):
        if image is None:
            lost.append(line)
            continue
        # A human's confidence says nothing about anomalies; a model's does.
        score = (
            score_of(class_name, confidence)
            if human is False and confidence is not None and 0 <= confidence <= 1
            else None
        )
        classes = None
        if color_map is not None:
            classes = [
                {"class_name": one["class_name"], "color": one["color"], "area_fraction": None} for one in color_map
            ]
        rows.add(image, class_name, score, line, Mask(ref=mask_ref) if mask_ref else None, classes)
    return rows, lost


def _tell(lost: list[int], found: pa.Table, findings: FindingList) -> None:
    """Carry over the errors of a whole file, and those of lines without image."""
    kept = ("line", "column", "byte_offset", "pointer", "code", "value", "expected", "related_line")
    of_lost = pc.or_(pc.is_null(found["line"]), pc.is_in(found["line"], value_set=pa.array(lost, pa.int64())))
    worst = pc.equal(found["severity"].cast(pa.string()), SEVERITIES[0])
    for one in found.filter(pc.and_(of_lost, worst)).select(list(kept)).to_pylist():
        findings.add(one.pop("code"), **one)


def _values(parts: Iterable[pa.Table]) -> Iterator[tuple[Any, ...]]:
    """The rows as tuples; a block of them at a time becomes Python's."""
    for part in parts:
        for block in part.select(WANTED).to_batches(max_chunksize=ROWS_AT_ONCE):
            yield from zip(*(column.to_pylist() for column in block.columns), strict=True)


FORMAT = PredictionFormat(
    "evaluation-manifest",
    "evaluation manifest of Lookout for Vision, snapshot of Rekognition, captures in manifest form",
    sniff,
    read,
)
MANIFEST = PredictionFormat("manifest", "any Ground Truth manifest; its labels are taken", sniff_manifest, read_labels)
