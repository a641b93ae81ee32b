"""A bar on standard error, for what takes longer than a second."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import click

PATIENCE = 1.0  # seconds


class Progress:
    """`with Progress(total, "images") as progress: … progress.step()`.

    The bar comes once a second has passed, and only where standard error is a terminal.
    """

    def __init__(self, total: int, label: str) -> None:
        self.total, self.label, self.done = total, label, 0
        self.began = time.monotonic()
        self.bar: Any = None
        self.stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stack.close()

    def step(self, count: int = 1) -> None:
        """So many more are done."""
        self.done += count
        if self.bar is not None:
            self.bar.update(count)
        elif sys.stderr.isatty() and time.monotonic() - self.began > PATIENCE:
            bar = click.progressbar(length=self.total, label=self.label, file=sys.stderr)
            self.bar = self.stack.enter_context(bar)
            self.bar.update(self.done)
