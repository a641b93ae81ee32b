"""Blocks that are used more than once, or all parts, become boxes, as in the overviews of papers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from cnnspec.draw.diagram.box_text import argument_words, fill_lines
from cnnspec.draw.diagram.model import (
    Arguments,
    Box,
    Cluster,
    Count,
    Diagram,
    Edge,
    Item,
    boxes,
    clusters,
    clusters_by_depth,
    group_pairs,
)
from cnnspec.draw.names import LONGEST

FEW = 3  # parts, that say nothing of a network


def close_blocks(diagram: Diagram) -> Diagram:
    """The diagram with a box for each use of a block that is used more than once."""
    uses = count_uses(diagram.items)
    return close(diagram, lambda cluster, _: cluster.kind == "block" and uses[cluster.name] > 1)


def close_parts(diagram: Diagram) -> Iterator[Diagram]:
    """The diagram with a box for each of its outermost clusters, but those that hold all but a few.

    Before that with boxes for the clusters within those, the innermost first; all uses of a block are alike.
    """
    nested = clusters_by_depth(diagram.items)
    # `all: { a b c }`: one cluster outside says nothing, so the three within are the parts
    outermost = next((depth for depth, found in enumerate(nested) if len(found) >= FEW), len(nested))
    # ResNet-50: boxes for the `Bottleneck`s in its layers, then for `layer1` to `layer4`
    for deep in range(max(len(nested) - 1, outermost), outermost - 1, -1):
        # a block that is a box in one place, at that depth, is one in each, also further out
        names = {cluster.name for found in nested[deep:] for cluster in found if cluster.kind == "block"}
        yield close(diagram, partial(is_part, names, deep, outermost))


def is_part(names: set[str], deep: int, outermost: int, cluster: Cluster, depth: int) -> bool:
    return depth >= deep or (depth >= outermost and cluster.name in names)


def close(diagram: Diagram, is_box: Callable[[Cluster, int], bool]) -> Diagram:
    """The diagram with a box for each such cluster, unless a fault is in it. A depth goes along."""
    closed: dict[int, int] = {}  # the numbers of boxes that are seen no more, and of those in their place
    shared = shared_arguments(diagram.items)

    def walk(items: tuple[Item, ...], depth: int = 0) -> tuple[Item, ...]:
        found: list[Item] = []
        for item in items:
            if isinstance(item, Cluster):
                within = list(boxes(item.items))
                if is_box(item, depth) and all(box.kind != "fault" for box in within):
                    # the first box's number stands for all: edges still lead from smaller to larger
                    closed.update((box.number, within[0].number) for box in within)
                    item = block_box(item, within, shared.get(item.name, ()))
                else:
                    item = item._replace(items=walk(item.items, depth + 1))
            found.append(item)
        return tuple(found)

    items = walk(diagram.items)
    ends = ((e, closed.get(e.tail, e.tail), closed.get(e.head, e.head)) for e in diagram.edges)
    edges = [edge._replace(tail=tail, head=head) for edge, tail, head in ends]
    return diagram._replace(items=items, edges=tuple(outside(edges, set(closed.values()))))


def outside(edges: list[Edge], shut: set[int]) -> Iterator[Edge]:
    """The edges between boxes; a value enters a closed one once, and passes by nothing that is not seen.

    Several values of one shape that go the same way are one edge.
    """
    arriving = Counter(head for _, head in {edge[:2] for edge in edges})
    alike = Counter(edge[:3] for edge in edges)
    seen = set()
    for edge in edges:
        if edge.tail == edge.head or edge[:3] in seen:
            continue
        seen.add(edge[:3])
        # into a closed box several values of one shape are one edge; at a join each is a path, hence `×2`
        seen_through = edge.head not in shut
        route = edge.route if seen_through and arriving[edge.head] > 1 else ""
        yield edge._replace(route=route, times=alike[edge[:3]] if seen_through else 1)


def count_uses(items: tuple[Item, ...], times: int = 1) -> Counter[str]:
    """How often each block is used, by its name."""
    found: Counter[str] = Counter()
    for item in items:
        if isinstance(item, Cluster):
            found.update(count_uses(item.items, times * item.times))
            if item.kind == "block":
                found[item.name] += times * item.times
    return found


def shared_arguments(items: tuple[Item, ...]) -> dict[str, Arguments]:
    """By the names of blocks the arguments of all of their uses, which tell none from another."""
    uses = group_pairs((cluster.name, cluster) for cluster in clusters(items))
    return {
        name: tuple(pair for pair in first.arguments if all(pair in use.arguments for use in others))
        for name, (first, *others) in uses.items()
        if others
    }


def block_box(block: Cluster, within: list[Box], unsaid: Arguments) -> Box:
    """`MBConv kernel 5 /2`: one box for a use of a block and all of its copies."""
    # rates, as of stochastic depth, differ from use to use and tell nothing of the form
    arguments = (pair for pair in block.arguments if pair not in unsaid and not isinstance(pair[1], float))
    said = [argument_words(*pair) for pair in arguments]
    name = block.name or ("path" if block.kind == "path" else inner_name(block))
    words, *more = fill_lines([name, *filter(None, said)], " ", LONGEST - 1)
    first, *others = (number for box in within for number in (box.number, *box.others))
    return Box(
        first,
        "block",
        (words + "…" * bool(more),),
        (name,),
        block.label,
        of_one(block.items, "params"),
        of_one(block.items, "macs"),
        times=block.times,
        others=tuple(others),
        shared=block.shared,
        idle=block.idle,
    )


def inner_name(iteration: Cluster) -> str:
    """What most of an iteration is called; where that has no name, as the language calls it."""
    counts = {item.name: count(item.items) for item in iteration.items if isinstance(item, Cluster)}
    name = max(counts, key=lambda name: counts[name], default="")
    # more than half of its boxes: `cell_0…2`, beside which a relu stands; else the name would mislead
    return name if name and 2 * counts[name] > count(iteration.items) else "repeat"


def count(items: tuple[Item, ...]) -> int:
    return sum(1 for _ in boxes(items))


def of_one(items: tuple[Item, ...], name: str) -> Count:
    """The parameters or MACs of things side by side, each of which stands for its copies."""
    found = Count()
    for item in items:
        # a block of two equal convs, folded to ×2: one block has twice the parameters of one of them
        each: Count = getattr(item, name) if isinstance(item, Box) else of_one(item.items, name)
        found = found.beside(Count(each.total, item.times * each.least, item.times * each.most))
    return found
