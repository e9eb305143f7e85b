"""Shards in processes of this machine, for which nothing needs to be installed.

Neither pool of the standard library will do: multiprocessing.Pool waits for ever for a task whose worker died, and
concurrent.futures gives up all tasks when one worker dies. Here each worker has a pipe and one shard at a time, so it
is known which shard a dead worker had, and that one alone is given to a new worker.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing import connection, get_context, parent_process
from typing import Any

import pyarrow as pa

from lvtools.errors import LvtoolsError, ShardError
from lvtools.scale.shards import Shard

# Spawned, not forked: a fork copies locks that Arrow's and NumPy's threads may hold, and then waits for them for ever.
_CONTEXT = get_context("spawn")
_GRACE_SECONDS = 5.0
_HINTS: dict[int | None, str] = {
    1: "workers import the script that starts them: it needs `if __name__ == '__main__':`",
    -9: "that is mostly a lack of memory: smaller shards, or fewer workers",
}


def run_in_processes(
    shards: Iterator[Shard], task: Callable[[Shard], pa.RecordBatch], workers: int | None, retries: int
) -> Iterator[pa.RecordBatch]:
    """Yield the answers in any order. However this ends, no process is left behind.

    Raises
    ------
    ShardError
        A worker died more than `retries` times over one shard, or the task raised what is no LvtoolsError.
    """
    pool: list[_Worker] = []
    waiting: deque[tuple[Shard, int]] = deque()  # shards whose worker died, and how often

    def next_shard() -> tuple[Shard, int] | None:
        if waiting:
            return waiting.popleft()
        shard = next(shards, None)
        return None if shard is None else (shard, 0)

    try:
        while len(pool) < (workers or os.cpu_count() or 1) and (found := next_shard()) is not None:
            pool.append(_Worker(task))
            pool[-1].give(*found)
        while pool:
            ready = connection.wait([worker.pipe for worker in pool])
            for worker in [one for one in pool if one.pipe in ready]:
                answer = worker.take()
                if isinstance(answer, Exception):
                    raise answer
                if answer is None:  # it died
                    shard, died = worker.shard, worker.deaths + 1
                    worker.stop()
                    pool.remove(worker)
                    if died > retries:
                        raise ShardError(
                            f"shard {shard.name!r}: its worker died {died} times (exit code {worker.process.exitcode})",
                            hint=_HINTS.get(worker.process.exitcode),
                        )
                    waiting.append((shard, died))
                    pool.append(worker := _Worker(task))
                if (found := next_shard()) is not None:
                    worker.give(*found)
                else:
                    worker.stop()
                    pool.remove(worker)
                if isinstance(answer, pa.RecordBatch):
                    yield answer
    finally:
        for worker in pool:
            worker.process.terminate()
        for worker in pool:
            worker.stop()


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Children inherit what is blocked: Ctrl-C while they start would print a traceback for each."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Worker:
    """A process, our end of its pipe, and the shard it is at."""

    def __init__(self, task: Callable[[Shard], pa.RecordBatch]) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_work, args=(theirs, task), daemon=True)
        with _interrupts_blocked():
            self.process.start()
        theirs.close()  # or its end would never be seen
        self.shard = Shard("", None)
        self.deaths = 0

    def give(self, shard: Shard, deaths: int) -> None:
        self.shard, self.deaths = shard, deaths
        with contextlib.suppress(OSError):  # it died before: `take` will see that
            self.pipe.send(shard.packed())

    def take(self) -> pa.RecordBatch | Exception | None:
        """The answer; an error to be raised; or None when the process died."""
        try:
            answer = self.pipe.recv()
        except (EOFError, OSError):
            return None
        return answer if isinstance(answer, (pa.RecordBatch, Exception)) else ShardError(str(answer))

    def stop(self) -> None:
        """Close the pipe, which ends a worker that waits; see the process gone."""
        self.pipe.close()
        self.process.join(_GRACE_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _end_with_parent() -> None:
    """A parent that was killed closes no pipe while a task runs that never looks."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _work(pipe: Any, task: Callable[[Shard], pa.RecordBatch]) -> None:
    """The worker: shards in, answers out, until the other end closes the pipe or is gone."""
    # Ctrl-C reaches the whole group; the parent alone answers it, and ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        while True:
            shard: Shard = pipe.recv()
            try:
                answer: Any = task(shard)
            except LvtoolsError as error:
                answer = error
            except Exception as error:
                # Errors of others may not survive the way; their words do.
                answer = f"shard {shard.name!r}: {type(error).__name__}: {error}"
            pipe.send(answer)
