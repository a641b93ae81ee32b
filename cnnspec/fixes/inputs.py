"""Another input for a fault of sizes: proposed by the size program, tried like every other fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnnspec import syntax
from cnnspec.analysis.sizes.explore import Explorer, Inputs
from cnnspec.analysis.sizes.near import proposals
from cnnspec.analysis.sizes.program import TooMuch
from cnnspec.analysis.sizes.survey import Set, Survey
from cnnspec.compiler import Checked
from cnnspec.diagnostics import Edit, Fix
from cnnspec.fixes.tree import Owner, literal, sides, size_text
from cnnspec.fixes.trial import Case
from cnnspec.graph import Network

REACH = 64
"""An input is sought among sizes up to so much smaller or larger."""
TRIES = 4
END = 1024
"""Up to here is told which inputs would do."""
ANSWERS = 20_000
"""So many a size program may compute for it, some microseconds each."""


def inputs(case: Case, owner: Owner | None) -> Iterator[Fix]:
    """The nearest input size that mends the fault, and which others would."""
    calls = case.tree.inputs(owner)
    shapes = [call.positional[0] for call in calls if call.positional]
    kernels = [shape.kernel for shape in shapes if isinstance(shape, syntax.FilterOf)]
    if not kernels or any(literal(kernel) is None for kernel in kernels):
        return
    network = faulty(case, [call.span.start for call in calls])
    if network is None:
        return
    try:
        explorer = Explorer(network, work=ANSWERS, claims=True)
        proposed = proposals(explorer, REACH)
    except TooMuch:
        return
    written = all(shape.size in map(size_of, kernels) for shape in explorer.written.values() if shape.is_map)
    for given in proposed[:TRIES]:
        height, width = next(shape.size for shape in given.values() if shape.is_map)
        edits: tuple[Edit, ...] = ()
        if written:
            edits = tuple(Edit(k.span, size_text(height, width, like=literal(k))) for k in kernels)
            after = case.mended(edits)
        else:
            after = case.trial.with_inputs(given)
        if after is not None:
            yield Fix(f"or an input {extent(after, network, given, (height, width))}", edits)
            return


def size_of(kernel: object) -> tuple[int, int]:
    return sides(literal(kernel) or 1)


def faulty(case: Case, starts: Sequence[int]) -> Network | None:
    """The first network with these inputs, as far as its faults let it go."""
    found = case.trial.before
    networks = *found.partial, *found.networks
    inside = (n for n in networks if n.inputs and all(given.span.start in starts for given in n.inputs))
    return next(inside, None)


def extent(after: Checked, network: Network, given: Inputs, size: tuple[int, int]) -> str:
    """Which inputs would do, with the nearest among them: `from 32x32 to 35x35`, `of at least 44x44`.

    Where that takes more than a few words, the nearest alone: `of 32x32`.
    """
    found = {told(mended, size) for mended in after.networks if mended.net.name.name == network.net.name.name}
    return found.pop() if len(found) == 1 else f"of {size[0]}x{size[1]}"


def told(network: Network, size: tuple[int, int]) -> str:
    nearest = f"of {size[0]}x{size[1]}"
    try:
        explorer = Explorer(network, work=ANSWERS, claims=True)
        names = tuple(name for name, shape in explorer.written.items() if shape.is_map)
        survey = Survey(explorer, names, END)
        sweeps = survey.sweeps
        sets = [sweep.set(sweep.valid) for sweep in sweeps], [sweep.set(sweep.whole) for sweep in sweeps]
    except TooMuch:
        return nearest
    if survey.unknown:
        return nearest
    return next(filter(None, (briefly(found[0], found[-1], nearest) for found in sets)), nearest)


def briefly(heights: Set, widths: Set, nearest: str) -> str:
    """The sizes where they are of one stretch along each axis, and go on in like steps; else nothing."""
    if len(heights) != 1 or len(widths) != 1:
        return ""
    high, wide = heights[0], widths[0]
    first, last = f"{high.first}x{wide.first}", f"{high.last}x{wide.last}"
    if high.step != wide.step or (high.step and max(high.length, wide.length) > 1):
        return ""
    if not high.step:
        return f"from {first} to {last}" if last != first else nearest
    if high.step == 1:
        return f"of at least {first}"
    return f"{nearest}: at least {first}, in steps of {high.step}"
