"""A layer as the language writes it: its name, and the arguments that differ from their defaults."""

from __future__ import annotations

from typing import Any

from cnnspec.importers.terms import Arguments
from cnnspec.layers.base import Layer, Misfit
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape


def spell(layer: Layer, x: Shape) -> tuple[str, Arguments]:
    """The name and the arguments of a layer that takes `x`, without those that may be left out."""
    layer = as_depthwise(layer, int(x.channels))
    if layer.name in ("adaptiveavgpool", "adaptivemaxpool") and layer.value("size") == (1, 1):
        return layer.name.replace("adaptive", "global"), ()
    arguments: list[tuple[str, Any]] = []
    for name, value in needed(layer).items():
        kind = layer.arguments[name].kind
        if kind == "filter":
            arguments += [("count", int(value.count)), ("kernel", shorten("size", value.kernel))]
        else:
            arguments.append((name, shorten(kind, value)))
    return layer.name, tuple(arguments)


def as_depthwise(layer: Layer, channels: int) -> Layer:
    """A convolution in as many groups as channels is written `depthwise`."""
    if layer.name != "conv" or layer.value("groups") != channels or channels == 1:
        return layer
    from cnnspec.layers import find

    given = {n: given_form(value) for n, value in needed(layer).items() if n not in ("filter", "groups")}
    filters: Filter = layer.value("filter")
    cls = find("depthwise")
    if cls is None or not given.keys() <= cls.arguments.keys():
        return layer
    return cls(kernel=filters.kernel, multiplier=int(filters.count) // channels, **given)


def needed(layer: Layer) -> dict[str, Any]:
    """The arguments that make the layer. One is left out where the others make the same without it."""
    values = {name: layer.value(name) for name in layer.arguments if name != "in"}
    given = {name: given_form(value) for name, value in values.items() if value is not None}
    kept = {name: value for name, value in given.items() if values[name] != layer.arguments[name].default}
    for name in list(kept):
        rest = {other: value for other, value in kept.items() if other != name}
        if not layer.arguments[name].required and makes(layer, rest, values):
            kept = rest
    return {name: values[name] for name in kept}


def given_form(value: Any) -> Any:
    """A value in a form that the layer takes: the four sides of a pad are a list."""
    return list(value) if isinstance(value, tuple) and len(value) == 4 else value


def makes(layer: Layer, given: dict[str, Any], values: dict[str, Any]) -> bool:
    try:
        made = type(layer)(**given)
    except Misfit:
        return False
    return all(made.value(name) == value for name, value in values.items())


def shorten(kind: str, value: Any) -> Any:
    """Equal sides as one number, a pad of equal opposite sides as two."""
    if kind == "pad" and isinstance(value, tuple):
        top, bottom, left, right = map(int, value)
        value = (top, left) if (top, left) == (bottom, right) else (top, bottom, left, right)
    if kind in ("size", "pad", "factor") and isinstance(value, tuple) and len(set(value)) == 1:
        return value[0]
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value
