"""Discover blocks in a bare graph: joins whose paths are alike become instances of one made-up class.

A convolution with its norm and its activation is a unit. Joins cluster by the skeleton of their longest path,
those first that hold no others; what always stands beside them is taken along; and a chain like the longest
path, without its join, is an instance, too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from string import ascii_uppercase
from typing import NamedTuple

from cnnspec.importers.model import Model, Scope, all_keys
from cnnspec.importers.structure.arrange import Meeting, Node, Wire, line, lists, walk
from cnnspec.importers.structure.forks import nest_forks, order_sums
from cnnspec.importers.structure.normalise import normalise
from cnnspec.importers.structure.regions import ItemGraph
from cnnspec.importers.structure.scopes import bare_items
from cnnspec.importers.structure.skeletons import (
    ACT,
    FILTERS,
    SHUFFLE,
    MadeClass,
    Neighbours,
    SkeletonInstance,
    Skeletons,
    Symbol,
    every_chain,
    is_filter,
    is_gate,
    is_of_one_pixel,
    unit_stop,
)

FEWEST, FEWEST_UNITS = 2, 3
"""So many instances a class has."""
MOST_BARE_FILTERS = 4
"""Units are made where at most every so-manieth convolution has no norm behind it."""


class Discovered(NamedTuple):
    """A model with scopes, and the key that the given one has for each of its keys."""

    model: Model
    keys: Mapping[str, str]

    def sources(self, keys: Mapping[str, str]) -> dict[str, str]:
        """The given model's keys, by others for those of this one."""
        return {own: self.keys[key] for own, key in keys.items()}


def discover(model: Model) -> Discovered:
    """The model with a scope about each block that its graph shows; one whose keys are names as it is."""
    if model.named:
        return Discovered(model, {key: key for key in all_keys(model)})
    model = nest_forks(order_sums(normalise(model)))
    uses: dict[tuple[str, ...], list[int]] = {}  # of the same tensors, by the places of operations
    for place, operation in enumerate(model.operations):
        uses.setdefault(tuple(operation.keys.values()), []).append(place)
    shared = [place for keys, places in uses.items() if keys and len(places) > 1 for place in places]
    scopes = find_scopes(model, {model.operations[place].output.number for place in shared})
    placed, given = [], dict[str, str]()
    for operation in model.operations:
        inside = scopes[operation.output.number]
        # called after the first operation with its tensors: so a cutter sees what runs again
        owner = f"step{uses[tuple(operation.keys.values())][0]}"
        path = f"{inside[-1].path}.{owner}" if inside else owner
        keys = {name: f"{path}.{name}" if name else path for name in operation.keys}
        given |= {key: operation.keys[name] for name, key in keys.items()}
        placed.append(operation._replace(keys=keys, scopes=inside))
    return Discovered(model._replace(operations=tuple(placed)), given)


def renamed(model: Model, keys: Mapping[str, str]) -> Model:
    """The model with other keys; one that is not known becomes empty."""
    operations = (
        operation._replace(keys={name: keys.get(key, "") for name, key in operation.keys.items()})
        for operation in model.operations
    )
    return model._replace(operations=tuple(operations))


def find_scopes(model: Model, barriers: Collection[int]) -> dict[int, tuple[Scope, ...]]:
    """The scopes around each operation, by its output. Nothing that makes one of `barriers` is in any."""
    items = bare_items(model)
    needed = [output.value.number for output in model.outputs]
    graph = ItemGraph(items, needed)
    found = {item.output: graph.region(item) for item in items if item.joins}
    regions = {
        output: region
        for output, region in found.items()
        if region is not None and not region.members & ({*barriers, *needed} - {output})
    }
    chain = line(items, model.inputs[-1].value.number, regions)
    search = Search(chain, barriers)
    search.run()
    scopes: dict[int, tuple[Scope, ...]] = {}
    place(chain, (), scopes)
    return {
        operation.output.number: scopes.get(operation.output.number, ()) for operation in model.operations
    }


def place(chain: Sequence[Node], around: tuple[Scope, ...], scopes: dict[int, tuple[Scope, ...]]) -> None:
    """Note the scopes around each step of a chain."""
    for number, node in enumerate(chain):
        if isinstance(node, SkeletonInstance):
            # no two alike: every instance before has noted its steps in `scopes`
            path = f"{around[-1].path if around else 'part'}.{len(scopes)}_{number}"
            place(node.body, (*around, Scope(path, node.kind.name)), scopes)
        elif not isinstance(node, Wire):
            scopes[node.output] = around
            for inner in lists(node):
                place(inner, around, scopes)


class Search:
    """Finds classes in a chain, and puts their instances into it."""

    def __init__(self, chain: list[Node], barriers: Collection[int]) -> None:
        self.chain, self.barriers = chain, barriers
        self.skeletons = Skeletons(barriers)
        self.kinds: list[MadeClass] = []
        self.closed: set[int] = set()  # joins that nothing more is done about, by their output

    def run(self) -> None:
        self.units()
        self.joins(is_gate)
        self.joins(lambda _: True)
        for word in {kind.word for kind in self.kinds}:
            alike = [kind for kind in self.kinds if kind.word == word]
            for kind, letter in zip(alike, ascii_uppercase, strict=False) if len(alike) > 1 else ():
                kind.name = word + letter

    def make(self, kind: MadeClass, windows: Sequence[Neighbours], symbols: Sequence[Symbol | None]) -> None:
        """Put parts in place of windows, which do not overlap."""
        self.kinds.append(kind)
        # from behind, so that the windows before still begin where they did
        order = sorted(range(len(windows)), key=lambda number: -windows[number].start)
        for number in order:
            window = windows[number]
            window.chain[window.start : window.stop] = [
                SkeletonInstance(kind, window.nodes(), symbols[number])
            ]

    # Units

    def units(self) -> None:
        """Convolutions with the norm and the activation behind them."""
        windows, bare = [], 0
        for chain in every_chain(self.chain):
            for start, node in enumerate(chain):
                stop = unit_stop(chain, start)
                if stop and not self.has_barrier(chain[start:stop]):
                    windows.append(Neighbours(chain, start, stop))
                else:
                    bare += is_filter(node) and not is_of_one_pixel(node)
        # beside 3 units may stand 1 bare convolution, 4 * 1 <= 3 + 1, but not 2, 4 * 2 > 3 + 2
        if len(windows) >= FEWEST_UNITS and MOST_BARE_FILTERS * bare <= len(windows) + bare:
            self.make(
                MadeClass("ConvNorm"), windows, [self.skeletons.symbol(w.chain[w.start]) for w in windows]
            )

    # Joins

    def joins(self, wanted: Callable[[Meeting], bool]) -> None:
        """Classes of joins, those first that hold no others."""
        while ready := [*self.ready(wanted)]:
            groups: dict[object, list[Meeting]] = {}
            for meeting in ready:
                groups.setdefault(self.key(meeting), []).append(meeting)
            for group in sorted(groups.values(), key=lambda group: -self.length(group[0])):
                self.closed |= {meeting.output for meeting in group}
                self.classify(group)

    def ready(self, wanted: Callable[[Meeting], bool]) -> Iterator[Meeting]:
        """Open joins whose paths hold no open one."""
        for chain in every_chain(self.chain):
            for node in chain:
                if isinstance(node, Meeting) and wanted(node) and node.output not in self.closed:
                    inner = {n.output for n in walk([node]) if isinstance(n, Meeting) and wanted(n)}
                    if inner - self.closed == {node.output}:
                        yield node

    def length(self, meeting: Meeting) -> int:
        """Of its longest path: a shorter one may be a part of it."""
        return max(len(self.skeletons.of(path)) for path in meeting.paths)

    def key(self, meeting: Meeting) -> object:
        """What joins of one class have in common: of two paths that which the longer has."""
        paths = [self.skeletons.of(path) for path in meeting.paths]
        longest = max(paths, key=lambda path: (len(path), str(path)))
        # the joins of ResNet-18, its convolutions in units: ("add", 2, (("conv", False), ("conv", False)))
        return meeting.item.joins, len(paths), longest if len(paths) == 2 else tuple(paths)

    def classify(self, group: list[Meeting]) -> None:
        """Make a class of joins that are alike, and of chains like their longest path."""
        windows = [self.find(meeting) for meeting in group if not self.is_odd(meeting)]
        if not windows:
            return
        behind = 0
        # the relu behind a sum, the shuffle behind a concatenation
        while behind < 2 and self.share(windows, lambda w: w.stop + behind) in (ACT, SHUFFLE):  # noqa: B023
            behind += 1
        front = self.front(windows, group[0])
        windows = [window.widened(front, behind) for window in windows]
        windows += self.without_join(group, windows[0])
        if len(windows) >= FEWEST:
            kind = MadeClass(self.skeletons.word(group[0]))
            symbol: Symbol | None = None if is_gate(group[0]) else ("part", len(self.kinds))
            self.make(kind, windows, [symbol] * len(windows))

    def find(self, meeting: Meeting) -> Neighbours:
        """Where a join stands."""
        for chain in every_chain(self.chain):
            for start, node in enumerate(chain):
                if node is meeting:
                    return Neighbours(chain, start, start + 1)
        raise LookupError(meeting.output)

    def is_odd(self, meeting: Meeting) -> bool:
        """Whether a block cannot hold a join: it reads what is elsewhere, or runs something again."""
        return any(isinstance(node, Wire) for node in walk([meeting])) or self.has_barrier([meeting])

    def has_barrier(self, nodes: Sequence[Node]) -> bool:
        return any(not isinstance(node, Wire) and node.output in self.barriers for node in walk(nodes))

    def share(self, windows: Sequence[Neighbours], at: Callable[[Neighbours], int]) -> Symbol | None:
        """The symbol that all windows have at a place beside them; None where they differ."""
        found = {
            self.skeletons.symbol(w.chain[at(w)]) if 0 <= at(w) < len(w.chain) else None for w in windows
        }
        return found.pop() if len(found) == 1 else None

    def front(self, windows: Sequence[Neighbours], meeting: Meeting) -> int:
        """How many steps before a fork into two are of its class: a convolution that all have there."""
        if meeting.item.joins != "concat" or len(meeting.paths) != 2 or not all(meeting.paths):
            return 0
        # conv, relu, fork: from behind relu, conv, so 2 steps are its own; of maxpool, relu, fork none
        shared: list[Symbol | None] = []
        while len(shared) < 3 and (symbol := self.share(windows, lambda w: w.start - len(shared) - 1)):
            shared.append(symbol)
        return max((k for k, symbol in enumerate(shared, 1) if symbol and symbol[0] in FILTERS), default=0)

    def without_join(self, group: Sequence[Meeting], window: Neighbours) -> list[Neighbours]:
        """Chains like the longest path of residual joins, where this ends in a pointwise convolution."""
        meeting, paths = group[0], group[0].paths
        longest = max(paths, key=lambda path: len(self.skeletons.of(path)))
        wanted = self.skeletons.of(longest)
        is_linear = len(wanted) > 2 and wanted[0][0] in FILTERS and wanted[-1] == ("conv", True)
        if meeting.item.joins != "add" or len(paths) != 2 or all(paths) or not is_linear:
            return []
        # the window of a sum begins at the join: the rest is the activation behind it
        wanted += self.skeletons.of(window.nodes()[1:])
        holders: list[Node] = [
            *group,
            *(node for node in walk(self.chain) if isinstance(node, SkeletonInstance)),
        ]
        within = {id(chain) for node in holders for inner in lists(node) for chain in every_chain(inner)}
        outside = [chain for chain in every_chain(self.chain) if id(chain) not in within]
        return [found for chain in outside for found in self.matches(chain, wanted)]

    def matches(self, chain: list[Node], wanted: Sequence[Symbol]) -> Iterator[Neighbours]:
        """Parts of a chain with this skeleton, that begin and end in steps that it counts."""
        start = 0
        while start < len(chain):
            stop, left = start, list(wanted)
            while stop < len(chain) and left:
                symbol = self.skeletons.symbol(chain[stop])
                if symbol != left[0] and (symbol is not None or len(left) == len(wanted)):
                    break
                left = left[1:] if symbol is not None else left
                stop += 1
            if left:
                start += 1
            else:
                yield Neighbours(chain, start, stop)
                start = stop
