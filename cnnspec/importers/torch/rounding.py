"""Numbers that modules compute with errors of rounding, as those that are meant."""

from __future__ import annotations

import math
from collections import Counter

from cnnspec.importers.model import Operation
from cnnspec.importers.patterns.progressions import PROGRESSIONS
from cnnspec.importers.terms.formulas import evaluate
from cnnspec.layers.conv import Conv, Depthwise

FLOAT32 = 2**-23
"""The relative error of its numbers after a product or two."""


def without_rounding(operations: list[Operation]) -> list[Operation]:
    return with_common_gammas(with_exact_progressions(operations))


def with_exact_progressions(operations: list[Operation]) -> list[Operation]:
    """Rates that rise in float32, as of `torch.linspace`, and factors of a variance that is summed up."""
    for layer, argument, find in PROGRESSIONS:
        numbers = [each.layer.value(argument) for each in operations if each.layer.name == layer]
        if (found := find(numbers, FLOAT32)) is not None:
            meant = {number: evaluate(found.near(number, FLOAT32) or number, {}) for number in numbers}
            operations = [
                each._replace(
                    layer=each.layer.with_arguments(**{argument: meant[each.layer.value(argument)]})
                )
                if each.layer.name == layer
                else each
                for each in operations
            ]
    return operations


def with_common_gammas(operations: list[Operation]) -> list[Operation]:
    """Of several gammas that scale the filters of a layer alike, the one that does so in most layers."""
    scales = [scale(operation) for operation in operations]
    gammas = dict.fromkeys(gamma for gamma, _ in filter(None, scales))
    # The module keeps gamma*root alone. By one root 1.7 and 1.7000000000000002 make the same, not by all.
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
