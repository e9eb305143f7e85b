"""Shards on engines: a plain loop, processes of this machine, Dask, Ray. Spark calls `evaluate_batches` itself.

Every engine is a function of shards, a task and how often a task may be tried again, that yields answers in any order.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeAlias

import pyarrow as pa

from lvtools.errors import ArgumentError, MissingDependencyError, ShardError
from lvtools.scale.batches import Options
from lvtools.scale.processes import run_in_processes
from lvtools.scale.shards import Shard, as_shards, run_shard

Task: TypeAlias = Callable[[Shard], pa.RecordBatch]
_SHARDS_PER_WORKER = 4  # of shards in flight: enough that no worker waits, few enough that memory stays flat


def map_shards(
    shards: Iterable[Any],
    options: Options | None = None,
    *,
    engine: Any = "loop",
    workers: int | None = None,
    retries: int = 2,
    progress: Callable[[int], None] | None = None,
    task: Task | None = None,
) -> Iterator[pa.RecordBatch]:
    """Evaluate shards on an engine, lazily and with few of them in flight; `merge_states` takes what comes.

    Parameters
    ----------
    shards : iterable of Shard, pyarrow.RecordBatch, pyarrow.Table, or path or URI of a Parquet or Arrow IPC file
        Files are read by the workers; their name is the shard's, else a number in the order given is.
    options : Options, optional
    engine : {'loop', 'processes', 'dask', 'ray'} or a dask.distributed Client
        'dask' takes the current client, or starts a local cluster for the time of the call; 'ray' takes the running
        instance, or starts one.
    workers : int, optional
        Processes to start; by default as many as processors. A cluster that runs already keeps its own.
    retries : int
        How often a shard may be tried again whose worker died. An error that the task raises is never tried again: the
        same rows would raise it again.
    progress : callable, optional
        Called with the number of shards done after each one, in this thread.
    task : callable, optional
        Shard to `STATE_SCHEMA` batch, by default `run_shard` with `options`; workers must be able to import it.

    Yields
    ------
    pyarrow.RecordBatch
        One per shard, in the order in which they are done.

    Raises
    ------
    ShardError
        A shard cannot be evaluated, or its workers died more than `retries` times; the sentence names it.
    ArgumentError
        There is no such engine, a name stands for two shards.
    MissingDependencyError
        The engine is not installed.
    """
    if retries < 0 or (workers is not None and workers < 1):
        raise ArgumentError(f"workers={workers}, retries={retries}", hint="workers from 1, retries from 0")
    run = ENGINES.get(engine) if isinstance(engine, str) else functools.partial(_run_on_client, client=engine)
    if run is None:
        raise ArgumentError(f"engine is {engine!r}", hint=f"one of {', '.join(ENGINES)}, or a dask Client")
    chosen = task or functools.partial(run_shard, options=options)
    for done, batch in enumerate(run(_distinct(as_shards(shards)), chosen, workers, retries), 1):
        yield batch
        if progress is not None:
            progress(done)


def _distinct(shards: Iterator[Shard]) -> Iterator[Shard]:
    seen = set()
    for shard in shards:
        if shard.name in seen:
            raise ArgumentError(f"two shards are named {shard.name!r}", hint="the second would be taken for the first")
        seen.add(shard.name)
        yield shard


def _run_in_loop(shards: Iterator[Shard], task: Task, workers: int | None, retries: int) -> Iterator[pa.RecordBatch]:
    return map(task, shards)


def _run_on_dask(shards: Iterator[Shard], task: Task, workers: int | None, retries: int) -> Iterator[pa.RecordBatch]:
    try:
        from distributed import Client, LocalCluster, get_client
    except ImportError:
        raise _missing("dask") from None
    try:
        client = get_client()
    except ValueError:
        cluster = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0")
        with cluster, Client(cluster) as client:
            yield from _run_on_client(shards, task, workers, retries, client=client)
        return
    yield from _run_on_client(shards, task, workers, retries, client=client)


def _run_on_client(
    shards: Iterator[Shard], task: Task, workers: int | None, retries: int, *, client: Any
) -> Iterator[pa.RecordBatch]:
    """Dask runs the tasks of a dead worker again by itself, `distributed.scheduler.allowed-failures` times."""
    try:
        from distributed import as_completed
    except ImportError:
        raise _missing("dask") from None
    if not hasattr(client, "submit"):
        raise ArgumentError(f"a {type(client).__name__} is no engine", hint=f"one of {', '.join(ENGINES)}, or a Client")
    most = _SHARDS_PER_WORKER * max(1, sum(client.ncores().values()))

    def submit(shard: Shard) -> Any:
        # pure=False: a key of its own each time, or Dask would hash all rows to find one.
        future = client.submit(task, shard.packed(), pure=False)
        names[future.key] = shard.name
        return future

    names: dict[str, str] = {}
    running = as_completed([submit(shard) for shard in islice(shards, most)])
    try:
        for future in running:
            if future.status == "error" or future.status == "lost":
                raise _as_shard_error(names[future.key], future.exception())
            answer = future.result()
            del names[future.key]
            for shard in islice(shards, 1):
                running.add(submit(shard))
            yield answer
    finally:
        client.cancel(list(running.futures))  # after an error or Ctrl-C: do not work off the queue


def _run_on_ray(shards: Iterator[Shard], task: Task, workers: int | None, retries: int) -> Iterator[pa.RecordBatch]:
    try:
        import ray
    except ImportError:
        raise _missing("ray") from None
    started = not ray.is_initialized()
    if started:
        ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
    try:
        remote = ray.remote(task_of).options(max_retries=retries)
        shared = ray.put(task)
        most = _SHARDS_PER_WORKER * max(1, int(ray.cluster_resources().get("CPU", 1)))
        running = {remote.remote(shared, shard.packed()): shard.name for shard in islice(shards, most)}
        while running:
            ready, _ = ray.wait(list(running), num_returns=1)
            name = running.pop(ready[0])
            try:
                answer = ray.get(ready[0])
            except ray.exceptions.RayError as error:
                raise _as_shard_error(name, getattr(error, "cause", None) or error) from None
            running.update((remote.remote(shared, shard.packed()), shard.name) for shard in islice(shards, 1))
            yield answer
    finally:
        if started:
            ray.shutdown()


def task_of(task: Task, shard: Shard) -> pa.RecordBatch:
    """Ray takes functions, not partials."""
    return task(shard)


def _as_shard_error(name: str, error: BaseException) -> ShardError:
    """One error whatever the engine; what the task said comes first."""
    if isinstance(error, ShardError):
        return error
    said = str(error).strip().splitlines()
    return ShardError(f"shard {name!r}: {type(error).__name__}: {said[0] if said else ''}".rstrip(": "))


def _missing(engine: str) -> MissingDependencyError:
    return MissingDependencyError(f"{engine} is not installed", hint=f"pip install 'lvtools[{engine}]'")


ENGINES: dict[str, Callable[[Iterator[Shard], Task, int | None, int], Iterator[pa.RecordBatch]]] = {
    "loop": _run_in_loop,
    "processes": run_in_processes,
    "dask": _run_on_dask,
    "ray": _run_on_ray,
}
