"""Where a drawn step runs: the shape that arrives, what names and labels mean there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cnnspec.elaborate.naming import NameScope
from cnnspec.layers.base import Layer
from cnnspec.text.source import Source, Span
from cnnspec.values.shapes import Shape

NOWHERE = Span(Source("drawn", ""), 0, 0)


class Refused(Exception):
    """Why a program is no network: the code; of a layer its arguments, what arrives, the one at fault."""

    def __init__(
        self,
        code: str,
        layer: type[Layer] | None = None,
        given: Mapping[str, Any] | None = None,
        shapes: tuple[Shape, ...] = (),
        argument: str | None = None,
    ) -> None:
        super().__init__(code, layer and layer.name, given, shapes, argument)
        self.code, self.layer, self.given, self.shapes = code, layer, given or {}, shapes
        self.argument = argument


class Unforeseen(Exception):
    """What this reading does not know: braces that run again on another shape."""


class Callee(NamedTuple):
    """A layer or a block as a value."""

    name: str


class Marked(NamedTuple):
    """What a label means: the value behind its step, and how the step may run again."""

    shape: Shape
    arriving: Shape | None = None
    step: object = None  # None: there is nothing to run again
    layer: Layer | None = None


@dataclass
class Place:
    """Where a step runs: what arrives, what names mean, how steps are named and found."""

    file: Any  # nets.File
    shape: Any = None  # Shape, None before the first input
    names: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)
    scope: NameScope = field(default_factory=lambda: NameScope("", by_kind=True))
    labels: dict[str, Marked] = field(default_factory=dict)
    outputs: list[tuple[str, Shape, bool]] = field(default_factory=list)  # name, shape, only for training
    varied: bool = False

    def inside(self, scope: NameScope | None = None, names: Mapping[str, Any] | None = None) -> Place:
        """The place within braces."""
        inner = {**self.names, **(names or {})}
        labels, scope = self.labels, scope or self.scope
        defaults = dict(self.defaults)
        return Place(self.file, self.shape, inner, defaults, scope, labels, self.outputs, self.varied)

    def fork(self) -> Place:
        """The same place, to try something."""
        scope = copy_of(self.scope)
        labels, names, defaults = dict(self.labels), dict(self.names), dict(self.defaults)
        return Place(self.file, self.shape, names, defaults, scope, labels, list(self.outputs), self.varied)

    def marked(self, path: str) -> Marked:
        """What a reference means, from the innermost scope outwards."""
        prefix = self.scope.prefix
        while prefix + path not in self.labels:
            if not prefix:
                raise Refused("E0204")
            prefix = prefix[: prefix.rstrip(".").rfind(".") + 1]
        return self.labels[prefix + path]

    def name(self, label: Label | None, kind: str, counts: bool = True) -> str:
        text, scope = label and label(self), self.scope
        *around, text = text.split(".") if text else [text]
        for part in around:
            scope, earlier = scope.within(part, NOWHERE)
            if earlier is not None:
                raise Refused("E0203")
        found, earlier = scope.name(text, kind, NOWHERE) if counts else scope.reserve(text, NOWHERE)
        if earlier is not None:
            raise Refused("E0203")
        return found

    def braces(self, label: Label | None, kind: str) -> tuple[str, Place]:
        """The name of labelled braces, "" for others, and the place within them."""
        if label is None:
            return "", self.inside()
        name = self.name(label, kind)
        return name, self.inside(NameScope(name + ".", by_kind=False))


def copy_of(scope: NameScope) -> NameScope:
    """The names given so far, to try further ones."""
    made = NameScope(scope.prefix, scope.by_kind)
    made.count, made.taken = scope.count, dict(scope.taken)
    made.kinds, made.joins = dict(scope.kinds), dict(scope.joins)
    made.parts = {name: copy_of(within) for name, within in scope.parts.items()}
    return made


class Expression(NamedTuple):
    """An expression, written so that it may stand anywhere, and its value where a step stands."""

    text: str
    value: Callable[[Place], Any]

    def __call__(self, place: Place) -> Any:
        try:
            return self.value(place)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            raise Refused("E0306") from None


class Label(NamedTuple):
    """A label as it is written, and the text that it is where it stands."""

    text: str
    value: Callable[[Place], str]

    def __call__(self, place: Place) -> str:
        return self.value(place)
