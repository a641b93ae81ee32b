"""What each layer is in NumPy, as data: a kernel, its arguments, and how its tensors start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from cnnspec.analysis.unroll import Node
from cnnspec.backends.numpy.kernel_sources import definitions
from cnnspec.layers.base import Construction, Layer, Unsupported
from cnnspec.layers.starting_values import kernel_values, parse_init
from cnnspec.values.shapes import Shape


class Lowered(NamedTuple):
    """A call of a kernel. `tensors` makes its tensors (None: it has none), in state_dict order."""

    kernel: str
    arguments: dict[str, Any]
    tensors: Construction | None = None


def lower(layer: Layer, x: Shape) -> Lowered:
    """The kernel of a layer when `x` arrives; of a join, when its first path's shape is `x`.

    Raises Unsupported where NumPy has none.
    """
    if layer.name not in LOWERINGS:
        raise Unsupported(layer.name)
    return LOWERINGS[layer.name](layer, x)


def lower_node(node: Node, inference: bool) -> Lowered:
    """The kernel of a node, without the arguments that are the kernel's own defaults. Raises Unsupported."""
    kernel, arguments, tensors = lower(node.layer, node.shapes[0])
    running = definitions()[kernel].facts.get("running")
    if inference and running and tensors is not None and "running" in tensors.kwargs:
        kernel = running
        # running_norm takes eps, but no momentum: nothing moves the statistics
        taken = definitions()[kernel].parameters
        arguments = {name: arguments[name] for name in taken if name in arguments}
    usual = definitions()[kernel].defaults
    odd = {name: value for name, value in arguments.items() if name not in usual or usual[name] != value}
    return Lowered(kernel, odd, tensors)


def plain(kernel: str, *names: str, **fixed: Any) -> Callable[[Any, Shape], Lowered]:
    """A kernel that takes the layer's arguments of these names, and fixed ones."""
    return lambda layer, _: Lowered(kernel, {name: layer.value(name) for name in names} | fixed)


def conv(layer: Any, x: Shape) -> Lowered:
    groups = layer.split(x)
    arguments = {
        "stride": layer.stride,
        "pads": layer.sides(x),
        "dilation": layer.dilation,
        "groups": groups,
        "mode": layer.mode,
    }
    tensors = numbers(layer, layer.kernel_shape(x), layer.filters(x), groups)
    if not layer.standardize:
        return Lowered("conv2d", arguments, tensors)
    if layer.gain:
        tensors = tensors._replace(kwargs={**tensors.kwargs, "gain": True})
    own = {"gamma": layer.gamma, "eps": layer.eps}
    return Lowered("standardized_conv2d", own | arguments, tensors)


def conv_transpose(layer: Any, x: Shape) -> Lowered:
    arguments = {name: layer.value(name) for name in ("stride", "pad", "extra", "dilation", "groups")}
    tensors = numbers(layer, layer.kernel_shape(x), layer.filters(x), layer.split(x))
    return Lowered("conv_transpose2d", arguments, tensors)


def linear(layer: Any, x: Shape) -> Lowered:
    kernel = "pointwise_linear" if layer.pointwise else "linear"
    return Lowered(kernel, {}, numbers(layer, (layer.units, x.channels), layer.units, 1))


def numbers(layer: Any, shape: tuple[int, ...], filters: int, groups: int) -> Construction:
    """The weight of a shape, its bias, and what they start from."""
    keywords: dict[str, Any] = {"bias": filters} if layer.bias else {}
    if layer.init is not None:
        init = parse_init(layer.init)
        keywords["init"] = Construction(init.name.replace("init_", ""), init.args)
    for name in ("weights", "biases"):
        values = layer.value(name)
        # one 3x3 of numbers, such as Sobel's, may stand for all filters; a linear layer's are all there
        if name == "weights" and len(shape) > 2:
            values = kernel_values(values, shape, layer.filter_axis, groups)
        if values is not None:
            keywords[name] = values
    if layer.frozen:
        keywords["frozen"] = True
    return Construction("weighted", shape, keywords)


def norm(kernel: str, *names: str) -> Callable[[Any, Shape], Lowered]:
    """A norm with the layer's arguments of these names, and the tensors that it has."""

    def lowered(layer: Any, x: Shape) -> Lowered:
        arguments = {name: layer.value(name) for name in names}
        if arguments.get("momentum") == "average":
            # as in PyTorch: the running statistics are the mean over all batches alike
            arguments["momentum"] = None
        tensors = layer.weights(x)
        # affine=no without running statistics, as an instance norm has it by default
        if not tensors:
            return Lowered(kernel, arguments)
        found = {weight.name for weight in tensors}
        keywords = {name: False for name in ("weight", "bias") if name not in found}
        if "running_mean" in found:
            keywords["running"] = True
        return Lowered(kernel, arguments, Construction("normed", tensors[0].shape, keywords))

    return lowered


def star_relu(layer: Any, x: Shape) -> Lowered:
    return Lowered("star_relu", {}, Construction("filled", (1,), {"scale": layer.scale, "bias": layer.bias}))


def started(kernel: str, fixed: str = "", argument: str = "") -> Callable[[Any, Shape], Lowered]:
    """A kernel whose weight starts from the layer's `init`; where that is `fixed`, it is an argument."""

    def lowered(layer: Any, x: Shape) -> Lowered:
        # `scale 0.5 trained=no` multiplies by a number, which no file of weights holds
        if not layer.weights(x):
            return Lowered(fixed, {argument: layer.init})
        (weight,) = layer.weights(x)
        return Lowered(kernel, {}, Construction("filled", weight.shape, {"weight": layer.init}))

    return lowered


def response(kernel: str, *names: str) -> Callable[[Any, Shape], Lowered]:
    """A norm whose tensors are numbers a channel: a bias, tau and GRN's weight start from 0."""

    def lowered(layer: Any, x: Shape) -> Lowered:
        zero = {"bias", "tau"} | ({"weight"} if kernel == "global_response_norm" else set())
        values = {weight.name: float(weight.name not in zero) for weight in layer.weights(x)}
        tensors = Construction("filled", (x.channels,), values) if values else None
        return Lowered(kernel, {name: layer.value(name) for name in names}, tensors)

    return lowered


def softmax(layer: Any, x: Shape) -> Lowered:
    return Lowered("softmax", {}) if layer.paths is None else Lowered("path_softmax", {"paths": layer.paths})


def flatten(layer: Any, x: Shape) -> Lowered:
    return Lowered("flatten_pixels" if layer.order == "HWC" and x.is_map else "flatten", {})


def unflatten(layer: Any, x: Shape) -> Lowered:
    return Lowered("unflatten", {"shape": (layer.shape.count, *layer.shape.kernel)})


def channel_conv(layer: Any, x: Shape) -> Lowered:
    tensors = Construction("weighted", (1, 1, layer.kernel), {"bias": 1} if layer.bias else {})
    return Lowered("channel_conv", {"mode": layer.mode}, tensors)


def pool(kernel: str, *names: str) -> Callable[[Any, Shape], Lowered]:
    """A pool with the layer's arguments of these names, beside those that all have."""

    def lowered(layer: Any, x: Shape) -> Lowered:
        own = {name: layer.value(name) for name in names}
        return Lowered(kernel, {"window": layer.window, "stride": layer.stride, "pads": layer.pad, **own})

    return lowered


def pad(layer: Any, x: Shape) -> Lowered:
    # what PyTorch's padding_mode calls zeros, its F.pad calls constant: the kernel has one word for both
    mode = "zeros" if layer.mode == "constant" else layer.mode
    return Lowered("pad2d", {"pads": layer.pad, "mode": mode, "value": layer.value_})


def crop(layer: Any, x: Shape) -> Lowered:
    return Lowered("crop", dict(zip(("top", "left", "height", "width"), layer.window(x), strict=True)))


def slice_channels(layer: Any, x: Shape) -> Lowered:
    stop = x.channels if layer.stop is None else layer.stop
    return Lowered("slice_channels", {"start": layer.start, "stop": stop})


def normalize(layer: Any, x: Shape) -> Lowered:
    values = {name: layer.value(name) for name in ("mean", "std")}
    # one number for all channels is a list of one, which NumPy spreads
    lists = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    return Lowered("normalize", lists)


LOWERINGS: dict[str, Callable[[Any, Shape], Lowered]] = {
    "conv": conv,
    "depthwise": conv,
    "convtranspose": conv_transpose,
    "maxpool": pool("max_pool2d", "dilation", "ceil"),
    "maxunpool": plain("max_unpool2d", "window"),
    "avgpool": pool("avg_pool2d", "ceil", "countpad", "divisor"),
    "blurpool": plain("blur_pool", "window", "stride", "pad", "mode"),
    "globalavgpool": plain("adaptive_avg_pool2d", size=(1, 1)),
    "globalmaxpool": plain("adaptive_max_pool2d", size=(1, 1)),
    "adaptiveavgpool": plain("adaptive_avg_pool2d", "size"),
    "adaptivemaxpool": plain("adaptive_max_pool2d", "size"),
    "channelmean": plain("channel_mean"),
    "channelmax": plain("channel_max"),
    "batchnorm": norm("batch_norm", "momentum", "eps"),
    "layernorm": norm("layer_norm", "over", "eps"),
    "groupnorm": norm("group_norm", "groups", "eps"),
    "instancenorm": norm("instance_norm", "momentum", "eps"),
    "rmsnorm": response("rms_norm", "eps"),
    "l2norm": plain("l2_norm", "eps"),
    "grn": response("global_response_norm", "eps"),
    "frn": response("filter_response_norm", "eps"),
    "evonormb0": response("evo_norm_b0", "momentum", "eps"),
    "evonorms0": response("evo_norm_s0", "groups", "eps"),
    "lrn": plain("local_response_norm", "size", "alpha", "beta", "k"),
    "relu": plain("relu"),
    "relu6": plain("relu6"),
    "hardtanh": plain("hard_tanh", "low", "high"),
    "squaredrelu": plain("squared_relu"),
    "starrelu": star_relu,
    "leakyrelu": plain("leaky_relu", "slope"),
    "prelu": started("prelu"),
    "elu": plain("elu", "alpha"),
    "selu": plain("selu"),
    "gelu": plain("gelu", "approximate"),
    "silu": plain("silu"),
    "mish": plain("mish"),
    "sigmoid": plain("sigmoid"),
    "tanh": plain("tanh"),
    "hardswish": plain("hard_swish"),
    "hardsigmoid": plain("hard_sigmoid"),
    "softplus": plain("softplus", "beta", "threshold"),
    "softmax": softmax,
    "logsoftmax": plain("log_softmax"),
    "abs": plain("absolute"),
    "identity": plain("identity"),
    "dropout": plain("dropout", "p", "mode"),
    "stochasticdepth": plain("dropout", "p", "mode"),
    "flatten": flatten,
    "unflatten": unflatten,
    "linear": linear,
    "upsample": plain("upsample", "factor", "size", "mode", "align"),
    "pixelshuffle": plain("pixel_shuffle", "factor"),
    "pixelunshuffle": plain("pixel_unshuffle", "factor"),
    "channelshuffle": plain("channel_shuffle", "groups"),
    "pad": pad,
    "crop": crop,
    "slice": slice_channels,
    "pick": plain("pick_channels", "channels"),
    "scale": started("scale_channels", "multiply", "factor"),
    "shift": started("shift_channels", "plus", "summand"),
    "normalize": normalize,
    "channelconv": channel_conv,
    "add": plain("add"),
    "sub": plain("sub"),
    "mul": plain("mul"),
    "maximum": plain("maximum"),
    "minimum": plain("minimum"),
    "concat": plain("concat"),
}
"""One row a layer; the kernel of a join takes all its paths."""
