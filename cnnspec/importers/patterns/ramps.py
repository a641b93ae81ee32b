"""Ramps: drop rates that rise from step to step, `0.2 * k / 16`, as stochastic depth has them."""

from __future__ import annotations

from fractions import Fraction

from cnnspec.importers.terms.formulas import Formula
from cnnspec.importers.terms.terms import Call, Chain, Term, rebuild, walk

LAYER, ARGUMENT = "stochasticdepth", "p"
MOST_STEPS = 200
TOPS = [Fraction(number, 20) for number in range(1, 20)]
"""Rates that networks rise to: 0.05, 0.1, …"""


def with_ramps(chain: Chain) -> Chain:
    """The chain with the rates of stochastic depth as parts of the highest, where they are that exactly."""
    found = [dict(t.arguments)[ARGUMENT] for t in walk(chain) if isinstance(t, Call) and t.name == LAYER]
    ramp = find_ramp(found)
    if ramp is None:
        return chain
    top, steps = ramp

    def change(term: Term) -> Term:
        if not isinstance(term, Call) or not is_step(term):
            return rebuild(term, with_ramp)
        arguments = tuple((n, part(v, top, steps) if n == ARGUMENT else v) for n, v in term.arguments)
        return term._replace(arguments=arguments)

    def with_ramp(inner: Chain) -> Chain:
        return tuple(map(change, inner))

    return with_ramp(chain)


def is_step(term: Term) -> bool:
    return isinstance(term, Call) and term.name == LAYER


def find_ramp(rates: list[float], error: float = 0) -> tuple[float, int] | None:
    """The rate and the number of steps of which all these rates, which rise, are parts; the fewest steps.

    They may be off by a relative error.
    """
    if len({*rates}) < 3 or rates != sorted(rates):
        return None
    for steps in range(2, MOST_STEPS):
        for top in map(float, TOPS):
            parts = (step_of(rate, top, steps) for rate in rates)
            pairs = zip(parts, rates, strict=True)
            if rates[-1] <= top * (1 + error) and all(abs(p - rate) <= error * rate for p, rate in pairs):
                return top, steps
    return None


def step_of(rate: float, top: float, steps: int) -> float:
    """The rate of the step of a ramp that is next to this one."""
    return top * round(rate * steps / top) / steps


def part(rate: float, top: float, steps: int) -> Formula:
    return Formula("/", (Formula("*", (top, round(rate * steps / top))), steps))
