"""`evaluate`: read both sides, match, decide, count images and pixels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lvtools.errors import ArgumentError, FormatError
from lvtools.evaluation.decisions import Decisions, decide
from lvtools.evaluation.maps import map_figures
from lvtools.evaluation.matching import Match, match_rows
from lvtools.evaluation.per_image import PixelColumns, per_image_table, picked, pixel_figures
from lvtools.evaluation.pixels import (
    ImagePixels,
    PixelReader,
    is_there,
    joint_classes,
    joint_color_map,
    roots_of,
)
from lvtools.evaluation.result import Evaluation, Side
from lvtools.evaluation.rows import images_between_releases, rows_at
from lvtools.evaluation.slicing import DERIVED, own_columns
from lvtools.findings import FindingList, join_findings, render
from lvtools.formats.fields import ANOMALY, NORMAL
from lvtools.formats.predictions import Predictions, read_predictions
from lvtools.formats.registry import ROWS_AT_ONCE, WRITTEN_AS_NUMBERS
from lvtools.formats.spill import release
from lvtools.masks import AlphaRule
from lvtools.metrics import BlobCollector, PixelState
from lvtools.objects import Objects

Root = Objects | str | os.PathLike[str]


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
    maps: str | None = None,
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
    maps : str, optional
        The column of the predictions, or member of their JSON lines, that names each image's map of anomaly scores: a
        .npy, grey PNG or grey TIFF of the image's size, higher is more anomalous, found where predicted masks are. With
        the truth's masks they give AUPRO: `Evaluation.maps`.
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
        read_predictions(predictions, format=prediction_format, extra=own if maps is None else [*own, maps]),
    )
    for side in (true, called):
        _require_images(side)
    true_findings, called_findings = FindingList(true.origin), FindingList(called.origin)
    matched = match_rows(true.table, called.table, true_findings, called_findings, level=match)
    decisions = _decisions(true, called, matched, threshold, positive)
    reader = _pixel_reader(true, called, matched, objects, prediction_objects, alpha, true_findings, called_findings)
    columns = own_columns(own, true, called, matched)
    state, blobs, pixels = PixelState.empty(), BlobCollector(), PixelColumns(len(matched))
    if reader is not None:
        state = _count_pixels(reader, true, called, matched, decisions, blobs, pixels, threads, progress)
    map_reader = (
        None
        if maps is None
        else _reader(true, called, objects, prediction_objects, alpha, FindingList(true.origin), called_findings)
    )
    return Evaluation(
        maps=None
        if maps is None or map_reader is None
        else map_figures(map_reader, true, called, matched, decisions, maps),
        truth=Side(true.origin, _distinct(true), true.format),
        predictions=Side(called.origin, _distinct(called), called.format),
        match=matched,
        image=decisions.matrix(),
        positive=decisions.positive,
        threshold=decisions.threshold,
        threshold_assumed=decisions.assumed,
        pixel=state if state.images else None,
        per_image=per_image_table(true.table, called.table, matched, decisions, pixels),
        findings=join_findings([true.findings, true_findings.table(), called.findings, called_findings.table()]),
        reader=reader,
        tables=(true.table, called.table),
        regions=blobs.report() if state.images else None,
        columns=columns,
        slice_by=tuple(slice_by),
        wishes=tuple(wishes),
        baseline=None if baseline is None else _baseline(true, baseline, threshold, match, positive, prediction_format),
    )


def _count_pixels(
    reader: PixelReader,
    true: Predictions,
    called: Predictions,
    matched: Match,
    decisions: Decisions,
    blobs: BlobCollector,
    pixels: PixelColumns,
    threads: int | None,
    progress: Callable[[int, int], None] | None,
) -> PixelState:
    """Count the masks of every image into `blobs`, `pixels` and the state that is returned."""
    tables, rows = (true.table, called.table), (matched.truth_rows, matched.prediction_rows)
    normal = decisions.normal(decisions.truth), decisions.normal(decisions.prediction)
    state = PixelState.empty()
    between = images_between_releases(tables)
    for at, (counted, faulty) in enumerate(reader.read_many(rows_at(tables, rows, normal), threads)):
        figures = None
        if counted is not None:
            state = state.merge(counted.state)
            figures = pixel_figures(counted.state)
        # Without pixels on either side there is nothing to compare, and no false blob either.
        empty = not faulty and bool(normal[0][at] and normal[1][at])
        pixels.add(figures, _regions(blobs, at, counted, empty=empty))
        if at % between == 0:
            release()
        if progress is not None:
            progress(at + 1, len(matched))
    reader.report_ambiguous()
    return state


def _regions(blobs: BlobCollector, at: int, counted: ImagePixels | None, *, empty: bool) -> Mapping[str, int] | None:
    """Count the regions of an image; None when its pixels could not be compared."""
    if counted is not None and counted.regions is not None:
        return blobs.add_regions(*counted.regions, image=at)
    return blobs.add_empty(image=at) if counted is not None or empty else None


def _baseline(
    true: Predictions, predictions: Any, threshold: float | None, match: str, positive: str, prediction_format: str
) -> Evaluation:
    """The other model's decisions on the same truth, which is not read a second time."""
    called = read_predictions(predictions, format=prediction_format)
    _require_images(called)
    nobody, called_findings = FindingList(true.origin), FindingList(called.origin)  # the truth's have been told
    matched = match_rows(true.table, called.table, nobody, called_findings, level=match)
    decisions = _decisions(true, called, matched, threshold, positive)
    return Evaluation(
        truth=Side(true.origin, _distinct(true), true.format),
        predictions=Side(called.origin, _distinct(called), called.format),
        match=matched,
        image=decisions.matrix(),
        positive=decisions.positive,
        threshold=decisions.threshold,
        threshold_assumed=decisions.assumed,
        pixel=None,
        per_image=per_image_table(true.table, called.table, matched, decisions, PixelColumns(len(matched))),
        findings=join_findings([called.findings, called_findings.table()]),
        tables=(true.table, called.table),
    )


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
    return decide(
        picked(_class_names(true.table, called.table), matched.truth_rows),  # an unlabeled one is in no pair
        picked(_class_names(called.table, true.table), matched.prediction_rows),
        picked(called.table["score"], matched.prediction_rows),
        threshold=threshold,
        positive=positive,
    )


def _class_names(table: pa.Table, other: pa.Table) -> pa.ChunkedArray:
    """0 and 1 were read as normal and anomaly; beside a file of classes 0, 1, 2, ... they are numbers again."""
    names = table["class_name"]
    numbers = (table.schema.metadata or {}).items() >= WRITTEN_AS_NUMBERS.items()
    if numbers and any(name is not None and name.isdigit() for name in other["class_name"].unique().to_pylist()):
        for word, number in ((ANOMALY, "1"), (NORMAL, "0")):
            names = pc.if_else(pc.equal(names, word), number, names)
    return names


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
    (true_refs, inline), (called_refs, called_inline) = (
        (picked(side.table["mask_ref"], rows), _any_valid(side.table["mask"], rows))
        for side, rows in ((true, matched.truth_rows), (called, matched.prediction_rows))
    )
    true_masks, called_masks = (len(refs) - refs.null_count for refs in (true_refs, called_refs))
    roots = roots_of(objects, true.origin)
    if not (true_masks or inline) or not (called_masks or called_inline):
        return None
    if objects is None and not inline and not any(is_there(roots, ref) for ref in _values(true_refs)):
        where = f"under {roots[0].root}" if roots else "in reach"
        true_findings.add(
            "LV412",
            value=f"no pixel figures: none of the {true_masks:,} masks, such as {next(_values(true_refs))}, "
            f"is {where}; name their folder (--images)",
        )
        return None
    return _reader(true, called, objects, prediction_objects, alpha, true_findings, called_findings)


def _reader(
    true: Predictions,
    called: Predictions,
    objects: Root | None,
    prediction_objects: Root | None,
    alpha: AlphaRule,
    true_findings: FindingList,
    called_findings: FindingList,
) -> PixelReader:
    roots, called_roots = roots_of(objects, true.origin), roots_of(prediction_objects, called.origin)
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


def _any_valid(column: pa.ChunkedArray, rows: NDArray[np.int64]) -> bool:
    """Is there a value in one of these rows? The values themselves, masks perhaps, are not touched."""
    return column.null_count < len(column) and bool(pc.any(picked(pc.is_valid(column), rows)).as_py())


def _values(column: pa.ChunkedArray) -> Iterator[str]:
    """Those that are there; a block at a time becomes Python's."""
    for batch in pa.table([column], ["value"]).to_batches(max_chunksize=ROWS_AT_ONCE):
        yield from (value for value in batch.column(0).to_pylist() if value is not None)
