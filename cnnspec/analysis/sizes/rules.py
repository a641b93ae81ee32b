"""How one size follows from another, as a formula that holds for all pairs it was made from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple


class Rule(NamedTuple):
    """o = factor*((n + shift)//step) + more."""

    factor: int
    shift: int = 0
    step: int = 1
    more: int = 0

    def __call__(self, n: int) -> int:
        return self.factor * ((n + self.shift) // self.step) + self.more

    def text(self, name: str) -> str:
        """With `name` for n: `ceil(n/32)`, `(n - 8)//4`, `2*n - 4`."""
        if not self.factor:
            return str(self.more)
        if self.step == 1:
            more = self.factor * self.shift + self.more
            return _plus(name if self.factor == 1 else f"{self.factor}*{name}", more)
        if self.shift == self.step - 1:
            quotient = f"ceil({name}/{self.step})"
        else:
            inner = _plus(name, self.shift)
            quotient = f"{inner if inner == name else f'({inner})'}//{self.step}"
            quotient = quotient if self.factor == 1 else f"({quotient})"
        return _plus(quotient if self.factor == 1 else f"{self.factor}*{quotient}", self.more)


def rule(sizes: Mapping[int, int]) -> Rule | None:
    """The simplest rule by which each size n gives its o; None where there is none of this form."""
    ends = list(sizes.items())
    if not ends:
        return None
    if len(set(sizes.values())) == 1:
        return Rule(0, more=ends[0][1])
    (n, o), (last, grown) = ends[0], ends[-1]
    slope, left = divmod(grown - o, last - n)
    if left == 0 and slope > 0:
        straight = Rule(slope, more=o - slope * n)
        if _holds(straight, sizes):
            return straight
    factor = math.gcd(*(value - o for value in sizes.values()))
    quotients = {size: (value - o % factor) // factor for size, value in sizes.items()}
    turns = quotients[last] - quotients[n]
    if turns < 2:
        return None
    for step in range((last - n) // (turns + 1), (last - n) // (turns - 1) + 1):
        found = step > 0 and _stepped(factor, step, o % factor, quotients)
        if found:
            return found
    return None


def _stepped(factor: int, step: int, more: int, quotients: Mapping[int, int]) -> Rule | None:
    """The rule of this step, if some shift fits all quotients: q*step <= n + shift < (q + 1)*step."""
    low = max(q * step - n for n, q in quotients.items())
    high = min(q * step + step - 1 - n for n, q in quotients.items())
    if low > high:
        return None
    shift = next((s for s in (0, step - 1) if low <= s <= high), low if low > 0 else high)
    return Rule(factor, shift, step, more)


def _holds(rule: Rule, sizes: Mapping[int, int]) -> bool:
    return all(rule(n) == o for n, o in sizes.items())


def _plus(text: str, more: int) -> str:
    return f"{text} {'+' if more > 0 else '-'} {abs(more)}" if more else text
