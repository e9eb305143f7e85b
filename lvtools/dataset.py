"""The hub every format meets in: the entries table, color maps, and the Dataset that carries both.

Knows shapes and names only; how bytes become a Dataset is `manifest.read`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from lvtools.errors import MaskError

BACKGROUND = "BACKGROUND"  # Ground Truth's spelling; answers say 'background'
WHITE = 0xFFFFFF

WORD = pa.dictionary(pa.int32(), pa.string())  # a column of words that repeat

ANOMALY_CLASS = pa.struct(
    [("index", pa.string()), ("class_name", pa.string()), ("color", pa.string()), ("confidence", pa.float64())]
)
BOX = pa.struct(
    [
        ("class_id", pa.int64()),
        ("class_name", pa.string()),
        ("left", pa.float64()),
        ("top", pa.float64()),
        ("width", pa.float64()),
        ("height", pa.float64()),
        ("confidence", pa.float64()),
    ]
)
LABEL = pa.struct(
    [("attribute", pa.string()), ("class_id", pa.string()), ("class_name", pa.string()), ("confidence", pa.float64())]
)

ENTRY_SCHEMA = pa.schema(
    [
        pa.field("source_ref", pa.string(), metadata={"about": "the image, as written"}),
        pa.field("class_name", WORD, metadata={"about": "'normal', 'anomaly', another label, or null when unlabeled"}),
        pa.field("label", pa.string(), metadata={"about": "the label's number as written; never decides the class"}),
        pa.field("confidence", pa.float64(), metadata={"about": "0..1"}),
        pa.field(
            "creation_date", pa.timestamp("us", tz="UTC"), metadata={"about": "null when absent or not understood"}
        ),
        pa.field("human_annotated", pa.bool_()),
        pa.field("job_name", WORD),
        pa.field("label_attribute", WORD, metadata={"about": "key that class_name comes from"}),
        pa.field("mask_ref", pa.string(), metadata={"about": "the mask, as written"}),
        pa.field("mask_attribute", WORD, metadata={"about": "key that mask_ref comes from"}),
        pa.field("anomaly_classes", pa.list_(ANOMALY_CLASS), metadata={"about": "the mask's color map"}),
        pa.field("boxes", pa.list_(BOX), metadata={"about": "xywh in pixels, 0-based, right and bottom exclusive"}),
        pa.field("labels", pa.list_(LABEL), metadata={"about": "all image-level labels, when a line has several"}),
        pa.field("line", pa.int64(), metadata={"about": "1-based"}),
        pa.field("raw", pa.large_binary(), metadata={"about": "the line's bytes, its line end included"}),
    ]
)

_HEX = re.compile(r"#[0-9a-fA-F]{6}\Z")


def parse_color(text: str | int) -> int:
    """Read '#rrggbb' (any case) or 0xRRGGBB as an int.

    Raises
    ------
    MaskError
        It is neither.
    """
    if isinstance(text, int) and not isinstance(text, bool) and 0 <= text <= WHITE:
        return text
    if isinstance(text, str) and _HEX.match(text):
        return int(text[1:], 16)
    raise MaskError(f"{text!r} is not a colour", hint="write #rrggbb, for example #23a436")


def format_color(color: int) -> str:
    """Write 0xRRGGBB as '#rrggbb', the form of Ground Truth output."""
    return f"#{color:06x}"


def is_background(class_name: str | None) -> bool:
    """Is this the name of the background class? Compared without case: AWS writes both BACKGROUND and background."""
    return class_name is not None and class_name.casefold() == "background"


class ColorMap(Mapping[str, int]):
    """Class name <-> colour of a mask, in the order written. Immutable; both sides are unique.

    The keys of `internal-color-map` ('0', '1', ...) play no part: AWS's own data names two classes by the index 0.
    """

    __slots__ = ("_by_color", "_by_name")

    def __init__(self, classes: Mapping[str, str | int] | Iterable[tuple[str, str | int]] = ()) -> None:
        pairs = classes.items() if isinstance(classes, Mapping) else classes
        by_name: dict[str, int] = {}
        by_color: dict[int, str] = {}
        for name, written in pairs:
            color = parse_color(written)
            if by_name.get(name, color) != color:
                raise MaskError(
                    f"class {name!r} has two colours, {format_color(by_name[name])} and {format_color(color)}"
                )
            if by_color.get(color, name) != name:
                raise MaskError(
                    f"colour {format_color(color)} belongs to two classes, {by_color[color]!r} and {name!r}"
                )
            by_name[name], by_color[color] = color, name
        self._by_name, self._by_color = by_name, by_color

    def __getitem__(self, name: str) -> int:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __hash__(self) -> int:
        return hash(tuple(self._by_name.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ColorMap) and list(self.items()) == list(other.items())

    def __repr__(self) -> str:
        return "ColorMap({" + ", ".join(f"{n!r}: '{format_color(c)}'" for n, c in self.items()) + "})"

    def name_of(self, color: int) -> str | None:
        """The class of a colour, or None when the map has no such colour."""
        return self._by_color.get(color)

    @property
    def background(self) -> str | None:
        """The name of the background class as written, or None: AWS's own data set has maps without one."""
        return next((name for name in self if is_background(name)), None)

    @property
    def anomaly_classes(self) -> tuple[str, ...]:
        """The class names without the background."""
        return tuple(name for name in self if not is_background(name))

    def merge(self, other: Mapping[str, str | int]) -> ColorMap:
        """Join two maps; a class or colour that they see differently is a MaskError."""
        return ColorMap([*self.items(), *other.items()])


@dataclass(frozen=True)
class Dataset:
    """A manifest that has been read.

    Attributes
    ----------
    entries : pyarrow.Table
        `ENTRY_SCHEMA` or the columns asked for; a row per line; faulty and blank lines have a null
        `source_ref`.
    findings : pyarrow.Table
        `FINDING_SCHEMA`: everything that is wrong or odd.
    color_maps : tuple of ColorMap
        The distinct color maps of the lines, in the order of their first use.
    origin : str
        Where it came from, for messages.
    profile : str
        The rules it was checked by.
    """

    entries: pa.Table
    findings: pa.Table
    color_maps: tuple[ColorMap, ...] = ()
    origin: str = ""
    profile: str = "auto"
    statistics: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.entries.num_rows)

    @property
    def color_map(self) -> ColorMap:
        """All color maps in one.

        Raises
        ------
        MaskError
            Two lines give a class two colours, or a colour two classes.
        """
        merged = ColorMap()
        for one in self.color_maps:
            merged = merged.merge(one)
        return merged
