"""Blocks that are used more than once become boxes, as in the overviews of papers: other levels open them."""

from __future__ import annotations

from collections import Counter

from cnnspec.draw.diagram.box_text import argument_words, fill_lines
from cnnspec.draw.diagram.model import Box, Cluster, Count, Diagram, Edge, Item, boxes
from cnnspec.draw.names import LONGEST
from cnnspec.values.shapes import Shape


def close(diagram: Diagram) -> Diagram:
    """The diagram with a box for each use of such a block, unless a fault is in it."""
    uses = count_uses(diagram.items)
    closed: dict[int, int] = {}  # the numbers of boxes that are seen no more, and of those in their place

    def walk(items: tuple[Item, ...]) -> tuple[Item, ...]:
        found: list[Item] = []
        for item in items:
            if isinstance(item, Cluster):
                within = list(boxes(item.items))
                if item.kind == "block" and uses[item.name] > 1 and all(b.kind != "fault" for b in within):
                    closed.update((box.number, within[0].number) for box in within)
                    item = block_box(item, within)
                else:
                    item = item._replace(items=walk(item.items))
            found.append(item)
        return tuple(found)

    items = walk(diagram.items)
    edges: dict[tuple[int, int, Shape], Edge] = {}
    for edge in diagram.edges:
        ends = closed.get(edge.tail, edge.tail), closed.get(edge.head, edge.head)
        if ends[0] != ends[1]:
            route = edge.route if edge.head not in closed else ""  # of a join that is within
            edges.setdefault((*ends, edge.first), edge._replace(tail=ends[0], head=ends[1], route=route))
    return diagram._replace(items=items, edges=tuple(edges.values()))


def count_uses(items: tuple[Item, ...], times: int = 1) -> Counter[str]:
    """How often each block is used, by its name."""
    found: Counter[str] = Counter()
    for item in items:
        if isinstance(item, Cluster):
            found.update(count_uses(item.items, times * item.times))
            if item.kind == "block":
                found[item.name] += times * item.times
    return found


def block_box(block: Cluster, within: list[Box]) -> Box:
    """`MBConv kernel 5 /2`: one box for a use of a block and all of its copies."""
    said = [argument_words(name, value) for name, value in block.arguments if not isinstance(value, float)]
    words, *more = fill_lines([block.name, *filter(None, said)], " ", LONGEST - 1)
    first, *others = (number for box in within for number in (box.number, *box.others))
    return Box(
        first,
        "block",
        (words + "…" * bool(more),),
        (block.name,),
        block.label,
        of_one(block.items, "params"),
        of_one(block.items, "macs"),
        times=block.times,
        others=tuple(others),
        shared=block.shared,
        idle=block.idle,
    )


def of_one(items: tuple[Item, ...], name: str) -> Count:
    """The parameters or MACs of things side by side, of which each cluster stands for its copies."""
    found = Count()
    for item in items:
        if isinstance(item, Box):
            found = found.beside(getattr(item, name))
        else:
            inner = of_one(item.items, name)
            found = found.beside(Count(inner.total, item.times * inner.least, item.times * inner.most))
    return found
