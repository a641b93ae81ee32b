"""A layer and what always follows it become one box: convolution, normalization, activation.

Where room is short, so do a few neighbours of any kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from cnnspec.draw.diagram.model import Box, Diagram, Item, group_pairs

FOLLOWERS = {
    "conv": frozenset(("norm", "activation", "dropout")),
    "linear": frozenset(("norm", "activation", "dropout")),
    "norm": frozenset(("activation", "dropout")),
    "activation": frozenset(("dropout",)),
    "pool": frozenset(("dropout",)),
    "shape": frozenset(("dropout",)),
    "join": frozenset(("activation",)),
}
"""What a kind of box takes in. None of these changes a shape: the edge behind tells the first's."""


MOST_LINKS = 4
"""Boxes of an overview that one takes in, its own among them: more would be a text and no picture."""


def fuse(diagram: Diagram) -> Diagram:
    """Neighbours in the same braces whose value goes nowhere else are one box, unless it is a fault's."""
    return merge(diagram, lambda last, box: box.kind in FOLLOWERS.get(last.kind, ()), absorb)


def chain(diagram: Diagram) -> Diagram:
    """Neighbours of any kind, likewise, a few in a box: it tells no shape between them."""
    links: dict[int, int] = {}

    def follows(last: Box, box: Box) -> bool:
        apart = {last.kind, box.kind} & {"input", "output", "join", "fault"}
        return not apart and last.times == 1 and links.get(last.number, 1) < MOST_LINKS

    def link(last: Box, box: Box) -> Box:
        links[last.number] = links.get(last.number, 1) + 1
        kind = last.kind if last.kind == box.kind else "block"
        # the box bears the label of its first part: the labels of others stand before their words
        return absorb(last._replace(kind=kind), box._replace(parts=(first_words(box), *box.parts[1:])))

    return merge(diagram, follows, link)


def first_words(box: Box) -> str:
    return f"{box.label}: {box.parts[0]}" if box.label else box.parts[0]


def merge(diagram: Diagram, belongs: Callable[[Box, Box], bool], join: Callable[[Box, Box], Box]) -> Diagram:
    """The diagram with one box for neighbours that belong together, of which only the last feeds others."""
    leaving = Counter(edge.tail for edge in diagram.edges)
    # -1 is no box's number: what arrives by a fault is never taken in
    arriving = group_pairs((edge.head, -1 if edge.fault else edge.tail) for edge in diagram.edges)
    merged: dict[int, int] = {}

    def follows(box: Box, last: Box, end: int) -> bool:
        same = (box.shared, box.idle, box.times) == (last.shared, last.idle, last.times)
        # `end`, not `last.number`: in conv, batchnorm, relu the relu's edge comes from the batchnorm
        chained = arriving.get(box.number) == [end] and leaving[end] == 1
        return chained and same and belongs(last, box)

    def walk(items: tuple[Item, ...]) -> tuple[Item, ...]:
        found: list[Item] = []
        end = -1  # the number of the last layer in the last box
        for item in items:
            if not isinstance(item, Box):
                found.append(item._replace(items=walk(item.items)))
                end = -1
                continue
            last = found[-1] if found else None
            if isinstance(last, Box) and follows(item, last, end):
                found[-1] = join(last, item)
                merged[item.number] = last.number
            else:
                found.append(item)
            end = item.number
        return tuple(found)

    items = walk(diagram.items)
    # gone are the edges within a box; what leaves its last layer leaves the box
    edges = (edge for edge in diagram.edges if edge.head not in merged)
    moved = tuple(edge._replace(tail=merged.get(edge.tail, edge.tail)) for edge in edges)
    return diagram._replace(items=items, edges=moved)


def absorb(box: Box, follower: Box) -> Box:
    return box._replace(
        others=(*box.others, follower.number, *follower.others),
        parts=box.parts + follower.parts,
        briefs=box.briefs + follower.briefs,
        params=box.params.beside(follower.params),
        macs=box.macs.beside(follower.macs),
        variables=(
            *box.variables,
            # `conv, dropout` takes in `relu, dropout`: the second dropout is part 3 now
            *(v._replace(part=v.part + len(box.parts)) for v in follower.variables),
        ),
    )
