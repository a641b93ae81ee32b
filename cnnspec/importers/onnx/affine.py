"""Numbers a channel, and numbers in all: what arithmetic of a value and constants becomes."""

from __future__ import annotations

import numpy as np

from cnnspec.importers.onnx.model_file import shortest
from cnnspec.importers.onnx.net import GraphFlows, WeightArray
from cnnspec.importers.onnx.values import Affine, ConstantArray, Known
from cnnspec.importers.reading.arrangement import places_of_channels
from cnnspec.importers.reading.arrays import Array
from cnnspec.importers.reading.flows import Flow
from cnnspec.importers.refusals import Refuse
from cnnspec.layers import channels, conv, linear, norm


def affine(net: GraphFlows, known: Flow | Affine, given: ConstantArray, is_scale: bool) -> Known:
    """A value times numbers, or plus numbers, one a channel; taken into the layer before where it can be."""
    flow = net.compact(known.flow if isinstance(known, Affine) else known)
    numbers = per_channel(net, flow, given)
    # Straight behind a layer the numbers may be its own bias or weight, which an exporter wrote out.
    if isinstance(known, Flow):
        made = (with_weight if is_scale else with_bias)(net, flow, numbers, given)
        if made is not None:
            return made
        known = Affine(flow, np.ones((), np.float32), np.zeros((), np.float32))
    scale = known.scale * numbers if is_scale else known.scale
    return Affine(flow, scale, known.shift * numbers if is_scale else known.shift + numbers)


def per_channel(net: GraphFlows, flow: Flow, given: ConstantArray) -> Array:
    """Numbers of which each axis but that of the channels has one. Raises Refuse."""
    if places_of_channels(flow.axes, given.array.shape, flow.value.shape.channels) is None:
        raise Refuse("E1003", f"`{net.operator}` with numbers of shape {given.array.shape} has no layer")
    return given.array.reshape(-1).astype(np.float32)


CONVOLUTIONS = (conv.Conv, conv.Depthwise, conv.ConvTranspose, linear.Linear)
NORMS = (norm.GroupNorm, norm.LayerNorm, norm.BatchNorm)


def with_bias(net: GraphFlows, flow: Flow, shift: Array, source: ConstantArray) -> Flow | None:
    """The value with numbers added to the bias of the layer that made it, which nothing else reads."""
    made = net.alone(flow)
    # A norm has no bias without a weight: what is added to a bare one stays a shift.
    if made is None or "weight" not in made.tensors:
        return None
    layer, before = made.operation.layer, made.tensors.get("bias")
    if not isinstance(layer, (*CONVOLUTIONS, *NORMS)):
        return None
    total = WeightArray(shift, source.name) if before is None else WeightArray(before.array + shift)
    net.change(made, layer.with_arguments(bias=True), bias=total)
    return flow


def with_weight(net: GraphFlows, flow: Flow, scale: Array, source: ConstantArray) -> Flow | None:
    """The value with the weight, or the filters, of the layer that made it multiplied; as for `with_bias`."""
    made = net.alone(flow)
    if made is None:
        return None
    layer, tensors = made.operation.layer, made.tensors
    if isinstance(layer, norm.GroupNorm | norm.LayerNorm) and "weight" not in tensors:
        net.change(
            made, layer.with_arguments(affine=True, bias=False), weight=WeightArray(scale, source.name)
        )
        return flow
    if not isinstance(layer, norm.BatchNorm):
        return None
    net.change(made, layer, **{name: WeightArray(tensors[name].array * scale) for name in ("weight", "bias")})
    return flow


def folded(net: GraphFlows, known: Affine) -> Flow | None:
    """The value of a convolution with a batch norm behind it, its numbers taken into the filters."""
    made = net.alone(known.flow)
    layer = made.operation.layer if made is not None else None
    if made is None or not isinstance(layer, conv.Conv | conv.Depthwise | linear.Linear):
        return None
    scale = np.broadcast_to(known.scale, known.flow.value.shape.channels)
    weight = made.tensors["weight"].array
    bias = made.tensors["bias"].array * scale if "bias" in made.tensors else 0
    # (w*x + b)*s + t = (w*s)*x + (b*s + t). The first axis of w has the filters; that of a transposed
    # convolution has what arrives, so none is taken in here.
    spread = scale.reshape(-1, *[1] * (weight.ndim - 1))
    changed = {"weight": weight * spread, "bias": bias + np.broadcast_to(known.shift, scale.shape)}
    tensors = {name: WeightArray(array.astype(np.float32)) for name, array in changed.items()}
    net.change(made, layer.with_arguments(bias=True), **tensors)
    return known.flow


def make_affine(net: GraphFlows, known: Affine) -> Flow:
    """A scale and a shift; what enters the network is normalised, and a convolution takes in a batch norm."""
    flow, scale, shift = known
    if shift.any() and (made := folded(net, known)) is not None:
        return made
    # A Normalize is of a map, and divides by a deviation, which is above 0.
    is_image = flow.value in net.inputs and flow.value.shape.is_map
    if shift.any() and is_image and (scale > 0).all():
        # x*scale + shift = (x - (-shift/scale)) / (1/scale)
        return net.each(channels.Normalize(mean=(-shift / scale).tolist(), std=(1 / scale).tolist()), flow)
    flow = numbered(net, channels.Scale, scale, flow) if (scale != 1).any() else flow
    return numbered(net, channels.Shift, shift, flow) if shift.any() else flow


def numbered(net: GraphFlows, cls: type[channels.Scale | channels.Shift], numbers: Array, flow: Flow) -> Flow:
    """A value times numbers, or plus numbers: one in all is fixed, one a channel are weights."""
    # A number a channel of a map of one channel has the shape (1,): it is a weight.
    if numbers.size == 1 and numbers.ndim == 0:
        return net.each(cls(init=shortest(float(numbers)), trained=False), flow)
    layer = cls(per="channel")
    ((_, shape, *_),) = layer.weights(flow.value.shape)
    return net.each(layer, flow, **{"": WeightArray(numbers.astype(np.float32).reshape(shape))})
