# ruff: noqa: E501 - tables of cases and columns, one a line
"""Peers that decode a line at a time and judge it in Python: orjson, msgspec's typed structs, pydantic's models.

All make the same checks and the same columns as lvtools, and flat lists rather than a dict per row, as a careful user would.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa

URI = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+\Z")
COLOR = re.compile(r"#[0-9a-f]{6}\Z")
TYPES = {"classification": "image-classification", "segmentation": "semantic-segmentation", "boxes": "object-detection"}
Answer = tuple[int, pa.Table]  # faulty lines, columns


class Sink:
    """Collects the columns of one kind; `row` takes plain values and says whether they are sound."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.faulty = 0
        self.columns: dict[str, list[Any]] = {}
        names = {
            "classification": "ref name label confidence date human job",
            "segmentation": "ref name label confidence date human job mask ends index map_name color map_confidence",
            "boxes": "ref ends class_id class_name left top width height box_confidence",
        }[kind]
        for name in names.split():
            self.columns[name] = []

    def label(
        self, ref: str, label: int, name: str, confidence: float, kind: str, human: str, date: str, job: str
    ) -> bool:
        c = self.columns
        try:
            moment = datetime.fromisoformat(date).replace(tzinfo=UTC)
        except ValueError:
            return False
        c["ref"].append(ref), c["name"].append(name), c["label"].append(str(label)), c["confidence"].append(confidence)
        c["date"].append(moment), c["human"].append(human == "yes"), c["job"].append(job)
        return (
            URI.match(ref) is not None and name in ("normal", "anomaly") and 0 <= confidence <= 1
            and kind == "groundtruth/image-classification" and human in ("yes", "no")
        )  # fmt: skip

    def mask(self, mask: str, classes: list[tuple[str, str, str, float]], kind: str, human: str, date: str) -> bool:
        c = self.columns
        names: dict[str, str] = {}
        good = bool(classes) and classes[0][:3] == ("0", "BACKGROUND", "#ffffff")
        for index, name, color, confidence in classes:
            c["index"].append(index), c["map_name"].append(name)
            c["color"].append(color), c["map_confidence"].append(confidence)
            good = (
                good
                and COLOR.match(color) is not None
                and 0 <= confidence <= 1
                and names.setdefault(name, color) == color
            )
        good = good and len(set(names.values())) == len(names)
        c["mask"].append(mask), c["ends"].append(len(c["index"]))
        try:
            datetime.fromisoformat(date)
        except ValueError:
            return False
        return (
            good and URI.match(mask) is not None and mask.endswith(".png") and human in ("yes", "no")
            and kind == "groundtruth/semantic-segmentation"
        )  # fmt: skip

    def boxes(self, ref: str, size: tuple[float, float], boxes: list[tuple[int, float, float, float, float]],
              confidences: list[float], classes: dict[str, str], kind: str, human: str, date: str) -> bool:  # fmt: skip
        c = self.columns
        good = len(confidences) == len(boxes) and URI.match(ref) is not None and human in ("yes", "no")
        for number, left, top, width, height in boxes:
            c["class_id"].append(number), c["left"].append(left), c["top"].append(top)
            c["width"].append(width), c["height"].append(height)
            name = classes.get(str(number))
            c["class_name"].append(name)
            good = (
                good and name is not None and left >= 0 and top >= 0 and width >= 0 and height >= 0
                and left + width <= size[0] and top + height <= size[1]
            )  # fmt: skip
        for confidence in confidences:
            good = good and 0 <= confidence <= 1
        c["box_confidence"].extend(confidences)
        c["ref"].append(ref), c["ends"].append(len(c["class_id"]))
        try:
            datetime.fromisoformat(date)
        except ValueError:
            return False
        return good and kind == "groundtruth/object-detection"

    def answer(self) -> Answer:
        c = self.columns
        made: dict[str, pa.Array] = {"source_ref": pa.array(c["ref"], pa.string())}
        if self.kind != "boxes":
            made |= {
                "class_name": pa.array(c["name"], pa.string()).dictionary_encode(),
                "label": pa.array(c["label"], pa.string()),
                "confidence": pa.array(c["confidence"], pa.float64()),
                "creation_date": pa.array(c["date"], pa.timestamp("us", tz="UTC")),
                "human_annotated": pa.array(c["human"], pa.bool_()),
                "job_name": pa.array(c["job"], pa.string()).dictionary_encode(),
            }
        if self.kind == "segmentation":
            texts = [pa.array(c[name], pa.string()) for name in ("index", "map_name", "color")]
            numbers = pa.array(c["map_confidence"], pa.float64())
            made["mask_ref"] = pa.array(c["mask"], pa.string())
            made["anomaly_classes"] = lists(
                c["ends"], [*texts, numbers], ["index", "class_name", "color", "confidence"]
            )
        if self.kind == "boxes":
            sides = [pa.array(c[name], pa.float64()) for name in ("left", "top", "width", "height", "box_confidence")]
            children = [pa.array(c["class_id"], pa.int64()), pa.array(c["class_name"], pa.string()), *sides]
            names = ["class_id", "class_name", "left", "top", "width", "height", "confidence"]
            made["boxes"] = lists(c["ends"], children, names)
        return self.faulty, pa.table(made)


def lists(ends: list[int], children: list[pa.Array], names: list[str]) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array([0, *ends], pa.int32()), pa.StructArray.from_arrays(children, names))


def with_orjson(data: bytes, kind: str) -> Answer:
    sink = Sink(kind)
    for line in data.splitlines():
        row = orjson.loads(line)
        try:
            good = _plain(sink, row, kind)
        except (KeyError, TypeError, IndexError):
            good = False
        sink.faulty += not good
    return sink.answer()


def _plain(sink: Sink, row: dict[str, Any], kind: str) -> bool:
    if kind == "boxes":
        value, meta = row["parts"], row["parts-metadata"]
        size = value["image_size"][0]
        boxes = [(b["class_id"], b["left"], b["top"], b["width"], b["height"]) for b in value["annotations"]]
        confidences = [one["confidence"] for one in meta["objects"]]
        return sink.boxes(row["source-ref"], (size["width"], size["height"]), boxes, confidences, meta["class-map"],
                          meta["type"], meta["human-annotated"], meta["creation-date"])  # fmt: skip
    meta = row["anomaly-label-metadata"]
    good = sink.label(row["source-ref"], row["anomaly-label"], meta["class-name"], meta["confidence"], meta["type"],
                      meta["human-annotated"], meta["creation-date"], meta["job-name"])  # fmt: skip
    if kind == "segmentation":
        meta = row["anomaly-mask-ref-metadata"]
        classes = [
            (key, c["class-name"], c["hex-color"], c["confidence"]) for key, c in meta["internal-color-map"].items()
        ]
        good &= sink.mask(
            row["anomaly-mask-ref"], classes, meta["type"], meta["human-annotated"], meta["creation-date"]
        )
    return good


def with_msgspec(data: bytes, kind: str) -> Answer:
    import msgspec

    sink = Sink(kind)
    decoder = msgspec.json.Decoder(_structs(kind))
    for line in data.splitlines():
        try:
            good = _typed(sink, decoder.decode(line), kind)
        except msgspec.ValidationError:
            good = False
        sink.faulty += not good
    return sink.answer()


def _typed(sink: Sink, row: Any, kind: str) -> bool:
    if kind == "boxes":
        value, meta = row.parts, row.parts_metadata
        size = value.image_size[0]
        boxes = [(b.class_id, b.left, b.top, b.width, b.height) for b in value.annotations]
        return sink.boxes(row.source_ref, (size.width, size.height), boxes, [one.confidence for one in meta.objects],
                          meta.class_map, meta.type, meta.human_annotated, meta.creation_date)  # fmt: skip
    meta = row.anomaly_label_metadata
    good = sink.label(row.source_ref, row.anomaly_label, meta.class_name, meta.confidence, meta.type,
                      meta.human_annotated, meta.creation_date, meta.job_name)  # fmt: skip
    if kind == "segmentation":
        meta = row.anomaly_mask_ref_metadata
        classes = [(key, c.class_name, c.hex_color, c.confidence) for key, c in meta.internal_color_map.items()]
        good &= sink.mask(row.anomaly_mask_ref, classes, meta.type, meta.human_annotated, meta.creation_date)
    return good


def _shapes(base: Callable[[str, list[tuple[str, Any]]], Any], kind: str) -> Any:
    """The line's types, made by `base(name, fields)`."""
    common = [("type", str), ("human_annotated", str), ("creation_date", str), ("job_name", str)]
    if kind == "boxes":
        size = base("Size", [("width", float), ("height", float), ("depth", int)])
        box = base("Box", [("class_id", int), ("left", float), ("top", float), ("width", float), ("height", float)])
        value = base("Parts", [("image_size", list[size]), ("annotations", list[box])])
        one = base("Object", [("confidence", float)])
        meta = base("Metadata", [("objects", list[one]), ("class_map", dict[str, str]), *common])
        return base("Line", [("source_ref", str), ("parts", value), ("parts_metadata", meta)])
    label = base("Label", [("class_name", str), ("confidence", float), *common])
    fields = [("source_ref", str), ("anomaly_label", int), ("anomaly_label_metadata", label)]
    if kind == "segmentation":
        color = base("Color", [("class_name", str), ("hex_color", str), ("confidence", float)])
        mask = base("Mask", [("internal_color_map", dict[str, color]), *common])
        fields += [("anomaly_mask_ref", str), ("anomaly_mask_ref_metadata", mask)]
    return base("Line", fields)


_KEPT = ("image_size", "class_id")


def _written(name: str) -> str:
    return name if name in _KEPT else name.replace("_", "-")


def _structs(kind: str) -> Any:
    import msgspec

    return _shapes(lambda name, fields: msgspec.defstruct(name, fields, rename=_written, gc=False), kind)


def with_pydantic(data: bytes, kind: str) -> Answer:
    import pydantic

    def base(name: str, fields: list[tuple[str, Any]]) -> Any:
        config = pydantic.ConfigDict(alias_generator=_written)
        return pydantic.create_model(name, __config__=config, **{key: (kind_, ...) for key, kind_ in fields})

    sink = Sink(kind)
    validate = _shapes(base, kind).model_validate_json
    for line in data.splitlines():
        try:
            good = _typed(sink, validate(line), kind)
        except pydantic.ValidationError:
            good = False
        sink.faulty += not good
    return sink.answer()


LOOPS: dict[str, Callable[[bytes, str], Answer]] = {
    "orjson": with_orjson,
    "msgspec": with_msgspec,
    "pydantic": with_pydantic,
}


def names() -> Iterator[str]:
    yield from LOOPS
