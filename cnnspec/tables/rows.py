"""A network as the rows of a table: layers in sections, as their paths say; sections fold and collapse.

Rows add up: whatever is folded or collapsed, parameters, MACs and memory are those of all layers within.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Any, NamedTuple

from cnnspec.analysis.memory import FLOAT, VIEWS, Peak, peak
from cnnspec.analysis.receptive import WHOLE, ReceptiveField, fields
from cnnspec.analysis.unroll import Graph, Node, unroll
from cnnspec.graph.tree import Network
from cnnspec.graph.walk import own_name
from cnnspec.layers.base import Layer
from cnnspec.values.shapes import Shape


class Reach(NamedTuple):
    """A receptive field and the distance of neighbours, (height, width) in pixels of the input."""

    size: tuple[int, int]
    jump: tuple[Fraction, Fraction]


class LayerRow(NamedTuple):
    """A layer, or a section that was collapsed; None is what a fault hides.

    `name` is the last part of `path`. Of `times` copies the numbers are the sum, the field the last one's.
    """

    path: str
    name: str
    layer: str
    kernel: tuple[int, ...] | None = None
    stride: tuple[int, ...] | None = None
    pad: tuple[int, ...] | str | None = None
    first: Shape | None = None  # the output, of the first copy
    output: Shape | None = None  # and of the last
    params: int | None = None
    macs: int | None = None
    memory: int | None = None  # bytes
    field: Reach | str | None = None  # "all": the whole input; "": unlike from pixel to pixel
    times: int = 1
    shared: bool = False  # the weights of an earlier row, once more
    idle: str = ""  # why evaluation does without it
    inputs: tuple[str, ...] = ()  # of the first copy
    maker: str = ""  # the node of the last copy


class RowGroup(NamedTuple):
    """Rows whose paths begin alike. `layer` is the block's name, if it is one's."""

    path: str
    name: str
    layer: str
    items: tuple[Item, ...]
    times: int = 1


Item = LayerRow | RowGroup


class Summary(NamedTuple):
    """All rows, and the totals, None where a fault hides some; of `total` the numbers that add up."""

    network: str
    items: tuple[Item, ...]
    total: LayerRow
    buffers: int | None
    peak: Peak | None  # in numbers


def table(network: Network) -> Summary:
    """The table of a network, each layer a row."""
    graph = unroll(network)
    rows = tuple(layer_rows(graph))
    whole = not graph.blanks
    buffers = sum(int(weight.elements) for weight in graph.weights.values() if not weight.trained)
    return Summary(
        network.name,
        tuple(sections(rows, graph, "")),
        LayerRow("total", "total", "", **sums(rows)),
        buffers if whole else None,
        peak(graph) if whole else None,
    )


def layer_rows(graph: Graph) -> Iterator[LayerRow]:
    """Nodes and blanks in the order of execution."""
    found = fields(graph)
    for each in graph.in_order():
        if isinstance(each, Node):
            yield node_row(each, found[each.path])
        else:
            yield LayerRow(each.path, own_name(each.path), each.words)


def node_row(node: Node, field: ReceptiveField | None) -> LayerRow:
    layer = node.layer
    return LayerRow(
        node.path,
        own_name(node.path),
        layer.name,
        *window(layer),
        first=node.output,
        output=node.output,
        params=node.params,
        macs=node.macs,
        memory=0 if node.train or layer.name in VIEWS else FLOAT * int(node.output.features),
        field="all" if field is WHOLE else "" if field is None else Reach(field.size, field.jump),
        shared=node.shared and bool(node.weights),
        idle=node.idle,
        inputs=node.inputs,
        maker=node.path,
    )


def window(
    layer: Layer,
) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None, tuple[int, ...] | str | None]:
    """Kernel, stride and padding of a layer that has a kernel."""
    names = layer.arguments
    at = next((name for name in ("filter", "kernel", "window") if name in names), None)
    if at is None:
        return None, None, None
    kernel = layer.value(at)
    stride, pad = (layer.value(name) if name in names else None for name in ("stride", "pad"))
    return kernel.kernel if at == "filter" else kernel, stride, pad


def sums(rows: Sequence[LayerRow]) -> dict[str, Any]:
    """Parameters, MACs and memory of all rows together; None where a fault hides those of one."""
    found = {name: [getattr(row, name) for row in rows] for name in ("params", "macs", "memory")}
    return {name: None if None in numbers else sum(numbers) for name, numbers in found.items()}


def sections(rows: Iterable[LayerRow], graph: Graph, prefix: str) -> Iterator[Item]:
    """Rows in a row whose paths go on alike behind the prefix as a section; further runs are others."""

    def head(row: LayerRow) -> tuple[str, str]:
        # Of "a.0 (2)", the second run of a block's layer: ("a", "(2)").
        path, _, run = row.path.partition(" ")
        return path[len(prefix) :].partition(".")[0], run

    for (name, run), group in groupby(rows, head):
        inner = list(group)
        path = prefix + name
        title = f"{name} {run}" if run and not prefix else name
        if not name:  # the join whose paths these are
            yield from (row._replace(name=row.layer) for row in inner)
        elif len(inner) == 1 and inner[0].path.partition(" ")[0] == path:
            yield inner[0]._replace(name=title)
        else:
            items = tuple(sections(inner, graph, path + "."))
            yield RowGroup(f"{path} {run}".strip(), title, graph.blocks.get(path, ""), items)


def rows_of(items: Iterable[Item]) -> Iterator[LayerRow]:
    """All rows, those of sections too."""
    for item in items:
        if isinstance(item, RowGroup):
            yield from rows_of(item.items)
        else:
            yield item


def collapse(items: Iterable[Item], depth: int) -> tuple[Item, ...]:
    """Sections deeper than so many levels as one row each."""
    return tuple(
        item
        if isinstance(item, LayerRow)
        else item._replace(items=collapse(item.items, depth - 1))
        if depth > 1
        else sum_rows(item)
        for item in items
    )


def sum_rows(section: RowGroup) -> LayerRow:
    """A section as a row: its sums, and the output of its last layer."""
    rows = list(rows_of(section.items))
    last = rows[-1]
    return LayerRow(
        section.path,
        section.name,
        section.layer,
        first=last.first,
        output=last.output,
        field=last.field,
        times=section.times,
        shared=any(row.shared for row in rows),
        idle=rows[0].idle if len({row.idle for row in rows}) == 1 else "",
        **sums(rows),
    )
