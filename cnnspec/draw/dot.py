"""The diagram in Graphviz's language. Names stand in labels only; the same diagram makes the same bytes."""

from __future__ import annotations

import sys
from itertools import pairwise

from graphviz import Digraph
from graphviz.quoting import NoHtml

from cnnspec import __version__
from cnnspec.draw import style
from cnnspec.draw.model import Box, Cluster, Diagram, Edge, Item, boxes, totals
from cnnspec.draw.words import box_lines, cluster_lines, plain, shape_words
from cnnspec.draw.wrap import column_of
from cnnspec.output import MARK

WIDEST = 30  # characters of a title for which room is made
SPACES = 2.7  # for a letter, whose width is about 1.9 of them: boxes need not stand in the middle


def dot(diagram: Diagram) -> str:
    """The whole diagram as the text of a .dot file; its first line bears cnnspec's mark."""
    graph = new_graph(comment=mark(diagram), label=text(f"{plain(diagram.name)}: {facts(diagram)}\n"))
    add_items(graph, diagram.items, (0, sys.maxsize), 0)
    for edge in diagram.edges:
        graph.edge(node_id(edge.tail), node_id(edge.head), **edge_attributes(edge))
    return str(graph.source)


def columns(diagram: Diagram) -> list[str]:
    """The diagram's columns, each a graph of its own."""
    bounds = [0, *diagram.heads, sys.maxsize]
    graphs = []
    for within in pairwise(bounds):
        graphs.append(new_graph())
        add_items(graphs[-1], diagram.items, within, 0)
    add_edges(graphs, diagram)
    return [str(graph.source) for graph in graphs]


def new_graph(comment: str | None = None, **attributes: str) -> Digraph:
    graph = Digraph("network", comment=comment)
    graph.attr("graph", **style.GRAPH, **attributes)
    graph.attr("node", **style.NODE)
    graph.attr("edge", **style.EDGE)
    return graph


def mark(diagram: Diagram) -> str:
    return f"{plain(diagram.name)}: {MARK} {__version__}"


def facts(diagram: Diagram) -> str:
    """`1@28x28 to 10, 61,706 parameters, 416,520 MACs`."""
    params, macs = totals(diagram)
    arriving, leaving = (" and ".join(map(str, shapes)) for shapes in (diagram.inputs, diagram.outputs))
    return f"{arriving} to {leaving}, {params:,} parameters, {macs:,} MACs"


def description(diagram: Diagram) -> str:
    """What the picture shows, for those who do not see it: its boxes in the order of execution."""
    said = []
    for box in boxes(diagram.items):
        said.append(" ".join(", ".join(box_lines(box)).split()))
    return "; ".join(said)


def node_id(number: int) -> str:
    return f"n{number}"


def text(words: str) -> NoHtml:
    """A label that shows just these words: no escapes of Graphviz, no entities, no HTML.

    Lines are centred, or, where the last one too ends in a newline, aligned on the left.
    """
    escaped = words.replace("&", "&amp;").replace("\\", "\\\\")
    return NoHtml(escaped.replace("\n", "\\l" if words.endswith("\n") else "\\n"))


def add_items(graph: Digraph, items: tuple[Item, ...], within: tuple[int, int], depth: int) -> None:
    """The boxes of one column, and the parts of clusters that stand in it."""
    low, high = within
    for item in items:
        if isinstance(item, Cluster):
            add_cluster(graph, item, within, depth)
        elif low <= item.number < high:
            graph.node(node_id(item.number), **box_attributes(item))


def add_cluster(graph: Digraph, cluster: Cluster, within: tuple[int, int], depth: int) -> None:
    found = list(boxes(cluster.items))
    first, last = found[0].number, found[-1].number
    if last < within[0] or first >= within[1]:
        return
    lines = cluster_lines(cluster, sum(box.params for box in found))
    if first < within[0]:
        lines = [f"{lines[0]}, continued"]
    with graph.subgraph(name=f"cluster_{first}_{depth}") as inner:
        label = text("".join(f"{line}\n" for line in roomy(lines)))
        inner.attr("graph", **style.cluster_attributes(cluster, depth), label=label)
        add_items(inner, cluster.items, within, depth + 1)


def roomy(lines: list[str]) -> list[str]:
    """A title with as much room on its right as it takes itself: edges come in at the middle."""
    longest = max(map(len, lines))
    room = min(longest, WIDEST) * 2 - len(lines[0])
    return [lines[0] + " " * int(SPACES * max(0, room)), *lines[1:]]


def box_attributes(box: Box) -> dict[str, str]:
    found = {"label": text("\n".join(box_lines(box))), **style.box_attributes(box)}
    if box.kind == "join":
        found["fontsize"] = "15" if len(found["label"]) == 1 else "9"
    return found


def edge_attributes(edge: Edge) -> dict[str, str]:
    return {"label": text(f" {shape_words(edge)} "), **style.edge_attributes(edge)}


def add_edges(graphs: list[Digraph], diagram: Diagram) -> None:
    """The edges; one that leads to another column is cut in two, with the same number at both ends."""
    signs: dict[int, str] = {}
    drawn = set()
    evaluated = {edge.tail for edge in diagram.edges if not edge.train}
    for edge in diagram.edges:
        tail, head = node_id(edge.tail), node_id(edge.head)
        here, there = column_of(diagram, edge.tail), column_of(diagram, edge.head)
        if here != there:
            sign = signs.setdefault(edge.tail, str(len(signs) + 1))
            out, back = f"out{sign}", f"in{sign}"
            if (out, here) not in drawn:
                graphs[here].node(out, sign, **style.CONNECTOR)
                leaving = edge._replace(skip=False, train=edge.tail not in evaluated)
                graphs[here].edge(tail, out, **edge_attributes(leaving))
            if (back, there) not in drawn:
                graphs[there].node(back, sign, **style.CONNECTOR)
            drawn |= {(out, here), (back, there)}
            tail = back
        graphs[there].edge(tail, head, **edge_attributes(edge))


def legend(diagram: Diagram) -> str:
    """A graph of the kinds of boxes and edges that occur, in one row."""
    shown = list(boxes(diagram.items))
    kinds = [kind for kind in style.NAMES if any(box.kind == kind for box in shown)]
    nodes = [(style.NAMES[kind], style.kind_attributes(kind)) for kind in kinds]
    if any(edge.skip for edge in diagram.edges):
        nodes.append(
            ("skip", style.WORDS | {"fontcolor": style.SKIP, "color": style.SKIP, "penwidth": "1.8"})
        )
    if any(edge.train for edge in diagram.edges):
        nodes.append(("training only", style.WORDS | {"style": "dashed"}))
    graph = new_graph()
    graph.attr("graph", rankdir="LR", ranksep="0.15")
    for i, (words, attributes) in enumerate(nodes):
        graph.node(f"l{i}", words, **attributes, fontsize="8")
        if i:
            graph.edge(f"l{i - 1}", f"l{i}", style="invis")
    if diagram.heads:
        graph.node("out", "1", **style.CONNECTOR)
        graph.node("words", "goes on at the same number", shape="plaintext", fontsize="8", margin="0")
        graph.edge(f"l{len(nodes) - 1}", "out", style="invis")
        graph.edge("out", "words", style="invis")
    return str(graph.source)
