"""Other inputs for a network: valid ones near one that is not, and larger ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cnnspec.analysis.sizes.explore import Explorer, Inputs, Recheck, resize_inputs
from cnnspec.graph.tree import Network

Size = tuple[int, int]


def sizes_near(size: Size, reach: int) -> list[Size]:
    """Sizes near one: both sides larger or smaller by as much, or one of them alone."""
    height, width = size
    steps = [step for step in range(-reach, reach + 1) if step]
    near = [(height + a * step, width + b * step) for step in steps for a, b in ((1, 1), (1, 0), (0, 1))]
    return [moved for moved in near if min(moved) > 0]


def proposals(explorer: Explorer, reach: int) -> list[Inputs]:
    """Near the inputs of a network with faults those that have none of them.

    First those that lose no pixels, then the nearest. The program goes as far as the faults let it: behind
    them there may be others. Inputs of several sizes have no proposals. Raises TooMuch.
    """
    names = [name for name, shape in explorer.written.items() if shape.is_map]
    if len({explorer.written[name].size for name in names}) != 1:
        return []
    size = explorer.written[names[0]].size
    around = [range(max(1, side - reach), side + reach + 1) for side in size]
    squares = [(n, n) for n in {*around[0], *around[1]}]  # few, however far height and width are apart
    sides = {n for (n, _), lost in valid_sizes(explorer, names, squares).items() if not lost}
    # Heights and widths are not yet known to be independent: sides of good squares only make pairs to check.
    highs, wides = (closest(sides.intersection(near), side) for near, side in zip(around, size, strict=True))
    pairs = [(high, wide) for high in highs for wide in wides]
    found = valid_sizes(explorer, names, [*sizes_near(size, reach), *pairs])
    chosen = sorted(found, key=lambda near: (found[near], distance(near, size), -sum(near)))
    return [resize_inputs(explorer.written, names, near) for near in chosen]


def valid_sizes(explorer: Explorer, names: Sequence[str], sizes: Sequence[Size]) -> dict[Size, bool]:
    """Those of some sizes that are valid as far as is known, and whether pixels are lost then."""
    found = explorer.explore([resize_inputs(explorer.written, names, size) for size in sizes])
    columns = found.first.losses.values()
    return {
        size: any(any(column[i]) for column in columns)
        for i, size in enumerate(sizes)
        if found.valid[i] is not False
    }


def closest(sides: Iterable[int], side: int) -> list[int]:
    return sorted(sides, key=lambda n: (abs(n - side), -n))[:2]


def distance(one: Size, other: Size) -> int:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


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
