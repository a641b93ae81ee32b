"""Blocks: the modules of one class become a block and its uses, the innermost classes first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from cnnspec.importers.align import as_dotted
from cnnspec.importers.bodies import Solved, solve
from cnnspec.importers.columns import Unalike
from cnnspec.importers.labels import Target, drop_places, leave_out, targets
from cnnspec.importers.names import from_class
from cnnspec.importers.reroll import reroll
from cnnspec.importers.terms import Braces, Call, Chain, Term, chains, is_wired, rebuild, walk, weight
from cnnspec.importers.unify import unify

HEAVIER = 1.75
"""So much longer than its largest instance a block may be: then it says more than a reader can use."""

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")
"""Classes that say nothing of what they hold."""


class Block(NamedTuple):
    """A block: the class that it is made of, its name, what it says."""

    kind: str
    name: str
    solved: Solved
    entries: tuple[int, ...]  # the channels that enter each instance
    layers: int  # with tensors, in the largest instance

    def instances(self) -> list[dict[str, Any]]:
        """The values of its names in each of its instances."""
        return [self.solved.names(place, entry) for place, entry in enumerate(self.entries)]


def find_blocks(
    chain: Chain, plain: Collection[str], outputs: Collection[Target]
) -> tuple[list[Block], Chain]:
    """Blocks for the classes of the modules in a net, and its chain with their uses.

    `outputs` are labels that have to stay. The classes of `plain` become braces, as do those with one module,
    and those that no short block says.
    """
    blocks: list[Block] = []
    taken: set[str] = set()
    read = targets(chain) | {*outputs}
    for kind in by_height(chain):
        chain = drop_places(chain, None, read)
        found = [term for term in walk(chain) if isinstance(term, Braces) and term.kind == kind]
        block = None
        if len(found) > 1 and kind not in plain and kind not in CONTAINERS:
            block = make_block(kind, found, taken)
        if block is None:
            chain = splice(chain, kind)
            continue
        taken.add(block.name)
        blocks.append(block)
        chain = replace(chain, kind, partial(next_of, uses(block, found)))
    return blocks, drop_places(chain, None, read)


def by_height(chain: Chain) -> list[str]:
    """The classes of modules, those first that hold no others, then in the order in which they come."""
    heights: dict[str, int] = {}

    def visit(inner: Chain) -> int:
        highest = 0
        for term in inner:
            height = max(map(visit, chains(term)), default=0)
            if isinstance(term, Braces) and term.kind:
                height += 1
                heights[term.kind] = max(heights.get(term.kind, 0), height)
            highest = max(highest, height)
        return highest

    visit(chain)
    return sorted(heights, key=lambda kind: heights[kind])


def make_block(kind: str, found: list[Braces], taken: Collection[str]) -> Block | None:
    """The block of a class: with repeats within its modules where that makes it shorter."""
    bodies = as_dotted([term.body for term in found])
    if any(isinstance(inner, Braces) and inner.kind == kind for body in bodies for inner in walk(body)):
        return None
    if not any(map(is_wired, bodies)):
        bodies = [drop_places(body, "") for body in bodies]
    entries = tuple(int(term.channels) for term in found)
    leaving = tuple(int(term.leaving) for term in found)
    tries = []
    for rows in (bodies, [reroll(body, weight, tables=False) for body in bodies]):
        with suppress(Unalike):
            tries.append(solve(unify(rows), entries, leaving))
    largest = max(map(weight, bodies))
    solved = min(tries, key=lambda each: weight(each.body), default=None)
    if solved is None or weight(solved.body) > max(HEAVIER * largest, largest + 6):
        return None
    layers = max(sum(isinstance(term, Call) and term.keyed for term in walk(body)) for body in bodies)
    block = Block(kind, block_name(kind, taken), solved, entries, layers)
    body = leave_out(solved.body, is_net=False, instances=block.instances())
    return block._replace(solved=solved._replace(body=body))


def block_name(kind: str, taken: Collection[str]) -> str:
    """The class's name, without the underscores that hide it; never that of a layer."""
    name = from_class(kind, "Block")
    return name if name not in taken else f"{name}2"


def uses(block: Block, found: list[Braces]) -> Iterator[Call]:
    for place, term in enumerate(found):
        arguments = tuple((p.name, p.values[place]) for p in block.solved.parameters)
        yield Call(block.name, arguments, term.label, True, term.channels)


def next_of(calls: Iterator[Call], term: Braces) -> Call:
    """The use of a block in place of a module: they come in one order."""
    return next(calls)


def replace(chain: Chain, kind: str, change: Callable[[Braces], Term]) -> Chain:
    """The chain with each module of a class changed, in the order of the text."""
    found: list[Term] = []
    for term in chain:
        if isinstance(term, Braces) and term.kind == kind:
            found.append(change(term))
        else:
            found.append(rebuild(term, lambda inner: replace(inner, kind, change)))
    return tuple(found)


def splice(chain: Chain, kind: str | None = None) -> Chain:
    """The chain with what stands in braces without a label in their place; `kind`: of this class alone."""
    found: list[Term] = []
    for term in chain:
        term = rebuild(term, lambda inner: splice(inner, kind))
        if isinstance(term, Braces) and not term.label and kind in (None, term.kind):
            found += term.body
        else:
            found.append(term)
    return tuple(found)
