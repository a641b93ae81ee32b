"""Say in one layer what sources do in two: the own pad of a convolution or a blur."""

from __future__ import annotations

from collections import Counter

from cnnspec.importers.model import Operation
from cnnspec.layers.base import Misfit
from cnnspec.layers.conv import Conv, Depthwise
from cnnspec.layers.pool import BlurPool
from cnnspec.layers.resize import Pad


def with_own_pads(operations: list[Operation], outputs: list[int]) -> list[Operation]:
    """The operations, a pad that a layer's module makes for it alone taken into the layer."""
    uses = Counter(value.number for operation in operations for value in operation.inputs)
    # An output is a use, too: the padded map has to stay then.
    uses.update(outputs)
    pads = {op.output.number: op for op in operations if isinstance(op.layer, Pad)}
    found: dict[int, Operation] = {}
    for operation in operations:
        pad = pads.get(operation.inputs[0].number)
        if pad is not None and uses[pad.output.number] == 1 and (merged := merge(pad, operation)) is not None:
            del found[pad.output.number]
            operation = merged
        found[operation.output.number] = operation
    return list(found.values())


def merge(pad: Operation, operation: Operation) -> Operation | None:
    """The layer with the pad that the same module makes; it has no number to pad with but 0."""
    layer, mode = operation.layer, pad.layer.value("mode")
    is_bare = isinstance(layer, Conv | Depthwise | BlurPool) and not any(layer.pad)
    if not is_bare or pad.scopes != operation.scopes or pad.layer.value("value"):
        return None
    top, bottom, left, right = amounts = pad.layer.value("pad")
    if isinstance(layer, BlurPool):
        # A blur pool pads both sides alike.
        if (top, left) != (bottom, right):
            return None
        amounts = (top, left)
    try:
        own = layer.with_arguments(pad=amounts, mode="zeros" if mode == "constant" else mode)
    except Misfit:  # a pool takes at most half its window
        return None
    return operation._replace(layer=own, inputs=pad.inputs)
