"""Formulas of values and numbers, and the layers that they come to."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnspec.importers.model import Value
from cnnspec.importers.onnx.affine import make_affine
from cnnspec.importers.onnx.model_file import shortest
from cnnspec.importers.onnx.net import GraphFlows, WeightArray
from cnnspec.importers.onnx.values import Affine, ConstantArray, FormulaPart, Known
from cnnspec.importers.reading import computations
from cnnspec.importers.reading.arrangement import Axes, places_of_channels, together
from cnnspec.importers.reading.computations import linear, values_of
from cnnspec.importers.reading.flows import Flow, joined
from cnnspec.importers.reading.layer_formulas import Computation
from cnnspec.importers.refusals import Refuse
from cnnspec.layers import merge
from cnnspec.layers.base import Join

JOINS: dict[str, Join] = {
    "add": merge.Add(),
    "sub": merge.Sub(),
    "mul": merge.Mul(),
    "maximum": merge.Maximum(),
    "minimum": merge.Minimum(),
}
"""What functions of two values are."""


def make(net: GraphFlows, known: FormulaPart | Affine) -> Flow:
    """The layers of what arithmetic left open. Raises Refuse."""
    # Equal formulas are one layer. An Affine holds arrays, which have no hash: it is known by itself alone.
    key = known if isinstance(known, FormulaPart) else id(known)
    if key not in net.settled:
        made = build(net, *known) if isinstance(known, FormulaPart) else make_affine(net, known)
        net.settled[key] = made, known  # which lives on, so that no other has its id
    return net.settled[key][0]


def build(net: GraphFlows, known: Computation | Value, axes: Axes) -> Flow:
    """The scale, the shift, or the join that a computation without a layer of its own is. Raises Refuse."""
    if isinstance(known, Value):
        return Flow(known, axes)
    values = values_of(known)
    parts = [each for each in known.operands if isinstance(each, Computation | Value)]
    # a*x + b is a scale and a shift of x: of the only value, or of what a part of the formula makes.
    for x in (values[0], parts[0]) if len(values) == 1 else parts[:1]:
        if (factors := linear(known, x)) is not None:
            scale, shift = (np.array(each, np.float32) for each in factors)
            return make_affine(net, Affine(build(net, x, axes), scale, shift))
    join = JOINS.get(known.function)
    if join is None or len(parts) < 2:
        raise Refuse("E1003", f"the formula that ends in `{net.operator}` has no layer")
    return joined(net, join, *(build(net, each, axes) for each in parts))


def operand(net: GraphFlows, known: Known, axes: Axes) -> Any:
    """A value as an operand of a computation on these axes; None where it cannot be one."""
    if isinstance(known, FormulaPart):
        return known.computation
    if isinstance(known, Flow):
        return net.compact(known).value
    if isinstance(known, ConstantArray):
        if known.array.size == 1:
            return shortest(known.array.item())
        return known if places_of_channels(axes, known.array.shape, known.array.size) else None
    return None


def formula(net: GraphFlows, function: str, *several: Known) -> Known:
    """A part of a formula, or the layer that it completes. Raises Refuse."""
    axes = together([axes for axes in map(net.axes_of, several) if axes is not None])
    if axes is None or None in (operands := [operand(net, each, axes) for each in several]):
        raise Refuse("E1003", f"`{net.operator}` of these has no layer")
    return completed(net, FormulaPart(Computation(function, tuple(operands)), axes))


def completed(net: GraphFlows, part: FormulaPart) -> Known:
    """The layer that a formula is, or the formula, as a part of a larger one. Raises Refuse."""
    if computations.is_large(part.computation):
        raise Refuse("E1003", f"a formula of more than {computations.LARGEST} functions has no layer")
    found = computations.layer_of(net, part.computation, computations.FOUR_DIGITS)
    if found is None:
        return part
    tensors = {
        name: WeightArray(each.array.reshape(-1).astype(np.float32), each.name)
        for name, each in found.tensors.items()
    }
    return net.each(found.layer, build(net, found.x, part.axes), **tensors)
