"""The diagram as a graph that is simplified step by step, until a figure can hold it.

Every box makes one value, so both go by the box's number. Left out is what only training needs.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from cnnspec.draw.box_text import SYMBOLS, fault_words, plain, shape_words, value_words
from cnnspec.draw.model import Box, Cluster, Diagram, Edge, Item, boxes
from cnnspec.values.kinds import is_integer

Calls = list[tuple[dict[str, Any], int]]  # uses of one block: arguments, and the channels that it makes
Bands = tuple[tuple[str, int], ...]  # kinds and channels

MOST_VOLUMES = 36  # before blocks are drawn as one volume each
MOST_PATHS = 3  # of a join whose paths are drawn
LARGEST_BLOCK = 40  # boxes between a join and where its paths part, drawn as one
SEEN = re.compile(
    r"(?<=conv )\d+@|(?<=convtranspose )\d+@| pad \S+| mode \S+| (?:ceil|frozen)$|(?<=linear) \d+"
)
"""What need not be said: the volume behind tells the filters, and its size the padding."""
PLAIN_KINDS = ("norm", "activation", "dropout")  # that leave a value's shape as it is


class Draft:
    """`boxes`, `tails` and `heads` are what is left; `made` and `bands` stay those of the whole diagram.

    `odds` tells what a box's value is at odds with; of a box that does not fit, what arrives. `outputs` are
    the names under which a box's value leaves the net. `telling` are the arguments that tell uses of a block
    apart. `closed` are clusters that are drawn as one volume, none of them within another: by name that with
    the most boxes.
    """

    def __init__(self, diagram: Diagram) -> None:
        found = list(boxes(diagram.items))
        self.made = {edge.tail: edge for edge in reversed(diagram.edges)}  # a value on its way
        self.boxes = {
            box.number: box
            for box in found
            if box.kind == "fault" or (box.kind != "output" and not box.idle and box.number in self.made)
        }
        self.odds = odds(diagram)
        self.outputs = outputs(diagram)
        self.tails: dict[int, list[int]] = {number: [] for number in self.boxes}
        for edge in diagram.edges:
            if edge.head in self.boxes:
                self.tails[edge.head].append(edge.tail)
        self.heads: dict[int, list[int]] = {}
        self.turn()
        self.bands = concatenated_bands(self, diagram.edges)
        self.items = diagram.items
        self.clusters = list(clusters(diagram.items))
        self.telling = telling(self.clusters, self.made)
        self.closed: dict[str, Cluster] = {}
        self.homes: dict[int, int] = {}  # the folded cluster that a box stands in
        for i, cluster in enumerate(self.clusters):
            if cluster.times > 1:
                self.homes |= dict.fromkeys(numbers(cluster), i)

    def turn(self) -> None:
        """Find the heads of what `tails` says."""
        self.heads = {number: [] for number in self.boxes}
        for head, tails in self.tails.items():
            for tail in dict.fromkeys(tails):
                self.heads[tail].append(head)

    def close(self, cluster: Cluster, *parts: str, times: int = 1, shared: bool = False) -> None:
        """Draw a cluster as one volume, if that can be; `parts` stand behind its title."""
        inside = numbers(cluster)
        if self.collapse(inside, title(self, cluster), *parts, times=times, shared=shared) and not shared:
            outer = {name: other for name, other in self.closed.items() if not numbers(other) <= inside}
            largest = max(outer.get(cluster.name, cluster), cluster, key=lambda c: len(numbers(c)))
            self.closed = outer | {cluster.name: largest}

    def collapse(self, numbers: set[int], *parts: str, times: int = 1, shared: bool = False) -> bool:
        """Boxes become one that is described as `parts` say, if a single value leaves them and all fits."""
        inside = numbers & self.boxes.keys()
        leaving = {n for n in inside if n in self.outputs or not inside.issuperset(self.heads[n])}
        exits = leaving or {max(inside, default=-1)}
        entering = dict.fromkeys(tail for n in sorted(inside) for tail in self.tails[n] if tail not in inside)
        if len(inside) < 2 or len(exits) > 1 or not entering or self.odds.keys() & inside - leaving:
            return False
        number = exits.pop()
        box = self.boxes[number]
        for n in inside:
            del self.boxes[n], self.tails[n]
        self.boxes[number] = box._replace(kind="block", parts=parts, times=times, shared=shared, window=None)
        self.tails[number] = list(entering)
        self.turn()
        return True

    def drop(self, number: int) -> None:
        """Leave out a box of a single tail, whose heads take that instead."""
        (by,), heads = self.tails.pop(number), self.heads.pop(number)
        for head in heads:
            self.tails[head] = [by if tail == number else tail for tail in self.tails[head]]
        self.heads[by] = [h for head in self.heads[by] for h in (heads if head == number else [head])]
        if number in self.outputs:
            self.outputs[by] = self.outputs.pop(number)
        del self.boxes[number]


def outputs(diagram: Diagram) -> dict[int, tuple[str, ...]]:
    """By box, the names of the outputs of evaluation that its value is."""
    names = {
        box.number: box.parts[0] for box in boxes(diagram.items) if box.kind == "output" and not box.idle
    }
    found: dict[int, tuple[str, ...]] = {}
    for edge in diagram.edges:
        if edge.head in names:
            found[edge.tail] = (*found.get(edge.tail, ()), names[edge.head])
    return found


def odds(diagram: Diagram) -> dict[int, str]:
    """By box, what does not fit: of a join both shapes, of a layer both numbers, of a claim the claim."""
    kinds = {box.number: box.kind for box in boxes(diagram.items)}
    found: dict[int, str] = {}
    for edge in diagram.edges:
        if edge.fault and kinds[edge.head] != "fault":
            found[edge.tail] = fault_words(edge)
        elif edge.fault and edge.head not in found:
            unlike = edge.fault.startswith("≠")
            found[edge.head] = f"{shape_words(edge)} {fault_words(edge)}" if unlike else fault_words(edge)
    return found


def concatenated_bands(draft: Draft, edges: tuple[Edge, ...]) -> dict[int, Bands]:
    """What concatenations lay side by side: kinds, "copy" of what is used elsewhere too, and channels."""
    found: dict[int, Bands] = {}
    kinds: dict[int, str] = {}
    for number, box in sorted(draft.boxes.items()):
        tail = next(iter(draft.tails[number]), -1)
        cut = (
            box.kind == "shape"
            and len(draft.heads[tail]) > 1
            and not enlarges(draft.made[tail], draft.made[number])
        )
        passed_on = "copy" if cut else kinds.get(tail, "")
        kinds[number] = passed_on if box.kind in ("join", "shape") else box.kind
        if box.kind == "join" and box.parts[0] == "concat":
            found[number] = ()
    for edge in edges:
        if edge.head in found:
            kind = "copy" if len(draft.heads[edge.tail]) > 1 else kinds[edge.tail]
            inner = found.get(edge.tail, ())
            found[edge.head] += inner or ((kind, int(edge.last.channels)),)
    return found


def enlarges(before: Edge, after: Edge) -> bool:
    return (after.last.height or 0) > (before.last.height or 0)


def clusters(items: tuple[Item, ...]) -> list[Cluster]:
    """All clusters, the outer before the inner."""
    return [c for item in items if isinstance(item, Cluster) for c in (item, *clusters(item.items))]


def draft_of(diagram: Diagram, opens: bool = False) -> Draft:
    """`opens`: every path is drawn, however many there are."""
    draft = Draft(diagram)
    hide_copies(draft)
    gather_followers(draft)
    if not opens:
        hide_branches(draft)
    hide_blocks(draft)
    hide_groups(draft)
    hide_cells(draft)
    return draft


def hide_copies(draft: Draft) -> None:
    """What runs once more with the same weights was drawn the first time."""
    for cluster in draft.clusters:
        if cluster.shared:
            draft.close(cluster, shared=True)


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
        if len(lengths) <= MOST_PATHS and sum(one > 1 for one in lengths) < MOST_PATHS:
            continue
        ways = [way(draft, tail) for tail in draft.tails[number]]
        sources = {steps[-1] for steps in ways if len(draft.heads[steps[-1]]) > 1}
        region = between(draft, number) if len(sources) < MOST_PATHS else set()
        if not 0 < len(region) <= LARGEST_BLOCK or any(draft.boxes[n].kind == "input" for n in region):
            hide_paths(draft, number, {n for steps in ways for n in steps[:-1]})
            continue
        own = [c for c in draft.clusters if region <= numbers(c) and has_name(c)]
        if own and not numbers(own[-1]) & draft.boxes.keys() - region:
            draft.close(own[-1])
        else:
            join, *followers = draft.boxes[number].parts
            items = items_between(draft.items, min(region) - 1, number)
            paths = Cluster("group", f"{join} of {len(lengths)} paths", "", items)
            draft.close(paths, *path_words(draft, number), *followers)


def path_words(draft: Draft, join: int) -> list[str]:
    """What the paths of a join begin with: `conv 3x3 ×4`."""
    firsts = [steps[-2:] for steps in (way(draft, tail) for tail in draft.tails[join])]
    found = Counter(
        short(draft.boxes[first[0]].parts[0]) if len(first) > 1 else "identity" for first in firsts
    )
    return [f"{words} ×{count}" if count > 1 else words for words, count in found.items()]


def short(part: str) -> str:
    return SEEN.sub("", part)


def has_name(cluster: Cluster) -> bool:
    return bool(cluster.name) and not cluster.name.isdecimal()


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


def between(draft: Draft, join: int) -> set[int]:
    """A join, and all boxes behind the value that its paths part from."""
    low, found = join, {join}
    while True:
        entry = min((tail for n in found for tail in draft.tails[n]), default=low)
        if entry >= low:
            return found
        low = entry
        found = {n for n in draft.boxes if low < n <= join}


def length(draft: Draft, number: int) -> int:
    """How many boxes follow each other up to this one, with no other way in or out."""
    return len(way(draft, number)) - 1


def source(draft: Draft, number: int) -> int:
    """What the first of those boxes works on."""
    return way(draft, number)[-1]


def way(draft: Draft, number: int) -> list[int]:
    """Back from a box to where other ways part or meet."""
    found = [number]
    while len(draft.heads[found[-1]]) == 1 and len(draft.tails[found[-1]]) == 1:
        found += draft.tails[found[-1]]
    return found


def is_full(draft: Draft) -> bool:
    return sum(box.kind != "join" for box in draft.boxes.values()) > MOST_VOLUMES


def hide_blocks(draft: Draft) -> None:
    """Where there is too much to draw, every block becomes one volume, the inner before the outer."""
    for cluster in reversed(draft.clusters) if is_full(draft) else ():
        if cluster.kind == "block":
            draft.close(cluster, times=cluster.times)


def hide_groups(draft: Draft) -> None:
    """Where there still is too much, labelled braces become one volume: the innermost, if that is enough."""
    items, depths = [draft.items], list[list[Cluster]]()
    while any(items):
        depths.append([item for inner in items for item in inner if isinstance(item, Cluster)])
        items = [cluster.items for cluster in depths[-1]]
    while depths and is_full(draft):
        for cluster in reversed(depths.pop()):
            if cluster.kind == "group" and cluster.name:
                draft.close(cluster, times=cluster.times)


def hide_cells(draft: Draft) -> None:
    """Where there still is too much, a concatenation is drawn as one volume with all that it alone uses."""
    joins = (
        [n for n, box in sorted(draft.boxes.items()) if box.parts[0] == "concat"] if is_full(draft) else []
    )
    for join in joins:
        hide_paths(draft, join, used_alone(draft, join, joins))


def hide_paths(draft: Draft, join: int, before: set[int]) -> None:
    """A join becomes one volume with what lies before it."""
    name, *followers = draft.boxes[join].parts
    draft.collapse({join, *before}, f"{name} of {len(draft.tails[join])} paths", *followers)


def used_alone(draft: Draft, join: int, joins: list[int]) -> set[int]:
    """A join, and back to other joins and to inputs all that nothing else uses."""
    found = {join}
    for number in sorted(draft.boxes.keys() - set(joins), reverse=True):
        heads = draft.heads[number]
        if heads and found.issuperset(heads) and draft.boxes[number].kind != "input":
            found.add(number)
    return found


def alone(diagram: Diagram, cluster: Cluster, name: str) -> Diagram:
    """A cluster as a diagram of its own, with the values that arrive as inputs."""
    inside = numbers(cluster)
    entering = {e.tail: e for e in reversed(diagram.edges) if e.tail not in inside and e.head in inside}
    inputs = [Box(tail, "input", ("input",), ("input",)) for tail in sorted(entering)]
    inner = [edge for edge in diagram.edges if edge.head in inside]
    leaving = next(edge for edge in diagram.edges if edge.tail in inside and edge.head not in inside)
    end = Box(max(inside) + 1, "output", ("output",), ("output",))
    edges = (*inner, leaving._replace(head=end.number))
    return Diagram(name, (), (), (*inputs, *cluster.items, end), edges)


def numbers(cluster: Cluster) -> set[int]:
    return {box.number for box in boxes(cluster.items)}


def title(draft: Draft, cluster: Cluster) -> str:
    """`MBConv kernel 5 /2 expand 6`; of a block that lays values side by side the name: bands tell more."""
    if cluster.kind != "block":
        return plain(cluster.label or path(draft, cluster))
    if len(draft.bands.get(max(numbers(cluster)), ())) > 1:
        return plain(cluster.name)
    given = dict(cluster.arguments)
    said = [argument_words(name, given[name]) for name in draft.telling[cluster.name] if name in given]
    return " ".join(filter(None, (plain(cluster.name), *said)))


def path(draft: Draft, cluster: Cluster) -> str:
    """The name of braces; where that is a number, behind those of the braces around them."""
    around = [c.name for c in draft.clusters if c.kind == "group" and numbers(c) > numbers(cluster)]
    names = [cluster.name]
    while names[0].isdecimal() and around:
        names.insert(0, around.pop())
    return ".".join(names)


def argument_words(name: str, value: object) -> str:
    if name == "stride":
        return "" if value in (1, (1, 1)) else f"/{plain(value_words(value))}"
    if value is True:
        return plain(name)
    between = " " if is_integer(value) or type(value) is tuple else "="
    return plain(f"{name}{between}{value_words(value)}")


def telling(found: list[Cluster], made: dict[int, Edge]) -> dict[str, list[str]]:
    """By block, the arguments that tell its uses apart, but for rates and what the channels made tell too."""
    uses: dict[str, Calls] = {}
    for cluster in found:
        if cluster.kind == "block":
            edge = made.get(max(numbers(cluster)))
            channels = int(edge.last.channels) if edge else 0
            uses.setdefault(cluster.name, []).append((dict(cluster.arguments), channels))
    return {block: [name for name in names_of(calls) if tells(name, calls)] for block, calls in uses.items()}


def names_of(calls: Calls) -> list[str]:
    return list(dict.fromkeys(name for given, _ in calls for name in given))


def tells(name: str, calls: Calls) -> bool:
    values = [given.get(name) for given, _ in calls]
    shares = {made / given[name] for given, made in calls if isinstance(given.get(name), int) and given[name]}
    said_by_channels = len(shares) == 1 and all(map(is_integer, values))
    rate = any(isinstance(value, float) for value in values)
    return any(value != values[0] for value in values) and not said_by_channels and not rate


def sign(box: Box) -> str:
    """What stands in the circle of an element-wise join; "" of all else."""
    return SYMBOLS.get(box.parts[0], "") if box.kind == "join" and box.parts[0] != "concat" else ""
