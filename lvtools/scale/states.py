"""States on their way: one row per shard and metric, and the merge that counts every shard once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import pyarrow as pa

from lvtools.errors import ShardError
from lvtools.metrics import BinnedSweep, ConfusionMatrix, PixelState, Sweep

STATE_SCHEMA = pa.schema(
    [
        pa.field("shard", pa.string(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False, metadata={"about": "rows of the shard, the same for its metrics"}),
        pa.field("skipped", pa.int64(), nullable=False, metadata={"about": "of these, rows whose masks were left out"}),
        pa.field("metric", pa.string(), nullable=False, metadata={"about": "a key of METRICS"}),
        pa.field("state", pa.binary(), nullable=False, metadata={"about": "to_arrow() of the state, as an IPC stream"}),
    ]
)
SPARK_STATE = "shard string, rows bigint, skipped bigint, metric string, state binary"  # the same for mapInArrow

State: TypeAlias = ConfusionMatrix | Sweep | BinnedSweep | PixelState
METRICS: Mapping[str, Any] = {
    "image": ConfusionMatrix,
    "sweep": Sweep,
    "binned": BinnedSweep,
    "pixel": PixelState,
}
EMPTY = "empty"  # the mark of a shard without rows: it has no states, and yet it is not lost
_NAMES_SHOWN = 5

S = TypeVar("S")


@dataclass(frozen=True)
class Merged:
    """All shards together. A metric that no shard had is None.

    Attributes
    ----------
    image : ConfusionMatrix or None
    sweep : Sweep or None
    binned : BinnedSweep or None
    pixel : PixelState or None
    shards, rows, skipped : int
        Shards that were counted; their rows; and of these the rows whose masks were left out (`Options.on_error`).
    repeated : int
        Shards that came again with the same content, and were not counted again.
    """

    image: ConfusionMatrix | None
    sweep: Sweep | None
    binned: BinnedSweep | None
    pixel: PixelState | None
    shards: int
    rows: int
    skipped: int
    repeated: int


def state_batch(shard: str, rows: int, skipped: int, states: Mapping[str, State]) -> pa.RecordBatch:
    """The states of one shard as a batch of `STATE_SCHEMA`."""
    many = len(states) or 1
    packed = {name: _packed(state) for name, state in states.items()} or {EMPTY: b""}
    columns = [[shard] * many, [rows] * many, [skipped] * many, list(packed), list(packed.values())]
    arrays = [pa.array(values, kind.type) for values, kind in zip(columns, STATE_SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=STATE_SCHEMA)


def _packed(state: State) -> bytes:
    table = state.to_arrow()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _unpacked(metric: str, data: bytes, shard: str) -> State:
    if metric not in METRICS:
        raise ShardError(
            f"shard {shard!r} has a state of {metric!r}, known are {', '.join(METRICS)}",
            hint="was it made by a newer lvtools?",
        )
    try:
        with pa.ipc.open_stream(data) as reader:
            state: State = METRICS[metric].from_arrow(reader.read_all())
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        raise ShardError(f"the {metric!r} state of shard {shard!r} cannot be read: {error}") from None
    return state


def merge_states(batches: Iterable[Any], *, expected: Iterable[object] | int | None = None) -> Merged:
    """Join the states of many shards, whatever their order, each shard once.

    Engines run a task again when its worker died or was slow, and both answers may arrive. A shard that comes again
    with the same content is ignored; with other content it is an error, because one of the two is wrong.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch or Table, or one of them
        `STATE_SCHEMA`, from any number of calls of `evaluate_batches`, in any order.
    expected : iterable of shard names, or int, optional
        Which shards, or how many, must be there.

    Returns
    -------
    Merged
        The same bits for any number of shards and any order.

    Raises
    ------
    ShardError
        A shard came twice with different content, an expected one is missing, one that is not expected came, or a
        state cannot be read.

    Notes
    -----
    Memory: the merged states, log2(shards) partial sums of them, and about 200 bytes per shard.
    """
    if isinstance(batches, (pa.RecordBatch, pa.Table)):
        batches = [batches]
    sums: dict[str, _Sum[Any]] = {}
    seen: dict[tuple[str, str], bytes] = {}
    sizes: dict[str, tuple[int, int]] = {}
    again: set[str] = set()
    for batch in batches:
        for shard, rows, skipped, metric, data in _rows(batch):
            if sizes.setdefault(shard, (rows, skipped)) != (rows, skipped):
                raise _differs(shard, f"{sizes[shard][0]:,} and {rows:,} rows")
            state = None if metric == EMPTY else _unpacked(metric, data, shard)
            mark = b"" if state is None else _digest(state)
            if (shard, metric) in seen:
                if seen[shard, metric] != mark:
                    raise _differs(shard, f"another {metric!r} state")
                again.add(shard)
                continue
            seen[shard, metric] = mark
            if state is not None:
                sums.setdefault(metric, _Sum()).add(state)
    _check_expected(sizes, expected)
    found = {metric: sums[metric].total() if metric in sums else None for metric in METRICS}
    return Merged(
        **found,
        shards=len(sizes),
        rows=sum(rows for rows, _ in sizes.values()),
        skipped=sum(skipped for _, skipped in sizes.values()),
        repeated=len(again),
    )


def _rows(batch: Any) -> Iterable[tuple[str, int, int, str, bytes]]:
    missing = [name for name in STATE_SCHEMA.names if name not in batch.schema.names]
    if missing:
        raise ShardError(f"these are no states: column {missing[0]!r} is missing", hint="evaluate_batches makes them")
    return zip(*(batch.column(name).to_pylist() for name in STATE_SCHEMA.names), strict=True)


def _differs(shard: str, what: str) -> ShardError:
    return ShardError(
        f"shard {shard!r} came twice with different content: {what}",
        hint="do two shards have one name, or are the rows of one spread over several tasks?",
    )


def _check_expected(sizes: Mapping[str, object], expected: Iterable[object] | int | None) -> None:
    if expected is None:
        return
    if isinstance(expected, int):
        if len(sizes) != expected:
            raise ShardError(f"{len(sizes):,} shards came, {expected:,} are expected")
        return
    wanted = set(map(str, expected))
    for names, what in ((wanted - sizes.keys(), "missing"), (sizes.keys() - wanted, "not expected")):
        if names:
            shown = ", ".join(map(repr, sorted(names)[:_NAMES_SHOWN])) + (", ..." if len(names) > _NAMES_SHOWN else "")
            raise ShardError(f"{len(names):,} shards are {what}: {shown}")


class _Sum(Generic[S]):
    """A running merge as a binary counter: partial sums of 1, 2, 4, ... states.

    States that keep every score would be sorted anew for each shard otherwise. The order of merges is free: that they
    give the same bits in any grouping is the law of states.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[int, S]] = []  # (how many states, their sum), the largest first

    def add(self, state: S) -> None:
        many = 1
        while self._parts and self._parts[-1][0] == many:
            _, other = self._parts.pop()
            state, many = other.merge(state), 2 * many  # type: ignore[attr-defined]
        self._parts.append((many, state))

    def total(self) -> S:
        _, total = self._parts[-1]
        for _, other in reversed(self._parts[:-1]):
            total = other.merge(total)  # type: ignore[attr-defined]
        return total


def _digest(state: State) -> bytes:
    """What a state says, in 32 bytes: of its values, not of the bytes of a version of Arrow's format."""
    table = state.to_arrow()
    mark = hashlib.blake2b(digest_size=32)
    for name in table.column_names:
        column = table[name].combine_chunks()
        values = column.flatten() if pa.types.is_large_list(column.type) else None
        mark.update(name.encode() + b"\0")
        if values is not None:  # the scores of a sweep: by far the most
            lengths = column.value_lengths().to_pylist()
            mark.update(repr(lengths).encode() + (values.to_numpy(zero_copy_only=False) + 0.0).tobytes())  # no -0.0
        else:
            mark.update(repr(column.to_pylist()).encode())
    return mark.digest()
