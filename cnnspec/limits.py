"""The bounds on what a specification may unfold to; each has a name, which its message tells."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    max_layers: int = 100_000  # expanded layers of one network, iterations of repeats counted too
    max_depth: int = 64  # blocks within blocks
    max_items: int = 100_000  # of a list, of a repeat
    max_elements: int = 2**40  # of one tensor of one image, or of one weight
