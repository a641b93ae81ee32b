"""Values given on the command line, written as the language writes them."""

from __future__ import annotations

from typing import Any

from cnnspec import layers
from cnnspec.elaborate.evaluate import Evaluator, Fault
from cnnspec.elaborate.special_values import LayerName
from cnnspec.elaborate.trace import as_shape
from cnnspec.text import syntax
from cnnspec.text.parser import parse
from cnnspec.text.scanner import TextLimits
from cnnspec.text.source import Source
from cnnspec.values.limits import HIGHEST, Limits
from cnnspec.values.shapes import Shape


def parse_value(text: str) -> Any:
    """`100`, `[2, 2, 2, 2]`, `yes`, `64@3x3`, `hardswish`. Raises ValueError."""
    tree, faults = parse(Source("--set", f"value = {text.strip()}\n"))
    if faults or len(tree.items) != 1 or not isinstance(tree.items[0], syntax.Constant):
        raise ValueError(f"{text!r} is no value of the language")
    try:
        return Evaluator({}, lambda name: LayerName(name) if name in layers.NAMES else None)(
            tree.items[0].value
        )
    except Fault as fault:
        raise ValueError(f"{text!r}: {fault.diagnostic.message}") from None


def parse_shape(text: str) -> Shape:
    """`3@320x320` or `400`. Raises ValueError."""
    shape = as_shape(parse_value(text))
    if shape is None or min(shape.dimensions) < 1:
        raise ValueError(f"{text!r} is no shape: write 3@320x320, or 400 for a vector")
    return shape


def parse_limits(texts: tuple[str, ...]) -> tuple[Limits, TextLimits]:
    """`max_layers=200000`, …: the bounds that a message names. Raises ValueError."""
    unfolding, text = Limits(), TextLimits()
    for written in texts:
        name, _, number = written.partition("=")
        if not number.isdecimal() or not 0 < len(number) < 16:
            raise ValueError(f"--limit wants NAME=N, not {written!r}")
        if not 0 < int(number) <= HIGHEST.get(name, int(number)):
            most = f" and at most {HIGHEST[name]}" if name in HIGHEST else ""
            raise ValueError(f"--limit: {name} is at least 1{most}, not {number}")
        if name in Limits._fields:
            unfolding = unfolding._replace(**{name: int(number)})
        elif name in TextLimits._fields and name != "max_integer":
            text = text._replace(**{name: int(number)})
        else:
            known = ", ".join((*Limits._fields, *TextLimits._fields)).replace(", max_integer", "")
            raise ValueError(f"--limit: there is no {name!r}; there is {known}")
    return unfolding, text
