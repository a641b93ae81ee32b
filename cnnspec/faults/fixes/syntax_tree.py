"""Finding one's way in a syntax tree: every step with what is around it, and edits of its arguments."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from cnnspec.text import syntax
from cnnspec.text.edits import Edit, insert
from cnnspec.text.source import Source, Span

KERNELS = ("filter", "kernel", "window")
"""Arguments that hold a kernel."""

WINDOWED = ("conv", "depthwise", "maxpool", "avgpool")
"""Layers whose `pad` makes their output larger."""

Owner = syntax.Net | syntax.Block


class WrittenStep(NamedTuple):
    """A step, the chain it stands in, the actions around it from without to within, its net or block."""

    step: syntax.Step
    chain: syntax.Chain
    around: tuple[syntax.Step, ...]
    owner: Owner


class WrittenCall(WrittenStep):
    """A step that is a call."""

    @property
    def call(self) -> syntax.Call:
        assert isinstance(self.step.action, syntax.Call)
        return self.step.action


class Tree:
    """The steps of a source in the order of the text."""

    def __init__(self, source: Source) -> None:
        self.source = source

    @cached_property
    def file(self) -> syntax.File:
        from cnnspec.text.parser import parse

        return parse(self.source)[0]

    @cached_property
    def places(self) -> list[WrittenStep]:
        owners = [item for item in self.file.items if isinstance(item, syntax.Net | syntax.Block)]
        return [place for owner in owners for place in _places(owner.body, (), owner)]

    @cached_property
    def calls(self) -> list[WrittenCall]:
        return [WrittenCall(*each) for each in self.places if isinstance(each.step.action, syntax.Call)]

    def call_at(self, span: Span) -> WrittenCall | None:
        """The call whose head covers a span."""
        return next((at for at in self.calls if at.call.span.covers(span)), None)

    def call_from(self, start: int) -> WrittenCall:
        """The call that begins at an offset."""
        return next(at for at in self.calls if at.call.span.start == start)

    def chain_at(self, span: Span) -> syntax.Chain | None:
        """The chain whose assertion covers a span."""
        chains = (place.chain for place in self.places)
        return next((each for each in chains if each.assertion and each.assertion.span.covers(span)), None)

    def inputs(self, owner: Owner | None) -> list[syntax.Call]:
        """The inputs of a net; of the first net that has some where a block is at fault."""
        found = [at for at in self.calls if at.call.name.name == "input"]
        if not isinstance(owner, syntax.Net):
            owner = found[0].owner if found else None
        return [at.call for at in found if at.owner is owner]


def _places(body: syntax.Body, around: tuple[syntax.Step, ...], owner: Owner) -> Iterator[WrittenStep]:
    for chain in syntax.chains(body):
        for step in chain.steps:
            yield WrittenStep(step, chain, around, owner)
            for inner in syntax.bodies(step.action):
                yield from _places(inner, (*around, step), owner)


def values_of(call: syntax.Call) -> list[syntax.Expression]:
    """The values of its arguments, those without a name first."""
    return [*call.positional, *(each.value for each in call.keywords)]


def keyword(call: syntax.Call, name: str) -> syntax.Keyword | None:
    """The keyword of that name, if the call gives it."""
    return next((each for each in call.keywords if each.name == name), None)


def literal(node: object) -> int | tuple[int, int] | None:
    """A written integer or size."""
    if not isinstance(node, syntax.Literal) or isinstance(node.value, bool):
        return None
    value = node.value
    if isinstance(value, int):
        return value
    return (value[0], value[1]) if isinstance(value, tuple) and len(value) == 2 else None


def window_of(call: syntax.Call) -> syntax.Literal | None:
    """Where a convolution's or a pool's kernel is written in figures."""
    node: object = call.positional[0] if call.positional else None
    for name in KERNELS:
        given = keyword(call, name)
        node = given.value if given is not None else node
    if isinstance(node, syntax.FilterOf):
        node = node.kernel
    return node if isinstance(node, syntax.Literal) and literal(node) is not None else None


def sides(value: int | tuple[int, int]) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def size_text(height: int, width: int, like: object = 0) -> str:
    """A size as text: one number where it does, and the old text `like`, if there was one, was one."""
    return str(height) if height == width and isinstance(like, int) else f"{height}x{width}"


def set_argument(call: syntax.Call, name: str, text: str) -> Edit:
    """Give an argument another value, or give it at all."""
    given = keyword(call, name)
    if given is not None:
        return Edit(given.value.span, text)
    return insert(call.span.source, call.span.end, f" {name}={text}")


def delete_step(at: WrittenCall) -> Edit | None:
    """Take a step out of its chain, a comma with it; None where it is all of the chain, or bears a label."""
    steps, span = at.chain.steps, at.step.span
    index = next(i for i, step in enumerate(steps) if step is at.step)
    if len(steps) == 1 or at.step.label is not None:
        return None
    if index + 1 < len(steps):
        return Edit(Span(span.source, span.start, steps[index + 1].span.start), "")
    return Edit(Span(span.source, steps[index - 1].span.end, span.end), "")
