"""Several nets in one table: a row each; or side by side, as the ResNet paper has them.

He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, 2015, table 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby, zip_longest
from pathlib import PurePath
from typing import NamedTuple

from cnnspec.analysis.costs import costs
from cnnspec.analysis.memory import peak
from cnnspec.analysis.unroll import BlockRun, Graph, Node, unroll
from cnnspec.graph.tree import Network
from cnnspec.layers import FAMILIES
from cnnspec.tables.grid import Cell, Grid, Stack
from cnnspec.tables.rows import window
from cnnspec.tables.table_columns import memory, memory_unit, number, shape_words, size
from cnnspec.values.shapes import Shape

POOLS = frozenset(FAMILIES["pool"])
SHOWN = POOLS | {"linear"}
MOST = 6  # lines of a block that is written out; of a longer one its blocks are, or its name stands for it
LARGEST = 50  # layers of a block in which ways are followed: it takes their number squared


class Stage(NamedTuple):
    """Layers in a row whose maps are of one size."""

    size: str
    parts: tuple[Stack, ...]


NOTHING = Stage("", ())
NOTES = (
    "In brackets the layers of a block, and how often it is there. Convolutions as kernel, channels. Not",
    "shown: strides in blocks, projections of skips, norms, activations.",
)


COSTS = (
    "Parameters are the trained ones; MACs: multiply-accumulates of convolutions and linear layers alone,",
    "for one image in evaluation; peak: the most memory that inference needs at once, in 32-bit floats.",
)


def by_nets(networks: Sequence[Network]) -> Grid:
    """A row a net: what it takes, makes and costs."""
    peaks = [peak(unroll(network)).memory for network in networks]
    rows: list[list[Cell]] = []
    for name, network, highest in zip(distinct_names(networks), networks, peaks, strict=True):
        total, used = costs(network), memory(highest, max(peaks))
        rows.append([name, network.sizes, number(total.params), number(total.macs), used])
    heads = ["net", "sizes", "parameters", "MACs", f"peak {memory_unit(max(peaks))[1]}"]
    return Grid("Networks and what they cost", heads, rows, [], "<<>>>", COSTS)


def by_stages(networks: Sequence[Network]) -> Grid:
    """A column a net, a row a size of its maps, and what the nets cost."""
    rows: list[list[Cell]] = []
    for row in stage_rows([stages(network) for network in networks]):
        sizes = dict.fromkeys(stage.size for stage in row if stage.size)
        rows.append([" / ".join(sizes), *(stage.parts for stage in row)])
    total = [costs(network) for network in networks]
    foot: list[list[Cell]] = [
        ["parameters", *(number(each.params) for each in total)],
        ["MACs", *(number(each.macs) for each in total)],
    ]
    heads = ["output", *distinct_names(networks)]
    title = f"The layers of {', '.join(heads[1:])}"
    return Grid(title, heads, rows, foot, "<" * len(heads), NOTES)


def distinct_names(networks: Sequence[Network]) -> list[str]:
    """`A`, or `A (new.cnn)` where versions of a net have one name, and `A (2)` where they are of one file."""
    pairs = [(network.name, PurePath(network.span.source.name).name) for network in networks]
    files = {name: {file for other, file in pairs if other == name} for name, _ in pairs}
    named = [f"{name} ({file})" if len(files[name]) > 1 else name for name, file in pairs]
    seen = [named[:i].count(name) for i, name in enumerate(named)]
    return [f"{name} ({count + 1})" if count else name for name, count in zip(named, seen, strict=True)]


def stage_rows(nets: Sequence[Sequence[Stage]]) -> list[tuple[Stage, ...]]:
    """Stages of one size in a row; of nets that share no size with the first the first with the first."""
    sizes = [[stage.size for stage in net] for net in nets]
    # The last row is the classes, which nets share without having a stage in common.
    if not all(set(sizes[0][:-1]) & set(each[:-1]) for each in sizes):
        return list(zip_longest(*nets, fillvalue=NOTHING))
    order: list[str] = []
    for each in sizes:
        order = merge_orders(order, each)
    return list(zip(*(stages_in_order(net, order) for net in nets), strict=True))


def merge_orders(one: Sequence[str], two: Sequence[str]) -> list[str]:
    """Both sequences in one, what they share once."""
    merged: list[str] = []
    for _, a, b, c, d in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        merged += one[a:b]
        merged += two[c:d] if one[a:b] != two[c:d] else ()
    return merged


def stages_in_order(net: Sequence[Stage], order: Sequence[str]) -> Iterator[Stage]:
    """The stages at their sizes in the order, nothing at the others."""
    left = list(net)
    for where in order:
        yield left.pop(0) if left and left[0].size == where else NOTHING


def stages(network: Network) -> list[Stage]:
    graph = unroll(network)
    found = [(node_size(last.output), part) for last, part in units(graph)]
    return [
        Stage(where, tuple(join_equal([part for _, part in group])))
        for where, group in groupby(found, lambda pair: pair[0])
    ]


def node_size(shape: Shape) -> str:
    """`56x56`; of a vector its length is the size."""
    return shape_words(shape).rpartition("@")[2]


def join_equal(parts: Sequence[Stack]) -> Iterator[Stack]:
    for lines, group in groupby(parts, lambda part: part.lines):
        yield Stack(lines, sum(part.times for part in group))


def units(graph: Graph) -> Iterator[tuple[Node, Stack]]:
    """Blocks and layers outside of them, each with its last node."""
    nodes = [node for node in graph.nodes if not node.idle]
    members: dict[BlockRun, list[Node]] = {}
    for node in nodes:
        for run in node.within:
            members.setdefault(run, []).append(node)
    parts = {run: block(run, inside) for run, inside in members.items()}
    # The outermost run that is written out as a whole: in a block that is opened, the next one within.
    for found, group in groupby(nodes, lambda node: next((run for run in node.within if parts[run]), None)):
        inside, part = list(group), parts[found] if found else None
        if part:
            yield inside[-1], part
        else:
            yield from ((node, Stack((layer_words(node, True),))) for node in inside if is_shown(node))


def block(run: BlockRun, inside: Sequence[Node]) -> Stack | None:
    """What a block does; None where its layers, or its own blocks, are to stand by themselves."""
    shown = [node for node in inside if is_shown(node)]
    # `Dense, 256` for a block that is too long, or has branches side by side.
    name = Stack((f"{run.block}, {int(inside[-1].output.channels)}",))
    if shown and len(shown) <= LARGEST:
        ways = list(ways_to_joins(inside))
        hidden = projections(ways)
        if any(sum(bool(way - hidden) for way in found) > 1 for _, found in ways):
            return name  # its branches are not one below the other
        lines = tuple(layer_words(node, False) for node in shown if node.path not in hidden)
        if len(lines) <= MOST:
            return Stack(lines)
    opened = not shown or any(node.within[-1] != run for node in inside)
    return None if opened else name


def ways_to_joins(inside: Sequence[Node]) -> Iterator[tuple[Node, list[set[str]]]]:
    """Joins, with the layers of each way to them that are not on all ways, the longest way last."""
    made: dict[str, set[str]] = {}  # the layers by which a value is made
    for node in inside:
        ways = [made.get(path, set()) for path in node.inputs]
        # Of an `add` of two convs and a projection: [{"conv3"}, {"conv1",
        # "conv2"}]; an identity's way is set().
        if len(ways) > 1:
            common = set.intersection(*ways)
            yield node, sorted((way - common for way in ways), key=len)
        made[node.path] = set().union(*ways, {node.path} if is_shown(node) else ())


def projections(ways: Sequence[tuple[Node, list[set[str]]]]) -> set[str]:
    """Convolutions that alone fit a value to what longer ways make of it, to be added."""
    found: set[str] = set()
    for join, (*others, longest) in ways:
        if join.layer.name == "add" and len(longest) > 1:
            found = found.union(*(way for way in others if len(way) == 1))
    return found


def is_shown(node: Node) -> bool:
    """Whether a layer has a kernel, is linear, or pools."""
    return window(node.layer)[0] is not None or node.layer.name in SHOWN


def layer_words(node: Node, alone: bool) -> str:
    """`7x7, 64 /2`, `3x3 depthwise, 96`, `maxpool 3x3 /2`, `linear 1000`; the strides of what is alone."""
    layer, channels = node.layer, str(int(node.output.channels))
    kernel, stride, _ = window(layer)
    if kernel is None:
        return layer.name if layer.name in POOLS else f"{layer.name} {channels}"
    said = "x".join(map(str, kernel))
    if layer.name != "conv":
        said = f"{layer.name} {said}"
    groups = layer.value("groups") if "groups" in layer.arguments else 1
    if groups > 1 and groups == node.shapes[0].channels:
        said += " depthwise"
    if layer.name not in POOLS:
        said += f", {channels}"
    if 1 < groups < node.shapes[0].channels:
        said += f", {groups} groups"
    smaller = alone and layer.name in ("conv", *POOLS) and size(stride) != "1"
    return f"{said} /{size(stride)}" if smaller else said
