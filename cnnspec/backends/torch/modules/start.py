"""What a module's tensors start from."""

from __future__ import annotations

import torch
from torch import nn


def freeze(module: nn.Module) -> nn.Module:
    """Turn a module's parameters into buffers under the same keys, and return the module."""
    for name, parameter in list(module.named_parameters(recurse=False)):
        delattr(module, name)
        module.register_buffer(name, parameter.detach())
    return module


# The init_… repeat how a bias is set: a file is given few of them, and each is to be read by itself.
def init_bilinear(module: nn.Module) -> nn.Module:
    """Every kernel a tent: transposed with half its size as stride, it interpolates; bias 0."""
    weight = module.get_parameter("weight")
    tents = []
    for k in weight.shape[2:]:
        distance = (torch.arange(k) - (k - 1) / 2).abs()
        tents.append(1 - distance / ((k + 1) // 2))
    with torch.no_grad():
        weight.copy_(torch.outer(*tents))
    if module.bias is not None:
        nn.init.zeros_(module.get_parameter("bias"))
    return module


def init_he(module: nn.Module) -> nn.Module:
    """Weight ~ N(0, 2 / fan_in) (He et al. 2015), bias 0."""
    nn.init.kaiming_normal_(module.get_parameter("weight"), nonlinearity="relu")
    if module.bias is not None:
        nn.init.zeros_(module.get_parameter("bias"))
    return module


def init_normal(module: nn.Module, mean: float, std: float) -> nn.Module:
    """Weight ~ N(mean, std^2), bias 0."""
    nn.init.normal_(module.get_parameter("weight"), mean, std)
    if module.bias is not None:
        nn.init.zeros_(module.get_parameter("bias"))
    return module


def init_uniform(module: nn.Module, low: float, high: float) -> nn.Module:
    """Weight ~ U(low, high), bias 0."""
    nn.init.uniform_(module.get_parameter("weight"), low, high)
    if module.bias is not None:
        nn.init.zeros_(module.get_parameter("bias"))
    return module


def init_xavier(module: nn.Module) -> nn.Module:
    """Weight ~ U(-b, b) with b = sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010), bias 0."""
    nn.init.xavier_uniform_(module.get_parameter("weight"))
    if module.bias is not None:
        nn.init.zeros_(module.get_parameter("bias"))
    return module


def set_values(module: nn.Module, **values: object) -> nn.Module:
    """Start a module's parameters from these numbers, broadcast to their shapes, and return the module."""
    with torch.no_grad():
        for name, value in values.items():
            parameter = module.get_parameter(name)
            parameter.copy_(torch.tensor(value, dtype=parameter.dtype))
    return module
