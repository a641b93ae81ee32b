"""What follows the size of the input follows it in the specification, too.

One size is not a network: 28 rows upsampled to 56 may be 28 times two, or as many rows as another map has.
The module runs at other sizes, and a layer is given the form that holds at all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cnnspec.importers.model import Operation, Value
from cnnspec.layers.base import Layer, Misfit
from cnnspec.layers.conv import Conv, Depthwise
from cnnspec.layers.pool import (
    AdaptiveAvgPool,
    AdaptiveMaxPool,
    AvgPool,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool,
)
from cnnspec.layers.resize import Crop, Upsample
from cnnspec.values.shapes import Shape, same_padding

STEPS = ((32, 64), (33, 47))
"""By how many rows and columns the other inputs are larger: halved five times, or odd at once."""


def larger(inputs: Sequence[Shape], step: tuple[int, int]) -> list[Shape]:
    """Inputs of another size; vectors stay."""
    rows, columns = step
    return [s.with_size(s.size[0] + rows, s.size[1] + columns) if s.is_map else s for s in inputs]


def may_follow(operation: Operation) -> bool:
    """Whether a layer's arguments may have been computed from the size of a map."""
    layer, x = operation.layer, operation.inputs[0].shape
    if isinstance(layer, Conv | Depthwise):
        # TensorFlow's "same" pads 224 at stride 2 by 0 and 1, 225 by 1 and 1: only uneven pads hint at it.
        return not isinstance(layer.pad, str) and not layer.is_even(x)
    if isinstance(layer, AvgPool | MaxPool):
        return covers(layer, x)
    is_sized = isinstance(layer, Upsample) and layer.size is not None
    return is_sized or isinstance(layer, Crop | AdaptiveAvgPool | AdaptiveMaxPool)


def covers(layer: AvgPool | MaxPool, x: Shape) -> bool:
    """Whether a pool's one window is the whole map."""
    is_plain = isinstance(layer, MaxPool) or layer.divisor is None
    return is_plain and layer.window == x.size and not any(layer.pad) and layer.output(x).size == (1, 1)


def unify(operations: list[Operation], others: Sequence[list[Operation]]) -> list[Operation]:
    """The operations, each in the form that holds at the sizes of all runs that are alike."""
    alike = [operations, *(run for run in others if is_alike(operations, run))]
    sizes: dict[int, list[tuple[int, int]]] = {}  # of the maps so far, in every run
    found = []
    for runs in zip(*alike, strict=True):
        # The inputs of the network are made by no operation.
        note_sizes(sizes, zip(*(run.inputs for run in runs), strict=True))
        cases = [(run.layer, run.inputs[0].shape) for run in runs]
        # A case a run: [(upsample size=(56, 56), 64@28x28), (upsample size=(64, 72), 64@32x36), ...].
        made = runs[0]._replace(layer=form(cases))
        if not holds(made.layer, cases):
            wanted = [run.output.shape.size for run in runs]
            # A factor of 2 makes 98 of 49 rows where 97 are wanted: it is the size of one of these maps.
            sized = frozenset(number for number, known in sizes.items() if known == wanted)
            made = made._replace(layer=to_size(made.layer, cases), sized=sized)
        found.append(made)
        note_sizes(sizes, [tuple(run.output for run in runs)])
    return in_one_way(found)


def note_sizes(sizes: dict[int, list[tuple[int, int]]], rows: Iterable[tuple[Value, ...]]) -> None:
    """Add the sizes of maps, each a row of what it is in every run."""
    for row in rows:
        if row[0].shape.is_map:
            sizes.setdefault(row[0].number, [value.shape.size for value in row])


def holds(layer: Layer, cases: list[Case]) -> bool:
    """Whether a layer that resizes makes maps of the sizes that it made in all cases."""
    if not isinstance(layer, Upsample | Crop | AdaptiveAvgPool | AdaptiveMaxPool):
        return True
    if isinstance(layer, Crop) and not is_middle(cases):
        return True  # to a size the language crops the middle alone: this one is of the first case's sides
    try:
        return all(layer.output(x).size == each.output(x).size for each, x in cases)
    except Misfit:
        return False


def to_size(layer: Layer, cases: list[Case]) -> Layer:
    """A crop as one to a size."""
    return Crop(size=layer.output(cases[0][1]).size) if isinstance(layer, Crop) else layer


def in_one_way(operations: list[Operation]) -> list[Operation]:
    """Where a convolution pads `"same"`, those that pad so at any size without saying it say it, too."""
    convolutions = [op.layer for op in operations if isinstance(op.layer, Conv | Depthwise)]
    if all(layer.pad != "same" for layer in convolutions):
        return operations
    return [
        op._replace(layer=op.layer.with_arguments(pad="same"))
        if isinstance(op.layer, Conv | Depthwise) and is_same_at_any_size(op.layer)
        else op
        for op in operations
    ]


def is_same_at_any_size(layer: Conv | Depthwise) -> bool:
    """Whether an odd kernel walks in steps of 1, and the pad is half of it."""
    if layer.stride != (1, 1) or layer.kernel_of() == (1, 1):
        return False
    spans = [(k - 1) * d for k, d in zip(layer.kernel_of(), layer.dilation, strict=True)]
    # 3x3 with dilation 2: spans [4, 4] -> (2, 2, 2, 2).
    halves = tuple(span // 2 for span in spans for _ in range(2))
    return layer.pad == halves and all(span % 2 == 0 for span in spans)


def is_alike(left: list[Operation], right: list[Operation]) -> bool:
    """Whether two runs did the same to values of other sizes."""
    return len(left) == len(right) and all(
        type(a.layer) is type(b.layer) and a.keys == b.keys and numbers(a) == numbers(b)
        for a, b in zip(left, right, strict=True)
    )


def numbers(operation: Operation) -> tuple[list[int], int]:
    return [value.number for value in operation.inputs], operation.output.number


Case = tuple[Layer, Shape]


def form(cases: list[Case]) -> Layer:
    """The layer of the first case, in the form that holds in the others, if there is one."""
    layer, x = cases[0]
    if isinstance(layer, Upsample) and layer.size is not None:
        return upsample(layer, cases)
    if isinstance(layer, Conv | Depthwise) and may_be_same(cases):
        return layer.with_arguments(pad="same")
    if isinstance(layer, Crop) and layer.sides is not None and is_to_size(cases):
        return Crop(size=layer.output(x).size)
    if isinstance(layer, AvgPool | MaxPool) and len(cases) > 1:
        whole = [isinstance(each, AvgPool | MaxPool) and covers(each, shape) for each, shape in cases]
        if all(whole) and len({shape.size for _, shape in cases}) > 1:
            return GlobalAvgPool() if isinstance(layer, AvgPool) else GlobalMaxPool()
    return layer


def upsample(layer: Upsample, cases: list[Case]) -> Upsample:
    """By a whole factor, where it is the same in all cases, or in all whose sizes it divides."""
    sizes = {each.output(shape).size for each, shape in cases}
    # F.interpolate(y, size=(64, 64)) makes that of any input.
    if len(sizes) == 1 and len({shape.size for _, shape in cases}) > 1:
        return layer
    # The third case is odd: 97 rows halved are 49, and 97 is no multiple of 49.
    factors = {whole_factor(*case) for case in cases[:2]}
    factor = factors.pop()
    if factors or factor is None:
        return layer
    return Upsample(factor=list(factor), mode=layer.mode, align=layer.align)


def whole_factor(layer: Layer, x: Shape) -> tuple[int, int] | None:
    """How many times larger the output is, if it is so many times."""
    (height, width), (h, w) = layer.output(x).size, x.size
    return (height // h, width // w) if height % h == 0 and width % w == 0 else None


def may_be_same(cases: list[Case]) -> bool:
    """Whether the pads are those of `pad="same"`, and follow the size."""
    pads = set()
    for layer, x in cases:
        if not isinstance(layer, Conv | Depthwise) or isinstance(layer.pad, str):
            return False
        sizes = zip(x.size, layer.kernel_of(), layer.stride, layer.dilation, strict=True)
        if layer.pad != tuple(amount for size in sizes for amount in same_padding(*size)):
            return False
        pads.add(layer.pad)
    # A pad of 0 and 1 at all sizes, even and odd, is one in numbers.
    return len(pads) > 1


def is_to_size(cases: list[Case]) -> bool:
    """Whether crops leave a middle of one size, whatever arrives."""
    windows = {layer.output(x).size for layer, x in cases}
    return is_middle(cases) and len(windows) == 1 and len({layer.value("sides") for layer, _ in cases}) > 1


def is_middle(cases: list[Case]) -> bool:
    """Whether crops leave as many rows and columns on both sides."""
    for layer, x in cases:
        if not isinstance(layer, Crop):
            return False
        top, left, height, width = layer.window(x)
        if (top, left) != ((x.size[0] - height) // 2, (x.size[1] - width) // 2):
            return False
    return True
