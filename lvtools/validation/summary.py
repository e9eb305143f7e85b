"""Rekognition's own report of a manifest's faults: a summary, and the manifest with errors written into its lines.

Forms and messages are those of the Custom Labels guide (debugging pages). What the guide leaves open is decided here,
and listed in docs/compatibility.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from lvtools.atomic import write_atomically
from lvtools.errors import ObjectError
from lvtools.findings import BY_CODE
from lvtools.manifest import read_manifest
from lvtools.objects import Objects, Source
from lvtools.validation.validate import COLUMNS, look_at_objects

SUMMARY = "manifest_summary.json"
MIN_OVERLAP = 0.5  # common labels by training labels
MIN_LABELS = 2  # of images; where boxes are found, one does
_BOM = b"\xef\xbb\xbf"

# fmt: off
MESSAGES = {
    "ERROR_MANIFEST_INACCESSIBLE_OR_UNSUPPORTED_FORMAT": "The manifest file extension or contents are invalid.",
    "ERROR_EMPTY_MANIFEST": "The manifest file is empty.",
    "ERROR_MANIFEST_SIZE_TOO_LARGE": "The manifest file size exceeds the maximum supported size.",
    "ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM": "The manifest file has too many rows.",
    "ERROR_MANIFEST_TOO_MANY_LABELS": "The manifest file has too many labels.",
    "ERROR_MANIFEST_TOO_FEW_LABELS": "The manifest file has too few labels.",
    "ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST": "The manifest file contains too many invalid rows.",
    "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS": "The manifest file contains images from multiple S3 buckets.",
    "ERROR_INSUFFICIENT_LABEL_OVERLAP": "Less than 50% label overlap between the training and testing manifest files.",
    "ERROR_MANIFEST_TOO_FEW_USABLE_LABELS": "The manifest file has too few usable labels.",
    "ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP":
        "Less than 50% usable label overlap between the training and testing manifest files.",
    "ERROR_MISSING_SOURCE_REF": "The source-ref key is missing.",
    "ERROR_INVALID_SOURCE_REF_FORMAT": "The format of the source-ref value is invalid.",
    "ERROR_NO_LABEL_ATTRIBUTES": "No label attributes found.",
    "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT": "The format of the label attribute {} is invalid.",
    "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT": "The format of the label attribute metadata is invalid.",
    "ERROR_NO_VALID_LABEL_ATTRIBUTES": "No valid label attributes found.",
    "ERROR_MISSING_BOUNDING_BOX_CONFIDENCE": "One or more bounding boxes has a missing confidence value.",
    "ERROR_MISSING_CLASS_MAP_ID": "One of more class ids is missing from the class map.",
    "ERROR_INVALID_JSON_LINE": "The JSON Line has an invalid format.",
    "ERROR_INVALID_IMAGE": "The image is invalid. Check S3 path and/or image properties.",
    "ERROR_INVALID_IMAGE_DIMENSION": "The image dimension(s) do not conform to allowed dimensions.",
    "ERROR_INVALID_BOUNDING_BOX": "The bounding box has off frame values.",
    "ERROR_NO_VALID_ANNOTATIONS": "No valid annotations found.",
    "ERROR_BOUNDING_BOX_TOO_SMALL": "The height and width of the bounding box is too small.",
    "ERROR_TOO_MANY_BOUNDING_BOXES": "There are more bounding boxes than the allowed maximum.",
    "ERROR_UNSUPPORTED_USE_CASE_TYPE":
        "The use case type of the {} label attribute metadata is unsupported. Check the type field.",
    "ERROR_INVALID_LABEL_NAME_LENGTH": "The length of the label name is invalid.",  # the guide has no words for it
    "WARNING_UNANNOTATED_RECORD": "Record is unannotated.",
    "WARNING_NO_ANNOTATIONS": "No annotations provided.",
    "WARNING_NO_ATTRIBUTE_ANNOTATIONS": "No attribute annotations provided.",
}
# fmt: on
_OF_FILE = frozenset(code for code in MESSAGES if "MANIFEST" in code or code == "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS")
_OF_ATTRIBUTE = frozenset({"ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", "ERROR_NO_VALID_ANNOTATIONS",
                           "ERROR_TOO_MANY_BOUNDING_BOXES", "WARNING_NO_ATTRIBUTE_ANNOTATIONS"})  # fmt: skip
_OF_METADATA = frozenset({"ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", "ERROR_MISSING_BOUNDING_BOX_CONFIDENCE",
                          "ERROR_UNSUPPORTED_USE_CASE_TYPE", "ERROR_INVALID_LABEL_NAME_LENGTH"})  # fmt: skip
_OF_ANNOTATION = frozenset({"ERROR_INVALID_BOUNDING_BOX", "ERROR_BOUNDING_BOX_TOO_SMALL", "ERROR_MISSING_CLASS_MAP_ID"})
# When one of these occurs, the service does not look for other errors of the line.
_STOPPING = frozenset({"ERROR_MISSING_SOURCE_REF", "ERROR_INVALID_SOURCE_REF_FORMAT", "ERROR_NO_LABEL_ATTRIBUTES",
                       "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT",
                       "ERROR_MISSING_BOUNDING_BOX_CONFIDENCE", "ERROR_MISSING_CLASS_MAP_ID",
                       "ERROR_INVALID_JSON_LINE"})  # fmt: skip
# A broken box does not spoil the line; ERROR_NO_VALID_ANNOTATIONS says so when all boxes are broken.
_HARMLESS = frozenset({"ERROR_INVALID_BOUNDING_BOX", "ERROR_BOUNDING_BOX_TOO_SMALL"})

Found = tuple[str, str]  # code of the service, JSON pointer


def rekognition_summary(
    training: Source,
    folder: str | os.PathLike[str],
    *,
    testing: Source | None = None,
    objects: str | os.PathLike[str] | Objects | None = None,
) -> dict[str, Any]:
    """Write what Rekognition Custom Labels writes when a training finds faults in its manifests.

    Parameters
    ----------
    training, testing : path, URI or bytes
        The manifests; without `testing` the summary has the training part only.
    folder : path
        Where `manifest_summary.json`, `training_manifest_with_validation.json` and, with `testing`,
        `testing_manifest_with_validation.json` are written, each whole or not at all. It is made when it is missing.
    objects : path, URI or Objects, optional
        The folder or bucket of the images, to look at them as well.

    Returns
    -------
    dict
        The content of `manifest_summary.json`. Line numbers start at 1; `error_json_line_indices` names every line with
        an error, `invalid_json_lines` counts those that cannot be used.

    Raises
    ------
    ObjectError
        A manifest or the images' root cannot be read, or the folder not be written to.
    """
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise ObjectError(f"the folder cannot be made: {error.strerror}", path=os.fspath(folder)) from None
    room = Objects(objects) if objects is not None and not isinstance(objects, Objects) else objects
    parts = {"training": _Part(training, room)}
    if testing is not None:
        parts["testing"] = _Part(testing, room)
    for name, part in parts.items():
        write_atomically(os.path.join(folder, f"{name}_manifest_with_validation.json"), b"".join(part.lines))
    shared = []
    if testing is not None:
        if _too_little(parts["training"].labels, parts["testing"].labels):
            shared.append(_worded("ERROR_INSUFFICIENT_LABEL_OVERLAP"))
        elif _too_little(*(part.usable(parts["training"].use_case) for part in parts.values())):
            shared.append(_worded("ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP"))
    summary = {"statistics": {name: part.statistics() for name, part in parts.items()}, "errors": shared}
    write_atomically(
        os.path.join(folder, SUMMARY), orjson.dumps(summary, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )
    return summary


class _Part:
    """One manifest: its lines with errors written in, and its numbers."""

    def __init__(self, source: Source, objects: Objects | None) -> None:
        dataset = read_manifest(source, profile="rekognition", columns=(*COLUMNS, "labels"))
        findings = dataset.findings if objects is None else look_at_objects(dataset, objects, each_missing=True)
        self._by_line: dict[int, list[Found]] = {}
        self._file_codes: dict[str, None] = {}
        for row in findings.select(["line", "code", "severity", "pointer"]).to_pylist():
            code = BY_CODE[row["code"]].rekognition
            if code is None or (code.startswith("ERROR_") and row["severity"] != "error"):
                continue
            if row["line"] is None or code in _OF_FILE:
                self._file_codes[code] = None
            else:
                self._by_line.setdefault(row["line"], []).append((code, row["pointer"] or ""))
        columns = [dataset.entries[name].to_pylist() for name in ("line", "class_name", "labels", "boxes")]
        self._with_boxes = {line for line, _, _, boxes in zip(*columns, strict=True) if boxes}
        self._with_labels = {line for line, name, labels, _ in zip(*columns, strict=True) if name or labels}
        # The names of each line: those of its images' labels, and those of its boxes.
        self._names = {
            line: ({name, *_names(labels)} - {None}, _names(boxes))
            for line, name, labels, boxes in zip(*columns, strict=True)
        }
        self.labels = set().union(*(names for both in self._names.values() for names in both))
        self._errors: list[int] = []
        self._invalid: set[int] = set()
        self._remarked: set[int] = set()
        self.lines = [self._line(number, line) for number, line in enumerate(_physical(dataset.entries["raw"]), 1)]

    def _line(self, number: int, line: bytes) -> bytes:
        """One line as the service gives it back, and what it counts as."""
        found = self._by_line.get(number, [])
        value = _object(line)
        if value is None:
            found, value = [("ERROR_INVALID_JSON_LINE", "")], {}
        if any(code in _STOPPING for code, _ in found):
            found = [(code, where) for code, where in found if code in _STOPPING or code.startswith("WARNING_")]
        errors = {code for code, _ in found if code.startswith("ERROR_")}
        if errors:
            self._errors.append(number)
        if errors - _HARMLESS:
            self._invalid.add(number)
        elif any(code.startswith("WARNING_") for code, _ in found):
            self._remarked.add(number)
        if not found:
            return line.rstrip(b"\r\n") + b"\n"
        for code, where in found:
            _put(value, code, where)
        return orjson.dumps(value) + b"\n"

    @property
    def use_case(self) -> str:
        """What would be trained: boxes, when more of the valid lines have boxes than labels."""
        boxes, labels = self._with_boxes - self._invalid, self._with_labels - self._invalid
        return (
            "OBJECT_LOCALIZATION" if len(boxes) > len(labels) else "IMAGE_LEVEL_LABELS" if labels else "NOT_DETERMINED"
        )

    def usable(self, use_case: str) -> set[str]:
        """The labels that valid lines have for a use case."""
        of = int(use_case == "OBJECT_LOCALIZATION")
        return set().union(*(both[of] for line, both in self._names.items() if line not in self._invalid))

    def _lacking(self) -> list[str]:
        """Labels enough, but too few of them on lines that can be used."""
        least = MIN_LABELS if self.use_case == "IMAGE_LEVEL_LABELS" else 1
        short = len(self.labels) >= least > len(self.usable(self.use_case))
        return ["ERROR_MANIFEST_TOO_FEW_USABLE_LABELS"] if short else []

    def statistics(self) -> dict[str, Any]:
        """This manifest's half of the summary."""
        boxes, labels = self._with_boxes - self._invalid, self._with_labels - self._invalid
        use = self.use_case
        others = labels - boxes if use == "OBJECT_LOCALIZATION" else boxes - labels
        ignored, total = self._remarked | others, len(self.lines)
        return {
            "use_case": use,
            "total_json_lines": total,
            "valid_json_lines": total - len(self._invalid) - len(ignored),
            "invalid_json_lines": len(self._invalid),
            "ignored_json_lines": len(ignored),
            "error_json_line_indices": self._errors,
            "errors": [_worded(code) for code in (*self._file_codes, *self._lacking())],
        }


def _names(group: Iterable[dict[str, Any]] | None) -> set[str]:
    return {one["class_name"] for one in group or () if one["class_name"]}


def _too_little(training: set[str], testing: set[str]) -> bool:
    """Fewer common labels than half of those of the training."""
    return len(training & testing) < MIN_OVERLAP * len(training)


def _physical(raw: Iterable[Any]) -> Iterator[bytes]:
    """The file's lines as the service cuts them: a value over several lines is several, all of them broken."""
    held = b""
    for one in raw:
        *whole, held = (held + (one.as_py() or b"")).split(b"\n")
        yield from whole
    if held:
        yield held


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(line.removeprefix(_BOM))
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _worded(code: str, attribute: str = "") -> dict[str, str]:
    return {"code": code, "message": MESSAGES.get(code, code).replace("{}", attribute)}


def _put(line: dict[str, Any], code: str, where: str) -> None:
    """Add an error or warning to the object of the line that it is about, once."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in where.split("/")[1:]]
    first = steps[0] if steps else ""
    attribute = first.removesuffix("-metadata")
    target: Any = line
    if code in _OF_METADATA:
        target = line.get(f"{attribute}-metadata")
    elif code in _OF_ATTRIBUTE:
        target = line.get(attribute)
    elif code in _OF_ANNOTATION and len(steps) > 2 and steps[1] == "annotations":
        target = line[first]["annotations"][int(steps[2])]
    elif code in _OF_ANNOTATION:
        target = line.get(f"{attribute}-metadata")
    if not isinstance(target, dict):
        target = line  # a label's number cannot carry an array
    kind = "errors" if code.startswith("ERROR_") else "warnings"
    if not isinstance(target.get(kind), list):
        target[kind] = []
    entry = _worded(code, attribute)
    if entry not in target[kind]:
        target[kind].append(entry)
