"""Layers and their arguments as the language writes them, in one line."""

from __future__ import annotations

from typing import Any

from cnnspec.layers.base import Layer, Misfit
from cnnspec.tables.columns import size
from cnnspec.values.kinds import Filter, describe


def layer(it: Layer) -> str:
    """`conv 64@3x3 pad=1`: the layer with the arguments that are not as they would be by themselves."""
    names = {*it.positional, *(name for name, argument in it.arguments.items() if argument.required)}
    given = {name: it.value(name) for name in it.arguments if name in names}
    try:
        usual = type(it)(**given)
    except Misfit:  # it stands only with another argument
        usual = it
    words = [it.name, *(argument(it, name, given[name]) for name in it.positional)]
    for name in it.arguments:
        value = it.value(name)
        if name not in it.positional and name != "in" and (name in names or value != usual.value(name)):
            words.append(f"{name}={argument(it, name, value)}")
    return " ".join(words)


def argument(it: Layer, name: str, value: Any) -> str:
    """An argument's value: windows as `3x3`, steps and pads as `1` where their sides are equal."""
    if isinstance(value, Filter):
        return f"{int(value.count)}@{describe(value.kernel)}"
    if value is None:
        return "none"
    if isinstance(value, tuple) and (len(value) == 4 or not leading(it, name)):
        return size(value)
    return f"{value:g}" if isinstance(value, float) else describe(value)


def leading(it: Layer, name: str) -> bool:
    """Whether the argument stands behind the layer's name, the kernel of its filters too."""
    return name in it.positional or name not in it.arguments
