"""Make a copy of a module whose tensors are on the meta device; the module itself stays as it is."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torch.overrides import TorchFunctionMode

from cnnspec.importers.refusals import Refusal, Refused
from cnnspec.importers.torch.trace import state_of

COUNTER = "num_batches_tracked"
"""PyTorch's batch norms read this number in Python: it stays a real one."""


class Copy(NamedTuple):
    """A module on the meta device; `values` are the numbers of its tensors without a key, by their id.

    `state` is its state_dict as it was copied.
    """

    module: nn.Module
    values: dict[int, Tensor]
    state: dict[str, Tensor]

    def changes(self) -> Iterator[Refusal]:
        """What runs have made of the state_dict's tensors: other tensors, fewer or more."""
        now = dict(state_of(self.module))
        for key in dict.fromkeys((*self.state, *now)):
            if key not in self.state:
                yield Refusal("E1010", f"`{key}` is made while the network runs: run the module once before")
            elif now.get(key) is not self.state[key]:
                yield Refusal("E1010", f"`{key}` becomes another tensor while the network runs")


def unwrap(module: nn.Module) -> nn.Module:
    """The module that wrappers for speed hold. Raises Refused for what cannot be read at all."""
    if not isinstance(module, nn.Module):
        raise Refused([Refusal("E1001", f"a value of type {type(module).__name__} is no module")])
    while True:
        # Wrappers may lie in each other: torch.compile(nn.DataParallel(net)).
        inner = getattr(module, "_orig_mod", None)  # of torch.compile
        if inner is None and isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = module.module
        if not isinstance(inner, nn.Module):
            break
        module = inner
    for problem in problems(module):
        raise Refused([Refusal("E1002", problem)])
    return module


def problems(module: nn.Module) -> Iterator[str]:
    """Why a module cannot be traced."""
    for path, inner in module.named_modules():
        at = f" ({type(inner).__name__} at {path})" if path else ""
        if isinstance(inner, torch.jit.ScriptModule):
            yield f"the module is scripted{at}: give the module that torch.jit was given"
        if "quantized" in type(inner).__module__.split("."):
            yield f"the module is quantised{at}: give it as it was before"
    for key, tensor in state_of(module):
        if isinstance(tensor, UninitializedParameter | UninitializedBuffer):
            yield f"`{key}` has no shape yet: run the lazy module once before"
        elif tensor.is_quantized:
            yield f"`{key}` is quantised: give the module as it was before"


class WithoutNumbers(TorchFunctionMode):
    """Copies of tensors that are no state of the module go to the meta device, too; single numbers stay."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[int, Tensor] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") != "__deepcopy__":
            return func(*args, **(kwargs or {}))
        tensor, memo = args
        if id(tensor) not in memo:
            value = tensor.detach() if tensor.is_meta else tensor.detach().cpu()
            # PyTorch takes a real single number beside meta tensors, and Python may read it: float(self.k).
            memo[id(tensor)] = value.clone() if value.dim() == 0 else value.to("meta")
            if not value.is_meta:
                self.values[id(memo[id(tensor)])] = value
        return memo[id(tensor)]


def copy_to_meta(module: nn.Module) -> Copy:
    """Copy a module, numbers left out. Raises Refused where it cannot be copied."""
    memo: dict[int, Any] = {}
    for key, tensor in state_of(module):
        # deepcopy takes what the memo has: shared tensors stay shared, and no weight is copied.
        memo[id(tensor)] = stand_in(tensor, key.endswith(COUNTER))
    mode = WithoutNumbers()
    try:
        with mode:
            found = copy.deepcopy(module, memo)
    except Exception as problem:
        said = f"the module cannot be copied: {type(problem).__name__}: {problem}"
        raise Refused([Refusal("E1002", said)]) from problem
    return Copy(found, mode.values, dict(state_of(found)))


def stand_in(tensor: Tensor, is_counter: bool) -> Tensor:
    """A tensor of the same shape and type without numbers."""
    if is_counter:
        return torch.zeros(tensor.shape, dtype=tensor.dtype)
    made = torch.empty_like(tensor, device="meta")
    # Parameter or not tells what is trained from what is a buffer.
    return nn.Parameter(made, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else made


class WithoutMemory(TorchFunctionMode):
    """Tensors that are made empty, as layers make their weights, go to the meta device."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.empty:
            return func(*args, **{**(kwargs or {}), "device": "meta"})
        return func(*args, **(kwargs or {}))
