"""Rows of convolutions, linear layers, norms and pools."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnspec.importers.onnx.net import GraphFlows, WeightArray
from cnnspec.importers.onnx.values import ConstantArray, WindowAttributes
from cnnspec.importers.onnx.windows import read_windows
from cnnspec.importers.reading import arrangement
from cnnspec.importers.reading.arrangement import axes_of, whole
from cnnspec.importers.reading.flows import Flow, Row
from cnnspec.importers.reading.weighed import along_channels, convolution, linear_of
from cnnspec.importers.refusals import Refuse
from cnnspec.layers import conv, norm, resize
from cnnspec.values.kinds import Filter


def vector(net: GraphFlows, known: object, what: str, size: int, parts: int = 1) -> WeightArray:
    """A weight with so many numbers in a row, or with one for each of equal parts of it. Raises Refuse."""
    given = net.numbers(known, what)
    # The bias of a Gemm may be one number for all units, or (1, units).
    if given.array.size == parts < size:
        return WeightArray(np.repeat(given.array.reshape(-1), size // parts))
    if given.array.size != size or given.array.shape[-1:] != (size,):
        net.deny(what, f"a tensor of shape {given.array.shape}")
    return WeightArray(given.array.reshape(size), given.name if given.array.shape == (size,) else "")


def vectors(net: GraphFlows, size: int, parts: int = 1, **given: object) -> dict[str, WeightArray | None]:
    """Weights with so many numbers in a row each, None where one is not there. Raises Refuse."""
    return {
        name: None if each is None else vector(net, each, name, size, parts) for name, each in given.items()
    }


def conv_(
    net: GraphFlows, x: object, w: object, b: object = None, *, group: int = 1, window: WindowAttributes
) -> Flow:
    filters = net.numbers(w, "kernel")
    if filters.array.ndim == 3:
        # The attention of ECA: a convolution along the channels, which lie as (N, 1, C).
        return conv1d(net, net.flow(x), filters, b, group, window)
    if filters.array.ndim != 4:
        raise Refuse("E1003", f"a convolution of {filters.array.ndim - 2} axes has no layer")
    value = net.map(x)
    value.shape.size  # noqa: B018  # raises for a vector
    count, arriving, *kernel = filters.array.shape
    windows = read_windows(net, value.shape, with_kernel(net, window, kernel))
    if arriving * group != value.shape.channels:
        net.deny("group", group)
    # The language's "same" has the odd row below. SAME_LOWER has it above: that is said in numbers.
    pad: Any = "same" if window.auto_pad == "SAME_UPPER" else list(windows.pad)
    given = {"stride": windows.stride, "pad": pad, "dilation": windows.dilation, "bias": b is not None}
    layer = convolution(value.shape.channels, Filter(count, windows.kernel), group, given)
    weight = WeightArray(filters.array, filters.name)
    return net.natural(net.emit(layer, value, weight=weight, **vectors(net, count, bias=b)))


def with_kernel(net: GraphFlows, window: WindowAttributes, kernel: list[int]) -> WindowAttributes:
    """The attributes with the kernel's own shape, which is the one that they say. Raises Refuse."""
    if window.kernel_shape not in (None, kernel):
        net.deny("kernel_shape", window.kernel_shape)
    return window._replace(kernel_shape=kernel)


def conv1d(
    net: GraphFlows, flow: Flow, filters: ConstantArray, b: object, group: int, window: WindowAttributes
) -> Flow:
    """Raises Refuse."""
    count, arriving, kernel = filters.array.shape
    auto_pad, dilations, _, pads, strides = with_kernel(net, window, [kernel])
    others = auto_pad, dilations or [1], strides or [1], pads or [0, 0]
    is_plain = (count, arriving, group, others) == (1, 1, 1, ("NOTSET", [1], [1], [kernel // 2] * 2))
    weight = WeightArray(filters.array, filters.name)
    return along_channels(net, flow, kernel, is_plain, weight=weight, **vectors(net, 1, bias=b))


def conv_transpose(
    net: GraphFlows,
    x: object,
    w: object,
    b: object = None,
    *,
    group: int = 1,
    output_padding: Any = None,
    window: WindowAttributes,
) -> Flow:
    filters = net.numbers(w, "kernel")
    if filters.array.ndim != 4:
        raise Refuse("E1003", f"a transposed convolution of {filters.array.ndim - 2} axes has no layer")
    if window.auto_pad not in ("NOTSET", "VALID"):
        net.deny("auto_pad", window.auto_pad)
    value = net.map(x)
    # (arriving, filters of a group, rows, columns)
    _, count, *kernel = filters.array.shape
    windows = read_windows(net, value.shape, with_kernel(net, window, kernel))
    extra = [0, 0] if output_padding is None else net.integers(output_padding, "output_padding")
    top, bottom, left, right = windows.pad
    pad = (min(top, bottom), min(left, right))
    layer = conv.ConvTranspose(
        filter=Filter(count * group, windows.kernel),
        stride=windows.stride,
        pad=pad,
        extra=tuple(extra),
        dilation=windows.dilation,
        groups=group,
        bias=b is not None,
    )
    weight = WeightArray(filters.array, filters.name)
    made = net.emit(layer, value, weight=weight, **vectors(net, count * group, bias=b))
    # A pad takes rows off the output: of 0 above and 1 below none are taken by the layer, one by a crop.
    rest = [top - pad[0], bottom - pad[0], left - pad[1], right - pad[1]]
    return net.natural(net.emit(resize.Crop(sides=rest), made) if any(rest) else made)


def gemm(
    net: GraphFlows,
    a: object,
    b: object,
    c: object = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transB: int = 0,  # noqa: N803  # as ONNX calls it
) -> Flow:
    given = net.numbers(b, "matrix")
    # A Gemm has its matrix as (features, units), a linear layer as (units, features).
    matrix = given.array if transB else given.array.T
    weight = WeightArray(matrix * np.float32(alpha) if alpha != 1 else matrix, given.name)
    bias = None if c is None else vector(net, c, "bias", matrix.shape[0])
    if bias is not None and beta != 1:
        bias = WeightArray(bias.array * np.float32(beta))
    return linear_(net, net.flow(a), weight, bias)


def matmul(net: GraphFlows, a: object, b: object) -> Flow:
    if not isinstance(b, ConstantArray) or b.array.ndim != 2:
        raise Refuse("E1003", "`MatMul` of two values, or of more than a matrix of weights, has no layer")
    return linear_(net, net.flow(a), WeightArray(b.array.T, b.name), None)


def linear_(net: GraphFlows, flow: Flow, weight: WeightArray, bias: WeightArray | None) -> Flow:
    units, _ = weight.array.shape
    return linear_of(net, net.compact(flow), units, {"bias": bias is not None}, weight=weight, bias=bias)


def batch_norm(
    net: GraphFlows,
    x: object,
    scale: object,
    b: object,
    mean: object,
    var: object,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
) -> Flow:
    value = net.map(x)
    tensors = vectors(net, value.shape.channels, weight=scale, bias=b, running_mean=mean, running_var=var)
    # ONNX's momentum is the share of the old, ours of the new; 1 - 0.9 is 0.09999999999999998.
    layer = norm.BatchNorm(eps=epsilon, momentum=round(1 - momentum, 7))
    return net.natural(net.emit(layer, value, **tensors))


def instance_norm(net: GraphFlows, x: object, scale: object, b: object, *, epsilon: float = 1e-5) -> Flow:
    flow = net.flow(x)
    groups = arrangement.size_of(flow.axes[1])
    # Exporters write a group norm so: a reshape to (N, groups, -1), this norm, and a reshape back.
    if flow.axes != axes_of(flow.value.shape, net.batch):
        return one_number_each(net, flow, groups, (scale, b), epsilon)
    layer = norm.InstanceNorm(eps=epsilon, affine=True)
    return net.as_made(layer, flow, **vectors(net, flow.value.shape.channels, weight=scale, bias=b))


def one_number_each(
    net: GraphFlows, flow: Flow, groups: int, affine: tuple[object, object], eps: float
) -> Flow:
    """A norm of groups: the channels of each are one axis with their pixels. Raises Refuse."""
    natural = axes_of(flow.value.shape, net.batch)
    wanted = arrangement.reshape(natural, (net.batch, groups, flow.value.shape.features // groups))
    weight, bias = (net.numbers(each, "scale").array for each in affine)
    # A number a group is none a channel: the norm's own weights come behind it, as a Mul and an Add.
    if flow.axes != wanted or not (weight == 1).all() or bias.any():
        raise Refuse("E1005", "`InstanceNormalization` of axes that are no map's")
    layer = norm.GroupNorm(groups=groups, eps=eps, affine=False)
    return Flow(net.emit(layer, flow.value), flow.axes)


def group_norm(
    net: GraphFlows, x: object, scale: object, b: object, *, epsilon: float = 1e-5, num_groups: int
) -> Flow:
    value = net.map(x)
    # A number a group in opset 18, one a channel since 21.
    tensors = vectors(net, value.shape.channels, num_groups, weight=scale, bias=b)
    layer = norm.GroupNorm(groups=num_groups, eps=epsilon)
    return net.natural(net.emit(layer, value, **tensors))


def layer_norm(
    net: GraphFlows, x: object, scale: object, b: object = None, *, axis: int = -1, epsilon: float = 1e-5
) -> Flow:
    flow = net.compact(net.flow(x))
    count = flow.value.shape.channels
    has = {"eps": epsilon, "bias": b is not None}
    # (N, C) of a vector, or (N, H, W, C), where each pixel is normed by itself.
    if axis % len(flow.axes) == len(flow.axes) - 1 and flow.axes[-1] == whole("C", count):
        return net.each(norm.LayerNorm(**has), flow, **vectors(net, count, weight=scale, bias=b))
    value = net.map(flow)
    if axis % len(flow.axes) != 1:
        net.deny("axis", axis)
    tensors = {}
    for name, known in (("weight", scale), *([("bias", b)] if b is not None else [])):
        given = net.numbers(known, name)
        if list(given.array.shape) != value.shape.dimensions:
            net.deny(name, f"a tensor of shape {given.array.shape}")
        tensors[name] = WeightArray(given.array, given.name)
    return net.natural(net.emit(norm.LayerNorm(over="all", **has), value, **tensors))


def lrn(
    net: GraphFlows, x: object, *, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0, size: int
) -> Flow:
    if size % 2 == 0:
        net.deny("size", size)  # the odd channel stands on the other side
    layer = norm.LocalResponseNorm(size=size, alpha=alpha, beta=beta, k=bias)
    return net.as_made(layer, x)


ROWS: dict[str, Row] = {
    "Conv": conv_,
    "ConvTranspose": conv_transpose,
    "Gemm": gemm,
    "MatMul": matmul,
    "BatchNormalization": batch_norm,
    "InstanceNormalization": instance_norm,
    "GroupNormalization": group_norm,
    "LayerNormalization": layer_norm,
    "LRN": lrn,
}
