"""What a caller chooses of a net beside its text, and the values for that as the language writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from cnnspec import layers
from cnnspec.elaborate.evaluate import Evaluator
from cnnspec.elaborate.faults import Fault
from cnnspec.elaborate.special_values import LayerName
from cnnspec.failures import UsageError
from cnnspec.text import syntax
from cnnspec.text.parser import parse
from cnnspec.text.source import Source
from cnnspec.text.spelling import suggest
from cnnspec.values.limits import DEFAULT_TEXT_LIMITS, HIGHEST, Limits, TextLimits
from cnnspec.values.shapes import Shape, as_shape


class Misuse(UsageError):
    """A caller chooses what is not there: the call is wrong, not the specification.

    `choice` is what was to be chosen, `known` what there is of that kind.
    """

    def __init__(
        self, choice: Literal["net", "parameter", "input"], problem: str, name: str, known: Sequence[str]
    ) -> None:
        self.choice, self.problem, self.known = choice, problem, tuple(known)
        words = suggest(name, known)
        there = f"there is {', '.join(known)}" if known else ""
        self.hint = f"did you mean `{words[0]}`?" if words else there
        super().__init__("; ".join(filter(None, (problem, self.hint))))


class Settings(NamedTuple):
    """What a caller chooses of a net: parameters by name, inputs by label ("": the only one), bounds."""

    parameters: Mapping[str, Any] = {}
    inputs: Mapping[str, Shape] = {}
    limits: Limits = Limits()
    text_limits: TextLimits = DEFAULT_TEXT_LIMITS

    @property
    def empty(self) -> bool:
        return not self.parameters and not self.inputs


def parse_value(text: str) -> Any:
    """`100`, `[2, 2, 2, 2]`, `yes`, `64@3x3`, `hardswish`. Raises ValueError."""
    tree, faults = parse(Source("value", f"value = {text.strip()}\n"))
    # "1\nx = 2" would be two items, and more than a value.
    if faults or len(tree.items) != 1 or not isinstance(tree.items[0], syntax.Constant):
        raise ValueError(f"{text!r} is no value of the language")
    try:
        return Evaluator({}, lambda name: LayerName(name) if name in layers.NAMES else None)(
            tree.items[0].value
        )
    except Fault as fault:
        raise ValueError(f"{text!r}: {fault}") from None


def parse_shape(text: str) -> Shape:
    """`3@320x320` or `400`. Raises ValueError."""
    try:
        shape = as_shape(parse_value(text))
    except ValueError:
        shape = None
    if shape is None or min(shape.dimensions) < 1:
        raise ValueError(f"{text!r} is no shape: write 3@320x320, or 400 for a vector")
    return shape


def bounds(given: Mapping[str, int]) -> tuple[Limits, TextLimits]:
    """The default bounds, but for those given under the names that messages use. Raises ValueError."""
    unfolding, text = Limits(), TextLimits()
    for name, number in given.items():
        if not 0 < number <= HIGHEST.get(name, number):
            most = f" and at most {HIGHEST[name]}" if name in HIGHEST else ""
            raise ValueError(f"{name} is at least 1{most}, not {number}")
        if name in Limits._fields:
            unfolding = unfolding._replace(**{name: number})
        elif name in TextLimits._fields and name != "max_integer":
            text = text._replace(**{name: number})
        else:
            known = ", ".join((*Limits._fields, *TextLimits._fields)).replace(", max_integer", "")
            raise ValueError(f"there is no {name!r}; there is {known}")
    return unfolding, text
