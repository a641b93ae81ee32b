"""Measuring: interleaved runs, medians, and what a process took."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple


class Taken(NamedTuple):
    """Seconds of several runs."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def ninetieth(self) -> float:
        """The 90th percentile: nine of ten runs took no longer."""
        return sorted(self.seconds)[-(-9 * len(self.seconds) // 10) - 1]

    @property
    def least(self) -> float:
        return min(self.seconds)


def interleaved(what: Sequence[Callable[[], object]], times: int, stretch: float = 0.0) -> list[Taken]:
    """Run all in turn, so many times: what disturbs one disturbs the others, too.

    In its turn each is called until a stretch of seconds has passed, at least once: of a call that takes
    microseconds, alone between others, it is their traces in the caches that are measured.
    """
    taken: list[list[float]] = [[] for _ in what]
    for _ in range(times):
        for call, seconds in zip(what, taken, strict=True):
            end = time.perf_counter() + stretch
            while True:
                began = time.perf_counter()
                call()
                now = time.perf_counter()
                seconds.append(now - began)
                if now >= end:
                    break
    return [Taken(tuple(seconds)) for seconds in taken]


def interleaved_for(what: Sequence[Callable[[], object]], seconds: float) -> list[Taken]:
    """Run all in turn for so many seconds, or five times; the first two turns are not counted."""
    interleaved(what, 1)
    began = time.perf_counter()
    interleaved(what, 1)
    turn = time.perf_counter() - began
    return interleaved(what, max(5, min(1000, int(seconds / turn))))


@contextmanager
def busy_neighbours() -> Iterator[None]:
    """Beside as many busy processes of low priority as there are cores."""
    command = [sys.executable, "-c", "import os\nos.nice(19)\nwhile True: pass"]
    neighbours = [subprocess.Popen(command) for _ in range(os.cpu_count() or 1)]
    try:
        time.sleep(0.5)  # until they are at work
        yield
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()


def ratio(ours: Taken, peer: Taken) -> str:
    """Of the medians, and of the fastest runs."""
    return f"{ours.median / peer.median:.2f} (of the least: {ours.least / peer.least:.2f})"


def process(command: Sequence[str], **env: str) -> Callable[[], object]:
    """A call of a program, its output thrown away; it has to succeed."""
    surroundings = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | env

    def run() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=surroundings)

    return run


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


class Row(NamedTuple):
    """A line of a table: what was measured, what has to be reached, what was."""

    what: str
    must: str
    found: str


def table(title: str, rows: Sequence[Row]) -> str:
    lines = [f"## {title}", "", f"Measured on {machine()}.", "", "| what | must | found |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {row.what} | {row.must} | {row.found} |" for row in rows), ""])
