"""Activations: one value in, one value out, the shape unchanged."""

from __future__ import annotations

from cnnspec.layers.base import Call, Layer
from cnnspec.shapes import Shape


class ReLU(Layer):
    """max(0, x) (Nair and Hinton 2010)."""

    name = "relu"
    summary = "max(0, x)"
    example = "relu"
    torch_class = "nn.ReLU"

    def torch(self, x: Shape) -> Call:
        return Call("nn.ReLU")


class Tanh(Layer):
    """The hyperbolic tangent."""

    name = "tanh"
    summary = "tanh(x)"
    example = "tanh"
    torch_class = "nn.Tanh"

    def torch(self, x: Shape) -> Call:
        return Call("nn.Tanh")
