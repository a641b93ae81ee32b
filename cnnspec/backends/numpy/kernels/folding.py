"""Weights as the fast path wants them: laid out for use, batch norms in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import Array
from cnnspec.backends.numpy.kernels.net import Layer
from cnnspec.backends.numpy.kernels.plan import Fusion, Plan


def folded(plan: Plan, fusion: Fusion) -> tuple[Array, Array | None, Array | None]:
    """A layer's weight, what its filters are to be scaled by (None: 1), and its bias.

    (w*x + b - mean)*scale + shift = (w*scale)*x + (b - mean)*scale + shift
    What was deferred, w*(x*factor + offset) + b = (w*factor)*x + w*offset + b, is done.
    """
    tensors = plan.net.keywords(fusion.layer)
    weight, scale, bias = tensors["weight"], None, tensors.get("bias")
    if fusion.layer.of[0] in plan.deferred:
        factor, offset = plan.deferred[fusion.layer.of[0]]
        by_input = weight.reshape(*weight.shape[:2], -1)
        more = by_input.sum(2) @ offset
        bias = more if bias is None else bias + more
        weight = (by_input * factor[:, None]).reshape(weight.shape)
    for norm in fusion.norms:
        scale, shift = scale_and_shift(plan, norm)
        bias = shift if bias is None else bias * scale + shift
    return weight, scale, None if bias is None else bias.astype(plan.dtype)


def scale_and_shift(plan: Plan, norm: Layer) -> tuple[Array, Array]:
    """Batch norm in evaluation is x*scale + shift, with these numbers a channel."""
    tensors = plan.net.keywords(norm)
    variance = tensors["running_var"].astype(np.float64)
    scale = 1 / np.sqrt(variance + tensors.get("eps", 1e-5))
    scale = scale * tensors["weight"] if "weight" in tensors else scale
    shift = -tensors["running_mean"] * scale
    return scale, shift + tensors["bias"] if "bias" in tensors else shift


def scaled(plan: Plan, weight: Array, scale: Array | None) -> Array:
    """A copy of a weight seen with its filters last, times the scale."""
    found: Array = np.multiply(
        weight, 1 if scale is None else scale, dtype=plan.dtype, order="C"
    )
    return found


def matrix(plan: Plan, layer: Layer, weight: Array, scale: Array | None) -> Array:
    """A weight (filters, channels) as the right side of a product: a view will do."""
    if scale is None and weight.dtype == plan.dtype:
        return weight.T
    return packed(plan, layer, "matrix", weight.T, scale)


def packed(
    plan: Plan, layer: Layer, form: Any, weight: Array, scale: Array | None
) -> Array:
    """The scaled copy of a weight; runs of the same layer in the same form share it."""
    key = layer.owner, form
    return plan.pack(key, lambda: scaled(plan, weight, scale))
