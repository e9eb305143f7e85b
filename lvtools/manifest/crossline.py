"""Rules that need more than one line: duplicates, buckets, balance, colours and masks over the whole file."""

from __future__ import annotations

from lvtools.dataset import is_background
from lvtools.findings import FindingList, Place
from lvtools.manifest.references import uri_bucket
from lvtools.manifest.rules import Entry
from lvtools.manifest.scan import Places, pointer, quoted
from lvtools.manifest.tally import Tally

MIN_NORMAL, MIN_ANOMALY = 20, 10  # Lookout for Vision quotas, single dataset
MIN_SPLIT = 10  # the same, each of two datasets
MAX_TRAIN, MAX_TEST = 16_000, 4_000  # the same, images of one dataset
MAX_MASKED_TRAIN, MAX_MASKED_TEST = 8_000, 800  # the same, when lines have masks
MAX_OBJECTS, MAX_MASKED_OBJECTS = 100_000, 20_000  # Ground Truth quotas
MAX_INVALID = 0.2  # Rekognition Custom Labels, of all lines, blank ones included
MAX_LINES = 250_000  # Rekognition Custom Labels

# A bad box does not spoil the line, nor do other lines: errors that leave a line usable.
PART_OF_LINE = frozenset({"LV153", "LV154", "LV155", "LV201", "LV202", "LV205"})


def check_budget(findings: FindingList, invalid: int, lines: int) -> None:
    """Rekognition's one budget for all kinds of invalid lines, 20 % of them."""
    if invalid > MAX_INVALID * lines:
        findings.add("LV209", value=f"{invalid:,} of {lines:,} lines cannot be used")


class CrossLine:
    """Sees every entry once, in order."""

    def __init__(self, findings: FindingList) -> None:
        self._findings = findings
        self._first_line: dict[str, int] = {}
        self._bucket: str | None = None
        self._other_bucket = False
        self._colors: dict[str, tuple[str, int]] = {}
        self._unmasked: list[Place] = []
        self.tally = Tally()
        self.counts = {"entries": 0, "labeled": 0, "normal": 0, "anomaly": 0, "masks": 0, "with_boxes": 0}

    def see(self, entry: Entry, line: int, places: Places) -> None:
        """Take note of an entry and report what it contradicts."""
        self._count(entry)
        self.tally.see(entry, places)
        if entry.source_ref is not None:
            self._duplicate(entry.source_ref, line, places)
            self._one_bucket(entry.source_ref, places)
        for one in entry.anomaly_classes or ():
            self._one_color(one["class_name"], one["color"], line, places, entry.mask_attribute or "")
        if entry.class_name == "anomaly" and entry.mask_ref is None and self._findings.profile == "lookoutvision":
            self._note_unmasked(places.of(("source-ref",)))

    def _note_unmasked(self, place: Place) -> None:
        self._unmasked.append(place)

    def _count(self, entry: Entry, lines: int = 1) -> None:
        counts = self.counts
        counts["entries"] += lines
        counts["labeled"] += lines * (
            entry.class_name is not None or bool(entry.labels) or entry.boxes is not None or entry.mask_ref is not None
        )
        if entry.class_name in ("normal", "anomaly"):
            counts[entry.class_name] += lines
        counts["masks"] += lines * (entry.mask_ref is not None)
        counts["with_boxes"] += lines * bool(entry.boxes)

    def _duplicate(self, ref: str, line: int, places: Places) -> None:
        first = self._first_line.get(ref)
        if first is None:
            self._first_line[ref] = line
        else:
            self._findings.add(
                "LV201", **places.of(("source-ref",)), pointer="/source-ref", value=quoted(ref), related_line=first
            )

    def _one_bucket(self, ref: str, places: Places) -> None:
        bucket = uri_bucket(ref)
        if bucket is None:
            return
        if self._bucket is None:
            self._bucket = bucket
        elif bucket != self._bucket and not self._other_bucket:
            self._other_bucket = True  # once is enough: the next thousand lines say nothing new
            self._findings.add("LV202", **places.of(("source-ref",)), pointer="/source-ref", value=quoted(bucket))

    def _one_color(self, name: str, color: str | None, line: int, places: Places, attribute: str) -> None:
        if color is None or is_background(name):
            return
        first, first_line = self._colors.setdefault(name, (color, line))
        if first != color:
            path = (f"{attribute}-metadata", "internal-color-map")
            value = f"class {quoted(name)} has colour {color}"
            self._findings.add("LV205", **places.of(path), pointer=pointer(path), value=value, related_line=first_line)

    def finish(self, lines: int) -> None:
        """Report what only the whole file shows."""
        if lines > MAX_LINES:
            self._findings.add("LV003", value=f"{lines:,}")
        if self.counts["masks"]:
            for place in self._unmasked:
                self._findings.add("LV206", **place, pointer="/source-ref")
        normal, anomaly = self.counts["normal"], self.counts["anomaly"]
        if (normal or anomaly) and (normal < MIN_NORMAL or anomaly < MIN_ANOMALY):
            self._findings.add("LV203", value=f"{normal} normal and {anomaly} anomalous images")
        if (normal or anomaly) and (normal < MIN_SPLIT or anomaly < MIN_SPLIT):
            self._findings.add("LV210", value=f"{normal} normal and {anomaly} anomalous images")
        self._sizes()
        self.tally.finish(self._findings)

    def _sizes(self) -> None:
        """Limits on the number of images."""
        images, masks = self.counts["entries"], self.counts["masks"]
        if self._findings.profile == "lookoutvision":
            train, test = (MAX_MASKED_TRAIN, MAX_MASKED_TEST) if masks else (MAX_TRAIN, MAX_TEST)
            what = "images, some with masks" if masks else "images"
            if images > train:
                self._findings.add("LV211", value=f"{images:,} {what}: a training dataset took at most {train:,}")
            elif images > test:
                self._findings.add("LV212", value=f"{images:,} {what}: a test dataset took at most {test:,}")
        elif masks > MAX_MASKED_OBJECTS:
            self._findings.add(
                "LV204", value=f"{masks:,} lines with masks; a labeling job takes {MAX_MASKED_OBJECTS:,}"
            )
        elif images > MAX_OBJECTS:
            self._findings.add("LV204", value=f"{images:,} lines; a labeling job takes {MAX_OBJECTS:,}")
