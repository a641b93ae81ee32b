"""The diagram as a graph of values that is simplified step by step, until a figure can hold it.

Every box makes one value, so both go by the box's number. Left out is what only training needs.
"""

from __future__ import annotations

import re
from typing import Any

from cnnspec.draw.diagram.box_text import SYMBOLS, argument_words, odds
from cnnspec.draw.diagram.model import Box, Cluster, Diagram, Edge, boxes, clusters, group_pairs
from cnnspec.draw.names import plain
from cnnspec.values.kinds import is_integer

Calls = list[tuple[dict[str, Any], int]]  # uses of one block: arguments, and the channels that it makes
Bands = tuple[tuple[str, int], ...]  # kinds and channels

SEEN = re.compile(
    r"(?<=conv )\d+@|(?<=convtranspose )\d+@| pad \S+| mode \S+| (?:ceil|frozen)$|(?<=linear) \d+"
    r"|(?<=pick) \[.*|(?<=stochasticdepth) \S+"
)
"""What need not be said: the volume behind tells the filters, and its size the padding. Of a pick
only that there is one: its channels are a list; of a stochastic depth likewise: each block has a rate of its
own."""


class Draft:
    """`boxes`, `tails` and `heads` are what is left; `made` and `bands` stay those of the whole diagram.

    `odds` tells what a box's value is at odds with; of a box that does not fit, what arrives. `outputs` are
    the names under which a box's value leaves the net. `telling` are the arguments that tell uses of a block
    apart. `closed` are clusters that are drawn as one volume, none of them within another: by name that with
    the most boxes. `regions` are all boxes that became one, by the one that is left.
    """

    def __init__(self, diagram: Diagram) -> None:
        self.made = {edge.tail: edge for edge in reversed(diagram.edges)}  # a value on its way
        self.boxes = {
            box.number: box
            for box in boxes(diagram.items)
            if box.kind == "fault" or (box.kind != "output" and not box.idle and box.number in self.made)
        }
        self.inputs = sum(box.kind == "input" for box in self.boxes.values())
        self.odds = odds(diagram)
        self.outputs = outputs(diagram)
        self.tails: dict[int, list[int]] = {number: [] for number in self.boxes}
        for edge in diagram.edges:
            if edge.head in self.boxes:
                self.tails[edge.head].append(edge.tail)
        self.heads: dict[int, list[int]] = {number: [] for number in self.boxes}
        for head, tails in self.tails.items():
            for tail in dict.fromkeys(tails):
                self.heads[tail].append(head)
        self.bands = concatenated_bands(self, diagram.edges)
        self.items = diagram.items
        self.clusters = list(clusters(diagram.items))
        self.telling = telling(self.clusters, self.made)
        self.closed: dict[str, Cluster] = {}
        self.regions = {number: {number} for number in self.boxes}
        folded = ((i, cluster) for i, cluster in enumerate(self.clusters) if cluster.times > 1)
        self.homes = {number: i for i, cluster in folded for number in numbers(cluster)}  # of boxes

    def collapse(self, numbers: set[int], *parts: str, times: int = 1, shared: bool = False) -> bool:
        """Boxes become one that is described as `parts` say, if a single value leaves them and all fits."""
        inside = numbers & self.boxes.keys()
        leaving = {n for n in inside if n in self.outputs or not inside.issuperset(self.heads[n])}
        exits = leaving or {max(inside, default=-1)}  # nothing uses the end of a net that does not fit
        entering = dict.fromkeys(tail for n in sorted(inside) for tail in self.tails[n] if tail not in inside)
        # not a single box, nor what several values leave, or none enter; nor may a fault be hidden inside
        if len(inside) < 2 or len(exits) > 1 or not entering or self.odds.keys() & inside - leaving:
            return False
        number = exits.pop()
        box = self.boxes[number]
        self.regions[number] = {each for n in inside for each in self.regions[n]}
        for n in inside - {number}:
            del self.boxes[n], self.tails[n], self.heads[n]
        self.boxes[number] = box._replace(kind="block", parts=parts, times=times, shared=shared, window=None)
        self.tails[number] = list(entering)
        for tail in entering:
            self.heads[tail] = [head for head in self.heads[tail] if head not in inside] + [number]
        return True

    def drop(self, number: int) -> None:
        """Leave out a box of a single tail, whose heads take that instead."""
        (by,), heads = self.tails.pop(number), self.heads.pop(number)
        for head in heads:
            # in its place: the order of tails is that of a join's paths
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


def concatenated_bands(draft: Draft, edges: tuple[Edge, ...]) -> dict[int, Bands]:
    """What concatenations lay side by side: kinds, "copy" of what is used elsewhere too, and channels."""
    found: dict[int, Bands] = {}
    kinds: dict[int, str] = {}
    for number, box in sorted(draft.boxes.items()):
        tail = next(iter(draft.tails[number]), -1)
        parted = box.kind == "shape" and len(draft.heads[tail]) > 1
        # `slice` of a value that others read, too, copies it; `upsample` of one keeps its maker's colour
        cut = parted and not enlarges(draft.made[tail], draft.made[number])
        passed_on = "copy" if cut else kinds.get(tail, "")
        kinds[number] = passed_on if box.kind in ("join", "shape") else box.kind
        if box.kind == "join" and box.parts[0] == "concat":
            found[number] = ()
    for edge in edges:
        if edge.head in found:
            kind = "copy" if len(draft.heads[edge.tail]) > 1 else kinds[edge.tail]
            # bands within bands are known by now: edges are sorted by head
            inner = found.get(edge.tail, ())
            found[edge.head] += inner or ((kind, int(edge.last.channels)),)
    return found


def enlarges(before: Edge, after: Edge) -> bool:
    return (after.last.height or 0) > (before.last.height or 0)


def numbers(cluster: Cluster) -> set[int]:
    return {box.number for box in boxes(cluster.items)}


def between(draft: Draft, join: int) -> set[int]:
    """A join, and all boxes behind the value that its paths part from."""
    low, found = join, {join}
    while True:  # until nothing reaches back further: paths may begin at several values
        entry = min((tail for n in found for tail in draft.tails[n]), default=low)
        if entry >= low:
            return found
        low = entry
        found = {n for n in range(low + 1, join + 1) if n in draft.boxes}


def length(draft: Draft, number: int) -> int:
    """How many boxes follow each other up to this one, with no other way in or out."""
    return len(way(draft, number)) - 1


def way(draft: Draft, number: int) -> list[int]:
    """Back from a box to where other ways part or meet."""
    found = [number]
    # `fork -> a -> b -> join`: the way of b is [b, a, fork], the fork itself has more heads than one
    while len(draft.heads[found[-1]]) == 1 and len(draft.tails[found[-1]]) == 1:
        found += draft.tails[found[-1]]
    return found


def sign(box: Box) -> str:
    """What stands in the circle of an element-wise join; "" of all else."""
    return SYMBOLS.get(box.parts[0], "") if box.kind == "join" and box.parts[0] != "concat" else ""


def short(part: str) -> str:
    return SEEN.sub("", part)


def title(draft: Draft, cluster: Cluster) -> str:
    """`MBConv /2 kernel 5 expand 6`; of a block that lays values side by side the name: bands tell more."""
    if cluster.kind != "block":
        return plain(cluster.label or path(draft, cluster))
    if len(draft.bands.get(max(numbers(cluster)), ())) > 1:
        return plain(cluster.name)
    given = dict(cluster.arguments)
    said = [argument_words(name, given[name]) for name in draft.telling[cluster.name] if name in given]
    said.sort(key=lambda words: not words.startswith("/"))  # behind others a stride reads as a quotient
    return " ".join(filter(None, (plain(cluster.name), *said)))


def path(draft: Draft, cluster: Cluster) -> str:
    """The name of braces; where that is a number, behind those of the braces around them."""
    around = [c.name for c in draft.clusters if c.kind == "group" and numbers(c) > numbers(cluster)]
    names = [cluster.name]
    while names[0].isdecimal() and around:
        names.insert(0, around.pop())
    return ".".join(names)


def telling(found: list[Cluster], made: dict[int, Edge]) -> dict[str, list[str]]:
    """By block, the arguments that tell its uses apart, but for rates and what the channels made tell too."""
    blocks = ((cluster, made.get(max(numbers(cluster)))) for cluster in found if cluster.kind == "block")
    uses = group_pairs(
        (cluster.name, (dict(cluster.arguments), int(edge.last.channels) if edge else 0))
        for cluster, edge in blocks
    )
    return {
        block: [
            name for name in dict.fromkeys(name for given, _ in calls for name in given) if tells(name, calls)
        ]
        for block, calls in uses.items()
    }


def tells(name: str, calls: Calls) -> bool:
    values = [given.get(name) for given, _ in calls]
    # `width`: 64 makes 256 channels, 128 makes 512: always 4, so the label below tells the width
    shares = {made / given[name] for given, made in calls if isinstance(given.get(name), int) and given[name]}
    said_by_channels = len(shares) == 1 and all(map(is_integer, values))
    # a stochastic depth's rate grows from block to block and would tell all apart
    rate = any(isinstance(value, float) for value in values)
    return any(value != values[0] for value in values) and not said_by_channels and not rate
