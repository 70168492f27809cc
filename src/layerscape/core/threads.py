"""Threads that share one search: tasks side by side, the next block loaded meanwhile, and BLAS kept to one each."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

from layerscape.errors import InvalidType, InvalidValue

Item = TypeVar("Item")
Made = TypeVar("Made")

_setting = threading.Lock()
_searches = 0  # that run now
_before: Any = None  # what BLAS was set to


def thread_count(wanted: int | None) -> int:
    """How many threads to run: as wanted, else OMP_NUM_THREADS, and never more than this process may use."""
    if wanted is not None:
        if isinstance(wanted, bool) or not isinstance(wanted, (int, np.integer)):
            raise InvalidType(f"threads={wanted!r} is no whole number; give how many may run at a time.")
        if wanted < 1:
            raise InvalidValue(f"threads={wanted}; at least 1 must run.")
    allowed = _allowed()
    named = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return min(allowed, wanted or (int(named) if named.isdigit() and int(named) else allowed))


def _allowed() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def workers(threads: int) -> Iterator[Workers]:
    """Threads for the time of one search; when it is left, however that is, none of them runs any more."""
    with _one_blas_thread_each():
        pool = ThreadPoolExecutor(threads, thread_name_prefix="layerscape")
        try:
            yield Workers(pool, threads)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _one_blas_thread_each() -> Iterator[None]:
    """Each worker multiplies matrices of its own, so BLAS must not start threads beside them.

    The setting is the process's: of searches that run side by side the first sets it and the last gives it back.
    """
    global _searches, _before
    with _setting:
        if _searches == 0:
            _before = _libraries().limit(limits=1, user_api="blas")
        _searches += 1
    try:
        yield
    finally:
        with _setting:
            _searches -= 1
            if _searches == 0:
                _before.restore_original_limits()


class Workers:
    """A pool of threads."""

    def __init__(self, pool: ThreadPoolExecutor, threads: int):
        self._pool, self._threads = pool, threads
        self._scratch = threading.local()

    def each(self, task: Callable[[Item], Any], items: Iterable[Item]) -> Iterator[Item]:
        """Do the task for every item, and yield each item when it is done. An error in a task is raised here."""
        left = iter(items)
        running: dict[Future[Any], Item] = {}
        # A short queue keeps the memory of millions of tasks small, and lets an interruption end soon.
        for item in islice(left, 2 * self._threads):
            running[self._pool.submit(task, item)] = item
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                item = running.pop(future)
                future.result()
                for following in islice(left, 1):
                    running[self._pool.submit(task, following)] = following
                yield item

    def product(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The product a · bᵀ in float32, in memory that this thread uses again for its next product."""
        size = len(a) * len(b)
        if getattr(self._scratch, "products", np.empty(0)).size < size:
            self._scratch.products = np.empty(size, np.float32)
        return np.matmul(a, b.T, out=self._scratch.products[:size].reshape(len(a), len(b)))

    def all(self, task: Callable[[Item], Any], items: Iterable[Item]) -> None:
        """Do the task for every item."""
        for _ in self.each(task, items):
            pass


def ahead(make: Callable[[Item], Made], items: Sequence[Item]) -> Generator[tuple[Item, Made]]:
    """Every item with what is made of it, made in a thread while the one before is in use."""
    with ThreadPoolExecutor(1, thread_name_prefix="layerscape-load") as loader:
        following = loader.submit(make, items[0]) if items else None
        for number, item in enumerate(items):
            assert following is not None
            made = following.result()
            following = loader.submit(make, items[number + 1]) if number + 1 < len(items) else None
            yield item, made
