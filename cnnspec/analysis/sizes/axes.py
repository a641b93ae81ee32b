"""Whether height and width can be chosen apart: then the valid inputs are all pairs of a valid height and a
valid width. Where that is not plain it is not claimed."""

from __future__ import annotations

from typing import Any

from cnnspec.analysis.sizes.size_run import SizeRun
from cnnspec.analysis.unroll import Node
from cnnspec.graph.tree import Decision
from cnnspec.layers.base import Layer, Misfit
from cnnspec.layers.linear import Linear
from cnnspec.text import syntax
from cnnspec.values.extents import reads

HEIGHT, WIDTH = frozenset(("height",)), frozenset(("width",))


class BothAxes:
    """Two runs of a program: `down` over heights, `across` over widths, the other as written.

    Where both axes are alike, one run may stand for both: then of `across`, too, the heights count.
    """

    def __init__(self, down: SizeRun, across: SizeRun) -> None:
        self.down, self.across = down, across
        self.runs = (down, 0), (across, 0 if across is down else 1)
        self.limit = down.program.limits.max_elements
        self.several: dict[int, bool] = {}
        self.largest: dict[tuple[int, int], int] = {}
        self.varying: set[str] = {name for name, shape in down.graph.inputs if shape.is_map}
        for node in down.graph.nodes:
            if node.output.is_map:
                varies = any(self.has_several_sizes(run.flows[node.path].column) for run in (down, across))
            else:
                varies = not isinstance(node.layer, Linear) and not self.varying.isdisjoint(node.inputs)
            if varies:
                self.varying.add(node.path)

    def has_several_sizes(self, column: tuple[Any, ...]) -> bool:
        """Whether there are several sizes in a column."""
        key = id(column)
        if key not in self.several:
            self.several[key] = len(set(column) - {None}) > 1
        return self.several[key]

    def coupling(self) -> str:
        """Where height and width depend on each other; "" where nowhere."""
        findings = self.down.graph.findings
        if any(len(self.fields(extent.reads())) > 1 for extent in findings.assumed):
            return "what the text reads of sizes"
        for decision in findings.decisions:
            if not self.is_separable(decision.test, decision, decision.holds or decision.required):
                return f"`{decision.test.span.text}`"
        coupled = (node for node in self.down.graph.nodes if not self.is_node_separable(node))
        return next((f"`{node.path}`" for node in coupled), "")

    def fields(self, found: list[tuple[str, Any]]) -> frozenset[str]:
        """The axes that these reads are of, those left out that read the same at all sizes."""
        changing = frozenset(field for field, name in found if name in self.varying)
        # Anything but a height or a width, as `in.features`, counts as both.
        return changing if changing <= HEIGHT | WIDTH else HEIGHT | WIDTH

    def is_separable(self, test: Any, decision: Decision, holds: bool) -> bool:
        """Whether a condition comes to this by what it says of heights and of widths, each for itself."""
        # `h > 3 and w > 3` holds where both sides do. Where it does not, either may fail: that is no pair.
        if isinstance(test, syntax.Binary) and test.operator == ("and" if holds else "or"):
            return all(self.is_separable(side, decision, holds) for side in (test.left, test.right))
        if isinstance(test, syntax.Unary) and test.operator == "not":
            return self.is_separable(test.operand, decision, not holds)
        found = [(p.field, decision.value) for p in syntax.parts(test) if isinstance(p, syntax.Arrival)]
        given = [decision.names[name] for name in syntax.names(test) if name in decision.names]
        return len(self.fields(found + reads(given))) < 2

    def is_node_separable(self, node: Node) -> bool:
        """Whether it is a matter of its height and of its width, each for itself, what a layer takes."""
        if node.following is not None and not all(map(self.follows_axes, node.following.values())):
            return False
        # Its two maps may be of one size at some heights with some widths alone.
        if node.shared and not node.layer.is_join:
            first = self.down.program.nodes[node.first]
            if not self.are_alike(node.inputs[0], first.inputs[0]):
                return False
        if not node.shapes[0].is_map:
            return self.takes_any_length(node)
        fits = node.layer.is_join or node.layer.axes_apart or self.takes_smallest(node)
        return fits and (not node.output.is_map or self.is_within_limit(node))

    def takes_any_length(self, node: Node) -> bool:
        """Whether a layer takes vectors of every length that may arrive, each one of a map laid flat."""
        layer = node.layer
        if self.varying.isdisjoint(node.inputs) or layer.name in ("flatten", "dropout"):
            return True
        if isinstance(layer, Linear):
            free = layer.value("in") is None and not isinstance(layer.value("weights"), list)
            down, across = (max(column, default=0) for column in self.columns(node.inputs[0]))
            # 512*14*7 along heights, 512*7*14 along widths, 512*7*7 as written: both together make 512*14*14.
            return free and layer.units * (down * across // node.shapes[0].features) <= self.limit
        # Groups of 4 divide 8 rows with any columns, and 8 columns with any rows, but not 3x3.
        any_count = not layer.divides or layer.value(layer.divides) in (None, 1)
        return type(layer).output is Layer.output and any_count and not layer.is_join

    def is_pinned(self, node: Node) -> bool:
        """Whether the weights of a layer are made for so many features."""
        return not node.shapes[0].is_map and not self.varying.isdisjoint(node.inputs)

    def columns(self, name: str) -> list[set[Any]]:
        return [set(run.flows[name].column) - {None} for run in (self.down, self.across)]

    def are_alike(self, one: str, other: str) -> bool:
        return all(run.flows[one].column == run.flows[other].column for run in (self.down, self.across))

    def takes_smallest(self, node: Node) -> bool:
        """Whether a layer that may refuse the smallest maps takes the smallest that arrives."""
        least = []
        for run, axis in self.runs:
            column = run.flows[node.inputs[0]].column
            least.append(min((column[i][axis] for i in range(run.length) if i not in run.faults), default=1))
        try:
            node.layer.output(node.shapes[0].with_size(*least))
        except Misfit:
            return False
        return True

    def is_within_limit(self, node: Node) -> bool:
        """Whether the largest map is within the limit."""
        most = int(node.output.channels)
        for run, axis in self.runs:
            column = run.flows[node.path].column
            key = id(column), axis
            if key not in self.largest:
                self.largest[key] = max((place[axis] for place in column if place), default=0)
            most *= self.largest[key]
        return most <= self.limit

    def follows_axes(self, value: Any) -> bool:
        """Whether an argument's first half follows heights, its second half widths."""
        if not self.fields(reads(value)):
            return True
        if not isinstance(value, list | tuple) or len(value) not in (2, 4):
            return False
        half = len(value) // 2
        return self.fields(reads(value[:half])) <= HEIGHT and self.fields(reads(value[half:])) <= WIDTH
