"""The meta device, whose tensors have no numbers: a copy of a module on it, and calls of functions there."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torch.overrides import TorchFunctionMode

from cnnspec.importers.refusals import Refusal, refused
from cnnspec.importers.torch.nested import replaced

COUNTER = "num_batches_tracked"
"""PyTorch's batch norms read this number in Python: it stays a real one."""


MOVES = {"to", "cpu", "cuda"}
"""Functions that move a tensor to another device: a meta tensor stays where it is."""


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
        raise refused(f"a value of type {type(module).__name__} is no module")
    while True:
        # Wrappers may lie in each other: torch.compile(nn.DataParallel(net)).
        inner = getattr(module, "_orig_mod", None)  # of torch.compile
        if inner is None and isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = module.module
        if not isinstance(inner, nn.Module):
            break
        module = inner
    for problem in problems(module):
        raise refused(problem, "E1002")
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
        raise refused(said, "E1002") from problem
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


def state_of(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The tensors of the state_dict itself, a shared one under its first key alone."""
    kept = module.state_dict(keep_vars=True)
    return ((key, tensor) for key, tensor in kept.items() if isinstance(tensor, Tensor))


def call_on_meta(
    name: str, func: Any, given: list[Tensor], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Call a function: on meta tensors, where there is one among what it is given."""
    # Known without a call: PyTorch takes half of a run's time to find out what shape a batch norm makes.
    if func is nn.functional.batch_norm and given[0].is_meta:
        return torch.empty_like(given[0])
    if name in MOVES and given and given[0].is_meta:
        return moved(name, args, kwargs)
    # Images are on the meta device, a `torch.empty(n, 1, 1, 1)` is not: PyTorch refuses the two.
    if any(tensor.is_meta for tensor in given) and any(is_array(tensor) for tensor in given):
        args, kwargs = replaced(args, Tensor, without_numbers), replaced(kwargs, Tensor, without_numbers)
    return func(*args, **kwargs)


def moved(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """What a move makes of a meta tensor: at most another type of numbers."""
    tensor, *rest = args
    if name != "to":
        return tensor.to(device="meta")  # type: ignore[no-any-return]
    rest = [to_meta(each) for each in rest]
    return tensor.to(*rest, **kwargs | ({"device": "meta"} if "device" in kwargs else {}))  # type: ignore[no-any-return]


def to_meta(argument: Any) -> Any:
    """An argument of `to`, any device in it the meta device."""
    if isinstance(argument, Tensor):
        return argument.to("meta")
    is_device = isinstance(argument, str | torch.device) or type(argument) is int
    return "meta" if is_device else argument


def is_array(tensor: Tensor) -> bool:
    """Whether it has numbers, and more than one: PyTorch joins only single ones with meta tensors."""
    return not tensor.is_meta and tensor.dim() > 0


def without_numbers(tensor: Tensor) -> Tensor:
    return tensor.to("meta") if is_array(tensor) else tensor
