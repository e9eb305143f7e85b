"""`evaluate`: read both sides, match, decide, count images and pixels."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lvtools.errors import ArgumentError, FormatError
from lvtools.evaluation.decisions import NEGATIVE, Decisions, decide
from lvtools.evaluation.matching import Match, match_rows
from lvtools.evaluation.pixels import (
    ImagePixels,
    PixelReader,
    is_there,
    joint_classes,
    joint_color_map,
    roots_of,
    rows_at,
)
from lvtools.evaluation.result import PER_IMAGE_SCHEMA, Evaluation, Side
from lvtools.evaluation.slicing import DERIVED, own_columns
from lvtools.findings import FindingList, join_findings, render
from lvtools.formats.fields import ANOMALY, NORMAL
from lvtools.formats.predictions import Predictions, read_predictions
from lvtools.formats.registry import ROWS_AT_ONCE, WRITTEN_AS_NUMBERS
from lvtools.formats.spill import release
from lvtools.masks import AlphaRule
from lvtools.metrics import BlobCollector, PixelState
from lvtools.metrics.pixel import IOU_UNIT_BITS, UNKNOWN_INDEX
from lvtools.objects import Objects

Root = Objects | str | os.PathLike[str]
IMAGES_BETWEEN_RELEASES = 512


def evaluate(
    truth: Any,
    predictions: Any,
    *,
    objects: Root | None = None,
    prediction_objects: Root | None = None,
    threshold: float | None = None,
    match: str = "auto",
    alpha: AlphaRule = "opaque",
    positive: str = "anomaly",
    truth_format: str = "auto",
    prediction_format: str = "auto",
    slice_by: Sequence[str] = (),
    wishes: Sequence[Mapping[str, Any]] = (),
    baseline: Any = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Compare predictions with the truth.

    Parameters
    ----------
    truth, predictions : path, URI, '-', bytes, folder, pyarrow.Table or any object with the Arrow capsule methods
        A manifest, or any form of `lvtools.formats.predictions`.
    objects, prediction_objects : Objects, path or URI, optional
        Where the masks of the truth (and the images) lie, and those that the predictions name. By default the folder of
        the file that names them; predicted masks are then also looked for beside those of the truth.
    threshold : float, optional
        Decides every image of a two-class task that has a score: anomalous when score >= threshold. Without it the
        predictions' own classes count, and 0.5 decides where there is only a score.
    match : {'auto', 'exact', 'name', 'stem'}
        How images are found on the other side; see `lvtools.evaluation.matching`.
    alpha : {'opaque', 'any', 'ignore', 'error'}
        How transparent pixels of masks are read; see `lvtools.read_mask`.
    positive : str
        The class that is looked for, compared without case.
    truth_format, prediction_format : str
        'auto' or a name of `PREDICTION_FORMATS`.
    slice_by : sequence of str
        Columns of either file (the truth's first), members of its JSON lines ('a.b' for one inside another), or
        'class', 'folder', 'area': the figures are given for each value too. See `Evaluation.slices`.
    wishes : sequence of mapping
        What a threshold should do, such as {"recall": 0.99} or {"cost": (20, 1)}; see `Evaluation.threshold_advice`.
    baseline : as `predictions`, optional
        Another model's predictions: `Evaluation.comparison` says which one is better. Its masks are not read.
    threads : int, optional
        That read masks; as many as processors by default. The result is the same for any number.
    progress : callable, optional
        Called with (images done, images in all) while masks are read.

    Returns
    -------
    Evaluation

    Raises
    ------
    LvtoolsError
        A side cannot be read at all, or nothing is in common. Everything smaller is a finding of the result.
    """
    if isinstance(truth, str) and isinstance(predictions, str) and truth == predictions == "-":
        raise ArgumentError("truth and predictions cannot both be standard input", hint="name a file for one of them")
    own = [name for name in slice_by if name not in DERIVED]
    true, called = (
        read_predictions(truth, format=truth_format, role="truth", extra=own),
        read_predictions(predictions, format=prediction_format, extra=own),
    )
    for side in (true, called):
        _require_images(side)
    true_findings, called_findings = FindingList(true.origin), FindingList(called.origin)
    matched = match_rows(true.table, called.table, true_findings, called_findings, level=match)
    decisions = _decisions(true, called, matched, threshold, positive)
    reader = _pixel_reader(true, called, matched, objects, prediction_objects, alpha, true_findings, called_findings)
    columns = own_columns(own, true, called, matched.pairs)
    rows = _Rows(true, called, decisions)
    state, blobs = PixelState.empty(), BlobCollector()
    called_normal = ([_is_normal(name, decisions) for name in side] for side in (decisions.truth, decisions.prediction))
    normal = list(zip(*called_normal, strict=True))
    sides = rows_at((true.table, called.table), matched.pairs, normal)
    counts = None if reader is None else reader.read_many(sides, threads)
    for at, (true_row, called_row) in enumerate(matched.pairs):
        counted = None
        told = len(true_findings) + len(called_findings)
        if counts is not None:
            counted = next(counts)
            if counted is not None:
                state = state.merge(counted.state)
            if at % IMAGES_BETWEEN_RELEASES == 0:
                release()
            if progress is not None:
                progress(at + 1, len(matched.pairs))
        faulty = len(true_findings) + len(called_findings) > told
        regions = None if reader is None else _regions(blobs, at, counted, decisions, faulty=faulty)
        rows.add(at, true_row, called_row, counted, regions)
    if reader is not None:
        reader.report_ambiguous()
    return Evaluation(
        truth=Side(true.origin, _distinct(true), true.format),
        predictions=Side(called.origin, _distinct(called), called.format),
        match=matched,
        image=decisions.matrix(),
        positive=decisions.positive,
        threshold=decisions.threshold,
        threshold_assumed=decisions.assumed,
        pixel=state if reader is not None and state.images else None,
        per_image=rows.table(),
        findings=join_findings([true.findings, true_findings.table(), called.findings, called_findings.table()]),
        reader=reader,
        tables=(true.table, called.table),
        regions=blobs.report() if reader is not None and state.images else None,
        columns=columns,
        slice_by=tuple(slice_by),
        wishes=tuple(wishes),
        baseline=None if baseline is None else _baseline(true, baseline, threshold, match, positive, prediction_format),
    )


def _baseline(
    true: Predictions, predictions: Any, threshold: float | None, match: str, positive: str, prediction_format: str
) -> Evaluation:
    """The other model's decisions on the same truth, which is not read a second time."""
    called = read_predictions(predictions, format=prediction_format)
    _require_images(called)
    nobody, called_findings = FindingList(true.origin), FindingList(called.origin)  # the truth's have been told
    matched = match_rows(true.table, called.table, nobody, called_findings, level=match)
    decisions = _decisions(true, called, matched, threshold, positive)
    rows = _Rows(true, called, decisions)
    for at, (true_row, called_row) in enumerate(matched.pairs):
        rows.add(at, true_row, called_row, None, None)
    return Evaluation(
        truth=Side(true.origin, _distinct(true), true.format),
        predictions=Side(called.origin, _distinct(called), called.format),
        match=matched,
        image=decisions.matrix(),
        positive=decisions.positive,
        threshold=decisions.threshold,
        threshold_assumed=decisions.assumed,
        pixel=None,
        per_image=rows.table(),
        findings=join_findings([called.findings, called_findings.table()]),
        tables=(true.table, called.table),
    )


def _regions(
    blobs: BlobCollector, at: int, counted: ImagePixels | None, decisions: Decisions, *, faulty: bool
) -> Mapping[str, int] | None:
    """Count the regions of an image; None when its pixels could not be compared."""
    if counted is None:
        # Without pixels on either side there is nothing to compare, and no false blob either.
        empty = not faulty and all(_is_normal(side[at], decisions) for side in (decisions.truth, decisions.prediction))
        return blobs.add_empty(image=at) if empty else None
    if not any(_pixel_figures(counted.state)[2:]):  # no anomaly pixel: the masks need not be looked at
        return blobs.add_empty(image=at)
    return blobs.add(_anomalous(counted.prediction), _anomalous(counted.truth), image=at)


def _anomalous(index: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Where an anomaly class is; pixels of no class belong to no region."""
    there: NDArray[np.uint8] = ((index != 0) & (index != UNKNOWN_INDEX)).view(np.uint8)
    return there


def _require_images(side: Predictions) -> None:
    """A file out of which not one image could be read is no side of a comparison; say why it gave none."""
    if side.table["source_ref"].null_count < side.table.num_rows:
        return
    first = next(render.rows(side.findings), None)
    if first is None:
        raise FormatError("it names no image", path=side.origin)
    raise FormatError(
        f"not one image could be read; the first fault is {first['code']}: {first['message']}",
        path=side.origin,
        line=first["line"],
        column=first["column"],
        hint=first["hint"],
    )


def _decisions(
    true: Predictions, called: Predictions, matched: Match, threshold: float | None, positive: str
) -> Decisions:
    labels, names = _class_names(true.table, called.table), _class_names(called.table, true.table)
    scores = called.table["score"].to_pylist()
    return decide(
        [str(labels[row]) for row, _ in matched.pairs],  # an unlabeled one is in no pair
        [names[row] for _, row in matched.pairs],
        [scores[row] for _, row in matched.pairs],
        threshold=threshold,
        positive=positive,
    )


def _class_names(table: pa.Table, other: pa.Table) -> list[str | None]:
    """0 and 1 were read as normal and anomaly; beside a file of classes 0, 1, 2, ... they are numbers again."""
    names: list[str | None] = table["class_name"].to_pylist()
    numbers = (table.schema.metadata or {}).items() >= WRITTEN_AS_NUMBERS.items()
    if numbers and any(name is not None and name.isdigit() for name in other["class_name"].unique().to_pylist()):
        return [{ANOMALY: "1", NORMAL: "0"}.get(name, name) if name is not None else None for name in names]
    return names


def _is_normal(name: str, decisions: Decisions) -> bool:
    return name == decisions.negative if decisions.positive is not None else name.casefold() == NEGATIVE


def _distinct(side: Predictions) -> int:
    return int(pc.count_distinct(side.table["source_ref"]).as_py())


def _pixel_reader(
    true: Predictions,
    called: Predictions,
    matched: Match,
    objects: Root | None,
    prediction_objects: Root | None,
    alpha: AlphaRule,
    true_findings: FindingList,
    called_findings: FindingList,
) -> PixelReader | None:
    """The reader of both sides' masks; None when a side has none, or no mask of the truth can be reached.

    Somebody who names no folder may want the image figures only: one finding says what is missing then, not one per
    image.
    """
    true_masks = [
        true.table["mask_ref"][row].as_py() for row, _ in matched.pairs if true.table["mask_ref"][row].is_valid
    ]
    inline = any(true.table["mask"][row].is_valid for row, _ in matched.pairs)
    called_refs = [
        called.table["mask_ref"][row].as_py() for _, row in matched.pairs if called.table["mask_ref"][row].is_valid
    ]
    called_inline = any(called.table["mask"][row].is_valid for _, row in matched.pairs)
    roots = roots_of(objects, true.origin)
    if not (true_masks or inline) or not (called_refs or called_inline):
        return None
    if objects is None and not inline and not any(is_there(roots, ref) for ref in true_masks):
        where = f"under {roots[0].root}" if roots else "in reach"
        true_findings.add(
            "LV412",
            value=f"no pixel figures: none of the {len(true_masks):,} masks, such as {true_masks[0]}, is {where}; "
            "name their folder (--images)",
        )
        return None
    called_roots = roots_of(prediction_objects, called.origin)
    if prediction_objects is None:
        called_roots += roots  # predicted masks are often kept beside those of the truth
    return PixelReader(
        joint_classes([true.table, called.table]),
        joint_color_map(true.table),
        alpha,
        roots,
        called_roots,
        true_findings,
        called_findings,
    )


class _Rows:
    """`PER_IMAGE_SCHEMA` being collected."""

    def __init__(self, true: Predictions, called: Predictions, decisions: Decisions) -> None:
        self._decisions = decisions
        self._true = {name: true.table[name].to_pylist() for name in ("source_ref", "line", "mask_ref")}
        self._called = {name: called.table[name].to_pylist() for name in ("score", "line", "mask_ref")}
        self._columns: dict[str, list[Any]] = {name: [] for name in PER_IMAGE_SCHEMA.names}
        self._done: list[pa.Table] = []

    def add(
        self,
        at: int,
        true_row: int,
        called_row: int,
        counted: ImagePixels | None,
        regions: Mapping[str, int] | None,
    ) -> None:
        is_, was_called = self._decisions.truth[at], self._decisions.prediction[at]
        iou, wrong, true_px, called_px = _pixel_figures(counted.state) if counted is not None else (None,) * 4
        row = (
            self._true["source_ref"][true_row], is_, was_called, self._called["score"][called_row], is_ == was_called,
            iou, wrong, true_px, called_px, self._true["line"][true_row], self._called["line"][called_row],
            self._true["mask_ref"][true_row], self._called["mask_ref"][called_row],
            *((regions or {}).get(name) for name in ("regions", "regions_hit", "false_blobs")),
        )  # fmt: skip
        for name, value in zip(PER_IMAGE_SCHEMA.names, row, strict=True):
            self._columns[name].append(value)
        if len(self._columns["source_ref"]) >= ROWS_AT_ONCE:
            self._pack()

    def _pack(self) -> None:
        self._done.append(pa.table(list(self._columns.values()), schema=PER_IMAGE_SCHEMA))
        self._columns = {name: [] for name in PER_IMAGE_SCHEMA.names}

    def table(self) -> pa.Table:
        self._pack()
        return pa.concat_tables(self._done)


def _pixel_figures(state: PixelState) -> tuple[float | None, int, int, int]:
    """Mean IoU over the anomaly classes in truth or prediction (None: there is none), wrong, true and called pixels."""
    matrix = state.pooled
    anomalies = matrix.named_classes[1:]
    units = [state.seen[name][1] for name in anomalies if name in state.seen]
    iou = sum(units) / (len(units) << IOU_UNIT_BITS) if units else None
    right = sum(matrix.tp(name) for name in matrix.named_classes)
    return (
        iou,
        matrix.total - right - state.unknown_px,
        sum(map(matrix.support, anomalies)),
        sum(map(matrix.predicted, anomalies)),
    )
