"""Threads that share one search: tasks side by side, the next block loaded meanwhile, and BLAS kept to one each."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

from layerscape.errors import InvalidType, InvalidValue

Item = TypeVar("Item")
Made = TypeVar("Made")


class WhileAny:
    """A setting of the process: of those who want it side by side the first makes it, and the last gives back what was.

    Parameters
    ----------
    make
        Makes the setting, with what gives back each part of it called back by the stack.
    """

    def __init__(self, make: Callable[[ExitStack], None]):
        self._make, self._lock, self._wanted, self._before = make, threading.Lock(), 0, ExitStack()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._wanted == 0:
                with ExitStack() as before:  # which gives back at once what was made if the rest cannot be
                    self._make(before)
                    self._before = before.pop_all()
            self._wanted += 1
        try:
            yield
        finally:
            with self._lock:
                self._wanted -= 1
                if self._wanted == 0:
                    self._before.close()


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


@WhileAny
def _one_blas_thread_each(before: ExitStack) -> None:
    """Each worker multiplies matrices of its own, so BLAS must not start threads beside them."""
    before.callback(_libraries().limit(limits=1, user_api="blas").restore_original_limits)


class Workers:
    """A pool of threads; of one alone nothing is gained over whoever asks, who then does it."""

    def __init__(self, pool: ThreadPoolExecutor, threads: int):
        self._pool, self.n_threads = pool, threads
        self._scratch = threading.local()

    def each(self, task: Callable[[Item], Any], items: Iterable[Item]) -> Iterator[Item]:
        """Do the task for every item, and yield each item when it is done. An error in a task is raised here."""
        left = iter(items)
        if self.n_threads == 1:
            for item in left:
                task(item)
                yield item
            return
        running: dict[Future[Any], Item] = {}
        # A short queue keeps the memory of millions of tasks small, and lets an interruption end soon.
        for item in islice(left, 2 * self.n_threads):
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


def ahead(
    make: Callable[[Item], Made], items: Sequence[Item], *, depth: int = 1, threads: int = 1
) -> Generator[tuple[Item, Made]]:
    """Every item with what is made of it, made in threads while the one before is in use, at most ``depth`` ahead."""
    if len(items) < 2:
        yield from ((item, make(item)) for item in items)
        return
    loader = ThreadPoolExecutor(threads, thread_name_prefix="layerscape-load")
    try:
        following = deque(loader.submit(make, item) for item in items[:depth])
        for number, item in enumerate(items):
            made = following.popleft().result()
            if number + depth < len(items):
                following.append(loader.submit(make, items[number + depth]))
            yield item, made
    finally:
        loader.shutdown(wait=True, cancel_futures=True)


class Behind:
    """Does one thing after the other in a thread, behind whoever asks; an error is raised at the next, or at the end.

    No more than one is waiting, so that what it holds does not pile up.
    """

    def __enter__(self) -> Behind:
        self._pool, self._last = ThreadPoolExecutor(1, thread_name_prefix="layerscape-write"), None
        return self

    def __call__(self, task: Callable[..., Any], *given: Any) -> None:
        if self._last is not None:
            self._last.result()
        self._last = self._pool.submit(task, *given)

    def __exit__(self, kind: object, *_: object) -> None:
        self._pool.shutdown(wait=True)
        if self._last is not None and kind is None:
            self._last.result()


class Room:
    """Lets threads in as long as what all of them hold is expected to take no more than so many bytes.

    Of each as much is expected as the largest has taken that was seen; one is let in whatever it takes.
    """

    def __init__(self, n_bytes: int) -> None:
        self._bytes, self._largest, self._inside = n_bytes, 0, 0
        self._changed = threading.Condition()

    def __enter__(self) -> Room:
        with self._changed:
            while self._inside and (self._inside + 1) * (self._largest or self._bytes) > self._bytes:
                self._changed.wait()
            self._inside += 1
        return self

    def was(self, n_bytes: int) -> None:
        """What one of them takes."""
        with self._changed:
            self._largest = max(self._largest, n_bytes)
            self._changed.notify_all()

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()
