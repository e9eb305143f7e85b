"""A map over threads that keeps the order, and keeps few items in memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from lvtools.errors import ArgumentError

_AHEAD = 4  # items per thread that are begun or wait: enough to hide a slow one, few enough to hold

T = TypeVar("T")
R = TypeVar("R")


def map_ordered(work: Callable[[T], R], items: Iterable[T], threads: int | None = None) -> Iterator[R]:
    """`map(work, items)` on threads. Unlike ThreadPoolExecutor.map it draws an item only when one has been handed out.

    An error comes where its answer would have come. When the caller stops early, what has not begun is dropped.

    Raises
    ------
    ArgumentError
        `threads` is below 1.
    """
    if threads is not None and threads < 1:
        raise ArgumentError(f"threads={threads}", hint="1 or more")
    many = threads or os.cpu_count() or 1
    if many == 1:
        return map(work, items)
    return _mapped(work, iter(items), many)


def _mapped(work: Callable[[T], R], items: Iterator[T], threads: int) -> Iterator[R]:
    pool = ThreadPoolExecutor(threads)
    begun: deque[Future[R]] = deque()
    try:
        begun.extend(pool.submit(work, item) for item in islice(items, _AHEAD * threads))
        while begun:
            answer = begun.popleft().result()
            begun.extend(pool.submit(work, item) for item in islice(items, 1))
            yield answer
    finally:
        pool.shutdown(cancel_futures=True)
