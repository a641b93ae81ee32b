"""A network for other inputs than the one that is written."""

from __future__ import annotations

from cnnspec.analysis.sizes.explore import Inputs, Recheck
from cnnspec.graph.tree import Network

STEPS = (-1, 1, 2, 4, 8, 16, 32)
"""What is added to sides: at each halving some of them make an odd side even, and an even one odd."""


def for_other_sizes(network: Network, recheck: Recheck) -> list[Network]:
    """The network for other inputs, where it is valid for them: by STEPS, twice as high, doubled."""
    written = {given.name: given.value.shape for given in network.inputs if given.value.shape is not None}

    def grown(step: int, high: int, wide: int) -> Inputs:
        return {
            name: shape.with_size(shape.size[0] * high + step, shape.size[1] * wide + step)
            if shape.is_map
            else shape
            for name, shape in written.items()
        }

    tried = [grown(step, 1, 1) for step in STEPS] + [grown(0, 2, 1), grown(0, 2, 2)]
    real = [given for given in tried if all(min(shape.dimensions) > 0 for shape in given.values())]
    return [found for found in map(recheck, real) if found is not None]
