"""Changes of drawn files: a number, a word, a claim, a step more or less. Many are networks no more."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from random import Random
from typing import Any

from hypothesis import strategies as st

from cnnspec.values.kinds import Filter, is_integer
from tests.random.author import SIMPLE
from tests.random.files import Files, files, numbers
from tests.random.nets import Block, File, Input, walk
from tests.random.place import Callee, Expression
from tests.random.steps import Call, Chain, Constant, Join
from tests.random.structures import JOINS
from tests.random.values import Choose, literal

INTRUDERS = (
    Call("flatten"),
    Call("globalavgpool"),
    Call("maxpool", [literal((2, 2))]),
    Call("linear", [literal(3)]),
    Call("conv", [literal(Filter(3, (2, 2)))], {"stride": literal(2)}),
    Call("pixelshuffle", [literal(2)]),
)

Change = Callable[[Choose], None]
"""Changes a file in place."""


def changed(choose: Choose, value: Any) -> Any:
    """Another value, near it."""
    if isinstance(value, bool):
        return not value
    if is_integer(value):
        return choose.pick((value + 1, value - 1, 2 * value, value + 7, 0, -value))
    if isinstance(value, float):
        return choose.pick((value + 0.25, -value, 2.0, 0.0))
    if isinstance(value, Filter):
        count = choose.chance(40)
        return (
            Filter(changed(choose, value.count), value.kernel)
            if count
            else value._replace(kernel=changed(choose, value.kernel))
        )
    if isinstance(value, Callee):
        return Callee(choose.pick((*SIMPLE, "flatten", "globalavgpool")))
    if isinstance(value, tuple | list) and value:
        at = choose.number(0, len(value) - 1)
        items = [changed(choose, item) if i == at else item for i, item in enumerate(value)]
        if isinstance(value, list) and choose.chance(30):
            items.pop(at)
        return type(value)(items)
    return value


def sites(file: File) -> list[Change]:
    """All changes that there are, each of one place."""
    found: list[Change] = []
    blocks = [block for block in file.blocks.values() if isinstance(block, Block)]
    for node in walk([file.constants, *blocks, *file.nets]):
        if isinstance(node, Call):
            found += [argument(node, i) for i in range(len(node.said))]
        elif isinstance(node, Chain):
            found += chain(node)
        elif isinstance(node, Join):
            found += [kind(node)] + ([path(node)] if len(node.paths) > 1 else [])
        elif isinstance(node, Constant) and node.said is not None:
            found.append(value(node, "value"))
        elif isinstance(node, Input):
            found.append(value(node, "shape"))
    return found


def argument(node: Call, i: int) -> Change:
    def change(choose: Choose) -> None:
        name = list(node.said)[i]
        other = spelled(changed(choose, node.said[name]))
        if i < len(node.positional):
            node.positional[i] = other
        else:
            node.keywords[name] = other

    return change


def spelled(value: Any) -> Expression:
    """A literal; sizes with a side below 0 are written as lists."""
    if isinstance(value, Filter):
        count, kernel = literal(value.count), spelled(value.kernel)
        return Expression(f"{count.text}@{kernel.text}", lambda _: value)
    if isinstance(value, tuple) and not isinstance(value, Callee) and min(value) < 0:
        return Expression(literal(list(value)).text, lambda _: value)
    return literal(value)


def chain(node: Chain) -> list[Change]:
    def drop(choose: Choose) -> None:
        node.steps.pop(choose.number(0, len(node.steps) - 1))

    def insert(choose: Choose) -> None:
        node.steps.insert(choose.number(0, len(node.steps)), copy(choose.pick(INTRUDERS)))

    def believe(choose: Choose) -> None:
        node.claim = spelled(changed(choose, node.claimed))

    found = [insert]
    if len(node.steps) > 1:
        found.append(drop)
    return [*found, believe] if node.claimed is not None else found


def kind(node: Join) -> Change:
    def change(choose: Choose) -> None:
        node.kind = choose.pick([name for name in JOINS if name != node.kind])

    return change


def path(node: Join) -> Change:
    def drop(choose: Choose) -> None:
        node.paths.pop(choose.number(0, len(node.paths) - 1))

    return drop


def value(node: Any, field: str) -> Change:
    def change(choose: Choose) -> None:
        setattr(node, field, spelled(changed(choose, node.said)))

    return change


def changed_file(file: File, choose: Choose) -> File:
    choose.pick(sites(file))(choose)
    return file


@st.composite
def mutants(draw: st.DrawFn) -> File:
    """Files with one change that the drawing did not foresee."""
    return changed_file(draw(files()), Choose(numbers(draw)))


def mutated(seed: int) -> str:
    """The text of such a file; the same seed draws the same."""
    number = Random(seed).randint
    return str(changed_file(Files(number).drawn(), Choose(number)))
