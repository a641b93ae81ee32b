"""The diagram in Graphviz's language. Names stand in labels only; the same diagram makes the same bytes."""

from __future__ import annotations

import math
import sys
from itertools import islice, pairwise

from graphviz import Digraph
from graphviz.quoting import NoHtml

from cnnspec.draw import style
from cnnspec.draw.diagram.box_text import box_lines, cluster_lines, edge_lines
from cnnspec.draw.diagram.model import Box, Cluster, Diagram, Edge, Item, Port, boxes, group_pairs, totals
from cnnspec.draw.graph.graphviz_engine import DrawProblem
from cnnspec.draw.graph.wrap import column_of
from cnnspec.draw.look import Look
from cnnspec.draw.metrics import width
from cnnspec.draw.names import mark, plain

MOST_BOXES = 6000

LegendEntry = tuple[str, dict[str, str], dict[str, str]]
"""Of the legend: words, the look of their box, and of the edge before it if it is about one."""


def dot(diagram: Diagram, look: Look) -> str:
    """The whole diagram as the text of a .dot file, its first line cnnspec's mark. Raises DrawProblem."""
    check_size(diagram)
    return Writer(diagram, look).whole()


def check_size(diagram: Diagram) -> None:
    """Raises DrawProblem where a diagram is too large for a picture."""
    count = sum(1 for _ in boxes(diagram.items))
    if count > MOST_BOXES:
        many = f"{count:,} boxes, more than the {MOST_BOXES:,} of a picture"
        raise DrawProblem(f"{diagram.name} would be {many}")


def facts(diagram: Diagram) -> str:
    """`1@28x28 to 10, 61,706 parameters, 416,520 MACs`."""
    return f"{port_words(diagram.inputs)} to {port_words(diagram.outputs)}, {totals(diagram)}"


def port_words(ports: tuple[Port, ...]) -> str:
    """`1@28x28`; of several their names, too: `left 1@28x28 and right 1@28x28`."""
    said = [f"{plain(port.name)} {port.shape}" if len(ports) > 1 else str(port.shape) for port in ports]
    return " and ".join(said) or "?"


def description(diagram: Diagram, look: Look) -> str:
    """What the picture shows, for those who do not see it: its boxes in the order of execution."""
    unbroken = look._replace(letters=sys.maxsize)
    return "; ".join(", ".join(box_lines(box, unbroken)) for box in boxes(diagram.items))


def node_id(number: int) -> str:
    return f"n{number}"


def text(words: str) -> NoHtml:
    """A label that shows just these words: no escapes of Graphviz, no entities, no HTML.

    Lines are centred, or, where the last one too ends in a newline, aligned on the left.
    """
    # backslashes before newlines, which become those of Graphviz: `\n` centres a line, `\l` does not
    escaped = words.replace("&", "&amp;").replace("\\", "\\\\")
    return NoHtml(escaped.replace("\n", "\\l" if words.endswith("\n") else "\\n"))


def crossing(diagram: Diagram) -> set[tuple[int, int]]:
    """The skips, by their ends, that begin within another and end behind it, and those others."""
    # (2, 9) and (5, 12) cross, (2, 9) and (5, 8) do not; what begins at 9 or later cannot
    skips = sorted({(edge.tail, edge.head) for edge in diagram.edges if edge.route == "skip"})
    found = set()
    for place, one in enumerate(skips):
        for other in islice(skips, place + 1, None):
            if other[0] >= one[1]:
                break
            if one[0] < other[0] and one[1] < other[1]:
                found |= {one, other}
    return found


class Writer:
    """Writes a diagram, or parts of it, as it is to look."""

    def __init__(self, diagram: Diagram, look: Look) -> None:
        self.diagram, self.look, self.theme = diagram, look, look.theme
        around = [edge for edge in diagram.edges if edge.route and look.direction == "tb"]
        self.tails = group_pairs((edge.head, edge.tail) for edge in diagram.edges)
        self.heads = group_pairs((edge.tail, edge.head) for edge in diagram.edges if edge.route != "skip")
        self.crossing = crossing(diagram)
        self.joins = {box.number for box in boxes(diagram.items) if box.kind == "join"}
        self.parted = {edge.tail for edge in around} | {e.head for e in around if e.route == "skip"}

    def whole(self) -> str:
        """The diagram in one graph, its legend below."""
        diagram, attributes = self.diagram, {"bgcolor": self.theme.paper, "pad": "0.2"}
        if self.look.width is not None:
            attributes |= {"size": f"{self.look.width / 72:g},{style.LONGEST:g}"}
        name = plain(diagram.name) if self.look.title is None else self.look.title
        said = ": ".join(filter(None, (name, facts(diagram) if self.look.caption else "")))
        title = text(f"{said}\n" if said else "")
        graph = self.graph(comment=mark(diagram.name), label=title, **attributes)
        self.add_items(graph, diagram.items, (0, sys.maxsize))
        for edge in diagram.edges:
            graph.edge(node_id(edge.tail), node_id(edge.head), **self.edge_attributes(edge))
        with graph.subgraph(name="cluster_legend") as inner:
            inner.attr("graph", label="", style="invis")
            self.add_legend([inner] * len(self.legend_entries()))
        return str(graph.source)

    def columns(self) -> list[str]:
        """The diagram's columns (rows where it runs from left to right), each a graph of its own."""
        bounds = [0, *self.diagram.heads, sys.maxsize]
        graphs = []
        for within in pairwise(bounds):
            graphs.append(self.graph())
            self.add_items(graphs[-1], self.diagram.items, within)
        self.add_edges(graphs)
        return [str(graph.source) for graph in graphs]

    def legend(self) -> list[str]:
        """A graph for each kind of box and edge that occurs."""
        graphs = [self.graph(rankdir="LR") for _ in self.legend_entries()]
        self.add_legend(graphs)
        if self.diagram.heads or self.diagram.severed:
            graphs.append(self.graph(rankdir="LR", ranksep="0.03"))
            graphs[-1].node("out", "1", **style.connector(self.theme))
            graphs[-1].node("words", "goes on at the same number", **style.WORDS)
            graphs[-1].edge("out", "words", style="invis")
        return [str(graph.source) for graph in graphs]

    def graph(self, comment: str | None = None, **attributes: str) -> Digraph:
        graph = Digraph("network", comment=comment)
        graph.attr("graph", **style.graph_attributes(self.theme, self.look.direction) | attributes)
        graph.attr("node", **style.node_attributes(self.theme))
        graph.attr("edge", **style.plain_edge(self.theme))
        return graph

    def add_items(
        self, graph: Digraph, items: tuple[Item, ...], within: tuple[int, int], depth: int = 0
    ) -> None:
        """The boxes of one column, and the parts of clusters that stand in it."""
        low, high = within
        for item in items:
            if isinstance(item, Cluster):
                self.add_cluster(graph, item, within, depth)
            elif low <= item.number < high:
                parted = item.number in self.parted
                self.add_node(graph, node_id(item.number), parted, **self.box_attributes(item))

    @staticmethod
    def add_node(graph: Digraph, name: str, parted: bool, label: str, **look: str) -> None:
        """A node; where a way around begins or ends, in a cluster of its own: else Graphviz bends others."""
        if not parted:
            graph.node(name, label, **look)
            return
        with graph.subgraph(name=f"cluster_{name}") as inner:
            inner.attr("graph", **style.HIDDEN)
            inner.node(name, label, **look)

    def add_cluster(self, graph: Digraph, cluster: Cluster, within: tuple[int, int], depth: int) -> None:
        found = list(boxes(cluster.items))
        first, last = found[0].number, found[-1].number
        if last < within[0] or first >= within[1]:
            return
        params, macs = sum(box.params.total for box in found), sum(box.macs.total for box in found)
        lines = cluster_lines(cluster, params, macs, self.look, first < within[0])
        # by depth, too: `layer1` and its first `Bottleneck` begin at the same box
        with graph.subgraph(name=f"cluster_{first}_{depth}") as inner:
            down = self.look.direction == "tb"
            blank = self.blank(lines) if down and self.is_a_branch(range(first, last + 1)) else ""
            label = text("".join(f"{blank}{line}\n" for line in lines))
            inner.attr("graph", **style.cluster_attributes(cluster, depth, self.theme), label=label)
            self.add_items(inner, cluster.items, within, depth + 1)

    def is_a_branch(self, numbers: range) -> bool:
        """Whether others stand beside the cluster of these boxes: what feeds it feeds them, too."""
        # of `| conv 1x1 | { … }` the braces: what enters them is read by `conv 1x1`, too
        fed = {tail for number in numbers for tail in self.tails.get(number, ()) if tail < numbers[0]}
        return any(head not in numbers for tail in fed for head in self.heads.get(tail, ()))

    def keeps_right(self, edge: Edge) -> bool:
        """Whether a skip stays right of what it passes by: both begin at one place, and none crosses it."""
        ends = (edge.tail, edge.head)
        column = column_of(self.diagram, edge.head)
        return (
            edge.route == "skip"
            and self.look.direction == "tb"
            and ends not in self.crossing
            and not self.diagram.is_severed(edge)
            and any(column_of(self.diagram, head) == column for head in self.heads.get(edge.tail, ()))
        )

    @staticmethod
    def blank(lines: list[str]) -> str:
        """As wide as the title: a cluster so wide has room for it on one side of the edge that comes in."""
        wide = max((width(line, style.SIZE) for line in lines), default=0.0)
        return " " * math.ceil(wide / style.SPACE)

    def box_attributes(self, box: Box) -> dict[str, str]:
        lines = box_lines(box, self.look)
        return {"label": text("\n".join(lines)), **style.box_attributes(box, lines, self.theme)}

    def edge_attributes(self, edge: Edge) -> dict[str, str]:
        lines = edge_lines(edge, self.look)
        label = {"label": text("\n".join(f" {line} " for line in lines))} if lines else {}
        found = {**label, **style.edge_attributes(edge, self.theme)}
        if self.keeps_right(edge):
            found["headport"] = "e"  # else Graphviz leads it out of its way to come in from above
        if edge.route == "projection" and edge.head in self.joins:
            found["weight"] = "3"  # what is projected stands near its join, not amid what it passes by
        return found

    def add_edges(self, graphs: list[Digraph]) -> None:
        """The edges; of one that leads to another column, or is severed, the same number marks both ends."""
        diagram, look = self.diagram, style.connector(self.theme)
        signs: dict[int, str] = {}
        drawn = set()
        aside: set[int] = set()  # boxes between a severed edge and its join: the main path stays straight
        evaluated = {edge.tail for edge in diagram.edges if not edge.idle}
        for edge in diagram.edges:
            tail, head = node_id(edge.tail), node_id(edge.head)
            here, there = column_of(diagram, edge.tail), column_of(diagram, edge.head)
            severed = diagram.is_severed(edge)
            if here != there or severed:
                # a number a value: it leaves at `out3` once, and each column that reads it has one `in3`
                sign = signs.setdefault(edge.tail, str(len(signs) + 1))
                out, back = f"out{sign}", f"in{sign}_{edge.head}" if severed else f"in{sign}"
                if (out, here) not in drawn:
                    graphs[here].node(out, sign, **look)
                    idle = "" if edge.tail in evaluated else edge.idle
                    leaving = self.edge_attributes(edge._replace(route="", idle=idle))
                    leaving.pop("label", None)  # it is told where the value comes back
                    leaving["weight"] = style.LIGHT
                    graphs[here].edge(tail, out, **leaving)
                if (back, there) not in drawn:
                    self.add_node(graphs[there], back, edge.tail in self.parted, sign, **look)
                drawn |= {(out, here), (back, there)}
                tail = back
            attributes = self.edge_attributes(edge)
            if severed or edge.tail in aside:
                attributes["weight"] = style.LIGHT
                # up to the join: `in1 -> slice -> add` is light, what the join makes is not
                if len(self.tails[edge.head]) == 1:
                    aside.add(edge.head)
            graphs[there].edge(tail, head, **attributes)

    def legend_entries(self) -> list[LegendEntry]:
        shown = {box.kind for box in boxes(self.diagram.items)}
        kinds = ((kind, words) for kind, words in style.NAMES.items() if kind in shown)
        found: list[LegendEntry] = [
            (words, style.kind_attributes(kind, self.theme), {}) for kind, words in kinds
        ]
        drawn = [edge for edge in self.diagram.edges if not edge.fault]
        # one edge each as a sample: of skips, projections, of what only training needs
        lines = {edge.route or edge.idle: edge for edge in drawn if edge.route or edge.idle}
        for words, edge in sorted(lines.items()):
            found.append((words, style.WORDS, style.edge_attributes(edge, self.theme)))
        return found

    def add_legend(self, graphs: list[Digraph]) -> None:
        for number, ((words, box, edge), graph) in enumerate(zip(self.legend_entries(), graphs, strict=True)):
            graph.node(f"l{number}", words, **box)
            if edge:
                # a line needs two ends: it begins at a point that is not seen
                graph.node(f"a{number}", "", shape="point", style="invis", width="0.01")
                graph.edge(f"a{number}", f"l{number}", **edge, minlen="2")
