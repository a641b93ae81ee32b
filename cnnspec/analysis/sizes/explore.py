"""Which of many inputs a network is valid for: by its size program, and, where its text reads sizes in a way
that no program can follow, by checking the text again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from cnnspec.analysis.sizes.size_program import MOST_WORK, NO_LIMITS, SizeProgram
from cnnspec.analysis.sizes.size_run import SizeRun
from cnnspec.analysis.unroll import unroll
from cnnspec.graph.tree import Network
from cnnspec.values.limits import Limits
from cnnspec.values.shapes import Shape

Inputs = Mapping[str, Shape]
Recheck = Callable[[Inputs], Network | None]
"""The network as it is for other inputs, checked from its text; None where it has faults."""

RECHECKED = 60_000
"""Layers that all checks of a text may unfold to."""


class Exploration(NamedTuple):
    """For each input: whether it is valid, None where that was not looked at; by what run it is known."""

    valid: list[bool | None]
    spots: list[tuple[SizeRun, int] | None]
    first: SizeRun  # of the network's own program
    rechecked: int
    open: int  # inputs that the network's own program could not tell of


class Explorer:
    """A network, its program, and what may still be spent: on answers, and on checking its text again.

    `claims`: a false `->` is a fault, as it is in a network as written.
    """

    def __init__(
        self,
        network: Network,
        recheck: Recheck | None = None,
        limits: Limits = NO_LIMITS,
        work: int = MOST_WORK,
        claims: bool = False,
    ) -> None:
        self.network, self.recheck, self.limits = network, recheck, limits
        self.work, self.claims = work, claims
        self.graph = unroll(network)
        self.written: Inputs = dict(self.graph.inputs)
        self.refresh()

    def refresh(self) -> None:
        """Forget what was spent."""
        self.program = SizeProgram(self.graph, self.limits, self.work)
        self.left = RECHECKED

    def known_as(self, run: SizeRun, path: str) -> str:
        """The path of a value in another run: an output may be made by a layer of another name."""
        outputs = [at for _, at, _ in self.graph.outputs]
        return run.graph.outputs[outputs.index(path)][1] if path in outputs else path

    def explore(self, inputs: Sequence[Inputs]) -> Exploration:
        """Raises TooMuch."""
        first = run = SizeRun(self.program, columns(inputs, range(len(inputs))), self.claims)
        valid: list[bool | None] = [i not in run.faults for i in range(run.length)]
        spots: list[tuple[SizeRun, int] | None] = [(run, i) for i in range(run.length)]
        waiting, rechecked, alone = set(run.open), 0, 0
        opened = len(waiting)
        for i in waiting:
            valid[i], spots[i] = None, None
        while waiting and self.recheck is not None and self.left > 0:
            i = max(waiting)
            network, rechecked = self.recheck(inputs[i]), rechecked + 1
            self.left -= 10 + len(self.graph.nodes)
            waiting.discard(i)
            if network is None or not inputs[i].keys() >= {given.name for given in network.inputs}:
                valid[i] = False  # it may want an input more, for these sizes
                continue
            # What the text means at one size it mostly means at its neighbours: one check settles many.
            # Three checks in a row that told of no other size: from then on each
            # is taken to mean a net of its own.
            tried = [i, *waiting] if alone < 3 else [i]
            self.left -= len(tried) * len(self.graph.nodes) // 3  # a third of what its text costs
            run = SizeRun(SizeProgram(unroll(network), self.limits), columns(inputs, tried), self.claims)
            settled = [(j, k) for k, j in enumerate(tried) if k == 0 or k not in run.open]
            for j, k in settled:
                valid[j], spots[j] = k not in run.faults, (run, k)
            waiting.difference_update(j for j, _ in settled)
            alone = 0 if len(settled) > 1 else alone + 1
        return Exploration(valid, spots, first, rechecked, opened)


def columns(inputs: Sequence[Inputs], chosen: Sequence[int]) -> dict[str, list[Shape]]:
    return {name: [inputs[i][name] for i in chosen] for name in inputs[0]}


def resize_inputs(inputs: Inputs, names: Sequence[str], size: tuple[int, int]) -> Inputs:
    """The inputs, those of these names of another size."""
    return {name: shape.with_size(*size) if name in names else shape for name, shape in inputs.items()}
