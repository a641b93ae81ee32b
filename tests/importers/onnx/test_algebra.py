"""Formulas keep their value in every form, and forms that mean the same are one."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("numpy")

from cnnspec.importers.onnx.algebra import (
    Expression,
    Function,
    Leaf,
    Product,
    Sum,
    add,
    apply,
    linear,
    multiply,
    power,
    replaced,
)

X, Y = Leaf(0), Leaf(1)
VALUES = {X: 1.25, Y: 0.5}
NUMBERS = st.sampled_from([0.5, 1.0, 2.0, 3.0])

FORMS = st.recursive(
    st.one_of(NUMBERS, st.sampled_from([X, Y])),
    lambda inner: st.one_of(
        st.tuples(st.just("add"), inner, inner),
        st.tuples(st.just("multiply"), inner, inner),
        st.tuples(st.sampled_from(["tanh", "erf", "reciprocal"]), inner),
    ),
    max_leaves=8,
)


def made(form: Any) -> Expression:
    """The expression of a drawn formula."""
    if not isinstance(form, tuple) or isinstance(form, Leaf):
        return form  # type: ignore[no-any-return]
    name, *operands = form
    return (
        {"add": add, "multiply": multiply}[name](*map(made, operands))
        if len(operands) == 2
        else apply(name, made(operands[0]))
    )


def value(form: Any) -> float:
    """The number that a drawn formula, or an expression, comes to."""
    if isinstance(form, float):
        return form
    if isinstance(form, Leaf):
        return VALUES[form]
    if isinstance(form, Product):
        return form.factor * math.prod(map(value, form.operands))
    if isinstance(form, Sum):
        return form.constant + sum(map(value, form.operands))
    name, *operands = form
    numbers = [value(each) for each in operands]
    if name == "reciprocal":
        return 1 / numbers[0]
    functions: dict[str, Any] = {"tanh": math.tanh, "erf": math.erf, "add": sum, "multiply": math.prod}
    return functions[name](numbers) if len(numbers) == 2 else functions[name](*numbers)  # type: ignore[no-any-return]


@given(FORMS)
def test_an_expression_has_the_value_of_its_formula(form: Any) -> None:
    assert value(made(form)) == pytest.approx(value(form), rel=1e-9)


@given(FORMS)
def test_a_value_may_stand_for_another(form: Any) -> None:
    """x is 2*y + 0.25."""
    own = add(0.25, multiply(2.0, Y))
    assert value(replaced(made(form), X, own)) == pytest.approx(value(form), rel=1e-9)


@given(FORMS, FORMS)
def test_order_tells_nothing(one: Any, two: Any) -> None:
    assert add(made(one), made(two)) == add(made(two), made(one))
    assert multiply(made(one), made(two)) == multiply(made(two), made(one))


def test_forms_that_mean_the_same_are_one() -> None:
    assert apply("reciprocal", multiply(2.0, X)) == multiply(0.5, apply("reciprocal", X))
    assert apply("reciprocal", apply("reciprocal", X)) == X
    assert multiply(0.5, add(2.0, X)) == add(1.0, multiply(0.5, X))
    assert power(X, 2) == multiply(X, X) and power(X, 0.5) == Function("sqrt", X) and power(X, 1.7) is None
    assert linear(add(1.0, multiply(3.0, add(2.0, X))), X) == (3.0, 7.0)
    assert linear(multiply(X, X), X) is None
