"""Strategies of whole files: `files()` draws one that is nearly always valid."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import strategies as st

from cnnspec.values.kinds import Filter
from tests.random import words
from tests.random.nets import File, Input, Net, Output, Variant
from tests.random.place import Place, Refused, Unforeseen
from tests.random.steps import Constant
from tests.random.twofold import Twofold
from tests.random.values import Number, bare, spell

NETS = ("N", "Net", "Module", "Other", "Wide")
DEPTH = 3


class Files(Twofold):
    """Draws one file."""

    def drawn(self) -> File:
        for _ in range(self.number(0, 2)):
            name = self.pick(("base", "widths", "k", "size_", "np", "nn"))
            if name not in self.file.names:
                place = Place(self.file, None, self.file.names)
                self.file.constants.append(Constant(name, bare(spell(self, self.value(place), place))))
        self.net(NETS[0])
        if self.chance(10):
            self.left = 10
            self.net(NETS[1])
        for name in NETS[2:]:
            if self.chance(25):
                self.variant(name)
        return self.file

    def net(self, name: str) -> None:
        start = Place(self.file, None, self.file.names)
        parameters, values = self.parameters(start, 100)
        net = Net(name, parameters)
        place = Place(self.file, None, {**self.file.names, **values})
        for label in (None,) if self.chance(85) else ("left", "right"):
            given = self.input(place, label)
            given.run(place)
            net.body.append(given)
        self.loops = []
        net.body += self.body(place, 5, DEPTH)
        net.body += self.outputs(place)
        self.file.nets.append(net)
        self.samples[name] = values

    def input(self, place: Place, label: str | None) -> Input:
        shape: Any = Filter(self.number(1, 4), (self.number(3, 12), self.number(3, 12)))
        if self.chance(10):
            shape = self.number(1, 20)
        elif self.chance(60):
            shape = Filter(shape.count, (shape.kernel[0],) * 2)
        images = self.pick(("", "", "", " mean=0.5", " mean=0.5 std=0.25"))
        named = words.Label(label, lambda _: label) if label else None
        nothing = Place(self.file, None, place.names)
        return Input(spell(self, shape, nothing), named, images)

    def outputs(self, place: Place) -> list[Output]:
        """None, or lines that name outputs, the first of them not for training alone."""
        found: list[Output] = []
        names: set[str] = set()
        for _ in range(self.number(1, 3) if self.chance(50) else 0):
            key = self.pick(list(place.labels)) if place.labels else ""
            target = words.reference(self, key, place) if key else None
            if target and key.rpartition(".")[2] not in names:
                names.add(key.rpartition(".")[2])
                found.append(Output([target], bool(found) and self.chance(60)))
        if len(found) > 1 and found[0].train == found[1].train:
            found[:2] = [Output([*found[0].targets, *found[1].targets], found[0].train)]
        return found

    def variant(self, name: str) -> None:
        """Another net with other parameters, where that is valid; the first net may become a pattern."""
        pattern = self.pick([*(net.name for net in self.file.nets), *(v.name for v in self.file.variants)])
        net, _ = self.file.given()[pattern]
        if not net.parameters:
            return
        place = Place(self.file, None, self.file.names)
        chosen = self.pick(list(net.parameters))
        default = net.parameters[chosen]
        value = self.samples[net.name][chosen]
        if type(value) is int:
            value = max(1, value + self.number(-1, 3))
        variant = Variant(name, pattern, {chosen: bare(spell(self, value, place))})
        self.file.variants.append(variant)
        if not self.runs():
            self.file.variants.remove(variant)
        elif self.chance(20):
            net.parameters[chosen] = None
            if not self.runs():
                net.parameters[chosen] = default

    def runs(self) -> bool:
        before = self.file.ran
        try:
            return bool(self.file.run()) and self.file.ran - before < 400
        except (Refused, Unforeseen):
            return False


def numbers(draw: st.DrawFn) -> Number:
    return lambda low, high: draw(st.integers(low, high))


@st.composite
def files(draw: st.DrawFn) -> File:
    """Files over the whole language."""
    return Files(numbers(draw)).drawn()


def seeded(seed: int) -> str:
    """The text of a file; the same seed draws the same, in the time that hypothesis takes to begin."""
    return str(Files(Random(seed).randint).drawn())
