"""An oracle for emitted code: runs the flat graph node by node, each layer by its own module."""

from __future__ import annotations

import operator
import sys
from functools import reduce
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnspec.analysis.unroll import Graph, unroll
from cnnspec.backends import emit
from cnnspec.graph.tree import Network
from cnnspec.layers.base import Layer
from tests.layers.instantiate import instantiate, run
from tests.nets import network


def load(code: str) -> ModuleType:
    """The module that some emitted code is."""
    module = ModuleType("emitted")
    sys.modules["emitted"] = module
    exec(compile(code, "emitted.py", "exec"), module.__dict__)
    return module


def build(net: Network, **arguments: Any) -> nn.Module:
    """The emitted model of a net, on seeded weights that no two tensors share."""
    torch.manual_seed(1)
    classes = [c for c in vars(load(emit("torch", net, "net.cnn"))).values() if isinstance(c, type)]
    model: nn.Module = [c for c in classes if issubclass(c, nn.Module)][-1](**arguments)
    for name, tensor in model.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
        elif tensor.is_floating_point() and tensor.dim() < 2:
            tensor.normal_(0, 0.3)
    return model


class Interpreter:
    """Runs a graph with the weights of a state_dict."""

    def __init__(self, net: Network, state: dict[str, Tensor], training: bool) -> None:
        self.graph: Graph = unroll(net)
        self.modules: dict[str, Any] = {}
        self.training = training
        self.needed = {at for _, at, train in self.graph.outputs if training or not train}
        for node in reversed(self.graph.nodes):
            if node.path in self.needed:
                self.needed.update(node.inputs)
        self.keys: set[str] = set()
        for node in self.graph.nodes:
            path = node.path.partition(" (")[0]
            if path in self.modules or node.layer.is_join:
                continue
            module = instantiate(node.layer.torch(node.shapes[0]))
            if isinstance(module, nn.Parameter):
                self.keys.add(path)
                module.data.copy_(state[path])
            else:
                own = {f"{path}.{key}": key for key in module.state_dict()}
                self.keys |= set(own)
                module.load_state_dict({key: state[full] for full, key in own.items()})
                module.train(training)
            self.modules[path] = module

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        values = {name: x for (name, _), x in zip(self.graph.inputs, inputs, strict=True)}
        for node in self.graph.nodes:
            if node.path not in self.needed:
                continue
            arriving = [values[name] for name in node.inputs]
            if node.layer.is_join:
                values[node.path] = join(node.layer, arriving)
            else:
                module = self.modules[node.path.partition(" (")[0]]
                x = arriving[0]
                values[node.path] = run(module, x, node.layer.name)
            assert list(values[node.path].shape[1:]) == node.output.dimensions, node.path
        return [values[at] for _, at, train in self.graph.outputs if self.training or not train]


def join(layer: Layer, values: list[Tensor]) -> Tensor:
    name = layer.name
    if name == "concat":
        return torch.cat(values, dim=1)
    if name == "maxunpool":
        unpool, source = nn.MaxUnpool2d(layer.value("window")), values[1]
        places = F.max_pool2d(source, unpool.kernel_size, return_indices=True)[1]
        unpooled: Tensor = unpool(values[0], places, list(source.shape[2:]))
        return unpooled
    made: Tensor = reduce(ELEMENTWISE[name], values)
    return made


ELEMENTWISE = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
}


def agree(text: str, name: str | None = None, training: bool = False) -> nn.Module:
    """Assert that the emitted model does what the flat graph says; the model."""
    net = network(text, name)
    model = build(net).train(training)
    oracle = Interpreter(net, {k: v.clone() for k, v in model.state_dict().items()}, training)
    assert set(model.state_dict()) == oracle.keys
    generator = torch.Generator().manual_seed(2)
    inputs = [torch.randn((2, *shape.dimensions), generator=generator) for _, shape in oracle.graph.inputs]
    with torch.no_grad():
        torch.manual_seed(3)
        made = model(*inputs)
        torch.manual_seed(3)
        wanted = oracle(*inputs)
    results = [made] if isinstance(made, Tensor) else list(made)
    assert len(results) == len(wanted)
    for result, expected in zip(results, wanted, strict=True):
        torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)
    return model
