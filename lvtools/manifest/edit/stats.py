"""What is in a manifest: counts of everything its lines say, for a first look and for a report."""

from __future__ import annotations

import html
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from lvtools.findings import count_by_severity
from lvtools.manifest.edit.lines import BLANK, BOM, canonical, parse
from lvtools.manifest.read import read_manifest
from lvtools.objects import Source
from lvtools.text import printable

_SHOWN = 10
_COLUMNS = (
    "source_ref", "class_name", "label", "creation_date", "human_annotated", "job_name", "mask_ref", "anomaly_classes",
    "boxes", "labels", "raw",
)  # fmt: skip


class Quantiles(NamedTuple):
    """The least, the quarters and the greatest of some numbers (nearest rank below: always one that occurs)."""

    least: float
    quarter: float
    median: float
    three_quarters: float
    greatest: float


@dataclass(frozen=True)
class MaskClass:
    """An anomaly class in the color maps: how many images name it, and its colours (more than one is a fault)."""

    images: int
    colors: tuple[str, ...]


@dataclass(frozen=True)
class BoxClass:
    """The boxes of one class."""

    boxes: int
    images: int
    width: Quantiles
    height: Quantiles
    area: Quantiles


@dataclass(frozen=True)
class ManifestStats:
    """What `manifest_stats` counted. All mappings are in the order of their counts, the most frequent first.

    `polarity` tells which numbers stand with which class ('1' with 'anomaly': 32 times); the number never decides.
    `attributes` maps a label attribute to its task types; `prefixes` are the folders of images. Of `duplicates`,
    'images' stand on several lines, 'lines' could go, 'identical' of those say the same as an earlier one.
    """

    origin: str
    profile: str
    lines: int
    blank: int
    broken: int
    size_bytes: int
    errors: int
    warnings: int
    images: int
    labeled: int
    unlabeled: int
    classes: Mapping[str, int]
    polarity: Mapping[str, Mapping[str, int]]
    label_classes: Mapping[str, int]
    dates: Mapping[str, Any]
    human_annotated: Mapping[str, int]
    jobs: Mapping[str, int]
    buckets: Mapping[str, int]
    prefixes: Mapping[str, int]
    attributes: Mapping[str, Mapping[str, int]]
    task_types: Mapping[str, int]
    masks: int
    mask_classes: Mapping[str, MaskClass]
    boxes: int
    box_classes: Mapping[str, BoxClass]
    duplicates: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def to_json(self) -> bytes:
        """One JSON document."""
        facts = {"lvtools_stats": 1, **self.to_dict()}
        for name, one in facts["box_classes"].items():
            for side in ("width", "height", "area"):
                one[side] = getattr(self.box_classes[name], side)._asdict()
        return orjson.dumps(facts, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    def to_text(self) -> str:
        """A page for a terminal."""
        parts = [f"{printable(self.origin)}: {_plural(self.lines, 'line')}, {_size(self.size_bytes)}\n"]
        for title, rows in self._pages():
            parts.append(f"\n{title}\n")
            width = max(len(name) for name, _ in rows)
            parts += [f"  {name:{width}}  {value}\n" for name, value in rows]
        return "".join(parts)

    def to_html(self) -> str:
        """A self-contained page."""
        body = "".join(
            f"<h2>{html.escape(title)}</h2><table>"
            + "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in rows)
            + "</table>"
            for title, rows in self._pages()
        )
        title = html.escape(printable(self.origin))
        return (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
            f"<h1>{title}</h1><p>{_plural(self.lines, 'line')}, {_size(self.size_bytes)}</p>{body}</html>\n"
        )

    def _repr_html_(self) -> str:
        return self.to_html()

    def _pages(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        for title, rows in self._sections():
            more = [(f"… and {len(rows) - _SHOWN:,} more", "")] if len(rows) > _SHOWN + 1 else []
            yield title, rows[: _SHOWN if more else None] + more

    def _sections(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        rest = [("labeled", f"{self.labeled:,}"), ("unlabeled", f"{self.unlabeled:,}")]
        if self.broken:
            rest.append(("broken lines", f"{self.broken:,} (lvtools validate)"))
        if self.blank:
            rest.append(("blank lines", f"{self.blank:,}"))
        if self.duplicates["lines"]:
            again = f"{self.duplicates['lines']:,} of {_plural(self.duplicates['images'], 'image')}"
            rest.append(("repeated lines", f"{again}, {self.duplicates['identical']:,} the same (lvtools dedupe)"))
        rest.append(("findings", f"{_plural(self.errors, 'error')}, {_plural(self.warnings, 'warning')}"))
        yield f"Images: {self.images:,}", rest
        if self.classes:
            yield "Classes", _rows(self.classes)
        if self.label_classes:
            yield "Labels of lines with several", _rows(self.label_classes)
        if self.polarity:
            word = "Label numbers"
            if self.polarity.get("1", {}).get("normal") and self.polarity.get("0", {}).get("anomaly"):
                word += " (1 stands with normal and 0 with anomaly: the class name decides, not the number)"
            yield (
                word,
                [
                    (printable(number), ", ".join(f"{printable(name)} {count:,}" for name, count in names.items()))
                    for number, names in self.polarity.items()
                ],
            )
        if self.mask_classes:
            yield (
                f"Masks: {self.masks:,}",
                [
                    (printable(name), f"{_plural(one.images, 'image')}, {', '.join(one.colors) or 'no colour'}")
                    for name, one in self.mask_classes.items()
                ],
            )
        if self.box_classes:
            yield (
                f"Boxes: {self.boxes:,}",
                [
                    (
                        printable(name),
                        f"{one.boxes:,} on {_plural(one.images, 'image')}; median {one.width.median:g} x "
                        f"{one.height.median:g}, width {one.width.least:g}..{one.width.greatest:g}, "
                        f"height {one.height.least:g}..{one.height.greatest:g}",
                    )
                    for name, one in self.box_classes.items()
                ],
            )
        if self.attributes:
            yield (
                "Attributes",
                [
                    (printable(name), ", ".join(f"{printable(kind)} {count:,}" for kind, count in kinds.items()))
                    for name, kinds in self.attributes.items()
                ],
            )
        if self.dates["first"] is not None:
            without = f", {self.dates['without']:,} without" if self.dates["without"] else ""
            first, last = (self.dates[name][:19].replace("T", " ") for name in ("first", "last"))
            yield "Dates (UTC)", [("from", first), ("to", f"{last}{without}")]
        if self.jobs:
            yield "Jobs", _rows(self.jobs)
        if self.buckets:
            yield "Buckets", _rows(self.buckets)
        if self.prefixes:
            yield "Folders", _rows(self.prefixes)


_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "h1{font-size:1.3rem;overflow-wrap:anywhere}h2{font-size:1rem;margin:1.5rem 0 .3rem}table{border-collapse:collapse}"
    "th,td{text-align:left;padding:.15rem 1rem .15rem 0;vertical-align:top;font-weight:400;overflow-wrap:anywhere}"
    "td{font-variant-numeric:tabular-nums}tr{border-bottom:1px solid #eee}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#111}tr{border-color:#333}}"
)


def manifest_stats(source: Source, *, profile: str = "auto", attribute: str | None = None) -> ManifestStats:
    """Count what a manifest says.

    Parameters
    ----------
    source : path, URI, '-', or bytes
        The manifest; blank and broken lines are counted, not refused.
    profile, attribute
        As for `read_manifest`.

    Returns
    -------
    ManifestStats
        With `to_text`, `to_json`, `to_html` and `to_dict`; shows itself as a page in notebooks.
    """
    dataset = read_manifest(source, profile=profile, columns=_COLUMNS, attribute=attribute)
    table = dataset.entries
    lines = _LineCounts(table)
    counts = count_by_severity(dataset.findings)
    labeled = int(dataset.statistics["labeled"])
    if dataset.profile == "lookoutvision":
        labeled = int(dataset.statistics["normal"] + dataset.statistics["anomaly"])
    refs = table["source_ref"].drop_null()
    box_classes = _box_classes(table["boxes"])
    return ManifestStats(
        origin=dataset.origin,
        profile=dataset.profile,
        lines=int(dataset.statistics["lines"]),
        blank=lines.blank,
        broken=lines.broken,
        size_bytes=int(dataset.statistics["bytes"]),
        errors=counts["error"],
        warnings=counts["warning"],
        images=len(refs),
        labeled=labeled,
        unlabeled=int(dataset.statistics["entries"]) - labeled,
        classes=_counted(table["class_name"]),
        polarity=_polarity(table),
        label_classes=_label_classes(table["labels"]),
        dates=_dates(table["creation_date"], len(refs)),
        human_annotated={{"true": "yes", "false": "no"}[k]: v for k, v in _counted(table["human_annotated"]).items()},
        jobs=_counted(table["job_name"]),
        buckets=_sorted(lines.buckets),
        prefixes=_sorted(lines.prefixes),
        attributes={name: _sorted(kinds) for name, kinds in lines.attributes.items()},
        task_types=_sorted(lines.types),
        masks=len(table["mask_ref"].drop_null()),
        mask_classes=_mask_classes(table["anomaly_classes"]),
        boxes=sum(one.boxes for one in box_classes.values()),
        box_classes=box_classes,
        duplicates=lines.duplicates(),
    )


class _LineCounts:
    """What only the lines themselves tell: attributes, types, repeated lines."""

    def __init__(self, table: pa.Table) -> None:
        self.blank = self.broken = 0
        self.attributes: dict[str, Counter[str]] = defaultdict(Counter)
        self.types: Counter[str] = Counter()
        self.buckets: Counter[str] = Counter()
        self.prefixes: Counter[str] = Counter()
        self._refs: Counter[str] = Counter()
        self._seen: set[tuple[str, int]] = set()
        self._identical = 0
        for row, (raw, ref) in enumerate(zip(table["raw"], table["source_ref"].to_pylist(), strict=True)):
            body: bytes = raw.as_py()
            body = (body.removeprefix(BOM) if row == 0 else body).strip(BLANK)
            if not body:
                self.blank += 1
                continue
            value = parse(body)
            if ref is not None:
                self._place(ref)
            if value is not None:
                self._look(value, ref)
            elif ref is None:
                self.broken += 1

    def _place(self, ref: str) -> None:
        folder = ref.rpartition("/")[0]
        self.prefixes[folder + "/" if folder else "(relative)"] += 1
        scheme, found, rest = ref.partition("://")
        if found:
            self.buckets[f"{scheme}://{rest.partition('/')[0]}"] += 1

    def _look(self, value: dict[str, Any], ref: str | None) -> None:
        for key, part in value.items():
            if key.endswith("-metadata") and isinstance(part, dict) and key != "source-ref-metadata":
                kind = part.get("type")
                name = kind if isinstance(kind, str) else "(no type)"
                self.attributes[key.removesuffix("-metadata")][name] += 1
                self.types[name] += 1
        if ref is not None:
            self._refs[ref] += 1
            mark = (ref, hash(canonical(value)))
            self._identical += mark in self._seen
            self._seen.add(mark)

    def duplicates(self) -> dict[str, int]:
        again = [count for count in self._refs.values() if count > 1]
        return {"images": len(again), "lines": sum(again) - len(again), "identical": self._identical}


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _counted(column: pa.ChunkedArray) -> dict[str, int]:
    return _sorted(
        {row["values"]: row["counts"] for row in pc.value_counts(column.drop_null().cast(pa.string())).to_pylist()}
    )


def _polarity(table: pa.Table) -> dict[str, dict[str, int]]:
    pairs = table.select(["label", "class_name"]).filter(pc.is_valid(table["label"]))
    pairs = pairs.set_column(1, "class_name", pc.fill_null(pairs["class_name"].cast(pa.string()), "unlabeled"))
    found: dict[str, dict[str, int]] = {}
    grouped = pairs.group_by(["label", "class_name"]).aggregate([([], "count_all")]).to_pylist()
    for row in sorted(grouped, key=lambda row: (len(row["label"]), row["label"], -row["count_all"], row["class_name"])):
        found.setdefault(row["label"], {})[row["class_name"]] = row["count_all"]
    return found


def _label_classes(column: pa.ChunkedArray) -> dict[str, int]:
    flat = pc.list_flatten(column.drop_null())
    return _counted(pc.struct_field(flat, "class_name")) if len(flat) else {}


def _dates(column: pa.ChunkedArray, images: int) -> dict[str, Any]:
    bounds = pc.min_max(column).as_py()
    first, last = (None if one is None else one.isoformat() for one in (bounds["min"], bounds["max"]))
    return {"first": first, "last": last, "without": images - len(column.drop_null())}


def _mask_classes(column: pa.ChunkedArray) -> dict[str, MaskClass]:
    images: Counter[str] = Counter()
    colors: dict[str, Counter[str]] = defaultdict(Counter)
    for classes in column.drop_null().to_pylist():
        for name in {one["class_name"] for one in classes}:
            images[name] += 1
        for one in classes:
            if one["color"] is not None:
                colors[one["class_name"]][one["color"]] += 1
    return {name: MaskClass(count, tuple(_sorted(colors[name]))) for name, count in _sorted(images).items()}


def _box_classes(column: pa.ChunkedArray) -> dict[str, BoxClass]:
    flat = pc.list_flatten(column)
    if not len(flat):
        return {}
    parent = pc.list_parent_indices(column).to_numpy()
    names = np.asarray(pc.fill_null(pc.struct_field(flat, "class_name"), "(no name)").to_pylist(), object)
    width, height = (pc.struct_field(flat, side).to_numpy() for side in ("width", "height"))
    found = {}
    for name, count in _sorted(Counter(names.tolist())).items():
        ours = names == name
        sides = (width[ours], height[ours])
        found[name] = BoxClass(
            count,
            len(np.unique(parent[ours])),
            _quantiles(sides[0]),
            _quantiles(sides[1]),
            _quantiles(sides[0] * sides[1]),
        )
    return found


def _quantiles(values: np.ndarray[Any, Any]) -> Quantiles:
    return Quantiles(*(float(x) for x in np.quantile(values, [0, 0.25, 0.5, 0.75, 1], method="lower")))


def _rows(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    return [(printable(name), f"{count:,}") for name, count in counts.items()]


def _plural(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.1f} kB" if count >= 1000 else f"{count} bytes"
