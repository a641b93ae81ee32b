"""A layer's formula with the numbers of one place: `o = (28 + 2 + 2 - 5)//1 + 1 = 28`.

The numbers stand in place of the names; what comes out is held against the size that the layer gives, and a
formula that the numbers do not fit is left out.
"""

from __future__ import annotations

import re
from typing import Any

from cnnspec.elaborate.settings import parse_value
from cnnspec.layers.base import Layer
from cnnspec.values.kinds import Filter, is_integer
from cnnspec.values.shapes import Shape, effective

_CEIL = re.compile(r" \+ \((.+?) if ceil\)")
_WORD = re.compile(r"[A-Za-z_]+")


def with_numbers(layer: Layer, x: Shape, output: Shape) -> list[str]:
    """The formula of each axis with its numbers; one where both are alike, none where there is no such."""
    formula = re.split(r"[,;]", layer.formula)[0]
    if not formula.startswith("o = ") or not x.is_map or not output.is_map:
        return []
    lines = [line for axis in (0, 1) if (line := along(layer, formula, axis, x, output))]
    return list(dict.fromkeys(lines))


def along(layer: Layer, formula: str, axis: int, x: Shape, output: Shape) -> str:
    """The formula of one axis; "" where the numbers do not fit."""
    ceil = bool(getattr(layer, "ceil", False))
    formula = _CEIL.sub(r" + (\1)" if ceil else "", formula.removeprefix("o = "))
    numbers = {name: str(value) for name, value in numbers_of(layer, axis, x).items()}
    if not set(_WORD.findall(formula)) <= numbers.keys():
        return ""
    figures = _WORD.sub(lambda found: numbers[found[0]], formula)
    try:
        value = parse_value(figures)
    except ValueError:
        return ""
    size = output.size[axis]
    return f"o = {figures} = {size}" if value == size else ""


def numbers_of(layer: Layer, axis: int, x: Shape) -> dict[str, Any]:
    """What the names of a formula stand for, along an axis."""
    found: dict[str, Any] = {"n": x.size[axis]}
    for name in layer.arguments:
        value = layer.value(name)
        if isinstance(value, Filter):
            found["k"] = value.kernel[axis]
        elif isinstance(value, tuple) and len(value) == 2:
            found[name] = value[axis]
        elif is_integer(value) and not isinstance(value, bool):
            found[name] = int(value)
    found["lo"], found["hi"] = sides(layer, x)[2 * axis : 2 * axis + 2]
    found.setdefault("k", found.get("kernel"))
    kernel = found.get("k") or found.get("window")
    if kernel is not None:
        found["e"] = effective(kernel, found.get("dilation", 1))
    return {name: value for name, value in found.items() if value is not None}


def sides(layer: Layer, x: Shape) -> tuple[int, ...]:
    """The padding at the top, bottom, left and right."""
    pad = getattr(layer, "pad", None)
    if isinstance(pad, str) and hasattr(layer, "sides"):
        pad = layer.sides(x)
    return tuple(pad) if isinstance(pad, tuple) and len(pad) == 4 else (0, 0, 0, 0)
