"""What is in a manifest: counts of everything its lines say, for a first look and for a report."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from lvtools.findings import count_by_severity
from lvtools.manifest.batches import HEAD_BYTES, Several, read_batches
from lvtools.manifest.edit.again import rereadable
from lvtools.manifest.edit.lines import Progress, stages
from lvtools.manifest.edit.tallies import COLUMNS, BoxClass, MaskClass, Tallies, most_first
from lvtools.manifest.profile import check_profile
from lvtools.manifest.read import validate_blocks
from lvtools.objects import Source
from lvtools.text import printable

_SHOWN = 10


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


def manifest_stats(
    source: Source, *, profile: str = "auto", attribute: str | None = None, on_progress: Progress | None = None
) -> ManifestStats:
    """Count what a manifest says.

    Parameters
    ----------
    source : path, URI, '-', or bytes
        The manifest; blank and broken lines are counted, not refused. It is read twice, in parts: what is held are the
        findings, 32 bytes a line and 20 a box.
    profile, attribute
        As for `read_manifest`.
    on_progress : callable, optional
        Called now and then with the number of bytes seen so far.

    Returns
    -------
    ManifestStats
        With `to_text`, `to_json`, `to_html` and `to_dict`; shows itself as a page in notebooks.
    """
    check_profile(profile)
    first, second = stages(on_progress, 2)
    with rereadable(source) as again:
        findings = validate_blocks(again.blocks(HEAD_BYTES), again.origin, profile, first)
        chosen = findings.schema.metadata[b"profile"].decode()
        try:
            tallies = _tallied(again.blocks(on_progress=second), chosen, attribute, whole=chosen == "marketplace")
        except Several:
            tallies = _tallied(again.blocks(on_progress=second), chosen, attribute, whole=True)
    counts = count_by_severity(findings)
    statistics: dict[str, int] = orjson.loads(findings.schema.metadata[b"statistics"])
    labeled = statistics["labeled"]
    if chosen == "lookoutvision":
        labeled = statistics["normal"] + statistics["anomaly"]
    dates = [None if one is None else one.isoformat() for one in (tallies.first, tallies.last)]
    box_classes = tallies.boxes.classes()
    lines = tallies.lines
    return ManifestStats(
        origin=again.origin,
        profile=chosen,
        lines=statistics["lines"],
        blank=lines.blank,
        broken=lines.broken,
        size_bytes=statistics["bytes"],
        errors=counts["error"],
        warnings=counts["warning"],
        images=tallies.images,
        labeled=labeled,
        unlabeled=statistics["entries"] - labeled,
        classes=tallies.words("class_name"),
        polarity=tallies.polarity(),
        label_classes=tallies.words("labels"),
        dates={"first": dates[0], "last": dates[1], "without": tallies.images - tallies.dated},
        human_annotated={{"true": "yes", "false": "no"}[k]: v for k, v in tallies.words("human_annotated").items()},
        jobs=tallies.words("job_name"),
        buckets=most_first(lines.buckets),
        prefixes=most_first(lines.prefixes),
        attributes={name: most_first(kinds) for name, kinds in lines.attributes.items()},
        task_types=most_first(lines.types),
        masks=tallies.masks,
        mask_classes=tallies.mask_classes(),
        boxes=sum(one.boxes for one in box_classes.values()),
        box_classes=box_classes,
        duplicates=lines.duplicates(),
    )


def _tallied(blocks: Iterable[bytes], profile: str, attribute: str | None, *, whole: bool) -> Tallies:
    tallies = Tallies()
    for table, base in read_batches(blocks, COLUMNS, profile=profile, attribute=attribute, whole=whole):
        tallies.see(table, base)
    return tallies


def _rows(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    return [(printable(name), f"{count:,}") for name, count in counts.items()]


def _plural(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.1f} kB" if count >= 1000 else f"{count} bytes"
