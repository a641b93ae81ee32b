"""The diagram as a graph of values that is simplified step by step, until a figure can hold it.

Every box makes one value, so both go by the box's number. Left out is what only training needs.
"""

from __future__ import annotations

from cnnspec.draw.diagram.box_text import SYMBOLS, fault_words, shape_words
from cnnspec.draw.diagram.model import Box, Cluster, Diagram, Edge, boxes, clusters

Bands = tuple[tuple[str, int], ...]  # kinds and channels


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
        self.telling: dict[str, list[str]] = {}
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


def odds(diagram: Diagram) -> dict[int, str]:
    """By box, what does not fit: of a join both shapes, of a layer both numbers, of a claim the claim."""
    kinds = {box.number: box.kind for box in boxes(diagram.items)}
    found: dict[int, str] = {}
    for edge in diagram.edges:
        if edge.fault and kinds[edge.head] != "fault":
            found[edge.tail] = fault_words(edge)
        elif edge.fault and edge.head not in found:
            # a join's `≠ 8@8x8` lacks what arrives: `4@8x8 ≠ 8@8x8`; a layer's `400 != 256` tells both
            unlike = edge.fault.startswith("≠")
            found[edge.head] = f"{shape_words(edge)} {fault_words(edge)}" if unlike else fault_words(edge)
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
