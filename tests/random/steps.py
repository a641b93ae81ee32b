"""Drawn steps: how they are written, and what they make of shapes.

This is a second, small reading of the language. It knows no text: a program is made of these nodes, each of
which writes itself and runs on the shape that arrives, asking the layers themselves what they make of it.
What no network can be raises Refused, with the layer that PyTorch may be asked about.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cnnspec.layers import NAMES, find
from cnnspec.layers.base import Layer, Misfit, convert
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape
from tests.random.place import Callee, Expression, Label, Marked, Place, Refused, Unforeseen

Body = list[Any]
"""Statements: Constant, Default, Require and Chain."""


def run(body: Body, place: Place) -> None:
    for statement in body:
        statement.run(place)


def braces(body: Body) -> str:
    return "{\n" + "".join(f"{statement}\n" for statement in body) + "}"


def labelled(label: Label | None, text: str) -> str:
    return f"{label.text}: {text}" if label else text


@dataclass
class Constant:
    name: str
    value: Expression
    said: Any = None

    def __str__(self) -> str:
        return f"{self.name} = {self.value.text}"

    def run(self, place: Place) -> None:
        self.said = place.names[self.name] = self.value(place)


@dataclass
class Default:
    layer: str
    keywords: dict[str, Expression]

    def __str__(self) -> str:
        return f"default {self.layer} " + " ".join(f"{k}={v.text}" for k, v in self.keywords.items())

    def run(self, place: Place) -> None:
        given = {name: value(place) for name, value in self.keywords.items()}
        cls = find(self.layer)
        try:
            for name, value in given.items() if cls else ():
                convert(name, cls.arguments[name], value)
        except Misfit as misfit:
            raise Refused(misfit.code) from None
        place.defaults[self.layer] = {**place.defaults.get(self.layer, {}), **given}


@dataclass
class Require:
    test: Expression
    message: str = ""

    def __str__(self) -> str:
        return f"require {self.test.text}" + (f', "{self.message}"' if self.message else "")

    def run(self, place: Place) -> None:
        if not self.test(place):
            raise Refused("E0407")


@dataclass
class Chain:
    steps: list[Any]
    claim: Expression | None = None
    broken: bool = False  # over lines
    claimed: Any = None  # where it ran last

    def __str__(self) -> str:
        text = (",\n" if self.broken else ", ").join(map(str, self.steps))
        apart = "\n" if self.broken else " "
        return f"{text}{apart}-> {self.claim.text}" if self.claim else text

    def run(self, place: Place) -> None:
        for step in self.steps:
            step.run(place)
        if self.claim is not None and not place.varied:
            self.claimed = self.claim(place)
            if as_shape(self.claimed) != place.shape:
                raise Refused("E0403")


def as_shape(value: Any) -> Shape:
    """What `16@5x5` or `400` says."""
    return Shape(value.count, *value.kernel) if isinstance(value, Filter) else Shape(value)


@dataclass
class Call:
    """A layer, a block, or a name that holds one."""

    head: str
    positional: list[Expression] = field(default_factory=list)
    keywords: dict[str, Expression] = field(default_factory=dict)
    label: Label | None = None
    said: dict[str, Any] = field(default_factory=dict)  # its arguments where it ran last

    def __str__(self) -> str:
        words = [self.head, *(p.text for p in self.positional)]
        return labelled(self.label, " ".join([*words, *(f"{k}={v.text}" for k, v in self.keywords.items())]))

    def target(self, place: Place) -> str:
        if self.head in NAMES or self.head in place.file.blocks:
            return self.head
        if self.head == "none":
            raise Refused("E0214")
        callee = place.names.get(self.head)
        if not isinstance(callee, Callee):
            raise Refused("E0201")
        return callee.name

    def given(self, names: tuple[str, ...], place: Place) -> dict[str, Any]:
        if len(self.positional) > len(names):
            raise Refused("E0301")
        self.said = dict(zip(names, (value(place) for value in self.positional), strict=False))
        self.said |= {name: value(place) for name, value in self.keywords.items()}
        return self.said

    def run(self, place: Place) -> None:
        target, arriving = self.target(place), place.shape
        place.file.ran += 1
        if target == "identity":
            if self.label is not None:
                place.labels[place.name(self.label, target, counts=False)] = Marked(arriving)
            return
        name, layer = place.name(self.label, target.lower()), None
        if target in place.file.blocks:
            block = place.file.blocks[target]
            place.shape = block.shape(self.given(tuple(block.parameters), place), place)
        else:
            cls = find(target)
            assert cls is not None
            given = {**place.defaults.get(target, {}), **self.given(cls.positional, place)}
            layer, place.shape = settled(cls, given, arriving)
        if self.label is not None:
            place.labels[name] = Marked(place.shape, arriving, self, layer)


def settled(cls: type[Layer], given: dict[str, Any], x: Shape) -> tuple[Layer, Shape]:
    """A layer of these arguments and what it makes of a shape."""
    try:
        layer = cls(**given)
        return layer, layer.output(x)
    except Misfit as misfit:
        raise Refused(misfit.code, cls, given, (x,), misfit.argument) from None


@dataclass
class Group:
    body: Body
    label: Label | None = None

    def __str__(self) -> str:
        return labelled(self.label, braces(self.body))

    def run(self, place: Place) -> None:
        arriving = place.shape
        name, inner = place.braces(self.label, "group")
        run(self.body, inner)
        place.shape = inner.shape
        if name:
            place.labels[name] = Marked(inner.shape, arriving, self)


def items(source: Expression, names: list[str], place: Place) -> list[dict[str, Any]]:
    """What loop names hold, turn by turn."""
    value = source(place)
    if isinstance(value, int) and value < 0:
        raise Refused("E0307")
    turns = range(value) if isinstance(value, int) else value
    if len(names) < 2:
        return [dict.fromkeys(names, turn) for turn in turns]
    try:
        return [dict(zip(names, turn, strict=True)) for turn in turns]
    except (TypeError, ValueError):
        raise Refused("E0306") from None


@dataclass
class Repeat:
    source: Expression
    names: list[str]
    body: Body
    label: Label | None = None

    def __str__(self) -> str:
        each = f"{', '.join(self.names)} in " if self.names else ""
        return labelled(self.label, f"repeat {each}{self.source.text} {braces(self.body)}")

    def run(self, place: Place) -> None:
        arriving, turns = place.shape, items(self.source, self.names, place)
        name, inner = place.braces(self.label, "repeat")
        for names in turns:
            turn = inner.inside(names=names)
            turn.shape = place.shape
            run(self.body, turn)
            place.shape = turn.shape
        if name:
            place.labels[name] = Marked(place.shape, arriving, self)


@dataclass
class If:
    test: Expression
    then: Body
    otherwise: Body | None = None
    label: Label | None = None

    def __str__(self) -> str:
        text = f"if {self.test.text} {braces(self.then)}"
        if self.otherwise is not None:
            match self.otherwise:
                case [Chain(steps=[If(label=None) as other], claim=None)]:
                    text += f" else {other}"
                case _:
                    text += f" else {braces(self.otherwise)}"
        return labelled(self.label, text)

    def taken(self, place: Place) -> Body | None:
        return self.then if self.test(place) else self.otherwise

    def run(self, place: Place) -> None:
        arriving, body = place.shape, self.taken(place)
        if body is None:
            return
        name, inner = place.braces(self.label, "if")
        run(body, inner)
        place.shape = inner.shape
        if name:
            place.labels[name] = Marked(place.shape, arriving, self)


def none() -> Body:
    """The path that is not there."""
    return [Chain([Call("none")])]


def is_none(body: Body, place: Place) -> bool:
    """Whether a path is just `none`, at once or by an `if` that is the whole path."""
    match body:
        case [Chain(steps=[Call(head="none")])]:
            return True
        case [Chain(steps=[If() as choice])]:
            taken = choice.taken(place)
            return taken is not None and is_none(taken, place)
    return False


@dataclass
class Join:
    kind: str
    head: Body
    paths: list[Body]
    names: list[str] = field(default_factory=list)
    source: Expression | None = None  # of `for names in source`
    label: Label | None = None

    def __str__(self) -> str:
        each = f" for {', '.join(self.names)} in {self.source.text}" if self.source else ""
        paths = "".join("| " + "\n".join(map(str, path)) + "\n" for path in self.paths)
        return labelled(self.label, f"{self.kind}{each} {braces(self.head)[:-1]}{paths}}}")

    def run(self, place: Place) -> None:
        cls = find(self.kind)
        assert cls is not None
        arriving, (name, inner) = place.shape, place.braces(self.label, self.kind)
        shapes = []
        for names in items(self.source, self.names, place) if self.source else [{}]:
            turn = inner.inside(names=names)
            run(self.head, turn)
            for path in self.paths:
                along = turn.inside()
                if not is_none(path, along):
                    run(path, along)
                    shapes.append(along.shape)
        if not shapes:
            raise Refused("E0214")
        place.shape = shapes[0]
        if len(shapes) > 1:
            try:
                place.shape = cls().join(tuple(shapes))  # type: ignore[attr-defined]
            except Misfit as misfit:
                raise Refused(misfit.code, cls, {}, tuple(shapes)) from None
        if not name:
            place.scope.join_path(self.kind)
        else:
            place.labels[name] = Marked(place.shape, arriving, self)


@dataclass
class Wire:
    verb: str  # from, again
    target: Label
    label: Label | None = None  # of `again`

    def __str__(self) -> str:
        return labelled(self.label, f"{self.verb} {self.target.text}")

    def run(self, place: Place) -> None:
        marked = place.marked(self.target(place))
        if self.verb == "from":
            place.shape = marked.shape
            return
        self.rerun(marked, place)
        if self.label is not None:
            place.labels[place.name(self.label, self.verb, counts=False)] = Marked(place.shape)

    @staticmethod
    def rerun(marked: Marked, place: Place) -> None:
        if marked.step is None:
            raise Refused("E0214")
        if place.shape == marked.arriving:
            place.shape = marked.shape
            return
        if marked.layer is None or marked.arriving is None:
            raise Unforeseen
        layer, first, now = marked.layer, marked.arriving, place.shape
        try:
            place.shape = layer.output(now)
        except Misfit as misfit:
            raise Refused(misfit.code) from None
        if layer.weights(first) != layer.weights(now) or layer.torch(first) != layer.torch(now):
            raise Refused("E0408")
