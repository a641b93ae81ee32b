"""The functions of a program that construct layers, for what many of them have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from cnnspec.backends.names import Names
from cnnspec.backends.torch.columns import agree
from cnnspec.graph.tree import Leaf
from cnnspec.layers.base import Call
from cnnspec.values.symbols import Symbol

PACKED = "PackedConv2d"


def packed(call: Call) -> Call:
    """The call with convolutions that lay their weights out once."""
    args = tuple(packed(value) if isinstance(value, Call) else value for value in call.args)
    if call.name != "nn.Conv2d":
        return Call(call.name, args, call.kwargs)
    return Call(PACKED, args, {**call.kwargs, "activation": call.kwargs.get("activation", "none")})


class Factory(NamedTuple):
    """A function of the program that constructs one torch class, for what its uses have in common."""

    name: str
    target: str
    positional: int
    varying: dict[str, list[Any]]  # the keywords that are its parameters, and the values that they take
    shared: dict[str, Any]


def find_factories(modules: Iterable[tuple[Leaf, Call, frozenset[str]]], names: Names) -> dict[str, Factory]:
    """A factory for each torch class that is constructed in several places with much in common.

    `modules`: the layers, their constructions and the names that stay open in these.
    """
    found: dict[str, dict[Any, list[Call]]] = {}
    kinds: dict[str, str] = {}
    opened: dict[str, set[str]] = {}
    for leaf, module, free in modules:
        for call in calls(module):
            found.setdefault(call.name, {}).setdefault(leaf.span, []).append(call)
            kinds.setdefault(call.name, leaf.layer.name)
            named = {key for key, value in call.kwargs.items() if is_open(value, free)}
            opened.setdefault(call.name, set()).update(named)
    made = {}
    for target, places in found.items():
        constructed = [call for same_place in places.values() for call in same_place]
        first = constructed[0]
        alike = {(len(call.args), tuple(call.kwargs)) for call in constructed}
        written = {(span, repr(call)) for span, same_place in places.items() for call in same_place}
        if target.startswith(("nn.", PACKED)) and len(written) > 2 and len(alike) == 1:
            columns = {key: [call.kwargs[key] for call in constructed] for key in first.kwargs}
            shared = {k: c[0] for k, c in columns.items() if agree(c) and k not in opened[target]}
            if len(shared) > 1:
                varying = {key: column for key, column in columns.items() if key not in shared}
                name = names.local(kinds[target])
                made[target] = Factory(name, target, len(first.args), varying, shared)
    return made


def is_open(value: Any, free: frozenset[str]) -> bool:
    """Whether a value depends on a name that stays a parameter of its class."""
    if isinstance(value, tuple | list):
        return any(is_open(item, free) for item in value)
    return isinstance(value, Symbol) and bool(value.names & free)


def calls(call: Call) -> Iterator[Call]:
    """A call and the calls among its arguments."""
    yield call
    for value in (*call.args, *call.kwargs.values()):
        if isinstance(value, Call):
            yield from calls(value)


def shortened(call: Call, factories: Mapping[str, Factory]) -> Call:
    """The call by its factory, and the calls among its arguments likewise."""
    args = tuple(shortened(value, factories) if isinstance(value, Call) else value for value in call.args)
    kwargs = {k: shortened(v, factories) if isinstance(v, Call) else v for k, v in call.kwargs.items()}
    factory = factories.get(call.name)
    if factory is None:
        return Call(call.name, args, kwargs)
    return Call(factory.name, args, {key: kwargs[key] for key in factory.varying})
