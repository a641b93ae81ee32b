"""What modules compute from their weights alone: other views of them, and standardised filters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from cnnspec.importers.torch.function_names import IN_ORDER
from cnnspec.importers.torch.numbers import common_number, in_few_digits
from cnnspec.importers.torch.values import (
    Computed,
    ConstantTensor,
    Known,
    Noise,
    Scaled,
    Standardized,
    WeightTensor,
)


def compute(
    name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], shape: tuple[int, ...]
) -> Known | None:
    """What a function makes of a tensor of the state_dict, where that is known; None where it is not."""
    first = args[0] if args else None
    if name == "bernoulli" and isinstance(first, ConstantTensor) and len(args) == 1 and not kwargs:
        keep = common_number(first.tensor)
        return Noise(shape, keep) if keep is not None else None
    if not isinstance(first, WeightTensor | Scaled | Standardized):
        return None
    if name == "expand" and len(first.shape) <= len(shape):
        return first  # what it meets repeats it all the same
    # The size tells `w[None]` from `w[0]`, which is a part.
    if name in (*IN_ORDER, "getitem") and math.prod(first.shape) == math.prod(shape):
        return first._replace(shape=shape)
    if name in ("mul", "batch_norm") and isinstance(first, WeightTensor):
        return times(first, *args[1:], **kwargs) if name == "mul" else standardize(first, *args[1:], **kwargs)
    return None


def times(weight: WeightTensor, other: object) -> Known | None:
    """A weight times a fixed number."""
    return Scaled(weight.key, weight.shape, float(other)) if isinstance(other, int | float) else None


def standardize(
    filters: WeightTensor,
    running_mean: object = None,
    running_var: object = None,
    weight: object = None,
    bias: object = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Known | None:
    """A batch norm of filters, each of them a channel: Qiao et al. 2019, as timm computes it."""
    del momentum  # of statistics that are not kept
    is_norm = running_mean is running_var is bias is None and training
    # Filters as (1, made, arriving*h*w): a batch of one image, each filter a channel.
    if not is_norm or len(filters.shape) != 3 or filters.shape[0] != 1:
        return None
    if weight is None:
        return Standardized(filters.key, filters.shape, eps)
    if isinstance(weight, WeightTensor | Scaled) and weight.shape == filters.shape[1:2]:
        # The norm's weight is gain * gamma/sqrt(fan-in), a parameter times a number.
        factor = weight.factor if isinstance(weight, Scaled) else 1.0
        return Standardized(filters.key, filters.shape, eps, weight.key, factor)
    return None


def gamma_of(standardized: Standardized) -> float:
    """The gamma of which the module has computed gamma/sqrt(fan-in), with as few digits as are the same."""
    root = math.prod(standardized.shape[1:]) ** -0.5
    gamma = standardized.factor / root
    # 1.5*27**-0.5/27**-0.5 is 1.4999999999999998: the shortest gamma that makes the factor is meant.
    return in_few_digits(gamma, lambda each: each * root == standardized.factor)


def describe(name: str, given: Sequence[Known]) -> str:
    """What a function makes of weights, in words."""
    names = [each.how if isinstance(each, Computed) else getattr(each, "key", "") for each in given]
    return f"{name}({', '.join(filter(None, dict.fromkeys(names)))})"
