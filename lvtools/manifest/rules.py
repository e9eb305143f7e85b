"""What one line of a manifest means, and everything that is wrong with it.

Reading and judging are one walk, so that they cannot disagree: `LineReader.read` returns the entry's values and
reports findings on the way. Boxes, labels and masks are in `attributes`; rules that need two lines in `crossline`.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, NamedTuple

from lvtools.findings import FindingList
from lvtools.manifest.attributes import VERIFICATION, AttributeReader
from lvtools.manifest.references import check_signs, uri_bucket
from lvtools.manifest.scan import Places, describe, quoted

# Keys that say nothing about the image's label: references, and what the services add to lines.
_PLAIN_KEYS = frozenset(
    {"source-ref", "source", "source-ref-metadata", "errors", "warnings", "cl-errors", "cl-metadata"}
)
_NUMBER = re.compile(r"-?[0-9]+\Z")
MAX_VALUE_CHARS = 20_000  # Ground Truth, input manifest
MAX_LABELS = 50  # Rekognition Custom Labels, labels of one image
SUCCESSOR_NAMES = {"classification": "anomaly-label", "segmentation": "anomaly-mask-ref"}  # what its transformer writes
_PREDICTED = re.compile(r"-detected\Z|\Arekognition-custom-labels-evaluation")


class Entry(NamedTuple):
    """The columns of `ENTRY_SCHEMA` that come out of a line's JSON."""

    source_ref: str | None = None
    class_name: str | None = None
    label: str | None = None
    confidence: float | None = None
    creation_date: datetime | None = None
    human_annotated: bool | None = None
    job_name: str | None = None
    label_attribute: str | None = None
    mask_ref: str | None = None
    mask_attribute: str | None = None
    anomaly_classes: list[dict[str, Any]] | None = None
    boxes: list[dict[str, Any]] | None = None
    labels: list[dict[str, Any]] | None = None


NO_ENTRY = Entry()


class LineReader(AttributeReader):
    """Reads lines under one profile."""

    def __init__(self, findings: FindingList, *, attribute: str | None = None) -> None:
        super().__init__(findings)
        self._wanted = attribute
        self._same: SameAttributes | None = SameAttributes(self) if self.profile == "marketplace" else None

    def read(self, value: dict[str, Any], places: Places) -> Entry:
        """The entry of one line; findings go to the list given at the start."""
        self.places = places
        self._keys(value)
        source_ref = self._source_ref(value)
        pairs = [key for key in value if f"{key}-metadata" in value and key != "source-ref"]
        self._orphans(value, pairs)
        entry = Entry(source_ref=source_ref)
        usable = 0
        for key in pairs:
            metadata = value[f"{key}-metadata"]
            if not isinstance(metadata, dict):
                self.add("LV113", (f"{key}-metadata",), value=describe(metadata))
                continue
            entry, good = self._attribute(entry, key, value[key], metadata)
            usable += good
        if entry.label_attribute is not None and entry.labels is not None and len(entry.labels) == 1:
            entry = entry._replace(labels=None)  # one label: class_name says it all
        if self.profile == "rekognition":
            if pairs and not usable:
                self.add("LV116", ())
            if entry.labels is not None and len(entry.labels) > MAX_LABELS:
                self.add("LV171", (), value=str(len(entry.labels)))
        elif self.profile == "groundtruth":
            self._groundtruth(value, pairs)
        elif self._same is not None:
            self._same.see([key for key in value if not key.endswith("-metadata")])
        if entry.mask_ref is not None and source_ref is not None:
            self.buckets((entry.mask_attribute or "",), source_ref, entry.mask_ref)
        return entry

    def buckets(self, path: tuple[str | int, ...], source_ref: str, mask_ref: str) -> None:
        """The image and the mask at `path` lie in one bucket."""
        bucket, other = uri_bucket(source_ref), uri_bucket(mask_ref)
        if bucket and other and bucket != other:
            self.add("LV194", path, value=quoted(other))

    def _keys(self, value: dict[str, Any]) -> None:
        """Keys with signs that nobody sees: 'class-name' with a zero-width space is another key."""
        for key, item in value.items():
            if not (key.isascii() and key.isprintable()):
                check_signs(self, (key,), key, key=True)
            if key.endswith("-metadata") and isinstance(item, dict):
                for name in item:
                    if not (name.isascii() and name.isprintable()):
                        check_signs(self, (key, name), name, key=True)

    def _groundtruth(self, value: dict[str, Any], pairs: list[str]) -> None:
        """What a labeling job asks of attribute names and the length of their values."""
        for key in pairs:
            if key.startswith("$") or key.endswith("-metadata"):
                self.add("LV134", (key,), key=True, value=quoted(key))
            metadata = value[f"{key}-metadata"]
            if isinstance(metadata, dict) and (
                metadata.get("type") == VERIFICATION or metadata.get("adjustment-status") == "adjusted"
            ):
                others = [name for name in pairs if name != key]
                if not others:
                    done = "verifies" if metadata.get("type") == VERIFICATION else "adjusts"
                    self.add("LV139", (key,), key=True, value=f"{quoted(key)} {done} a label")
        if self.places.length() > MAX_VALUE_CHARS:
            for key in value:
                length = self.places.length((key,))
                if length > MAX_VALUE_CHARS:
                    self.add("LV136", (key,), value=f"the value of {quoted(key)} has {length:,} characters")

    def _source_ref(self, value: dict[str, Any]) -> str | None:
        if "source-ref" not in value:
            self.add("LV105" if "source" in value else "LV101", ("source",) if "source" in value else ())
            return None
        ref = value["source-ref"]
        if not isinstance(ref, str) or not ref.strip():
            self.add("LV102", ("source-ref",), value=describe(ref))
            return None
        self.reference(("source-ref",), ref)
        return ref

    def _orphans(self, value: dict[str, Any], pairs: list[str]) -> None:
        """Metadata without attribute, and lines whose attributes have no metadata."""
        orphans = [
            key
            for key in value
            if key.endswith("-metadata") and key not in _PLAIN_KEYS and key[: -len("-metadata")] not in value
        ]
        others = [key for key in value if key not in _PLAIN_KEYS and key not in orphans]
        if orphans and others and not pairs:  # 'normal' beside 'auto-label-metadata': one fault, not two
            shown = [quoted(key) for key in (others[0], orphans[0])]
            self.add("LV119", (others[0],), key=True, value=" and ".join(shown))
            return
        for key in orphans:
            self.add("LV112", (key,), key=True, value=quoted(key))
        if pairs:
            return
        if others or orphans:
            shown = others or orphans
            self.add("LV111", (shown[0],), key=True, value=", ".join(quoted(key) for key in shown[:3]))
        elif "source" not in value:
            self.add("LV110", ())

    def _attribute(self, entry: Entry, key: str, value: Any, metadata: dict[str, Any]) -> tuple[Entry, bool]:
        """Read one attribute with its metadata; return the entry with it, and whether the attribute can be used."""
        kind = self.kind_of(key, value, metadata)
        predicted = _is_predicted(key)
        if kind not in (None, "segmentation") and key.endswith("-ref"):
            self.add("LV135", (key,), key=True, value=quoted(key))
        if self._same is not None and kind in SUCCESSOR_NAMES and not predicted:
            self._same.name(key, SUCCESSOR_NAMES[kind])
        if kind == "classification":
            return self._classification(entry, key, value, metadata)
        if kind == "multilabel":
            labels, good = self.multilabel(key, value, metadata)
            return entry if predicted else entry._replace(labels=[*(entry.labels or []), *labels]), good
        if kind == "boxes":
            boxes, good = self.boxes(key, value, metadata)
            return entry if predicted else entry._replace(boxes=[*(entry.boxes or []), *boxes]), good
        if kind == "segmentation":
            mask_ref, classes = self.segmentation(key, value, metadata)
            if entry.mask_attribute is None and not predicted:
                entry = entry._replace(mask_ref=mask_ref, mask_attribute=key, anomaly_classes=classes)
            return entry, mask_ref is not None
        if kind == "verification" and self.profile == "groundtruth":
            return entry, self.verification(key, value, metadata)
        return entry, kind == "verification"

    def _classification(self, entry: Entry, key: str, value: Any, metadata: dict[str, Any]) -> tuple[Entry, bool]:
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, str))
            or (isinstance(value, str) and not _NUMBER.match(value))
            or (isinstance(value, str) and self.profile == "rekognition")
        ):
            self.add("LV133", (key,), value=describe(value))
        elif isinstance(value, str) and self.profile in ("lookoutvision", "marketplace"):
            self.add("LV132", (key,), value=quoted(value))
        name = self.class_name((f"{key}-metadata",), metadata)
        confidence = self.confidence((f"{key}-metadata",), metadata)
        moment, human = self.common((f"{key}-metadata",), metadata)
        label = {"attribute": key, "class_id": written(value), "class_name": name, "confidence": confidence}
        predicted = _is_predicted(key)
        wanted = key == self._wanted if self._wanted else not predicted
        if wanted and entry.label_attribute is None:
            job = metadata.get("job-name")
            entry = entry._replace(
                class_name=self.decided(name), label=written(value), confidence=confidence, creation_date=moment,
                human_annotated=human, job_name=job if isinstance(job, str) else None, label_attribute=key,
            )  # fmt: skip
        if not predicted:
            entry = entry._replace(labels=[*(entry.labels or []), label])
        return entry, name is not None

    def decided(self, name: str | None) -> str | None:
        """The class an image counts as. Lookout's rule: normal, anomaly, or unlabeled."""
        if name is None or self.profile not in ("lookoutvision", "marketplace"):
            return name
        plain = name.strip().casefold()
        return plain if plain in ("normal", "anomaly") else None


class SameAttributes:
    """The successor's algorithm reads the same attributes from every line; the first line says which."""

    def __init__(self, report: AttributeReader) -> None:
        self._report = report
        self._first: tuple[list[str], int] | None = None
        self._named: set[str] = set()

    def see(self, keys: list[str]) -> None:
        """Compare a line's attributes with the first line's."""
        if self._first is None:
            self._first = keys, self._report.places.of()["line"]
            return
        expected, line = self._first
        lacks = [quoted(key) for key in expected if key not in keys]
        adds = [quoted(key) for key in keys if key not in expected]
        if lacks:
            self._report.add("LV220", (), value=f"lacks {', '.join(lacks)}, which line {line} has", related=line)
        elif adds:
            self._report.add("LV220", (), value=f"has {', '.join(adds)}, which line {line} lacks", related=line)

    def name(self, key: str, expected: str) -> None:
        """Say once of each attribute that it has another name than the one the algorithm's tools write."""
        if key != expected and key not in self._named:
            self._named.add(key)
            self._report.add("LV221", (key,), key=True, value=quoted(key), expected=quoted(expected))


def _is_predicted(key: str) -> bool:
    """Does an attribute hold what a model said, rather than the truth?"""
    return _PREDICTED.search(key.removesuffix("-ref")) is not None


def written(value: Any) -> str | None:
    """A label's number as the file has it."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    return str(value)
