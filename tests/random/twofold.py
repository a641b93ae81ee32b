"""Draws blocks with flags, used both ways, and wires around all that the flags decide."""

from __future__ import annotations

from itertools import product
from typing import Any

from cnnspec.elaborate.naming import NameScope
from cnnspec.values.shapes import Shape
from tests.random import words
from tests.random.nets import Block, Parameters
from tests.random.place import Expression, Place
from tests.random.steps import Body, Call, Chain, Group, If, Join, Wire
from tests.random.structures import Structures
from tests.random.values import Number, bare, literal, named, test

FLAGS = ("flag", "act", "wide", "self", "x")


class Twofold(Structures):
    """Draws a block at a place for each setting of its flags: what it says is valid at all of them."""

    def __init__(self, number: Number) -> None:
        super().__init__(number)
        self.makers += [self.both_ways] * 3

    def both_ways(self, place: Place, depth: int) -> Group | None:
        """A new block and its uses, one after the other, those that fit."""
        name = self.free_block()
        if name is None or depth < 2 or place.shape.features > 200:
            return None
        flags = tuple(dict.fromkeys(self.pick(FLAGS) for _ in range(self.number(1, 2))))
        parameters: Parameters = {
            flag: literal(self.chance(50)) if self.chance(40) else None for flag in flags
        }
        settings = [
            dict(zip(flags, answers, strict=True)) for answers in product((True, False), repeat=len(flags))
        ]
        block = Block(name, parameters)
        places = [block.place(place, NameScope("", by_kind=True)) for _ in settings]
        for inner, setting in zip(places, settings, strict=True):
            inner.names |= setting
        before, self.loops = self.loops, []
        block.body = self.statements(places, flags, depth - 1)
        self.loops = before
        if name in self.file.blocks:  # one within it took the name
            return None
        self.file.blocks[name], self.samples[name] = block, settings[0]
        calls, along = [], place.fork()
        for setting in settings:
            call = self.call(name, flags, setting, along)
            if self.fits(call, along):
                call.run(along)
                calls.append(call)
        if not calls:
            del self.file.blocks[name]
            return None
        return Group([Chain(list(calls), broken=self.chance(30))])

    def statements(self, places: list[Place], flags: tuple[str, ...], depth: int) -> Body:
        """Marks, conditional steps, wires, joins, others between them; last what gives back the shape."""
        arriving = places[0].shape
        found: Body = []
        makers = (self.mark, self.condition, self.condition, self.lead, self.joined, self.joined, self.again)
        for number in range(self.number(3, 7)):
            self.left -= 1
            place = self.pick(places).fork()
            if number and self.chance(30):
                made: Any = self.chain(place, depth - 1)
            else:
                step = self.pick(makers)(place, flags, depth)
                made = step and Chain([step])
            self.keep(made, places, found)
        self.keep(Chain(self.closing(places[0], arriving) or []), places, found)
        return found

    def keep(self, made: Any, places: list[Place], found: Body) -> None:
        """Add a statement, if it is valid at all places."""
        if made and made.steps and all(self.fits(made, place) for place in places):
            for place in places:
                made.run(place)
            found.append(made)

    def mark(self, place: Place, *_: Any) -> Call:
        return Call("identity", label=self.label(place, 100))

    def lead(self, place: Place, *_: Any) -> Wire | None:
        """`from` a label."""
        target = words.reference(self, self.pick(list(place.labels)), place) if place.labels else None
        return Wire("from", target) if target else None

    def again(self, place: Place, *_: Any) -> Wire | None:
        """`again`, with a label now and then."""
        known = [key for key, marked in place.labels.items() if marked.step is not None]
        target = words.reference(self, self.pick(known), place) if known else None
        return Wire("again", target, self.label(place, 50)) if target else None

    def condition(self, place: Place, flags: tuple[str, ...], depth: int) -> If | None:
        """An `if` of a flag, both ways leading to the shape that arrives."""
        label, wanted = self.label(place, 20), place.shape
        inner = place.fork().braces(label, "if")[1]
        sides = [self.side(inner.inside().fork(), wanted, flags, depth) for _ in range(2)]
        if sides[0] is None:
            return None
        return If(bare(self.flag(flags, place)), sides[0], sides[1] if self.chance(60) else None, label)

    def flag(self, flags: tuple[str, ...], place: Place) -> Expression:
        """A test of a flag, on its own or with something else."""
        one = named(self.pick(flags))
        form = self.number(0, 3)
        if form == 3:
            other = named(flags[-1]) if one.text != flags[-1] else test(self, self.chance(50), place)
            return Expression(f"({one.text} and {other.text})", lambda at: one(at) and other(at))
        return Expression(f"(not {one.text})", lambda at: not one(at)) if form == 2 else one

    def side(self, place: Place, wanted: Shape, flags: tuple[str, ...], depth: int) -> Body | None:
        """What a branch or a path does: nothing, a wire alone, a mark, conditions, layers and wires."""
        along, body = place.fork(), []
        forms = self.pick(("", "w", "w", "wl", "m", "lm", "l", "lwl", "c", "cwl", "lc", "a", "la"))
        makers = {"w": self.lead, "m": self.mark, "a": self.again}
        for form in forms:
            if form == "l":
                step: Any = self.layer(along, 0)
            elif form == "c":
                step = self.condition(along, flags, depth - 1) if depth > 0 else None
            else:
                step = makers[form](along)
            if step is not None and self.fits(step, along):
                step.run(along)
                body.append(step)
        return self.closed([Chain(body)] if body else [], place, wanted)

    def joined(self, place: Place, flags: tuple[str, ...], depth: int) -> Join | None:
        """A join of wires, conditional steps and layers; a path of it may be there for one setting alone."""
        kind, label = self.pick(("add", "mul", "concat", "sub")), self.label(place, 20)
        inner, wanted = place.fork().braces(label, kind)[1], place.shape
        paths: list[Body] = []
        for _ in range(2 if kind == "sub" else self.number(2, 3)):
            along = inner.inside()
            if kind != "sub" and self.chance(10):
                bodies = (self.absent(along), [Chain([Call("identity")])])
                paths.append([Chain([If(bare(self.flag(flags, place)), *bodies)])])
            else:
                path = self.side(along, wanted, flags, depth)
                paths.append(path or [Chain([Call("identity")])])
        return Join(kind, [], paths, label=label)
