"""Drawn files: blocks, nets and their variants, and the shipped blocks that they use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass
from functools import cache
from typing import Any, NamedTuple

from cnnspec.compiler import check_text
from cnnspec.elaborate.naming import NameScope
from cnnspec.layers import NAMES
from cnnspec.text.resources import folder
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape
from tests.random.place import Callee, Expression, Label, Marked, Place, Refused
from tests.random.steps import Body, Constant, Join, Wire, as_shape, braces, labelled, run


def written(value: Any) -> str:
    """A value as a literal."""
    if isinstance(value, Filter):
        return f"{value.count}@{written(value.kernel)}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Callee):
        return value.name
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return f"({value})" if value < 0 else str(value)


def walk(node: Any) -> Iterator[Any]:
    """A node and all nodes in it."""
    if isinstance(node, list | tuple | dict):
        for item in node.values() if isinstance(node, dict) else node:
            yield from walk(item)
    elif is_dataclass(node):
        yield node
        yield from walk(list(vars(node).values()))


Parameters = dict[str, Expression | None]
"""Names and their defaults; None: there is none."""


def head(kind: str, name: str, parameters: Parameters) -> str:
    written_ = [f"{p}={value.text}" if value else p for p, value in parameters.items()]
    return f"{kind} {name}" + (f"({', '.join(written_)})" if parameters else "")


def bound(parameters: Parameters, given: Mapping[str, Any], place: Place) -> None:
    """Give parameters their values, as names of the place."""
    if set(given) - set(parameters):
        raise Refused("E0301")
    for name, default in parameters.items():
        if name not in given and default is None:
            raise Refused("E0302")
        place.names[name] = given[name] if name in given else default(place) if default else None


@dataclass
class Block:
    name: str
    parameters: Parameters
    body: Body = field(default_factory=list)

    def __str__(self) -> str:
        return f"{head('block', self.name, self.parameters)} {braces(self.body)}"

    def shape(self, given: Mapping[str, Any], caller: Place) -> Shape:
        wired = any(
            isinstance(n, Join) or (isinstance(n, Wire) and n.verb == "from") for n in walk(self.body)
        )
        place = self.place(caller, NameScope("", wired))
        bound(self.parameters, {**caller.defaults.get(self.name, {}), **given}, place)
        run(self.body, place)
        return place.shape  # type: ignore[no-any-return]

    @staticmethod
    def place(caller: Place, scope: NameScope) -> Place:
        """Where a block's body runs: it sees the file's names and the caller's defaults."""
        names, defaults = dict(caller.file.names), dict(caller.defaults)
        return Place(caller.file, caller.shape, names, defaults, scope, varied=caller.varied)


class Shipped(NamedTuple):
    """A block of the library; what it makes of shapes the checker says."""

    name: str
    path: str
    parameters: dict[str, str | None]  # the text of the default

    def shape(self, given: Mapping[str, Any], caller: Place) -> Shape:
        lines = [f'use "{self.path}"', "net N {", f"input {caller.shape}"]
        for layer, keywords in caller.defaults.items():
            if layer in NAMES:
                lines.append(f"default {layer} " + " ".join(f"{k}={written(v)}" for k, v in keywords.items()))
        lines += [" ".join([self.name, *(f"{k}={written(v)}" for k, v in given.items())]), "}"]
        return shipped_shape("\n".join(lines))


@cache
def shipped_shape(text: str) -> Shape:
    found = check_text(text)
    if not found.ok:
        raise Refused(found.diagnostics[0].code)
    shape = found.networks[0].outputs[0].value.shape
    assert shape is not None
    return Shape(int(shape.channels), shape.height, shape.width)


@cache
def library() -> tuple[Shipped, ...]:
    """The shipped blocks, as their files declare them."""
    found = []
    for file in sorted((folder("specs") / "blocks").glob("*.cnn")):
        for name, inside in re.findall(
            r"^block (\w+)(?:\((.*)\))? \{", file.read_text("utf-8"), re.MULTILINE
        ):
            parts = [part.partition("=") for part in inside.split(", ")] if inside else []
            parameters = {p: default or None for p, _, default in parts}
            found.append(Shipped(name, f"blocks/{file.name}", parameters))
    return tuple(found)


@dataclass
class Input:
    shape: Expression
    label: Label | None = None
    images: str = ""  # mean and std
    said: Any = None

    def __str__(self) -> str:
        return labelled(self.label, f"input {self.shape.text}{self.images}")

    def run(self, place: Place) -> None:
        self.said = self.shape(place)
        place.shape = as_shape(self.said)
        if min(place.shape.dimensions) < 1:
            raise Refused("E0303")
        if self.label is not None:
            place.labels[place.name(self.label, "input", counts=False)] = Marked(place.shape)


@dataclass
class Output:
    targets: list[Label]
    train: bool = False

    def __str__(self) -> str:
        names = " ".join(target.text for target in self.targets)
        return f"output {names}" + (" train=yes" if self.train else "")

    def run(self, place: Place) -> None:
        for target in self.targets:
            path = target(place)
            name = path.rpartition(".")[2]
            if any(name == other for other, _, _ in place.outputs):
                raise Refused("E0203")
            place.outputs.append((name, place.marked(path).shape, self.train))


@dataclass
class Net:
    name: str
    parameters: Parameters
    body: Body = field(default_factory=list)

    def __str__(self) -> str:
        return f"{head('net', self.name, self.parameters)} {braces(self.body)}"

    def run(self, file: File, given: Mapping[str, Any]) -> list[tuple[str, Shape, bool]]:
        """The outputs of the net: name, shape, whether they are for training alone."""
        varied = any(self.parameters.get(name) is not None for name in given)
        place = Place(file, None, file.names, varied=varied)
        bound(self.parameters, given, place)
        run(self.body, place)
        return place.outputs or [("output", place.shape, False)]


@dataclass
class Variant:
    name: str
    pattern: str
    keywords: dict[str, Expression]

    def __str__(self) -> str:
        return f"net {self.name} = {self.pattern}" + "".join(
            f" {k}={value.text}" for k, value in self.keywords.items()
        )


@dataclass
class File:
    constants: list[Constant] = field(default_factory=list)
    blocks: dict[str, Block | Shipped] = field(default_factory=dict)
    nets: list[Net] = field(default_factory=list)
    variants: list[Variant] = field(default_factory=list)
    ran: int = 0  # layers and blocks, so far

    @property
    def names(self) -> dict[str, Any]:
        place = Place(self)
        for constant in self.constants:
            constant.run(place)
        return place.names

    def run(self) -> dict[str, list[tuple[str, Shape, bool]]]:
        """The outputs of all nets that are no patterns."""
        given = self.given()
        place = Place(self, None, self.names)
        return {
            name: net.run(self, {k: value(place) for k, value in keywords.items()})
            for name, (net, keywords) in given.items()
            if all(default or p in keywords for p, default in net.parameters.items())
        }

    def given(self) -> dict[str, tuple[Net, dict[str, Expression]]]:
        """For each name of a net the net, and the parameters that its chain of variants gives."""
        found = {net.name: (net, {}) for net in self.nets}
        for variant in self.variants:
            net, before = found[variant.pattern]
            found[variant.name] = net, {**before, **variant.keywords}
        return found

    def __str__(self) -> str:
        used = dict.fromkeys(b.path for b in self.blocks.values() if isinstance(b, Shipped))
        blocks = [block for block in self.blocks.values() if isinstance(block, Block)]
        parts = [*(f'use "{path}"' for path in used), *self.constants, *blocks, *self.nets, *self.variants]
        return indented("\n".join(map(str, parts)))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """As hypothesis shows it, where a test fails."""
        printer.text(f"\n{self}")


def indented(text: str) -> str:
    depth, lines = 0, []
    for line in text.splitlines():
        closing = line.startswith("}")
        lines.append("    " * (depth - closing) + line)
        depth += line.count("{") - line.count("}")
    return "\n".join(lines) + "\n"
