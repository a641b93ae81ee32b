"""A layer's formula with its numbers: `(28 + 2*2 - 5)//1 + 1 = 28`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cnnspec.layers.base import Layer
from cnnspec.layers.merge import Concat
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape, effective, same_padding

Number = int | float

_SOMETIMES = re.compile(r" \+ (\([^()]*) if (\w+)\)")  # ` + (stride - 1 if ceil)`
_NAME = re.compile(r"\b[A-Za-z]\w*\b")
_FUNCTIONS = ("floor", "ceil")
_NOTHING = re.compile(r" [+-] (?:2\*)?0(?![\d.*/])")  # ` + 2*0`: what is not there


def work_out(layer: Layer, shapes: tuple[Shape, ...], output: Shape) -> tuple[str, ...]:
    """The formula of the output's shape in numbers, a line an axis if the axes differ; () if it has none."""
    if isinstance(layer, Concat):
        channels = [int(shape.channels) for shape in shapes]
        return (f"{' + '.join(map(str, channels))} = {output.channels} channels",)
    if layer.is_join:
        return ()
    arriving = shapes[0]
    if not (arriving.is_map and output.is_map):
        return flat(layer, arriving, output)
    lines = [along(layer, arriving, output, axis) for axis in (0, 1)]
    if not all(lines):
        return ()
    if lines[0] == lines[1]:
        return (lines[0],)
    return tuple(f"{name}: {line}" for name, line in zip(("height", "width"), lines, strict=True))


def along(layer: Layer, arriving: Shape, output: Shape, axis: int) -> str:
    """One axis of a map; "" where the formula gives no sum for it."""
    known = values(layer, arriving, axis)
    o = output.size[axis]
    for clause in clauses(layer.formula, known):
        name, equals, sum_ = clause.partition(" = ")
        if name == "o" and equals:
            numbers = substitute(sum_, known)
            if numbers and numbers != str(o):
                return f"{numbers} = {o}"
    return ""


def flat(layer: Layer, arriving: Shape, output: Shape) -> tuple[str, ...]:
    """`16*5*5 = 400`."""
    if not arriving.is_map:
        return ()
    height, width = arriving.size
    known = {"C": int(arriving.channels), "H": height, "W": width}
    numbers = substitute(layer.formula, known)
    return (f"{numbers} = {output}",) if numbers and numbers != str(output) else ()


def clauses(formula: str, known: Mapping[str, Number | bool]) -> list[str]:
    """The formula's parts, what holds only under a flag put in or left out."""

    def settled(match: re.Match[str]) -> str:
        return f" + {match.group(1)})" if known.get(match.group(2)) else ""

    parts = _SOMETIMES.sub(settled, formula.partition(";")[0]).split(", ")
    return [part.removeprefix("or ") for part in parts]


def substitute(text: str, known: Mapping[str, Number | bool]) -> str:
    """The text with a number for every name, without what adds nothing; "" where a name has no number."""
    if "lo" in known and known["lo"] == known.get("hi"):
        text = text.replace("lo + hi", "2*lo")
    names = set(_NAME.findall(text)).difference(_FUNCTIONS)
    if not names <= known.keys():
        return ""
    return _NOTHING.sub("", _NAME.sub(lambda match: f"{known.get(match.group(), match.group())}", text))


def values(layer: Layer, arriving: Shape, axis: int) -> dict[str, Number | bool]:
    """What the names of a formula stand for along one axis: 0 height, 1 width."""
    n = arriving.size[axis]
    known: dict[str, Number | bool] = {"n": n}
    for name, argument in layer.arguments.items():
        value = layer.value(name)
        if isinstance(value, Filter):
            known["k"] = value.kernel[axis]
        elif argument.kind == "pad" and isinstance(value, tuple):
            known["lo"], known["hi"] = value[2 * axis : 2 * axis + 2]
        elif isinstance(value, tuple):
            known[name] = value[axis]
        elif isinstance(value, int | float):
            known[name] = value
    known.setdefault("k", known.get("kernel", known.get("window", 1)))
    k, d = int(known["k"]), int(known.get("dilation", 1))
    known["e"] = effective(k, d)
    if "pad" in layer.arguments and layer.value("pad") == "same":
        known["lo"], known["hi"] = same_padding(n, k, int(known["stride"]), d)
    return known
