"""Numbers of tensors as a specification writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor


def shortest(tensor: Tensor) -> Any:
    """A tensor's numbers, nested as its axes are, each with as few digits as its precision allows."""
    tensor = tensor.detach()
    if tensor.dim():
        return [shortest(part) for part in tensor]
    number = float(tensor)
    if number.is_integer():
        return int(number)
    # float(torch.tensor(0.1)) is 0.10000000149011612: 0.1 makes the same float32.
    return in_few_digits(number, lambda each: bool(tensor.new_tensor(each) == tensor))


def in_few_digits(number: float, is_same: Callable[[float], bool]) -> float:
    """The number with the fewest digits that makes the same."""
    # 17 digits tell any two doubles apart.
    near = (float(f"{number:.{digits}g}") for digits in range(1, 18))
    return next(filter(is_same, near), number)


def common_number(tensor: Tensor) -> float | None:
    """The number that all of a tensor's are; None where they differ or are not known."""
    if tensor.is_meta or not tensor.numel():
        return None
    first = tensor.detach().flatten()[0]
    return float(shortest(first)) if bool((tensor == first).all()) else None


def sides(value: Any) -> tuple[int, int]:
    """One number an axis; PyTorch takes one for both, alone or in a list."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    height, width = values * 2 if len(values) == 1 else values
    return height, width
