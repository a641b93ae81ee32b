"""Shards: each of several processes holds a part of every tensor (FSDP2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor


def shard(net: nn.Module) -> nn.Module:
    """The same net, under the same keys, its tensors divided: a block's are whole only while it computes.

    The root's, too: an optimiser and an average take the parameters as they are after validation.
    """
    lists = nn.ModuleList | nn.ModuleDict  # which compute nothing themselves
    # The innermost first: a block owns what is in none of the blocks within it.
    for module in reversed([*net.modules()]):
        if module is net or ([*module.children()] and not isinstance(module, lists)):
            fully_shard(module, reshard_after_forward=True)
    return net


def whole(tensor: Tensor) -> Tensor:
    """The tensor of which this process holds a part; all of them ask at once."""
    made: Tensor = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return made


def part_of(tensor: Tensor, mine: Tensor) -> Tensor:
    """A whole tensor where `mine` is, divided or laid out as it is; a lone number is not."""
    moved = tensor.to(mine.device)
    if tensor.shape != mine.shape:
        return moved
    if isinstance(mine, DTensor):
        return distribute_tensor(moved, mine.device_mesh, mine.placements, src_data_rank=None)
    return torch.empty_like(mine, dtype=tensor.dtype, requires_grad=False).copy_(moved)
