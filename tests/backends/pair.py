"""A net from both back ends on the same weights."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from cnnspec.backends import emit
from cnnspec.graph.tree import Network


def load(code: str, folder: Path) -> ModuleType:
    """Emitted code, imported from a file as its user would."""
    file = folder / f"emitted_{abs(hash(code))}.py"
    file.write_text(code, "utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


class Pair:
    """A net from both backends, on the same calibrated weights: a gain of 6 over PyTorch's start is He's."""

    def __init__(
        self,
        net: Network,
        folder: Path,
        precision: str = "float32",
        inference: bool = False,
        gain: float = 6,
    ) -> None:
        torch.manual_seed(0)
        self.torch: Any = getattr(load(emit("torch", net, "net.cnn"), folder), net.name)()
        generator = torch.Generator().manual_seed(0)
        for name, tensor in self.torch.state_dict().items():
            if name.endswith("running_mean"):
                tensor.normal_(0, 0.1, generator=generator)
            elif name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5, generator=generator)
            elif tensor.ndim > 1:
                tensor.mul_(gain**0.5)
        self.torch = self.torch.to(getattr(torch, precision))
        options = {"inference": True} if inference else {}
        self.module = load(emit("numpy", net, "net.cnn", **options), folder)
        self.numpy: Any = getattr(self.module, net.name)(seed=0)
        self.start = {name: tensor.copy() for name, tensor in self.numpy.params.items()}
        for name in self.numpy.params:
            self.numpy.params[name] = self.torch.state_dict()[name].numpy().copy()
        self.numpy.refresh()
        shapes = [given.value.shape for given in net.inputs]
        images = [torch.randn((2, *shape.dimensions), generator=generator) for shape in shapes if shape]
        self.images = [image.to(getattr(torch, precision)) for image in images]
        self.arrays = [image.numpy() for image in self.images]

    def to_float64(self) -> None:
        """All of it in float64."""
        self.torch = self.torch.double()
        for name, tensor in self.numpy.params.items():
            if tensor.dtype.kind == "f":
                self.numpy.params[name] = tensor.astype(np.float64)
        self.numpy.refresh()
        self.images = [image.double() for image in self.images]
        self.arrays = [image.numpy() for image in self.images]


def outputs(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


def close(made: Any, wanted: Any, bound: float) -> None:
    expected = wanted.detach().numpy()
    assert made.shape == expected.shape and made.dtype == expected.dtype
    assert np.abs(made - expected).max(initial=0) <= bound * np.abs(expected).max(initial=1e-30)


def without_dropout(pair: Pair) -> None:
    """Neither side drops anything, units or paths: their random numbers are not the same."""
    for module in pair.torch.modules():
        if type(module).__name__ in ("Dropout", "StochasticDepth", "BatchStochasticDepth"):
            module.p = 0.0
    for layer in pair.numpy.layers:
        if layer.kernel.__name__ == "dropout":
            layer.arguments["p"] = 0.0
