"""A run of a size program: a column of input shapes in, a column for every value out."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from cnnspec.analysis.sizes.size_program import SizeProgram, place_of, shape_of
from cnnspec.analysis.unroll import Graph, Node
from cnnspec.elaborate.evaluate import Evaluator
from cnnspec.elaborate.faults import Fault, Unknowable
from cnnspec.graph.tree import Decision, Value
from cnnspec.layers.base import Layer, Misfit, Weight
from cnnspec.values.extents import map_extents
from cnnspec.values.shapes import Shape

PLACES = 16
"""So many places of a column cost as much as an answer: time, and memory while the run is kept."""


class Unread(Exception):
    """Nothing arrives where a size is to be read."""


class ValueSizes(NamedTuple):
    """What a value is at every size: a map of so many channels, or, where there are none, a vector.

    `column` holds (height, width), or the features; None where nothing arrives.
    """

    channels: int | None
    column: tuple[Any, ...]

    def shape(self, i: int) -> Shape | None:
        return None if self.column[i] is None else shape_of(self.channels, self.column[i])


def pixels(place: Any) -> int:
    """Of a map; of a vector its features."""
    return place[0] * place[1] if type(place) is tuple else place or 0


Tensors = Mapping[str, tuple[Weight, ...]]


def tensors(graph: Graph) -> Tensors:
    """The weights of all layers that have any, those of layers that run again once."""
    return {node.path: node.weights for node in graph.nodes if has_weights(node)}


def has_weights(node: Node) -> bool:
    return type(node.layer).weights is not Layer.weights and not node.shared


def may_have_other_weights(node: Node, flow: ValueSizes) -> bool:
    """Whether the weights may be others at other sizes."""
    if node.following is not None:
        return True
    if flow.channels is None:
        return len(set(flow.column) - {None}) > 1 or flow.column[0] != node.shapes[0].features
    height, width = node.shapes[0].size
    # One more row and column tell: weights that depend on the size differ there.
    return node.weights != node.layer.weights(node.shapes[0].with_size(height + 1, width + 1))


class SizeRun:
    """What a program makes of some inputs, each by its index.

    `faults` tells of inputs that do not fit the first layer, or the text, that they fail at. For those in
    `open` the text of the network means something else, so they have to be checked from the text.
    `claims`: a false `->` is a fault, too. Raises TooMuch.
    """

    def __init__(self, program: SizeProgram, inputs: Mapping[str, Sequence[Shape]], claims: bool) -> None:
        self.program, self.graph = program, program.graph
        # Over heights 1, 2, 3 at width 32, behind a stride of 2: (8, ((1, 16), (1, 16), (2, 16))).
        self.flows: dict[str, ValueSizes] = {}
        self.faults: dict[int, str] = {}
        self.open: set[int] = set()
        self.columns: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self.known_columns: dict[Hashable, tuple[Any, ...]] = {}
        self.largest: dict[int, int] = {}
        self.length = max(map(len, inputs.values()), default=0)  # faults may hide what the graph takes
        for name, shape in self.graph.inputs:
            column = self.column(tuple(map(place_of, inputs[name])))
            self.flows[name] = ValueSizes(int(shape.channels) if shape.is_map else None, column)
        for node in self.graph.nodes:
            self.compute_node(node)
        for blank in self.graph.blanks:
            if blank.layer is not None:
                self.compute_blank(blank.path, blank.layer, blank.inputs)
        self.check_findings(claims)

    def column(self, column: tuple[Any, ...]) -> tuple[Any, ...]:
        """Equal columns are one object. Raises TooMuch."""
        self.program.spend(len(column) // PLACES)
        return self.columns.setdefault(column, column)

    def record_faults(self, before: Sequence[Any], after: Sequence[Any], path: str) -> None:
        """Keep at what path inputs first fail."""
        if before.count(None) == after.count(None):
            return
        for i, (arrived, left) in enumerate(zip(before, after, strict=True)):
            if left is None and arrived is not None:
                self.faults.setdefault(i, path)

    def compute_node(self, node: Node) -> None:
        flows = [self.flows[name] for name in node.inputs]
        channels = int(node.output.channels) if node.output.is_map else None
        if node.layer.is_join:
            # Paths of one size at all sizes: every join keeps it.
            alike = channels is not None and all(flow.column is flows[0].column for flow in flows)
            column = flows[0].column if alike else self.ask_layer(node.path, node.layer, flows)
        elif node.following is not None:
            column = self.ask_each_size(node, flows[0])
        elif node.layer.axes_apart and channels is not None and flows[0].channels is not None:
            column = self.along_axes(node, flows[0])
        else:
            column = self.ask_layer(node.path, node.layer, flows)
        self.flows[node.path] = self.keep_within_limit(node, flows, ValueSizes(channels, column))
        if node.shared and not node.layer.is_join:
            self.check_rerun(node, flows[0])

    def keep_within_limit(self, node: Node, flows: list[ValueSizes], output: ValueSizes) -> ValueSizes:
        """What a layer yields, where no tensor of it is beyond the limit."""
        most, column = self.program.limits.max_elements, output.column
        if id(column) not in self.largest:
            self.largest[id(column)] = max(map(pixels, set(column)))
        # Only behind a vector may weights outgrow what is made: a linear layer's are units x features.
        if (output.channels or 1) * self.largest[id(column)] <= most and flows[0].channels is not None:
            return output
        pairs = list(zip(flows[0].column, column, strict=True))
        large = {pair for pair in set(pairs) if self.is_large(node, flows[0], output, pair)}
        if not large:
            return output
        kept = tuple(None if pair in large else pair[1] for pair in pairs)
        self.record_faults(column, kept, node.path)
        return output._replace(column=self.column(kept))

    def is_large(
        self, node: Node, arriving: ValueSizes, leaving: ValueSizes, places: tuple[Any, Any]
    ) -> bool:
        if None in places:
            return False
        shape = shape_of(arriving.channels, places[0])
        elements = [] if node.layer.is_join else [w.elements for w in node.layer.weights(shape)]
        elements.append(shape_of(leaving.channels, places[1]).features)
        return max(elements) > self.program.limits.max_elements

    def compute_blank(self, path: str, layer: Layer, inputs: tuple[str, ...]) -> None:
        """A layer that does not fit what arrives at the written size: it may at others."""
        flows = [self.flows[name] for name in inputs if name in self.flows]
        # A layer needs one value that is known, a join two.
        if len(flows) > layer.is_join:
            self.ask_layer(path, layer, flows)

    def along_axes(self, node: Node, flow: ValueSizes) -> tuple[Any, ...]:
        """A layer that makes a map of a map, each axis for itself."""
        layer, written, column = node.layer, node.shapes[0], flow.column
        if type(layer).output is Layer.output:
            return column
        key = self.program.behaviour(layer), id(column)
        known = self.known_columns.get(key)
        if known is None:
            # Behind strides many inputs have the same place: each is asked about once.
            places = set(column) - {None}
            sides = ({place[axis] for place in places} for axis in (0, 1))
            down, across = (self.program.along(layer, written, *each) for each in enumerate(sides))
            made = {p: (a, b) for p in places if (a := down[p[0]]) and (b := across[p[1]])}
            known = self.known_columns[key] = self.column(tuple(map(made.get, column)))
            self.record_faults(column, known, node.path)
        return known

    def ask_layer(self, path: str, layer: Layer, flows: list[ValueSizes]) -> tuple[Any, ...]:
        """A layer that is asked about each height with each width, a join about those of its paths."""
        behaves = self.program.behaviour(layer) if layer.is_join else id(layer)
        asked = behaves, tuple(flow.channels for flow in flows)
        key: Hashable = asked, *(id(flow.column) for flow in flows)
        known = self.known_columns.get(key)
        if known is None:
            table = self.program.tables.setdefault(asked, {})
            rows = list(zip(*(flow.column for flow in flows), strict=True))
            fresh = set(rows).difference(table)
            self.program.spend(len(fresh))
            for places in fresh:
                table[places] = self.program.answer(layer, asked[1], places)
            known = self.known_columns[key] = self.column(tuple(map(table.__getitem__, rows)))
            self.record_faults([None if None in row else row for row in rows], known, path)
        return known

    def ask_each_size(self, node: Node, flow: ValueSizes) -> tuple[Any, ...]:
        """A layer whose arguments follow sizes is another one at every size."""
        column = []
        for i, place in enumerate(flow.column):
            layer = None if place is None else self.layer_at(node, i)
            self.program.spend(place is not None)
            column.append(layer and self.program.answer(layer, (flow.channels,), (place,)))
        self.record_faults(flow.column, column, node.path)
        return self.column(tuple(column))

    def layer_at(self, node: Node, i: int) -> Layer | None:
        """The layer as it is at a size; None where there is none."""
        if node.following is None:
            return node.layer
        try:
            given = {name: self.value(value, i) for name, value in node.following.items()}
        except (Unread, ArithmeticError):
            return None
        return self.program.layer(node, given)

    def check_rerun(self, node: Node, flow: ValueSizes) -> None:
        """A layer that runs again is the same layer with the same weights, or does not fit."""
        first = self.program.nodes[node.first]
        one = self.flows[first.inputs[0]]
        if one == flow:
            return
        for i in range(self.length):
            shapes = one.shape(i), flow.shape(i)
            layer = self.layer_at(node, i)
            if layer is None or shapes[0] is None or shapes[1] is None or shapes[0] == shapes[1]:
                continue
            self.program.spend(1)
            try:
                # `crop 4x4` begins at row 2 of 8 and at row 4 of 12: two modules.
                alike = layer.torch(shapes[0]) == layer.torch(shapes[1])
                alike = alike and layer.weights(shapes[0]) == layer.weights(shapes[1])
            except Misfit:
                continue
            if not alike:
                self.faults.setdefault(i, node.path)

    # Beside what is valid: whether weights still fit, and where pixels are lost

    def misfits(self, written: Tensors) -> list[str | None]:
        """For each input the first layer whose weights are not those written; None: all are."""
        found: list[str | None] = [None] * self.length
        nodes = [node for node in self.graph.nodes if has_weights(node)]
        # The text means other layers at these sizes.
        if (other := [node.path for node in nodes]) != list(written):
            return [
                next((path for path in other if path not in written), next(iter(written), ""))
            ] * self.length
        for node in nodes:
            flow = self.flows[node.inputs[0]]
            wanted = written[node.path]
            if not may_have_other_weights(node, flow):
                if node.weights != wanted:
                    found = [path or node.path for path in found]
                continue
            # Where nothing arrives the input is not valid, and its weights are no matter.
            known: dict[Any, bool] = {None: True}
            for i, place in enumerate(flow.column):
                key = place if node.following is None or place is None else (i, place)
                if key not in known:
                    layer = self.layer_at(node, i)
                    shape = shape_of(flow.channels, place)
                    known[key] = layer is not None and layer.weights(shape) == wanted
                if not known[key]:
                    found[i] = found[i] or node.path
        return found

    @cached_property
    def losses(self) -> dict[str, list[tuple[int, int]]]:
        """The layers that leave pixels out, with how many rows and columns for each input."""
        found = {}
        known: dict[Any, list[tuple[int, int]]] = {}
        for node in self.graph.nodes:
            if type(node.layer).unread is Layer.unread:
                continue
            flow = self.flows[node.inputs[0]]
            key = self.program.behaviour(node.layer), id(flow.column)
            if node.following is not None:
                column = [self.left_out_at(node, flow, i) for i in range(self.length)]
            elif key in known:
                column = known[key]
            else:
                column = self.left_out(node, flow)
                known[key] = column = column if any(map(any, column)) else []
            if any(map(any, column)):
                found[node.path] = column
        return found

    def left_out(self, node: Node, flow: ValueSizes) -> list[tuple[int, int]]:
        sides = ({place[axis] for place in flow.column if place} for axis in (0, 1))
        ways = (self.program.along(node.layer, node.shapes[0], *each, lost=True) for each in enumerate(sides))
        down, across = ways
        return [(0, 0) if p is None else (down[p[0]] or 0, across[p[1]] or 0) for p in flow.column]

    def left_out_at(self, node: Node, flow: ValueSizes, i: int) -> tuple[int, int]:
        """Where the layer is another one at every size."""
        layer, place = self.layer_at(node, i), flow.column[i]
        found = layer and place and self.program.left_out(layer, (flow.channels,), (place,))
        return found or (0, 0)

    # What the text found about sizes

    def read(self, field: str, name: Any, i: int) -> int:
        """A size of a value, for the i-th input. Raises Unread."""
        shape = self.flows[name].shape(i) if name in self.flows else None
        if shape is None:
            raise Unread
        number: int = shape.features if field == "features" else getattr(shape, field)
        return number

    def value(self, value: Any, i: int) -> Any:
        """A value whose Extents are computed for the i-th input. Raises Unread and ArithmeticError."""
        return map_extents(value, lambda extent: extent.again(lambda field, name: self.read(field, name, i)))

    def check_findings(self, claims: bool) -> None:
        findings = self.graph.findings
        self.program.spend(self.length * (len(findings.assumed) + len(findings.decisions)))
        for extent in findings.assumed:
            for i in range(self.length):
                try:
                    if self.value(extent, i) != extent:
                        self.open.add(i)
                # A fault before it hides what it reads: the input is known not to be valid.
                except Unread:
                    pass
                # A division by a size that is 0 here: what the text does then only a check tells.
                except ArithmeticError:
                    self.open.add(i)
        for decision in findings.decisions:
            self.check_decision(decision)
        for claim in findings.claims if claims else ():
            for i in range(self.length):
                shape = self.flows[claim.value].shape(i)
                if shape is not None and shape != claim.shape:
                    self.faults.setdefault(i, claim.value)

    def check_decision(self, decision: Decision) -> None:
        flow = self.flows[decision.value]
        for i in range(self.length):
            arrival = flow.shape(i)
            if arrival is None:
                continue
            try:
                names = {name: self.value(value, i) for name, value in decision.names.items()}
                holds = Evaluator(names, decision.lookup, value=Value(arrival)).truth(decision.test)
            except Unread:
                continue
            except (Fault, Unknowable, ArithmeticError):
                self.open.add(i)
                continue
            # A `require` that fails is a fault; an `if` that turns out otherwise makes another network.
            if decision.required and not holds:
                self.faults.setdefault(i, decision.test.span.text)
            elif not decision.required and holds != decision.holds:
                self.open.add(i)
