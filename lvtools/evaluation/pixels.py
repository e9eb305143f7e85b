"""Masks of truth and prediction, one image at a time: found, read as indexes of the same classes, counted, let go.

Classes are matched by name, never by index or colour: each side is read with its own colours.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lvtools.dataset import ColorMap, is_background
from lvtools.errors import LvtoolsError, MaskError, ObjectError
from lvtools.evaluation.rows import Row
from lvtools.evaluation.threads import map_ordered
from lvtools.findings import FindingList
from lvtools.masks import AlphaRule, Mask, class_pairs, read_mask, region_pairs
from lvtools.metrics import PixelState
from lvtools.objects import Objects, is_remote

BACKGROUND_NAME = "background"

Index = NDArray[np.uint8]
Regions = tuple[NDArray[np.int64], NDArray[np.int64]]
Roots = tuple[Objects, ...]  # where references are looked for, in this order


class ImagePixels:
    """The counts of one image, and its masks for whoever wants to see them.

    `truth` and `prediction` are uint8 (height, width), indexes into the reader's classes; they are painted when first
    asked for. A side without anomaly pixels of its own is all background. `regions` are those of `region_pairs`, None
    when there is no anomaly on either side.
    """

    def __init__(
        self, state: PixelState, truth: Mask | None, prediction: Mask | None, regions: Regions | None = None
    ) -> None:
        self.state, self._masks, self.regions = state, (truth, prediction), regions

    @cached_property
    def truth(self) -> Index:
        return self._painted(0)

    @cached_property
    def prediction(self) -> Index:
        return self._painted(1)

    def _painted(self, side: int) -> Index:
        mask, other = self._masks[side], self._masks[1 - side]
        if mask is not None:
            return mask.index()
        assert other is not None  # noqa: S101 - one side has pixels, or there is no ImagePixels
        return np.zeros((other.height, other.width), np.uint8)


class Look(NamedTuple):
    """What came of one image: its counts or None, and what is to be told of it."""

    counted: ImagePixels | None
    notes: list[tuple[str, str, dict[str, Any]]]  # side, code, and the finding's values
    ambiguous: list[tuple[str, int]]  # side, pixels


def color_map_of(colors: Iterable[Mapping[str, Any]] | None) -> ColorMap | None:
    """The colours of one mask; None when it names none. A contradiction is a MaskError."""
    pairs = [(one["class_name"], one["color"]) for one in colors or () if one["class_name"] is not None]
    return ColorMap(pairs) if pairs else None


@dataclass
class PixelReader:
    """Reads both masks of an image and counts them.

    What is read as what:

    - A truth mask whose map names the background only, and which shows nothing else, says "no anomaly pixels" and has
      no size: AWS's data gives all normal images one such mask of 16 x 16 pixels.
      The same holds for such a prediction, where it has another size than the truth.
    - A normal truth without mask has no anomaly pixels either.
    - A prediction of 'normal' without mask predicts no anomaly pixels. A prediction of an anomaly without mask leaves
      open which pixels are meant: LV412, and the image is left out of the pixel figures.
    - So is a truth that is no normal image and has no mask (LV412), a mask that cannot be read (LV301) or found
      (LV304), and a pair of different sizes (LV406).
    - Where neither side has pixels there is nothing to count.
    """

    classes: tuple[str, ...]
    truth_map: ColorMap | None
    alpha: AlphaRule
    truth_roots: Roots
    prediction_roots: Roots
    truth_findings: FindingList
    prediction_findings: FindingList
    ambiguous: dict[str, list[int]] = field(default_factory=lambda: {"truth": [], "prediction": []})

    def read(self, truth: Row, prediction: Row) -> ImagePixels | None:
        """Count an image; None, with the reason among the findings, when its pixels cannot be compared."""
        return self._told(self.look(truth, prediction))

    def read_many(
        self, rows: Iterable[tuple[Row, Row]], threads: int | None = None
    ) -> Iterator[tuple[ImagePixels | None, bool]]:
        """`read` for each pair of rows, in their order, on several threads; few images are in memory at a time.

        With each comes whether anything was wrong with it.
        """
        for look in map_ordered(lambda pair: self.look(*pair), rows, threads):
            yield self._told(look), bool(look.notes)

    def _told(self, look: Look) -> ImagePixels | None:
        for side, code, values in look.notes:
            (self.truth_findings if side == "truth" else self.prediction_findings).add(code, **values)
        for side, count in look.ambiguous:
            self.ambiguous[side].append(count)
        return look.counted

    def look(self, truth: Row, prediction: Row) -> Look:
        """Count an image and tell nobody: what there is to tell is in the answer, so that threads may look."""
        look = Look(None, [], [])
        return look._replace(counted=self._counted(truth, prediction, look))

    def _counted(self, truth: Row, prediction: Row, look: Look) -> ImagePixels | None:
        if not truth.has_mask and not truth.is_normal:
            if prediction.has_mask:
                said = f"{truth.source_ref} is no normal image and has no mask in the truth"
                look.notes.append(("truth", "LV412", {"line": truth.line, "value": said}))
            return None
        if not prediction.has_mask and not prediction.is_normal:
            if truth.has_mask:
                said = f"{prediction.source_ref} is predicted as an anomaly without a mask"
                look.notes.append(("prediction", "LV412", {"line": prediction.line, "value": said}))
            return None
        true_mask = self._mask(truth, self.truth_roots, None, "truth", look) if truth.has_mask else None
        if truth.has_mask and true_mask is None:
            return None
        called_mask = None
        if prediction.has_mask:
            called_mask = self._mask(prediction, self.prediction_roots, truth.colors, "prediction", look)
            if called_mask is None:
                return None
        ambiguous = sum(mask.ambiguous_px for mask in (true_mask, called_mask) if mask is not None)
        ours = None if true_mask is None or _says_nothing(true_mask) else true_mask
        theirs = None if ours is not None and called_mask is not None and _says_nothing(called_mask) else called_mask
        many = len(self.classes) + 1
        cells = np.zeros((many, many), np.int64)
        if ours is not None and theirs is not None:
            if (ours.height, ours.width) != (theirs.height, theirs.width):
                said = (
                    f"{truth.source_ref}: the truth mask has {ours.height} x {ours.width} pixels (rows x columns), "
                    f"the predicted {theirs.height} x {theirs.width}"
                )
                values = {"line": prediction.line, "value": said, "related_line": truth.line}
                look.notes.append(("prediction", "LV406", values))
                return None
            cells = class_pairs(ours, theirs)
        elif ours is not None:
            cells[:, 0] = ours.class_px()
        elif theirs is not None:
            cells[0] = theirs.class_px()
        else:
            return None
        anomalies = cells[1:-1].any() or cells[:, 1:-1].any()  # else there is no region, and none need be looked for
        regions = region_pairs(ours, theirs) if anomalies else None
        return ImagePixels(PixelState.of_cells(cells, self.classes, ambiguous_px=ambiguous), ours, theirs, regions)

    def truth_index(self, row: Row, shape: tuple[int, ...]) -> Index | None:
        """The class indexes of a true mask; `shape` all background without one; None when it cannot be read."""
        mask = self._mask(row, self.truth_roots, None, "truth", Look(None, [], [])) if row.has_mask else None
        if row.has_mask and mask is None:
            return None
        return np.zeros(shape, np.uint8) if mask is None or _says_nothing(mask) else mask.index()

    def _mask(
        self, row: Row, roots: Roots, fallback: list[dict[str, Any]] | None, side: str, look: Look
    ) -> Mask | None:
        name = row.mask_ref or f"the mask of {row.source_ref}"

        def note(code: str, value: str) -> None:
            look.notes.append((side, code, {"line": row.line, "value": value}))

        try:
            data = row.mask if row.mask is not None else read_first(roots, row.mask_ref or "")
        except ObjectError as error:
            note("LV304", error.message if name in error.message else f"{name}: {error.message}")
            return None
        try:
            colors = color_map_of(row.colors) or self.truth_map or color_map_of(fallback)
            if colors is None:
                raise MaskError("nothing says which colour is which class")
            mask = read_mask(data, colors, alpha=self.alpha, classes=self.classes)
        except LvtoolsError as error:
            note("LV301", f"{name}: {error.message}")
            return None
        if mask.unknown_px:
            first = mask.unknown[0]
            where = f"{first.color} at row {first.row}, column {first.col}"
            note("LV302", f"{mask.unknown_px:,} pixels of {name} ({where})")
        if mask.ambiguous_px:
            look.ambiguous.append((side, mask.ambiguous_px))
        return mask

    def report_ambiguous(self) -> None:
        """Say once per side how much hangs on the alpha rule."""
        for side, findings in (("truth", self.truth_findings), ("prediction", self.prediction_findings)):
            counts = self.ambiguous[side]
            if counts:
                findings.add(
                    "LV303", value=f"{sum(counts):,} pixels in {len(counts):,} masks (read with alpha={self.alpha!r})"
                )


def _says_nothing(mask: Mask) -> bool:
    """Only the background is named and only the background is seen: the size means nothing."""
    only_background = all(is_background(name) for name in mask.color_map)
    return only_background and not mask.class_px()[1:].any()


def joint_classes(tables: Sequence[pa.Table]) -> tuple[str, ...]:
    """The background, then every class that the maps name: in the order of the truth, then the predictions'."""
    names: dict[str, None] = {}
    for table in tables:
        for listed in table["anomaly_classes"].chunks:
            for name in listed.flatten().field("class_name").unique().to_pylist():
                if name is not None and not is_background(name):
                    names.setdefault(name)
    return (BACKGROUND_NAME, *names)


def color_lists(table: pa.Table) -> Iterator[list[dict[str, Any]]]:
    """The lists of classes and colours that rows have; a block of rows at a time becomes Python's."""
    for batch in table.select(["anomaly_classes"]).to_batches(max_chunksize=1024):
        yield from filter(None, batch.column(0).to_pylist())


def joint_color_map(table: pa.Table) -> ColorMap | None:
    """All color maps of a table in one; None when there are none, or they contradict each other."""
    merged = ColorMap()
    distinct = {tuple((one["class_name"], one["color"]) for one in colors) for colors in color_lists(table)}
    try:
        for pairs in sorted(distinct, key=repr):
            merged = merged.merge(ColorMap([(name, color) for name, color in pairs if name is not None]))
    except MaskError:
        return None
    return merged or None


def read_first(roots: Roots, ref: str) -> bytes:
    """The bytes of a reference under the first root that has it.

    Raises
    ------
    ObjectError
        No root has it, or the reference leads out of them.
    """
    if not roots:
        raise ObjectError(f"{ref!r} is looked for nowhere", hint="name the folder of the masks")
    first, *others = roots
    try:
        return first.read(ref)
    except ObjectError:
        if is_there((first,), ref):
            raise
        for root in others:
            if is_there((root,), ref):
                return root.read(ref)
        raise


def is_there(roots: Roots, ref: str) -> bool:
    """Does one of the roots have it? Where that is a request to a bucket, yes: reading will tell."""
    for root in roots:
        try:
            if root.locate(ref) is not None:
                return True
        except ObjectError:
            continue
    return False


def roots_of(named: Objects | str | os.PathLike[str] | None, origin: str) -> Roots:
    """The folder as named, else the one the file lies in; none for tables, bytes and standard input."""
    if named is not None:
        return (named if isinstance(named, Objects) else Objects(named),)
    if is_remote(origin):
        return (Objects(origin.rpartition("/")[0]),)  # masks elsewhere in the bucket are for --images to name
    if not os.path.exists(origin):
        return ()
    return (Objects(origin if os.path.isdir(origin) else os.path.dirname(os.path.abspath(origin))),)
