"""Run a model that was read, layer by layer, with the weights of the module that it was read from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cnnspec.importers.model import Model, Operation
from tests.backends.interpreter import join
from tests.layers.instantiate import instantiate


class Net:
    """The layers of a model, their weights those of a state_dict."""

    def __init__(self, model: Model, state: dict[str, Tensor]) -> None:
        self.model = model
        self.layers = [self.layer(operation, state) for operation in model.operations]

    def layer(self, operation: Operation, state: dict[str, Tensor]) -> Any:
        if operation.layer.is_join:
            return lambda *values: join(operation.layer, list(values))
        made = instantiate(operation.layer.torch(operation.inputs[0].shape))
        tensors = {name: state[key] for name, key in operation.keys.items()}
        if isinstance(made, Tensor):
            spread = operation.layer.spread(operation.inputs[0].shape)  # type: ignore[attr-defined]
            numbers = tensors[""].reshape(spread) if spread else tensors[""]
            return lambda x: x * numbers if operation.layer.name == "scale" else x + numbers
        made.load_state_dict(tensors)
        return made

    def __call__(self, *images: Tensor, training: bool = False) -> list[Tensor]:
        """The outputs, those for training alone left out in evaluation."""
        values = {given.value.number: x for given, x in zip(self.model.inputs, images, strict=True)}
        for operation, layer in zip(self.model.operations, self.layers, strict=True):
            inputs = [values[value.number] for value in operation.inputs]
            if isinstance(layer, nn.Module):
                layer.train(training)
            values[operation.output.number] = layer(*inputs)
        return [values[o.value.number] for o in self.model.outputs if training or not o.training]


def tensors(result: Any) -> list[Tensor]:
    """The tensors that a module returned, in their order."""
    if isinstance(result, Tensor):
        return [result]
    values = result.values() if isinstance(result, dict) else result
    return [tensor for value in values if value is not None for tensor in tensors(value)]


def largest_difference(module: nn.Module, model: Model, *images: Tensor, training: bool = False) -> float:
    """Between what a module and the model read from it return, relative to the largest value."""
    net = Net(model, module.state_dict())
    module.train(training)
    with torch.no_grad():
        torch.manual_seed(1)
        wanted = tensors(module(*images))
        torch.manual_seed(1)
        found = net(*images, training=training)
    assert [x.shape for x in found] == [x.shape for x in wanted]
    pairs = zip(found, wanted, strict=True)
    return max(
        float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-30)) for ours, theirs in pairs
    )
