"""A net over several processes: each holds a part of every tensor (FSDP2); norms see the whole batch."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
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


# Batch norms take the statistics of the whole batch, as in one process


class Total(torch.autograd.Function):
    """The sum over all processes; the gradient is that of all of them."""

    @staticmethod
    def forward(_: Any, part: Tensor) -> Tensor:
        whole = part.clone()
        dist.all_reduce(whole)
        return whole

    @staticmethod
    def backward(_: Any, *grads: Tensor) -> Tensor:
        whole = grads[0].clone()
        dist.all_reduce(whole)
        return whole


def total(part: Tensor) -> Tensor:
    made: Tensor = Total.apply(part)  # type: ignore[no-untyped-call]
    return made


class SharedNorm(nn.modules.batchnorm._BatchNorm):
    """What PyTorch's SyncBatchNorm is on GPUs, for any device and for parts of a batch that are empty."""

    def _check_input_dim(self, images: Tensor) -> None:
        """Any number of axes will do."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        axes = [0, *range(2, x.ndim)]
        shape = (1, -1, *[1] * (x.ndim - 2))
        # Values of each channel here; parts of a batch may differ by an image, or be empty.
        count = torch.tensor(float(x.numel() // x.shape[1]), device=x.device)
        dist.all_reduce(count)
        mean = total(x.sum(axes)) / count
        # In two rounds, for E[x^2] - E[x]^2 cancels where the mean is large beside the deviation.
        centred = x - mean.view(shape)
        variance = total(centred.square().sum(axes)) / count
        if self.running_mean is not None and self.running_var is not None:
            # Running variances are those of the population: n/(n - 1), as PyTorch has them.
            self.update_statistics(mean.detach(), variance.detach() * count / (count - 1))
        made: Tensor = centred * (variance + self.eps).rsqrt().view(shape)
        return made * self.weight.view(shape) + self.bias.view(shape) if self.affine else made

    @torch.no_grad()
    def update_statistics(self, mean: Tensor, variance: Tensor) -> None:
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        for running, now in ((self.running_mean, mean), (self.running_var, variance)):
            assert running is not None
            running.lerp_(now, share)


def share_norms(net: nn.Module) -> nn.Module:
    """The same net, under the same keys, its batch norms over all processes."""
    if torch.cuda.is_available():
        found: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(net)  # type: ignore[no-untyped-call]
        return found
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            # The same object: its tensors, its keys and the places that refer to it stay.
            module.__class__ = SharedNorm
    return net
