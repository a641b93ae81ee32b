"""Ramps: drop rates that rise from step to step, `0.2 * k / 16`, as stochastic depth has them."""

from __future__ import annotations

from fractions import Fraction

from cnnspec.importers.formulas import Formula
from cnnspec.importers.terms import Call, Chain, Term, rebuild, walk

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


def find_ramp(rates: list[float]) -> tuple[float, int] | None:
    """The rate and the number of steps of which all these rates, which rise, are parts; the fewest steps."""
    if len({*rates}) < 3 or rates != sorted({*rates}):
        return None
    for steps in range(2, MOST_STEPS):
        for top in map(float, TOPS):
            if all(top * round(rate * steps / top) / steps == rate for rate in rates) and rates[-1] <= top:
                return top, steps
    return None


def part(rate: float, top: float, steps: int) -> Formula:
    return Formula("/", (Formula("*", (top, round(rate * steps / top))), steps))
