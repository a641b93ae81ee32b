"""Blocks: the modules of one class become a block and its uses, the innermost classes first."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from cnnspec.importers.patterns.align import as_convolutions, as_dotted
from cnnspec.importers.patterns.bodies import Solved, solve
from cnnspec.importers.patterns.reroll import form, reroll, with_alike_repeats, with_counted_loops
from cnnspec.importers.patterns.unify import unify
from cnnspec.importers.terms.columns import Unalike
from cnnspec.importers.terms.terms import (
    Braces,
    Call,
    Chain,
    Term,
    chains,
    is_wired,
    map_terms,
    rebuild,
    walk,
    weight,
)
from cnnspec.importers.wording.free_names import from_class, unused
from cnnspec.importers.wording.labels import Target, drop_places, leave_out, targets

HEAVIER = 1.75
"""So much longer than its largest instance a block may be: then it says more than a reader can use."""

MOST_FORMS = 12
"""So many forms of a class are tried for several blocks; more are no few blocks."""

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")
"""Classes that say nothing of what they hold."""


class WrittenBlock(NamedTuple):
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
) -> tuple[list[WrittenBlock], Chain]:
    """Blocks for the classes of the modules in a net, and its chain with their uses.

    `outputs` are labels that have to stay. The classes of `plain` become braces, as do those with one module,
    and those that no short block says.
    """
    blocks: list[WrittenBlock] = []
    taken: set[str] = set()
    read = targets(chain) | {*outputs}
    for kind in by_height(chain):
        # uses may lose labels that are their places, braces may not: 0 and 1 of one step would be two steps
        chain = drop_places(chain, None, read)
        found = [term for term in walk(chain) if isinstance(term, Braces) and term.kind == kind]
        calls: dict[int, Call] = {}
        for block, places in make_blocks(found) if kind not in (*plain, *CONTAINERS) else ():
            # the class's name, numbered from its second block on
            block = block._replace(name=unused([from_class(kind, "Block")], taken))
            taken.add(block.name)
            blocks.append(block)
            calls |= uses(block, found, places)
        if calls:
            chain = replace(chain, kind, (calls.get(place, term) for place, term in enumerate(found)))
        chain = splice(chain, kind)
    return blocks, drop_places(chain, None, read)


def by_height(chain: Chain) -> list[str]:
    """The classes of modules, those first that hold no others, then in the order in which they come."""
    heights: dict[str, int] = {}

    def visit(inner: Chain) -> int:
        highest = 0
        for term in inner:
            height = max(map(visit, chains(term)), default=0)
            if isinstance(term, Braces) and term.kind:
                # a Sequential is no level: a block within one is as high as without
                height += term.kind not in CONTAINERS
                heights[term.kind] = max(heights.get(term.kind, 0), height)
            highest = max(highest, height)
        return highest

    visit(chain)
    return sorted(heights, key=lambda kind: heights[kind])


def make_blocks(found: list[Braces]) -> list[tuple[WrittenBlock, list[int]]]:
    """The blocks of modules of a class, each with the places of its instances.

    One for all of them; else each form goes to the first block that can say it, too.
    """
    every = make_block(found)
    if every is not None:
        return [(every, [*range(len(found))])]
    forms: dict[object, list[int]] = {}
    for place, term in enumerate(found):
        forms.setdefault(tuple(map(form, term.body)), []).append(place)
    made: list[tuple[WrittenBlock | None, list[int]]] = []
    for places in forms.values() if 1 < len(forms) <= MOST_FORMS else ():
        for number, (_, others) in enumerate(made):
            together = sorted(others + places)
            if (block := make_block([found[place] for place in together], as_written=True)) is not None:
                made[number] = block, together
                break
        else:
            made.append((make_block([found[place] for place in places]), places))
    return [(block, places) for block, places in made if block is not None]


def make_block(found: list[Braces], as_written: bool = False) -> WrittenBlock | None:
    """The block of several modules: with repeats within them where that makes it shorter.

    `as_written`: not where one has a convolution in groups in the place of a depthwise one.
    """
    kind = found[0].kind
    bodies = as_dotted([term.body for term in found])
    if len(found) < 2 or any(isinstance(t, Braces) and t.kind == kind for body in bodies for t in walk(body)):
        return None
    if as_written and as_convolutions(bodies) != bodies:
        return None
    if not any(map(is_wired, bodies)):
        bodies = [drop_places(body, "") for body in bodies]
    entries = tuple(int(term.channels) for term in found)
    leaving = tuple(int(term.leaving) for term in found)
    tries = []
    rolled = [reroll(body, weight, tables=False) for body in bodies]
    # whether repeats within it make a block shorter, and which, is seen by the block: the shortest is taken
    for rows in (bodies, rolled, with_counted_loops(rolled), with_alike_repeats(bodies)):
        with suppress(Unalike):
            tries.append(solve(unify(rows), entries, leaving))
    largest = max(map(weight, bodies))
    solved = min(tries, key=lambda each: weight(each.body), default=None)
    # 4 words may become 10, 20 words 35
    if solved is None or weight(solved.body) > max(HEAVIER * largest, largest + 6):
        return None
    layers = max(sum(isinstance(term, Call) and term.keyed for term in walk(body)) for body in bodies)
    block = WrittenBlock(kind, "", solved, entries, layers)
    body = leave_out(solved.body, is_net=False, instances=block.instances())
    return block._replace(solved=solved._replace(body=body))


def uses(block: WrittenBlock, found: list[Braces], places: list[int]) -> Iterator[tuple[int, Call]]:
    """The uses of a block by the places of the modules that they stand for."""
    for row, place in enumerate(places):
        term = found[place]
        arguments = tuple((p.name, p.values[row]) for p in block.solved.parameters)
        # keyed: the keys of what is in a block begin with its label
        yield place, Call(block.name, arguments, term.label, True, term.channels)


def replace(chain: Chain, kind: str, terms: Iterator[Term]) -> Chain:
    """The chain with the next of the terms for each module of a class, in the order of the text."""
    found: list[Term] = []
    for term in chain:
        if isinstance(term, Braces) and term.kind == kind:
            # in the order of `walk`, in which they were found
            term = next(terms)
        found.append(rebuild(term, lambda inner: replace(inner, kind, terms)))
    return tuple(found)


def splice(chain: Chain, kind: str | None = None) -> Chain:
    """The chain with what stands in braces without a label in their place; `kind`: of this class alone."""

    def change(term: Term) -> Term | Chain:
        if isinstance(term, Braces) and not term.label and kind in (None, term.kind):
            return term.body
        return term

    return map_terms(chain, change)
