"""Where is room: what was put down, and how far down or up it reaches."""

from __future__ import annotations


class Skyline:
    """Rectangles seen from below (`sign` 1) or from above (`sign` -1)."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.taken: list[tuple[float, float, float]] = []  # left, right, how far

    def add(self, left: float, right: float, reach: float) -> None:
        """Take the place from `left` to `right`, as far as `reach`."""
        self.taken.append((left, right, self.sign * reach))

    def free(self, left: float, right: float) -> float:
        """The nearest y at which everything between left and right is passed."""
        reaches = [reach for a, b, reach in self.taken if a < right and b > left]
        return self.sign * max(reaches, default=0.0)

    @property
    def end(self) -> float:
        """The y that nothing reaches past."""
        return self.sign * max((reach for _, _, reach in self.taken), default=0.0)
