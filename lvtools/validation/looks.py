"""One line's image and mask, looked at: what is wrong with them, and what the whole file must know of them.

Runs on many threads and writes nothing that others read; what the file adds up from it is in `validate`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from lvtools.dataset import ColorMap
from lvtools.errors import FormatError, MaskError, ObjectError
from lvtools.images import ImageInfo, peek_image
from lvtools.masks import mask_areas, read_mask
from lvtools.objects import Objects

MIN_SIDE, MAX_SIDE = 64, 4096  # Lookout for Vision and Rekognition
MAX_JOB_PIXELS = 100_000_000  # Ground Truth, without active learning
MAX_RATIO = 20  # Rekognition: longer side by shorter side
MEGABYTE = 2**20  # the guides say MB; the larger reading refuses nothing that a service may have taken
MAX_MEGABYTES = {"lookoutvision": 8, "rekognition": 15, "groundtruth": 40}
MAX_MASK_CLASSES = 20  # Lookout for Vision
MAX_STRAY_COLORS = 16  # more colours of no class than that are no slip of the brush, but a lossy save
DUMMY_SIDE = 16  # the mask of nothing that AWS's successor is fed for normal images

Path = tuple[str | int, ...]


class Task(NamedTuple):
    """What of an entry is needed to look at its image and mask."""

    row: int
    source_ref: str | None
    class_name: str | None
    mask_ref: str | None
    mask_attribute: str | None
    classes: list[dict[str, Any]] | None
    boxes: bytes | None  # the line, when it has boxes


class Fault(NamedTuple):
    """A finding without its place."""

    code: str
    path: Path
    value: str | None = None
    expected: str | None = None


class Seen(NamedTuple):
    """The result for one line."""

    row: int
    faults: list[Fault]
    size: tuple[int, int] | None = None  # of the image: (height, width)
    mask: MaskSeen | None = None


class MaskSeen(NamedTuple):
    """What one mask shows."""

    height: int
    width: int
    area_px: dict[str, int]  # of the classes that occur, the background left out
    stray: list[tuple[str, int]]  # colours of no class with their pixels, most first
    ambiguous_px: int

    @property
    def is_dummy(self) -> bool:
        """16 x 16 pixels of background."""
        return (self.height, self.width) == (DUMMY_SIDE, DUMMY_SIDE) and not self.area_px and not self.stray


def shown(size: tuple[int, int]) -> str:
    """(height, width) as people and cameras say it, width first."""
    return f"{size[1]} x {size[0]}"


def look(task: Task, objects: Objects, profile: str) -> Seen:
    """Look at the image and the mask of one entry."""
    faults: list[Fault] = []
    size = _image(task, objects, profile, faults) if task.source_ref is not None else None
    mask = None
    if task.mask_ref is not None and profile != "rekognition":
        mask = _mask(task, objects, size, faults)
    return Seen(task.row, faults, size, mask)


def _image(task: Task, objects: Objects, profile: str, faults: list[Fault]) -> tuple[int, int] | None:
    path: Path = ("source-ref",)
    try:
        stream = objects.open(task.source_ref or "")
    except ObjectError as error:
        faults.append(Fault("LV305", path, error.message))
        return None
    try:
        with stream:
            info, size_bytes = peek_image(stream)
    except (FormatError, OSError) as error:
        reason = error.message if isinstance(error, (FormatError, ObjectError)) else f"cannot be read: {error}"
        faults.append(Fault("LV306", path, reason))
        return None
    faults += (Fault(code, path, value) for code, value in _limits(info, size_bytes, profile))
    size = info.height, info.width
    if task.boxes is not None:
        faults += _stated_sizes(task.boxes, size)
    return size


def _limits(info: ImageInfo, size_bytes: int, profile: str) -> list[tuple[str, str]]:
    found = []
    if info.format not in ("png", "jpeg"):
        found.append(("LV306", f"it is {info.format.upper()}, not JPEG or PNG"))
    size = shown((info.height, info.width))
    if not MIN_SIDE <= min(info.height, info.width) <= max(info.height, info.width) <= MAX_SIDE:
        found.append(("LV307", size))
    limit = MAX_MEGABYTES.get(profile)
    if limit is not None and size_bytes > limit * MEGABYTE:
        found.append(("LV308", f"{size_bytes:,} bytes, {limit} MB is the limit"))
    if max(info.height, info.width) > MAX_RATIO * min(info.height, info.width):
        found.append(("LV309", size))
    if info.height * info.width > MAX_JOB_PIXELS:
        found.append(("LV329", size))
    return found


def _stated_sizes(raw: bytes, size: tuple[int, int]) -> list[Fault]:
    """Where a line's boxes are said to lie on an image of another size."""
    found = []
    for key, value in orjson.loads(raw).items():
        sizes = value.get("image_size") if isinstance(value, dict) and "annotations" in value else None
        path: Path = (key, "image_size") if isinstance(sizes, dict) else (key, "image_size", 0)
        one = sizes[0] if isinstance(sizes, list) and len(sizes) == 1 else sizes
        if isinstance(one, dict) and {"width", "height"} <= one.keys() and (one["height"], one["width"]) != size:
            found.append(Fault("LV311", path, shown(size), f"{one['width']} x {one['height']}"))
    return found


def _mask(task: Task, objects: Objects, size: tuple[int, int] | None, faults: list[Fault]) -> MaskSeen | None:
    path: Path = (task.mask_attribute or "",)
    try:
        data = objects.read(task.mask_ref or "")
    except ObjectError as error:
        faults.append(Fault("LV304", path, error.message))
        return None
    try:
        color_map = _color_map(task.classes)
        seen = _read(data, color_map)
    except MaskError as error:
        faults.append(Fault("LV301", path, error.message))
        return None
    if size is not None and (seen.height, seen.width) != size and not seen.is_dummy:
        faults.append(Fault("LV312", path, shown((seen.height, seen.width)), shown(size)))
    faults += (Fault(code, path, value) for code, value in _content(seen, task.class_name, data, color_map))
    return seen


def _color_map(classes: list[dict[str, Any]] | None) -> ColorMap | None:
    """The line's map; None when it has no colours or contradicts itself, which the manifest's own rules report."""
    try:
        return ColorMap((one["class_name"], one["color"]) for one in classes or () if one["color"]) or None
    except MaskError:
        return None


def _read(data: bytes, color_map: ColorMap | None) -> MaskSeen:
    table = mask_areas(data, color_map)
    facts = table.schema.metadata
    names, colors, areas = (table[name].to_pylist() for name in ("class_name", "color", "area_px"))
    classes = {name: px for name, px in zip(names[1:], areas[1:], strict=True) if name is not None and px}
    stray = [(color, px) for name, color, px in zip(names, colors, areas, strict=True) if name is None]
    if color_map is None and len(classes) > MAX_STRAY_COLORS:  # colours without names: are they classes at all?
        classes, stray = {}, list(classes.items())
    return MaskSeen(int(facts[b"height"]), int(facts[b"width"]), classes, stray, int(facts[b"ambiguous_px"]))


def _content(
    seen: MaskSeen, class_name: str | None, data: bytes, color_map: ColorMap | None
) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    if len(seen.stray) > MAX_STRAY_COLORS:
        pixels = sum(px for _, px in seen.stray)
        found.append(("LV314", f"{len(seen.stray):,} colours of no class, on {pixels:,} pixels"))
    elif seen.stray:
        first = read_mask(data, color_map).unknown[0]
        more = f" ({len(seen.stray) - 1} more such colours)" if len(seen.stray) > 1 else ""
        found.append(
            ("LV302", f"{first.area_px:,} pixels of {first.color} from row {first.row}, column {first.col}{more}")
        )
    if len(seen.area_px) > MAX_MASK_CLASSES:
        found.append(("LV318", str(len(seen.area_px))))
    if class_name == "anomaly" and not seen.area_px and not seen.stray:
        found.append(("LV316", None))
    if class_name == "normal" and seen.area_px:
        parts = [f"{px:,} pixels of {name}" for name, px in seen.area_px.items()]
        found.append(("LV317", ", ".join(parts[:3])))
    if seen.ambiguous_px:
        found.append(("LV303", f"{seen.ambiguous_px:,} pixels"))
    return found
