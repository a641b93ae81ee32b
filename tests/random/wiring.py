"""Forms that wires and conditional steps make with each other: which of them a drawn file has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cnnspec.compiler import check_text
from cnnspec.graph import tree
from cnnspec.graph.walk import walk as all_steps
from tests.random.nets import Block, File, walk
from tests.random.steps import Body, Call, Chain, If, Join, Wire

FORMS = {
    "if, used both ways",
    "if and else, used both ways",
    "a labelled if",
    "a labelled identity",
    "again with a label",
    "an empty branch",
    "a branch that is only a wire",
    "a path that is only a wire",
    "from in a branch",
    "from around an if",
    "a label read behind an if",
}


def forms(file: File) -> set[str]:
    found = set(both_ways(file))
    blocks = [block for block in file.blocks.values() if isinstance(block, Block)]
    for node in walk([blocks, file.nets]):
        match node:
            case If():
                found |= {"a labelled if"} if node.label else set()
                for body in (node.then, node.otherwise):
                    found |= {"an empty branch"} if body == [] else set()
                    found |= {"a branch that is only a wire"} if is_wire(body or []) else set()
                    found |= {"from in a branch"} if any(map(leads, steps(body or []))) else set()
            case Join():
                found |= {"a path that is only a wire"} if any(map(is_wire, node.paths)) else set()
            case Call(head="identity", label=label) if label:
                found.add("a labelled identity")
            case Wire(label=label) if label:
                found.add("again with a label")
    for body in [*(block.body for block in blocks), *(net.body for net in file.nets)]:
        found |= set(around(steps(body)))
    return found


def steps(body: Body) -> list[Any]:
    return [step for chain in body if isinstance(chain, Chain) for step in chain.steps]


def leads(step: Any) -> bool:
    return isinstance(step, Wire) and step.verb == "from"


def is_wire(body: Body) -> bool:
    found = steps(body)
    return len(found) == 1 and leads(found[0])


def around(found: list[Any]) -> Iterator[str]:
    """What stands before and behind the conditional steps of a body."""
    for at in [at for at, step in enumerate(found) if isinstance(step, If)]:
        marks = {step.label.text for step in found[:at] if getattr(step, "label", None)}
        later = {step.label.text for step in found[at + 1 :] if getattr(step, "label", None)}
        for wire in (step for step in walk(found[at + 1 :]) if leads(step)):
            if wire.target.text in marks:
                yield "from around an if"
            if wire.target.text in later:
                yield "a label read behind an if"


def both_ways(file: File) -> Iterator[str]:
    """The conditional steps that some uses of a block take and others do not."""
    taken: dict[Any, dict[bool, bool]] = {}  # by answer: whether there is anything to do then
    for net in check_text(str(file)).networks:
        for step in conditions(net.steps):
            taken.setdefault(step.span, {})[step.taken] = bool(step.steps)
    for answers in taken.values():
        if len(answers) == 2:
            yield "if and else, used both ways" if answers[False] else "if, used both ways"


def conditions(inside: tuple[tree.Step, ...]) -> Iterator[tree.If]:
    for step in all_steps(inside, again=False):
        if isinstance(step, tree.If):
            yield step
        elif isinstance(step, tree.Use):
            yield from conditions(step.instance.steps)
