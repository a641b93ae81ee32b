"""Say in one layer what PyTorch does in two: a convolution's own pad."""

from __future__ import annotations

from collections import Counter

from cnnspec.importers.model import Operation
from cnnspec.layers.conv import Conv, Depthwise
from cnnspec.layers.resize import Pad


def with_own_pads(operations: list[Operation], outputs: list[int]) -> list[Operation]:
    """The operations, a pad that a convolution's module makes for it alone taken into the convolution."""
    uses = Counter(value.number for operation in operations for value in operation.inputs)
    uses.update(outputs)
    pads = {op.output.number: op for op in operations if isinstance(op.layer, Pad)}
    found: dict[int, Operation] = {}
    for operation in operations:
        pad = pads.get(operation.inputs[0].number)
        layer = operation.layer
        if pad and uses[pad.output.number] == 1 and isinstance(layer, Conv | Depthwise):
            if pad.scopes == operation.scopes and layer.pad == (0, 0, 0, 0) and is_pad_of_conv(pad.layer):
                del found[pad.output.number]
                mode = "zeros" if pad.layer.value("mode") == "constant" else pad.layer.value("mode")
                merged = layer.with_arguments(pad=pad.layer.value("pad"), mode=mode)
                operation = operation._replace(layer=merged, inputs=pad.inputs)
        found[operation.output.number] = operation
    return list(found.values())


def is_pad_of_conv(layer: object) -> bool:
    """Whether a convolution can pad so: it has no number to pad with but 0."""
    return isinstance(layer, Pad) and not layer.value("value")
