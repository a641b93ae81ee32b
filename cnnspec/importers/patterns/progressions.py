"""Progressions: numbers of one layer that are one formula of the steps that they belong to.

Rates of stochastic depth rise, `0.2 * k / 16`; networks without norms divide by the standard deviation that
residuals add up to, `(1 + 0.04 * k) ** -0.5` (Brock et al. 2021, "High-performance large-scale image
recognition without normalization", section 2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from typing import NamedTuple

from cnnspec.importers.terms.formulas import Formula, evaluate, name, substitute
from cnnspec.importers.terms.terms import Call, Chain, Term, map_terms, walk

FEWEST = 3
"""So many numbers are a progression; fewer may be so by chance."""
MOST_STEPS = 200
TOPS = [Fraction(number, 20) for number in range(1, 20)]
"""Rates that networks rise to: 0.05, 0.1, …"""


class Progression(NamedTuple):
    """A formula of the step `k`, and which step's a number is most nearly."""

    formula: Formula
    step: Callable[[float], int]

    def at(self, step: int) -> Formula:
        """The formula of one step."""
        made: Formula = substitute(self.formula, {name("k"): step})
        return made

    def near(self, number: float, error: float = 0) -> Formula | None:
        """The formula of the step whose number this is, but for a relative error; None: of no step."""
        step = self.step(number)
        found = self.at(step) if 0 <= step <= MOST_STEPS else None
        return found if found and abs(evaluate(found, {}) - number) <= error * number else None


def rise(top: float, steps: int) -> Progression:
    formula = Formula("/", (Formula("*", (top, name("k"))), steps))
    return Progression(formula, lambda rate: round(rate * steps / top))


def decay(variance: float) -> Progression:
    formula = Formula("**", (Formula("+", (1, Formula("*", (variance, name("k"))))), -0.5))
    # factor = (1 + variance * k) ** -0.5, so k = (factor ** -2 - 1) / variance
    return Progression(formula, lambda factor: round((factor**-2 - 1) / variance) if 0 < factor < 1 else -1)


def find_rise(rates: Sequence[float], error: float) -> Progression | None:
    """All are parts of one of the usual rates, in fewest steps."""
    if len({*rates}) < FEWEST or rates != sorted(rates):
        return None
    # rates 0, 0.0125, 0.025 … 0.1875 rise to 0.2, which comes behind the last step: 0.2 * 15 / 16
    tops = [float(top) for top in TOPS if rates[-1] <= top * (1 + error)]
    tries = (rise(top, steps) for steps in range(2, MOST_STEPS) for top in tops)
    return next((each for each in tries if all(each.near(rate, error) for rate in rates)), None)


def find_decay(factors: Sequence[float], error: float) -> Progression | None:
    """Some divide by the root of 1 and a variance a step, the first that one of them shows."""
    # the largest factor below 1 first, most likely that of step 1: 1.04 ** -0.5 says 0.04
    variances = (round(factor**-2 - 1, 6) for factor in sorted({*factors}, reverse=True) if 0 < factor < 1)
    tries = map(decay, filter(None, variances))
    return next((t for t in tries if sum(bool(t.near(f, error)) for f in {*factors}) >= FEWEST), None)


PROGRESSIONS = (("stochasticdepth", "p", find_rise), ("scale", "init", find_decay))
"""Layer, argument, and what finds a progression of its numbers, that are off by a relative error."""


def with_progressions(chain: Chain) -> Chain:
    """The chain with formulas for numbers that are a progression exactly."""
    for layer, argument, find in PROGRESSIONS:
        calls = [dict(t.arguments) for t in walk(chain) if isinstance(t, Call) and t.name == layer]
        # 0: a number that rounding put off its step stays, for a formula would change the network
        if (found := find([call[argument] for call in calls], 0)) is not None:
            chain = map_terms(chain, partial(with_formula, layer, argument, found))
    return chain


def with_formula(layer: str, argument: str, found: Progression, term: Term) -> Term:
    if not isinstance(term, Call) or term.name != layer:
        return term
    arguments = tuple((n, (found.near(v) or v) if n == argument else v) for n, v in term.arguments)
    return term._replace(arguments=arguments)
