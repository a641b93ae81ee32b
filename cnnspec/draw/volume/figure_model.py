"""What a figure shows: operations and the values that they make, in order; what skips some of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from cnnspec.draw.diagram.box_text import shape_words
from cnnspec.draw.diagram.model import Box, Cluster, Diagram, boxes, totals
from cnnspec.draw.names import plain
from cnnspec.draw.volume.draft import Bands, Draft, length, numbers, short, sign, title, way
from cnnspec.draw.volume.hide import alone, draft_of
from cnnspec.graph.tree import UNREAD
from cnnspec.values.shapes import Shape

COUNTED = re.compile(r"\d+(…\d+)?")  # names that a repeat gave: `0…3` beside its `×4` says nothing more


class Volume(NamedTuple):
    """An operation, done so many `times`, and the value that it makes; inputs are made by none.

    An element-wise join has a `sign`, and is drawn as a circle. `bands` are the
    kinds and channels of what was laid side by side; `fed`: by the volume before; `leaves`: as an output.
    `fault` is what the value, or for a volume of that kind what arrives, is at odds with.
    """

    kind: str
    words: tuple[str, ...]
    label: tuple[str, ...]
    shape: Shape
    window: tuple[int, int] | None = None
    transposed: bool = False
    times: int = 1
    sign: str = ""
    bands: Bands = ()
    fed: bool = True
    fault: str = ""
    leaves: bool = False

    @property
    def counted_words(self) -> tuple[str, ...]:
        return with_count(self.kind, self.words, self.times)


class Skip(NamedTuple):
    """A value that is taken by a later volume than the next, perhaps by way of an operation."""

    tail: int
    head: int
    words: str = ""


class Brace(NamedTuple):
    """Volumes that belong together: a block, perhaps one that is repeated."""

    first: int
    last: int
    name: str
    times: int = 1

    @property
    def words(self) -> str:
        return f"{self.name} ×{self.times}".strip() if self.times > 1 else self.name


class Figure(NamedTuple):
    """`notes` are sentences on what is not drawn; `opened` are blocks that are drawn as one volume each.

    `coarse` is the whole with blocks and gates drawn as one volume each, for where there is less room.
    `title` is seen in place of the name; where it is not `captioned`, facts and notes are not.
    """

    name: str
    facts: str
    volumes: tuple[Volume, ...]
    skips: tuple[Skip, ...]
    braces: tuple[Brace, ...]
    notes: tuple[str, ...] = ()
    opened: tuple[Figure, ...] = ()
    coarse: Figure | None = None
    title: str | None = None
    captioned: bool = True


def figure_of(diagram: Diagram, blocks: bool = False) -> Figure:
    """What the figure of a diagram shows; with `blocks` also what is in each block that it shows as one."""
    coarse = from_draft(diagram, draft_of(diagram, coarse=True), blocks)
    return from_draft(diagram, draft_of(diagram), blocks)._replace(coarse=coarse)


def from_draft(diagram: Diagram, draft: Draft, blocks: bool = False) -> Figure:
    skips = absorb(draft)
    order = in_order(draft)
    place = {number: i for i, number in enumerate(order)}
    volumes: list[Volume] = []
    for i, number in enumerate(order):
        tails = draft.tails[number]
        before = i > 0 and order[i - 1] in tails
        # the value of the volume before comes by the arrow between the two: every other one is a skip
        skips += [(tail, number, "") for tail in dict.fromkeys(tails) if not before or tail != order[i - 1]]
        volumes.append(volume(draft, draft.boxes[number], before))
    found = sorted(Skip(place[tail], place[head], words) for tail, head, words in skips)
    return Figure(
        plain(diagram.name, 100),
        str(totals(diagram)),
        tuple(volumes),
        tuple(found),
        tuple(braces(draft, place)),
        tuple(notes(diagram)),
        tuple(opened(diagram, draft)) if blocks else (),
    )


def opened(diagram: Diagram, draft: Draft) -> Iterator[Figure]:
    """The blocks that are drawn as one volume each, the first of the net first.

    Braces that became part of a larger volume, as of a sum, are nowhere named in the figure.
    """
    shown = [c for c in draft.closed.values() if c.kind == "block" or is_one_volume(draft, c)]
    for cluster in sorted(shown, key=lambda cluster: min(numbers(cluster))):
        inner = alone(diagram, cluster, title(draft, cluster))
        yield from_draft(inner, draft_of(inner, opens=True))


def is_one_volume(draft: Draft, cluster: Cluster) -> bool:
    return any(draft.regions[number] <= numbers(cluster) for number in numbers(cluster) & draft.boxes.keys())


def notes(diagram: Diagram) -> Iterator[str]:
    """What is left out, though the parameters count it."""
    heads = [box.parts[0] for box in boxes(diagram.items) if box.kind == "output" and box.idle]
    if heads:
        yield f"Not drawn, for training only (parameters counted): {plain(', '.join(heads), 80)}."
    unread = sum(len(box.parts) for box in boxes(diagram.items) if box.idle == UNREAD)
    if unread:
        yield f"Not drawn, {UNREAD}: {unread} layer{'s' if unread > 1 else ''}."


def names(draft: Draft, box: Box) -> tuple[str, ...]:
    """What a value is called as an input or an output, where the net has several."""
    found = box.parts[:1] if box.kind == "input" and draft.inputs > 1 else ()
    if sum(map(len, draft.outputs.values())) > 1:
        found += draft.outputs.get(box.number, ())
    return tuple(map(plain, found))


def volume(draft: Draft, box: Box, fed: bool) -> Volume:
    if box.kind == "fault":
        tail, fault = draft.tails[box.number][0], draft.odds[box.number]
        return Volume(box.kind, words_of(box), (), draft.made[tail].last, fed=fed, fault=fault)
    edge = draft.made[box.number]
    label = (*names(draft, box), shape_words(edge))
    bands = draft.bands.get(box.number, ())
    if box.number in draft.homes:
        # DenseNet-121's first block: (copy 64, conv 32) of one layer -> (copy 64, conv 192) of all six
        bands = grown(bands, int(edge.last.channels))
    # a folded block that adds two values each time: how much of the growth is whose is not known
    if sum(channels for _, channels in bands) != edge.last.channels:
        bands = ()
    return Volume(
        box.kind,
        () if box.kind == "input" else words_of(box, bands),
        label,
        edge.last,
        box.window or ((1, 1) if box.kind == "linear" and edge.last.is_map else None),
        box.transposed,
        box.times,
        sign(box),
        bands,
        fed,
        draft.odds.get(box.number, ""),
        box.number in draft.outputs,
    )


def grown(bands: Bands, channels: int) -> Bands:
    """What a folded block laid side by side: what it copied, and the rest, which grew each time."""
    copied = tuple(band for band in bands if band[0] == "copy")
    added = [band for band in bands if band[0] != "copy"]
    if len(copied) != 1 or len(added) != 1:
        return bands
    return *copied, (added[0][0], channels - copied[0][1])


def words_of(box: Box, bands: Bands = ()) -> tuple[str, ...]:
    """The operation, a line a layer, of a block the widths of its paths; a circle says what it does."""
    lines = [short(plain(part, 100)) for part in box.parts]
    if box.kind == "block" and len(bands) > 1:
        lines[0] += ": " + sum_words([channels for _, channels in bands])
    if sign(box):
        lines = lines[1:]
    if box.shared:
        lines.append("shared weights")
    return tuple(lines)


def with_count(kind: str, words: tuple[str, ...], times: int) -> tuple[str, ...]:
    """`conv 3x3 ×2`, but `(conv 3x3, relu) ×2`: each time all of it is done, and `expand 6 ×2` is not 12."""
    if times == 1 or not words:
        return words
    # at most one space in a layer (`conv 3x3 ×2`), none in a block (`Unit ×3`)
    if len(words) == 1 and words[0].count(" ") <= (kind != "block"):
        return (f"{words[0]} ×{times}",)
    first, *others = words
    *others, last = (f"({first}", *others)
    return (*others, f"{last}) ×{times}")


def sum_words(widths: list[int]) -> str:
    """`320+4×384+192`."""
    runs = [(width, len(list(run))) for width, run in groupby(widths)]
    return "+".join(f"{times}×{width}" if times > 1 else str(width) for width, times in runs)


def absorb(draft: Draft) -> list[tuple[int, int, str]]:
    """Paths of a single operation that lead past a longer one: the skip's line bears their words."""
    skips: list[tuple[int, int, str]] = []
    for number in sorted(draft.boxes):
        tails = draft.tails.get(number, [])
        if len(tails) < 2 or draft.boxes[number].kind == "fault":
            continue
        # the longest path is what is drawn in the row; of equal ones that which begins latest
        trunk = max(tails, key=lambda tail: (length(draft, tail), way(draft, tail)[-1], tail))
        # ResNet's `add { | conv, conv, conv | conv 1x1 /2 }`: the second is a line that says `conv 1x1 /2`
        for tail in list(tails):
            if tail == trunk or tails.count(tail) > 1:  # `mul { | a: relu | from a | tanh }` reads a twice
                continue
            side = length(draft, tail) == 1 and draft.boxes[tail].kind != "join"
            seen = tail in draft.odds or tail in draft.outputs
            # the last: of an input or a join that this path alone reads, it leads past nothing
            if not side or seen or len(draft.heads[draft.tails[tail][0]]) == 1:
                continue
            box = draft.boxes[tail]
            words = with_count(box.kind, words_of(box), box.times)
            skips.append((draft.tails[tail][0], number, ", ".join(words)))
            tails.remove(tail)
            del draft.boxes[tail], draft.tails[tail]
    return skips


def in_order(draft: Draft) -> list[int]:
    """The order of execution, but inputs as late as may be, and last what the longest way does without."""
    depths: dict[int, int] = {}
    for number in sorted(draft.boxes):
        depths[number] = 1 + max((depths[tail] for tail in draft.tails[number]), default=0)
    trunk: set[int] = set()
    # FPN: its heads are shorter than the way down and up again, so they stand behind all of it
    waiting = [max(depths, key=lambda number: (depths[number], -number))] if depths else []
    while waiting:
        trunk.add(number := waiting.pop())
        waiting += set(draft.tails[number]) - trunk

    def key(number: int) -> tuple[bool, int, int]:
        # an input stands right before what first uses it
        first = min(draft.heads[number], default=number) if draft.boxes[number].kind == "input" else number
        # input 3, first used by 9, is (False, 9, False) and so right before 9, which is (False, 9, True)
        return number not in trunk, first, first == number

    return sorted(draft.boxes, key=key)


def braces(draft: Draft, place: dict[int, int]) -> list[Brace]:
    """The clusters that are repeated, and the innermost of those that hold a join."""
    found: list[Brace] = []
    for cluster in reversed(draft.clusters):
        shown = [draft.boxes[n] for n in numbers(cluster) & place.keys()]
        inside = sorted(place[box.number] for box in shown)
        # found holds what lies within already: the inner clusters come before the outer
        inner = any(inside[0] <= brace.first <= inside[-1] for brace in found if inside)
        if any(not draft.regions[box.number] <= numbers(cluster) for box in shown):
            continue  # it lies within a block that is drawn as one: `×2` would be said of the whole block
        block = cluster.kind == "block" and len(shown) > 1 and any(box.kind == "join" for box in shown)
        # a single volume with the cluster's count says `×3` itself
        repeated = cluster.times > 1 and shown and (len(shown) > 1 or shown[0].times != cluster.times)
        if repeated or (block and not inner):
            name = "" if COUNTED.fullmatch(cluster.name) else plain(cluster.name)
            found.append(Brace(inside[0], inside[-1], name, cluster.times))
    return sorted(found)
