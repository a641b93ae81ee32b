"""A survey of a network's sizes: which inputs are valid, which its weights fit, where pixels are lost,
how the output grows."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import NamedTuple

from cnnspec.analysis.sizes.axes import BothAxes
from cnnspec.analysis.sizes.explore import Explorer, Inputs, resize_inputs
from cnnspec.analysis.sizes.laws import SizeRule
from cnnspec.analysis.sizes.near import Size, distance, sizes_near
from cnnspec.analysis.sizes.sets import Stretch
from cnnspec.analysis.sizes.size_program import TooMuch
from cnnspec.analysis.sizes.size_run import has_weights
from cnnspec.analysis.sizes.sweep import Sweep
from cnnspec.values.shapes import Shape

REACH = 1024
"""The search for valid sizes around one that is asked about goes so far at most."""

FEWEST = 16
"""Where a network is too long for all sizes, fewer are looked at, but so many at least."""

Set = tuple[Stretch, ...]


class Loss(NamedTuple):
    """A layer whose stride leaves rows (axis 0) or columns out: at which sizes, and how many as written."""

    path: str
    axis: int
    sizes: Set
    written: int


class Growth(NamedTuple):
    """How the sides of a map follow from the input's; None where no rule is known that holds for ever.

    `heights` and `widths` are the least and the largest at the valid sizes that were looked at.
    """

    path: str
    channels: int
    height: SizeRule | None
    width: SizeRule | None
    heights: tuple[int, int]
    widths: tuple[int, int]


class SizeSample(NamedTuple):
    """An input's height and width, what is shown for it, and how many rows and columns are left out."""

    size: Size
    shapes: dict[str, Shape]
    lost: int


class SizeQuestion(NamedTuple):
    """Inputs that are asked about, and whether they are valid."""

    inputs: Inputs
    valid: bool


class SizeSurvey:
    """The survey of some inputs that vary together, the others as written.

    `coupled` says where height and width depend on each other; where they do not, the valid inputs are all
    pairs of a valid height and a valid width, and `squares` is None.
    """

    def __init__(self, explorer: Explorer, varied: tuple[str, ...], end: int) -> None:
        self.explorer, self.varied, self.end = explorer, varied, end
        # Inputs of other sizes have a survey of their own.
        self.written: Size = explorer.written[varied[0]].size
        height, width = self.written
        sizes = range(1, end + 1)
        self.heights = Sweep(explorer, [self.inputs_at(n, width) for n in sizes], 0)
        # Squares through layers that do the same along both axes: one sweep tells of both.
        self.widths = self.heights
        if height != width or not explorer.program.is_even():
            self.widths = Sweep(explorer, [self.inputs_at(height, n) for n in sizes], 1)
        self.axes = BothAxes(self.heights.found.first, self.widths.found.first)
        # Sizes that had to be checked from the text are each of a network of its own.
        reread = self.heights.found.open or self.widths.found.open
        self.coupled = "what the text reads of sizes" if reread else self.axes.coupling()
        self.squares = Sweep(explorer, [self.inputs_at(n, n) for n in sizes], 0) if self.coupled else None

    def inputs_at(self, height: int, width: int) -> Inputs:
        """The inputs where those that vary have this size."""
        return resize_inputs(self.explorer.written, self.varied, (height, width))

    @property
    def sweeps(self) -> tuple[Sweep, ...]:
        """Along heights and along widths; of squares alone where the two depend on each other."""
        return (self.squares,) if self.squares else (self.heights, self.widths)

    @property
    def all_sweeps(self) -> dict[str, Sweep]:
        found = {"heights": self.heights, "widths": self.widths}
        return {**found, "squares": self.squares} if self.squares else found

    @property
    def rechecked(self) -> int:
        """Sizes that were checked from the text."""
        return sum(sweep.found.rechecked for sweep in {*self.all_sweeps.values()})

    @property
    def unknown(self) -> int:
        """Sizes that were not looked at."""
        return sum(sweep.unknown for sweep in {*self.all_sweeps.values()})

    @cached_property
    def stops(self) -> list[tuple[str, int, bool]]:
        """Where sizes that are not valid first fail, how many do, and whether training alone runs that."""
        train = {node.path for node in self.explorer.graph.nodes if node.train}
        found = Counter(self.sweeps[0].found.first.faults.values()).most_common()
        return [(path, count, path in train) for path, count in found]

    @property
    def pinned(self) -> str:
        """The first layer whose weights do not fit at some valid size; "" where all fit at all."""
        return next((path for sweep in self.sweeps for path in sweep.misfits.values()), "")

    @cached_property
    def losses(self) -> list[Loss]:
        """Those of layers that run again stand once; the graph lacks layers that only other sizes have."""
        first = {node.path: node.first for node in self.explorer.graph.nodes}
        return [
            Loss(path, axis, sweep.set(sizes), sizes.get(self.written[axis], 0))
            for axis, sweep in enumerate((self.heights, self.widths))
            for path, sizes in sweep.lost.items()
            if path == first.get(path, path) or sizes != sweep.lost.get(first[path])
        ]

    @cached_property
    def other_maps(self) -> list[tuple[Set, Set]]:
        """Other heights with other widths that the weights fit: the maps differ, but not in their features.

        What a map laid flat has along both is what it has along each of them, over what it has as written.
        """
        if self.coupled:
            return []
        nodes = self.explorer.graph.nodes
        pins = [node for node in nodes if has_weights(node) and self.axes.is_pinned(node)]
        written = tuple(node.shapes[0].features for node in pins)
        heights, widths = (self.by_features(sweep, [n.inputs[0] for n in pins]) for sweep in self.sweeps)
        found = []
        for features, high in heights.items():
            # No whole number of features would make up for these.
            if features == written or any(f * f % n for f, n in zip(written, features, strict=True)):
                continue
            # 512@7x7 has as many features as other heights h and widths w with h*w = 49.
            wide = widths.get(tuple(f * f // n for f, n in zip(written, features, strict=True)))
            if wide:
                found.append((self.heights.set(high), self.widths.set(wide)))
        return found

    @staticmethod
    def by_features(sweep: Sweep, paths: list[str]) -> dict[tuple[int, ...], list[int]]:
        """The valid sizes by what some vectors are then."""
        columns = [sweep.found.first.flows[path].column for path in paths]
        found: dict[tuple[int, ...], list[int]] = {}
        for size in sweep.valid:
            found.setdefault(tuple(column[size - 1] for column in columns), []).append(size)
        return found

    @cached_property
    def growths(self) -> list[Growth]:
        """Of the outputs that are maps, else of the last map whose size follows from the input's."""
        graph = self.explorer.graph
        shapes, outputs = graph.shapes, [*graph.lasting.values()]
        paths = [path for path in outputs if shapes[path].is_map] or self.last_growing_map(outputs)
        down, across = self.sweeps[0], self.sweeps[-1]
        # A sweep of squares runs along heights, and tells of widths as well.
        axis = 1 if self.squares else across.axis
        return [
            Growth(
                path,
                int(shapes[path].channels),
                down.rule(path, 0),
                across.rule(path, axis),
                down.seen(path, 0),
                across.seen(path, axis),
            )
            for path in paths
        ]

    def last_growing_map(self, outputs: list[str]) -> list[str]:
        """The last map before the outputs that is not of one size always, if there is one."""
        needed = set(outputs)
        for node in reversed(self.explorer.graph.nodes):
            if node.path not in needed:
                continue
            if node.output.is_map and any(
                len({*s.sides(node.path, s.axis).values()}) > 1 for s in self.sweeps
            ):
                return [node.path]
            needed.update(node.inputs)
        return []

    @cached_property
    def sample_paths(self) -> list[str]:
        """The values that samples tell of: the map that follows the input's size, and the outputs."""
        outputs = self.explorer.graph.lasting.values()
        return [*(growth.path for growth in self.growths if growth.path not in outputs), *outputs]

    @cached_property
    def samples(self) -> list[SizeSample]:
        """The smallest input, the one that is written, and one twice as large, as far as there are such."""
        sizes = [self.written]
        for least in ((1, 1), (2 * self.written[0], 2 * self.written[1])):
            sides = self.smallest_valid(least)
            if all(sides):
                sizes.append(sides)
        chosen = sorted(set(sizes))
        found = self.explorer.explore([self.inputs_at(*size) for size in chosen])
        samples = []
        for size, is_valid, spot in zip(chosen, found.valid, found.spots, strict=True):
            if is_valid and spot:
                run, i = spot
                shapes = {}
                for path in self.sample_paths:
                    flow = run.flows.get(self.explorer.known_as(run, path))
                    if flow is not None and (shape := flow.shape(i)) is not None:
                        shapes[path] = shape
                samples.append(
                    SizeSample(size, shapes, sum(sum(column[i]) for column in run.losses.values()))
                )
        return samples

    def smallest_valid(self, least: Size) -> Size:
        """The smallest size, from one on, that is valid; 0 where there is none, squares where coupled."""
        first, last = self.sweeps[0].valid, self.sweeps[-1].valid
        least = (max(least), max(least)) if self.coupled else least
        return next((n for n in first if n >= least[0]), 0), next((n for n in last if n >= least[1]), 0)

    def size_asked(self, question: SizeQuestion) -> Size | None:
        """The size that is asked about for these inputs; None where none is, or no single one."""
        if question.inputs.keys().isdisjoint(self.varied):
            return None
        shapes = [question.inputs.get(name, self.explorer.written[name]) for name in self.varied]
        sizes = {shape.size for shape in shapes if shape.is_map}
        return sizes.pop() if len(sizes) == 1 else None

    def nearest(self, size: Size) -> list[Size]:
        """The nearest valid sizes to one that is not: a smaller and a larger one, if there are."""
        if self.coupled:
            near = sorted(sizes_near(size, REACH), key=lambda moved: distance(moved, size))
            valid = self.explorer.explore([self.inputs_at(*pair) for pair in near]).valid
            found = [pair for pair, is_valid in zip(near, valid, strict=True) if is_valid]
            smaller = [pair for pair in found if pair[0] <= size[0] and pair[1] <= size[1]]
            larger = [pair for pair in found if pair[0] >= size[0] and pair[1] >= size[1]]
            return smaller[:1] + larger[:1]
        below, above = [], []
        for axis, side in enumerate(size):
            sides = [*self.sweeps[axis].valid, *self.valid_beyond(axis, side)]
            # Both rise: the last below and the first above are the nearest.
            smaller_sides = [n for n in sides if n <= side][-1:]
            larger_sides = [n for n in sides if n >= side][:1]
            # Where none is smaller the nearest larger one stands in, and the other way round.
            below.append(next(iter(smaller_sides + larger_sides), 0))
            above.append(next(iter(larger_sides + smaller_sides), 0))
        pairs = (below[0], below[1]), (above[0], above[1])
        return [pair for pair in dict.fromkeys(pairs) if all(pair)]

    def valid_beyond(self, axis: int, side: int) -> list[int]:
        """The valid heights, or widths, around one, of those that are larger than all looked at before."""
        sides = range(max(self.end + 1, side - REACH), side + REACH + 1)
        if not sides:
            return []
        height, width = self.written
        inputs = [self.inputs_at(n, width) if axis == 0 else self.inputs_at(height, n) for n in sides]
        try:
            found = self.explorer.explore(inputs)
        except TooMuch:
            return []
        return [n for n, is_valid in zip(sides, found.valid, strict=True) if is_valid]


def survey(explorer: Explorer, end: int) -> list[SizeSurvey]:
    """A survey for each size that inputs have, up to `end`: those of one size vary together.

    The end is nearer where the network is too long. Raises TooMuch where it is by far.
    """
    groups: dict[Size, list[str]] = {}
    for name, shape in explorer.written.items():
        if shape.is_map:
            groups.setdefault(shape.size, []).append(name)
    while True:
        try:
            return [SizeSurvey(explorer, tuple(names), end) for names in groups.values()]
        except TooMuch:
            if end <= FEWEST:
                raise
            end = max(FEWEST, end // 4)
            explorer.refresh()
