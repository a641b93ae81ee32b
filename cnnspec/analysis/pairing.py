"""Which part of one network is which of another: trees of parts, aligned from the top down.

The parts of two scopes are aligned like two words, by the least cost of edits (Wagner and Fischer 1974, "The
string-to-string correction problem"; for trees, Selkow 1977, "The tree-to-tree editing problem"): parts keep
their order, and what stands in a scope stays in one. Where that leaves layers over on both sides, between the
same neighbours, they are aligned once more without their scopes: braces may have been put around them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from cnnspec.analysis.components import Component, Difference, arguments, leaves
from cnnspec.elaborate.special_values import freeze

# What edits cost. A layer that only one network has:
LAYER = 100
# A layer with other arguments, and each of them; in all less than one layer more and one less.
CHANGED, ARGUMENT, MOST_ARGUMENTS = 40, 5, 8
# Another label; another block of the same content.
LABEL, NAME = 5, 20
NEVER = 10**12

# What share of two scopes may have to be edited, if they are to be the same: one half of joins, paths and
# braces, and where braces were put around layers; one sixth where the block is another. The blocks of
# ResNet-34 and ResNet-50 differ by a fifth.
NO_NAME, OTHER_NAME = 2, 6

CELLS = 2_000_000
"""Entries of all tables that may be filled; a table takes an eighth of what is left, at most."""

Pairs = tuple[tuple[int, int], ...]
"""Places in two sequences, both rising."""


class Fit(NamedTuple):
    """What it costs to make one scope of another, and which of their parts are the same."""

    cost: int
    pairs: Pairs


class Aligner:
    """Aligns parts; what it found of two signs it keeps, so a block used a hundred times costs one."""

    def __init__(self) -> None:
        self.left = CELLS
        self.fits: dict[tuple[int, int], Fit] = {}
        self.costs: dict[tuple[int, int], int] = {}
        self.values: dict[int, list[Any]] = {}

    def cost(self, one: Component, two: Component) -> int:
        """What it costs to make one part of the other; NEVER where they are unlike."""
        if one.sign == two.sign:
            return 0
        key = one.sign, two.sign
        found = self.costs.get(key)
        if found is None:
            found = self.costs[key] = self.weigh(one, two)
        return found

    def weigh(self, one: Component, two: Component) -> int:
        if one.kind != two.kind:
            return NEVER
        total = LABEL * (one.label != two.label)
        if one.kind == "layer":
            return total + self.argument_cost(one, two) if one.name == two.name else NEVER
        inner = self.fit(one, two).cost
        named = (one.name and one.name == two.name) or (one.label and one.label == two.label)
        share = OTHER_NAME if one.name != two.name else NO_NAME
        if not named and share * inner > LAYER * (one.size + two.size):
            return NEVER
        # Where nothing in them is alike, to pair two scopes costs as much as one less and one more: then the
        # 1 keeps those of one name together.
        return total + inner + NAME * (one.name != two.name) - bool(named)

    def argument_cost(self, one: Component, two: Component) -> int:
        """The cost of other arguments, of layers of one kind."""
        pairs = zip(self.argument_values(one), self.argument_values(two), strict=True)
        unlike = sum(before != after for before, after in pairs)
        return CHANGED + ARGUMENT * min(unlike, MOST_ARGUMENTS) if unlike else 0

    def argument_values(self, part: Component) -> list[Any]:
        found = self.values.get(part.sign)
        if found is None:
            assert part.node is not None
            found = [freeze(value) for value in arguments(part.node.layer).values()]
            self.values[part.sign] = found = [*found, part.node.shared, part.node.train]
        return found

    def fit(self, one: Component, two: Component) -> Fit:
        """The parts of two scopes, aligned."""
        key = one.sign, two.sign
        found = self.fits.get(key)
        if found is None:
            found = self.fits[key] = self.align(one.parts, two.parts)
        return found

    def align(self, one: Sequence[Component], two: Sequence[Component]) -> Fit:
        """Two sequences of parts. What is equal at their beginnings and ends is the same."""
        # Of [a, b, c, d] and [a, x, d] the a and the d are settled: a table is made of [b, c] and [x].
        length = min(len(one), len(two))
        head = next((i for i in range(length) if one[i].sign != two[i].sign), length)
        rest = length - head
        tail = next((i for i in range(rest) if one[-1 - i].sign != two[-1 - i].sign), rest)
        inner = self.align_middle(one[head : len(one) - tail], two[head : len(two) - tail])
        pairs = [(i, i) for i in range(head)]
        pairs += [(head + i, head + j) for i, j in inner.pairs]
        pairs += [(len(one) - i, len(two) - i) for i in range(tail, 0, -1)]
        return Fit(inner.cost, tuple(pairs))

    def align_middle(self, one: Sequence[Component], two: Sequence[Component]) -> Fit:
        if not one or not two:
            return Fit(LAYER * sum(part.size for part in (*one, *two)), ())
        # A cell of two scopes needs a table for their parts: in all an entry for each two unlike layers.
        work = max(len(one) * len(two), distinct_layers(one) * distinct_layers(two))
        if work > self.left // 8 and (fixed := anchors(one, two)):
            return self.align_between(one, two, fixed)
        # As wide as an eighth of the budget allows, but never so narrow that no way leads through.
        width = max(len(two) // len(one) + 1, min(len(two), len(two) * (self.left // 8) // work))
        self.left = max(0, self.left - len(one) * min(len(two), 2 * width))
        return self.align_by_table(one, two, width)

    def align_between(self, one: Sequence[Component], two: Sequence[Component], fixed: Pairs) -> Fit:
        """Two sequences of which some parts are known to be the same."""
        cost, pairs, i, j = 0, list[tuple[int, int]](), 0, 0
        for to_i, to_j in (*fixed, (len(one), len(two))):
            fit = self.align(one[i:to_i], two[j:to_j])
            cost += fit.cost
            pairs += [(i + a, j + b) for a, b in fit.pairs]
            i, j = to_i + 1, to_j + 1
        return Fit(cost, tuple(sorted({*pairs, *fixed})))

    def align_by_table(self, one: Sequence[Component], two: Sequence[Component], width: int) -> Fit:
        """Two sequences by the table of all costs that is as wide as said on both sides of its diagonal."""
        # before[j]: what it costs to make two[:j] of the parts before this one, for the j near the diagonal.
        before, moves = {0: 0}, []
        for j, part in enumerate(two[:width], 1):
            before[j] = before[j - 1] + LAYER * part.size
        for i, part in enumerate(one, 1):
            # Of 3 parts against 9 the rows lie around places 3, 6 and 9.
            at = i * len(two) // len(one)
            here: dict[int, int] = {}
            taken: dict[int, str] = {}
            away = LAYER * part.size
            for j in range(max(0, at - width), min(len(two), at + width) + 1):
                cost, move = before.get(j, NEVER) + away, "up"
                if j:
                    other = two[j - 1]
                    if here.get(j - 1, NEVER) + LAYER * other.size < cost:
                        cost, move = here[j - 1] + LAYER * other.size, "left"
                    both = before.get(j - 1, NEVER) + self.cost(part, other)
                    if both < cost:
                        cost, move = both, "both"
                here[j], taken[j] = cost, move
            before = here
            moves.append(taken)
        return Fit(before[len(two)], trace_back(moves, len(two)))


def trace_back(moves: list[dict[int, str]], end: int) -> Pairs:
    """The pairs on the way back through a table."""
    found = []
    i, j = len(moves), end
    while i:
        move = moves[i - 1][j]
        if move == "both":
            found.append((i - 1, j - 1))
        # "both" goes a step back in either sequence, "up" in the first alone, "left" in the second.
        i -= move != "left"
        j -= move != "up"
    return tuple(reversed(found))


def anchors(one: Sequence[Component], two: Sequence[Component]) -> Pairs:
    """Parts that either sequence has once, as many as stand in one order (the patience diff's)."""
    counts = [Counter(part.sign for part in parts) for parts in (one, two)]
    place = {part.sign: j for j, part in enumerate(two)}
    piles: list[int] = []
    found: list[tuple[int, int, int]] = []  # places, and the pair before in `found`
    tops: list[int] = []
    for i, part in enumerate(one):
        if counts[0][part.sign] == counts[1][part.sign] == 1:
            j = place[part.sign]
            # Patience: each pile keeps the least end of the rising chains of its length.
            at = bisect_left(piles, j)
            found.append((i, j, tops[at - 1] if at else -1))
            piles[at : at + 1], tops[at : at + 1] = [j], [len(found) - 1]
    chain = []
    last = tops[-1] if tops else -1
    while last >= 0:
        i, j, last = found[last]
        chain.append((i, j))
    return tuple(reversed(chain))


def distinct_layers(parts: Sequence[Component]) -> int:
    """The layers of parts that are unlike."""
    return sum({part.sign: part.size for part in parts}.values())


def twins(before: Component, after: Component) -> Difference:
    """The parts of two networks as one tree, in which every layer of both stands once.

    The other way round gives the same pairs.
    """
    return TwinFinder(before, after).difference(before, after)


class TwinFinder:
    """Knows for every part of either tree its twin in the other, by identity."""

    def __init__(self, before: Component, after: Component) -> None:
        self.aligner = Aligner()
        self.is_swapped = sort_key(after) < sort_key(before)  # of ways that cost the same one is chosen
        self.scopes: dict[int, Pairs] = {}
        self.twin: dict[int, Component] = {}
        self.in_paired_scopes: set[int] = set()  # layers that stand in scopes with twins
        self.pair(before, after)
        self.pair_the_rest(list(leaves(before)), list(leaves(after)))

    def make_twins(self, one: Component, two: Component) -> None:
        self.twin[id(one)], self.twin[id(two)] = two, one

    def pair(self, one: Component, two: Component) -> None:
        self.make_twins(one, two)
        if self.is_swapped:
            pairs = tuple((i, j) for j, i in self.aligner.fit(two, one).pairs)
        else:
            pairs = self.aligner.fit(one, two).pairs
        self.scopes[id(one)] = pairs
        self.in_paired_scopes |= {id(part) for part in (*one.parts, *two.parts)}
        for i, j in pairs:
            self.pair(one.parts[i], two.parts[j])

    def pair_the_rest(self, one: list[Component], two: list[Component]) -> None:
        """Layers without twins between two that have theirs, aligned where most of them are the same."""
        place = {id(part): j for j, part in enumerate(two)}
        paired = [(i, place[id(self.twin[id(p)])]) for i, p in enumerate(one) if id(p) in self.twin]
        last = (-1, -1)
        for ends in (*paired, (len(one), len(two))):
            ours, theirs = one[last[0] + 1 : ends[0]], two[last[1] + 1 : ends[1]]
            last = ends
            if not ours or not theirs:
                continue
            sides = (theirs, ours) if self.is_swapped else (ours, theirs)
            fit = self.aligner.align(*sides)
            # Bare: one side stands in scopes of both nets, as `conv, relu` did
            # before braces were put around it.
            bare = any(all(id(part) in self.in_paired_scopes for part in side) for side in sides)
            if (NO_NAME if bare else OTHER_NAME) * fit.cost <= LAYER * (len(ours) + len(theirs)):
                for i, j in fit.pairs:
                    self.make_twins(sides[0][i], sides[1][j])

    def difference(self, one: Component, two: Component) -> Difference:
        inner: list[Difference] = []
        i = j = 0
        for to_i, to_j in (*self.scopes.get(id(one), ()), (len(one.parts), len(two.parts))):
            inner += [each for part in one.parts[i:to_i] for each in self.only_before(part)]
            inner += [self.only_after(part) for part in two.parts[j:to_j]]
            if to_i < len(one.parts):
                inner.append(self.difference(one.parts[to_i], two.parts[to_j]))
            i, j = to_i + 1, to_j + 1
        return Difference(one, two, tuple(inner))

    def only_before(self, part: Component) -> list[Difference]:
        """What is gone; layers that are in another scope now stand there."""
        if part.kind == "layer":
            return [] if id(part) in self.twin else [Difference(part, None)]
        inner = [found for each in part.parts for found in self.only_before(each)]
        return [Difference(part, None, tuple(inner))] if inner else []

    def only_after(self, part: Component) -> Difference:
        if part.kind == "layer":
            return Difference(self.twin.get(id(part)), part)
        return Difference(None, part, tuple(map(self.only_after, part.parts)))


def sort_key(part: Component) -> list[tuple[str, str, str]]:
    """What a network is, to be compared with another."""
    return [
        (leaf.path, leaf.name, str(arguments(leaf.node.layer)))
        for leaf in leaves(part)
        if leaf.node is not None
    ]
