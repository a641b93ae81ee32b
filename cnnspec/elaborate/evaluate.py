"""Expressions become values: Python's meaning, on a small set of types, with nothing of Python reachable.

Values are ints (or Symbols), floats, bools, strings, sizes as tuples, Filters, lists, and layers and
blocks by name. What cannot be computed raises Fault with its place; what depends on something that an
earlier fault left unknown raises Unknowable, and nobody complains twice.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from cnnspec.elaborate.faults import Fault, Meter, Unknowable, fault, unknown
from cnnspec.elaborate.special_values import UNKNOWN, Items, ScopeNames, compute, plain, weight
from cnnspec.graph.tree import Value
from cnnspec.text import syntax
from cnnspec.text.source import Span
from cnnspec.values.extents import ARITHMETIC, Extent, as_extent, has_extents
from cnnspec.values.functions import FUNCTIONS, MOST_FACTORS, power
from cnnspec.values.kinds import Filter, describe, is_integer, is_number
from cnnspec.values.limits import LARGEST_INTEGER, LONGEST_LIST

DEEPEST_LIST = 32


Lookup = Callable[[str], Any]
"""A name that is no constant, parameter or loop name: the layer or block that it means, else None."""


class Evaluator:
    """Evaluates expressions in one scope.

    `names` are its values, `value` is the one that arrives where the expression stands (None: none does),
    `pin` takes the Symbols and Extents that are used for more than arithmetic, and `meter` counts what it
    costs.
    """

    def __init__(
        self,
        names: Mapping[str, Any],
        lookup: Lookup,
        pin: Callable[[Any], None] = lambda _: None,
        meter: Meter | None = None,
        value: Value | None = None,
    ) -> None:
        self.names, self.lookup, self.pin, self.value = names, lookup, pin, value
        self.meter = meter or Meter()

    def evaluate(self, node: syntax.Expression) -> Any:
        return _HANDLERS[type(node)](self, node)

    # Within, calls go by name: Python 3.12 counts those by `__call__` as calls in C, of which it allows few.
    __call__ = evaluate

    def integer(self, node: syntax.Expression, what: str) -> int:
        value = self.evaluate(node)
        if not is_integer(value):
            raise fault("E0303", f"{what} must be an integer, not {describe(value)}", node.span)
        return self.still(value)  # type: ignore[no-any-return]

    def still(self, value: Any) -> Any:
        """A value that cannot follow the sizes any further."""
        if type(value) is not Extent:
            return value
        self.pin(value)
        return int(value)

    def truth(self, node: syntax.Expression) -> bool:
        value = self.evaluate(node)
        if is_integer(value):
            self.pin(value)
            return bool(value)
        if not isinstance(value, bool):
            raise fault("E0303", f"a condition must be yes or no, not {describe(value)}", node.span)
        return value

    def loop(self, node: syntax.Expression) -> tuple[list[Any], int]:
        """What a loop runs over: a list's items, or 0, 1, … below a count; and how often it runs.

        That is symbolic where the count was given so.
        """
        value = self.evaluate(node)
        if is_integer(value):
            self.pin(value)
            if not 0 <= value <= LONGEST_LIST:
                message = f"a count from 0 to {LONGEST_LIST:,} is needed, not {value:,}"
                raise fault("E0307", message, node.span)
            return list(range(value)), value
        if isinstance(value, list):
            return value, len(value)
        raise fault("E0303", f"a count or a list is needed, not {describe(value)}", node.span)

    def bind(self, names: tuple[syntax.Name, ...], item: Any, span: Span) -> dict[str, Any]:
        """Loop names and their values for one item."""
        if len(names) == 1:
            return {names[0].name: item}
        if not isinstance(item, list) or len(item) != len(names):
            message = f"{len(names)} names need items of {len(names)} values, not {describe(item)}"
            raise fault("E0306", message, span)
        return {name.name: value for name, value in zip(names, item, strict=True)}

    # One method a kind of node

    def broken(self, node: syntax.Broken) -> Any:
        raise Unknowable

    def literal(self, node: syntax.Literal) -> Any:
        return node.value

    def name(self, node: syntax.Name) -> Any:
        try:
            value = self.names[node.name]
        except KeyError:
            value = self.lookup(node.name)
        if value is None:
            raise self.unknown_name(node)
        if value is UNKNOWN:
            raise Unknowable
        return value

    def unknown_name(self, node: syntax.Name) -> Fault:
        known = self.names.visible() if isinstance(self.names, ScopeNames) else self.names
        return unknown("E0202", f"nothing here is called `{node.name}`", node.name, node.span, known)

    def arrives(self, node: syntax.Arrival) -> int:
        if self.value is None:
            raise fault("E0306", "no value arrives here, so `in` has no size", node.span)
        shape = self.value.shape
        if shape is None:
            raise Unknowable
        if node.field in ("channels", "features"):
            number = shape.channels if node.field == "channels" else shape.features
            if node.field == "features" or not shape.is_map:  # a map's channels do not change with its size
                # The number goes on as it is, a Symbol perhaps; the sizes within are assumed.
                self.still(Extent(number, node.field, self.value))
            return number
        if node.field not in ("height", "width"):
            message = f"`in` has channels, height, width and features, but no `{node.field}`"
            raise fault("E0202", message, node.span)
        if not shape.is_map:
            raise fault("E0306", f"a vector of {shape} features arrives: it has no {node.field}", node.span)
        return Extent(shape.size[node.field == "width"], node.field, self.value)

    def filter(self, node: syntax.FilterOf) -> Filter:
        count = self.integer(node.count, "the number before `@`")
        kernel = self.evaluate(node.kernel)
        if is_integer(kernel):
            kernel = (kernel, kernel)
        if not (isinstance(kernel, tuple | list) and len(kernel) == 2 and all(map(is_integer, kernel))):
            message = f"a size such as 3x3 must stand behind `@`, not {describe(kernel)}"
            raise fault("E0303", message, node.kernel.span)
        for side in kernel:
            self.pin(side)
        return Filter(count, (int(kernel[0]), int(kernel[1])))

    def unary(self, node: syntax.Unary) -> Any:
        if node.operator == "not":
            return not self.truth(node.operand)
        value = self.evaluate(node.operand)
        if not is_number(value):
            message = f"`{node.operator}` needs a number, not {describe(value)}"
            raise fault("E0306", message, node.operand.span)
        if node.operator == "+":
            return value
        # -x is followed as 0 - x: Extents know no unary operation.
        return self.follow_operands("-", -value, 0, value)

    def binary(self, node: syntax.Binary) -> Any:
        self.meter.spend(1, node.span)
        if node.operator == "and":
            return self.truth(node.left) and self.truth(node.right)
        if node.operator == "or":
            return self.truth(node.left) or self.truth(node.right)
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        if node.operator in _COMPARISONS:
            return self.compare(node, left, right)
        if isinstance(left, list) and isinstance(right, list) and node.operator == "+":
            return self.bounded_list([*left, *right], node.span)
        if not (is_number(left) and is_number(right)):
            wrong, side = (left, node.left) if not is_number(left) else (right, node.right)
            raise fault("E0306", f"`{node.operator}` needs numbers, not {describe(wrong)}", side.span)
        if node.operator == "**":  # a product of so many factors: a formula, if the exponent is a number
            self.pin(right)
            left, right = self.still(left), plain(right)
            self.meter.spend(int(min(abs(right), MOST_FACTORS)), node.span)
        try:
            value = compute(_ARITHMETIC[node.operator], [left, right], self.pin)
        except ZeroDivisionError:
            raise fault("E0306", f"{left} {node.operator} {right}: division by zero", node.span) from None
        except ValueError as error:
            raise fault("E0306", f"{left} {node.operator} {right}: {error}", node.span) from None
        except OverflowError:
            raise fault("E0307", f"{left} {node.operator} {right} is too large a number", node.span) from None
        if isinstance(value, float):
            self.pin(left)
            self.pin(right)
        return self.follow_operands(node.operator, self.check_number(value, node.span), left, right)

    def follow_operands(self, operation: str, value: Any, left: Any, right: Any) -> Any:
        """What arithmetic yielded, an Extent where it can follow its operands."""
        value = as_extent(operation, value, left, right)
        if type(value) is not Extent:
            self.still(left)
            self.still(right)
        return value

    def check_number(self, value: Any, span: Span) -> Any:
        if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
            raise fault("E0307", "integers stay below 2^31", span)
        if isinstance(value, float) and not math.isfinite(value):
            raise fault("E0306", "the value is not a finite number", span)
        return value

    def bounded_list(self, items: list[Any], span: Span) -> Items:
        """A list of the language, if it is not too long."""
        self.meter.spend(len(items), span)
        made = Items(items)
        if made.weight > LONGEST_LIST:
            raise fault("E0307", f"lists have at most {LONGEST_LIST:,} items", span)
        if made.depth > DEEPEST_LIST:
            raise fault("E0307", f"lists nest at most {DEEPEST_LIST} deep", span)
        return made

    def compare(self, node: syntax.Binary, left: Any, right: Any) -> bool:
        self.meter.spend(weight(left) + weight(right), node.span)
        self.pin(left)
        self.pin(right)
        if node.operator in ("==", "!="):
            return (left == right) is (node.operator == "==")
        if not (is_number(left) and is_number(right)):
            message = f"`{node.operator}` compares numbers, not {describe(left)} and {describe(right)}"
            raise fault("E0306", message, node.span)
        return bool(_COMPARISONS[node.operator](left, right))

    def choice(self, node: syntax.Choice) -> Any:
        self.meter.spend(1, node.span)
        return self.evaluate(node.then if self.truth(node.test) else node.otherwise)

    def items_of(self, node: syntax.List) -> list[Any]:
        return self.bounded_list([self.evaluate(item) for item in node.items], node.span)

    def comprehension(self, node: syntax.Comprehension) -> list[Any]:
        items, _ = self.loop(node.source)
        made = []
        self.meter.spend(len(items), node.span)
        names = ScopeNames(self.names)
        inner = Evaluator(names, self.lookup, self.pin, self.meter, self.value)
        for item in items:
            names.update(self.bind(node.names, item, node.source.span))
            made.append(inner(node.item))
        return self.bounded_list(made, node.span)

    def index(self, node: syntax.Index) -> Any:
        value = self.evaluate(node.value)
        called = f"`{node.value.name}`" if type(node.value) is syntax.Name else ""
        for subscript in node.subscripts:
            # Not isinstance: a Filter is a tuple, too, and has no items.
            if not isinstance(value, list) and type(value) is not tuple:
                raise fault("E0306", f"only lists have items: {describe(value)} has none", node.span)
            if isinstance(subscript, syntax.Slice):
                bounds = [
                    None if end is None else self.integer(end, "an index")
                    for end in (subscript.start, subscript.stop)
                ]
                # Sizes are settled by `integer`, widths are not: which items there are fixes them, too.
                self.pin(bounds)
                value = value[bounds[0] : bounds[1]]
                if isinstance(value, list):
                    value = self.bounded_list(value, node.span)
                continue
            position = self.integer(subscript, "an index")
            self.pin(position)
            if not -len(value) <= position < len(value):
                message = f"{called or describe(value)} has {len(value)} items, so no item {position}"
                raise fault("E0306", message, subscript.span)
            value, called = value[position], ""
        return value

    def function(self, node: syntax.Function) -> Any:
        if node.name.name not in FUNCTIONS:
            message = f"there is no function `{node.name.name}`; there are {', '.join(sorted(FUNCTIONS))}"
            raise unknown("E0202", message, *node.name, FUNCTIONS, section="functions")
        arguments = [self.evaluate(argument) for argument in node.arguments]
        self.meter.spend(1 + weight(arguments), node.span)
        # min and max choose by value: for another width they might choose the other.
        if node.name.name != "sum" or has_extents(arguments):  # sums keep what they are made of
            self.pin(arguments)
        try:
            value = compute(FUNCTIONS[node.name.name], arguments, self.pin)
        except (TypeError, ValueError, ZeroDivisionError, OverflowError):
            shown = ", ".join(map(describe, arguments))
            raise fault("E0306", f"`{node.name.name}({shown})` cannot be computed", node.span) from None
        return self.check_number(value, node.span)


_ARITHMETIC = {**ARITHMETIC, "**": power}

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_HANDLERS: dict[type, Callable[[Evaluator, Any], Any]] = {
    syntax.Broken: Evaluator.broken,
    syntax.Literal: Evaluator.literal,
    syntax.Name: Evaluator.name,
    syntax.Arrival: Evaluator.arrives,
    syntax.FilterOf: Evaluator.filter,
    syntax.Unary: Evaluator.unary,
    syntax.Binary: Evaluator.binary,
    syntax.Choice: Evaluator.choice,
    syntax.List: Evaluator.items_of,
    syntax.Comprehension: Evaluator.comprehension,
    syntax.Index: Evaluator.index,
    syntax.Function: Evaluator.function,
}
