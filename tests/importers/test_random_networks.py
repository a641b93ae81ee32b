"""Drawn networks come back: the same operations, operands, keys and outputs.

`CNNSPEC_LONG=1 python -m pytest tests/importers/test_random_networks.py` tries 3,000 files in place of 60
and builds 1,000 nets for PyTorch in place of 20; with `CNNSPEC_SEED=5000` others.
"""

from __future__ import annotations

import os

import pytest

pytest.importorskip("torch")

import torch
from hypothesis import HealthCheck, given, seed, settings
from torch import Tensor, nn

from cnnspec.analysis.unroll import unroll
from cnnspec.compiler import check_text
from cnnspec.graph.tree import Network
from cnnspec.importers.from_network import model_of
from cnnspec.importers.model import Model
from cnnspec.importers.prove import compare
from cnnspec.importers.refusals import Refused
from cnnspec.importers.torch.read import read
from cnnspec.importers.write import write
from tests.backends.interpreter import build
from tests.importers.running import tensors
from tests.importers.test_flat import flat
from tests.random.files import files, seeded
from tests.random.nets import File

pytestmark = pytest.mark.slow

IS_LONG = "CNNSPEC_LONG" in os.environ
EXAMPLES = 3_000 if IS_LONG else 60
BUILT = 1_000 if IS_LONG else 20
FIRST = int(os.environ.get("CNNSPEC_SEED", "0"))
LARGEST = 400  # layers
UNREAD = "no output needs "  # a program that is built computes such steps, and they are refused


@seed(0)
@settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
@given(files())
def test_drawn_networks_come_back(file: File) -> None:
    found = check_text(str(file))
    for net in found.networks if found.ok else ():
        flat(net)
        write(model_of(net))  # which proves itself


def test_drawn_networks_come_back_from_pytorch() -> None:
    """What they compute and their keys do, and what was imported is imported as the same network."""
    number, come = FIRST, 0
    while come < BUILT:
        found = check_text(seeded(number))
        if not found.diagnostics and found.expanded <= LARGEST:
            try:
                come += comes_back(found.networks[0])
            except Exception as problem:
                raise AssertionError(f"seed {number}:\n{seeded(number)}") from problem
        number += 1


def comes_back(net: Network) -> bool:
    """Whether a network comes back from what is built of it; False where no output needs a part of it."""
    built = build(net)
    try:
        model = imported(built, net)
    except Refused as refused:
        assert all(each.message.startswith(UNREAD) for each in refused.refusals), refused
        return False
    (back,) = check_text(write(model)).networks
    again = build(back)
    again.load_state_dict(built.state_dict())
    drops = any(operation.layer.name == "dropout" for operation in model.operations)
    for training in (False,) if drops else (False, True):  # what it draws depends on how a map lies in memory
        ours, theirs = (run(each, net, training) for each in (again, built))
        assert len(ours) == len(theirs)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5, equal_nan=True)
    built.load_state_dict(again.state_dict())  # whose norms have seen the same images
    assert compare(imported(built, net), imported(again, back)) is None
    return True


def imported(module: nn.Module, net: Network) -> Model:
    return read(module, [shape for _, shape in unroll(net).inputs], net.name)


def run(module: nn.Module, net: Network, training: bool) -> list[Tensor]:
    """The outputs for some images."""
    module.train(training)
    torch.manual_seed(3)
    images = [torch.randn(2, *shape.dimensions) for _, shape in unroll(net).inputs]
    with torch.no_grad():
        return tensors(module(*images))


MENDED = {
    "a number in all, added to one channel": 'input 1@4x4\nshift 0.5 per="layer"',
    "the largest channel of what was a vector": "input 6\nscale 0.5 trained=no, unflatten 3@2x1, channelmax",
    "a vector of one beside one pixel": "input 1\nunflatten 1@1x1\nconcat { | identity | conv 1@1x1 }",
    "a map as one of other sizes": "input 2@4x4\nflatten, unflatten 8@2x2, conv 1@1x1",
    "a number in all of two axes": 'input 1@4x4\nshift 0.5 per="layer" dims=2',
    "a number times a value that is always dropped": "input 1@4x4\nscale 2.0 trained=no, stochasticdepth 1.0",
    "the largest of one channel, of one pixel or a row": "input 1@1x1\nchannelmax, upsample 1x3, channelmean",
    "slopes of a vector that was flattened": 'input 2@2x3\nflatten, prelu per="channel" init=0.5',
    "numbers of a vector that was flattened row by row": 'input 2@2x3\nflatten order="HWC", relu, scale 0.5',
    "numbers added to what was a vector": "input 8\nunflatten 8@1x1, shift 0.5",
    "factors that are whole numbers": "input 1@4x4\nupsample 3x2, conv 1@1x1",
}


@pytest.mark.parametrize("body", MENDED.values(), ids=MENDED)
def test_what_did_not_come_back(body: str) -> None:
    text = "net N {\n" + "".join(f"    {line}\n" for line in body.splitlines()) + "}\n"
    (net,) = check_text(text).networks
    assert comes_back(net)
    built = build(net)
    for tensor in built.parameters():
        tensor.data.fill_(0.5)
    assert write(imported(built, net)) == text
