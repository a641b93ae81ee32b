"""Lower the nodes of a graph to layers of the language, each node by the row of its operator.

A row is a Python function: its positional parameters are the operator's inputs, those by keyword its
attributes, as attributes.py hands them on. An attribute that a row does not name cannot be bound to it and is
refused; a test holds that a row uses every one that it names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onnx import ModelProto

from cnnspec.importers.model import Scope, Value
from cnnspec.importers.onnx import (
    activation_rows,
    arithmetic_rows,
    formulas,
    layer_rows,
    pool_rows,
    resize_rows,
    view_rows,
)
from cnnspec.importers.onnx.attributes import as_rows_take, attributes_of
from cnnspec.importers.onnx.constants import compute
from cnnspec.importers.onnx.inferred_shapes import Dimensions, fits
from cnnspec.importers.onnx.model_file import DOMAINS
from cnnspec.importers.onnx.net import GraphFlows
from cnnspec.importers.onnx.values import Affine, ConstantArray, FormulaPart, GraphNode, Known, Opaque
from cnnspec.importers.reading import arrangement
from cnnspec.importers.reading.arrangement import axes_of, sizes_of
from cnnspec.importers.reading.flows import Flow, Row
from cnnspec.importers.refusals import Refusal, Refuse
from cnnspec.values.shapes import Shape

FAMILIES = (activation_rows, arithmetic_rows, layer_rows, pool_rows, resize_rows, view_rows)
TABLE: dict[str, Row] = {name: row for family in FAMILIES for name, row in family.ROWS.items()}


class Lowering(GraphFlows):
    """One graph on its way to layers; `shapes` are those of its values that ONNX infers, by name."""

    def __init__(self, model: ModelProto, folder: Path, batch: int, shapes: Mapping[str, Dimensions]) -> None:
        super().__init__(model, folder, batch)
        self.shapes = shapes
        self.refusals: list[Refusal] = []

    def make(self, known: FormulaPart | Affine) -> Flow:
        return formulas.make(self, known)

    def start(self, name: str, shape: Shape, is_channels_last: bool) -> Value:
        """An input of the network."""
        value = self.value(shape)
        axes = axes_of(shape, self.batch)
        # The value is C@HxW as ever; the file's tensor has its numbers as (N, H, W, C).
        axes = arrangement.permute(axes, (0, 2, 3, 1)) if is_channels_last else axes
        self.note(name, Flow(value, axes))
        self.inputs.append(value)
        return value

    def run(self, nodes: Sequence[Any]) -> None:
        for each in nodes:
            properties = {pair.key: pair.value for pair in each.metadata_props}
            node = GraphNode(each.op_type, each.name, tuple(each.input), tuple(each.output), {}, properties)
            # Before the attributes are read: where that fails, the refusal names the node.
            self.node, made = node, []
            try:
                if each.domain not in DOMAINS:
                    raise Refuse(
                        "E1003", f"`{each.op_type}` of `{each.domain}` is no operator of ONNX itself"
                    )
                made = self.lower(each, node._replace(attributes=attributes_of(each)))
            except Refuse as refuse:
                self.refuse(refuse)
            # An attribute may be of any type: an axis that is a text fails where the row computes with it.
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as problem:
                self.refuse(Refuse("E1004", f"`{node.operator}` cannot be read: {problem}"))
            # What a refused node would have made is Opaque: what reads it is passed over, not refused, too.
            for name, known in zip(node.outputs, [*made, *[Opaque()] * len(node.outputs)], strict=False):
                if name:
                    self.note(name, known)

    def refuse(self, refuse: Refuse) -> None:
        name = self.node.name or next(iter(self.node.outputs), "")
        self.refusals.append(Refusal(refuse.code, refuse.message, (Scope(name, self.operator),)))

    def lower(self, written: Any, node: GraphNode) -> list[Known]:
        """What a node makes; `written` is it as in the file. Raises Refuse, and what broken attributes do."""
        self.node = node
        given = [self.look(name) if name else None for name in node.inputs]
        if any(isinstance(each, Opaque) for each in given):
            return []
        found = None
        # Of a `Constant`, too, which has no inputs.
        if all(isinstance(each, ConstantArray | None) for each in given):
            arrays = [each.array if isinstance(each, ConstantArray) else None for each in given]
            found = compute(written, arrays, self.opset)
        # None: an `If`, say, has a row, though numbers alone decide it.
        if found is None:
            made = self.apply(TABLE.get(node.operator), *as_rows_take(node, given))
        else:
            made = [ConstantArray(each, self.source(node)) for each in found]
        for name, known in zip(node.outputs, made, strict=False):
            self.check(name, known)
        return made

    def source(self, node: GraphNode) -> str:
        """The tensor of the file that a node of numbers hands on as it is."""
        if node.operator == "Constant":
            return node.outputs[0]
        known = self.look(node.inputs[0]) if node.operator == "Identity" else None
        return known.name if isinstance(known, ConstantArray) else ""

    def check(self, name: str, known: Known) -> None:
        """Hold the shape of what a row made against ONNX's own. Raises Refuse."""
        if isinstance(known, Flow | FormulaPart):
            shape = sizes_of(known.axes)
        elif isinstance(known, ConstantArray):
            shape = known.array.shape
        else:
            return
        wanted = self.shapes.get(name)
        if not fits(shape, wanted):
            raise Refuse("E1005", f"`{self.operator}` makes {wanted} of what the language makes {shape}")
