"""Shards: each of several processes holds a part of every tensor (FSDP2)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor


def shard(net: nn.Module) -> nn.Module:
    """The same net, under the same keys, its tensors divided: a block's are whole only while it computes.

    The root's, too: an optimiser and an average take the parameters as they are after validation.
    """
    lists = nn.ModuleList | nn.ModuleDict  # which compute nothing themselves
    for module in reversed([*net.modules()]):
        if module is net or ([*module.children()] and not isinstance(module, lists)):
            fully_shard(module, reshard_after_forward=True)
    return net


def whole(tensor: Tensor) -> Tensor:
    """The tensor of which this process holds a part; all of them ask at once."""
    made: Tensor = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return made


def part_of(tensor: Tensor, mine: Tensor) -> Tensor:
    """A whole tensor where `mine` is, and divided as it is; a lone number is not."""
    moved = tensor.to(mine.device)
    if not isinstance(mine, DTensor) or tensor.shape != mine.shape:
        return moved
    return distribute_tensor(moved, mine.device_mesh, mine.placements, src_data_rank=None)
