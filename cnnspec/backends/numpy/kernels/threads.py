"""Threads of our own: tiles of work for whoever is free, with products of one thread.

A BLAS that splits every product among threads waits, busily, for the slowest of them.
Where another program takes a core for some milliseconds, so long does each product
take. Here a core that is taken away delays the one tile that it works on.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

Task = Callable[[int], Any]
"""A tile of work; given is the number of the worker, which has scratch memory."""

BLAS = (
    ("scipy_openblas_get_num_threads64_", "scipy_openblas_set_num_threads64_"),
    ("scipy_openblas_get_num_threads", "scipy_openblas_set_num_threads"),
    ("openblas_get_num_threads64_", "openblas_set_num_threads64_"),
    ("openblas_get_num_threads", "openblas_set_num_threads"),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads"),
)
"""The functions that tell and set how many threads OpenBLAS and MKL take."""

MOST = 8
"""Workers: more find no tiles in one image."""

CREWS: dict[int, Any] = {}
"""The crew of each process: a child has its parent's memory, but not its threads."""


class Crew:
    """The process's workers. Within `with crew():` products are of one thread.

    There are as many as BLAS had threads outside, so what limits those limits them. If
    nobody can tell BLAS how many to take, there is one worker, and BLAS does as ever.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.get, self.set = blas_threads()
        self.inside = 0  # calls under way
        self.outside = 1  # BLAS's threads when there are none
        self.workers = 1
        self.helpers = 0
        self.calls: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def __enter__(self) -> Any:
        with self.lock:
            if not self.inside:
                self.outside = self.get()
                self.workers = max(1, min(self.outside, MOST))
                if self.outside > 1:
                    self.set(1)
            self.inside += 1
        return self

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.inside -= 1
            if not self.inside and self.outside > 1:
                self.set(self.outside)

    def run(self, tasks: Sequence[Task], workers: int) -> None:
        """All the tasks, by this thread, number 0, and by helpers, less than `workers`.

        Whoever is free takes the next one. Returns, or raises what one of them raised,
        when none is under way any more.
        """
        workers = min(workers, self.workers, len(tasks))
        if workers < 2:
            for task in tasks:
                task(0)
            return
        self.hire(workers - 1)
        job = Job(tasks)
        for number in range(1, workers):
            self.calls.put(job.helper(number))
        job.lead()

    def hire(self, count: int) -> None:
        """See to it that there are so many helpers, if the system has threads left."""
        if self.helpers >= count:
            return
        with self.lock, suppress(RuntimeError):
            while self.helpers < count:
                threading.Thread(target=help_out, args=[self], daemon=True).start()
                self.helpers += 1


def help_out(crew: Crew) -> None:
    """A helper's life. OpenMP's number of threads is set for each thread: here, too."""
    if crew.outside > 1:
        crew.set(1)
    while True:
        crew.calls.get()()


class Job:
    """Tasks that are being done: those left, and how many each has done."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.left = deque(tasks)
        self.open = len(tasks)
        self.done: SimpleQueue[int] = SimpleQueue()
        self.raised: list[BaseException] = []
        self.errors = np.geterr()  # they count for a thread

    def work(self, number: int) -> None:
        """Take tasks while there are any, and report how many were taken."""
        count = 0
        try:
            while self.left:
                try:
                    task = self.left.popleft()
                except IndexError:  # somebody was faster
                    break
                count += 1
                task(number)
        except BaseException as error:
            self.raised.append(error)
            with suppress(IndexError):
                while True:  # nobody begins another one
                    self.left.popleft()
                    count += 1
            raise
        finally:
            self.done.put(count)

    def helper(self, number: int) -> Callable[[], None]:
        """What a helper is to do. If it comes too late nobody waits for it."""

        def call() -> None:
            if self.left:
                with suppress(BaseException), np.errstate(**self.errors):
                    self.work(number)

        return call

    def lead(self) -> None:
        """Work, wait for tasks that others have begun, and raise what they raised."""
        with suppress(BaseException):
            self.work(0)
        while self.open:
            self.open -= self.done.get()
        if self.raised:
            raise self.raised[0]


def crew() -> Crew:
    """The one of this process."""
    found: Crew | None = CREWS.get(os.getpid())
    if found is None:
        for parent in [*CREWS.values()]:
            if parent.inside and parent.outside > 1:  # the fork came during a call
                parent.set(parent.outside)
        found = CREWS.setdefault(os.getpid(), Crew())
    return found


def blas_threads() -> tuple[Callable[[], int], Callable[[int], Any]]:
    """Get and set the threads of NumPy's BLAS; or a 1, and nothing."""
    for library in libraries():
        for get, set_ in BLAS:
            with suppress(AttributeError):
                return getattr(library, get), getattr(library, set_)
    return (lambda: 1), (lambda _: None)


def libraries() -> Iterator[Any]:
    """Libraries in which to look for BLAS's functions.

    A part of NumPy finds those of the libraries that it is linked to, but on Windows.
    """
    with suppress(ImportError, OSError):
        ctypes = import_module("ctypes")
        yield ctypes.CDLL(import_module("numpy.linalg._umath_linalg").__file__)
        for path in Path(np.__file__).parents[1].glob("numpy.libs/*.dll"):
            yield ctypes.CDLL(str(path))


def share(tasks: Sequence[Task]) -> None:
    """All the tasks, by as many workers as there are."""
    with crew() as workers:
        workers.run(tasks, workers.workers)
