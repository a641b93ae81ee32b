"""A layer's formula with its numbers: `(28 + 2*2 - 5)//1 + 1 = 28`."""

from __future__ import annotations

from collections.abc import Mapping

from cnnspec.layers.base import Layer
from cnnspec.layers.merge import Concat
from cnnspec.layers.size_formulas import Number
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape, effective, same_padding


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
    return comes_to(layer, values(layer, arriving, axis), str(output.size[axis]))


def flat(layer: Layer, arriving: Shape, output: Shape) -> tuple[str, ...]:
    """`16*5*5 = 400`."""
    if not arriving.is_map:
        return ()
    height, width = arriving.size
    line = comes_to(layer, {"C": int(arriving.channels), "H": height, "W": width}, str(output))
    return (line,) if line else ()


def comes_to(layer: Layer, known: Mapping[str, Number], result: str) -> str:
    """The sizes' formula in numbers, and what it comes to; "" where that says no more than the result."""
    numbers = layer.size_formula.worked(known) if layer.size_formula is not None else ""
    return f"{numbers} = {result}" if numbers not in ("", result) else ""


def values(layer: Layer, arriving: Shape, axis: int) -> dict[str, Number]:
    """What the names of a formula stand for along one axis: 0 height, 1 width."""
    n = arriving.size[axis]
    known: dict[str, Number] = {"n": n}
    for name, argument in layer.arguments.items():
        value = layer.value(name)
        if isinstance(value, Filter):
            known["k"] = value.kernel[axis]
        elif argument.kind == "pad" and isinstance(value, tuple):
            # (top, bottom, left, right): the first two are of heights, the others of widths.
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
