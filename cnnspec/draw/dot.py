"""The diagram in Graphviz's language. Names stand in labels only, quoted; the same diagram, the same bytes."""

from __future__ import annotations

from bisect import bisect

from graphviz import Digraph
from graphviz.quoting import NoHtml

from cnnspec import __version__
from cnnspec.draw import style
from cnnspec.draw.model import Box, Cluster, Diagram, Edge, Item, boxes, totals
from cnnspec.draw.words import box_lines, cluster_lines, plain, shape_words
from cnnspec.files import MARK

CONNECTOR = {"shape": "circle", "fixedsize": "true", "width": "0.24", "style": "filled", "fillcolor": style.INK}
CONNECTOR |= {"fontcolor": "#FFFFFF", "fontsize": "9", "margin": "0"}
ANCHOR = {"style": "invis", "width": "0", "height": "0", "fixedsize": "true"}
TINTS = ("#F4F4F4", "#E7E7E7")
"""Backgrounds of clusters, of the outer ones and of those within."""


def dot(diagram: Diagram) -> str:
    """The text of a .dot file; its first line bears cnnspec's mark."""
    graph = Digraph("network", comment=f"{plain(diagram.name)}: {MARK} {__version__}")
    graph.attr(
        "graph",
        rankdir="TB",
        fontname=f"{style.FONT} Bold",
        fontsize="13",
        fontcolor=style.INK,
        label=text(headline(diagram)),
        labelloc="t",
        labeljust="l",
        nodesep="0.3",
        ranksep="0.22",
        splines="spline",
        bgcolor="white",
        pad="0.15",
    )
    graph.attr("node", fontname=style.FONT, fontsize="10", margin="0.11,0.055", height="0.3", penwidth="0.9")
    graph.attr("edge", fontname=style.FONT, fontsize="9", arrowsize="0.6", color=style.INK, fontcolor=style.INK)
    add_items(graph, diagram.items, 0)
    add_columns(graph, add_edges(graph, diagram))
    add_legend(graph, diagram)
    return graph.source


def headline(diagram: Diagram) -> str:
    params, macs = totals(diagram)
    arriving, leaving = (" and ".join(map(str, shapes)) for shapes in (diagram.inputs, diagram.outputs))
    return f"{plain(diagram.name)}: {arriving} to {leaving}, {params:,} parameters, {macs:,} MACs\n"


def node_id(number: int) -> str:
    return f"n{number}"


def text(words: str) -> NoHtml:
    """A label that shows just these words: no escapes of Graphviz, no entities, no HTML.

    Lines are centred, or, where the last one too ends in a newline, aligned on the left.
    """
    escaped = words.replace("&", "&amp;").replace("\\", "\\\\")
    return NoHtml(escaped.replace("\n", "\\l" if words.endswith("\n") else "\\n"))


def add_items(graph: Digraph, items: tuple[Item, ...], depth: int) -> None:
    for item in items:
        if isinstance(item, Box):
            graph.node(node_id(item.number), **box_attributes(item))
        else:
            add_cluster(graph, item, depth)


def add_cluster(graph: Digraph, cluster: Cluster, depth: int) -> None:
    found = list(boxes(cluster.items))
    lines = cluster_lines(cluster, sum(box.params for box in found))
    with graph.subgraph(name=f"cluster_{found[0].number}_{depth}") as inner:
        inner.attr(
            "graph",
            label=text("".join(f"{line}\n" for line in lines)),
            fontname=f"{style.FONT} Bold" if cluster.times > 1 else style.FONT,
            fontsize="10",
            style="filled,rounded,dashed" if cluster.train else "filled,rounded",
            fillcolor=TINTS[depth % 2],
            color=style.INK if cluster.times > 1 else style.QUIET,
            penwidth="1.6" if cluster.times > 1 else "0.7",
            margin="8",
        )
        add_items(inner, cluster.items, depth + 1)


def box_attributes(box: Box) -> dict[str, str]:
    look = style.STYLES[box.kind]
    found = {
        "label": text("\n".join(box_lines(box))),
        "shape": look.shape,
        "style": look.style + (",dashed" if box.train else ""),
        "fillcolor": look.fill,
        "fontcolor": look.text,
        "color": look.border,
        "peripheries": str(look.peripheries),
    }
    if box.kind == "join":
        found |= {"fixedsize": "true", "width": "0.55", "height": "0.55", "margin": "0"}
        found["fontsize"] = "9" if len(box.parts) > 1 or len(found["label"]) > 1 else "15"
    return found


def edge_attributes(edge: Edge) -> dict[str, str]:
    found = {"label": text(f" {shape_words(edge)} ")}
    if edge.skip:
        found |= {"color": style.SKIP, "fontcolor": style.SKIP, "penwidth": "1.8"}
    if edge.train:
        found["style"] = "dashed"
    return found


def add_edges(graph: Digraph, diagram: Diagram) -> list[str]:
    """The edges; one that leads to another column is cut in two, with the same number at both ends.

    Returns the node that each column begins with.
    """
    entries = [node_id(number) for number in (next(boxes(diagram.items)).number, *diagram.heads)]
    signs: dict[int, str] = {}
    drawn = set()
    for edge in diagram.edges:
        tail, head = node_id(edge.tail), node_id(edge.head)
        column = bisect(diagram.heads, edge.head)
        if column != bisect(diagram.heads, edge.tail):
            sign = signs.setdefault(edge.tail, str(len(signs) + 1))
            out, back = f"o{sign}", f"i{sign}_{column}"
            if out not in drawn:
                graph.node(out, sign, **CONNECTOR)
                graph.edge(tail, out, **edge_attributes(edge._replace(skip=False)))
            if back not in drawn:
                graph.node(back, sign, **CONNECTOR)
            drawn |= {out, back}
            tail = entries[column] = back
        graph.edge(tail, head, **edge_attributes(edge))
    return entries


def add_columns(graph: Digraph, entries: list[str]) -> None:
    """Invisible anchors side by side, from which the columns hang in their order."""
    if len(entries) == 1:
        return
    with graph.subgraph() as row:
        row.attr("graph", rank="same")
        for i in range(len(entries)):
            row.node(f"c{i}", label="", **ANCHOR)
        for i in range(1, len(entries)):
            row.edge(f"c{i - 1}", f"c{i}", style="invis")
    for i, entry in enumerate(entries):
        graph.edge(f"c{i}", entry, style="invis")


def add_legend(graph: Digraph, diagram: Diagram) -> None:
    """The kinds of box that occur, side by side below everything."""
    shown = list(boxes(diagram.items))
    kinds = [kind for kind in style.NAMES if any(box.kind == kind for box in shown)]
    numbers = [box.number for box in shown]
    feet = [numbers[-1], *(max(n for n in numbers if n < head) for head in diagram.heads)]
    with graph.subgraph(name="cluster_legend") as legend:
        legend.attr("graph", label="", style="invis")
        for i, kind in enumerate(kinds):
            look = style.STYLES[kind]
            legend.node(
                f"l{i}",
                style.NAMES[kind],
                shape=look.shape,
                style=look.style,
                fillcolor=look.fill,
                fontcolor=look.text,
                color=look.border,
                peripheries=str(look.peripheries),
                fontsize="8",
            )
    for foot in feet:
        for i in range(len(kinds)):
            graph.edge(node_id(foot), f"l{i}", style="invis", minlen="2", weight="0")
