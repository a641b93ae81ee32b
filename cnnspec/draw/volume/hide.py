"""What a figure does not draw by itself: copies, what leaves a shape alone, many paths, blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set

from cnnspec.draw.diagram.model import Box, Cluster, Diagram, Item, boxes, clusters_by_depth
from cnnspec.draw.volume.draft import Draft, between, length, numbers, short, sign, title, way

MOST_VOLUMES = 36  # before blocks are drawn as one volume each
MOST_PATHS = 3  # of a join whose paths are drawn
LARGEST_BLOCK = 40  # boxes between a join and where its paths part, drawn as one
PLAIN_KINDS = ("norm", "activation", "dropout")  # that leave a value's shape as it is


def draft_of(diagram: Diagram, opens: bool = False, coarse: bool = False) -> Draft:
    """`opens`: every path is drawn, however many there are; `coarse`: no block and no gate is."""
    draft = Draft(diagram)
    close_each(draft, (c for c in draft.clusters if c.shared))  # which were drawn the first time
    # first, for paths are long or short by their boxes: `batchnorm, relu, conv 1x1` is to be one
    gather_followers(draft)
    if not opens:
        hide_branches(draft)
    if coarse or is_full(draft):
        close_each(draft, (c for c in draft.clusters if c.kind == "block"))
    if coarse:
        hide_gates(draft)
    hide_groups(draft)
    if is_full(draft):
        hide_cells(draft)
    if coarse:
        hide_exchanges(draft)
        gather_followers(draft)  # of sums that were circles, and now are blocks
    return draft


def close(draft: Draft, cluster: Cluster, *parts: str) -> None:
    """Draw a cluster as one volume, if that can be; `parts` stand behind its title."""
    inside, shared = numbers(cluster), cluster.shared
    words = (title(draft, cluster), *parts)
    if not draft.collapse(inside, *words, times=cluster.times, shared=shared):
        return
    # copies of what the block itself makes, as in DPN (Chen et al., 2017), are none of an earlier value
    kinds = {kind for kind, _ in draft.bands.get(max(inside), ())}
    if cluster.kind == "block" and kinds == {"copy"}:
        del draft.bands[max(inside)]
    if not shared:
        outer = {name: other for name, other in draft.closed.items() if not numbers(other) <= inside}
        # of one name the largest use is opened: the `Bottleneck` with a projection, not one without
        largest = max(outer.get(cluster.name, cluster), cluster, key=lambda c: len(numbers(c)))
        draft.closed = outer | {cluster.name: largest}


def close_each(draft: Draft, clusters: Iterable[Cluster]) -> None:
    """Draw clusters as one volume each, the inner before the outer."""
    for cluster in reversed(list(clusters)):
        close(draft, cluster)


def gather_followers(draft: Draft) -> None:
    """What leaves a value's shape alone shares the words of the operation before it, or else of the next."""
    for number in sorted(draft.boxes):
        box = draft.boxes[number]
        if box.kind not in PLAIN_KINDS and not flattens(box):
            continue
        (tail,), heads = draft.tails[number], draft.heads[number]
        before = draft.boxes[tail]
        if len(draft.heads[tail]) == 1 and takes(draft, before, box):
            into, parts = before, before.parts + box.parts
            # of `globalavgpool, flatten` what is told is 2048, not 2048@1x1
            draft.made[tail] = draft.made[number]
            if number in draft.odds:
                draft.odds[tail] = draft.odds.pop(number)
        elif len(heads) == 1 and precedes(draft, box, draft.boxes[heads[0]]):
            into = draft.boxes[heads[0]]
            parts = box.parts + into.parts
        else:
            continue
        draft.boxes[into.number] = into._replace(parts=parts)
        draft.drop(number)


def alike(draft: Draft, one: Box, other: Box) -> bool:
    return one.times == other.times and draft.homes.get(one.number) == draft.homes.get(other.number)


def takes(draft: Draft, before: Box, box: Box) -> bool:
    """Whether a box may share the words of the one before: a flattened map has to be of one pixel."""
    seen = before.number in draft.odds or before.number in draft.outputs
    if before.kind in ("input", "join") or seen or not alike(draft, before, box):
        return False
    shape = draft.made[before.number].last
    return not flattens(box) or shape.features == shape.channels


def flattens(box: Box) -> bool:
    return box.kind in ("shape", *PLAIN_KINDS) and "flatten" in box.parts


def precedes(draft: Draft, box: Box, after: Box) -> bool:
    """Whether a box may share the words of the one behind, its own value not shown."""
    if box.number in draft.odds or box.number in draft.outputs:
        return False
    return alike(draft, box, after) and after.kind in ("conv", "linear", "pool", *PLAIN_KINDS)


def hide_branches(draft: Draft) -> None:
    """A join of many paths, or of several long ones, is drawn as one volume with all between."""
    for number in sorted(draft.boxes):
        if number not in draft.boxes or len(draft.tails[number]) < 2:
            continue
        lengths = sorted(length(draft, tail) for tail in draft.tails[number])
        # drawn path by path: up to three, of which at most two have more than one operation
        if len(lengths) <= MOST_PATHS and sum(one > 1 for one in lengths) < MOST_PATHS:
            continue
        ways = [way(draft, tail) for tail in draft.tails[number]]
        # paths that part at one value, or at two as in NASNet's cells, are a region
        sources = {path[-1] for path in ways if len(draft.heads[path[-1]]) > 1}
        region = between(draft, number) if len(sources) < MOST_PATHS else set()
        if not 0 < len(region) <= LARGEST_BLOCK or any(draft.boxes[n].kind == "input" for n in region):
            hide_paths(draft, number, {n for path in ways for n in path[:-1]})
            continue
        # GoogLeNet's `Inception` holds its join and its paths and nothing else: it names the volume
        own = [c for c in draft.clusters if region <= numbers(c) and not c.name.isdecimal() and c.name]
        if own and not numbers(own[-1]) & draft.boxes.keys() - region:
            close(draft, own[-1])
        else:
            join, *followers = draft.boxes[number].parts
            # a cluster that the text has not, so that what is in it can be opened below the figure
            items = items_between(draft.items, min(region) - 1, number)
            paths = Cluster("group", f"{join} of {len(lengths)} paths", "", items)
            close(draft, paths, *path_words(draft, number), *followers)


def path_words(draft: Draft, join: int) -> list[str]:
    """What the paths of a join begin with: `conv 3x3 ×4`."""
    # a way is [last, …, first, fork]: without the fork, and in the order of execution
    ways = ([draft.boxes[n] for n in way(draft, tail)[-2::-1]] for tail in draft.tails[join])
    found = Counter(first_step(boxes) for boxes in ways)
    return [f"{words} ×{count}" if count > 1 else words for words, count in found.items()]


def first_step(boxes: list[Box]) -> str:
    """What a path begins with: rather a convolution than the pick of its channels."""
    steps = [box for box in boxes if box.kind != "shape"] or boxes
    return short(steps[0].parts[0]) if steps else "identity"


def items_between(items: tuple[Item, ...], low: int, high: int) -> tuple[Item, ...]:
    """All boxes behind one number up to another, in those of their clusters that hold no others."""
    found: list[Item] = []
    for item in items:
        inside = [low < box.number <= high for box in boxes([item])]
        if all(inside):
            found.append(item)
        elif any(inside) and isinstance(item, Cluster):
            found += items_between(item.items, low, high)
    return tuple(found)


def is_full(draft: Draft) -> bool:
    return sum(box.kind != "join" for box in draft.boxes.values()) > MOST_VOLUMES


def hide_exchanges(draft: Draft) -> None:
    """A sum is drawn as one volume with the short paths that fit maps of other sizes to it.

    As between the streams of HRNet (Wang et al., 2020): what they begin with is used elsewhere, too.
    """
    for join in [number for number, box in sorted(draft.boxes.items()) if sign(box)]:
        size = draft.made[join].last.height
        paths = [way(draft, tail) for tail in draft.tails[join]]
        # one or two operations (`conv 1x1, upsample 2`) behind a value that other streams read, too
        shared = (path for path in paths if len(path) in (2, 3) and len(draft.heads[path[-1]]) > 1)
        fitted = (path[:-1] for path in shared if draft.made[path[-1]].last.height != size)
        draft.collapse({join, *(number for path in fitted for number in path)}, *draft.boxes[join].parts)


def hide_gates(draft: Draft) -> None:
    """A product is drawn as one volume with all that leads to it alone."""
    for join in [number for number, box in draft.boxes.items() if box.parts[0] == "mul"]:
        forks = {number for number, heads in draft.heads.items() if len(heads) > 1}
        gate = used_alone(draft, join, forks)
        draft.collapse(gate, "gate", *draft.boxes[join].parts[1:])


def hide_groups(draft: Draft) -> None:
    """Where there still is too much, labelled braces become one volume: the innermost, if that is enough."""
    depths = clusters_by_depth(draft.items)
    while depths and is_full(draft):
        close_each(draft, (c for c in depths.pop() if c.kind == "group" and c.name))


def hide_cells(draft: Draft) -> None:
    """A concatenation is drawn as one volume with all that it alone uses."""
    joins = {number for number, box in draft.boxes.items() if box.parts[0] == "concat"}
    for join in sorted(joins):
        hide_paths(draft, join, used_alone(draft, join, joins))


def hide_paths(draft: Draft, join: int, before: set[int]) -> None:
    """A join becomes one volume with what lies before it."""
    name, *followers = draft.boxes[join].parts
    draft.collapse({join, *before}, f"{name} of {len(draft.tails[join])} paths", *followers)


def used_alone(draft: Draft, join: int, ends: Set[int]) -> set[int]:
    """A join, and back to those ends and to inputs all that nothing else uses."""
    found, waiting = {join}, set(draft.tails[join])
    while waiting:
        waiting.discard(number := max(waiting))  # the latest: all that uses it was looked at before it
        idle = number in ends or draft.boxes[number].kind == "input"
        if not idle and found.issuperset(draft.heads[number]):
            found.add(number)
            waiting.update(draft.tails[number])
    return found


def alone(diagram: Diagram, cluster: Cluster, name: str) -> Diagram:
    """A cluster as a diagram of its own, with the values that arrive as inputs."""
    inside = numbers(cluster)
    entering = {edge.tail for edge in diagram.edges if edge.tail not in inside and edge.head in inside}
    inputs = [Box(tail, "input", ("input",), ("input",)) for tail in sorted(entering)]
    inner = [edge for edge in diagram.edges if edge.head in inside]
    end = Box(max(inside) + 1, "output", ("output",), ("output",))
    # A net may lack what would read the value: a fault stands before it.
    leaving = [edge for edge in diagram.edges if edge.tail in inside and edge.head not in inside][:1]
    edges = (*inner, *(edge._replace(head=end.number) for edge in leaving))
    return Diagram(name, (), (), (*inputs, *cluster.items, *([end] if leaving else [])), edges)
