"""What PyTorch says of a layer that cnnspec refuses: the module is built from its arguments and run."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor, nn

from cnnspec.layers import FAMILIES
from cnnspec.layers.base import Layer, Misfit, convert
from cnnspec.values.shapes import Shape
from tests.layers.instantiate import instantiate, run
from tests.random.place import Refused

IMAGES = 2
LARGEST = 10**6
"""Inputs of so many numbers are made; larger ones stay on the meta device."""

ANY = ("",)
DIFFERENCES = (
    # code, layers, argument at fault ("": whichever), why PyTorch takes what cnnspec refuses
    ("E0304", ANY, "in", "PyTorch does not hear of what the author believes"),
    ("E0304", tuple(FAMILIES["norm"]), "", "it takes any numbers"),
    ("E0304", ("conv", "depthwise", "pad"), "pad", "a pad below 0 cuts off"),
    *[
        ("E0304", ("conv", "depthwise"), name, "it goes unused, without what it is for")
        for name in ("gain", "gamma", "eps")
    ],
    ("E0304", ("blurpool",), "pad", "the module is cnnspec's own: it pads as much as is said"),
    ("E0304", ("scale",), "dims", "it goes unused, where the number is fixed"),
    ("E0304", ("conv", "depthwise", "convtranspose", "linear"), "biases", "a list of one number is for all"),
    ("E0304", ("convtranspose",), "dilation", "a kernel of one tap has no distance to be 0"),
    ("E0304", ("crop", "slice", "pick"), "", "Python's indices below 0 count from the end"),
    ("E0304", ("normalize",), "", "the module is cnnspec's own: it broadcasts and divides by 0"),
    (
        "E0402",
        ("add", "sub", "mul", "maximum", "minimum"),
        "",
        "it broadcasts; a third path of `sub` is subtracted, too",
    ),
    ("E0405", ("adaptiveavgpool", "globalavgpool", "pad"), "", "a batch of vectors may be one map"),
    ("E0405", ("dropout",), "mode", "it warns of the missing axes, no more"),
    ("E0405", ("normalize",), "", "the module is cnnspec's own: it broadcasts"),
    ("E0406", ("linear",), "", "it works on the last axis: columns, where a map arrives"),
    ("E0412", ("crop", "slice"), "", "Python's slices end where there is no more"),
)
"""Deliberate differences; besides, PyTorch computes with sizes of 0, and no author means one."""


def deliberate(refused: Refused, made: list[int]) -> bool:
    """Whether PyTorch may make something of what is refused."""
    name = refused.layer.name if refused.layer else ""
    return min(made) < 1 or any(
        code == refused.code and (layers is ANY or name in layers) and argument in ("", refused.argument)
        for code, layers, argument, _ in DIFFERENCES
    )


def unchecked(cls: type[Layer], given: dict[str, Any]) -> Layer:
    """A layer of arguments that it may refuse: no ranges, and nothing checked against each other."""
    layer = object.__new__(cls)
    layer.__dict__.update(cls._defaults)
    for name, value in given.items():
        free = cls.arguments[name]._replace(low=None, high=None)
        layer.__dict__[cls._attributes[name]] = convert(name, free, value)
    with contextlib.suppress(Misfit):
        layer.settle()
    return layer


def torch_runs(refused: Refused) -> list[int] | None:
    """The shape of what PyTorch makes where cnnspec refuses; None where it refuses, too.

    Raises Misfit, ArithmeticError where the refused arguments name no module at all.
    """
    assert refused.layer is not None
    if refused.layer.is_join:
        return joined(refused.layer.name, refused.shapes)
    layer, x = unchecked(refused.layer, dict(refused.given)), refused.shapes[0]
    claim = refused.given.get("in") if refused.code == "E0410" else None
    call = layer.torch(x if claim is None else x.with_channels(claim))
    device = "cpu" if x.features < LARGEST else "meta"
    try:
        with torch.device(device), torch.no_grad():
            module = instantiate(call)
            images = torch.ones(IMAGES, *x.dimensions)
            ready = module if isinstance(module, nn.Parameter) else module.train()
            made = run(ready, images, refused.layer.name)
    except (
        RuntimeError,
        ValueError,
        TypeError,
        IndexError,
        AssertionError,
        ZeroDivisionError,
        OverflowError,
    ):
        return None
    assert isinstance(made, Tensor)
    return list(made.shape[1:])


def joined(name: str, shapes: tuple[Shape, ...]) -> list[int] | None:
    values = [torch.ones(IMAGES, *shape.dimensions, device="meta") for shape in shapes]
    try:
        if name == "concat":
            return list(torch.cat(values, dim=1).shape[1:])
        total = values[0]
        for value in values[1:]:
            total = total + value
    except RuntimeError:
        return None
    return list(total.shape[1:])
