"""The numbers that a layer's tensors start from: init, fixed kernels, frozen tensors."""

from __future__ import annotations

import math
from typing import Any

from cnnspec.layers.base import Construction, Layer, Misfit, Weight, argument
from cnnspec.values.shapes import Shape

INIT = argument(
    "text",
    None,
    doc='how the kernel starts: `"he"`, `"xavier"`, `"normal(0, 0.01)"` (mean, deviation), '
    '`"uniform(-1, 1)"` or `"bilinear"`, the bias then at 0; if not given, as PyTorch starts it',
)
WEIGHTS = argument(
    "numbers", None, doc="fixed kernel: rows of numbers for all filters and channels, or a list, one a filter"
)
CLAIM = argument("count", None, low=1, doc="the channels that arrive: inferred, and checked where written")
BIASES = argument("numbers", None, doc="fixed bias: a number, or a list, one a filter")
FROZEN = argument("flag", False, doc="the tensors are buffers, never trained")

_INITS = ("bilinear", "he", "normal", "uniform", "xavier")


def parse_init(text: str) -> Construction:
    """The helper of an init and its numbers, the module still missing. Raises Misfit."""
    word, _, rest = text.replace(" ", "").partition("(")
    numbers = [_number(part) for part in rest[:-1].split(",")] if rest.endswith(")") else []
    wanted = 2 if word in ("normal", "uniform") else 0
    # `he` has no brackets at all, `normal(0, 1)` has both.
    complete = rest.endswith(")") if wanted else not rest and "(" not in text
    if word not in _INITS or not complete or len(numbers) != wanted or None in numbers:
        wants = '"he", "xavier", "normal(mean, deviation)", "uniform(low, high)" or "bilinear"'
        raise Misfit("E0303", f'`init` wants {wants}, not "{text[:40]}"', "init")
    first, second = (numbers[0] or 0.0, numbers[1] or 0.0) if wanted else (0.0, 0.0)
    if word == "normal" and second < 0:
        raise Misfit("E0304", f"the deviation of `init` must be at least 0, not {second:g}", "init")
    if word == "uniform" and first > second:
        raise Misfit("E0304", f"`init` wants the lower bound first, not {first:g} before {second:g}", "init")
    return Construction(f"init_{word}", tuple(numbers))


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


class Valued(Layer):
    """A layer with a weight and a bias whose first numbers may be said."""

    bias: bool
    init: str | None = INIT
    weights_: Any = WEIGHTS
    biases: Any = BIASES
    frozen: bool = FROZEN
    in_: int | None = CLAIM

    def settle(self) -> None:
        if self.init is not None:
            parse_init(self.init)
        if not self.bias and self.biases is not None:
            raise Misfit("E0304", "`biases` are given but `bias=no`", "biases")

    def filters(self, x: Shape) -> int:
        raise NotImplementedError

    def kernel_shape(self, x: Shape) -> tuple[int, ...]:
        """The weight's shape."""
        raise NotImplementedError

    def weights(self, x: Shape) -> tuple[Weight, ...]:
        weight = Weight("weight", self.kernel_shape(x), not self.frozen)
        return (weight, Weight("bias", (self.filters(x),), not self.frozen)) if self.bias else (weight,)

    def check_biases(self, filters: int) -> None:
        """One number, or one a filter. Raises Misfit."""
        shape = nesting(self.biases)
        if shape not in ((), (filters,)):
            message = f"`biases` must be a number or a list of {filters}, {_written(shape)}"
            raise Misfit("E0304", message, "biases")

    def finish(self, module: Construction, weights: Any) -> Construction:
        """The module with its numbers set and its tensors frozen; `weights` broadcast to the weight."""
        values = {"weight": weights, "bias": self.biases}
        given = {name: value for name, value in values.items() if value is not None}
        # Where the weight is given and there is no bias, nothing is left for an init to start.
        if self.init is not None and not (weights is not None and not self.bias):
            helper, numbers, _ = parse_init(self.init)
            module = Construction(helper, (module, *numbers))
        if given:
            module = Construction("set_values", (module,), given)
        return Construction("freeze", (module,)) if self.frozen else module


def nesting(values: Any) -> tuple[int, ...] | None:
    """The shape of nested lists; None where they are ragged."""
    if not isinstance(values, list):
        return ()
    inner = {nesting(item) for item in values}
    # Items of one shape leave the set empty when that is taken out.
    shape = inner.pop()
    return None if inner or shape is None else (len(values), *shape)


def _written(shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return "but its lists differ in length"
    return f"not {'x'.join(map(str, shape))} numbers" if shape else "not one number"


def kernel_values(values: Any, shape: tuple[int, ...], filter_axis: int, groups: int) -> Any:
    """`weights` as lists that broadcast to a convolution's weight of this shape. Raises Misfit.

    `filter_axis` is the weight's axis that counts filters: 0, or 1 where the convolution is transposed.
    """
    if values is None:
        return None
    found, kernel = nesting(values), shape[2:]
    filters = shape[0] if filter_axis == 0 else shape[1] * groups
    if found in ((), kernel, shape):
        return values
    if found == (filters, *kernel):
        if filter_axis == 0:
            # count x 1 x kh x kw: a filter's kernel for all channels.
            return [[rows] for rows in values]
        # Transposed, 1 x count x kh x kw. In groups the filters do not all lie along that axis.
        if groups == 1:
            return [values]
    height, width = kernel
    message = f"`weights` must be {height}x{width} numbers, or {filters} of such kernels, {_written(found)}"
    raise Misfit("E0304", message, "weights")
