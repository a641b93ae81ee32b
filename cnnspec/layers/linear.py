"""Vectors: flatten and linear."""

from __future__ import annotations

from typing import Any

from cnnspec.layers.base import Construction, Layer, Misfit, argument
from cnnspec.layers.size_formulas import FLATTENED
from cnnspec.layers.starting_values import BIASES, FROZEN, INIT, Valued, nesting, parse_init
from cnnspec.layers.windows import Window
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape


class Flatten(Layer):
    """C@HxW to a vector of C*H*W features, row-major: channels, then rows, then columns. A vector stays.

    With `order="HWC"` rows, then columns, then channels, as Keras and TensorFlow lay maps out.
    """

    summary = "a map as a vector, row-major: channels, rows, columns"
    size_formula = FLATTENED
    formula = f"{size_formula}"
    torch_class = "nn.Flatten"
    order: str = argument(
        "word", "CHW", choices=("CHW", "HWC"), doc="what counts slowest comes first: C channels"
    )

    def output(self, x: Shape) -> Shape:
        return Shape(x.features)

    def reads(self, x: Shape) -> None:
        return None

    def torch(self, x: Shape) -> Construction:
        if self.order == "HWC" and x.is_map:
            return Construction("FlattenPixels")
        return Construction("nn.Flatten", (), {"start_dim": 1, "end_dim": -1})


class Unflatten(Layer):
    """A vector of C*H*W features to C@HxW, row-major: the inverse of `flatten`."""

    summary = "a vector as a map, row-major: channels, rows, columns"
    formula = "C@HxW"
    example = "unflatten 16@5x5"
    example_input = "400"
    torch_class = "nn.Unflatten"
    positional = ("shape",)
    shape: Filter = argument(
        "filter", low=1, doc="channels, height and width of the map: `64@4x4`", torch="unflattened_size"
    )

    def output(self, x: Shape) -> Shape:
        if x.is_map:
            raise Misfit("E0406", f"`unflatten` works on vectors, but a map {x} arrives")
        count, (height, width) = self.shape
        if count * height * width != x.channels:
            message = f"`unflatten {self.shape}` takes {count * height * width} features, but {x} arrive"
            raise Misfit("E0304", message, "shape", f"{count}*{height}*{width} != {x}")
        return Shape(count, height, width)

    def reads(self, x: Shape) -> None:
        return None

    def torch(self, x: Shape) -> Construction:
        return Construction("nn.Unflatten", (1, (self.shape.count, *self.shape.kernel)))


class Linear(Valued):
    """Weighted sums of all features, plus a bias; with `pointwise=yes`, of every pixel's channels.

    Weight: units x features (channels, where pointwise); bias: units.
    """

    summary = "weighted sums of all features; with `pointwise=yes` of every pixel's channels"
    formula = "units; units@HxW where pointwise"
    example = "linear 120"
    example_input = "400"
    torch_class = "nn.Linear"
    positional = ("units",)
    units: int = argument("count", low=1, doc="features of the output", torch="out_features")
    bias: bool = argument("flag", True, doc="a number is added to each output", torch="bias")
    pointwise: bool = argument("flag", False, doc="on a map: the same sums at every pixel")
    init: str | None = INIT
    weights_: Any = argument(
        "numbers", None, doc="the numbers to start from: one for all, or units x features of them"
    )
    biases: Any = BIASES
    frozen: bool = FROZEN
    in_: int | None = argument(
        "count",
        None,
        low=1,
        doc="the features that arrive: inferred, and checked where written",
        torch="in_features",
    )

    def settle(self) -> None:
        super().settle()
        if self.init is not None and parse_init(self.init).name == "init_bilinear":
            raise Misfit("E0304", '`init="bilinear"` is for kernels, and `linear` has none', "init")

    def output(self, x: Shape) -> Shape:
        if self.pointwise:
            self.need_map(x)
        elif x.is_map:
            message = f"`linear` works on vectors, but a map {x} arrives"
            formula = f"flatten makes {x.channels}*{x.height}*{x.width} = {x.features} features of it"
            raise Misfit("E0406", message, None, formula)
        self.check_claim("channels" if self.pointwise else "features", x.channels)
        self.check_biases(self.units)
        # (): one number for all, or none given.
        if nesting(self.weights_) not in ((), (self.units, x.channels)):
            raise Misfit("E0304", f"`weights` must be {self.units} rows of {x.channels} numbers", "weights")
        return x.with_channels(self.units)

    def filters(self, x: Shape) -> int:
        return self.units

    def kernel_shape(self, x: Shape) -> tuple[int, ...]:
        return self.units, x.channels

    def macs(self, x: Shape) -> int:
        return x.features * self.units

    def reads(self, x: Shape) -> tuple[Window, Window] | None:
        return super().reads(x) if self.pointwise else None

    def torch(self, x: Shape) -> Construction:
        name = "PointwiseLinear" if self.pointwise else "nn.Linear"
        return self.finish(Construction(name, (x.channels, self.units), {"bias": self.bias}), self.weights_)
