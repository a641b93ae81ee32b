"""The layers of the language: a table of names, each loaded from its family's file on first use."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnspec.layers.base import Layer

_TABLE = """
conv: conv depthwise convtranspose
pool: maxpool maxunpool avgpool blurpool globalavgpool globalmaxpool adaptiveavgpool adaptivemaxpool \
    channelmean channelmax
norm: batchnorm layernorm groupnorm instancenorm rmsnorm l2norm grn frn evonorms0 evonormb0 lrn
activation: relu relu6 hardtanh squaredrelu starrelu leakyrelu prelu elu selu gelu silu mish sigmoid tanh \
    hardswish hardsigmoid softplus softmax logsoftmax abs identity
dropout: dropout stochasticdepth
linear: flatten unflatten linear
resize: upsample pixelshuffle pixelunshuffle channelshuffle pad crop
channels: slice pick scale shift normalize channelconv
merge: add sub mul maximum minimum concat
"""
FAMILIES = {
    family: tuple(names.split())
    for family, _, names in (row.partition(":") for row in _TABLE.strip().split("\n"))
}
"""Module -> layers, in the order of the reference. A test keeps it true."""

_FAMILY = {name: family for family, names in FAMILIES.items() for name in names}
NAMES = tuple(_FAMILY)


@cache
def find(name: str) -> type[Layer] | None:
    """The class of a layer, or None where no layer bears the name."""
    if name not in _FAMILY:
        return None
    from cnnspec.layers.base import Layer

    members = vars(import_module(f"cnnspec.layers.{_FAMILY[name]}")).values()
    classes = (each for each in members if isinstance(each, type) and issubclass(each, Layer))
    return next(cls for cls in classes if cls.name == name)
