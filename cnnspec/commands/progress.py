"""A bar on standard error, for what takes longer than a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import click

PATIENCE = 1.0  # seconds


@contextmanager
def progress(total: int, label: str) -> Iterator[Callable[..., None]]:
    """`with progress(total, "images") as step: … step()`; of several at once `step(3)`.

    The bar comes once a second has passed, and only where standard error is a terminal.
    """
    began, done = time.monotonic(), 0
    bar: Any = None
    with ExitStack() as stack:

        def step(count: int = 1) -> None:
            nonlocal done, bar
            done += count
            if bar is not None:
                bar.update(count)
            elif sys.stderr.isatty() and time.monotonic() - began > PATIENCE:
                bar = stack.enter_context(click.progressbar(length=total, label=label, file=sys.stderr))
                bar.update(done)

        yield step
