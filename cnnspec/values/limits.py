"""The bounds on what a specification may unfold to; each has a name, which its message gives."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Limits(NamedTuple):
    """What a specification may take by default.

    `max_layers` is what keeps a check of a short text within a second of start-up and work: a layer, or a
    turn of a repeat, takes some 35 µs, lints included, so 20,000 of them take some 0.7 s. The largest
    published networks have some 1,200 layers.
    """

    max_layers: int = 20_000  # expanded layers of the nets of a file, iterations of repeats counted too
    max_depth: int = 64  # braces and blocks within each other
    max_work: int = 200_000  # steps, operations and list items, and MORE_WORK for each layer
    max_elements: int = 2**40  # of one tensor of one image, or of one weight


class TextLimits(NamedTuple):
    """How much a text may hold; messages call each bound by its name."""

    max_source: int = 1 << 20  # bytes
    max_statements: int = 60_000
    max_nesting: int = 64  # of brackets
    max_name: int = 255  # bytes
    max_integer: int = 2**31 - 1
    max_expression: int = 200  # operators, and else-ifs, within each other


DEFAULT_TEXT_LIMITS = TextLimits()

LARGEST_INTEGER = 2**31 - 1
"""The largest integer of a specification, computed ones included. This bound is fixed, and so is the next."""

LONGEST_LIST = 100_000
"""Items of a list, turns of a repeat."""

MORE_WORK = 20
"""So much work each layer allows on top: a text that makes layers may compute for them."""

HIGHEST = {"max_depth": 200, "max_nesting": 200, "max_expression": 500}
"""What a bound on depth may be raised to: at all three at once the stack still holds."""

FRAMES = 10_000
"""So deep may calls go: a block within a block takes some 10 of them, an operator within an operator 2."""


@contextmanager
def allow_deep_calls() -> Iterator[None]:
    """Let calls go as deep as the bounds allow a text to go; Python's own limit is 1,000."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


PYTHON_FREEZES = 1000
"""Objects, or fewer, that Python freezes itself as it starts: 3.12 has 375; a program freezes thousands."""


@contextmanager
def pause_collector() -> Iterator[None]:
    """Pause the garbage collector while many objects are made, and next to none of them is garbage.

    What was made counts as long-lived then. Else all of it would lie in the youngest generation, and the next
    collections would walk through it, once for each generation: for a net of 50,000 layers, 13 µs a layer
    beside the 24 that its check takes.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() < PYTHON_FREEZES:  # what the program itself has frozen stays so
            gc.freeze()
            gc.unfreeze()  # into the oldest generation; neither call looks at an object
        gc.enable()
