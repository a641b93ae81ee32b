"""Every layer, every argument, against PyTorch: values, gradients, running statistics."""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
from functools import reduce
from typing import Any

import numpy as np
import pytest
import torch

from cnnspec.backends.numpy import kernels
from cnnspec.backends.numpy.kernels.activation import erf
from cnnspec.backends.numpy.kernels.training import call_back
from cnnspec.backends.numpy.lowering import lower
from cnnspec.layers import FAMILIES
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape
from tests.backends.interpreter import join
from tests.layers.instantiate import MODULES, PARAMETERS, Case, batch, instantiate, make, title
from tests.layers.instantiate import run as run_module

BOUNDS = {"float32": (1e-5, 1e-4), "float64": (1e-10, 1e-8)}  # of the largest: values, gradients

ROUGH = {"hardsigmoid": 1e-7}
"""Gradients that PyTorch itself computes with float32's 1/6, whatever the precision."""

KERNELS: dict[str, Any] = {}
for found in pkgutil.iter_modules(kernels.__path__):
    KERNELS |= vars(importlib.import_module(f"{kernels.__name__}.{found.name}"))

ODD, BIG = Shape(4, 9, 7), Shape(6, 12, 11)

MORE: list[Case] = [
    ("conv", {"filter": Filter(6, (3, 2)), "stride": (2, 3), "dilation": (2, 1), "groups": 3}, BIG),
    ("conv", {"filter": Filter(4, (5, 5)), "pad": [4, 0, 1, 3], "mode": "reflect", "stride": 2}, BIG),
    ("conv", {"filter": Filter(4, (1, 1)), "stride": 2}, ODD),
    ("convtranspose", {"filter": Filter(4, (1, 4)), "stride": (3, 2), "pad": (0, 2), "extra": (2, 0)}, ODD),
    ("convtranspose", {"filter": Filter(6, (3, 3)), "dilation": (3, 1), "extra": (2, 0), "groups": 2}, BIG),
    ("maxpool", {"window": 3, "stride": 2, "ceil": True}, Shape(2, 8, 8)),
    ("maxpool", {"window": 2, "stride": 4, "pad": 1, "ceil": True, "dilation": 2}, ODD),
    ("avgpool", {"window": 3, "stride": 2, "pad": 1, "ceil": True}, Shape(2, 8, 8)),
    ("avgpool", {"window": (4, 3), "stride": 3, "pad": 1, "ceil": True, "countpad": False}, BIG),
    ("avgpool", {"window": 2, "stride": 3, "ceil": True, "divisor": 3}, Shape(2, 7, 8)),
    ("avgpool", {"window": 2, "stride": 2, "pad": 1, "divisor": -2}, Shape(2, 7, 8)),
    ("adaptiveavgpool", {"size": (1, 7)}, BIG),
    ("adaptivemaxpool", {"size": (13, 5)}, BIG),
    ("batchnorm", {"affine": False, "track": False}, Shape(5)),
    ("batchnorm", {"momentum": 0.0}, MAP := Shape(3, 4, 5)),
    ("instancenorm", {"track": True}, MAP),
    ("layernorm", {"over": "all", "bias": False}, MAP),
    ("layernorm", {"over": "all", "affine": False}, MAP),
    ("lrn", {"size": 9, "alpha": 2.0}, MAP),
    ("lrn", {"size": 1, "alpha": 0.1}, MAP),
    ("prelu", {"per": "channel"}, MAP),
    ("elu", {}, Shape(7)),
    ("softplus", {}, Shape(7)),
    ("logsoftmax", {}, Shape(7)),
    ("dropout", {"p": 0.0}, MAP),
    ("dropout", {"p": 1.0}, MAP),
    ("upsample", {"factor": 3, "mode": "bilinear", "align": True}, ODD),
    ("upsample", {"factor": [0.3, 2.7]}, BIG),
    ("upsample", {"factor": [0.3, 2.7], "mode": "bilinear"}, BIG),
    ("upsample", {"size": (1, 49), "mode": "bilinear", "align": True}, ODD),
    ("upsample", {"size": (49, 98)}, ODD),
    ("pad", {"pad": [4, 4, 6, 1], "mode": "circular"}, ODD),
    ("normalize", {"mean": 0.5, "std": [1, 2, 3]}, MAP),
]

CASES = MODULES + PARAMETERS + MORE
PRECISIONS = pytest.mark.parametrize("precision", BOUNDS)
TRAINING = pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])


def close(made: Any, wanted: torch.Tensor, bound: float, least: float = 1e-30) -> None:
    """Equal shapes and types; no difference above the bound times the largest number, or the least one."""
    expected = wanted.detach().numpy()
    assert made.shape == expected.shape
    assert made.dtype == expected.dtype
    assert np.abs(made - expected).max(initial=0) <= bound * np.abs(expected).max(initial=least)


def oracle(name: str, arguments: dict[str, Any], x: Shape, precision: str) -> Any:
    """PyTorch's module of a layer, its tensors moved off their start so that each one counts."""
    torch.manual_seed(3)
    module = instantiate(make(name, **arguments).torch(x))
    if isinstance(module, torch.nn.Parameter):
        return torch.nn.Parameter(module.data.to(getattr(torch, precision)))
    module = module.to(getattr(torch, precision))
    if name == "starrelu" or name in FAMILIES["norm"]:
        for key, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5) if key == "running_var" else tensor.normal_(0.3, 0.5)
    return module


def tensors_of(module: Any) -> dict[str, Any]:
    """The keywords of a kernel: the tensors of a module, copied."""
    if isinstance(module, torch.nn.Parameter):
        return {"weight": module.detach().numpy().copy()}
    return {name: tensor.numpy().copy() for name, tensor in module.state_dict().items()}


def tensor_names(kernel: str) -> list[str]:
    """The names of what a kernel takes behind its input: in their order its gradients come."""
    return list(inspect.signature(KERNELS[kernel]).parameters)[1:]


def run(
    name: str,
    arguments: dict[str, Any],
    x: Shape,
    precision: str,
    training: bool,
    images: int = 3,
    least: float = 1e-30,
) -> None:
    """Both ways forward and back through a layer, compared."""
    value, gradient = BOUNDS[precision]
    gradient = max(gradient, ROUGH.get(name, 0))
    module = oracle(name, arguments, x, precision)
    lowered = lower(make(name, **arguments), x)
    keywords = {**tensors_of(module), **lowered.arguments}
    if "training" in tensor_names(lowered.kernel):
        keywords["training"] = training
    image = batch(x, images).to(getattr(torch, precision)).requires_grad_()
    made = KERNELS[lowered.kernel](image.detach().numpy(), **keywords)
    if isinstance(module, torch.nn.Parameter):
        wanted = run_module(module, image, name)
        named = {"weight": module}
    else:
        wanted = module.train(training)(image)
        named = dict(module.named_parameters())
        for key, tensor in module.state_dict().items():
            close(keywords[key], tensor, value)  # running statistics moved alike
    close(made, wanted, value, least)
    upstream = torch.randn(wanted.shape, generator=torch.Generator().manual_seed(5), dtype=wanted.dtype)
    wanted.backward(upstream)
    if not training and any(name.startswith("running") for name in keywords):
        return  # gradients are those of training
    known = {**keywords, "y": made}
    first, *others = call_back(
        KERNELS[f"{lowered.kernel}_backward"], upstream.numpy(), [image.detach().numpy()], known
    )
    assert image.grad is not None
    close(first, image.grad, gradient, least)
    for key, made_gradient in zip(tensor_names(lowered.kernel), others, strict=False):
        if key in named:
            close(made_gradient, named[key].grad, gradient, least)


@PRECISIONS
@pytest.mark.parametrize("case", CASES, ids=title)
def test_a_layer_in_evaluation(case: Case, precision: str) -> None:
    run(*case, precision, training=False)


@PRECISIONS
@pytest.mark.parametrize(
    "case", [c for c in CASES if c[0] in ("batchnorm", "instancenorm", "evonormb0")], ids=title
)
def test_a_layer_in_training(case: Case, precision: str) -> None:
    run(*case, precision, training=True)


@PRECISIONS
@pytest.mark.parametrize(
    "name",
    ["add", "sub", "mul", "mul gates", "mul gates alone", "mul sides", "maximum", "minimum", "concat"],
)
def test_a_join(name: str, precision: str) -> None:
    """Of rounded numbers, of which many are equal: then `maximum` and `minimum` divide the gradient."""
    kind, _, gate = name.partition(" ")
    shapes = [Shape(4, 5, 3)] * (2 if kind == "sub" else 3)
    if kind == "concat":
        shapes[1] = Shape(7, 5, 3)
    elif gate == "sides":
        shapes[1:] = Shape(4, 5, 1), Shape(4, 1, 3)
    elif gate:
        shapes[1:] = Shape(4, 1, 1), Shape(1, 5, 3)
        shapes = shapes[gate == "gates alone" :]
    dtype = getattr(torch, precision)
    values = [batch(shape, seed=i).to(dtype).round().requires_grad_() for i, shape in enumerate(shapes)]
    wanted = {
        "add": lambda: sum(values[1:], values[0]),
        "sub": lambda: values[0] - values[1],
        "mul": lambda: math.prod(values),
        "maximum": lambda: reduce(torch.maximum, values),
        "minimum": lambda: reduce(torch.minimum, values),
        "concat": lambda: torch.cat(values, 1),
    }[kind]()
    arrays = [value.detach().numpy() for value in values]
    kernel = lower(make(kind), shapes[0]).kernel
    made = KERNELS[kernel](*arrays)
    close(made, wanted, BOUNDS[precision][0])
    upstream = torch.randn(wanted.shape, generator=torch.Generator().manual_seed(5), dtype=wanted.dtype)
    wanted.backward(upstream)
    backs = call_back(KERNELS[f"{kernel}_backward"], upstream.numpy(), arrays, {"y": made})
    for back, value in zip(backs, values, strict=True):
        assert value.grad is not None
        close(back, value.grad, BOUNDS[precision][1])


@PRECISIONS
def test_max_unpooling(precision: str) -> None:
    """Also where values are equal; the source has no gradient."""
    dtype = getattr(torch, precision)
    x = batch(Shape(4, 2, 2)).to(dtype).requires_grad_()
    source = batch(Shape(4, 5, 6), seed=1).to(dtype).round()
    wanted = join(make("maxunpool", window=(2, 3)), [x, source])
    arrays = x.detach().numpy(), source.numpy()
    made = KERNELS["max_unpool2d"](*arrays, (2, 3))
    close(made, wanted, BOUNDS[precision][0])
    upstream = batch(Shape(4, 5, 6), seed=2).to(dtype)
    wanted.backward(upstream)
    back, none = KERNELS["max_unpool2d_backward"](upstream.numpy(), *arrays, (2, 3))
    assert x.grad is not None and not none.any()
    close(back, x.grad, BOUNDS[precision][1])


@pytest.mark.parametrize("mode", ["units", "channels", "row", "batch"])
def test_dropout_drops_its_share(mode: str) -> None:
    x = np.ones((64, 32, 8, 8), np.float32)
    images = [KERNELS["dropout"](x, 0.25, mode, seed) for seed in range(40 if mode == "batch" else 4)]
    y = np.stack(images)
    assert set(np.unique(y)) == {np.float32(0), np.float32(1) / np.float32(0.75)}
    assert abs((y == 0).mean() - 0.25) < (0.2 if mode == "batch" else 0.06)
    whole = {
        "units": y,
        "channels": y[:, :, :, :1, :1],
        "row": y[:, :, :1, :1, :1],
        "batch": y[:, :1, :1, :1, :1],
    }
    assert (y == whole[mode]).all()
    assert (KERNELS["dropout_backward"](2 * x, x, 0.25, mode, 0) == 2 * y[0]).all()


@pytest.mark.parametrize(
    "name", ["softmax", "log_softmax", "sigmoid", "softplus", "silu", "mish", "elu", "gelu"]
)
def test_nothing_overflows(name: str) -> None:
    x = np.array([[-1e4, -100, 0, 100, 1e4]], np.float32)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y = KERNELS[name](x)
        (back,) = call_back(KERNELS[f"{name}_backward"], np.ones_like(x), [x], {"y": y})
        assert np.isfinite(back).all()
    assert np.isfinite(y).all()


def test_erf_is_good_to_the_last_digits() -> None:
    x = np.linspace(-7, 7, 20001)
    expected = np.array([math.erf(value) for value in x])
    assert np.abs(erf(x) - expected).max() < 3e-16
    single = erf(x.astype(np.float32))
    assert single.dtype == np.float32 and np.abs(single - expected).max() < 3e-7
