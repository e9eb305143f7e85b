"""What a file's words say when they are counted: classes, their numbers, anomaly types. Rules of whole files.

Counts and first places only, a few bytes per distinct word, so that an engine that sees words instead of lines can fill
a tally as well: `labels` by class and number, `names` by their first line, `types` by images with that one type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from lvtools.dataset import is_background
from lvtools.findings import FindingList, Place
from lvtools.manifest.rules import Entry
from lvtools.manifest.scan import Places, pointer, quoted

LISTING = 1000  # keys of one answer of S3 ListObjectsV2
MIN_TYPE_SINGLE, MIN_TYPE_SPLIT = 20, 10  # Lookout for Vision quotas, images with exactly one anomaly type
MAX_TYPES = 100  # of a Lookout project
MIN_LABELS, MAX_LABELS = 2, 250  # Rekognition Custom Labels, of a manifest
MAX_BOX_CLASSES = MAX_MULTI_CLASSES = 50  # Ground Truth quotas

Where = tuple[Place, str]  # and the JSON pointer


class Count(NamedTuple):
    """How many images, and where the first one stands."""

    images: int
    first: Where


class Tally:
    """Sees every entry once, in order."""

    def __init__(self) -> None:
        self.labels: dict[tuple[str, str | None], Count] = {}  # class name and number as written
        self.names: dict[str, Where] = {}  # every class name there is
        self.types: dict[str, int] = {}  # anomaly type: images with it and no other
        self._maps: dict[tuple[str, ...], str | None] = {}  # names of a color map: the only anomaly type, if it is one
        self.kinds: dict[str, set[str]] = {"image": set(), "boxes": set(), "multilabel": set(), "types": set()}

    def see(self, entry: Entry, places: Places) -> None:
        """Take note of a line's words."""
        if entry.class_name is not None:
            key = entry.class_name, entry.label
            if key not in self.labels:
                path = (f"{entry.label_attribute}-metadata", "class-name")
                self.meet_label(key, (places.of(path), pointer(path)))
            self.count_label(key, 1)
        for label in entry.labels or ():
            self._plain("multilabel", label["class_name"], places)
        for box in entry.boxes or ():
            self._plain("boxes", box["class_name"], places)
        if entry.anomaly_classes:
            self._types(entry, entry.anomaly_classes, places)

    def count(self, entry: Entry, lines: int) -> None:
        """More lines with the words of one that was seen."""
        if entry.class_name is not None:
            self.count_label((entry.class_name, entry.label), lines)
        if entry.anomaly_classes:
            self.count_map(tuple([one["class_name"] for one in entry.anomaly_classes]), lines)

    def meet_label(self, key: tuple[str, str | None], where: Where) -> None:
        """A class and number, which may be new."""
        if key not in self.labels:
            self.labels[key] = Count(0, where)
            self.meet("image", key[0], where)

    def count_label(self, key: tuple[str, str | None], images: int) -> None:
        """More images with a class and number that were met."""
        known = self.labels[key]
        self.labels[key] = Count(known.images + images, known.first)

    def meet_map(self, names: tuple[str, ...], where: Callable[[int], Where]) -> None:
        """The class names of a color map, which may be new; `where` gives an entry's place."""
        if names in self._maps:
            return
        types = {name: entry for entry, name in enumerate(names) if not is_background(name)}
        self._maps[names] = next(iter(types)) if len(types) == 1 else None
        for name, entry in types.items():
            self.types.setdefault(name, 0)
            if name not in self.kinds["types"]:
                self.meet("types", name, where(entry))

    def count_map(self, names: tuple[str, ...], images: int) -> None:
        """More images with a color map that was met."""
        only = self._maps[names]
        if only is not None:
            self.types[only] += images

    def _plain(self, kind: str, name: str | None, places: Places) -> None:
        if name is not None and name not in self.kinds[kind]:
            self.meet(kind, name, (places.of(), ""))

    def _types(self, entry: Entry, classes: list[dict[str, Any]], places: Places) -> None:
        def where(number: int) -> Where:
            path = (f"{entry.mask_attribute}-metadata", "internal-color-map", classes[number]["index"], "class-name")
            return places.of(path), pointer(path)

        names = tuple([one["class_name"] for one in classes])
        self.meet_map(names, where)
        self.count_map(names, 1)

    def meet(self, kind: str, name: str, where: Where) -> None:
        """A class name of images, boxes, labels or anomaly types, which may be new."""
        self.kinds[kind].add(name)
        self.names.setdefault(name, where)

    def finish(self, findings: FindingList) -> None:
        """Report what the counts show."""
        self._polarity(findings)
        self._alike(findings)
        images: dict[str, int] = {}
        for (name, _), count in self.labels.items():
            images[name] = images.get(name, 0) + count.images
        for name, total in images.items():
            if total == LISTING:
                findings.add("LV216", value=quoted(name))
        self._limits(findings)

    def _polarity(self, findings: FindingList) -> None:
        """normal is 0 and anomaly 1, or the reverse; both in one file is somebody's mistake."""
        seen = {key: count for key, count in self.labels.items() if key[1] in ("0", "1")}
        for number in ("0", "1"):
            both = [seen[name, number] for name in ("normal", "anomaly") if (name, number) in seen]
            if len(both) == 2:
                (place, where), (other, _) = sorted((one.first for one in both), key=lambda at: -at[0]["byte_offset"])
                findings.add("LV214", **place, pointer=where, value=number, related_line=other["line"])
                return
        if ("normal", "1") in seen and ("anomaly", "0") in seen:
            findings.add("LV213")

    def _alike(self, findings: FindingList) -> None:
        """Names that differ only in case or blanks, once for each pair of neighbours."""
        first: dict[str, str] = {}
        for name, (place, where) in sorted(self.names.items(), key=lambda item: item[1][0]["byte_offset"]):
            folded = "".join(name.split()).casefold()
            other = first.setdefault(folded, name)
            if other != name:
                line = self.names[other][0]["line"]
                findings.add(
                    "LV215", **place, pointer=where, value=quoted(name), expected=quoted(other), related_line=line
                )

    def _limits(self, findings: FindingList) -> None:
        kinds = {kind: len(names) for kind, names in self.kinds.items()}
        if findings.profile == "lookoutvision":
            if kinds["types"] > MAX_TYPES:
                findings.add("LV218", value=f"{kinds['types']}")
            for name, images in self.types.items():
                if images < MIN_TYPE_SINGLE:
                    only = f"{images} image{'s' if images != 1 else ''} with exactly the anomaly type {quoted(name)}"
                    findings.add("LV217", value=only)
        elif findings.profile == "rekognition":
            labels = len(self.kinds["image"] | self.kinds["multilabel"] | self.kinds["boxes"])
            if labels > MAX_LABELS:
                findings.add("LV208", value=f"{labels}")
            elif 0 < labels < MIN_LABELS and not kinds["boxes"]:
                findings.add("LV207", value=f"{labels} label")
            if kinds["boxes"] and (kinds["image"] or kinds["multilabel"]):
                of_images = len(self.kinds["image"] | self.kinds["multilabel"])
                findings.add("LV222", value=f"{of_images} and {kinds['boxes']} names")
        elif findings.profile == "groundtruth":
            for kind, limit, word in (
                ("boxes", MAX_BOX_CLASSES, "classes of boxes"),
                ("multilabel", MAX_MULTI_CLASSES, "classes of multi-label images"),
            ):
                if kinds[kind] > limit:
                    findings.add("LV219", value=f"{kinds[kind]} {word}")
