"""The label attributes of a line, one method per kind: class, multi-label, boxes, mask. Each reads and judges."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from lvtools.dataset import WHITE, format_color, is_background
from lvtools.findings import FindingList
from lvtools.manifest.dates import read_date
from lvtools.manifest.references import check_reference, check_signs
from lvtools.manifest.scan import Places, describe, pointer, quoted

MAX_CLASS_NAME = 256  # Rekognition line errors and Ground Truth quotas; the API's DatasetLabel says 255
MAX_BOXES = 50
MIN_SIDE, MAX_SIDE = 64, 4096  # image limits of Lookout and Rekognition
MAX_JOB_PIXELS = 100_000_000  # Ground Truth quotas, without active learning
SHRUNK_SIDE = 1280  # Rekognition looks at boxes after shrinking to this
MAX_MASK_CLASSES = 20

VERIFICATION = "groundtruth/label-verification"

_KINDS = {
    "groundtruth/image-classification": "classification",
    "groundtruth/image-classification-multilabel": "multilabel",
    "groundtruth/object-detection": "boxes",
    "groundtruth/semantic-segmentation": "segmentation",
    VERIFICATION: "verification",
}
_REKOGNITION_TYPES = (
    "groundtruth/image-classification",
    "groundtruth/object-detection",
    "groundtruth/image-classification-multilabel",
)
_NUMBER = re.compile(r"-?[0-9]+\Z")
_HEX = re.compile(r"#[0-9a-fA-F]{6}\Z")
_PLAIN_NAME = re.compile(r"[a-zA-Z0-9]*\Z")  # the API's AnomalyName

Path = tuple[str | int, ...]


class AttributeReader:
    """Shared by all kinds: where findings go, and what every metadata object has in common."""

    places: Places

    def __init__(self, findings: FindingList) -> None:
        self._findings = findings
        self.profile = findings.profile

    def add(
        self,
        code: str,
        path: Path,
        *,
        key: bool = False,
        value: str | None = None,
        expected: str | None = None,
        related: int | None = None,
    ) -> None:
        """Report a finding at a path of the current line."""
        place = self.places.of(path, key=key)
        self._findings.add(code, **place, pointer=pointer(path), value=value, expected=expected, related_line=related)

    def kind_of(self, key: str, value: Any, metadata: dict[str, Any]) -> str | None:
        """What an attribute is: by its type, or by its shape when the type is missing; None: not looked into."""
        path = (f"{key}-metadata", "type")
        name = metadata.get("type")
        if "type" not in metadata:
            self.add("LV114", path[:1])
            return _kind_by_shape(value, metadata)
        if not isinstance(name, str):
            self.add("LV117", path, value=describe(name))
            return _kind_by_shape(value, metadata)
        kind = _KINDS.get(name)
        unused = self.profile == "rekognition" and name not in _REKOGNITION_TYPES
        if (
            kind is None
            or unused
            or (self.profile in ("lookoutvision", "marketplace") and kind in ("boxes", "multilabel", "verification"))
        ):
            self.add("LV115", path, value=quoted(name))
        return None if unused else kind

    def class_name(self, path: Path, metadata: dict[str, Any]) -> str | None:
        """`class-name`, which decides the class (the number does not)."""
        name = metadata.get("class-name")
        if not isinstance(name, str) or not name:
            self.add("LV120", path)
            return None
        self.name_form((*path, "class-name"), name)
        if self.profile in ("lookoutvision", "marketplace") and name not in ("normal", "anomaly"):
            plain = name.strip().casefold()
            if plain in ("normal", "anomaly"):
                self.add("LV122", (*path, "class-name"), value=quoted(name), expected=plain)
            else:
                self.add("LV121", (*path, "class-name"), value=quoted(name))
        return name

    def name_form(self, path: Path, name: str) -> None:
        """Length and blanks of a class name."""
        if len(name) > MAX_CLASS_NAME:
            self.add("LV123", path, value=quoted(name[:40] + "…"))
        if name != name.strip():
            self.add("LV124", path, value=quoted(name))
        check_signs(self, path, name)

    def confidence(self, path: Path, metadata: dict[str, Any]) -> float | None:
        """`confidence` in 0..1, or None."""
        if "confidence" not in metadata:
            self.add("LV125", path)
            return None
        return self.fraction((*path, "confidence"), metadata["confidence"])

    def fraction(self, path: Path, value: Any) -> float | None:
        """A number in 0..1."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            self.add("LV126", path, value=describe(value))
            return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
        return float(value)

    def date(self, path: Path, value: Any) -> datetime | None:
        """A time, in UTC."""
        moment, javascript = read_date(value) if isinstance(value, str) else (None, False)
        if moment is None:
            self.add("LV130", path, value=describe(value))
        elif javascript:
            self.add("LV131", path, value=quoted(value))
        return moment

    def reference(self, path: Path, ref: str) -> None:
        """An image's URI; a mask's has to end in .png as well."""
        check_reference(self, path, ref)
        if path != ("source-ref",) and not ref.lower().endswith(".png"):
            self.add("LV192", path, value=quoted(ref))

    def common(self, path: Path, metadata: dict[str, Any]) -> tuple[datetime | None, bool | None]:
        """creation-date, human-annotated and job-name."""
        if not isinstance(metadata.get("job-name"), str):
            self.add("LV118", path)
        human = metadata.get("human-annotated")
        if "human-annotated" not in metadata:
            self.add("LV127", path)
        elif human not in ("yes", "no"):
            self.add("LV128", (*path, "human-annotated"), value=describe(human))
        moment = None
        if "creation-date" not in metadata:
            self.add("LV129", path)
        else:
            moment = self.date((*path, "creation-date"), metadata["creation-date"])
        status = metadata.get("adjustment-status", "adjusted")
        if status not in ("adjusted", "unadjusted"):
            self.add("LV138", (*path, "adjustment-status"), value=describe(status))
        return moment, {"yes": True, "no": False}.get(human) if isinstance(human, str) else None

    def verification(self, key: str, value: Any, metadata: dict[str, Any]) -> bool:
        """What a worker said of another attribute: a class, and perhaps comments."""
        path: Path = (f"{key}-metadata",)
        if isinstance(value, bool) or not isinstance(value, (int, str)) or not _NUMBER.match(str(value)):
            self.add("LV133", (key,), value=describe(value))
        name = metadata.get("class-name")
        named = isinstance(name, str) and bool(name)
        if isinstance(name, str) and name:
            self.name_form((*path, "class-name"), name)
        else:
            self.add("LV120", path)
        self.confidence(path, metadata)
        self.common(path, metadata)
        feedback = metadata.get("worker-feedback", [])
        comments = feedback if isinstance(feedback, list) else [None]
        if not all(isinstance(one, dict) and isinstance(one.get("comment"), str) for one in comments):
            self.add("LV137", (*path, "worker-feedback"), value=describe(feedback))
        return named

    def _class_map(self, key: str, metadata: dict[str, Any]) -> dict[str, str] | None:
        path = (f"{key}-metadata", "class-map")
        classes = metadata.get("class-map")
        if not isinstance(classes, dict):
            self.add("LV160", path[:1])
            return None
        names: dict[str, str] = {}
        for number, name in classes.items():
            if isinstance(name, str) and name:
                self.name_form((*path, number), name)
                if name in names.values():
                    self.add("LV162", (*path, number), value=quoted(name))
                names[number] = name
            else:
                self.add("LV120", (*path, number))
        return names

    def multilabel(self, key: str, value: Any, metadata: dict[str, Any]) -> tuple[list[dict[str, Any]], bool]:
        """Ground Truth's array of class numbers with class-map and confidence-map."""
        classes = self._class_map(key, metadata)
        self.common((f"{key}-metadata",), metadata)
        if not isinstance(value, list) or any(isinstance(x, bool) or not isinstance(x, (int, str)) for x in value):
            self.add("LV170", (key,), value=describe(value))
            return [], False
        confidences = metadata.get("confidence-map")
        if not isinstance(confidences, dict):
            self.add("LV173", (f"{key}-metadata",))
        labels = []
        for index, number in enumerate(value):
            name = (classes or {}).get(str(number))
            if classes is not None and name is None:
                self.add("LV152", (key, index), value=str(number))
            confidence = None
            if isinstance(confidences, dict):
                if str(number) in confidences:
                    confidence = self.fraction(
                        (f"{key}-metadata", "confidence-map", str(number)), confidences[str(number)]
                    )
                else:
                    self.add("LV172", (key, index), value=str(number))
            labels.append({"attribute": key, "class_id": str(number), "class_name": name, "confidence": confidence})
        return labels, classes is not None

    def boxes(self, key: str, value: Any, metadata: dict[str, Any]) -> tuple[list[dict[str, Any]], bool]:
        """Bounding boxes with class-map and one confidence each."""
        classes = self._class_map(key, metadata)
        _, human = self.common((f"{key}-metadata",), metadata)
        size = self._image_size(key, value)
        annotations = value.get("annotations") if isinstance(value, dict) else None
        if not isinstance(annotations, list):
            self.add("LV150", (key,), value=f"'annotations' is {describe(annotations)}, not an array")
            return [], False
        confidences = self._box_confidences(key, metadata, len(annotations))
        if not annotations:
            if human is not False:
                self.add("LV157", ())
            self.add("LV158", (key, "annotations"))
            return [], True
        if len(annotations) > MAX_BOXES:
            self.add("LV155", (key, "annotations"), value=str(len(annotations)))
        boxes, sound = [], 0
        for index, annotation in enumerate(annotations):
            box, good = self.box((key, "annotations", index), annotation, size, classes)
            sound += good
            if box is not None:
                boxes.append({**box, "confidence": confidences[index] if index < len(confidences) else None})
        if not sound:
            self.add("LV159", (key,))
        return boxes, sound > 0 and classes is not None

    def _image_size(self, key: str, value: Any) -> tuple[float, float] | None:
        """(height, width) as stated, or None."""
        path: Path = (key, "image_size")
        sizes = value.get("image_size") if isinstance(value, dict) else None
        if isinstance(sizes, dict):
            self.add("LV161", path)
            sizes = [sizes]
        elif isinstance(sizes, list) and len(sizes) == 1 and isinstance(sizes[0], dict):
            path = (*path, 0)
        else:
            self.add("LV150", path, value=f"'image_size' is {describe(sizes)}, not an array with one object")
            return None
        width, height = sizes[0].get("width"), sizes[0].get("height")
        if not _is_number(width) or not _is_number(height):
            self.add("LV150", path, value="'image_size' needs width and height")
            return None
        if not all(MIN_SIDE <= side <= MAX_SIDE for side in (width, height)):
            self.add("LV156", path, value=f"{width} x {height}")
        if width * height > MAX_JOB_PIXELS:
            self.add("LV163", path, value=f"{width} x {height}")
        if not _is_number(sizes[0].get("depth")):
            self.add("LV164", path)
        return float(height), float(width)

    def _box_confidences(self, key: str, metadata: dict[str, Any], boxes: int) -> list[float | None]:
        path: Path = (f"{key}-metadata", "objects")
        objects = metadata.get("objects")
        if not isinstance(objects, list):
            self.add(
                "LV151",
                path[:1] if objects is None else path,
                value="no 'objects'" if objects is None else describe(objects),
            )
            return []
        if len(objects) < boxes:
            self.add("LV151", path, value=f"{len(objects)} for {boxes} boxes")
        elif len(objects) > boxes:
            self.add("LV165", path, value=f"{len(objects)} confidences for {boxes} boxes")
        confidences: list[float | None] = []
        for index, item in enumerate(objects):
            if not isinstance(item, dict) or "confidence" not in item:
                self.add("LV151", (*path, index), value=describe(item))
                confidences.append(None)
            else:
                confidences.append(self.fraction((*path, index, "confidence"), item["confidence"]))
        return confidences

    def box(
        self, path: Path, annotation: Any, size: tuple[float, float] | None, classes: dict[str, str] | None
    ) -> tuple[dict[str, Any] | None, bool]:
        """One box, or None, and whether it is valid in a frame of `size` (height, width)."""
        if not isinstance(annotation, dict):
            self.add("LV150", path, value=f"the box is {describe(annotation)}")
            return None, False
        missing = [side for side in ("left", "top", "width", "height") if not _is_number(annotation.get(side))]
        if missing:
            self.add("LV150", path, value=f"the box has no number {', '.join(missing)}")
            return None, False
        number = annotation.get("class_id")
        name = (classes or {}).get(str(number))
        good = True
        if isinstance(number, bool) or not isinstance(number, (int, str)):
            self.add("LV150", path, value=f"'class_id' is {describe(number)}")
            good, number = False, None
        elif classes is not None and name is None:
            self.add("LV152", (*path, "class_id"), value=str(number))
            good = False
        left, top, width, height = (float(annotation[side]) for side in ("left", "top", "width", "height"))
        if (
            left < 0
            or top < 0
            or width < 0
            or height < 0
            or (size and (left + width > size[1] or top + height > size[0]))
        ):
            frame = f" in an image of {size[1]:g} x {size[0]:g}" if size else ""
            self.add("LV153", path, value=f"left {left:g}, top {top:g}, width {width:g}, height {height:g}{frame}")
            good = False
        elif self.profile == "rekognition" and size:
            shrink = min(1.0, SHRUNK_SIDE / max(*size, 1.0))
            if width * shrink <= 1 or height * shrink <= 1:
                self.add("LV154", path, value=f"{width:g} x {height:g}")
                good = False
        class_id = int(number) if number is not None and re.fullmatch(r"-?\d{1,18}", str(number)) else None
        return {
            "class_id": class_id,
            "class_name": name,
            "left": left,
            "top": top,
            "width": width,
            "height": height,
        }, good

    def segmentation(self, key: str, value: Any, metadata: dict[str, Any]) -> tuple[str | None, list[dict[str, Any]]]:
        """A mask's reference and its color map."""
        self.common((f"{key}-metadata",), metadata)
        if not key.endswith("-ref"):
            self.add("LV181", (key,), key=True, value=quoted(key))
        classes = self._color_map((f"{key}-metadata", "internal-color-map"), metadata)
        if not isinstance(value, str) or not value.strip():
            self.add("LV180", (key,), value=describe(value))
            return None, classes
        self.reference((key,), value)
        return value, classes

    def _color_map(self, path: Path, metadata: dict[str, Any]) -> list[dict[str, Any]]:
        written = metadata.get("internal-color-map")
        if not isinstance(written, dict):
            found = "missing" if "internal-color-map" not in metadata else describe(written)
            self.add("LV182", path[:1] if found == "missing" else path, value=found)
            return []
        first = written.get("0")
        if not (
            isinstance(first, dict) and isinstance(first.get("class-name"), str) and is_background(first["class-name"])
        ):
            self.add("LV183", path)
        if len(written) > MAX_MASK_CLASSES + 1:
            self.add("LV190", path, value=str(len(written)))
        classes: list[dict[str, Any]] = []
        names: dict[str, str] = {}
        colors: dict[int, str] = {}
        for index, item in written.items():
            one = self._map_entry((*path, index), item)
            if one is None:
                continue
            classes.append({"index": index, **one})
            name, color = one["class_name"], one["color"]
            if color is None:
                continue
            if names.get(name, color) != color:
                self.add(
                    "LV188", (*path, index), value=f"class {quoted(name)} has two colours, {names[name]} and {color}"
                )
            if colors.get(int(color[1:], 16), name) != name:
                self.add(
                    "LV188",
                    (*path, index),
                    value=f"{color} belongs to {quoted(colors[int(color[1:], 16)])} and {quoted(name)}",
                )
            names.setdefault(name, color)
            colors.setdefault(int(color[1:], 16), name)
        return classes

    def _map_entry(self, path: Path, item: Any) -> dict[str, Any] | None:
        if not isinstance(item, dict):
            self.add("LV188", path, value=f"the entry is {describe(item)}")
            return None
        name = item.get("class-name")
        if not isinstance(name, str) or not name:
            self.add("LV185", path)
            return None
        self.name_form((*path, "class-name"), name)
        if not is_background(name) and not _PLAIN_NAME.match(name):
            self.add("LV191", (*path, "class-name"), value=quoted(name))
        written = item.get("hex-color")
        color = None
        if isinstance(written, str) and _HEX.match(written):
            color = written.lower()
            if is_background(name) and color != format_color(WHITE):
                self.add("LV184", (*path, "hex-color"), value=written)
        else:
            self.add("LV186", (*path, "hex-color"), value=describe(written) if "hex-color" in item else "missing")
        if "confidence" in item:
            confidence = self.fraction((*path, "confidence"), item["confidence"])
        else:
            self.add("LV187", path)
            confidence = None
        return {"class_name": name, "color": color, "confidence": confidence}


def _kind_by_shape(value: Any, metadata: dict[str, Any]) -> str | None:
    if "internal-color-map" in metadata:
        return "segmentation"
    if isinstance(value, dict) and "annotations" in value and "image_size" in value:
        return "boxes"
    if isinstance(value, list) and "class-map" in metadata:
        return "multilabel"
    return "classification" if "class-name" in metadata else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
