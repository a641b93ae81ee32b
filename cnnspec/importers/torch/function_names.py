"""The names of PyTorch's functions: those that do the same to the numbers have one."""

from __future__ import annotations

OTHERS = {
    "add": ("iadd", "radd"),
    "cat": ("concat", "concatenate"),
    "clip": ("clamp", "clamp_min"),
    "div": ("truediv", "itruediv", "divide", "true_divide"),
    "expand": ("expand_as", "broadcast_to"),
    "log_sigmoid": ("logsigmoid",),
    "max_pool2d": ("max_pool2d_with_indices",),
    "movedim": ("moveaxis",),
    "mul": ("imul", "rmul", "multiply"),
    "pow": ("ipow",),
    "same": ("alias", "clone", "contiguous", "cpu", "cuda", "data", "detach", "identity"),
    "split": ("chunk", "tensor_split"),
    "sub": ("isub", "subtract"),
    "to": ("bfloat16", "double", "float", "half", "type", "type_as"),
    "transpose": ("swapaxes", "swapdims"),
    "view": ("flatten", "reshape", "reshape_as", "unflatten", "view_as"),
}
"""What rows and formulas call a function, and its other names, as where it writes in place (`iadd`)."""

COMMON = {other: name for name, others in OTHERS.items() for other in others}

IN_ORDER = {"same", "squeeze", "to", "unsqueeze", "view"}
"""Functions after which all numbers still stand in their order."""


def common_name(name: str) -> str:
    """The name of all functions that do what this one does."""
    return COMMON.get(name, name)
