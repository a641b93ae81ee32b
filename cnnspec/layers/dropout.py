"""Noise for training: nothing happens in evaluation."""

from __future__ import annotations

from cnnspec.layers.base import Construction, Layer, argument
from cnnspec.values.shapes import Shape


class Dropout(Layer):
    """Each value, or each channel, is 0 with probability p while training; the others are divided by 1 - p.

    Units: Srivastava et al. 2014. Channels: Tompson et al. 2015.
    """

    summary = "while training, values are 0 with probability p, the others divided by 1 - p"
    example = "dropout 0.5"
    torch_class = "nn.Dropout"
    positional = ("p",)
    p: float = argument("float", 0.5, low=0, high=1, doc="probability to be dropped", torch="p")
    mode: str = argument("word", "units", choices=("units", "channels"), doc="what is dropped as a whole")

    def output(self, x: Shape) -> Shape:
        if self.mode == "channels":
            self.need_map(x)
        return x

    def torch(self, x: Shape) -> Construction:
        return Construction("nn.Dropout" if self.mode == "units" else "nn.Dropout2d", (), {"p": self.p})


class StochasticDepth(Layer):
    """Each image, or the whole batch, is 0 with probability p while training, else divided by 1 - p.

    Stands at the end of a residual path. Huang et al. 2016, "Deep networks with stochastic depth".
    """

    summary = "while training, a path's images are 0 with probability p, the others divided by 1 - p"
    example = "stochasticdepth 0.2"
    positional = ("p",)
    p: float = argument("float", low=0, high=1, doc="probability to be dropped")
    mode: str = argument(
        "word", "row", choices=("row", "batch"), doc="each image for itself, or the batch as one"
    )

    def torch(self, x: Shape) -> Construction:
        return Construction(
            "StochasticDepth" if self.mode == "row" else "BatchStochasticDepth", (), {"p": self.p}
        )
