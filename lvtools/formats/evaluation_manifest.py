"""Predictions in manifest form: evaluation manifests, Rekognition's snapshots, any manifest whose labels are taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from lvtools.dataset import Dataset
from lvtools.findings import SEVERITIES, FindingList
from lvtools.formats.edge import color_classes
from lvtools.formats.fields import image_of, score_of, share_of
from lvtools.formats.registry import ROWS_AT_ONCE, Input, Mask, PredictionFormat, Rows

DETECTED = "-detected"
METADATA = "-metadata"
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
    from lvtools.manifest import read_manifest

    # Standard input can be read once only.
    wanted = ["source_ref", "class_name", "confidence", "human_annotated", "mask_ref", "anomaly_classes", "line"]
    if isinstance(source.source, Dataset):
        dataset = source.source
    else:
        dataset = read_manifest(pa.py_buffer(source.data) if source.source == "-" else source.source, columns=wanted)
    rows = Rows()
    lost = set()
    for image, class_name, confidence, human, mask_ref, color_map, line in _values(dataset.entries.select(wanted)):
        if image is None:
            lost.add(line)
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
    kept = ("line", "column", "byte_offset", "pointer", "code", "value", "expected", "related_line", "severity")
    for found in dataset.findings.select(list(kept)).to_pylist():
        severity = found.pop("severity")
        if severity == SEVERITIES[0] and (found["line"] is None or found["line"] in lost):
            findings.add(found.pop("code"), **found)
    return rows.table()


def _values(entries: pa.Table) -> Iterator[tuple[Any, ...]]:
    """The rows as tuples; a block of them at a time becomes Python's."""
    for start in range(0, entries.num_rows, ROWS_AT_ONCE):
        block = entries.slice(start, ROWS_AT_ONCE)
        yield from zip(*(column.to_pylist() for column in block.columns), strict=True)


FORMAT = PredictionFormat(
    "evaluation-manifest",
    "evaluation manifest of Lookout for Vision, snapshot of Rekognition, captures in manifest form",
    sniff,
    read,
)
MANIFEST = PredictionFormat("manifest", "any Ground Truth manifest; its labels are taken", sniff_manifest, read_labels)
