"""Numbers that modules compute with errors of rounding, as those that are meant."""

from __future__ import annotations

import math
from collections import Counter

from cnnspec.importers.model import Operation
from cnnspec.importers.patterns.ramps import ARGUMENT, LAYER, find_ramp, step_of
from cnnspec.layers.conv import Conv, Depthwise

FLOAT32 = 2**-23
"""The relative error of its numbers after a product or two."""


def without_rounding(operations: list[Operation]) -> list[Operation]:
    return with_common_gammas(with_exact_rates(operations))


def with_exact_rates(operations: list[Operation]) -> list[Operation]:
    """Rates of stochastic depth that rise in float32, as `torch.linspace` makes them."""
    rates = [operation.layer.value(ARGUMENT) for operation in operations if operation.layer.name == LAYER]
    ramp = find_ramp(rates, FLOAT32)
    if ramp is None:
        return operations
    exact = {rate: step_of(rate, *ramp) for rate in rates}
    return [
        operation._replace(layer=operation.layer.with_arguments(p=exact[operation.layer.value(ARGUMENT)]))
        if operation.layer.name == LAYER
        else operation
        for operation in operations
    ]


def with_common_gammas(operations: list[Operation]) -> list[Operation]:
    """Of several gammas that scale the filters of a layer alike, the one that does so in most layers."""
    scales = [scale(operation) for operation in operations]
    gammas = dict.fromkeys(gamma for gamma, _ in filter(None, scales))
    fits = Counter(
        gamma for own, root in filter(None, scales) for gamma in gammas if gamma * root == own * root
    )
    found = []
    for operation, known in zip(operations, scales, strict=True):
        if known is not None:
            own, root = known
            gamma = max((each for each in gammas if each * root == own * root), key=lambda each: fits[each])
            operation = operation._replace(layer=operation.layer.with_arguments(gamma=gamma))
        found.append(operation)
    return found


def scale(operation: Operation) -> tuple[float, float] | None:
    """The gamma of a convolution with a gain, and what it is multiplied by."""
    layer = operation.layer
    if not isinstance(layer, Conv | Depthwise) or not layer.gain:
        return None
    return layer.gamma, math.prod(layer.kernel_shape(operation.inputs[0].shape)[1:]) ** -0.5
