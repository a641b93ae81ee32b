"""Ways to write a value: literals, names, sums, functions, what arrives, lists and their items.

The value comes first: what is written is worth it where it is drawn, and may be worth something else where
the same text runs again, in another turn of a repeat or for other arguments of a block.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from cnnspec.values.functions import FUNCTIONS, power
from cnnspec.values.kinds import Filter, is_integer
from tests.random.nets import written
from tests.random.place import Callee, Expression, Place

T = TypeVar("T")

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": power,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "and": lambda a, b: bool(a and b),
    "or": lambda a, b: bool(a or b),
}
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


Number = Callable[[int, int], int]
"""Draws a number from one to another, both included."""


class Choose:
    """Draws choices by numbers of a range; the first of several is the simplest, which examples shrink to."""

    def __init__(self, number: Number) -> None:
        self.number = number

    def pick(self, options: Sequence[T]) -> T:
        return options[self.number(0, len(options) - 1)]

    def chance(self, percent: int) -> bool:
        return self.number(1, 100) > 100 - percent


def literal(value: Any) -> Expression:
    return Expression(written(value), lambda _: value)


def named(name: str) -> Expression:
    return Expression(name, lambda at: at.names[name])


def binary(left: Expression, sign: str, right: Expression) -> Expression:
    compute = OPERATORS[sign]
    return Expression(f"({left.text} {sign} {right.text})", lambda at: compute(left(at), right(at)))


def function(name: str, *given: Expression) -> Expression:
    text = ", ".join(one.text for one in given)
    return Expression(f"{name}({text})", lambda at: FUNCTIONS[name](*(one(at) for one in given)))


def listed(items: Sequence[Expression]) -> Expression:
    text = ", ".join(item.text for item in items)
    return Expression(f"[{text}]", lambda at: [item(at) for item in items])


def indexed(name: str, *at: int) -> Expression:
    def value(place: Place) -> Any:
        found = place.names[name]
        for i in at:
            found = found[i]
        return found

    return Expression(f"{name}[{', '.join(map(str, at))}]", value)


def item(source: Expression, number: int) -> Expression:
    return Expression(f"{source.text}[{number}]", lambda at: source(at)[number])


def head(name: str, stop: int) -> Expression:
    return Expression(f"{name}[:{stop}]", lambda at: at.names[name][:stop])


def arrival(field: str) -> Expression:
    def value(place: Place) -> Any:
        return (
            place.shape.size[field == "width"]
            if field in ("height", "width")
            else getattr(place.shape, field)
        )

    return Expression(f"in.{field}", value)


def filters(count: Expression, kernel: Expression) -> Expression:
    def value(place: Place) -> Filter:
        sides = kernel(place)
        return Filter(count(place), (sides, sides) if is_integer(sides) else (sides[0], sides[1]))

    return Expression(f"{count.text}@{kernel.text}", value)


def choice(then: Expression, test: Expression, otherwise: Expression) -> Expression:
    text = f"({then.text} if {test.text} else {otherwise.text})"
    return Expression(text, lambda at: then(at) if test(at) else otherwise(at))


def comprehension(item: Expression, name: str, source: Expression) -> Expression:
    def value(place: Place) -> list[Any]:
        found = source(place)
        turns = range(found) if is_integer(found) else found
        inner = [place.inside(names={name: turn}) for turn in turns]
        return [item(turn) for turn in inner]

    return Expression(f"[{item.text} for {name} in {source.text}]", value)


def bare(expression: Expression) -> Expression:
    """Without the parentheses around all of it."""
    text, depth = expression.text, 0
    for place, sign in enumerate(text):
        depth += (sign in "([") - (sign in ")]")
        if not depth:
            whole = text[0] == "(" and place == len(text) - 1
            return Expression(text[1:-1], expression.value) if whole else expression
    return expression


def sources(place: Place) -> list[tuple[Expression, int]]:
    """What is worth an integer at a place, and what it is worth."""
    found = []
    for name, value in place.names.items():
        if is_integer(value):
            found.append((named(name), value))
        elif isinstance(value, list) and value:
            found.append((function("len", named(name)), len(value)))
            ends = [(0, value[0]), (-1, value[-1])]
            found += [(indexed(name, i), item) for i, item in ends if is_integer(item)]
            if isinstance(value[0], list) and is_integer(value[0][-1]):
                found += [(form, value[0][-1]) for form in (indexed(name, 0, -1), item(indexed(name, 0), -1))]
        elif isinstance(value, tuple) and not isinstance(value, Filter | Callee):
            found.append((indexed(name, 1), value[1]))
    if place.shape is not None:
        fields = ("channels", "height", "width") if place.shape.is_map else ("channels", "features")
        found += [(arrival(field), arrival(field)(place)) for field in fields]
    return found


def spell(choose: Choose, value: Any, place: Place, depth: int = 2) -> Expression:
    """One way to write a value."""
    same = [name for name, other in place.names.items() if type(other) is type(value) and other == value]
    if same and choose.chance(60):
        return named(choose.pick(same))
    if depth and choose.chance(60 if isinstance(value, list) else 30):
        if isinstance(value, bool):
            return test(choose, value, place, depth)
        if is_integer(value):
            return integer(choose, value, place, depth - 1)
        if isinstance(value, list):
            return items(choose, value, place, depth - 1)
        if isinstance(value, float) and value.as_integer_ratio()[1] < 100:
            over, under = map(literal, value.as_integer_ratio())
            return binary(over, "/", under)
        if isinstance(value, tuple) and not isinstance(value, Filter | Callee):
            return listed([spell(choose, side, place, depth - 1) for side in value])
    if isinstance(value, Filter):
        height, width = value.kernel
        kernel = height if height == width and choose.chance(50) else value.kernel
        return filters(spell(choose, value.count, place, depth), spell(choose, kernel, place, depth))
    return literal(value)


def integer(choose: Choose, value: int, place: Place, depth: int) -> Expression:
    found = sources(place)
    equal = [expression for expression, worth in found if worth == value]
    if equal and choose.chance(50):
        return choose.pick(equal)
    if not found or choose.chance(30):
        return computed(choose, value, place, depth)
    expression, worth = choose.pick(found)
    forms = [binary(expression, "+" if value >= worth else "-", literal(abs(value - worth)))]
    if worth and value % worth == 0:
        forms.append(binary(spell(choose, value // worth, place, depth), "*", expression))
    if value and worth // value and worth // (worth // value) == value:
        forms.append(binary(expression, "//", literal(worth // value)))
    if 0 <= value < worth:
        forms.append(binary(literal(worth + value), "%", expression))
    return choose.pick(forms)


def computed(choose: Choose, value: int, place: Place, depth: int) -> Expression:
    """An integer as a function of others, or one of two."""
    inner = spell(choose, value, place, depth)
    more, less = literal(value + choose.number(0, 3)), literal(value - choose.number(0, 3))
    forms = [
        lambda: choice(inner, test(choose, True, place, depth), more),
        lambda: choice(less, test(choose, False, place, depth), inner),
        lambda: function("min", inner, more),
        lambda: function("max", listed([less, inner])),
        lambda: item(listed([less, inner, more]), 1),
        lambda: function("sum", listed([literal(1), literal(value - 1)])),
        lambda: function("ceil", literal(value - 0.25)),
        lambda: function("round", literal(value + 0.25)),
    ]
    powers = [(literal(root), "**", literal(n)) for n in (2, 3) for root in range(2, 33) if root**n == value]
    forms += [partial(binary, *one) for one in powers]
    if value > 0:
        forms.append(lambda: function("divisible", inner, literal(math.gcd(value, 12))))
    return choose.pick(forms)()


def test(choose: Choose, wanted: bool, place: Place, depth: int = 1) -> Expression:
    """A test with a given answer here."""
    form = choose.number(0, 4)
    if form == 4 and depth:
        sign = choose.pick(("and", "or"))
        other = not wanted
        answers = [(wanted, wanted)] if wanted == (sign == "and") else [(wanted, other), (other, wanted)]
        left, right = (test(choose, side, place, depth - 1) for side in choose.pick(answers))
        return binary(left, sign, right)
    found = sources(place)
    flags = [name for name, value in place.names.items() if isinstance(value, bool)]
    if flags and choose.chance(50):
        flag = named(choose.pick(flags))
        return flag if flag(place) is wanted else Expression(f"(not {flag.text})", lambda at: not flag(at))
    if form == 0 or not found:
        return literal(wanted)
    expression, worth = choose.pick(found)
    made = binary(expression, choose.pick(COMPARISONS), literal(max(0, worth + choose.number(-2, 2))))
    if made(place) is wanted:
        return made
    return Expression(f"(not {made.text})", lambda at: not made(at))


def items(choose: Choose, value: list[Any], place: Place, depth: int) -> Expression:
    """A list: item by item, by a rule, as a part of another, as a sum."""
    forms = [lambda: listed([spell(choose, item, place, depth) for item in value])]
    if value and all(map(is_integer, value)):
        step = value[1] - value[0] if len(value) > 1 else 1
        if value == [value[0] + i * step for i in range(len(value))]:
            item = binary(literal(value[0]), "+", binary(literal(step), "*", named("q")))
            forms.append(lambda: comprehension(item, "q", literal(len(value))))
        doubled = [2 * item for item in value]
        forms.append(lambda: comprehension(binary(named("q"), "//", literal(2)), "q", literal(doubled)))
    if len(value) > 1:
        forms.append(lambda: binary(literal(value[:1]), "+", literal(value[1:])))
    known = [(name, other) for name, other in place.names.items() if isinstance(other, list)]
    heads = [partial(head, name, len(value)) for name, other in known if other[: len(value)] == value]
    return choose.pick(heads if heads and choose.chance(50) else forms)()
