"""How one size follows from another, as a formula."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class SizeRule(NamedTuple):
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


def rule(sizes: Mapping[int, int], step: int, gain: int) -> SizeRule | None:
    """The simplest rule by which each size n gives its o, of those by which n + step gives o + gain.

    None where there is none of this form.
    """
    if not sizes or gain < 0:
        return None
    n, o = next(iter(sizes.items()))
    if gain == 0:
        found: SizeRule | None = SizeRule(0, more=o)
    elif gain % step == 0:
        found = SizeRule(gain // step, more=o - gain // step * n)
    else:
        found = None
    if found and _holds(found, sizes):
        return found
    for shorter in (d for d in range(2, step + 1) if step % d == 0 and gain and gain * d % step == 0):
        found = _rule_of_step(gain * shorter // step, shorter, o, sizes)
        if found:
            return found
    return None


def _rule_of_step(factor: int, step: int, o: int, sizes: Mapping[int, int]) -> SizeRule | None:
    """The rule of this step, if some shift fits all quotients: q*step <= n + shift < (q + 1)*step."""
    more = o % factor
    if any(value % factor != more for value in sizes.values()):
        return None
    low = max((value - more) // factor * step - n for n, value in sizes.items())
    high = min((value - more) // factor * step + step - 1 - n for n, value in sizes.items())
    if low > high:
        return None
    shift = next((s for s in (0, step - 1) if low <= s <= high), low if low > 0 else high)
    return SizeRule(factor, shift, step, more)


def _holds(rule: SizeRule, sizes: Mapping[int, int]) -> bool:
    return all(rule(n) == o for n, o in sizes.items())


def _plus(text: str, more: int) -> str:
    return f"{text} {'+' if more > 0 else '-'} {abs(more)}" if more else text
