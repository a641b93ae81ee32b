"""Find the layer that made the first number that is none."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def culprit(net: nn.Module, images: Tensor) -> str:
    """In words, the layer from which a loss that is not finite comes; `images` are prepared.

    Where weights are not finite, the gradient of the step before was not: of the layers that it ruined the
    last came first on the way back.
    """
    if not images.isfinite().all():
        return "the images hold what is no finite number"
    order: list[str] = []
    first: list[str] = []

    def watch(name: str) -> Any:
        def look(module: nn.Module, given: Any, made: Any) -> None:
            order.append(name)
            if not first and isinstance(made, Tensor) and not made.isfinite().all():
                first.append(name)

        return look

    leaves = [(name, module) for name, module in net.named_modules() if not [*module.children()]]
    hooks = [module.register_forward_hook(watch(name)) for name, module in leaves]
    with torch.no_grad():
        net(images)
    for hook in hooks:
        hook.remove()
    modules = dict(leaves)
    ruined = [name for name in order if not all(p.isfinite().all() for p in modules[name].parameters())]
    if ruined:
        return f"the gradient of the step before was not finite in {ruined[-1]}"
    return f"{first[0]} made it first" if first else "it came about in the loss itself"
