"""Rows of random numbers: what keeps whole images of a path, or drops them, is stochastic depth."""

from __future__ import annotations

from cnnspec.importers.reading.arrangement import whole
from cnnspec.importers.reading.flows import Flow, Row
from cnnspec.importers.refusals import Refuse
from cnnspec.importers.torch.net import TraceFlows
from cnnspec.importers.torch.numbers import in_few_digits
from cnnspec.importers.torch.trace import BATCH
from cnnspec.importers.torch.values import Fresh, Known, Noise
from cnnspec.layers.dropout import StochasticDepth


def of_result(kind: type[Fresh | Noise]) -> Row:
    """Memory yet to be written, or numbers in [0, 1): of the shape that PyTorch has computed."""

    def made(net: TraceFlows, *args: object, **kwargs: object) -> Known:
        del args, kwargs
        return kind(net.call.results[0].shape)

    return made


def bernoulli(net: TraceFlows, input: object, p: object = None, *, generator: object = None) -> Known:
    net.expect("generator", generator, None)
    if not isinstance(input, Fresh) or not isinstance(p, int | float):
        raise Refuse("E1003", "`bernoulli` with a probability for each number has no layer")
    return Noise(input.shape, float(p))


def floor(net: TraceFlows, input: object) -> Known:
    if isinstance(input, Noise) and input.keep is None and input.factor == 1 and 0 <= input.shift <= 1:
        return Noise(input.shape, input.shift)
    raise Refuse("E1003", "`floor` has no layer")


def stochastic_depth(net: TraceFlows, flow: Flow, noise: Noise) -> Flow:
    """A value times noise that is as large in the mean as 1. Raises Refuse."""
    keep, factor = noise.keep, noise.factor
    # Divided by `keep`, the noise is 1 in the mean: keep = 0.8 has the factor 1.25.
    wanted = 1 / keep if keep else 1
    maker = net.maker(flow.value)
    # `x.div(keep) * mask`: the factor is in a scale before, which is taken back.
    is_scaled = maker is not None and maker.layer.name == "scale" and not maker.layer.value("trained")
    if factor == 1 != wanted and maker is not None and is_scaled:
        flow, factor = Flow(maker.inputs[0], flow.axes), maker.layer.value("init")
    if not net.is_training:
        raise Refuse("E1004", "`stochasticdepth` goes on in evaluation")
    if keep is None or factor != wanted:
        raise Refuse("E1003", "a product with random numbers whose mean is not 1 has no layer")
    rows, *rest = noise.shape
    # (5, 1, 1, 1) is a number an image, (1, 1, 1, 1) one for the batch.
    is_whole = len(noise.shape) == len(flow.axes) and all(size == 1 for size in rest)
    if not is_whole or flow.axes[0] != whole("N", BATCH):
        raise Refuse("E1003", f"a product with random numbers of shape {noise.shape} has no layer")
    mode = "row" if rows == BATCH else "batch"
    return net.each(StochasticDepth(p=probability(net, keep), mode=mode), flow)


def probability(net: TraceFlows, keep: float) -> float:
    """The p of which the module has computed 1 - p: as one of its attributes says it, or with few digits."""
    attributes = vars(net.call.module).values() if net.call.module is not None else ()
    # 1 - 0.9 is 0.09999999999999998: 0.1 is meant, if 1 - 0.1 == 0.9.
    said = [value for value in attributes if isinstance(value, float) and 1 - value == keep]
    return said[0] if said else in_few_digits(1 - keep, lambda p: 1 - p == keep)


ROWS: dict[str, Row] = {
    **dict.fromkeys(("empty", "empty_like", "new_empty"), of_result(Fresh)),
    **dict.fromkeys(("rand", "rand_like"), of_result(Noise)),
    "bernoulli": bernoulli,
    "floor": floor,
}
