"""Finding one's way in a syntax tree: every step with what is around it, and edits of its arguments."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from cnnspec.text import syntax
from cnnspec.text.diagnostics import Edit
from cnnspec.text.source import Source, Span

WINDOWED = ("conv", "depthwise", "maxpool", "avgpool")
"""Layers whose `pad` makes their output larger."""

Owner = syntax.Net | syntax.Block


class WrittenStep(NamedTuple):
    """A step, the chain it stands in, the actions around it from without to within, its net or block."""

    step: syntax.Step
    chain: syntax.Chain
    around: tuple[syntax.Step, ...]
    owner: Owner

    @property
    def call(self) -> syntax.Call | None:
        return self.step.action if isinstance(self.step.action, syntax.Call) else None


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
    def calls(self) -> list[tuple[WrittenStep, syntax.Call]]:
        return [(place, place.call) for place in self.places if place.call is not None]

    def call_at(self, span: Span) -> tuple[WrittenStep, syntax.Call] | None:
        """The call whose head covers a span of this source."""
        for place, call in self.calls:
            if call.span.start <= span.start and span.end <= call.span.end and span.source is self.source:
                return place, call
        return None

    def chain_at(self, span: Span) -> syntax.Chain | None:
        """The chain whose assertion covers a span of this source."""
        for place in self.places:
            claim = place.chain.assertion
            if claim is not None and claim.span.start <= span.start and span.end <= claim.span.end:
                return place.chain
        return None

    def inputs(self, owner: Owner | None) -> list[syntax.Call]:
        """The inputs of a net; of the first net that has some where a block is at fault."""
        found = [(place.owner, call) for place, call in self.calls if call.name.name == "input"]
        if not isinstance(owner, syntax.Net):
            owner = found[0][0] if found else None
        return [call for net, call in found if net is owner]


def _places(body: syntax.Body, around: tuple[syntax.Step, ...], owner: Owner) -> Iterator[WrittenStep]:
    for statement in syntax.statements(body):
        if not isinstance(statement, syntax.Chain):
            continue
        for step in statement.steps:
            yield WrittenStep(step, statement, around, owner)
            for inner in syntax.bodies(step.action):
                yield from _places(inner, (*around, step), owner)


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
    for name in ("filter", "kernel", "window"):
        given = keyword(call, name)
        node = given.value if given is not None else node
    if isinstance(node, syntax.FilterOf):
        node = node.kernel
    return node if isinstance(node, syntax.Literal) and literal(node) is not None else None


def sides(value: int | tuple[int, int]) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def size_text(height: int, width: int, like: object = None) -> str:
    """A size as text: one number where the old text `like` was one and it still does."""
    return str(height) if height == width and isinstance(like, int) else f"{height}x{width}"


def set_argument(call: syntax.Call, name: str, text: str) -> Edit:
    """Give an argument another value, or give it at all."""
    given = keyword(call, name)
    if given is not None:
        return Edit(given.value.span, text)
    return insert(call.span, call.span.end, f" {name}={text}")


def insert(span: Span, offset: int, text: str) -> Edit:
    return Edit(Span(span.source, offset, offset), text)


def without(span: Span) -> Edit:
    """Take a stretch out together with the blanks before it."""
    text, start = span.source.text, span.start
    while start and text[start - 1] in " \t":
        start -= 1
    return Edit(Span(span.source, start, span.end), "")


def call_from(tree: Tree, start: int) -> tuple[WrittenStep, syntax.Call]:
    """The call that begins at an offset."""
    return next((place, call) for place, call in tree.calls if call.span.start == start)


def without_step(place: WrittenStep) -> Edit | None:
    """Take a step out of its chain, a comma with it; None where it is all of the chain, or bears a label."""
    steps, span = place.chain.steps, place.step.span
    index = next(i for i, step in enumerate(steps) if step is place.step)
    if len(steps) == 1 or place.step.label is not None:
        return None
    if index + 1 < len(steps):
        return Edit(Span(span.source, span.start, steps[index + 1].span.start), "")
    return Edit(Span(span.source, steps[index - 1].span.end, span.end), "")
