"""Draws what has braces or parts of its own: repeats, conditions, joins, blocks."""

from __future__ import annotations

from typing import Any

from cnnspec.elaborate.naming import NameScope
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape
from tests.random import words
from tests.random.author import SIMPLE, Author
from tests.random.nets import Block, Parameters, Shipped, library
from tests.random.place import Callee, Place, Refused
from tests.random.steps import Body, Call, Chain, Constant, Default, If, Join, Repeat, is_none, items, none
from tests.random.values import Number, bare, spell, test

JOINS = ("add", "sub", "mul", "maximum", "minimum", "concat")
BLOCKS = ("A", "B", "Unit", "Model", "Sequential", "Conv", "block_1", "Tensor")


class Structures(Author):
    def __init__(self, number: Number) -> None:
        super().__init__(number)
        self.samples: dict[str, dict[str, Any]] = {}  # of each block: arguments that it was drawn for
        self.makers += [self.repeat, self.repeat, self.branch, self.join, self.join]
        self.makers += [self.known_block, self.new_block, self.shipped]

    # Repeats

    def turns(self, place: Place) -> tuple[list[str], Any]:
        """Loop names, and what they run over."""
        form = self.number(0, 5)
        names = [self.pick(words.NAMES)]
        if form == 0:
            return [], self.number(1, 3)
        if form == 1:
            return names, self.number(1, 4)
        first = [self.number(1, 6) for _ in range(self.number(1, 3))]
        known = [v[:2] for v in place.names.values() if isinstance(v, list) and type(v[0]) is int]
        if known and self.chance(90):
            first = self.pick(known)
        if form < 5:
            return names, first
        other = self.pick([name for name in words.NAMES if name not in names])
        return [*names, other], [[item, self.number(1, 4)] for item in first]

    def repeat(self, place: Place, depth: int) -> Repeat | None:
        label = self.label(place, 30)
        names, turns = self.turns(place)
        source = spell(self, turns, place)
        inner = place.fork().braces(label, "repeat")[1]
        first, *others = items(source, names, place)
        turn = inner.inside(names=first)
        loops = [] if label else list(self.loops)
        if others:
            different = names and len({one[names[0]] for one in (first, *others)}) > len(others)
            loops.append(names[0] if different else "")
        body = self.within(turn, 3, depth - 1, loops)
        made = Repeat(bare(source), names, body, label)
        if self.fits(made, place):
            return made
        closing = self.closing(turn, place.shape)
        return Repeat(bare(source), names, [*body, Chain(closing)], label) if closing else None

    # Conditions

    def branch(self, place: Place, depth: int, wanted: Shape | None = None) -> If | None:
        """An `if`; where a shape is wanted, both its bodies end in it."""
        label = self.label(place, 20)
        taken = self.chance(50)
        inner = place.fork().braces(label, "if")[1]
        bodies: list[Body | None] = []
        for _ in range(2):
            along = inner.inside().fork()
            body = self.within(along, 2, depth - 1, [] if label else self.loops)
            closing = self.closing(along, wanted) if wanted else []
            if closing is None:
                return None
            bodies.append([*body, Chain(closing)] if closing else body)
        if not wanted and self.chance(50):
            bodies[1] = None
        elif self.chance(20):
            bodies[1] = [Chain([If(test(self, True, place), bodies[1] or [], None)])]
        return If(bare(test(self, taken, place)), bodies[0] or [], bodies[1], label)

    # Joins

    def join(self, place: Place, depth: int) -> Join | None:
        kind = self.pick(JOINS)
        label = self.label(place, 20)
        inner = place.fork().braces(label, kind)[1]
        made = Join(kind, [], [], label=label)
        before, self.loops = self.loops, [] if label else self.loops
        if self.chance(20):
            made.head.append(Constant("full", bare(spell(self, int(place.shape.channels), place))))
            made.head[0].run(inner)
        if kind != "sub" and self.chance(15):
            made.names, turns = [self.pick(words.NAMES)], self.pick((2, [1, 2], [3, 1], 3))
            made.source = spell(self, turns, place)
            inner = inner.inside(names=items(made.source, made.names, inner)[0])
            self.loops = [*self.loops, *made.names]
        wanted: Shape | None = None
        for _ in range(2 if kind == "sub" else self.number(1, 3)):
            along = inner.inside()
            path = self.path(kind, along, depth, wanted)
            if path is None:
                continue
            made.paths.append(path)
            if not is_none(path, inner.inside()):
                wanted = wanted or along.shape
        self.loops = before
        return made if made.paths else None

    def path(self, kind: str, place: Place, depth: int, wanted: Shape | None) -> Body | None:
        """A path, and the place at its end. `wanted` is the first path's shape."""
        form = self.number(0, 9)
        if form == 9 or (form == 8 and wanted is None):
            return self.absent(place)
        if kind == "mul" and form == 7 and place.shape.is_map and wanted:
            if self.chance(50):
                return self.closed([Chain([Call("channelmean")])], place, wanted.with_channels(1))
            return self.closed([Chain([Call("globalavgpool")])], place, Shape(wanted.channels, 1, 1))
        if form == 8 and wanted and kind != "concat":
            choice = self.branch(place, depth, wanted)
            return choice and self.closed([Chain([choice])], place, wanted)
        body: Body = [Chain([Call("identity")])]
        start = place.fork()
        if form < 6:
            body = self.within(place.fork(), 2, depth - 1, self.loops)
        if wanted is None:
            return self.closed(body, place, None)
        for statement in body:
            statement.run(start)
        if kind == "concat":
            wanted = (
                Shape(start.shape.channels, wanted.height, wanted.width) if wanted.is_map else start.shape
            )
            wanted = wanted if wanted.is_map or not start.shape.is_map else Shape(start.shape.features)
        return self.closed(body, place, wanted)

    def closed(self, body: Body, place: Place, wanted: Shape | None) -> Body | None:
        """The body run, and what it takes to the shape that is wanted."""
        try:
            for statement in body:
                statement.run(place)
        except Refused:
            return None
        closing = self.closing(place, wanted) if wanted else []
        if closing is None:
            return None
        for step in closing:
            step.run(place)
        return [*body, Chain(closing)] if closing else body

    def absent(self, place: Place) -> Body:
        """A path that is not there, at once or by an `if`."""
        if self.chance(40):
            return none()
        identity: Body = [Chain([Call("identity")])]
        taken = self.chance(30)
        bodies = (none(), identity) if taken else (identity, none())
        return [Chain([If(bare(test(self, taken, place)), *bodies)])]

    # Blocks

    def parameters(self, place: Place, default: int) -> tuple[Parameters, dict[str, Any]]:
        """Parameters of a block or a net, and a value for each; so many of 100 have a default."""
        inside = Place(self.file, None, self.file.names)
        found: Parameters = {}
        values: dict[str, Any] = {}
        for _ in range(self.number(0, 3)):
            name, value = self.pick(words.NAMES), self.value(place)
            if name not in found:
                found[name] = bare(spell(self, value, inside)) if self.chance(default) else None
                values[name] = inside.names[name] = value
        return found, values

    def free_block(self) -> str | None:
        taken = {*self.file.blocks, *(constant.name for constant in self.file.constants)}
        free = [name for name in BLOCKS if name not in taken]
        return self.pick(free) if free else None

    def new_block(self, place: Place, depth: int) -> Call | None:
        name = self.free_block()
        if name is None:
            return None
        parameters, values = self.parameters(place, 50)
        block = Block(name, parameters)
        inner = block.place(place, NameScope("", by_kind=False))
        inner.names |= values
        block.body = self.within(inner, 3, depth - 1, [])
        if name in self.file.blocks:  # one within it took the name
            return None
        self.file.blocks[name], self.samples[name] = block, values
        given = {k: v for k, v in values.items() if parameters[k] is None or self.chance(50)}
        call = self.call(name, tuple(parameters), given, place)
        if not self.fits(call, place):
            del self.file.blocks[name]
            return None
        return call

    def default(self, place: Place) -> Default | None:
        """For a layer, or for a block that is known."""
        known = [
            block for block in self.file.blocks.values() if isinstance(block, Block) and block.parameters
        ]
        if not known or self.chance(70):
            return super().default(place)
        block = self.pick(known)
        name = self.pick(list(block.parameters))
        return Default(block.name, {name: bare(spell(self, self.samples[block.name][name], place))})

    def known_block(self, place: Place, depth: int) -> Call | None:
        known = [block for block in self.file.blocks.values() if isinstance(block, Block)]
        if not known:
            return None
        block = self.pick(known)
        given = {}
        for name, value in self.samples[block.name].items():
            if block.parameters[name] is None or self.chance(40):
                given[name] = self.near(value) if self.chance(50) else value
        return self.call(block.name, tuple(block.parameters), given, place)

    def near(self, value: Any) -> Any:
        """Another value of a parameter, where there is one that is likely to fit."""
        if isinstance(value, bool):
            return not value
        return max(1, value + self.number(-2, 3)) if type(value) is int else value

    def shipped(self, place: Place, depth: int) -> Call | None:
        """A block of the library."""
        if not place.shape.is_map or not self.chance(50):
            return None
        block: Shipped = self.pick(library())
        given: dict[str, Any] = {}
        for name, default in block.parameters.items():
            if default is None:
                count = 4 * self.number(1, 3)
                given[name] = Filter(count, (1, 1)) if name == "filter" else count
            elif self.chance(25):
                given[name] = self.another(default)
        self.file.blocks.setdefault(block.name, block)
        return self.call(block.name, tuple(block.parameters), given, place)

    def another(self, default: str) -> Any:
        """A value of the kind of a default."""
        if default in ("yes", "no"):
            return default == "no"
        return self.number(1, 4) if default.isdigit() else Callee(self.pick(SIMPLE))
