"""Activations: one value in, one value out, the shape unchanged."""

from __future__ import annotations

from typing import Any

from cnnspec.layers.base import Construction, Layer, Misfit, Weight, argument
from cnnspec.values.comparisons import Bound
from cnnspec.values.shapes import Shape


class _InPlace(Layer):
    """An activation that PyTorch can write over what arrives; `in_place` is for a rewrite to set."""

    in_place = False

    def torch_keywords(self) -> dict[str, Any]:
        return super().torch_keywords() | ({"inplace": True} if self.in_place else {})


class ReLU(_InPlace):
    """max(0, x). Nair and Hinton 2010."""

    summary = "max(0, x)"
    torch_class = "nn.ReLU"


class ReLU6(_InPlace):
    """min(max(0, x), 6). Krizhevsky 2010; MobileNets."""

    summary = "min(max(0, x), 6)"
    torch_class = "nn.ReLU6"


class HardTanh(_InPlace):
    """min(max(low, x), high). Collobert 2004, "Large scale machine learning", section 5.1."""

    summary = "min(max(low, x), high)"
    torch_class = "nn.Hardtanh"
    positional = ("low", "high")
    low: float = argument("float", -1.0, doc="the least value", torch="min_val")
    high: float = argument("float", 1.0, doc="the largest value; above `low`", torch="max_val")

    def settle(self) -> None:
        if self.low >= self.high:
            message = f"`high={self.high:g}` must be above `low={self.low:g}`"
            raise Misfit("E0304", message, "high", data=Bound("above", self.low))


class SquaredReLU(Layer):
    """max(0, x)^2. So et al. 2021, "Primer", section 4.2."""

    summary = "max(0, x)^2"
    helper = "SquaredReLU"


class StarReLU(Layer):
    """scale * max(0, x)^2 + bias with a trained scale and bias. Yu et al. 2022, "MetaFormer baselines".

    Scale and bias: 1 number each. The paper's 0.8944 and -0.4472 make mean 0 and variance 1 of N(0, 1).
    """

    summary = "scale*max(0, x)^2 + bias with a trained scale and bias"
    helper = "StarReLU"
    scale: float = argument("float", 1.0, doc="what the scale starts from", torch="scale")
    bias: float = argument("float", 0.0, doc="what the bias starts from", torch="bias")

    def weights(self, x: Shape) -> tuple[Weight, ...]:
        return Weight("scale", (1,)), Weight("bias", (1,))


class LeakyReLU(_InPlace):
    """x where x > 0, else slope * x. Maas, Hannun and Ng 2013."""

    summary = "x where x > 0, else slope*x"
    example = "leakyrelu 0.1"
    torch_class = "nn.LeakyReLU"
    positional = ("slope",)
    slope: float = argument("float", 0.01, doc="factor of the negative side", torch="negative_slope")


class PReLU(Layer):
    """x where x > 0, else a * x with a trained. He et al. 2015.

    Weight: 1, or C with `per="channel"`.
    """

    summary = "x where x > 0, else a*x with a trained a"
    example = 'prelu per="channel"'
    torch_class = "nn.PReLU"
    per: str = argument(
        "word",
        "layer",
        choices=("layer", "channel"),
        doc="one `a` in all, or one a channel",
        torch="num_parameters",
    )
    init: float = argument("float", 0.25, doc="what `a` starts from", torch="init")

    def _count(self, x: Shape) -> int:
        return x.channels if self.per == "channel" else 1

    def weights(self, x: Shape) -> tuple[Weight, ...]:
        return (Weight("weight", (self._count(x),)),)

    def torch(self, x: Shape) -> Construction:
        return Construction("nn.PReLU", (), {"num_parameters": self._count(x), "init": self.init})


class ELU(_InPlace):
    """x where x > 0, else alpha * (exp(x) - 1). Clevert, Unterthiner and Hochreiter 2016."""

    summary = "x where x > 0, else alpha*(exp(x) - 1)"
    torch_class = "nn.ELU"
    positional = ("alpha",)
    alpha: float = argument("float", 1.0, doc="what the negative side saturates at, negated", torch="alpha")


class SELU(_InPlace):
    """1.0507 * elu(x, alpha=1.6733). Klambauer et al. 2017."""

    summary = "1.0507*(x where x > 0, else 1.6733*(exp(x) - 1))"
    torch_class = "nn.SELU"


class GELU(Layer):
    """x * Phi(x), Phi the normal distribution's; or its approximation by tanh. Hendrycks and Gimpel 2016."""

    summary = "x*Phi(x) with Phi the normal distribution function"
    torch_class = "nn.GELU"
    approximate: str = argument(
        "word",
        "none",
        choices=("none", "tanh"),
        doc='`"tanh"`: x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x^3)))',
        torch="approximate",
    )


class SiLU(_InPlace):
    """x * sigmoid(x), also called swish. Elfwing, Uchibe and Doya 2017; Ramachandran et al. 2017."""

    summary = "x*sigmoid(x), also called swish"
    torch_class = "nn.SiLU"


class Mish(_InPlace):
    """x * tanh(softplus(x)). Misra 2019."""

    summary = "x*tanh(softplus(x))"
    torch_class = "nn.Mish"


class Sigmoid(Layer):
    """1/(1 + exp(-x))."""

    summary = "1/(1 + exp(-x))"
    torch_class = "nn.Sigmoid"


class Tanh(Layer):
    """The hyperbolic tangent."""

    summary = "tanh(x)"
    torch_class = "nn.Tanh"


class HardSwish(_InPlace):
    """x * relu6(x + 3)/6. Howard et al. 2019, "Searching for MobileNetV3"."""

    summary = "x*relu6(x + 3)/6"
    torch_class = "nn.Hardswish"


class HardSigmoid(_InPlace):
    """relu6(x + 3)/6. Howard et al. 2019, "Searching for MobileNetV3"."""

    summary = "relu6(x + 3)/6"
    torch_class = "nn.Hardsigmoid"


class Softplus(Layer):
    """log(1 + exp(beta * x))/beta; x itself where beta * x > threshold. Dugas et al. 2001."""

    summary = "log(1 + exp(beta*x))/beta, and x itself where beta*x > threshold"
    torch_class = "nn.Softplus"
    beta: float = argument("float", 1.0, doc="sharpness of the bend", torch="beta")
    threshold: float = argument(
        "float", 20.0, doc="where the line takes over, for the sake of precision", torch="threshold"
    )


class _OverChannels(Layer):
    def torch_keywords(self) -> dict[str, Any]:
        return {"dim": 1}


class Softmax(_OverChannels):
    """exp(x)/sum of exp(x) over the features of a vector, or over each pixel's channels. Bridle 1990.

    With `paths`, over the channels i, i + C/paths, i + 2*C/paths, …: shares of paths whose channels stand one
    behind the other, as in selective kernels (Li et al. 2019, section 3.1) and split attention.
    """

    summary = "shares of the whole, over channels or features, or over paths"
    torch_class = "nn.Softmax"
    divides = "paths"
    paths: int | None = argument("count", None, low=1, doc="the channels are those of so many paths")

    def torch(self, x: Shape) -> Construction:
        return super().torch(x) if self.paths is None else Construction("PathSoftmax", (self.paths,))


class LogSoftmax(_OverChannels):
    """The logarithm of softmax, computed without overflow."""

    summary = "the logarithm of softmax"
    torch_class = "nn.LogSoftmax"


class Abs(Layer):
    """|x|, the rectification of Jarrett et al. 2009, "What is the best multi-stage architecture"."""

    summary = "|x|"
    helper = "Abs"


class Identity(Layer):
    """Nothing: the value as it arrives."""

    summary = "nothing happens; in a join, the path that does nothing"
    torch_class = "nn.Identity"
