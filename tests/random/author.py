"""Draws statements and steps one after the other, each valid for what arrives at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnspec.layers import NAMES, find
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape
from tests.random import words
from tests.random.arguments import arguments, drawn
from tests.random.nets import File
from tests.random.place import Callee, Expression, Place, Refused, Unforeseen
from tests.random.steps import Body, Call, Chain, Constant, Default, Group, Require, Wire
from tests.random.values import Choose, Number, bare, filters, spell, test

SIDE, CHANNELS, FEATURES = 20, 64, 2000
"""No value of a step grows larger."""

MOST = 60
"""So many layers a step unfolds to at most."""

LEAVES = tuple(name for name in NAMES if not find(name).is_join)  # type: ignore[union-attr]
SIMPLE = ("relu", "tanh", "hardswish", "gelu", "sigmoid", "identity", "batchnorm", "dropout")


class Author(Choose):
    """Draws bodies. Makers of single steps that know each other only through it stand in subclasses."""

    def __init__(self, number: Number) -> None:
        super().__init__(number)
        self.file = File()
        self.left = 30  # steps that may still be drawn, in braces and out
        self.loops: list[str] = []  # around the step being drawn, in its scope of labels
        self.makers: list[Callable[[Place, int], Any]] = [self.group, self.callee, self.wire]

    def fits(self, statement: Any, place: Place) -> bool:
        """Whether a statement may stand at a place, and unfolds to nothing large."""
        there, before = place.fork(), self.file.ran
        try:
            statement.run(there)
        except (Refused, Unforeseen):
            return False
        x = there.shape
        sides = x.size if x.is_map else (1,)
        small = x.channels <= (CHANNELS if x.is_map else FEATURES) and x.features <= FEATURES
        return small and max(sides) <= SIDE and self.file.ran - before <= MOST

    def body(self, place: Place, most: int, depth: int) -> Body:
        """Statements that run on from a place, which they change."""
        found: Body = []
        for _ in range(self.number(1, most)):
            statement = self.statement(place, depth)
            statement.run(place)
            found.append(statement)
        return found

    def statement(self, place: Place, depth: int) -> Any:
        form = self.number(1, 20)
        made: Any = None
        if form == 20:
            made = Constant(self.pick(words.NAMES), bare(spell(self, self.value(place), place)))
        elif form == 19:
            made = self.default(place)
        elif form == 18:
            made = Require(bare(test(self, True, place)), self.pick(("", "it must", "a {brace}")))
        return made if made and self.fits(made, place) else self.chain(place, depth)

    def value(self, place: Place) -> Any:
        """Something that a name may hold."""
        form = self.number(0, 8)
        if form in (1, 7, 8):
            return [self.number(1, 8) for _ in range(self.number(1, 4))]
        if form == 2:
            return Filter(self.number(1, 8), (self.number(1, 3), self.number(1, 3)))
        if form == 3:
            return Callee(self.pick(SIMPLE))
        if form == 4:
            return self.chance(50)
        if form == 5:
            return self.pick(((1, 2), (3, 3), 0.5, 0.25))
        return self.number(1, 8)

    def default(self, place: Place) -> Default | None:
        cls = find(self.pick(LEAVES))
        assert cls is not None
        kinds = ("flag", "float", "word", "pad", "size", "count", "text")
        known = [name for name, argument in cls.arguments.items() if argument.kind in kinds and name != "in"]
        if not known or not place.shape:
            return None
        name = self.pick(known)
        value = drawn(self, name, cls.arguments[name], place, {})
        return None if value is None else Default(cls.name, {name: bare(spell(self, value, place))})

    def chain(self, place: Place, depth: int) -> Chain:
        there, steps = place.fork(), []
        for _ in range(self.number(1, 3)):
            steps.append(self.step(there, depth))
            steps[-1].run(there)
        claim = self.claim(there) if self.chance(12) else None
        return Chain(steps, claim, self.chance(15))

    def claim(self, place: Place) -> Expression:
        x: Shape = place.shape
        if not x.is_map:
            return spell(self, int(x.channels), place)
        return filters(spell(self, int(x.channels), place), spell(self, x.size, place))

    def step(self, place: Place, depth: int) -> Any:
        """A step that fits."""
        self.left -= 1
        makers = [self.layer] * (len(self.makers) + 4) + self.makers * (depth > 0 and self.left > 0)
        made = self.pick(makers)(place, depth)
        return made if made and self.fits(made, place) else self.layer(place, depth)

    def label(self, place: Place, percent: int = 25) -> Any:
        return words.label(self, place, self.loops, percent)

    # Steps

    def layer(self, place: Place, depth: int) -> Call:
        """A layer of the registry."""
        for _ in range(4):
            cls = find("conv" if self.chance(20) else self.pick(LEAVES))
            assert cls is not None
            given = arguments(self, cls, place)
            if given is None:
                continue
            call = self.call(cls.name, cls.positional, given, place)
            if self.fits(call, place):
                return call
        return Call("relu") if self.fits(Call("relu"), place) else Call("identity")

    def call(self, head: str, positional: tuple[str, ...], given: dict[str, Any], place: Place) -> Call:
        """A call with these arguments, the first ones by their place or all by name."""
        call = Call(head, label=self.label(place))
        for name in positional:
            if name not in given or self.chance(15):
                break
            call.positional.append(spell(self, given[name], place))
        for name in list(given)[len(call.positional) :] if positional[:1] == tuple(given)[:1] else given:
            if name not in positional[: len(call.positional)]:
                call.keywords[name] = bare(spell(self, given[name], place))
        return call

    def callee(self, place: Place, depth: int) -> Call | None:
        """A name that holds a layer or a block."""
        held = [name for name, value in place.names.items() if isinstance(value, Callee)]
        free = [name for name in held if name not in NAMES and name not in self.file.blocks]
        return Call(self.pick(free), label=self.label(place)) if free else None

    def wire(self, place: Place, depth: int) -> Wire | None:
        if not place.labels:
            return None
        key = self.pick(list(place.labels))
        target = words.reference(self, key, place)
        if target and place.labels[key].step is not None and self.chance(50):
            return Wire("again", target, self.label(place))
        return Wire("from", target) if target else None

    def group(self, place: Place, depth: int) -> Group | None:
        label = self.label(place, 60)
        inner = place.fork().braces(label, "group")[1]
        return Group(self.within(inner, 3, depth - 1, [] if label else self.loops), label)

    def within(self, place: Place, most: int, depth: int, loops: list[str]) -> Body:
        """A body in braces of some kind, inside these loops."""
        before, self.loops = self.loops, loops
        made = self.body(place, most, depth)
        self.loops = before
        return made

    def closing(self, place: Place, wanted: Shape) -> list[Any] | None:
        """Steps from what arrives to a shape that is wanted; None where there is no way."""
        if wanted.is_map and not place.shape.is_map:
            return None
        along = place.fork()
        try:
            steps = self.way(along, wanted)
        except Refused:  # a name is taken
            return None
        return steps if along.shape == wanted else None

    def way(self, along: Place, wanted: Shape) -> list[Any]:
        steps: list[Any] = []
        if not wanted.is_map and along.shape.is_map:
            steps.append(Call("flatten"))
            steps[-1].run(along)
        if wanted.is_map and along.shape.size != wanted.size:
            smaller = all(n <= m for n, m in zip(wanted.size, along.shape.size, strict=True))
            form = self.pick(("adaptiveavgpool", "adaptivemaxpool", "upsample", "crop"))
            form = "upsample" if form == "crop" and not smaller else form
            steps.append(Call(form, [], {"size": spell(self, wanted.size, along)}))
            steps[-1].run(along)
        if along.shape.channels != wanted.channels:
            count = spell(self, int(wanted.channels), along)
            one = Expression("1x1", lambda _: (1, 1))
            steps.append(Call("conv", [filters(count, one)]) if wanted.is_map else Call("linear", [count]))
            steps[-1].run(along)
        return steps
