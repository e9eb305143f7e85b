"""Masks of truth and prediction, one image at a time: found, read as indexes of the same classes, counted, let go.

Classes are matched by name, never by index or colour: each side is read with its own colours.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lvtools.dataset import ColorMap, is_background
from lvtools.errors import ArgumentError, LvtoolsError, MaskError, ObjectError
from lvtools.findings import FindingList
from lvtools.masks import AlphaRule, Mask, read_mask
from lvtools.metrics import ConfusionMatrix, PixelState
from lvtools.metrics.pixel import size_of
from lvtools.objects import Objects

BACKGROUND_NAME = "background"

Index = NDArray[np.uint8]
Roots = tuple[Objects, ...]  # where references are looked for, in this order


class Row(NamedTuple):
    """What one side says about the pixels of an image."""

    source_ref: str
    is_normal: bool
    mask_ref: str | None
    mask: bytes | None
    colors: list[dict[str, Any]] | None
    line: int | None

    @property
    def has_mask(self) -> bool:
        return self.mask_ref is not None or self.mask is not None


class ImagePixels(NamedTuple):
    """The counts of one image, and the indexes they were made from."""

    state: PixelState
    truth: Index
    prediction: Index


def row_at(table: pa.Table, at: int, *, is_normal: bool) -> Row:
    """One row of `PREDICTION_SCHEMA`; only here do its mask's bytes become Python's."""
    value = {name: table[name][at].as_py() for name in ("source_ref", "mask_ref", "mask", "anomaly_classes", "line")}
    return Row(
        value["source_ref"], is_normal, value["mask_ref"], value["mask"], value["anomaly_classes"], value["line"]
    )


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
        if not truth.has_mask and not truth.is_normal:
            if prediction.has_mask:
                self.truth_findings.add(
                    "LV412",
                    line=truth.line,
                    value=f"{truth.source_ref} is no normal image and has no mask in the truth",
                )
            return None
        if not prediction.has_mask and not prediction.is_normal:
            if truth.has_mask:
                self.prediction_findings.add(
                    "LV412",
                    line=prediction.line,
                    value=f"{prediction.source_ref} is predicted as an anomaly without a mask",
                )
            return None
        true_mask = self._mask(truth, self.truth_roots, self.truth_findings, None, "truth") if truth.has_mask else None
        if truth.has_mask and true_mask is None:
            return None
        called_mask = None
        if prediction.has_mask:
            called_mask = self._mask(
                prediction, self.prediction_roots, self.prediction_findings, truth.colors, "prediction"
            )
            if called_mask is None:
                return None
        true_index = None if true_mask is None or _says_nothing(true_mask) else true_mask.index()
        called_index = None if called_mask is None else called_mask.index()
        if true_index is None and called_index is None:
            return None
        if true_index is None and called_index is not None:
            true_index = np.zeros_like(called_index)
        elif true_index is not None and (
            called_index is None or (called_mask is not None and _says_nothing(called_mask))
        ):
            called_index = np.zeros_like(true_index)
        assert true_index is not None and called_index is not None  # noqa: S101, PT018 - the type checker's sake
        if true_index.shape != called_index.shape:
            true_size, called_size = size_of(true_index), size_of(called_index)
            sizes = f"the truth mask has {true_size} pixels (rows x columns), the predicted {called_size}"
            self.prediction_findings.add(
                "LV406", line=prediction.line, value=f"{truth.source_ref}: {sizes}", related_line=truth.line
            )
            return None
        ambiguous = sum(mask.ambiguous_px for mask in (true_mask, called_mask) if mask is not None)
        return ImagePixels(
            PixelState.of(true_index, called_index, self.classes, ambiguous_px=ambiguous), true_index, called_index
        )

    def _mask(
        self, row: Row, roots: Roots, findings: FindingList, fallback: list[dict[str, Any]] | None, side: str
    ) -> Mask | None:
        name = row.mask_ref or f"the mask of {row.source_ref}"
        try:
            data = row.mask if row.mask is not None else read_first(roots, row.mask_ref or "")
        except ObjectError as error:
            findings.add(
                "LV304", line=row.line, value=error.message if name in error.message else f"{name}: {error.message}"
            )
            return None
        try:
            colors = color_map_of(row.colors) or self.truth_map or color_map_of(fallback)
            if colors is None:
                raise MaskError("nothing says which colour is which class")
            mask = read_mask(data, colors, alpha=self.alpha, classes=self.classes)
        except LvtoolsError as error:
            findings.add("LV301", line=row.line, value=f"{name}: {error.message}")
            return None
        if mask.unknown_px:
            first = mask.unknown[0]
            where = f"{first.color} at row {first.row}, column {first.col}"
            findings.add("LV302", line=row.line, value=f"{mask.unknown_px:,} pixels of {name} ({where})")
        if mask.ambiguous_px:
            self.ambiguous[side].append(mask.ambiguous_px)
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
    return only_background and not mask.index().any()


def joint_classes(tables: Sequence[pa.Table]) -> tuple[str, ...]:
    """The background, then every class that the maps name: in the order of the truth, then the predictions'."""
    names: dict[str, None] = {}
    for table in tables:
        listed = table["anomaly_classes"].combine_chunks()
        if not len(listed):
            continue
        for name in listed.flatten().field("class_name").unique().to_pylist():
            if name is not None and not is_background(name):
                names.setdefault(name)
    return (BACKGROUND_NAME, *names)


def joint_color_map(table: pa.Table) -> ColorMap | None:
    """All color maps of a table in one; None when there are none, or they contradict each other."""
    merged = ColorMap()
    distinct = {
        tuple((one["class_name"], one["color"]) for one in colors)
        for colors in table["anomaly_classes"].to_pylist()
        if colors
    }
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
    for root in roots:
        if is_there((root,), ref):
            return root.read(ref)
    if not roots:
        raise ObjectError(f"{ref!r} is looked for nowhere", hint="name the folder of the masks")
    return roots[0].read(ref)  # for its reason


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
    if not os.path.exists(origin):
        return ()
    return (Objects(origin if os.path.isdir(origin) else os.path.dirname(os.path.abspath(origin))),)


def pixel_confusion(
    truth: Any, prediction: Any, color_map: Mapping[str, int | str] | None = None, *, alpha: AlphaRule = "opaque"
) -> ConfusionMatrix:
    """Compare two masks pixel by pixel.

    Parameters
    ----------
    truth, prediction : PNG bytes, path, URI, or ndarray of uint8, shape (height, width)
        Arrays are class indexes: positions in `color_map`, or codes named '0', '1', ... without one; 255 is
        '(unknown)'.
    color_map : mapping of str to int or str, optional
        Class name to 0xRRGGBB or '#rrggbb'. The background is put first. Without it the classes of PNGs are their
        colours.

    Returns
    -------
    ConfusionMatrix
        Rows truth, columns prediction; `iou()`, `f1()`, `dice()` per class.

    Raises
    ------
    MaskError
        The sizes differ, or a mask cannot be read.
    """
    arrays = [isinstance(side, np.ndarray) for side in (truth, prediction)]
    if any(arrays) and not all(arrays) and color_map is None:
        raise ArgumentError(
            "an index array and a PNG cannot be compared without a color map", hint="pass color_map={name: colour}"
        )
    if all(arrays):
        highest = max((int(side[side != 255].max(initial=0)) for side in (truth, prediction)), default=0)
        classes = _index_classes(color_map) if color_map is not None else tuple(map(str, range(highest + 1)))
        return PixelState.of(truth, prediction, classes).pooled
    if color_map is None:
        seen = [read_mask(side, None, alpha=alpha) for side in (truth, prediction)]
        names = dict.fromkeys(name for mask in seen for name in mask.classes)
        classes = (BACKGROUND_NAME, *(name for name in names if not is_background(name)))
        indexes = [_renumbered(mask, classes) for mask in seen]
    else:
        classes = _index_classes(color_map)
        indexes = [
            side if is_array else read_mask(side, color_map, alpha=alpha, classes=classes).index()
            for side, is_array in zip((truth, prediction), arrays, strict=True)
        ]
    return PixelState.of(indexes[0], indexes[1], classes).pooled


def _index_classes(color_map: Mapping[str, Any]) -> tuple[str, ...]:
    own = next((name for name in color_map if is_background(name)), BACKGROUND_NAME)
    return (own, *(name for name in color_map if name != own))


def _renumbered(mask: Mask, classes: Sequence[str]) -> Index:
    table = np.full(256, 255, np.uint8)
    for at, name in enumerate(mask.classes):
        table[at] = 0 if is_background(name) else classes.index(name)
    return table[mask.index()]
