"""Arguments of layers, drawn from what the registry says of them; a layer that joins it is drawn, too."""

from __future__ import annotations

import math
from typing import Any

from cnnspec.layers.base import Argument, Layer, Misfit
from cnnspec.values.kinds import Filter, is_integer
from cnnspec.values.shapes import Shape
from tests.random.place import Place
from tests.random.values import Choose

TEXTS = {"init": ("he", "xavier", "normal(0, 0.1)", "uniform(-0.5, 0.5)", "bilinear")}
"""What an argument of kind `text` may say."""

ATTEMPTS = 4


def arguments(choose: Choose, cls: type[Layer], place: Place) -> dict[str, Any] | None:
    """Arguments that the layer takes where it stands; None where none were found."""
    x, inherited = place.shape, place.defaults.get(cls.name, {})
    given: dict[str, Any] = {}
    for name, argument in cls.arguments.items():
        if argument.required or choose.chance(20):
            value = drawn(choose, name, argument, place, given)
            if value is not None:
                given[name] = value
    for _ in range(ATTEMPTS):
        try:
            cls(**{**inherited, **given}).output(x)
            return given
        except Misfit as misfit:
            at_fault = misfit.argument
        if at_fault in given and not cls.arguments[at_fault].required:
            del given[at_fault]
        elif at_fault is None or at_fault not in cls.arguments:
            given = {k: v for k, v in given.items() if cls.arguments[k].required}
        else:
            given[at_fault] = drawn(choose, at_fault, cls.arguments[at_fault], place, given)
    return None


def drawn(choose: Choose, name: str, argument: Argument, place: Place, given: dict[str, Any]) -> Any:
    """A value of the argument's kind that is likely to fit what arrives; None where there is none to say."""
    x: Shape = place.shape
    low = int(argument.low or 0)
    kind = argument.kind
    if name == "in":
        return int(x.channels)
    if kind in ("count", "int"):
        return choose.pick(counts(x, place, low))
    if kind == "filter":
        known = [value for value in place.names.values() if isinstance(value, Filter)]
        if known and choose.chance(50):
            return choose.pick(known)
        if not x.is_map:
            return unflattened(choose, int(x.channels))
        return Filter(choose.pick(counts(x, place, 1)), size(choose, x, 1))
    if kind == "size":
        return size(choose, x, low)
    if kind == "pad":
        return pad(choose, argument)
    if kind == "flag":
        return not argument.default if argument.default in (True, False) else choose.chance(50)
    if kind == "word":
        return choose.pick(argument.choices)
    if kind == "float":
        return number(choose, argument)
    if kind == "factor":
        return choose.pick((1, 2, 1.5, 0.5, [2, 1.5], [1, 3]))
    if kind == "list":
        return [choose.number(0, int(x.channels) - 1) for _ in range(choose.number(1, 4))]
    if kind == "text":
        return choose.pick(TEXTS[name]) if name in TEXTS else None
    assert kind == "numbers", kind
    return nested(choose, choose.pick(nestings(x, given)))


def counts(x: Shape, place: Place, low: int) -> list[int]:
    """Small numbers, and those that are likely to divide: the channels, their parts, names in sight."""
    channels = int(x.channels)
    parts = [n for n in (1, 2, 3, 4, channels // 2, channels) if n and channels % n == 0]
    named = [int(v) for v in place.names.values() if is_integer(v) and 0 < v <= 12]
    return [n for n in [*range(low, 7), *parts, *named, *(2 * n for n in parts)] if low <= n <= 24]


def size(choose: Choose, x: Shape, low: int) -> tuple[int, int]:
    """Height and width, likely to be less than the map's."""
    sides = x.size if x.is_map else (1, 1)
    height, width = (choose.number(low, max(low, min(3, side))) for side in sides)
    return (height, height) if choose.chance(60) else (height, width)


def unflattened(choose: Choose, features: int) -> Filter:
    """A map of so many features."""
    height = choose.pick([n for n in (1, 2, 3) if features % n == 0])
    width = choose.pick([n for n in (1, 2, 3) if features // height % n == 0])
    return Filter(features // height // width, (height, width))


def pad(choose: Choose, argument: Argument) -> Any:
    form = choose.number(0, 3)
    if form == 3 and argument.choices:
        return choose.pick(argument.choices)
    if form == 2:
        return [choose.number(0, 2) for _ in range(4)]
    return (choose.number(0, 2), choose.number(0, 2)) if form == 1 else choose.number(0, 2)


def number(choose: Choose, argument: Argument) -> float | str:
    """A number about the default, or one of the words."""
    if argument.choices and choose.chance(20):
        return choose.pick(argument.choices)
    usual = argument.default if isinstance(argument.default, float) else 0.5
    low = -4.0 if argument.low is None else argument.low
    high = 4.0 if argument.high is None else argument.high
    return min(max(choose.pick((usual, 2 * usual, usual + 0.25, usual / 2)), low), high)


def nestings(x: Shape, given: dict[str, Any]) -> list[tuple[int, ...]]:
    """Shapes of lists that numbers may have: one for all, one a channel or filter, a kernel, kernels."""
    found: list[tuple[int, ...]] = [(), (int(x.channels),)]
    for value in given.values():
        if isinstance(value, Filter):
            found += [(value.count,), value.kernel, (value.count, *value.kernel)]
        elif isinstance(value, tuple):
            found.append(value)
        elif is_integer(value):
            found += [(value,), (value, int(x.channels))]
    return [shape for shape in found if len(shape) < 4 and math.prod(shape) < 80]


def nested(choose: Choose, shape: tuple[int, ...]) -> Any:
    """Numbers in lists of a shape, the first two drawn, the others by turns."""
    if not shape:
        return choose.pick((0.5, 1, 2, 0.25))
    turns = (0.5, 1, choose.pick((2, -1, 0.25)))
    if len(shape) == 1:
        return [turns[i % 3] for i in range(shape[0])]
    return [nested(choose, shape[1:]) for _ in range(shape[0])]
