"""The bounds on what a specification may unfold to; each has a name, which its message tells."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    max_layers: int = 100_000  # expanded layers of one network, iterations of repeats counted too
    max_depth: int = 64  # braces and blocks within each other
    max_work: int = 200_000  # steps, operations and list items, and MORE_WORK for each layer
    max_elements: int = 2**40  # of one tensor of one image, or of one weight


LARGEST_INTEGER = 2**31 - 1
"""Of a specification, what it computes included. This bound is fixed, and so is the next."""

LONGEST_LIST = 100_000
"""Items of a list, turns of a repeat."""

MORE_WORK = 20
"""So much work each layer allows on top: a text that makes layers may compute for them."""
