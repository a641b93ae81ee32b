"""The bounds that keep every input's cost small; each has a name, which its message tells."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    """Bounds on what a specification may unfold to."""

    layers: int = 100_000  # expanded layers of one network, iterations of repeats counted too
    integer: int = 2**31 - 1
    elements: int = 2**40  # of one tensor of one image, or of one weight


DEFAULT = Limits()
