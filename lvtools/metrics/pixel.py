"""Pixel-level agreement of class-index images: pooled counts, and the mean over images of each image's own IoU.

Knows class indexes and names; PNGs, colours and transparency are `lvtools.masks`' business.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lvtools._native import confusion_count
from lvtools.errors import ArgumentError, MaskError
from lvtools.metrics.image import EXTRAS, UNKNOWN, ConfusionMatrix
from lvtools.metrics.tally import LEVEL
from lvtools.text import html_table, ratio_text

UNKNOWN_INDEX = 255  # what lvtools.masks gives pixels in a colour of no class

# One image's IoU enters the sum as a whole number of 2^-64: sums of whole numbers do not depend on their order, and the
# rounding, below 3e-20 per image, is far under what a float can hold. Fractions would be exact, but grow with every
# image.
IOU_UNIT_BITS = 64

PIXEL_SCHEMA = pa.schema(
    {
        "images": pa.int64(),
        "ambiguous_px": pa.int64(),
        "classes": pa.list_(pa.string()),
        "counts": pa.list_(pa.int64()),
        "seen": pa.list_(
            pa.struct({"class_name": pa.string(), "images": pa.int64(), "iou_units": pa.decimal128(38, 0)})
        ),
    }
)


@dataclass(frozen=True)
class PixelState:
    """Counts over the pixels of many images: an immutable state that merges, to the same bits for any number of shards.

    Attributes
    ----------
    pooled : ConfusionMatrix
        Over all pixels of all images; rows truth, columns prediction.
    images : int
        How many images were counted.
    ambiguous_px : int
        Pixels whose class depends on how transparency is read, as told to `of`.
    seen : mapping of str to (int, int), read-only
        For each class: the images where it is in truth or prediction, and the sum of their IoU in units of 2^-64.
    """

    pooled: ConfusionMatrix = field(default_factory=ConfusionMatrix.empty)
    images: int = 0
    ambiguous_px: int = 0
    seen: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "seen", MappingProxyType(dict(self.seen)))  # nobody can change it

    @classmethod
    def empty(cls) -> PixelState:
        """The neutral element of `merge`."""
        return cls()

    @classmethod
    def of(
        cls,
        truth_index: NDArray[np.uint8],
        prediction_index: NDArray[np.uint8],
        classes: Sequence[str],
        *,
        ambiguous_px: int = 0,
    ) -> PixelState:
        """Count one image.

        Parameters
        ----------
        truth_index, prediction_index : ndarray of uint8, shape (height, width)
            Indexes into `classes`; 255 is a colour of no class and is counted as '(unknown)'.
        classes : sequence of str
            At most 255 names, the same meaning on both sides.

        Raises
        ------
        MaskError
            The shapes differ, or an index names no class.
        """
        truth, prediction = (np.ascontiguousarray(side) for side in (truth_index, prediction_index))
        for side in (truth, prediction):
            if side.dtype != np.uint8 or side.ndim != 2:
                raise MaskError(f"a class index is {side.dtype} {side.shape}, uint8 (height, width) is needed")
        if truth.shape != prediction.shape:
            raise MaskError(f"the truth has {size_of(truth)} pixels, the prediction {size_of(prediction)}")
        if len(classes) > UNKNOWN_INDEX or len(set(classes)) != len(classes):
            raise ArgumentError(f"{len(classes)} class names, at most {UNKNOWN_INDEX} and each once are possible")
        cells = np.zeros((len(classes) + 1, len(classes) + 1), np.int64)  # the kernel puts 255 first
        stray = confusion_count.count_pixels(truth.ravel(), prediction.ravel(), cells, LEVEL)
        if stray >= 0:
            found = next(
                code
                for code in (truth.ravel()[stray], prediction.ravel()[stray])
                if len(classes) <= code < UNKNOWN_INDEX
            )
            raise MaskError(f"index {found} names no class, there are {len(classes)}")
        return cls.of_cells(np.roll(cells, -1, (0, 1)), classes, ambiguous_px=ambiguous_px)

    @classmethod
    def of_cells(cls, cells: NDArray[np.int64], classes: Sequence[str], *, ambiguous_px: int = 0) -> PixelState:
        """Count one image whose pairs have been counted.

        Parameters
        ----------
        cells : ndarray of int64, shape (len(classes) + 1, len(classes) + 1)
            Rows truth, columns prediction; the last of both are pixels of no class.
        classes : sequence of str
            Each once.

        Raises
        ------
        ArgumentError
            The shape does not fit the classes.
        """
        if cells.shape != (len(classes) + 1, len(classes) + 1):
            raise ArgumentError(f"cells of shape {cells.shape} do not fit {len(classes)} classes and '{UNKNOWN}'")
        unknown = bool(cells[-1].any() or cells[:, -1].any())
        pooled = (
            ConfusionMatrix((*classes, UNKNOWN), cells) if unknown else ConfusionMatrix(tuple(classes), cells[:-1, :-1])
        )
        named = len(classes)
        shared = cells.diagonal()[:named].tolist()
        either = (cells.sum(0) + cells.sum(1))[:named].tolist()
        seen = {}
        for name, both, twice in zip(classes, shared, either, strict=True):
            if name not in EXTRAS and (union := twice - both):
                seen[name] = (1, ((both << IOU_UNIT_BITS) + union // 2) // union)
        return cls(pooled, 1, ambiguous_px, seen)

    def merge(self, other: PixelState) -> PixelState:
        """Both sets of images together."""
        seen = dict(self.seen)
        for name, (images, units) in other.seen.items():
            mine = seen.get(name, (0, 0))
            seen[name] = (mine[0] + images, mine[1] + units)
        return PixelState(
            self.pooled.merge(other.pooled), self.images + other.images, self.ambiguous_px + other.ambiguous_px, seen
        )

    def to_arrow(self) -> pa.Table:
        """The state as a table of one row, `PIXEL_SCHEMA`."""
        from decimal import Decimal

        seen = [
            {"class_name": name, "images": n, "iou_units": Decimal(units)}
            for name, (n, units) in sorted(self.seen.items())
        ]
        columns = [
            [self.images],
            [self.ambiguous_px],
            [list(self.pooled.classes)],
            [self.pooled.counts.ravel().tolist()],
            [seen],
        ]
        return pa.table(columns, schema=PIXEL_SCHEMA)

    @classmethod
    def from_arrow(cls, table: pa.Table | pa.RecordBatch) -> PixelState:
        """Read states back and merge them, whatever their number."""
        merged = cls.empty()
        for row in table.to_pylist():
            size = len(row["classes"])
            pooled = ConfusionMatrix(tuple(row["classes"]), np.array(row["counts"], np.int64).reshape(size, size))
            seen = {one["class_name"]: (one["images"], int(one["iou_units"])) for one in row["seen"]}
            merged = merged.merge(cls(pooled, row["images"], row["ambiguous_px"], seen))
        return merged

    def __reduce__(self) -> tuple[object, ...]:
        return PixelState, (self.pooled, self.images, self.ambiguous_px, dict(self.seen))

    def __hash__(self) -> int:
        return hash((self.pooled, self.images, self.ambiguous_px, tuple(sorted(self.seen.items()))))

    def _repr_html_(self) -> str:
        rows = [
            (name, f"{self.images_with(name):,}", *(f"{count:,}" for count in counts), *map(ratio_text, figures))
            for name in self.pooled.named_classes
            for counts, figures in [
                (
                    (self.pooled.support(name), self.pooled.predicted(name)),
                    (self.iou(name), self.mean_iou(name), self.pooled.f1(name)),
                )
            ]
        ]
        head = ("class", "images", "truth px", "predicted px", "IoU", "mean IoU", "F1")
        return html_table(head, rows, caption=f"Pixels of {self.images:,} images")

    def images_with(self, cls: str) -> int:
        """The images where the class is in truth or prediction."""
        return self.seen.get(cls, (0, 0))[0]

    def iou(self, cls: str) -> float:
        """Pooled: the intersections of all images over the unions of all images; nan when the class is nowhere."""
        return self.pooled.iou(cls)

    def mean_iou(self, cls: str) -> float:
        """The mean of each image's own IoU, over the images where the class is in truth or prediction; nan for none.

        The Lookout for Vision guide says only "average"; an image where the class is in neither enters neither
        average here.
        """
        images, units = self.seen.get(cls, (0, 0))
        return units / (images << IOU_UNIT_BITS) if images else math.nan

    @property
    def unknown_px(self) -> int:
        """Pixels that were '(unknown)' in truth, prediction or both."""
        if UNKNOWN not in self.pooled.classes:
            return 0
        return self.pooled.support(UNKNOWN) + self.pooled.predicted(UNKNOWN) - self.pooled.tp(UNKNOWN)


def size_of(index: NDArray[np.uint8]) -> str:
    """Height and width as messages say them."""
    return f"{index.shape[0]} x {index.shape[1]}"
