"""Another input for a fault of sizes: proposed by the size program, tried like every other fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cnnspec.analysis.sizes.explore import Explorer, Inputs
from cnnspec.analysis.sizes.near import proposals
from cnnspec.analysis.sizes.size_program import TooMuch
from cnnspec.analysis.sizes.survey import Set, SizeSurvey
from cnnspec.compiler import Checked
from cnnspec.faults.fixes.syntax_tree import Owner, literal, sides, size_text
from cnnspec.faults.fixes.trial import Case
from cnnspec.graph.tree import Network
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Fix
from cnnspec.text.edits import Edit, apply

REACH = 64
"""The search for an input goes to sizes so much smaller or larger at most."""
TRIES = 8
MOST_CHANNELS = 4
"""Of an image: red, green, blue and how opaque."""
END = 1024
"""The sizes that would do are named up to here."""
ANSWERS = 20_000
"""The most sizes that a size program may compute for it, …"""
ANSWER, NODE = 4, 40
"""… at that cost each, and at that for each layer of the program, as trials are counted."""


def inputs(case: Case, owner: Owner | None) -> Iterator[Fix]:
    """The nearest input sizes that mend the fault, each with what others would."""
    calls = case.tree.inputs(owner)
    network = network_at_fault(case, [call.span.start for call in calls])
    if network is None:
        return
    try:
        with explore_sizes(case, network) as explorer:
            left = [each for each in proposals(explorer, REACH) if not is_point(each, explorer.written)]
        for _ in range(TRIES):
            if not left:
                return
            given = left.pop(0)
            size = next(shape.size for shape in given.values() if shape.is_map)
            edits = input_edits(case, calls, network, explorer.written, size)
            text = apply(case.tree.source.text, edits)
            # Without edits, where the size is computed or comes from an option,
            # the input is named, not written.
            after = case.trial.check(text) if edits else case.trial.with_inputs(given)
            if after is None:
                return
            if case.after_mending(edits) is not None if edits else after.ok:
                name = parameter(calls) if edits and size[0] == size[1] else ""
                set_to = f"`{name}={size[0]}`: " if name else ""
                yield Fix(f"or {set_to}an input {inputs_text(case, after, network, size)}", edits)
            # This size brought another fault to light: the program reaches further now, and rules out more.
            left = still_valid(case, after, network, left)
    except TooMuch:
        return


def still_valid(case: Case, after: Checked, network: Network, left: list[Inputs]) -> list[Inputs]:
    """Those inputs that are fine as far as a net goes that was tried: it may go further than the first."""
    further = next((each for each in after.partial if each.name == network.name), None)
    if further is None or not left:
        return []
    with explore_sizes(case, further) as explorer:
        valid = explorer.explore(left).valid
    return [given for given, is_valid in zip(left, valid, strict=True) if is_valid is not False]


@contextmanager
def explore_sizes(case: Case, network: Network) -> Iterator[Explorer]:
    """The network's size program, for what the search for fixes may still cost."""
    trial = case.trial
    explorer = Explorer(network, work=min(ANSWERS, trial.work // ANSWER), claims=True)
    before = explorer.program.left
    try:
        yield explorer
    finally:
        trial.work -= ANSWER * (before - explorer.program.left) + NODE * len(explorer.graph.nodes)


def is_point(given: Inputs, written: Inputs) -> bool:
    """Whether a map is of one pixel that was of more: where all sizes are 1 anything fits anything."""
    return any(s.is_map and s.size == (1, 1) != written[name].size for name, s in given.items())


def kernels_of(calls: Sequence[syntax.Call]) -> list[syntax.Expression]:
    """How the inputs' heights and widths are written."""
    given = [call.positional[0] for call in calls if call.positional]
    return [each.kernel for each in given if isinstance(each, syntax.FilterOf)]


def input_edits(
    case: Case, calls: Sequence[syntax.Call], network: Network, shapes: Inputs, size: tuple[int, int]
) -> tuple[Edit, ...]:
    """The edits that give the inputs another size: of the figures there, or of the parameters they name.

    () where they are computed, or come from a call's options.
    """
    old = next(shape.size for shape in shapes.values() if shape.is_map)
    edits: dict[int, Edit] = {}
    for kernel in kernels_of(calls):
        if literal(kernel) is not None:
            if sides(literal(kernel) or 1) == old:
                edits[kernel.span.start] = Edit(kernel.span, size_text(*size, like=literal(kernel)))
                continue
            return ()
        parts = kernel.items if isinstance(kernel, syntax.List) else (kernel, kernel)
        if len(parts) != 2:
            return ()
        for part, was, wanted in zip(parts, old, size, strict=True):
            node = value_of(case, network, part)
            if node is None or literal(node) != was:
                return ()
            edit = edits.setdefault(node.span.start, Edit(node.span, str(wanted)))
            if edit.text != str(wanted):
                return ()  # one parameter for two sides that are to differ
    return tuple(edits.values())


def value_of(case: Case, network: Network, node: syntax.Expression) -> syntax.Expression | None:
    """Where a side of an input is written in figures: there, as a variant's argument, as a default."""
    if not isinstance(node, syntax.Name):
        return node
    name: str = network.name
    variants = {item.name.name: item for item in case.tree.file.items if isinstance(item, syntax.Variant)}
    # `net Large = Small size=299` names a pattern, which may be a variant, above it or below.
    while variant := variants.pop(name, None):
        given = next((each for each in variant.keywords if each.name == node.name), None)
        if given is not None:
            return given.value
        name = variant.pattern.name
    return next((p.default for p in network.net.parameters if p.name.name == node.name), None)


def parameter(calls: Sequence[syntax.Call]) -> str:
    """The name that all sides of the inputs are given by, if it is one."""
    parts = [part for k in kernels_of(calls) for part in (k.items if isinstance(k, syntax.List) else (k,))]
    names = {part.name if isinstance(part, syntax.Name) else "" for part in parts}
    return names.pop() if len(names) == 1 else ""


def channels_last(case: Case, owner: Owner | None) -> Iterator[Fix]:
    """Rows, columns, channels, as some frameworks have them: `224@224x3` is `3@224x224`."""
    for call in case.tree.inputs(owner):
        given = call.positional[0] if len(call.positional) == 1 else None
        if not isinstance(given, syntax.FilterOf):
            continue
        first, last = literal(given.count), literal(given.kernel)
        if (
            isinstance(first, int)
            and isinstance(last, tuple)
            and last[1] <= MOST_CHANNELS < min(first, last[0])
        ):
            text = f"{last[1]}@{first}x{last[0]}"
            yield Fix(f"channels come first: `input {text}`", (Edit(given.span, text),))


def network_at_fault(case: Case, starts: Sequence[int]) -> Network | None:
    """The first network with these inputs, as far as its faults let it go."""
    networks = case.trial.before.all_networks
    inside = (n for n in networks if n.inputs and all(given.span.start in starts for given in n.inputs))
    return next(inside, None)


def inputs_text(case: Case, after: Checked, network: Network, size: tuple[int, int]) -> str:
    """Which inputs would do, with the nearest among them: `from 32x32 to 35x35`, `of at least 44x44`.

    Where that takes more than a few words, the nearest alone: `of 32x32`.
    """
    found = {describe_range(case, mended, size) for mended in after.networks if mended.name == network.name}
    return found.pop() if len(found) == 1 else f"of {size[0]}x{size[1]}"


def describe_range(case: Case, network: Network, size: tuple[int, int]) -> str:
    nearest = f"of {size[0]}x{size[1]}"
    try:
        with explore_sizes(case, network) as explorer:
            names = tuple(name for name, shape in explorer.written.items() if shape.is_map)
            survey = SizeSurvey(explorer, names, END)
            sweeps = survey.sweeps
            sets = [sweep.set(sweep.valid) for sweep in sweeps], [sweep.set(sweep.whole) for sweep in sweeps]
    except TooMuch:
        return nearest
    if survey.unknown:
        return nearest
    ways = [range_text(found[0], found[-1], size) for found in sets]
    # All valid sizes, if one stretch tells them; else those at which no pixels are lost.
    return next((way for way in ways if way and ";" not in way), next(filter(None, ways), nearest))


def range_text(heights: Set, widths: Set, size: tuple[int, int]) -> str:
    """The sizes where they are of one stretch along each axis, and go on in like steps; else nothing."""
    if len(heights) != 1 or len(widths) != 1:
        return ""
    high, wide = heights[0], widths[0]
    nearest, first, last = f"of {size[0]}x{size[1]}", f"{high.first}x{wide.first}", f"{high.last}x{wide.last}"
    if high.step != wide.step:
        return ""
    if not high.step:
        return f"from {first} to {last}" if last != first else nearest
    if high.step == 1:
        return f"of at least {first}"
    if high.length == wide.length == 1:
        return f"{nearest}: at least {first}, in steps of {high.step}"
    # 96 in the stretches 30 to 33, 62 to 65, …: 96 - (96 - 30)%32 = 94, so 94 to 97.
    ends = [side - (side - axis.first) % axis.step for side, axis in zip(size, (high, wide), strict=True)]
    begin, end = "x".join(map(str, ends)), f"{ends[0] + high.length - 1}x{ends[1] + wide.length - 1}"
    return f"from {begin} to {end}; likewise every {high.step} further"
