"""Folded batch norms: which fold, and that the folded graph gives the same numbers."""

from __future__ import annotations

import pytest
import torch

from cnnspec.analysis.unroll import unroll
from cnnspec.graph.tree import Network
from cnnspec.passes.fold_batchnorm import fold_batchnorm, fold_tensors, folds
from cnnspec.passes.inference import drop_idle
from cnnspec.passes.rewrite import apply
from tests.nets import network
from tests.passes.running import run, same_numbers, state_of
from tests.zoo.shipped import small


def check(net: Network) -> dict[str, str]:
    """Hold a net's folded graph to the net itself; what folded."""
    state = state_of(net)
    bare = apply(net, drop_idle(unroll(net)))  # what only training has is in the way of a comparison
    graph = unroll(bare)
    after = unroll(apply(bare, fold_batchnorm(graph)))
    tensors = fold_tensors(graph, state)
    with torch.no_grad():
        same_numbers(run(after, tensors), run(unroll(net), state))
    pairs = folds(graph)
    assert len(after.nodes) == len(graph.nodes) - len(pairs)
    assert {key.rpartition(".")[0] for key in tensors}.isdisjoint(pairs.values())
    return pairs


COUNTS = {
    "ResNet18": 20,
    "MobileNetV2": 52,
    "VGG16BN": 13,
    "DenseNet121": 59,  # the others come before a convolution, or read a value that others read
    "ResNeXt50": 53,
    "GoogLeNet": 57,
    "LeNet5": 0,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTS)
def test_the_zoo(name: str) -> None:
    assert len(check(small(name))) == COUNTS[name]


CASES = {
    "conv 4@3x3, batchnorm": {"conv1": "batchnorm1"},
    'conv 4@3x3 bias=no pad=1 mode="reflect", batchnorm affine=no, relu': {"conv1": "batchnorm1"},
    "conv 4@3x3 weights=0.5 biases=[1, 2, 3, 4] frozen=yes, batchnorm bias=no": {"conv1": "batchnorm1"},
    "conv 6@3x2 groups=3 stride=2, batchnorm eps=0.1": {"conv1": "batchnorm1"},
    "depthwise 3 multiplier=2, batchnorm, batchnorm": {"depthwise1": "batchnorm1"},
    "convtranspose 4@3x3 stride=2, batchnorm": {"convtranspose1": "batchnorm1"},
    "convtranspose 4@3x3 groups=2 bias=no, batchnorm": {"convtranspose1": "batchnorm1"},
    "linear 5 pointwise=yes, batchnorm": {"linear1": "batchnorm1"},
    "flatten, linear 5, batchnorm, linear 3 bias=no, batchnorm": {
        "linear1": "batchnorm1",
        "linear2": "batchnorm2",
    },
    "conv 4@3x3, instancenorm track=yes affine=yes": {"conv1": "instancenorm1"},
    # Nothing folds: no running statistics; no norm of fixed numbers; something between.
    "conv 4@3x3, batchnorm track=no": {},
    "conv 4@3x3, instancenorm": {},
    "conv 4@3x3, relu, batchnorm": {},
    "batchnorm, conv 4@3x3": {},
    "conv 4@3x3 standardize=yes, batchnorm": {},  # filters that are scaled are standardised as before
    # The value has another reader, or is an output.
    "c: conv 4@3x3\n n: batchnorm\n add { | from c | from n }": {},
    "c: conv 4@3x3\n n: batchnorm\n output c n": {},
    "c: conv 4@3x3\n n: batchnorm\n from c\n m: batchnorm eps=1\n output n m": {},
    # The norm is the output, or has two readers: their names change.
    "c: conv 4@3x3\n n: batchnorm\n relu\n output n": {"c": "n"},
    "conv 4@3x3, batchnorm\n add { | identity | relu }": {"conv1": "batchnorm1"},
}


@pytest.mark.parametrize("text", CASES)
def test_small_nets(text: str) -> None:
    assert check(network(f"net N {{ input 6@7x7\n {text}\n}}")) == CASES[text]


BLOCK = "block B { conv 6@1x1, batchnorm, relu }"
AGAIN = {
    # Every run of the convolution is followed by a run of the norm.
    "b: B\n again b\n again b": {"b.0": "b.1", "b.0 (2)": "b.1 (2)", "b.0 (3)": "b.1 (3)"},
    # Two convolutions share a norm.
    "conv 6@1x1\n n: batchnorm\n conv 6@1x1\n again n": {"conv1": "n", "conv2": "n (2)"},
    # One run of the convolution, or of the norm, goes alone.
    "c: conv 6@1x1\n n: batchnorm\n again c": {},
    "c: conv 6@1x1\n n: batchnorm\n relu\n again n": {},
    # The same convolution before two norms.
    "c: conv 6@1x1\n batchnorm\n again c\n batchnorm": {},
    # The second convolution cannot, so that its norm stays, and stays for the first one, too.
    "conv 6@1x1\n n: batchnorm\n d: conv 6@1x1\n again n\n again d\n d2: conv 2@1x1 bias=no\n batchnorm": {
        "d2": "batchnorm2"
    },
}


@pytest.mark.parametrize("text", AGAIN)
def test_weights_that_are_used_again(text: str) -> None:
    """Runs of the same weights fold together, or not at all."""
    assert check(network(f"{BLOCK}\nnet N {{ input 6@7x7\n {text}\n}}")) == AGAIN[text]


def test_what_only_training_reads_does_not_count() -> None:
    text = "c: conv 4@3x3\n n: batchnorm\n from c\n t: conv 2@1x1\n from n\n output n\n output t train=yes"
    assert check(network(f"net N {{ input 6@7x7\n {text}\n}}")) == {"c": "n"}


def test_a_missing_tensor_is_told() -> None:
    graph = unroll(network("net N { input 6@7x7\n conv 4@3x3, batchnorm }"))
    with pytest.raises(KeyError, match=r"batchnorm1\.weight"):
        fold_tensors(graph, {"conv1.weight": torch.zeros(4, 6, 3, 3), "conv1.bias": torch.zeros(4)})
