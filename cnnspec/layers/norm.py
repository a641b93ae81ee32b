"""Normalisation."""

from __future__ import annotations

from typing import Any

from cnnspec.layers.base import Construction, Layer, Misfit, Weight, argument
from cnnspec.values.comparisons import Bound
from cnnspec.values.shapes import Shape

EPS = argument("float", 1e-5, low=0, doc="added to the variance", torch="eps")
AFFINE = argument("flag", True, doc="a trained weight and bias a channel follow", torch="affine")
BIAS = argument("flag", True, doc="`bias=no` leaves the weight alone", torch="bias")
MOMENTUM_DOC = "share of the new batch in the running statistics"


class _Norm(Layer):
    """(x - mean)/sqrt(variance + eps), and an affine map behind it."""

    eps: float
    affine: bool
    bias: bool
    track: bool = False

    def _shape(self, x: Shape) -> tuple[int, ...]:
        """That of the affine map's tensors."""
        return (x.channels,)

    def weights(self, x: Shape) -> tuple[Weight, ...]:
        names = ("weight", "bias") if self.bias else ("weight",)
        affine = tuple(Weight(name, self._shape(x)) for name in names) if self.affine else ()
        statistics = {"running_mean": (x.channels,), "running_var": (x.channels,), "num_batches_tracked": ()}
        return affine + tuple(Weight(*each, trained=False) for each in statistics.items() if self.track)

    def torch_keywords(self) -> dict[str, Any]:
        """PyTorch's newest argument stands only where it says something, so that older releases run too."""
        found = super().torch_keywords()
        return {name: value for name, value in found.items() if name != "bias" or not value}


class BatchNorm(_Norm):
    """Every channel less its mean over the batch, divided by its deviation. Ioffe and Szegedy 2015.

    In evaluation the running statistics stand in: running = (1 - momentum)*running + momentum*new.
    Weight, bias, running_mean, running_var: C; num_batches_tracked: one number.
    """

    summary = "every channel brought to mean 0 and deviation 1 over the batch, then weight*x + bias"
    torch_class = "nn.BatchNorm2d"
    eps: float = EPS._replace(doc="added to the variance; above 0")
    momentum: float | str = argument(
        "float",
        0.1,
        low=0,
        high=1,
        choices=("average",),
        doc=MOMENTUM_DOC + '; `"average"`: of all batches so far',
        torch="momentum",
    )
    affine: bool = AFFINE
    track: bool = argument(
        "flag", True, doc="keep running statistics for evaluation", torch="track_running_stats"
    )
    bias: bool = BIAS

    def settle(self) -> None:
        if not self.eps:
            message = "`eps` of a batch norm must be above 0: PyTorch does not train it"
            raise Misfit("E0304", message, "eps", data=Bound("above", 0))

    def torch(self, x: Shape) -> Construction:
        # With None PyTorch takes the mean of all batches.
        keywords = self.torch_keywords() | ({"momentum": None} if self.momentum == "average" else {})
        return Construction("nn.BatchNorm2d" if x.is_map else "nn.BatchNorm1d", (x.channels,), keywords)


class InstanceNorm(_Norm):
    """Every channel of every image less its own mean, divided by its own deviation. Ulyanov et al. 2016.

    No tensors unless `affine=yes` (weight, bias: C) or `track=yes` (running statistics for evaluation).
    """

    # 1x1 is refused, but 1x2 and 2x1 are not: it is no matter of the height or of the width alone.
    axes_apart = False
    summary = "every channel of every image brought to mean 0 and deviation 1"
    torch_class = "nn.InstanceNorm2d"
    takes_channels = True
    eps: float = EPS
    momentum: float = argument("float", 0.1, low=0, high=1, doc=MOMENTUM_DOC, torch="momentum")
    affine: bool = argument("flag", False, doc="a trained weight and bias a channel follow", torch="affine")
    track: bool = argument(
        "flag", False, doc="keep running statistics for evaluation", torch="track_running_stats"
    )
    bias: bool = BIAS

    def output(self, x: Shape) -> Shape:
        if self.need_map(x) == (1, 1):
            raise Misfit("E0413", f"`instancenorm` of {x}: one value a channel has no deviation")
        return x


class GroupNorm(_Norm):
    """Every group of channels of every image less its mean, divided by its deviation. Wu and He 2018.

    Weight and bias: C.
    """

    summary = "every group of channels of every image brought to mean 0 and deviation 1"
    example = "groupnorm 32"
    torch_class = "nn.GroupNorm"
    positional = ("groups",)
    groups: int = argument(
        "count", low=1, doc="number of groups; 1: all channels together", torch="num_groups"
    )
    eps: float = EPS
    affine: bool = AFFINE
    bias: bool = BIAS
    divides = "groups"

    def torch(self, x: Shape) -> Construction:
        keywords = self.torch_keywords()
        return Construction("nn.GroupNorm", (keywords.pop("num_groups"), x.channels), keywords)


class LayerNorm(_Norm):
    """Every pixel's channels less their mean, divided by their deviation; or all values of an image together.

    Ba, Kiros and Hinton 2016; over channels as in ConvNeXt (Liu et al. 2022).
    Weight and bias: C; C x H x W with `over="all"`; a vector is normalised over its features.
    """

    summary = "every pixel's channels, or all of an image, brought to mean 0 and deviation 1"
    example = "layernorm eps=1e-6"
    torch_class = "nn.LayerNorm"
    over: str = argument(
        "word",
        "channels",
        choices=("channels", "all"),
        doc="what is normalised together: a pixel, or the image",
        torch="normalized_shape",
    )
    eps: float = EPS
    affine: bool = argument("flag", True, doc="a trained weight and bias follow", torch="elementwise_affine")
    bias: bool = BIAS

    def _shape(self, x: Shape) -> tuple[int, ...]:
        return (x.channels, *x.size) if self.over == "all" and x.is_map else (x.channels,)

    def torch(self, x: Shape) -> Construction:
        shape = self._shape(x)
        name = "ChannelLayerNorm" if x.is_map and self.over == "channels" else "nn.LayerNorm"
        keywords = {"eps": self.eps, "elementwise_affine": self.affine, "bias": self.bias}
        return Construction(name, (shape if len(shape) > 1 else shape[0],), keywords)


class LocalResponseNorm(Layer):
    """x / (k + alpha * mean of the squares of `size` neighbouring channels)^beta, channels outside being 0.

    As in PyTorch and Caffe alpha is divided by size; Krizhevsky et al. 2012, section 3.3, do not divide it.
    """

    name = "lrn"
    summary = "x/(k + alpha/size * sum of squares over `size` neighbouring channels)^beta"
    example = "lrn 5 alpha=1e-4 beta=0.75 k=2"
    torch_class = "nn.LocalResponseNorm"
    positional = ("size",)
    size: int = argument(
        "int", low=1, doc="channels that count; (size - 1)//2 after, size//2 before", torch="size"
    )
    alpha: float = argument("float", 1e-4, doc="factor of the mean of squares", torch="alpha")
    beta: float = argument("float", 0.75, doc="exponent", torch="beta")
    k: float = argument("float", 1.0, doc="added to it", torch="k")
    maps_only = True


class RMSNorm(Layer):
    """Every pixel's channels, or all features, divided by the root of their mean square, times a weight.

    Zhang and Sennrich 2019, "Root mean square layer normalization". Weight: C.
    """

    summary = "x/sqrt(mean of squares over channels + eps), times a trained weight"
    example = "rmsnorm eps=1e-6"
    helper = "ChannelRMSNorm"
    takes_channels = True
    eps: float = EPS._replace(doc="added to the mean of squares")
    affine: bool = argument("flag", True, doc="a trained weight a channel follows", torch="affine")

    def weights(self, x: Shape) -> tuple[Weight, ...]:
        return (Weight("weight", (x.channels,)),) if self.affine else ()


class L2Norm(Layer):
    """Every pixel's channels, or all features, divided by their length: x/max(sqrt(sum of squares), eps).

    Liu et al. 2016, "ParseNet", section 3.2, where a `scale` follows.
    """

    summary = "x/max(length of the channels or features, eps)"
    helper = "L2Norm"
    eps: float = argument("float", 1e-12, low=0, doc="the least length", torch="eps")


class _Response(Layer):
    """A norm of maps whose tensors are of C numbers each."""

    takes_channels = maps_only = True
    eps: float

    def weights(self, x: Shape) -> tuple[Weight, ...]:
        return tuple(Weight(name, (x.channels,)) for name in ("weight", "bias"))


class GlobalResponseNorm(_Response):
    """x + weight * x * n + bias, n each channel's length over the mean of all channels' lengths.

    The length of a channel is the root of its sum of squares over all pixels. Woo et al. 2023, "ConvNeXt V2",
    section 3.2. Weight and bias, both 0 at first: C.
    """

    name = "grn"
    summary = "x + weight*x*n + bias, n = length of the channel/mean length of all channels"
    helper = "GlobalResponseNorm"
    eps: float = argument("float", 1e-6, low=0, doc="added to the mean length", torch="eps")


class FilterResponseNorm(_Response):
    """max(weight * x/sqrt(mean of squares + eps) + bias, tau), the mean over a channel's pixels.

    Singh and Krishnan 2020, "Filter response normalization layer", section 3. Weight, bias and tau: C.
    """

    name = "frn"
    helper = "FilterResponseNorm"
    summary = "x/sqrt(mean of squares over the map + eps), weight*x + bias, then max(x, tau)"
    tlu: bool = argument(
        "flag", True, doc="the thresholded linear unit max(x, tau), tau trained", torch="tlu"
    )
    eps: float = argument("float", 1e-6, low=0, doc="added to the mean of squares", torch="eps")

    def weights(self, x: Shape) -> tuple[Weight, ...]:
        return super().weights(x) + ((Weight("tau", (x.channels,)),) if self.tlu else ())


class EvoNormS0(_Response):
    """weight * x * sigmoid(v * x)/d + bias, d the deviation of the channel's group in the image.

    Liu et al. 2020, "Evolving normalization-activation layers", table 2. Weight, bias and v: C.
    """

    summary = "weight*x*sigmoid(v*x)/deviation of a group of channels + bias"
    example = "evonorms0 32"
    positional = ("groups",)
    groups: int = argument("count", low=1, doc="number of groups")
    act: bool = argument("flag", True, doc="`act=no`: without sigmoid(v*x)")
    eps: float = EPS
    divides = "groups"

    def weights(self, x: Shape) -> tuple[Weight, ...]:
        return super().weights(x) + ((Weight("v", (x.channels,)),) if self.act else ())

    def torch(self, x: Shape) -> Construction:
        self.need_map(x)
        return Construction("EvoNormS0", (x.channels, self.groups), {"act": self.act, "eps": self.eps})


class EvoNormB0(_Response):
    """weight * x/max(d, v * x + s) + bias, d the channel's deviation in the batch, s the one in the image.

    Liu et al. 2020, "Evolving normalization-activation layers", table 2: a norm and an activation in one. In
    evaluation d is that of the running variance, (1 - momentum)*running + momentum*new. Weight, bias, v and
    running_var: C.
    """

    summary = "weight*x/max(deviation in the batch, v*x + deviation in the image) + bias"
    helper = "EvoNormB0"
    momentum: float = argument(
        "float", 0.1, low=0, high=1, doc="share of the new batch in running_var", torch="momentum"
    )
    eps: float = EPS._replace(doc="added to both variances")

    def weights(self, x: Shape) -> tuple[Weight, ...]:
        more = Weight("v", (x.channels,)), Weight("running_var", (x.channels,), False)
        return super().weights(x) + more
