"""What lies between a join and the last value that all ways to it pass: by it paths are found."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from cnnspec.importers.structure.scopes import Item

LONGEST_TAIL = 4
"""So many items stand behind a wire in a path; more are a chain of their own."""

OUTSIDE = -1
"""The dominator of what several values from outside make."""


class Region(NamedTuple):
    """A join and what lies between it and its dominator, path by path; without one, what it alone reads."""

    entry: int | None
    paths: tuple[tuple[Item, ...], ...]
    members: set[int]  # the values that are made in it, that of the join included

    @property
    def is_flat(self) -> bool:
        """Whether each path is one step."""
        return all(len(path) <= 1 for path in self.paths)


class ItemGraph:
    """The items of one scope, for questions about what reads what."""

    def __init__(self, items: Sequence[Item], needed: Collection[int]) -> None:
        self.items = {item.output: item for item in items}
        self.readers: dict[int, set[int]] = {}
        for item in items:
            for value in item.inputs:
                self.readers.setdefault(value, set()).add(item.output)
        for value in needed:
            self.readers.setdefault(value, set()).add(OUTSIDE)
        self.dominator: dict[int, int] = {}
        self.depth: dict[int, int] = {OUTSIDE: 0}
        for item in items:
            self.dominate(item)

    def dominate(self, item: Item) -> None:
        """The immediate dominator of an item: the last value that all ways to it pass."""
        for value in item.inputs:
            if value not in self.depth:
                # the entry of the scope; of a net each of its inputs
                self.dominator[value], self.depth[value] = OUTSIDE, 1
        self.dominator[item.output] = found = self.shared(item.inputs)
        self.depth[item.output] = self.depth[found] + 1

    def shared(self, values: Sequence[int]) -> int:
        """The last value that all ways to some values pass, which may be one of them (Cooper et al. 2001)."""
        found, *others = values
        for value in others:
            while found != value:
                if self.depth[found] >= self.depth[value]:
                    found = self.dominator[found]
                else:
                    value = self.dominator[value]
        return found

    def region(self, join: Item) -> Region | None:
        """The region of a join, where its paths share nothing and nothing of them is read elsewhere.

        Nor does a path take the size of a map that is made in another one.
        """
        entry = self.dominator[join.output]
        if entry == OUTSIDE:
            return None
        found = self.apart(entry, join, [self.between(entry, value) for value in join.inputs])
        closed = found is not None and all(
            self.readers[value] <= found.members for value in found.members - {join.output}
        )
        return found if closed else None

    def apart(self, entry: int | None, join: Item, paths: list[tuple[Item, ...]]) -> Region | None:
        """The region of a join with these paths, if they share nothing."""
        taken: set[int] = set()
        for path in paths:
            members = {item.output for item in path}
            # no path sees sizes of another: the map whose size a path takes has to stand before the fork
            if members & taken or any(self.is_sized_by(item, taken) for item in path):
                return None
            taken |= members
        return Region(entry, tuple(paths), taken | {join.output})

    def tails(self, join: Item) -> Region | None:
        """The region of a join whose paths begin at wires: the few items that it alone reads.

        What leads up to the join from where the items before end stays there, but for one item alone.
        """
        if any(item.again for item in self.items.values()):  # its first run has to stay before it
            return None
        paths = [self.tail(join, value) for value in join.inputs]
        parts = {item.output for path in paths for item in path}
        behind = [bool(path) and self.leads_up(path, join, parts) for path in paths]
        # where only what leads up to the join is left, wires alone do
        if not any(path and not on for path, on in zip(paths, behind, strict=True)):
            return None
        # beside a path with tensors one step is a path, too: `add { | relu | from x, p: conv }`;
        # else it stays before the join: `relu`, `add { | identity | from x, tanh }`
        are_alike = any(item.label for path, on in zip(paths, behind, strict=True) for item in path if not on)
        most = 1 if are_alike else 0
        kept = [() if on and len(path) > most else path for path, on in zip(paths, behind, strict=True)]
        return self.apart(None, join, kept)

    def tail(self, join: Item, value: int) -> tuple[Item, ...]:
        """The items by which a value is computed that an operand of a join alone reads; none of too many."""
        found: dict[int, Item] = {}
        for item in reversed(self.items.values()):
            readers = self.readers.get(item.output, set())
            is_end = item.output == value and readers == {join.output}
            if is_end or (readers and readers <= found.keys()):
                found[item.output] = item
        return tuple(found.values())[::-1] if len(found) <= LONGEST_TAIL else ()

    def leads_up(self, path: Sequence[Item], join: Item, parts: Collection[int]) -> bool:
        """Whether a path begins where the item before it ends, and `parts` alone run up to the join."""
        order = list(self.items)
        begin, end = order.index(path[0].output), order.index(join.output)
        goes_on = not begin or path[0].inputs[0] == order[begin - 1]
        return goes_on and all(output in parts for output in order[begin:end])

    def is_sized_by(self, item: Item, others: Collection[int]) -> bool:
        """Whether an item takes its size from these values, and from no other of the scope."""
        sized = item.operation.sized if item.operation is not None else ()
        known = [value for value in sized if value in self.depth]
        return bool(known) and all(value in others for value in known)

    def between(self, entry: int, value: int) -> tuple[Item, ...]:
        """The items that a value is computed by from the entry, in their order."""
        found, waiting = set[int](), [value]
        while waiting:
            each = waiting.pop()
            if each != entry and each not in found and each in self.items:
                found.add(each)
                waiting += self.items[each].inputs
        return tuple(item for item in self.items.values() if item.output in found)
