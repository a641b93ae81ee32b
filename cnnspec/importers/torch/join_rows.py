"""Rows of arithmetic: joins of values and of paths, the trained scale, fixed numbers, and noise."""

from __future__ import annotations

from typing import Any, NoReturn

import torch
from torch import Tensor

from cnnspec.importers.model import Operation, Value
from cnnspec.importers.reading.arrangement import places_of_channels, sizes_of
from cnnspec.importers.reading.flows import Flow, Repeated, Row, concatenated, joined, stacked
from cnnspec.importers.reading.paths import summed
from cnnspec.importers.reading.slices import cut
from cnnspec.importers.refusals import Refuse
from cnnspec.importers.torch.formulas import one_number, operand
from cnnspec.importers.torch.nested import leaves
from cnnspec.importers.torch.net import TraceFlows
from cnnspec.importers.torch.noise import stochastic_depth
from cnnspec.importers.torch.numbers import common_number, shortest
from cnnspec.importers.torch.trace import Traced
from cnnspec.importers.torch.values import ConstantTensor, Known, Noise, Shifted, WeightTensor
from cnnspec.layers import channels, merge
from cnnspec.layers.activation import Sigmoid, StarReLU
from cnnspec.layers.base import Layer


def add(net: TraceFlows, input: object, other: object, *, alpha: float = 1) -> Known:
    net.expect("alpha", alpha, 1)
    for left, right in ((input, other), (other, input)):
        if right == 0:
            return net.flow(left)
        if isinstance(left, Noise) and isinstance(right, int | float) and left.keep is None:
            # keep + rand, of which `floor` makes 1 with probability keep.
            return left._replace(shift=left.shift + right)
        if isinstance(left, Flow) and isinstance(right, WeightTensor):
            made = star(net, left, right) or norm_with(net, left, "bias", right)
            return made or numbers(net, left, right, channels.Shift)
        if isinstance(left, Flow) and (number := one_number(right)) is not None:
            return net.each(channels.Shift(init=float(number), trained=False), left)
    left, right = pair(net, input, other)
    return joined(net, merge.Add(), left, right)


def sub(net: TraceFlows, input: object, other: object, *, alpha: float = 1) -> Known:
    net.expect("alpha", alpha, 1)
    if other == 0:
        return net.flow(input)
    if isinstance(input, Flow) and (numbers := fixed_numbers(other)) is not None:
        # No layer yet: x - mean waits for the division by std. `net.flow` makes a shift of it elsewhere.
        return Shifted(input, numbers)
    if isinstance(other, Flow) and (number := one_number(input)) is not None:
        # 1 - x is -x + 1.
        return net.each(channels.Shift(init=float(number), trained=False), multiply(net, other, -1))
    left, right = pair(net, input, other)
    return joined(net, merge.Sub(), left, right)


def rsub(net: TraceFlows, input: object, other: object, *, alpha: float = 1) -> Known:
    return sub(net, other, input, alpha=alpha)


def mul(net: TraceFlows, input: object, other: object) -> Known:
    if other == 1:
        return net.flow(input)
    if input == 1:
        return net.flow(other)
    for left, right in ((input, other), (other, input)):
        if isinstance(left, Flow) and isinstance(right, Noise):
            return stochastic_depth(net, left, right)
        if isinstance(left, Flow) and (number := one_number(right)) is not None:
            return multiply(net, left, number)
        if isinstance(left, Noise) and isinstance(right, int | float):
            return left._replace(factor=left.factor * right)
        if isinstance(left, Flow) and isinstance(right, WeightTensor):
            return scale(net, left, right)
    return joined(net, merge.Mul(), *pair(net, input, other))


def div(net: TraceFlows, input: object, other: object, *, rounding_mode: Any = None) -> Known:
    net.expect("rounding_mode", rounding_mode, None)
    if other == 1:
        # A mask / 1, as where nothing is dropped, is no value of the network.
        return net.flow(input) if not isinstance(input, Noise) else input
    if isinstance(input, Noise) and isinstance(other, int | float):
        return input._replace(factor=input.factor / other)
    if isinstance(input, Shifted) and (numbers := fixed_numbers(other)) is not None:
        return normalize(net, input, numbers)
    if isinstance(input, Flow) and (number := one_number(other)):
        return multiply(net, input, 1 / number)
    pair(net, input, other)
    raise Refuse("E1003", f"`{net.call.name}` of two values has no layer")


def fixed_numbers(known: object) -> float | Tensor | None:
    """Numbers that are known and do not change."""
    if isinstance(known, ConstantTensor):
        return known.tensor
    return known if isinstance(known, int | float) else None


def normalize(net: TraceFlows, shifted: Shifted, by: float | Tensor) -> Flow:
    """(x - mean)/std with fixed numbers, one in all or one a channel. Raises Refuse."""
    flow = net.natural(net.map(shifted.flow))
    mean, std = (per_channel(numbers, flow) for numbers in (shifted.by, by))
    if mean is None or std is None:
        raise Refuse("E1003", "arithmetic of a value and fixed numbers, not one a channel, has no layer")
    return net.each(channels.Normalize(mean=mean, std=std), flow)


def per_channel(numbers: float | Tensor, flow: Flow) -> float | list[float] | None:
    """One number, or one a channel, written as short as they may be; None where they are anything else."""
    if not isinstance(numbers, Tensor):
        return float(numbers)
    count = flow.value.shape.channels
    if numbers.numel() == 1:
        return common_number(numbers)
    if places_of_channels(flow.axes, tuple(numbers.shape), count):
        return [float(number) for number in shortest(numbers.flatten())]
    return None


def pair(net: TraceFlows, input: object, other: object) -> tuple[Flow, Flow]:
    """Two values of the network. Raises Refuse, in words, for a value and anything else."""
    for known in (input, other):
        if isinstance(known, WeightTensor):
            deny_tensor(net, known)
        if isinstance(known, int | float | ConstantTensor):
            raise Refuse("E1003", f"`{net.call.name}` of a value and a fixed number has no layer")
    left, right = (each.flow if isinstance(each, Repeated) else each for each in (input, other))
    return net.compact(net.flow(left)), net.compact(net.flow(right))


def deny_tensor(net: TraceFlows, known: WeightTensor) -> NoReturn:
    """Refuse arithmetic of a value and a tensor of the state. Raises Refuse."""
    # The numbers of a buffer that is registered so are known.
    words = f"the buffer `{known.key}`, unless it is registered with `persistent=False`,"
    if isinstance(net.state[known.key], torch.nn.Parameter):
        words = f"a trained tensor of shape {known.shape}"
    raise Refuse("E1003", f"`{net.operator}` of a value and {words} has no layer")


def scale(net: TraceFlows, flow: Flow, weight: WeightTensor) -> Flow:
    """Times a trained number a channel, which may be the weight of a norm, or one in all. Raises Refuse."""
    return norm_with(net, flow, "weight", weight) or numbers(net, flow, weight, channels.Scale)


def numbers(
    net: TraceFlows, flow: Flow, weight: WeightTensor, kind: type[channels.Scale | channels.Shift]
) -> Flow:
    """A trained number a channel, or one in all. Raises Refuse."""
    flow = net.compact(flow)
    tensor = net.state[weight.key]
    # `y[:, :, None, None]` of a vector times (8, 1, 1): of a map C@1x1 that is the shape anyway.
    if not flow.value.shape.is_map and tensor.dim() == 3:
        flow = net.natural(net.map(flow))
    count = flow.value.shape.channels
    places = places_of_channels(flow.axes, weight.shape, count)
    if places is None:
        deny_tensor(net, weight)
    start = common_number(tensor)
    may_be_channels = tensor.dim() in (1, len(flow.axes) - 1, len(flow.axes))
    # Of one channel (1,), (1, 1, 1) and (1, 1, 1, 1) are read as a number a channel, () as one in all.
    is_one = not places and (count > 1 or not may_be_channels)
    given: dict[str, Any] = {"per": "layer" if is_one else "channel"}
    given |= {} if start is None else {"init": start}
    plain = kind(**given)
    # A `dims` says that the tensor is (1, 8, 1, 1), which the layer by itself has as (8, 1, 1).
    has_own_shape = plain.weights(flow.value.shape)[0].shape == tuple(tensor.shape)
    layer = plain if has_own_shape else kind(dims=tensor.dim(), **given)
    return net.each(layer, flow, **{"": weight})


def norm_with(net: TraceFlows, flow: Flow, name: str, tensor: WeightTensor) -> Flow | None:
    """The norm that made a value, with the weight or, of a norm with a weight, the bias of its module."""
    maker = net.maker(flow.value)
    if maker is None or maker.layer.name not in ("groupnorm", "instancenorm", "layernorm", "rmsnorm"):
        return None
    layer, has_bias = maker.layer, "bias" in maker.layer.arguments
    is_own = tensor.key.endswith(f".{name}") and net.state[tensor.key].dim() == 1
    # Of the module that called the norm: elsewhere a `weight` is another layer's.
    if name in maker.keys or not is_own or maker.scopes != net.call.scopes:
        return None
    # The bias comes in the next call, if there is one.
    if name == "weight":
        layer = layer.with_arguments(affine=True, **({"bias": False} if has_bias else {}))
    elif has_bias and maker.keys:
        layer = layer.with_arguments(bias=True)
    else:
        return None
    return instead(net, flow, maker, layer, **{name: tensor})


def instead(net: TraceFlows, flow: Flow, maker: Operation, layer: Layer, **tensors: WeightTensor) -> Flow:
    """Another layer in place of the one that made a value: it has the tensors of that one, and these."""
    own = {name: WeightTensor(key, ()) for name, key in maker.keys.items()}
    return net.each(layer, Flow(maker.inputs[0], flow.axes), **own, **tensors)


def maximum(net: TraceFlows, input: object, other: object) -> Flow:
    """Of two values, or of a filter response norm's and a trained number a channel. Raises Refuse."""
    if isinstance(input, Flow) and isinstance(other, WeightTensor):
        return thresholded(net, input, other)
    return joined(net, merge.Maximum(), *pair(net, input, other))


def minimum(net: TraceFlows, input: object, other: object) -> Flow:
    return joined(net, merge.Minimum(), *pair(net, input, other))


def thresholded(net: TraceFlows, flow: Flow, tau: WeightTensor) -> Flow:
    """A filter response norm with its thresholded linear unit. Raises Refuse."""
    maker = net.maker(flow.value)
    is_open = maker is not None and maker.layer.name == "frn" and not maker.layer.value("tlu")
    if maker is None or not is_open or operand(tau, flow.axes) is None:
        deny_tensor(net, tau)
    return instead(net, flow, maker, maker.layer.with_arguments(tlu=True), tau=tau)


def multiply(net: TraceFlows, flow: Flow, number: float) -> Flow:
    """A fixed number in all."""
    return net.each(channels.Scale(init=float(number), trained=False), flow)


def star(net: TraceFlows, flow: Flow, bias: WeightTensor) -> Flow | None:
    """A squared relu times one trained number plus another: one layer in the language."""
    # relu(x)**2 is a `squaredrelu` already, its product with a number a `scale`; this call adds the other.
    scaled = net.maker(flow.value)
    squared = net.maker(scaled.inputs[0]) if scaled is not None else None
    if scaled is None or squared is None or squared.layer.name != "squaredrelu":
        return None
    if scaled.layer.name != "scale" or not scaled.keys:
        return None
    weight, module = WeightTensor(scaled.keys[""], (1,)), bias.key.removesuffix("bias")
    # One number each, of names that the layer has; else they are a scale and a shift as everywhere.
    is_one = all(net.state[each.key].shape == (1,) for each in (weight, bias))
    if not is_one or (weight.key, bias.key) != (f"{module}scale", f"{module}bias"):
        return None
    starts = {"scale": common_number(net.state[weight.key]), "bias": common_number(net.state[bias.key])}
    layer = StarReLU(**{name: start for name, start in starts.items() if start is not None})
    return net.each(layer, Flow(squared.inputs[0], flow.axes), scale=weight, bias=bias)


def negate(net: TraceFlows, input: object) -> Flow:
    return multiply(net, net.flow(input), -1)


def glu(net: TraceFlows, input: object, dim: int = -1) -> Flow:
    """The first half of the channels times the sigmoid of the second. Dauphin et al. 2017."""
    flow = net.compact(net.flow(input))
    count = flow.value.shape.channels
    value, gate = (cut(net, flow, dim, start, start + count // 2) for start in (0, count // 2))
    return joined(net, merge.Mul(), value, net.each(Sigmoid(), gate))


def stack(net: TraceFlows, tensors: Any, dim: int = 0) -> Flow:
    flows = [net.flow(each) for each in tensors]
    return stacked(net, flows, dim % (len(net.compact(flows[0]).axes) + 1))


def constant(number: float) -> Row:
    """A tensor of equal numbers."""

    def like(net: TraceFlows, input: object, *sizes: object, **given: object) -> ConstantTensor:
        del net, input, sizes, given  # how many there are, and where and how they are stored
        # A number alone meets every shape: that of x in `torch.maximum(x, torch.zeros_like(x))`.
        return ConstantTensor(torch.tensor(number))

    return like


def sum_(net: TraceFlows, input: object, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Flow:
    net.expect("dtype", dtype, None)
    places = dim if isinstance(dim, list | tuple) else [] if dim is None else [dim]
    return summed(net, net.flow(input), places, keepdim)


def cat(net: TraceFlows, tensors: Any, dim: int = 0) -> Flow:
    """Values behind each other; zeros, which some shortcuts are filled up with, are made of a value."""
    first = next((each for each in tensors if isinstance(each, Flow)), None)
    # Of `x.new_zeros(...)` the number is known alone; how many channels it has, the call says.
    shapes = [traced.shape for traced in leaves((net.call.args, net.call.kwargs), Traced)]
    found = []
    for each, (_, *shape) in zip(tensors, shapes, strict=True):
        # Numbers other than 0 are left as they are, and `flow` refuses them.
        is_zero = isinstance(each, ConstantTensor) and common_number(each.tensor) == 0
        if first is not None and is_zero and dim == 1 and tuple(shape[1:]) == sizes_of(first.axes)[2:]:
            each = net.natural(zeros(net, net.map(first), shape[0]))
        found.append(net.flow(each))
    return concatenated(net, found, dim)


def zeros(net: TraceFlows, x: Value, count: int) -> Value:
    """So many channels of zeros, as where a shortcut has fewer channels than its block (He et al. 2016)."""
    # The language makes no values from nothing: channels of a map, times 0.
    is_enough = count <= x.shape.channels
    layer = channels.Slice(start=0, stop=count) if is_enough else channels.Pick(channels=[0] * count)
    return net.emit(channels.Scale(init=0.0, trained=False), net.emit(layer, x))


ROWS: dict[str, Row] = {
    "add": add,
    "sub": sub,
    "rsub": rsub,
    "mul": mul,
    "div": div,
    "neg": negate,
    "glu": glu,
    "maximum": maximum,
    "minimum": minimum,
    "cat": cat,
    "stack": stack,
    **dict.fromkeys(("new_zeros", "zeros_like"), constant(0.0)),
    "ones_like": constant(1.0),
    "sum": sum_,
}
