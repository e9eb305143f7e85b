"""What a shard is: a name and its rows, as Arrow or as a file that the worker reads itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import pyarrow as pa

from lvtools.errors import ArgumentError, ShardError
from lvtools.objects import open_source
from lvtools.scale.batches import Options, evaluate_batches
from lvtools.scale.states import state_batch


class Shard(NamedTuple):
    """A name, and the rows: a RecordBatch, a Table, an IPC stream's bytes, or the name of a Parquet or Arrow file."""

    name: str
    rows: Any

    def packed(self) -> Shard:
        """The same with its rows as bytes, for the way to a worker: pickle would send all of a sliced table."""
        if not isinstance(self.rows, (pa.RecordBatch, pa.Table)):
            return self
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.rows.schema) as writer:
            writer.write(self.rows)
        return Shard(self.name, bytes(sink.getvalue()))


def split_shards(table: pa.Table, shards: int) -> Iterator[Shard]:
    """Cut a table into so many shards of nearly equal length, in its order; views, no copies.

    Raises
    ------
    ArgumentError
        `shards` is below 1.
    """
    if shards < 1:
        raise ArgumentError(f"{shards} shards: at least 1")
    edges = [table.num_rows * at // shards for at in range(shards + 1)]
    for at, (start, end) in enumerate(pairwise(edges)):
        yield Shard(str(at), table.slice(start, end - start))


def as_shards(shards: Iterable[Any]) -> Iterator[Shard]:
    """Shards of what callers may give: Shard itself, files by their name, tables and batches by their number."""
    for at, one in enumerate(shards):
        if isinstance(one, Shard):
            yield one
        elif isinstance(one, (str, os.PathLike)):
            yield Shard(os.fspath(one), os.fspath(one))
        elif isinstance(one, (pa.Table, pa.RecordBatch)):
            yield Shard(str(at), one)
        else:
            raise ArgumentError(
                f"a {type(one).__name__} is no shard", hint="give Shard, pyarrow.RecordBatch, Table, or a file's path"
            )


def run_shard(shard: Shard, options: Options | None = None) -> pa.RecordBatch:
    """Evaluate one shard: what a task of an engine does.

    Returns
    -------
    pyarrow.RecordBatch
        `STATE_SCHEMA`. A shard without rows answers too, by a mark; no answer means a lost shard.

    Raises
    ------
    ShardError, ArgumentError
        As `evaluate_batches`; also when the rows carry names of other shards.
    ObjectError
        The file cannot be read.
    """
    found = list(evaluate_batches(_named(shard), options))
    if len(found) > 1 or any(batch.column("shard")[0].as_py() != shard.name for batch in found):
        names = [batch.column("shard")[0].as_py() for batch in found]
        raise ShardError(f"shard {shard.name!r} holds rows of {', '.join(map(repr, names[:5]))}")
    return found[0] if found else state_batch(shard.name, 0, 0, {})


def _named(shard: Shard) -> Iterator[pa.RecordBatch]:
    """The batches of a shard, with the column that names it."""
    for batch in _batches(shard):
        if "shard" in batch.schema.names:
            yield batch
        else:
            name = pa.array([shard.name], pa.string()).take(pa.array([0] * len(batch), pa.int8()))
            yield batch.append_column("shard", name)


def _batches(shard: Shard) -> Iterator[pa.RecordBatch]:
    rows = shard.rows
    if isinstance(rows, pa.RecordBatch):
        yield rows
    elif isinstance(rows, pa.Table):
        yield from rows.to_batches()
    elif isinstance(rows, bytes):
        yield from pa.ipc.open_stream(rows)
    else:
        yield from _file_batches(rows)


def _file_batches(path: str) -> Iterator[pa.RecordBatch]:
    with open_source(path) as stream:
        data = pa.py_buffer(stream.read())
    try:
        if bytes(data[:4]) == b"PAR1":
            from pyarrow import parquet

            yield from parquet.ParquetFile(pa.BufferReader(data)).iter_batches()
        elif bytes(data[:6]) == b"ARROW1":
            reader = pa.ipc.open_file(data)
            yield from (reader.get_batch(at) for at in range(reader.num_record_batches))
        else:
            yield from pa.ipc.open_stream(data)
    except (pa.ArrowException, OSError) as error:
        raise ShardError(f"cannot be read as Parquet or Arrow IPC: {error}", path=path) from None
