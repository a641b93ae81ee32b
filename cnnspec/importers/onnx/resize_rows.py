"""Rows of resizing: ONNX can place pixels in many ways, of which the language has three."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from cnnspec.importers.onnx.model_file import shortest
from cnnspec.importers.onnx.net import GraphFlows
from cnnspec.importers.onnx.values import ConstantArray
from cnnspec.importers.reading.arrangement import sizes_of
from cnnspec.importers.reading.flows import Flow, Row
from cnnspec.importers.refusals import Refuse
from cnnspec.layers import resize

RULES = ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners")
"""ONNX's names of where the pixels of the output lie among those of the map."""

ROUNDINGS: dict[str, Callable[[float], int]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    # 1.5 -> 1, and with round_prefer_ceil 2.
    "round_prefer_floor": lambda at: math.ceil(at - 0.5),
    "round_prefer_ceil": lambda at: math.floor(at + 0.5),
}


def resize_(
    net: GraphFlows,
    x: object,
    roi: object = None,
    scales: object = None,
    sizes: object = None,
    *,
    axes: Any = None,
    coordinate_transformation_mode: str | None = None,
    mode: str = "nearest",
    nearest_mode: str | None = None,
) -> Flow:
    if net.opset < 11:  # the regions are not there yet: scales stand second
        roi, scales = None, roi
    del roi  # only `tf_crop_and_resize` reads it, which is refused
    placed = coordinate_transformation_mode or ("half_pixel" if net.opset >= 11 else "asymmetric")
    rounding = nearest_mode or ("round_prefer_floor" if net.opset >= 11 else "floor")
    flow = net.flow(x)
    factors = at_all_axes(numbers(net, scales, "scales"), axes, [1.0] * len(flow.axes))
    after = at_all_axes(numbers(net, sizes, "sizes"), axes, sizes_of(flow.axes))
    return resized(net, flow, factors, after, mode, placed, rounding)


def at_all_axes(given: list[float], axes: Any, others: Sequence[float]) -> list[float]:
    """Numbers for some axes, with those for the others; none where none are given."""
    if axes is None or not given:
        return given
    found = list(others)
    for place, each in zip(axes, given, strict=True):
        found[place] = each
    return found


def upsample(net: GraphFlows, x: object, scales: object, *, mode: str = "nearest") -> Flow:
    return resized(net, net.flow(x), numbers(net, scales, "scales"), [], mode, "asymmetric", "floor")


def numbers(net: GraphFlows, known: object, what: str) -> list[float]:
    """Scales or sizes; none where they are not given. Raises Refuse."""
    if known is None:
        return []
    if not isinstance(known, ConstantArray):
        raise Refuse("E1007", f"the {what} of `{net.operator}` depend on the numbers of a value")
    return [shortest(float(each)) for each in known.array.reshape(-1)]


def resized(
    net: GraphFlows,
    flow: Flow,
    scales: Sequence[float],
    sizes: Sequence[float],
    mode: str,
    placed: str,
    rounding: str,
) -> Flow:
    """A map at another size, where ONNX and the language read the same pixels. Raises Refuse."""
    # Of a map as large as before, too, it reads a region.
    if placed == "tf_crop_and_resize":
        net.deny("coordinate_transformation_mode", placed)
    before = sizes_of(flow.axes)
    what, given = ("sizes", sizes) if sizes else ("scales", scales)
    if len(given) != 4 or not flow.value.shape.is_map:
        net.deny(what, list(given))
    after = [int(each) for each in sizes] or [math.floor(n * f) for n, f in zip(before, scales, strict=True)]
    flow = net.natural(net.map(flow))
    if after[:2] != list(before[:2]):
        net.deny(what, list(given))
    factors = [float(f) for f in scales[2:]] or [o / n for n, o in zip(before[2:], after[2:], strict=True)]
    is_linear = mode in ("linear", "bilinear")
    if not is_linear and mode != "nearest":
        net.deny("mode", mode)
    amount: dict[str, Any] = {"size": tuple(after[2:])} if sizes else {"factor": list(scales[2:])}
    align = is_linear and placed == "align_corners"
    layer = resize.Upsample(mode="bilinear" if is_linear else "nearest", align=align, **amount)
    for n, o, factor in zip(before[2:], after[2:], factors, strict=True):
        if n == o and factor == 1:
            continue
        if is_linear and not (align or is_half(placed, o)):
            net.deny("coordinate_transformation_mode", placed)
        # Several rules come to the language's floor(q/factor): at 2 half_pixel, round_prefer_floor does.
        if not is_linear and places(placed, rounding, n, o, factor) != [
            min(int(q / factor), n - 1) for q in range(o)
        ]:
            net.deny("coordinate_transformation_mode, nearest_mode", f"{placed}, {rounding}")
    return net.as_made(layer, flow)


def is_half(placed: str, o: int) -> bool:
    """Whether a pixel's centre lies at (q + 0.5)/factor - 0.5: PyTorch's lone pixel does not."""
    return placed == "half_pixel" or (placed == "pytorch_half_pixel" and o > 1)


def places(placed: str, rounding: str, n: int, o: int, factor: float) -> list[int] | None:
    """The pixel that each one of the output is nearest to; None where the rule is not known."""
    if placed not in RULES or rounding not in ROUNDINGS:
        return None
    nearest = (ROUNDINGS[rounding](place(placed, q, n, o, factor)) for q in range(o))
    return [min(max(at, 0), n - 1) for at in nearest]


def place(placed: str, q: int, n: int, o: int, factor: float) -> float:
    """Where pixel q of o lies among n."""
    if is_half(placed, o):
        return (q + 0.5) / factor - 0.5
    if placed == "asymmetric":
        return q / factor
    # Corners on corners; a lone pixel lies on the first.
    return q * (n - 1) / (o - 1) if o > 1 else 0.0


ROWS: dict[str, Row] = {"Resize": resize_, "Upsample": upsample}
