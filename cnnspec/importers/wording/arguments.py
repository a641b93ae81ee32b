"""A layer as the language writes it: its name, its arguments, and which of them need not be written."""

from __future__ import annotations

from typing import Any

from cnnspec.importers.terms.formulas import Items
from cnnspec.importers.terms.terms import Arguments
from cnnspec.layers import find
from cnnspec.layers.base import Layer
from cnnspec.layers.conv import Depthwise
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape


def spell(layer: Layer, x: Shape) -> tuple[str, Arguments]:
    """The name and all arguments of a layer that takes `x`; `in` is what `x` says."""
    layer = as_depthwise(layer, int(x.channels))
    if layer.name in ("adaptiveavgpool", "adaptivemaxpool") and layer.value("size") == (1, 1):
        return layer.name.replace("adaptive", "global"), ()
    arguments: list[tuple[str, Any]] = []
    for name, argument in layer.arguments.items():
        kind, value = argument.kind, layer.value(name)
        if name == "in":
            continue
        if kind == "filter":
            arguments += [("count", int(value.count)), ("kernel", shorten("size", value.kernel))]
        else:
            arguments.append((name, shorten(kind, value)))
    return layer.name, tuple(arguments)


def as_depthwise(layer: Layer, channels: int) -> Layer:
    """A convolution in as many groups as channels is written `depthwise`."""
    # of one channel that arrives every convolution would be one
    if layer.name != "conv" or layer.value("groups") != channels or channels == 1:
        return layer
    values = {name: layer.value(name) for name in layer.arguments if name not in ("filter", "groups", "in")}
    given = {n: given_form(v) for n, v in values.items() if v != layer.arguments[n].default}
    filters: Filter = layer.value("filter")
    if not given.keys() <= Depthwise.arguments.keys():
        return layer
    return Depthwise(kernel=filters.kernel, multiplier=int(filters.count) // channels, **given)


def given_form(value: Any) -> Any:
    """A value in a form that the layer takes: the four sides of a pad are a list."""
    return list(value) if isinstance(value, tuple) and len(value) == 4 else value


def written_arguments(layer: str, arguments: Arguments) -> Arguments:
    """The arguments that have to be written: the others have their defaults."""
    cls = find(layer)
    if cls is None:
        return arguments
    given = dict(arguments)
    return tuple(
        (name, value)
        for name, value in arguments
        if name in ("count", "kernel") or not is_default(value, default(cls, name, given))
    )


def default(cls: type[Layer], name: str, given: dict[str, Any]) -> Any:
    """What an argument is that is not given; ... where it has to be. A pool steps by its window."""
    argument = cls.arguments[name]
    if name == "stride" and argument.default is None:
        return given.get("window")
    return ... if argument.required else shorten(argument.kind, argument.default)


def is_default(value: Any, default: Any) -> bool:
    """Whether they are equal: 1 is no default for yes, though Python takes them for equal."""
    return isinstance(value, bool) == isinstance(default, bool) and bool(value == default)


def shorten(kind: str, value: Any) -> Any:
    """Equal sides as one number, a pad of equal opposite sides as two."""
    if kind == "pad" and isinstance(value, tuple):
        top, bottom, left, right = map(int, value)
        value = (top, left) if (top, left) == (bottom, right) else (top, bottom, left, right)
    if kind == "factor" and isinstance(value, tuple):
        value = tuple(int(each) if each == int(each) else each for each in value)
    if kind in ("size", "pad", "factor") and isinstance(value, tuple) and len(set(value)) == 1:
        return value[0]
    if isinstance(value, list):
        return Items(shorten("", item) for item in value)
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value
