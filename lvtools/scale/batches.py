"""The one function that every engine runs: batches of compared images in, the states of their shards out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lvtools.dataset import ColorMap, is_background
from lvtools.errors import ArgumentError, LvtoolsError, MaskError, ShardError
from lvtools.masks import AlphaRule, class_pairs, read_mask
from lvtools.metrics import BinnedSweep, ConfusionMatrix, PixelState, Sweep
from lvtools.metrics.score_sides import NanRule
from lvtools.objects import Objects
from lvtools.scale.states import State, state_batch

COLUMNS = {
    "shard": "the shard's name: string or integer",
    "shard_rows": "how many rows the shard has in all (optional): a part of a shard is then noticed",
    "truth": "class of the image: string, boolean or integer",
    "prediction": "class it was called (optional)",
    "score": "how anomalous it was scored (optional)",
    "truth_mask": "PNG bytes, or a reference under Options.objects; null: no anomaly pixels (optional)",
    "prediction_mask": "the same",
}


@dataclass(frozen=True)
class Options:
    """What `evaluate_batches` needs to know beside the rows; it goes to the workers with them.

    Attributes
    ----------
    positive : str
        The class looked for, for the score metrics.
    classes : tuple of str, optional
        The classes of the image matrix, in this order; by default those that occur, sorted.
    bins : int, optional
        Count scores in so many even bins over 0..1 (`BinnedSweep`, a state of fixed size); by default they are kept
        and every figure is exact (`Sweep`, a state that grows with the rows).
    nan : {'error', 'drop', 'worst'}
        What a missing score means; see `Sweep.of`.
    color_map : mapping of str to int or str
        Class name to colour, for the masks of both sides. Needed for mask columns.
    alpha : {'opaque', 'any', 'ignore', 'error'}
        How transparent pixels of masks are read.
    objects : str, optional
        The folder or bucket in which masks are that come as references.
    on_error : {'raise', 'skip'}
        What to do about a mask that cannot be read, or two of different sizes: fail, naming it, or leave the image out
        of the pixel state and count it as skipped.
    """

    positive: str = "anomaly"
    classes: tuple[str, ...] | None = None
    bins: int | None = None
    nan: NanRule = "error"
    color_map: Mapping[str, int | str] = field(default_factory=dict)
    alpha: AlphaRule = "opaque"
    objects: str | None = None
    on_error: Literal["raise", "skip"] = "raise"

    def __post_init__(self) -> None:
        if self.on_error not in ("raise", "skip"):
            raise ArgumentError(f"on_error is {self.on_error!r}", hint="'raise' or 'skip'")


def evaluate_batches(batches: Iterable[pa.RecordBatch], options: Options | None = None) -> Iterator[pa.RecordBatch]:
    """Count compared images, shard by shard. The signature is that of Spark's `mapInArrow`.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        `COLUMNS` by name, others are left alone. A shard may be spread over batches and several shards may stand in
        one, but all rows of a shard must come in one call: its states are then the same whenever it is run again.
    options : Options, optional
        `functools.partial(evaluate_batches, options=...)` makes a function of one argument.

    Yields
    ------
    pyarrow.RecordBatch
        `STATE_SCHEMA`, one batch per shard: 'image' when there are predictions, 'sweep' (or 'binned') when there are
        scores, 'pixel' when there are masks.

    Raises
    ------
    ShardError
        A shard has another number of rows than its `shard_rows` says, or something in it cannot be counted; the
        sentence names the shard.
    ArgumentError
        A column that is needed is missing.
    """
    options = options or Options()
    shards: dict[str, _Shard] = {}
    for batch in batches:
        for name, rows in _by_shard(batch):
            shards.setdefault(name, _Shard(name, options)).add(rows)
    for shard in shards.values():
        yield shard.states()


def _by_shard(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    names = batch.schema.names
    if "shard" not in names:
        raise ArgumentError(
            f"no column 'shard'; found {', '.join(names) or 'none'}",
            hint="it names the part that a row belongs to",
        )
    sides = ("prediction", "score", "truth_mask")
    if not any(name in names for name in sides) or (
        "truth" not in names and ("prediction" in names or "score" in names)
    ):
        raise ArgumentError(
            f"nothing to compare among {', '.join(names)}",
            hint="'truth' with 'prediction' or 'score', or 'truth_mask' with 'prediction_mask'",
        )
    if ("truth_mask" in names) != ("prediction_mask" in names):
        raise ArgumentError("masks of one side only", hint="'truth_mask' and 'prediction_mask' belong together")
    column = batch.column("shard")
    if column.null_count:
        raise ArgumentError("a row belongs to no shard: 'shard' is null")
    for value in pc.unique(column):
        yield str(value.as_py()), batch.filter(pc.equal(column, value)) if len(batch) else batch


class _Shard:
    """The states of one shard, being counted."""

    def __init__(self, name: str, options: Options) -> None:
        self._name, self._options = name, options
        self._rows = self._skipped = 0
        self._states: dict[str, Any] = {}
        self._said: int | None = None  # by shard_rows
        self._read_pair: Callable[[Any, Any], PixelState] | None = None

    def add(self, rows: pa.RecordBatch) -> None:
        try:
            self._add(rows)
        except ShardError:
            raise
        except LvtoolsError as error:
            raise ShardError(f"shard {self._name!r}: {error.message}", hint=error.hint) from error

    def _add(self, rows: pa.RecordBatch) -> None:
        options, names = self._options, rows.schema.names
        if "shard_rows" in names:
            said = set(pc.unique(rows.column("shard_rows")).to_pylist()) | ({self._said} - {None})
            if len(said) != 1 or None in said:
                raise ShardError(f"shard {self._name!r} has no single number of rows: {sorted(map(str, said))}")
            self._said = said.pop()
        if "prediction" in names:
            counted = ConfusionMatrix.of(rows.column("truth"), rows.column("prediction"), options.classes)
            self._merge("image", counted)
        if "score" in names:
            sides = (rows.column("truth"), rows.column("score"))
            if options.bins is None:
                self._merge("sweep", Sweep.of(*sides, positive=options.positive, nan=options.nan))
            else:
                binned = BinnedSweep.of(*sides, bins=options.bins, positive=options.positive, nan=options.nan)
                self._merge("binned", binned)
        if "truth_mask" in names:
            self._merge("pixel", self._pixels(rows))
        self._rows += len(rows)

    def _merge(self, metric: str, state: State) -> None:
        self._states[metric] = self._states[metric].merge(state) if metric in self._states else state

    def _pixels(self, rows: pa.RecordBatch) -> PixelState:
        if self._read_pair is None:
            self._read_pair = pair_reader(self._options)
        total = PixelState.empty()
        sides = (rows.column("truth_mask"), rows.column("prediction_mask"))
        for at in range(len(rows)):
            # One pair at a time becomes Python's: a batch may hold thousands.
            truth, prediction = (side[at].as_py() for side in sides)
            try:
                total = total.merge(self._read_pair(truth, prediction))
            except LvtoolsError as error:
                if self._options.on_error == "raise":
                    raise MaskError(f"row {self._rows + at + 1}: {error.message}", hint=error.hint) from error
                self._skipped += 1
        return total

    def states(self) -> pa.RecordBatch:
        if self._said is not None and self._said != self._rows:
            raise ShardError(
                f"shard {self._name!r} has {self._said:,} rows, {self._rows:,} came",
                hint="all rows of a shard must come in one call: partition by 'shard'",
            )
        return state_batch(self._name, self._rows, self._skipped, self._states)


def pair_reader(options: Options) -> Callable[[Any, Any], PixelState]:
    """A function of two masks (bytes, reference or None) that counts their pixels."""
    if not options.color_map:
        raise ArgumentError("masks need a color map", hint="Options(color_map={'background': '#ffffff', ...})")
    colors = ColorMap(options.color_map)
    background = next((name for name in colors if is_background(name)), "background")
    classes = (background, *(name for name in colors if name != background))
    objects = Objects(options.objects) if options.objects is not None else None

    def bytes_of(mask: bytes | str) -> bytes:
        if isinstance(mask, bytes):
            return mask
        if objects is None:
            raise ArgumentError(f"{mask!r} is a reference", hint="Options(objects=FOLDER) says where the masks are")
        return objects.read(mask)

    def read_pair(truth: bytes | str | None, prediction: bytes | str | None) -> PixelState:
        masks = [
            None if one is None else read_mask(bytes_of(one), colors, alpha=options.alpha, classes=classes)
            for one in (truth, prediction)
        ]
        ours, theirs = masks
        ambiguous = sum(mask.ambiguous_px for mask in masks if mask is not None)
        many = len(classes) + 1
        if ours is not None and theirs is not None:
            cells = class_pairs(ours, theirs)
        elif ours is None and theirs is None:
            return PixelState.empty()
        else:
            cells = np.zeros((many, many), np.int64)
            if ours is not None:
                cells[:, 0] = ours.class_px()
            elif theirs is not None:
                cells[0] = theirs.class_px()
        return PixelState.of_cells(cells, classes, ambiguous_px=ambiguous)

    return read_pair
