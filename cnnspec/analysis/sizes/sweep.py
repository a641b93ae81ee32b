"""The inputs of all sizes up to some end, along one axis or along both alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from cnnspec.analysis.sizes.explore import Exploration, Explorer, Inputs
from cnnspec.analysis.sizes.laws import Periods, SizeRule, is_proved, rule
from cnnspec.analysis.sizes.sets import Stretch, stretches
from cnnspec.analysis.sizes.size_run import SizeRun, tensors


class Sweep:
    """What is known of `inputs`, the first of size 1; of a map that is its height (axis 0) or its width.

    `known` are the valid sizes, each with the run that it is known by and its index there.
    """

    def __init__(self, explorer: Explorer, inputs: Sequence[Inputs], axis: int) -> None:
        self.explorer, self.axis, self.end = explorer, axis, len(inputs)
        self.found: Exploration = explorer.explore(inputs)
        spots = zip(self.found.valid, self.found.spots, strict=True)
        self.known = [(size, *spot) for size, (fine, spot) in enumerate(spots, 1) if fine and spot]
        self.valid = [size for size, _, _ in self.known]
        self.unknown = sum(fine is None for fine in self.found.valid)

    def set(self, sizes: Iterable[int]) -> tuple[Stretch, ...]:
        return stretches(sizes, self.end)

    @cached_property
    def runs(self) -> list[SizeRun]:
        return list({id(run): run for _, run, _ in self.known}.values())

    @cached_property
    def misfits(self) -> dict[int, str]:
        """The valid sizes at which not all weights are as written, and the first layer whose are not."""
        written = tensors(self.explorer.graph)
        # By run, since each has weights of its own to compare; nearly always there is one run.
        misfits = {id(run): run.misfits(written) for run in self.runs}
        return {size: path for size, run, i in self.known if (path := misfits[id(run)][i])}

    @cached_property
    def fitting(self) -> list[int]:
        """The valid sizes at which all weights are as written."""
        return [size for size in self.valid if size not in self.misfits]

    @cached_property
    def lost(self) -> dict[str, dict[int, int]]:
        """By layer, at which valid sizes its stride leaves out how many rows or columns."""
        found: dict[str, dict[int, int]] = {}
        for size, run, i in self.known:
            for path, column in run.losses.items():
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
        return {size: columns[id(run)][i][axis] for size, run, i in self.known}

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
