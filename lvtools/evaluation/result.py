"""The result of an evaluation: states and tables, and the document that reports and programs read."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lvtools.atomic import write_atomically
from lvtools.dataset import ColorMap
from lvtools.errors import LvtoolsError
from lvtools.evaluation.baseline import ModelComparison, compare_with
from lvtools.evaluation.document import document_of, document_text
from lvtools.evaluation.maps import MapFigures
from lvtools.evaluation.matching import Match
from lvtools.evaluation.per_image import PER_IMAGE_SCHEMA
from lvtools.evaluation.pixels import PixelReader, color_lists, read_first
from lvtools.evaluation.rows import row_at
from lvtools.evaluation.scoring import ScoreFigures, advice_for, figures_of, sweep_of
from lvtools.evaluation.slicing import slices_of
from lvtools.evaluation.suspects import label_errors
from lvtools.findings import FindingList
from lvtools.metrics import ConfusionMatrix, Interval, PixelState, RegionReport, Sweep, f1_interval, wilson
from lvtools.metrics.advice import ADVICE_SCHEMA
from lvtools.objects import Objects

if TYPE_CHECKING:
    from lvtools.report import Picture


class Side(NamedTuple):
    """Where one side came from: its name, how many different images it has, the format it was read as."""

    origin: str
    images: int
    format: str


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """Predictions compared with the truth.

    Attributes
    ----------
    truth, predictions : Side
    match : Match
        How images were matched, and which references were left out for what reason.
    image : ConfusionMatrix
        Rows truth, columns prediction.
    positive : str or None
        The class looked for; None when there are more than two.
    threshold : float or None
        The score from which an image is anomalous; None when the predictions brought their classes.
    threshold_assumed : bool
        The threshold is the default, 0.5, because there were scores only and none was given.
    pixel : PixelState or None
        None when no pair of masks could be compared.
    per_image : pyarrow.Table
        `PER_IMAGE_SCHEMA`, a row per image that was counted, in the order of the truth.
    findings : pyarrow.Table
        `FINDING_SCHEMA`: everything that was left out or read with doubts.
    regions : RegionReport or None
        Connected regions of the true masks, hit or not, and false blobs; None where `pixel` is None. `image` counts
        rows of `per_image`.
    maps : MapFigures or None
        AUPRO of the score maps; None when `evaluate` was told of none.
    columns : pyarrow.Table
        The caller's own columns to slice by, row by row as `per_image`.
    """

    truth: Side
    predictions: Side
    match: Match
    image: ConfusionMatrix
    positive: str | None
    threshold: float | None
    threshold_assumed: bool
    pixel: PixelState | None
    per_image: pa.Table
    findings: pa.Table
    reader: PixelReader | None = field(default=None)
    tables: tuple[pa.Table, ...] = field(default=())
    regions: RegionReport | None = None
    columns: pa.Table = field(default_factory=lambda: pa.table({}))
    slice_by: tuple[str, ...] = ()
    wishes: tuple[Mapping[str, Any], ...] = ()
    baseline: Evaluation | None = None
    maps: MapFigures | None = None

    def accuracy(self) -> Interval:
        """The share of images called correctly, with its 95 % interval."""
        return wilson(sum(self.image.tp(name) for name in self.image.named_classes), self.image.total)

    def precision(self, cls: str | None = None) -> Interval:
        """Of the images called `cls` (by default the positive class), the share that is."""
        name = self._class(cls)
        return wilson(self.image.tp(name), self.image.predicted(name))

    def recall(self, cls: str | None = None) -> Interval:
        """Of the images that are `cls`, the share called so."""
        name = self._class(cls)
        return wilson(self.image.tp(name), self.image.support(name))

    def f1(self, cls: str | None = None) -> Interval:
        """F1 of `cls`; see `lvtools.metrics.f1_interval` for what its interval takes as given."""
        name = self._class(cls)
        return f1_interval(self.image.tp(name), self.image.fp(name), self.image.fn(name))

    def _class(self, cls: str | None) -> str:
        name = cls if cls is not None else self.positive
        if name is None:
            raise LvtoolsError(f"which class? there are {', '.join(self.image.named_classes)}", hint="name one")
        return name

    @cached_property
    def sweep(self) -> Sweep | None:
        """The scores at every threshold, of the images that have one; None for more than two classes or no scores."""
        return sweep_of(self.per_image, self.positive)

    @cached_property
    def score_figures(self) -> ScoreFigures | None:
        """AUROC, average precision and best F1 with their 95 % intervals; None without scores."""
        return None if self.sweep is None else figures_of(self.sweep)

    def threshold_advice(self, wishes: Sequence[Mapping[str, Any]] | None = None) -> pa.Table:
        """Candidates for the threshold: what each does, and how far it would move with other images.

        Parameters
        ----------
        wishes : sequence of mapping, optional
            As `lvtools.Sweep.advise`, in addition to the usual points; by default those given to `evaluate`.

        Returns
        -------
        pyarrow.Table
            `lvtools.metrics.advice.ADVICE_SCHEMA`; the first row, 'in use', is missing when the predictions' own
            classes follow no threshold. No rows without scores.
        """
        if self.sweep is None:
            return ADVICE_SCHEMA.empty_table()
        if wishes is None:
            return self._advice
        return advice_for(self, self.sweep, wishes)

    @cached_property
    def _advice(self) -> pa.Table:
        assert self.sweep is not None  # noqa: S101 - the caller has looked
        return advice_for(self, self.sweep, self.wishes)

    def slices(self, by: str) -> pa.Table:
        """The image figures for each value of a column: `lvtools.metrics.comparison.SLICE_SCHEMA`.

        `by` is a column that `evaluate(..., slice_by=[...])` kept, or 'class', 'folder' (of the image, without what all
        have in common) or 'area' (pixels of the true anomaly). More than 12 different numbers are cut into quarters.
        """
        return slices_of(self, by)

    def label_errors(self) -> pa.Table:
        """Images whose label may be wrong, the most suspicious first: `lvtools.evaluation.suspects.SUSPECT_SCHEMA`.

        Candidates, no verdicts: images labelled twice and differently, then images that are wrong by decision and
        score like the other class, at least as much as half of that class does.
        """
        return self._suspects

    @cached_property
    def _suspects(self) -> pa.Table:
        return label_errors(self)

    def compare(self, baseline: Evaluation) -> ModelComparison:
        """Compare with another model on the same truth: McNemar's test, and differences with paired intervals.

        Raises
        ------
        ArgumentError
            No image is in both, or the truths differ.
        """
        return compare_with(self, baseline)

    @cached_property
    def comparison(self) -> ModelComparison | None:
        """The comparison with the baseline given to `evaluate`, None without one."""
        return None if self.baseline is None else compare_with(self, self.baseline)

    def to_dict(self) -> dict[str, Any]:
        """The evaluation as one JSON document; what is undefined or infinite is null."""
        document = document_of(self)
        return {**document, "images": list(document["images"])}

    def mean_iou(self) -> float:
        """The mean over the anomaly classes of their pooled IoU, where defined; the background would flatter it."""
        if self.pixel is None:
            return math.nan
        defined = [iou for iou in map(self.pixel.iou, self.pixel.pooled.named_classes[1:]) if not math.isnan(iou)]
        return math.fsum(defined) / len(defined) if defined else math.nan

    def color_map(self) -> dict[str, int]:
        """The first colour that each class has, truth before predictions; the background as white without one."""
        found: dict[str, int] = {}
        for table in self.tables:
            for colors in color_lists(table):
                for one in colors:
                    name = one["class_name"]
                    if name is None or name in found:
                        continue
                    try:
                        found[name] = ColorMap([(name, one["color"])])[name]
                    except LvtoolsError:
                        continue  # said by the finding of that mask
        background = [found.pop(name) for name in list(found) if name.casefold() == "background"]
        return {"background": background[0] if background else 0xFFFFFF, **found}

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The document as text; with `path` also as a file, whole or not at all.

        Raises
        ------
        ObjectError
            The file cannot be written.
        """
        text = b"".join(document_text(document_of(self)))
        if path is not None:
            write_atomically(path, text)
        return text.decode()

    def write_json(self, path: str | os.PathLike[str]) -> None:
        """Write the text of `to_json` to a file, whole or not at all, with few images of it in memory at a time.

        Raises
        ------
        ObjectError
            The file cannot be written.
        """
        write_atomically(path, document_text(document_of(self)))

    def to_html(
        self, path: str | os.PathLike[str], objects: Objects | str | os.PathLike[str] | None = None, *, limit: int = 12
    ) -> None:
        """Write a self-contained page with the `limit` worst images, found under `objects`, else where the masks are.

        Raises
        ------
        MissingDependencyError
            The page needs jinja2.
        ObjectError
            The file cannot be written.
        """
        from lvtools.report import pick_worst, write_evaluation_html

        document = document_of(self)
        worst = pick_worst(document["images"], limit, threshold=self.threshold)
        compared = (row for row in document["label_errors"] if row["prediction"] is not None)
        suspects = list(itertools.islice(compared, limit))
        root = objects if isinstance(objects, Objects) or objects is None else Objects(objects)
        classes = self.reader.classes if self.reader is not None else ()
        colors = {name: color for name, color in self.color_map().items() if name in classes}
        write_evaluation_html(
            document,
            path,
            pictures=self._pictures(worst, root),
            suspects=self._pictures(suspects, root),
            color_map=colors,
            classes=classes,
        )

    def _pictures(self, rows: list[Any], root: Objects | None) -> Iterator[Picture]:
        """One image at a time, read again: an evaluation keeps no pixels."""
        from lvtools.images import decode_image
        from lvtools.report import Picture

        wanted = pa.array([row["source_ref"] for row in rows], pa.string())
        found = np.flatnonzero(pc.is_in(self.per_image["source_ref"], value_set=wanted).to_numpy()).tolist()
        pairs = {self.per_image["source_ref"][at].as_py(): at for at in found}
        places = (root,) if root is not None else self.reader.truth_roots if self.reader is not None else ()
        for row in rows:
            at = pairs[row["source_ref"]]
            at_truth, at_prediction = (int(side[at]) for side in (self.match.truth_rows, self.match.prediction_rows))
            truth = row_at(self.tables[0], at_truth, is_normal=self._is_normal(row["truth"]))
            prediction = row_at(self.tables[1], at_prediction, is_normal=self._is_normal(row["prediction"]))
            image, counted = None, None
            try:
                image = decode_image(read_first(places, truth.source_ref))
            except LvtoolsError:
                image = None  # the page shows the masks alone, or the names
            if self.reader is not None:
                counted = self._quiet_reader().read(truth, prediction)
            indexes = (counted.truth, counted.prediction) if counted is not None else (None, None)
            if image is not None and counted is not None and image.shape[:2] != counted.truth.shape:
                image = None
            yield Picture(row["source_ref"], image, *indexes)

    def _quiet_reader(self) -> PixelReader:
        """A reader whose findings nobody sees: they have been reported."""
        from dataclasses import replace

        assert self.reader is not None  # noqa: S101 - the type checker's sake
        return replace(
            self.reader,
            truth_findings=FindingList(""),
            prediction_findings=FindingList(""),
            ambiguous={"truth": [], "prediction": []},
        )

    def _is_normal(self, name: str) -> bool:
        return name != self.positive if self.positive is not None else name.casefold() == "normal"

    def __str__(self) -> str:
        from lvtools.evaluation.summary import as_text

        return as_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from lvtools.evaluation.summary import as_html

        return as_html(self)


__all__ = ["PER_IMAGE_SCHEMA", "Evaluation", "Side"]
