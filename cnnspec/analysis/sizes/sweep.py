"""The inputs of all sizes up to some end, along one axis or along both alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from cnnspec.analysis.sizes.explore import Exploration, Explorer, Inputs
from cnnspec.analysis.sizes.facts import losses, tensors, unfit
from cnnspec.analysis.sizes.laws import Periods, is_proved
from cnnspec.analysis.sizes.rules import SizeRule, rule
from cnnspec.analysis.sizes.sets import Stretch, stretches
from cnnspec.analysis.sizes.size_run import SizeRun


class Sweep:
    """What is known of `inputs`, the first of size 1; of a map that is its height (axis 0) or its width."""

    def __init__(self, explorer: Explorer, inputs: Sequence[Inputs], axis: int) -> None:
        self.explorer, self.axis, self.end = explorer, axis, len(inputs)
        self.found: Exploration = explorer.explore(inputs)
        self.valid = [n for n, fine in enumerate(self.found.valid, 1) if fine]
        self.unknown = sum(fine is None for fine in self.found.valid)

    def set(self, sizes: Iterable[int]) -> tuple[Stretch, ...]:
        return stretches(sizes, self.end)

    def spot(self, size: int) -> tuple[SizeRun, int]:
        """The run that a valid size is known by, and its index there."""
        spot = self.found.spots[size - 1]
        assert spot is not None
        return spot

    @cached_property
    def runs(self) -> list[SizeRun]:
        return list({id(run): run for run, _ in map(self.spot, self.valid)}.values())

    @cached_property
    def misfits(self) -> dict[int, str]:
        """The valid sizes at which not all weights are as written, and the first layer whose are not."""
        written = tensors(self.explorer.graph)
        known = {id(run): unfit(run, written) for run in self.runs}
        found = {}
        for size in self.valid:
            run, i = self.spot(size)
            if path := known[id(run)][i]:
                found[size] = path
        return found

    @cached_property
    def fitting(self) -> list[int]:
        """The valid sizes at which all weights are as written."""
        return [size for size in self.valid if size not in self.misfits]

    @cached_property
    def lost(self) -> dict[str, dict[int, int]]:
        """By layer, at which valid sizes its stride leaves out how many rows or columns."""
        known = {id(run): losses(run) for run in self.runs}
        found: dict[str, dict[int, int]] = {}
        for size in self.valid if any(known.values()) else ():
            run, i = self.spot(size)
            for path, column in known[id(run)].items():
                if count := column[i][self.axis]:
                    found.setdefault(path, {})[size] = count
        return found

    @cached_property
    def whole(self) -> list[int]:
        """The valid sizes at which nothing is left out."""
        lossy = {size for sizes in self.lost.values() for size in sizes}
        return [size for size in self.valid if size not in lossy]

    def sides(self, path: str, axis: int) -> dict[int, int]:
        """The height or width of a map at each valid size; nothing where it is not there at each."""
        flows = {id(run): run.flows.get(self.explorer.known_as(run, path)) for run in self.runs}
        columns = {run: flow.column for run, flow in flows.items() if flow and flow.channels is not None}
        if len(columns) < len(flows):
            return {}
        return {size: columns[id(run)][i][axis] for size in self.valid for run, i in (self.spot(size),)}

    def rule(self, path: str, axis: int) -> SizeRule | None:
        """How a map's side follows from the size, for ever; None where no simple formula is known to hold."""
        period = self.periods.of.get(path, (None, None))[axis]
        if period is None or self.found.open:  # the text may mean another network there
            return None
        column = self.found.first.flows[path].column
        sides = {size: place[axis] for size, place in enumerate(column, 1) if place is not None}
        return rule(sides, period.step, period.gain) if is_proved(period, sides, self.end) else None

    @cached_property
    def periods(self) -> Periods:
        return Periods(self.found.first)

    def seen(self, path: str, axis: int) -> tuple[int, int]:
        """The least and the largest side of a map at valid sizes; zeros where there are none."""
        sides = self.sides(path, axis).values()
        return min(sides, default=0), max(sides, default=0)
