"""Rows of what only moves numbers about: most edit an arrangement, some are layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx

from cnnspec.importers.onnx.model_file import FLOATS, array
from cnnspec.importers.onnx.net import GraphFlows
from cnnspec.importers.onnx.values import ConstantArray, Known
from cnnspec.importers.reading import arrangement, slices
from cnnspec.importers.reading.arrangement import size_of, sizes_of
from cnnspec.importers.reading.flows import Flow, Repeated, Row
from cnnspec.importers.reading.slices import indexed, picked, sampled, taken
from cnnspec.importers.refusals import Refuse
from cnnspec.layers import resize


def shape(net: GraphFlows, x: Any, *, start: int = 0, end: int | None = None) -> ConstantArray:
    """The sizes of a value, as numbers."""
    axes = net.axes_of(x)
    sizes = x.shape if isinstance(x, Repeated) else sizes_of(axes) if axes is not None else x.array.shape
    return ConstantArray(np.array(sizes[start:end], np.int64))


def size(net: GraphFlows, x: Any) -> ConstantArray:
    return ConstantArray(np.array(math.prod(shape(net, x).array.tolist()), np.int64))


def same(net: GraphFlows, x: object) -> Known:
    return x if isinstance(x, ConstantArray) else net.flow(x)


def cast(net: GraphFlows, x: object, *, to: int) -> Known:
    if to not in FLOATS:
        net.deny("to", onnx.TensorProto.DataType.Name(to))
    return net.flow(x)


def reshape(net: GraphFlows, x: object, wanted: object, *, allowzero: int = 0) -> Flow:
    flow = net.flow(x)
    before = sizes_of(flow.axes)
    sizes = net.integers(wanted, "shape")
    if not allowzero:
        sizes = [before[place] if each == 0 else each for place, each in enumerate(sizes)]
    # -1 is what is left: 12 numbers as (2, -1) are (2, 6).
    if -1 in sizes:
        known = math.prod(each for each in sizes if each != -1)
        sizes[sizes.index(-1)] = math.prod(before) // known if known else 0
    if math.prod(sizes) != math.prod(before) or min(sizes, default=1) < 1:
        net.deny("shape", sizes)
    return net.reshape(flow, sizes)


def flatten(net: GraphFlows, x: object, *, axis: int = 1) -> Flow:
    flow = net.flow(x)
    before = sizes_of(flow.axes)
    # (2, 3) flattened at 2 is (6, 1), and 2 % 2 would be 0.
    place = axis if axis == len(before) else axis % len(before)
    return net.reshape(flow, [math.prod(before[:place]), math.prod(before[place:])])


def transpose(net: GraphFlows, x: object, *, perm: Any = None) -> Flow:
    flow = net.flow(x)
    order = list(range(len(flow.axes)))[::-1] if perm is None else perm
    if sorted(order) != list(range(len(flow.axes))):
        net.deny("perm", perm)
    return flow._replace(axes=arrangement.permute(flow.axes, order))


def squeeze(net: GraphFlows, x: object, axes: object = None) -> Flow:
    flow = net.flow(x)
    count = len(flow.axes)
    places = [place % count for place in (range(count) if axes is None else net.integers(axes, "axes"))]
    # An axis of size 1 has no atoms.
    if axes is not None and any(flow.axes[place] for place in places):
        net.deny("axes", places)
    return flow._replace(axes=arrangement.remove(flow.axes, [p for p in places if not flow.axes[p]]))


def unsqueeze(net: GraphFlows, x: object, axes: object) -> Flow:
    flow = net.flow(x)
    wanted = net.integers(axes, "axes")
    # Places are those in the result: from the first on, each insert finds the ones before it done.
    for place in sorted(place % (len(flow.axes) + len(wanted)) for place in wanted):
        flow = flow._replace(axes=arrangement.insert(flow.axes, place))
    return flow


def expand(net: GraphFlows, x: object, wanted: object) -> Known:
    flow = net.flow(x)
    found = np.broadcast_shapes(sizes_of(flow.axes), tuple(net.integers(wanted, "shape")))
    return flow if found == sizes_of(flow.axes) else Repeated(flow, found)


def slice_(
    net: GraphFlows, x: object, starts: object, ends: object, axes: object = None, steps: object = None
) -> Flow:
    flow = net.flow(x)
    first, last = net.integers(starts, "starts"), net.integers(ends, "ends")
    places = list(range(len(first))) if axes is None else net.integers(axes, "axes")
    strides = [1] * len(first) if steps is None else net.integers(steps, "steps")
    # Rows and columns are taken together in the end, by one crop: {"H": range(1, 9), "W": range(1, 9)}.
    pixels: dict[str, range] = {}
    for place, begin, stop, step in zip(places, first, last, strides, strict=True):
        flow = taken(net, flow, place % len(flow.axes), slice(begin, stop, step), pixels)
    return sampled(net, flow, pixels)


def split(
    net: GraphFlows, x: object, sizes: object = None, *, axis: int = 0, num_outputs: int | None = None
) -> list[Flow]:
    flow = net.flow(x)
    place = axis % len(flow.axes)
    count, parts = size_of(flow.axes[place]), num_outputs or len(net.node.outputs)
    # 7 channels in 3 parts: 3, 3 and 1.
    part = -(-count // parts)
    equal = [part] * (parts - 1) + [count - part * (parts - 1)]
    lengths = equal if sizes is None else net.integers(sizes, "split")
    if sum(lengths) != count or min(lengths) < 1:
        net.deny("split", lengths)
    return slices.split(net, flow, place, lengths)


def gather(net: GraphFlows, x: object, indices: object, *, axis: int = 0) -> Flow:
    flow = net.flow(x)
    place = axis % len(flow.axes)
    if not isinstance(indices, ConstantArray):
        raise Refuse("E1007", f"the indices of `{net.operator}` depend on the numbers of a value")
    sizes = sizes_of(flow.axes)
    # [[0, 1], [2, 3]] of 4 channels: all of them in their order, on two axes.
    if indices.array.ndim > 1 and np.array_equal(indices.array.reshape(-1), np.arange(sizes[place])):
        return net.reshape(flow, [*sizes[:place], *indices.array.shape, *sizes[place + 1 :]])
    numbers = net.integers(indices, "indices")
    if indices.array.ndim > 1:
        raise Refuse("E1005", f"`{net.operator}` by a table of indices has no layer")
    return picked(net, flow, place, numbers) if indices.array.ndim else indexed(net, flow, place, *numbers)


def pad(
    net: GraphFlows,
    x: object,
    pads: object,
    value: object = None,
    axes: object = None,
    *,
    mode: str = "constant",
) -> Flow:
    fill = 0.0 if value is None else net.numbers(value, "constant_value").array.reshape(()).item()
    flow = net.flow(x)
    count, amounts = len(flow.axes), net.integers(pads, "pads")
    places = range(count) if axes is None else [place % count for place in net.integers(axes, "axes")]
    sides = {"H": (0, 0), "W": (0, 0)}
    for place, low, high in zip(places, amounts[: len(places)], amounts[len(places) :], strict=True):
        letters = {atom.axis for atom in flow.axes[place]}
        if (low or high) and (not letters <= {"H", "W"} or len(letters) != 1):
            net.deny("pads", amounts)
        if low or high:
            sides[letters.pop()] = (low, high)
    return padded(net, flow, [*sides["H"], *sides["W"]], mode, float(fill))


MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def padded(net: GraphFlows, flow: Flow, amounts: list[int], mode: str, fill: float) -> Flow:
    """A pad, and a crop where it is negative. Raises Refuse."""
    if mode not in MODES:
        net.deny("mode", mode)
    if not any(amounts):
        return flow
    order = [name for axis in flow.axes for name in {atom.axis for atom in axis}]
    value = flow.value
    # For one image the axis of the batch has no atoms.
    is_last = order == ["N", "H", "W", "C"] or order == ["H", "W", "C"]
    value = value if is_last else net.map(flow)
    crop = [max(0, -amount) for amount in amounts]
    value = net.emit(resize.Crop(sides=crop), value) if any(crop) else value
    rest = [max(0, amount) for amount in amounts]
    value = net.emit(resize.Pad(pad=rest, mode=MODES[mode], value=fill), value) if any(rest) else value
    made = net.natural(value)
    return made._replace(axes=arrangement.permute(made.axes, (0, 2, 3, 1))) if is_last else made


def depth_to_space(net: GraphFlows, x: object, *, blocksize: int, mode: str = "DCR") -> Flow:
    """The pixels of a block are the outer digit of the channels, or, of `CRD`, the inner one."""
    if mode not in ("DCR", "CRD"):
        net.deny("mode", mode)
    flow = net.natural(net.map(x))
    n, c, height, width = sizes_of(flow.axes)
    size, count = blocksize, c // blocksize**2
    is_outer = mode == "DCR"
    parted = net.reshape(
        flow, (n, *((size, size, count) if is_outer else (count, size, size)), height, width)
    )
    # (n, i, j, c, h, w) or (n, c, i, j, h, w) -> (n, c, h, i, w, j)
    order = (0, 3, 4, 1, 5, 2) if is_outer else (0, 1, 4, 2, 5, 3)
    moved = parted._replace(axes=arrangement.permute(parted.axes, order))
    return net.reshape(moved, (n, count, height * size, width * size))


def space_to_depth(net: GraphFlows, x: object, *, blocksize: int) -> Flow:
    flow = net.natural(net.map(x))
    n, c, height, width = sizes_of(flow.axes)
    rows, columns = height // blocksize, width // blocksize
    parted = net.reshape(flow, (n, c, rows, blocksize, columns, blocksize))
    # (n, c, h, i, w, j) -> (n, i, j, c, h, w)
    moved = parted._replace(axes=arrangement.permute(parted.axes, (0, 3, 5, 1, 2, 4)))
    return net.reshape(moved, (n, c * blocksize**2, rows, columns))


def branch(net: GraphFlows, test: object, *, then_branch: Any, else_branch: Any) -> list[Known]:
    """Of an `If` that numbers decide, the branch that runs."""
    is_true = bool(net.numbers(test, "condition").array.reshape(()))
    # PyTorch writes `x.squeeze(1)` as an If on the size of the axis.
    graph, node = then_branch if is_true else else_branch, net.node
    for tensor in graph.initializer:
        net.note(tensor.name, ConstantArray(array(tensor, None), tensor.name))
    net.run(graph.node)
    net.node = node
    return [net.look(output.name) for output in graph.output]


ROWS: dict[str, Row] = {
    "If": branch,
    "Shape": shape,
    "Size": size,
    "Identity": same,
    "Cast": cast,
    "Reshape": reshape,
    "Flatten": flatten,
    "Transpose": transpose,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Expand": expand,
    "Slice": slice_,
    "Split": split,
    "Gather": gather,
    "Pad": pad,
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
}
