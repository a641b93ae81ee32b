"""Rows of convolutions, linear layers and norms, and of modules that are a layer as a whole."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cnnspec.importers.reading.arrangement import whole
from cnnspec.importers.reading.flows import Flow, Flows, Row, plain
from cnnspec.importers.reading.weighed import along_channels, convolution, linear_of
from cnnspec.importers.torch import emitted
from cnnspec.importers.torch.net import TraceFlows
from cnnspec.importers.torch.numbers import shortest, sides
from cnnspec.importers.torch.values import ConstantTensor, Standardized, WeightTensor
from cnnspec.importers.torch.weight_rows import gamma_of
from cnnspec.layers import conv, norm, pool
from cnnspec.layers.base import Layer
from cnnspec.values.kinds import Filter

LARGEST_KERNEL = 1000
"""So many numbers of a fixed kernel are written out; those of larger ones come with the weights alone."""


def fixed(net: TraceFlows, weight: object, bias: object, channel_axis: int | None = 1) -> dict[str, Any]:
    """The arguments of a layer whose tensors are buffers: they are not trained. Raises Refuse.

    `channel_axis` is the weight's axis that counts channels, None where none does so alone.
    """
    tensors = {
        name: net.state[known.key]
        for name, known in (("weights", weight), ("biases", bias))
        if isinstance(known, WeightTensor)
    }
    buffers = [tensor for tensor in tensors.values() if not isinstance(tensor, torch.nn.Parameter)]
    if not buffers:
        return {}
    if len(buffers) < len(tensors):
        net.deny("weight", "a buffer and a bias that is trained")
    written = {name: written_numbers(tensor, channel_axis) for name, tensor in tensors.items()}
    return {"frozen": True, **{name: numbers for name, numbers in written.items() if numbers is not None}}


def written_numbers(tensor: Tensor, channel_axis: int | None) -> Any:
    """Fixed numbers as arguments take them: one for all, one kernel for all, one a filter, or all of them."""
    if tensor.is_meta or not tensor.numel():
        return None
    # A Sobel filter that all channels share is written once, as 3x3 numbers.
    first = tensor[(0,) * (tensor.dim() - 2)] if tensor.dim() == 4 else tensor
    if bool((tensor == tensor.flatten()[0]).all()):
        tensor = tensor.flatten()[0]
    elif bool((tensor == first).all()):
        tensor = first
    elif is_equal_along(tensor, channel_axis):
        # (16, 3, 3, 3), the same over its three channels: 16 kernels 3x3 are written.
        tensor = tensor.select(channel_axis or 0, 0)
    return shortest(tensor) if tensor.numel() <= LARGEST_KERNEL else None


def is_equal_along(tensor: Tensor, axis: int | None) -> bool:
    """Whether a kernel's numbers are the same all along an axis."""
    return tensor.dim() == 4 and axis is not None and bool((tensor == tensor.narrow(axis, 0, 1)).all())


def conv1d(
    net: TraceFlows,
    input: object,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Flow:
    filters, _, kernel = net.tensor("weight", weight, 3).shape
    amounts = [sides(each)[0] for each in (stride, padding, dilation)]
    is_plain = (filters, groups, amounts) == (1, 1, [1, kernel // 2, 1])
    return along_channels(net, net.flow(input), kernel, is_plain, weight=weight, bias=bias)


def is_blur(kernel: Tensor, channels_: int) -> bool:
    """Whether a kernel of every channel by itself holds the numbers of a blur pool."""
    window = kernel.shape[2:]
    # Of 3x3: [1, 2, 1] by [1, 2, 1], over 2**(3 + 3 - 2) = 16.
    rows, columns = (torch.tensor([math.comb(k - 1, i) for i in range(k)]) for k in window)
    binomial = torch.outer(rows, columns) / 2.0 ** (sum(window) - 2)
    return kernel.shape[:2] == (channels_, 1) and bool((kernel == binomial).all())


def conv2d(
    net: TraceFlows,
    input: object,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Flow:
    x = net.map(input)
    # Blur pools compute their kernel anew; it is in no state_dict.
    is_fixed = isinstance(weight, ConstantTensor) and is_blur(weight.tensor, groups)
    if is_fixed and groups == x.shape.channels and (bias, padding, dilation) == (None, 0, 1):
        window = tuple(weight.tensor.shape[2:])
        blur = pool.BlurPool(window=window, stride=sides(stride), pad=(0, 0), mode="zeros")
        return net.natural(net.emit(blur, x))
    weight, gain, standardized = parted(weight)
    count, _, height, width = net.tensor("weight", weight, 4).shape
    kernel = (height, width)
    pad = padding if padding == "same" else [0, 0] if padding == "valid" else list(sides(padding))
    given = {
        "stride": sides(stride),
        "pad": pad,
        "dilation": sides(dilation),
        "bias": bias is not None,
        **fixed(net, weight, bias),
        **standardized,
    }
    layer = convolution(x.shape.channels, Filter(count, kernel), groups, given)
    return net.natural(net.emit(layer, x, weight=weight, bias=bias, gain=gain))


def parted(weight: Any) -> tuple[Any, WeightTensor | None, dict[str, Any]]:
    """Standardised filters as their tensor, that of the gain, and arguments of the layer."""
    if not isinstance(weight, Standardized):
        return weight, None, {}
    given = {"standardize": True, "eps": weight.eps, "gain": bool(weight.gain)}
    if not weight.gain:
        return WeightTensor(weight.key, weight.shape), None, given
    gain = WeightTensor(weight.gain, (weight.shape[0], 1, 1, 1))
    return WeightTensor(weight.key, weight.shape), gain, given | {"gamma": gamma_of(weight)}


def conv_transpose2d(
    net: TraceFlows,
    input: object,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Flow:
    x = net.map(input)
    _, count, height, width = net.tensor("weight", weight, 4).shape
    layer = conv.ConvTranspose(
        # PyTorch has these as (arriving, made/groups, h, w).
        filter=Filter(count * groups, (height, width)),
        stride=sides(stride),
        pad=sides(padding),
        extra=sides(output_padding),
        dilation=sides(dilation),
        groups=groups,
        bias=bias is not None,
        # Axis 0 counts the channels that arrive; with groups, those of all groups, so none may be left out.
        **fixed(net, weight, bias, 0 if groups == 1 else None),
    )
    return net.natural(net.emit(layer, x, weight=weight, bias=bias))


def linear_(net: TraceFlows, input: object, weight: Any, bias: Any = None) -> Flow:
    units, _ = net.tensor("weight", weight, 2).shape
    given = {"bias": bias is not None, **fixed(net, weight, bias)}
    return linear_of(net, net.flow(input), units, given, weight=weight, bias=bias)


def batch_norm(
    net: TraceFlows,
    input: object,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Flow:
    # In the n-th batch a module with momentum=None passes 1/n: only its attribute says that it averages.
    is_average = running_mean is not None and getattr(net.call.module, "momentum", momentum) is None
    share = "average" if is_average else momentum
    tensors = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    return by_statistics(net, norm.BatchNorm, input, tensors, "training", training, share, eps)


def instance_norm(
    net: TraceFlows,
    input: object,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Flow:
    tensors = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    return by_statistics(
        net, norm.InstanceNorm, input, tensors, "use_input_stats", use_input_stats, momentum, eps
    )


def by_statistics(
    net: TraceFlows,
    layer: type[norm.BatchNorm | norm.InstanceNorm],
    input: object,
    tensors: dict[str, Any],
    flag: str,
    is_own: bool,
    momentum: float | str,
    eps: float,
) -> Flow:
    """A norm by its own statistics in training, by running ones in evaluation if it keeps any. Raises Refuse.

    `flag` is the argument that says whether these are its own.
    """
    is_tracked = tensors["running_mean"] is not None
    # A norm that is frozen in training, or takes the batch's statistics in evaluation, is no layer.
    if is_own != (net.is_training or not is_tracked):
        net.deny(flag, is_own)
    has = affine(tensors["weight"], tensors["bias"])
    made = layer(eps=eps, momentum=momentum if is_tracked else 0.1, track=is_tracked, **has)
    return net.as_made(made, input, **tensors)


def affine(weight: Any, bias: Any) -> dict[str, Any]:
    """What arguments say of the tensors behind a norm."""
    # Without a weight `bias` means nothing: it stays at its default.
    return {"affine": weight is not None, "bias": bias is not None or weight is None}


def group_norm(
    net: TraceFlows, input: object, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Flow:
    layer = norm.GroupNorm(groups=num_groups, eps=eps, **affine(weight, bias))
    return net.as_made(layer, input, weight=weight, bias=bias)


def layer_norm(
    net: TraceFlows,
    input: object,
    normalized_shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Flow:
    flow = net.flow(input)
    has = {"eps": eps, **affine(weight, bias)}
    # Channels last. Else all of a map, C, H and W.
    if len(normalized_shape) == 1 and flow.axes[-1] == whole("C", flow.value.shape.channels):
        return net.each(norm.LayerNorm(**has), flow, weight=weight, bias=bias)
    x = net.map(flow)
    if list(normalized_shape) != x.shape.dimensions:
        net.deny("normalized_shape", tuple(normalized_shape))
    over = "all" if x.shape.is_map else "channels"
    return net.natural(net.emit(norm.LayerNorm(over=over, **has), x, weight=weight, bias=bias))


def rms_norm(
    net: TraceFlows, input: object, normalized_shape: Any, weight: Any = None, eps: float | None = None
) -> Flow:
    """Over channels; PyTorch's own eps is that of the numbers' type."""
    flow = net.compact(net.flow(input))
    if len(normalized_shape) != 1 or flow.axes[-1] != whole("C", flow.value.shape.channels):
        net.deny("normalized_shape", tuple(normalized_shape))
    least = torch.finfo(net.call.results[0].dtype).eps
    layer = norm.RMSNorm(eps=least if eps is None else eps, affine=weight is not None)
    return net.each(layer, flow, weight=weight)


def normalize(
    net: TraceFlows, input: object, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None
) -> Flow:
    """Over channels."""
    if out is not None:
        net.deny("out", "a tensor")
    flow = net.compact(net.flow(input))
    net.expect("p", p, 2)
    if not isinstance(dim, int) or flow.axes[dim] != whole("C", flow.value.shape.channels):
        net.deny("dim", dim)
    return net.each(norm.L2Norm(eps=eps), flow)


def of_module(make: Callable[[Any], Layer]) -> Row:
    """The row of a module that is seen as one call: its layer has its tensors."""

    def whole_module(net: TraceFlows, input: object) -> Flow:
        module: Any = net.call.module
        path = net.call.scopes[-1].path
        state = module.state_dict()
        tensors = {
            name: WeightTensor(f"{path}.{name}", tuple(tensor.shape)) for name, tensor in state.items()
        }
        return net.as_made(make(module), input, **tensors)

    return whole_module


ROWS: dict[str, Row] = {
    **{f"cnnspec.{cls.__name__}": of_module(make) for cls, make in emitted.LAYERS.items()},
    "conv1d": conv1d,
    "conv2d": conv2d,
    "conv_transpose2d": conv_transpose2d,
    "linear": linear_,
    "batch_norm": batch_norm,
    "instance_norm": instance_norm,
    "group_norm": group_norm,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "normalize": normalize,
    "local_response_norm": plain(
        norm.LocalResponseNorm, Flows.as_made, size="size", alpha="alpha", beta="beta", k="k"
    ),
}
