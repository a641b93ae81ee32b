"""The lints, each one function with `@lint` before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cnnspec.analysis.lints.scopes import Finding, Survey

Lint = Callable[[Survey], Iterator[Finding]]

LINTS: list[Lint] = []


def lint(function: Lint) -> Lint:
    """A decorator: the function looks for one thing, and `warnings` calls it."""
    LINTS.append(function)
    return function
