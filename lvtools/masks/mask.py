"""A mask whose colours have been resolved to classes, kept as runs: pixels are made only when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from lvtools.dataset import ColorMap, format_color
from lvtools.errors import ArgumentError
from lvtools.images import decode_image
from lvtools.masks import regions, show
from lvtools.masks.areas import area_table
from lvtools.masks.classes import AlphaRule, Classified, UnknownColor
from lvtools.masks.encode import default_colors, encode_runs, paints
from lvtools.masks.polygons import Polygon, outline
from lvtools.masks.rle import Rle, encode_rle
from lvtools.masks.runs import Int32s, RunLists, combine, joined, paint, runs_of_array
from lvtools.objects import read_source

UNKNOWN_INDEX = 255  # in an index array: a colour that is no class
_THUMBNAIL_SIDE = 256
_PICTURE_SIDE = 2048
_SHOWN_ROWS = 20

RUN_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int32()),
        pa.field("start", pa.int32(), metadata={"about": "first column"}),
        pa.field("stop", pa.int32(), metadata={"about": "first column behind the run"}),
        pa.field("class_index", pa.uint8(), metadata={"about": "as in index(): 255 is unknown"}),
    ]
)

_Rule: TypeAlias = Callable[[Int32s, Int32s], Int32s]


class Mask:
    """A mask whose colours have been resolved to classes. Made by `read_mask`; immutable.

    It holds runs of equal pixels, not pixels: a mask of 4000 x 4000 takes a few hundred kilobytes.

    `&`, `|`, `-` and `^` work class by class on two masks of the same size: a pixel of `a & b` has its class where both
    agree and is background elsewhere; `a - b` is `a` without the pixels where `b` has the same class; `a | b` is `a`
    laid over `b`; `a ^ b` is `a | b` without the pixels where both agree. The masks must have the same classes, or one
    class each, as `where` gives them; that class is then called as in the left mask.

    Attributes
    ----------
    height, width : int
    classes : tuple of str
        What the indexes mean; the background is 0, always.
    colors : tuple of (str or None)
        '#rrggbb' of each class; None for a transparent background without an entry, or a class that has no colour.
    color_map : ColorMap
        The map used; without one, the colours seen, named by their hex.
    alpha : str
        The rule used.
    ambiguous_px : int
        Pixels whose class depends on the alpha rule; of all masks that this one was made from.
    unknown_px : int
        Pixels whose colour is no class; their index is 255.
    unknown : tuple of UnknownColor
        Each such colour, its pixels, and the row and column of its first pixel; most pixels first.
    """

    __slots__ = ("_classified", "_index", "_lists", "_table")
    __array_ufunc__ = None  # mask & array is refused by us, as a whole, not by NumPy pixel by pixel

    def __init__(self, classified: Classified, lists: RunLists, table: Int32s | None = None) -> None:
        # table[n] is what the number n of `lists` is: a class, or behind the classes a place in `unknown`. Without it
        # the numbers are that already, and the lists are joined.
        self._classified, self._lists, self._table = classified, lists, table
        self._index: NDArray[np.uint8] | None = None

    @property
    def height(self) -> int:
        return self._classified.height

    @property
    def width(self) -> int:
        return self._classified.width

    @property
    def classes(self) -> tuple[str, ...]:
        return self._classified.names

    @property
    def colors(self) -> tuple[str | None, ...]:
        return tuple(None if color is None else format_color(color) for color in self._classified.colors)

    @property
    def color_map(self) -> ColorMap:
        return self._classified.color_map

    @property
    def alpha(self) -> AlphaRule:
        return self._classified.alpha

    @property
    def ambiguous_px(self) -> int:
        return self._classified.ambiguous_px

    @property
    def unknown_px(self) -> int:
        return self._classified.unknown_px

    @property
    def unknown(self) -> tuple[UnknownColor, ...]:
        return self._classified.unknown

    def __repr__(self) -> str:
        more = f", {self.unknown_px} px unknown" if self.unknown_px else ""
        return f"<Mask {self.height} x {self.width}, classes {list(self.classes)}{more}>"

    def run_lists(self) -> RunLists:
        """The shortest run lists, their numbers classes or, behind them, unknown colours; made when first needed."""
        if self._table is not None:
            self._lists, self._table = joined(self._lists, self._table), None
        return self._lists

    def class_lists(self) -> RunLists:
        """The run lists at hand, numbered by class; pixels of no class have the number behind the classes."""
        numbers = self._lists.numbers if self._table is None else self._table[self._lists.numbers]
        return self._lists._replace(numbers=np.minimum(numbers, np.int32(len(self.classes))))

    def class_px(self) -> NDArray[np.int64]:
        """Pixels of each class, those of no class last: int64, shape (len(classes) + 1,)."""
        return np.append(self._classified.area_px, self.unknown_px)

    def _by_class(self) -> RunLists:
        """The same with all unknown colours as one number behind the classes."""
        lists = self.run_lists()
        if not self.unknown:
            return lists
        known = len(self.classes)
        return joined(lists, np.minimum(np.arange(known + len(self.unknown)), known).astype(np.int32))

    def index(self) -> NDArray[np.uint8]:
        """The class of each pixel: uint8, shape (height, width), read-only; 0 background, 255 unknown.

        Made when first asked for, then kept.
        """
        if self._index is None:
            count = len(self.classes) + len(self.unknown)
            numbers = np.arange(count) if self._table is None else self._table
            values = np.where(numbers < len(self.classes), numbers, UNKNOWN_INDEX).astype(np.uint8)
            self._index = paint(self._lists, values)
            self._index.flags.writeable = False
        return self._index

    def runs(self) -> pa.Table:
        """All runs that are not background: `RUN_SCHEMA`, by row, then by column."""
        lists = self._by_class()
        inside = lists.numbers != 0
        group, begins = lists.groups()[inside], lists.begins()[inside]
        # A group stands for several rows: its runs are repeated, row by row.
        per_group = np.bincount(group, minlength=len(lists.rows))
        row_group = np.repeat(np.arange(len(lists.rows)), lists.rows)
        sizes = per_group[row_group]
        behind, first = np.cumsum(sizes), np.cumsum(per_group) - per_group
        place = np.arange(behind[-1]) + np.repeat(first[row_group] - (behind - sizes), sizes)
        numbers = lists.numbers[inside][place]
        arrays = [
            pa.array(np.repeat(np.arange(self.height), sizes).astype(np.int32)),
            pa.array(begins[place]),
            pa.array(lists.ends[inside][place]),
            pa.array(np.where(numbers < len(self.classes), numbers, UNKNOWN_INDEX).astype(np.uint8)),
        ]
        return pa.Table.from_arrays(arrays, schema=RUN_SCHEMA)

    def areas(self) -> pa.Table:
        """Pixels per class, as `mask_areas` returns them; the rows follow `classes`."""
        return area_table(self._classified)

    def boxes(self) -> pa.Table:
        """The smallest box around all pixels of each class that occurs; not of the background.

        Returns
        -------
        pyarrow.Table
            `lvtools.masks.BOX_SCHEMA`: class_name, area_px (pixels of the class), left, top, width, height in pixels,
            0-based; left + width and top + height lie just outside. A last row with a null name is for all unknown
            colours together.
        """
        return regions.box_table(self._by_class(), [*self.classes, None])

    def components(self, connectivity: Literal[4, 8] = 8) -> pa.Table:
        """The connected regions of each class; not of the background.

        Parameters
        ----------
        connectivity : {8, 4}
            8 joins pixels that touch by a corner, 4 only those that share a side.

        Returns
        -------
        pyarrow.Table
            `lvtools.masks.COMPONENT_SCHEMA`: the columns of `boxes`, the centroid as mean column and row of the pixels,
            and the first pixel. In the order of classes, then of first pixels; regions of unknown colours come last.

        Raises
        ------
        ArgumentError
            `connectivity` is neither.
        """
        return regions.component_table(self._by_class(), [*self.classes, None], connectivity)

    def rle(self, *, compressed: bool = True) -> dict[str, Rle]:
        """COCO's run-length encoding of each class but the background.

        Parameters
        ----------
        compressed : bool
            As the text that COCO's result files and pycocotools hold (there as bytes); else as a list of counts.

        Returns
        -------
        dict of str to dict
            {'size': [height, width], 'counts': ...} for every class, also for those without a pixel.
        """
        lists = self._by_class()
        return {name: encode_rle(lists, k, compressed=compressed) for k, name in enumerate(self.classes) if k}

    def polygons(self, tolerance: float = 0.0) -> dict[str, list[Polygon]]:
        """The outlines of each class but the background, with holes.

        Parameters
        ----------
        tolerance : float
            How far, in pixels, the outline may move so that it needs fewer corners. 0 is exact: filled by even and odd,
            the polygons are the pixels of the class.

        Returns
        -------
        dict of str to list of Polygon
            A polygon for each region of pixels that share sides, by first pixel. Corners are x, y between pixels: the
            first pixel alone is (0, 0), (1, 0), (1, 1), (0, 1).

        Raises
        ------
        ArgumentError
            `tolerance` is negative or not finite.
        """
        lists = self._by_class()
        return {name: outline(lists, k, tolerance) for k, name in enumerate(self.classes) if k}

    def where(self, *names: str) -> Mask:
        """The mask of some classes: one class, and background everywhere else.

        Parameters
        ----------
        *names : str
            Classes but the background. None given: everything that is not background, unknown colours included.

        Returns
        -------
        Mask
            Its class has the name and colour of the one chosen; several are called 'a+b', everything 'anomaly'.

        Raises
        ------
        ArgumentError
            The mask has no such class.
        """
        known = self.classes[1:]
        for name in names:
            if name not in known:
                raise ArgumentError(
                    f"the mask has no class {name!r}",
                    hint=f"one of {', '.join(map(repr, known)) or 'none: it has none'}",
                )
        chosen = [k for k, name in enumerate(self.classes) if k and (name in names or not names)]
        table = np.zeros(len(self.classes) + len(self.unknown), np.int32)
        table[chosen] = 1
        if not names:
            table[len(self.classes) :] = 1
        color = self._classified.colors[chosen[0]] if len(chosen) == 1 and names else None
        background = self._classified.colors[0]
        called = "+".join(self.classes[k] for k in chosen) if names else "anomaly"
        if color is None:
            color = next(one for one in default_colors(3)[1:] if one != background)
        return made(
            joined(self.run_lists(), table), self, (self.classes[0], called), (background, color), (), self.ambiguous_px
        )

    def __and__(self, other: Mask) -> Mask:
        return self._with(other, lambda mine, its: np.where(mine == its, mine, np.int32(0)))

    def __or__(self, other: Mask) -> Mask:
        return self._with(other, lambda mine, its: np.where(mine != 0, mine, its))

    def __sub__(self, other: Mask) -> Mask:
        return self._with(other, lambda mine, its: np.where(mine != its, mine, np.int32(0)))

    def __xor__(self, other: Mask) -> Mask:
        return self._with(
            other, lambda mine, its: np.where(mine == its, np.int32(0), np.where(mine != 0, mine, its))
        )  # fmt: skip

    def _with(self, other: Mask, rule: _Rule) -> Mask:
        if not isinstance(other, Mask):
            return NotImplemented
        if self.classes[1:] != other.classes[1:] and (len(self.classes), len(other.classes)) != (2, 2):
            raise ArgumentError(
                f"masks of the classes {list(self.classes[1:])} and {list(other.classes[1:])} cannot be laid together",
                hint="read both with the same classes=, or choose with where()",
            )
        known = len(self.classes)
        colors = list(dict.fromkeys(one.color for one in (*self.unknown, *other.unknown)))
        tables = [
            np.array([*range(known), *(known + colors.index(one.color) for one in mask.unknown)], np.int32)
            for mask in (self, other)
        ]
        lists = combine(
            self.run_lists(),
            other.run_lists(),
            lambda mine, its: rule(tables[0][mine], tables[1][its]).astype(np.int32),
        )
        shown = tuple(mine if mine is not None else its for mine, its in zip(
            self._classified.colors, other._classified.colors, strict=True))  # fmt: skip
        return made(lists, self, self.classes, shown, colors, self.ambiguous_px + other.ambiguous_px)

    def overlay(self, image_rgb: ArrayLike | str | os.PathLike[str] | bytes, opacity: float = 0.5) -> NDArray[np.uint8]:
        """Paint the classes over their image, for looking at.

        Parameters
        ----------
        image_rgb : array_like of uint8, shape (height, width, 3 or 4); or str, PathLike or bytes
            R, G, B, and A when there is one, which is kept. OpenCV decodes to B, G, R: convert first. Or a PNG, JPEG or
            BMP: its path, URI or bytes.
        opacity : float
            0 shows the image, 1 the class colours.

        Returns
        -------
        ndarray of uint8, of the image's shape
            The background is left as it is; pixels of an unknown colour are magenta.

        Raises
        ------
        ArgumentError
            The image has another shape or type, or `opacity` is outside 0..1.
        ObjectError, FormatError
            The image cannot be read.
        """
        if isinstance(image_rgb, (str, os.PathLike, bytes)):
            image = decode_image(read_source(image_rgb))
        else:
            image = np.asarray(image_rgb)
        size = self.height, self.width
        if image.dtype != np.uint8 or image.shape not in ((*size, 3), (*size, 4)):
            raise ArgumentError(
                f"need a uint8 ({self.height}, {self.width}, 3) image, got {image.dtype} {image.shape}",
                hint="read the image this mask was drawn on, as RGB",
            )
        if not 0 <= opacity <= 1:
            raise ArgumentError(f"opacity {opacity} is outside 0..1")
        return show.tint(image, self.index(), show.paint_table(self._classified.colors), opacity)

    def _repr_png_(self) -> bytes:
        return self._picture(_PICTURE_SIDE)

    def _repr_html_(self) -> str:
        table = self.areas()
        rows = list(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))
        notes = [f"alpha: {self.alpha}; {self.ambiguous_px:,} px ambiguous, {self.unknown_px:,} px unknown"]
        if len(rows) > _SHOWN_ROWS:
            notes.insert(0, f"and {len(rows) - _SHOWN_ROWS:,} more; areas() has all")
        title = f"Mask of {self.height} x {self.width} px (height x width)"
        return show.page(title, notes, rows[:_SHOWN_ROWS], self._picture(_THUMBNAIL_SIDE))

    def _picture(self, max_side: int) -> bytes:
        """A PNG in the classes' colours, the unknown ones in magenta, no side longer than `max_side`."""
        count = len(self.classes)
        lists = self._by_class()
        if max(self.height, self.width) > max_side:
            # 255, not the class behind the last one: shrinking keeps the highest index, and unknown must win.
            lists = runs_of_array(
                show.shrink(paint(lists, np.append(np.arange(count), 255).astype(np.uint8)), max_side)
            )
            lists = joined(lists, np.append(np.arange(count), np.full(256 - count, count)).astype(np.int32))
        colors = [*paints(self._classified.colors), show.UNKNOWN_PAINT]
        return encode_runs(lists, colors, fast=True)


def made(
    lists: RunLists,
    of: Mask,
    names: tuple[str, ...],
    colors: tuple[int | None, ...],
    unknown: Sequence[str],
    ambiguous_px: int,
) -> Mask:
    """A mask that was made of another: counted anew, its unknown colours sorted."""
    count = len(names)
    counts, first = lists.tally(count + len(unknown))
    behind = range(count, count + len(unknown))
    order = sorted((k for k in behind if counts[k]), key=lambda k: (-counts[k], first[k]))
    table = np.arange(count + len(unknown), dtype=np.int32)
    table[order] = np.arange(count, count + len(order))
    classified = Classified(
        of.height,
        of.width,
        of.alpha,
        names,
        colors,
        counts[:count],
        first[:count],
        tuple(
            UnknownColor(unknown[k - count], int(counts[k]), *divmod(int(first[k]), of.width)) for k in order
        ),
        ambiguous_px,
        ColorMap((name, color) for name, color in zip(names, colors, strict=True) if color is not None),
        np.arange(count),
    )  # fmt: skip
    return Mask(classified, joined(lists, table) if unknown else lists)
