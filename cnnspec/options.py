"""Values given on the command line, written as the language writes them."""

from __future__ import annotations

from typing import Any

from cnnspec import layers, syntax
from cnnspec.elaborate.trace import as_shape
from cnnspec.evaluate import Evaluator, Fault
from cnnspec.parser import parse
from cnnspec.shapes import Shape
from cnnspec.source import Source
from cnnspec.values import LayerName


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
