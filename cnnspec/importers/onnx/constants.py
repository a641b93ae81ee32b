"""Nodes of numbers alone are computed: exporters write the sizes of reshapes as such."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from onnx import helper

from cnnspec.importers.onnx.files import array
from cnnspec.importers.reading.arrays import Array
from cnnspec.importers.reading.flows import Refuse

MOST_ELEMENTS, MOST_REPEATED = 1 << 26, 1 << 31
"""So many numbers a computed tensor may have: files say sizes, and nothing else bounds them.

One number that is repeated takes no memory.
"""


def bounded(shape: Sequence[int], most: int = MOST_ELEMENTS) -> tuple[int, ...]:
    """The shape of what is to be computed. Raises Refuse where it is too large, ValueError where none."""
    sizes = tuple(map(int, shape))
    if any(size < 0 for size in sizes):
        raise ValueError(f"a tensor of shape {sizes}")
    if math.prod(sizes) > most:
        raise Refuse("E1006", f"a computed tensor of shape {sizes} is too large")
    return sizes


def numbers(given: Array) -> list[int]:
    return [int(each) for each in given.reshape(-1)]


def elementwise(function: Callable[..., Any]) -> Callable[..., Array]:
    def apply(*arrays: Array) -> Array:
        bounded(np.broadcast_shapes(*(each.shape for each in arrays)))
        made = np.asarray(function(*arrays))
        is_alike = made.dtype.kind == arrays[0].dtype.kind
        return made.astype(arrays[0].dtype) if is_alike else made

    return apply


def constant(
    *,
    value: Any = None,
    value_float: float | None = None,
    value_floats: Any = None,
    value_int: int | None = None,
    value_ints: Any = None,
) -> Array:
    if value is not None:
        return array(value, None)
    if value_float is not None or value_floats is not None:
        return np.array(value_floats if value_float is None else value_float, np.float32)
    return np.array(value_ints if value_int is None else value_int, np.int64)


def constant_of_shape(shape: Array, *, value: Any = None) -> Array:
    fill = np.zeros(1, np.float32) if value is None else array(value, None)
    return np.broadcast_to(fill.reshape(()), bounded(numbers(shape), MOST_REPEATED))


def cast(x: Array, *, to: int, saturate: int = 1) -> Array:
    del saturate  # of types that no array here has
    return x.astype(helper.tensor_dtype_to_np_dtype(to))


def concat(*arrays: Array, axis: int) -> Array:
    bounded([sum(each.size for each in arrays)])
    return np.concatenate(arrays, axis)


def gather(x: Array, indices: Array, *, axis: int = 0) -> Array:
    bounded([x.size // max(1, x.shape[axis]), indices.size])
    return np.asarray(np.take(x, indices, axis))


def unsqueeze(x: Array, given: Array | None = None, *, axes: Any = None) -> Array:
    return np.expand_dims(x, tuple(numbers(given) if given is not None else axes))


def squeeze(x: Array, given: Array | None = None, *, axes: Any = None) -> Array:
    places = numbers(given) if given is not None else axes
    return np.squeeze(x, None if places is None else tuple(places))


def reshape(x: Array, shape: Array, *, allowzero: int = 0) -> Array:
    sizes = numbers(shape)
    if not allowzero:
        sizes = [x.shape[place] if size == 0 else size for place, size in enumerate(sizes)]
    return x.reshape(sizes)


def flatten(x: Array, *, axis: int = 1) -> Array:
    return x.reshape(math.prod(x.shape[:axis]), -1)


def transpose(x: Array, *, perm: Any = None) -> Array:
    return np.transpose(x, perm)


def slice_(
    x: Array,
    start: Array | None = None,
    end: Array | None = None,
    along: Array | None = None,
    steps: Array | None = None,
    *,
    starts: Any = None,
    ends: Any = None,
    axes: Any = None,
) -> Array:
    first = numbers(start) if start is not None else starts
    last = numbers(end) if end is not None else ends
    places = numbers(along) if along is not None else axes if axes is not None else range(len(first))
    strides = numbers(steps) if steps is not None else [1] * len(first)
    index: list[slice] = [slice(None)] * x.ndim
    for place, *item in zip(places, first, last, strides, strict=True):
        index[place] = slice(*item)
    return np.asarray(x[tuple(index)])


def split(
    x: Array, sizes: Array | None = None, *, axis: int = 0, split: Any = None, num_outputs: int = 2
) -> list[Array]:
    given = numbers(sizes) if sizes is not None else split
    parts = num_outputs if given is None else np.cumsum(given)[:-1].tolist()
    return list(np.array_split(x, parts, axis))


def range_(start: Array, limit: Array, delta: Array) -> Array:
    first, last, step = (each.reshape(()).item() for each in (start, limit, delta))
    bounded([max(0, math.ceil((last - first) / step))])
    return np.asarray(np.arange(first, last, step)).astype(start.dtype)


def expand(x: Array, shape: Array) -> Array:
    sizes = np.broadcast_shapes(x.shape, tuple(numbers(shape)))
    return np.broadcast_to(x, bounded(sizes, MOST_REPEATED))


def tile(x: Array, repeats: Array) -> Array:
    bounded([size * times for size, times in zip(x.shape, numbers(repeats), strict=True)])
    return np.tile(x, numbers(repeats))


def reduced(function: Callable[..., Any]) -> Callable[..., Array]:
    def reduce(
        x: Array,
        given: Array | None = None,
        *,
        axes: Any = None,
        keepdims: int = 1,
        noop_with_empty_axes: int = 0,
    ) -> Array:
        places = numbers(given) if given is not None else axes
        if not places and noop_with_empty_axes:
            return x
        return np.asarray(function(x, axis=tuple(places) if places else None, keepdims=bool(keepdims)))

    return reduce


def divide(a: Array, b: Array) -> Array:
    """Whole numbers are cut off towards zero."""
    if a.dtype.kind not in "iu":
        return np.asarray(a / b)
    if not b.all():
        raise ValueError("a division by 0")
    return np.asarray(np.trunc(a / b)).astype(a.dtype)


def clip(
    x: Array,
    low: Array | None = None,
    high: Array | None = None,
    *,
    min: float | None = None,  # noqa: A002  # as ONNX calls it
    max: float | None = None,  # noqa: A002
) -> Array:
    return np.asarray(np.clip(x, min if low is None else low, max if high is None else high)).astype(x.dtype)


def batch_norm(
    x: Array,
    scale: Array,
    b: Array,
    mean: Array,
    var: Array,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
) -> Array:
    """Of filters, each one a channel, by their own statistics where it is in training."""
    del momentum  # of statistics that nothing here keeps
    spread = (1, -1, *[1] * (x.ndim - 2))
    if training_mode:
        places = tuple(place for place in range(x.ndim) if place != 1)
        mean, var = x.mean(places), x.var(places)
    norm = (x - mean.reshape(spread)) / np.sqrt(var.reshape(spread) + epsilon)
    return np.asarray(norm * scale.reshape(spread) + b.reshape(spread)).astype(x.dtype)


def shape(x: Array, *, start: int = 0, end: int | None = None) -> Array:
    return np.array(x.shape[start:end], np.int64)


def size(x: Array) -> Array:
    return np.array(x.size, np.int64)


def same(x: Array) -> Array:
    return x


def where(test: Array, a: Array, b: Array) -> Array:
    bounded(np.broadcast_shapes(test.shape, a.shape, b.shape))
    return np.where(test, a, b)


FOLDED: Mapping[str, Callable[..., Any]] = {
    "Add": elementwise(np.add),
    "And": elementwise(np.logical_and),
    "BatchNormalization": batch_norm,
    "Cast": cast,
    "Ceil": elementwise(np.ceil),
    "Clip": clip,
    "Concat": concat,
    "Constant": constant,
    "ConstantOfShape": constant_of_shape,
    "Div": elementwise(divide),
    "Equal": elementwise(np.equal),
    "Expand": expand,
    "Flatten": flatten,
    "Floor": elementwise(np.floor),
    "Gather": gather,
    "Greater": elementwise(np.greater),
    "Identity": same,
    "Less": elementwise(np.less),
    "Max": elementwise(np.maximum),
    "Min": elementwise(np.minimum),
    "Mod": elementwise(np.mod),
    "Mul": elementwise(np.multiply),
    "Neg": elementwise(np.negative),
    "Not": elementwise(np.logical_not),
    "Or": elementwise(np.logical_or),
    "Pow": elementwise(np.power),
    "Range": range_,
    "ReduceMax": reduced(np.max),
    "ReduceMean": reduced(np.mean),
    "ReduceMin": reduced(np.min),
    "ReduceProd": reduced(np.prod),
    "ReduceSum": reduced(np.sum),
    "Reciprocal": elementwise(np.reciprocal),
    "Reshape": reshape,
    "Shape": shape,
    "Size": size,
    "Slice": slice_,
    "Split": split,
    "Sqrt": elementwise(np.sqrt),
    "Squeeze": squeeze,
    "Sub": elementwise(np.subtract),
    "Tile": tile,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
    "Where": where,
}
"""Operators by name, as functions of arrays; attributes by keyword."""


def compute(
    operator: str, arrays: Sequence[Array | None], attributes: Mapping[str, Any], outputs: int
) -> list[Array] | None:
    """What an operator with so many outputs makes of numbers; None where it is none of these.

    Raises Refuse, and what NumPy does.
    """
    function = FOLDED.get(operator)
    if function is None:
        return None
    given = {"num_outputs": outputs, **attributes} if operator == "Split" else attributes
    with np.errstate(all="ignore"):
        made = function(*arrays, **given)
    return [np.asarray(each) for each in (made if isinstance(made, list) else [made])]
