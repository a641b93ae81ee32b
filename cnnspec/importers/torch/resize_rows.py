"""Rows of what moves pixels about: resizing, pads, shuffles."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F

from cnnspec.importers.reading.flows import Flow, Flows, Row, plain
from cnnspec.importers.torch.join_rows import zeros
from cnnspec.importers.torch.net import TraceFlows
from cnnspec.importers.torch.numbers import sides
from cnnspec.importers.torch.values import Known, Padded
from cnnspec.layers import merge, resize


def interpolate(
    net: TraceFlows,
    input: object,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Flow:
    x = net.map(input)
    if mode not in ("nearest", "bilinear"):
        net.deny("mode", mode)
    net.expect("antialias", antialias, False)
    height, width = net.call.results[0].shape[2:]
    is_given = size is not None or bool(recompute_scale_factor)
    # recompute_scale_factor makes a size of the factor, and reads pixels by that size.
    amount = {"size": (height, width)} if is_given else {"factor": list(sides(scale_factor))}
    layer = resize.Upsample(mode=mode, align=bool(align_corners), **amount)
    if not is_same_resize(layer, x.shape.size, (height, width), size, scale_factor):
        net.deny("size" if is_given else "scale_factor", size or scale_factor)
    return net.natural(net.emit(layer, x))


def is_same_resize(
    layer: resize.Upsample, before: tuple[int, int], after: tuple[int, int], size: Any, scale: Any
) -> bool:
    """Whether PyTorch reads the pixels that the layer reads: it computes their places in float32."""
    if layer.mode == "bilinear":
        # Where the output is as large as the map, as floor(5*1.1) = 5, PyTorch copies; the formula does not.
        # From 1.5 on that is so of a single pixel alone.
        return size is not None or layer.align or not any(1 < f < 1.5 for f in sides(scale))
    for axis in (0, 1):
        n, o = before[axis], after[axis]
        # A row that holds its own indices: what comes out says which pixels were read.
        row = torch.arange(n, dtype=torch.float64).reshape(1, 1, n, 1)
        if size is not None:
            read = F.interpolate(row, size=(o, 1))
        else:
            read = F.interpolate(row, scale_factor=(sides(scale)[axis], 1.0))
        factor = layer.factor[axis] if layer.factor is not None else None
        wanted = [q * n // o if factor is None else min(int(q / factor), n - 1) for q in range(o)]
        if read.flatten().tolist() != wanted:
            return False
    return True


def pad_(
    net: TraceFlows, input: object, pad: Any, mode: str = "constant", value: float | None = None
) -> Known:
    x = net.map(input)
    # F.pad counts from the last axis: left, right, top, bottom, and the channels in front and behind.
    if len(pad) == 6 and any(pad[4:]) and min(pad[4:]) >= 0 and (mode, value or 0) == ("constant", 0):
        front, back = pad[4:]
        parts = [zeros(net, x, front)] if front else []
        parts += [x, zeros(net, x, back)] if back else [x]
        x, pad = net.emit(merge.Concat(), *parts), pad[:4]
    if len(pad) % 2 or any(pad[4:]):
        net.deny("pad", tuple(pad))
    left, right, top, bottom = [*pad, 0, 0, 0, 0][:4]
    amounts = [top, bottom, left, right]
    if min(amounts) < 0:
        if mode != "constant":
            net.deny("pad", tuple(pad))
        # (-1, 1) crops on one side and pads on the other.
        x = net.emit(resize.Crop(sides=[max(0, -amount) for amount in amounts]), x)
        amounts = [max(0, amount) for amount in amounts]
    if any(amounts) and mode == "constant" and value == -math.inf:
        top, bottom, left, right = amounts
        return Padded(x, (top, bottom, left, right))
    if any(amounts):
        x = net.emit(resize.Pad(pad=amounts, mode=mode, value=float(value or 0)), x)
    return net.natural(x)


ROWS: dict[str, Row] = {
    "interpolate": interpolate,
    "pad": pad_,
    "pixel_shuffle": plain(resize.PixelShuffle, Flows.as_made, upscale_factor="factor"),
    "pixel_unshuffle": plain(resize.PixelUnshuffle, Flows.as_made, downscale_factor="factor"),
    "channel_shuffle": plain(resize.ChannelShuffle, Flows.as_made, groups="groups"),
}
