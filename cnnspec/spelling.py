"""What was meant by a name that does not exist: the nearest of those that do, or what others call it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

ALIASES: dict[str, tuple[str, ...]] = {
    # layers, as PyTorch, Keras, Caffe, Darknet and papers call them
    "activation": ("relu",),
    "avg": ("avgpool",),
    "averagepooling2d": ("avgpool",),
    "averagepool": ("avgpool",),
    "batchnormalization": ("batchnorm",),
    "bn": ("batchnorm",),
    "concatenate": ("concat",),
    "cat": ("concat",),
    "convolution": ("conv",),
    "convolutional": ("conv",),
    "conv2d": ("conv",),
    "conv2dtranspose": ("convtranspose",),
    "deconv": ("convtranspose",),
    "deconvolution": ("convtranspose",),
    "dense": ("linear",),
    "densely": ("linear",),
    "depthwiseconv": ("depthwise",),
    "dropblock": ("stochasticdepth",),
    "droppath": ("stochasticdepth",),
    "fc": ("linear",),
    "fullyconnected": ("linear",),
    "full": ("linear",),
    "gap": ("globalavgpool",),
    "globalaveragepooling2d": ("globalavgpool",),
    "globalaveragepool": ("globalavgpool",),
    "globalmaxpooling2d": ("globalmaxpool",),
    "globalpool": ("globalavgpool", "globalmaxpool"),
    "gmp": ("globalmaxpool",),
    "gn": ("groupnorm",),
    "innerproduct": ("linear",),
    "interpolate": ("upsample",),
    "lrelu": ("leakyrelu",),
    "leaky": ("leakyrelu",),
    "ln": ("layernorm",),
    "localresponsenorm": ("lrn",),
    "maxpooling2d": ("maxpool",),
    "maxpooling": ("maxpool",),
    "multiply": ("mul",),
    "pool": ("maxpool", "avgpool"),
    "pooling": ("maxpool", "avgpool"),
    "residual": ("add",),
    "reshape": ("flatten",),
    "resize": ("upsample",),
    "route": ("concat",),
    "separableconv": ("depthwise",),
    "shortcut": ("add", "identity"),
    "skip": ("identity", "add"),
    "spatialdropout2d": ("dropout",),
    "subtract": ("sub",),
    "sum": ("add",),
    "swish": ("silu",),
    "upsampling2d": ("upsample",),
    "view": ("flatten",),
    "zeropad": ("pad",),
    "zeropadding2d": ("pad",),
    # arguments
    "alpha": ("slope", "alpha"),
    "affine": ("affine",),
    "border": ("pad",),
    "dilation_rate": ("dilation",),
    "drop": ("rate", "p"),
    "epsilon": ("eps",),
    "factor": ("factor", "scale"),
    "features": ("in", "width"),
    "filters": ("filter",),
    "group": ("groups",),
    "in_channels": ("in",),
    "in_features": ("in",),
    "initializer": ("init",),
    "kernel": ("filter", "size", "window"),
    "kernel_size": ("filter", "size", "window"),
    "ksize": ("filter", "size", "window"),
    "negative_slope": ("slope",),
    "out": ("filter", "width"),
    "out_channels": ("filter", "width"),
    "out_features": ("width", "units"),
    "p": ("rate", "p"),
    "padding": ("pad",),
    "padding_mode": ("mode",),
    "pool_size": ("window", "size"),
    "prob": ("rate", "p"),
    "probability": ("rate", "p"),
    "rate": ("dilation", "p"),
    "scale_factor": ("factor", "scale"),
    "size": ("window", "size"),
    "step": ("stride",),
    "strides": ("stride",),
    "trainable": ("frozen",),
    "units": ("width", "units"),
    "use_bias": ("bias",),
    # values
    "false": ("no",),
    "no": ("no",),
    "off": ("no",),
    "on": ("yes",),
    "true": ("yes",),
    "valid": ("0",),
}
"""What people coming from elsewhere write, in lower case, and what it may mean here."""

_MOST = 3


def suggest(word: str, candidates: Iterable[str]) -> list[str]:
    """The candidates that may have been meant, the likeliest first; at most three, often none.

    A candidate that differs in nothing but capitals and underscores leaves no doubt and stands alone.
    """
    return list(_suggest(word, tuple(dict.fromkeys(candidates))))


@lru_cache(1024)  # a block's unknown name is asked for at each of its uses
def _suggest(word: str, known: tuple[str, ...]) -> list[str]:
    plain = _plain(word)
    same = [name for name in known if _plain(name) == plain and name != word]
    if same:
        return same[:_MOST]
    meant = [name for name in _aliases(word) if name in known]
    allowed = _allowed(plain)
    near = []
    for name in known:
        if name == word or name in meant:
            continue
        steps = allowed if _begins(plain, _plain(name)) else distance(plain, _plain(name), allowed)
        if steps <= allowed:
            near.append((steps, name))
    return [*meant, *(name for _, name in sorted(near))][:_MOST]


def distance(left: str, right: str, limit: int) -> int:
    """Insertions, deletions, changes and swaps of neighbours from left to right; some number past the limit.

    Damerau 1964, in the form where no stretch is edited twice.
    """
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before, row = [0] * (len(right) + 1), list(range(len(right) + 1))
    for i, a in enumerate(left):
        above, row = row, [i + 1]
        for j, b in enumerate(right):
            steps = min(above[j] + (a != b), above[j + 1] + 1, row[j] + 1)
            if i and j and a == right[j - 1] and b == left[i - 1]:
                steps = min(steps, before[j - 1] + 1)
            row.append(steps)
        if min(row) > limit:
            return limit + 1
        before = above
    return row[-1]


def _begins(left: str, right: str) -> bool:
    """Whether one is the other cut short: `max` for `maxpool`, `pading` for `pad`."""
    return min(len(left), len(right)) > 2 and (left.startswith(right) or right.startswith(left))


def _plain(word: str) -> str:
    return word.lower().replace("_", "")


def _aliases(word: str) -> tuple[str, ...]:
    lower = word.lower()
    plain = _plain(word)
    for key in (lower, plain, plain.removesuffix("2d"), plain.removesuffix("layer")):
        if key in ALIASES:
            return ALIASES[key]
    # MaxPool2d, ReLU_layer: the name itself with something of another library behind it
    return (plain.removesuffix("2d"), plain.removesuffix("layer"))


def _allowed(word: str) -> int:
    """So many slips of the finger: none in two letters, one in a short word, three at most in a long one."""
    return 0 if len(word) < 3 else min(3, max(1, len(word) // 3))
