"""Numbers that are one formula of a step."""

from __future__ import annotations

import pytest

from cnnspec.importers.patterns.progressions import (
    MOST_STEPS,
    decay,
    find_decay,
    find_rise,
    with_progressions,
)
from cnnspec.importers.terms.formulas import written
from cnnspec.importers.terms.terms import Call


def summed(variance: float, steps: int) -> list[float]:
    """Factors as networks without norms compute them, off by the rounding of a sum."""
    found, total = [], 1.0
    for _ in range(steps):
        total += variance
        found.append(1 / total**0.5)
    return found


@pytest.mark.parametrize("variance", [0.04, 0.01, 0.25])
def test_factors_of_a_variance_that_is_summed_up_are_steps(variance: float) -> None:
    factors = [1.7, *summed(variance, 23), 0.2]
    found = find_decay(factors, 1e-12)
    assert found is not None
    exact = [found.near(factor, 1e-12) for factor in factors[1:-1]]
    assert exact == [decay(variance).at(step) for step in range(1, 24)]
    assert found.near(1.7, 1e-12) is None


def test_two_factors_are_no_progression() -> None:
    assert find_decay([0.5, 0.5, 2.0, *summed(0.04, 2)], 0) is None


def test_a_rise_is_the_one_of_fewest_steps() -> None:
    rates = [0.2 * step / 16 for step in range(0, 16, 2)]
    found = find_rise(rates, 0)
    assert found is not None
    assert [written(found.near(rate)) for rate in rates[:3]] == ["0.2 * 0 / 8", "0.2 * 1 / 8", "0.2 * 2 / 8"]
    assert find_rise(rates[::-1], 0) is None
    assert find_rise([0.1, 0.2, 0.3 + 1 / MOST_STEPS**2], 0) is None


def test_numbers_off_a_progression_stay() -> None:
    numbers = [*((1 + 0.04 * step) ** -0.5 for step in range(1, 4)), 0.3, 1.0]
    chain = tuple(Call("scale", (("init", number), ("trained", False))) for number in numbers)
    values = [written(call.arguments[0][1]) for call in with_progressions(chain) if isinstance(call, Call)]
    assert values == [*(f"(1 + 0.04 * {step}) ** -0.5" for step in range(1, 4)), "0.3", "1.0"]
