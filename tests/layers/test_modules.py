"""Every layer with every argument, built as its Call says, against what the layer says of itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tests.layers.instantiate import (
    CONVOLUTIONS,
    MODULES,
    PARAMETERS,
    Case,
    batch,
    instantiate,
    make,
    module,
    run,
    title,
)

pytestmark = pytest.mark.slow

every = pytest.mark.parametrize("case", MODULES, ids=title)


@every
def test_output_is_that_of_the_module(case: Case) -> None:
    name, arguments, x = case
    net = module(*case)
    expected = make(name, **arguments).output(x).dimensions
    for mode in (True, False):
        result = net.train(mode)(batch(x))
        assert list(result.shape[1:]) == expected
        assert result.isfinite().all()


@every
def test_weights_are_the_state_dict(case: Case) -> None:
    name, arguments, x = case
    net = module(*case)
    weights = make(name, **arguments).weights(x)
    assert [(w.name, w.shape) for w in weights] == [(k, tuple(t.shape)) for k, t in net.state_dict().items()]
    trained = {k for k, parameter in net.named_parameters() if parameter.requires_grad}
    assert {w.name for w in weights if w.trained} == trained


@pytest.mark.parametrize("case", PARAMETERS, ids=title)
def test_numbers_of_channels_are_a_parameter(case: Case) -> None:
    name, arguments, x = case
    layer = make(name, **arguments)
    parameter = module(*case)
    assert isinstance(parameter, nn.Parameter)
    assert [("", tuple(parameter.shape), True)] == list(layer.weights(x))
    assert (parameter == layer.value("init")).all()
    assert run(parameter, batch(x), name).shape == batch(x).shape
    spread = layer.spread(x) or parameter.shape  # type: ignore[attr-defined]
    numbers = parameter.reshape(spread)
    wanted = batch(x) * numbers if name == "scale" else batch(x) + numbers
    assert torch.equal(wanted, run(parameter, batch(x), name))


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=title)
def test_macs_are_half_the_flops_that_torch_counts(case: Case) -> None:
    name, arguments, x = case
    with FlopCounterMode(display=False) as counter:
        module(*case)(batch(x, images=1))
    assert counter.get_total_flops() == 2 * make(name, **arguments).macs(x)


@every
def test_calls_write_no_numbers_twice(case: Case) -> None:
    """A pair of equal numbers is one number, so that the emitted line reads well."""
    name, arguments, x = case
    call = make(name, **arguments).torch(x)
    for value in call.kwargs.values():
        assert not (isinstance(value, tuple) and len(set(value)) == 1), call


FRAMEWORK = pytest.mark.parametrize(
    "case",
    [case for case in MODULES if "." not in str(make(case[0], **case[1]).torch(case[2]).name)],
    ids=title,
)


@FRAMEWORK
def test_helpers_export_trace_and_compile(case: Case) -> None:
    net, x = nn.Sequential(module(*case)).eval(), batch(case[2])
    expected = net(x)
    assert torch.equal(torch.export.export(net, (x,)).module()(x), expected)
    assert torch.equal(torch.fx.symbolic_trace(net)(x), expected)
    torch._dynamo.reset()  # else all cases count as one function compiled too often
    compiled: Any = torch.compile(net, backend="eager", fullgraph=True)
    assert torch.equal(compiled(x), expected)


def test_stochastic_depth_trains_in_a_whole_graph() -> None:
    net = instantiate(make("stochasticdepth", p=0.5).torch(MODULES[0][2]))
    compiled: Any = torch.compile(net, backend="eager", fullgraph=True)
    assert compiled(torch.ones(2, 3, 4, 4)).shape == (2, 3, 4, 4)
