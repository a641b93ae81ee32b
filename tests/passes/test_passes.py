"""Each pass alone: what it takes away, what it leaves, that the numbers stay, and that the tree does, too."""

from __future__ import annotations

from typing import Any

import pytest

from cnnspec.analysis.unroll import unroll
from cnnspec.backends.torch.unify.steps import uses
from cnnspec.passes.fold_batchnorm import fold_batchnorm
from cnnspec.passes.fuse_activations import fuse_activations
from cnnspec.passes.inference import drop_idle
from cnnspec.passes.merge_pads import merge_pads
from cnnspec.passes.optimize import optimize, twins
from cnnspec.passes.rewrite import apply
from cnnspec.passes.work_in_place import work_in_place
from tests.passes.running import net, paths, rewritten

IDLE = {
    "conv 4@3x3, dropout, relu": ["conv1", "relu1"],
    "dropout\n conv 4@3x3\n dropout": ["conv1"],
    "identity": [],
    "stochasticdepth 0.5, relu, identity, pad 0, pad 1": ["relu1", "pad2"],
    # A wire to what is gone leads to what it was given.
    "conv 6@1x1, d: dropout, relu\n add { | from d | identity }": ["conv1", "relu1", "add1"],
    "conv 6@1x1, d: dropout\n output d": ["conv1"],
    "add { | dropout | relu }": ["relu1", "add1"],
    # Braces and blocks that hold nothing more go, too.
    "g: { dropout, identity }\n relu": ["relu1"],
    "b: { relu, d: { dropout } }\n conv 2@1x1": ["b.0", "conv1"],
    "r: repeat i in 3 { dropout }\n relu": ["relu1"],
    "repeat i in 3 { if i == 1 { relu } else { dropout } }": ["relu1"],
    "d: dropout\n relu\n again d": ["relu1"],
    # What only training needs.
    "c: conv 6@1x1\n h: { relu, conv 2@1x1 }\n from c\n o: tanh\n output o\n output h train=yes": ["c", "o"],
    "c: relu\n h: conv 6@1x1\n t: add { | identity | sigmoid }\n from c\n o: tanh\n output o\n"
    " output t train=yes": ["c", "o"],
    # … but of a join only its end: a path of it has a reader.
    "add { | p: conv 6@1x1 | sigmoid }\n t: relu\n from p\n o: tanh\n output o\n output t train=yes": [
        "p",
        "o",
    ],
}


@pytest.mark.parametrize("text", IDLE)
def test_what_idles_goes(text: str) -> None:
    graph = rewritten(text, drop_idle)
    assert paths(graph) == IDLE[text]
    assert not any(train for _, _, train in graph.outputs)


def test_what_training_runs_first_stays_for_what_runs_it_again() -> None:
    text = "c: relu\n h: conv 6@1x1\n t: tanh\n from c\n again h\n o: tanh\n output o\n output t train=yes"
    graph = rewritten(text, drop_idle)
    assert [(node.path, node.train) for node in graph.nodes] == [
        ("c", False),
        ("h", True),
        ("h (2)", False),
        ("o", False),
    ]


PADS: dict[str, list[tuple[str, Any]]] = {
    "pad 1, pad [1, 2, 3, 4]": [("pad2", (2, 3, 4, 5))],
    "pad 1, pad 1, pad 1, relu": [("pad3", (3, 3, 3, 3))],
    "pad 1 value=2, pad 1 value=2": [("pad2", (2, 2, 2, 2))],
    'pad 1 mode="replicate", pad 2 mode="replicate"': [("pad2", (3, 3, 3, 3))],
    "pad 1, conv 4@3x3": [("conv1", (1, 1, 1, 1))],
    "pad 1, pad 1, conv 4@3x3 pad=1 stride=2": [("conv1", (3, 3, 3, 3))],
    "pad [0, 1, 0, 1], depthwise 3 pad=1": [("depthwise1", (1, 2, 1, 2))],
    'pad 1 mode="reflect", conv 4@3x3': [("conv1", (1, 1, 1, 1))],
    'pad 1 mode="circular", conv 4@3x3 mode="replicate"': [("conv1", (1, 1, 1, 1))],
    'pad 1 mode="replicate", conv 4@3x3 pad=1 mode="replicate"': [("conv1", (2, 2, 2, 2))],
    # The second would find other numbers, or the pad is no convolution's.
    "pad 1, pad 1 value=2": [("pad1", (1, 1, 1, 1)), ("pad2", (1, 1, 1, 1))],
    'pad 1 mode="reflect", pad 1 mode="reflect"': [("pad1", (1, 1, 1, 1)), ("pad2", (1, 1, 1, 1))],
    'pad 1 mode="circular", pad 1 mode="circular"': [("pad1", (1, 1, 1, 1)), ("pad2", (1, 1, 1, 1))],
    "pad 1 value=2, conv 4@3x3": [("pad1", (1, 1, 1, 1)), ("conv1", (0, 0, 0, 0))],
    'pad 1, conv 4@3x3 pad=1 mode="replicate"': [("pad1", (1, 1, 1, 1)), ("conv1", (1, 1, 1, 1))],
    'pad 1 mode="reflect", conv 4@3x3 pad=1': [("pad1", (1, 1, 1, 1)), ("conv1", (1, 1, 1, 1))],
    'pad 1, conv 4@3x3 pad="same"': [("pad1", (1, 1, 1, 1)), ("conv1", "same")],
    "pad 1, convtranspose 4@3x3": [("pad1", (1, 1, 1, 1)), ("convtranspose1", (0, 0))],
    "pad 1, maxpool 3 pad=1": [("pad1", (1, 1, 1, 1)), ("maxpool1", (1, 1, 1, 1))],
    # Another reader, an output, another run.
    "p: pad 1\n q: pad 1\n output p q": [("p", (1, 1, 1, 1)), ("q", (1, 1, 1, 1))],
    "p: pad 1\n a: conv 4@3x3\n from p\n b: conv 4@3x3\n output a b": [
        ("p", (1, 1, 1, 1)),
        ("a", (0, 0, 0, 0)),
        ("b", (0, 0, 0, 0)),
    ],
    "p: pad 1, c: conv 6@3x3\n again c": [
        ("p", (1, 1, 1, 1)),
        ("c", (0, 0, 0, 0)),
        ("c (2)", (0, 0, 0, 0)),
    ],
    "p: pad 1, c: conv 6@3x3\n again p\n again c": [("c", (1, 1, 1, 1)), ("c (2)", (1, 1, 1, 1))],
}


@pytest.mark.parametrize("text", PADS)
def test_pads_merge(text: str) -> None:
    graph = rewritten(text, merge_pads)
    found = [(node.path, node.layer.value("pad")) for node in graph.nodes if "pad" in node.layer.arguments]
    assert found == PADS[text]


FUSED = {
    "conv 4@3x3, relu, relu": {"conv1": "relu"},
    "depthwise 3x3, relu6": {"depthwise1": "relu6"},
    "conv 4@3x3 standardize=yes, relu": {},
    "conv 4@3x3, hardswish": {},  # gains nothing
    "conv 4@3x3, tanh, relu": {},
    "conv 4@3x3 pad=[0, 1, 0, 1], relu": {},  # PyTorch's module has no such pad
    "convtranspose 4@3x3, relu": {},
    "c: conv 6@1x1\n r: relu\n output c r": {},
    "c: conv 6@1x1\n relu\n add { | identity | from c }": {},
    "c: conv 6@1x1, relu\n again c\n relu": {},  # two activations, one convolution
    "c: { conv 6@1x1, relu }\n again c": {"c.0": "relu", "c.0 (2)": "relu"},
    "add { | identity | conv 6@1x1 }\n relu": {"add1": "relu"},
    "add { | conv 6@1x1, relu6 | conv 6@1x1 }\n relu": {"conv1": "relu6", "add1": "relu"},
    "add { | identity | conv 6@1x1 }\n relu6": {},
    "add { | identity | conv 6@1x1, tanh }\n relu": {},
    "add { | identity | conv 6@1x1 | identity }\n relu": {},
    "sub { | identity | conv 6@1x1 }\n relu": {},
}


@pytest.mark.parametrize("text", FUSED)
def test_who_takes_an_activation_in(text: str) -> None:
    graph = rewritten(text, fuse_activations)
    found = {node.path: getattr(node.layer, "activation", None) for node in graph.nodes}
    assert {path: activation for path, activation in found.items() if activation} == FUSED[text]


IN_PLACE = {
    "conv 4@3x3, relu, relu": ["relu1", "relu2"],
    "conv 4@3x3, batchnorm, silu": ["silu1"],
    "flatten, linear 4, hardswish": ["hardswish1"],
    "conv 6@1x1\n add { | identity | relu }": ["add1"],
    "conv 6@1x1\n add { | relu | identity }": ["add1"],
    "conv 6@1x1\n add { | identity | pixelshuffle 1 }": [],  # might be the same memory
    "c: conv 6@1x1\n relu\n add { | identity | from c }": ["add1"],
    "c: conv 6@1x1\n conv 6@1x1\n add { | identity | relu }\n add { | identity | from c }": ["add1", "add2"],
    "c: conv 6@1x1\n pixelshuffle 1\n add { | identity | from c }\n relu": ["relu1"],
    "conv 6@1x1\n add { | conv 6@1x1 | identity }\n relu6": ["add1", "relu61"],
    "relu\n add { | identity | conv 6@1x1, batchnorm }": ["add1"],
    "relu\n add { | identity | conv 6@1x1 | tanh }": [],  # sums keep their order
    "c: conv 6@1x1\n add { | from c | tanh }": [],
    "c: conv 6@1x1\n r: relu\n output c r": [],
    "relu": [],
    "flatten, relu": [],
    "conv 6@1x1, flatten, relu": [],
    "conv 6@1x1, r: relu, maxpool 2\n again r": ["r", "r (2)"],
    "conv 6@1x1, r: relu, upsample 2\n again r": [],
    "conv 6@1x1, r: relu, conv 6@1x1\n again r": ["r", "r (2)"],
    "conv 6@1x1, tanh": [],  # PyTorch's module has no such form
}


@pytest.mark.parametrize("text", IN_PLACE)
def test_who_works_in_place(text: str) -> None:
    graph = rewritten(text, work_in_place)
    places = {node.path: getattr(node.layer, "in_place", None) for node in graph.nodes}
    assert [path for path, place in places.items() if place] == IN_PLACE[text]


SHARED = """
block B(early) {
    if early { norm: batchnorm }
    conv 6@1x1, batchnorm, relu
}
net N {
    input 6@7x7
    a: conv 6@1x1 bias=no
    b: B yes
    c: B yes
    d: B yes
}
"""


def test_uses_of_a_block_part_where_they_are_rewritten_otherwise() -> None:
    """Only in the first use does the norm at the block's head fold, into the convolution before it."""
    given = net(SHARED)
    before = {use.name: use.instance for use in uses(given.steps)}
    assert before["b"] is before["c"] is before["d"]
    made = apply(given, fold_batchnorm(unroll(given)))
    after = {use.name: use.instance for use in uses(made.steps)}
    assert after["b"] is not after["c"] is after["d"]
    first, *others = ("b.1", "b.3"), ("c.norm", "c.1", "c.3"), ("d.norm", "d.1", "d.3")
    assert paths(unroll(made)) == ["a", *first, *(path for other in others for path in other)]


NUMBERS = {
    # Layers without tensors move up …
    "s: { conv 6@1x1, batchnorm, relu, maxpool 2 }": ["s.0", "s.1", "s.2"],
    "s: { conv 6@1x1, repeat 2 { batchnorm, relu } }": ["s.0", "s.2", "s.3", "s.4"],
    # … where no key moves with them.
    "s: { conv 6@1x1, batchnorm, relu, conv 6@1x1, batchnorm, relu }": ["s.0", "s.2", "s.3", "s.5"],
    "s: { dropout, linear 3 pointwise=yes, relu }": ["s.1", "s.2"],
    "s: { conv 6@1x1, batchnorm, g: { relu, conv 6@1x1 } }": ["s.0", "s.g.0", "s.g.1"],
    # What a wire calls by its name keeps it.
    's: { conv 6@1x1, batchnorm, "2": tanh }\n again s.2': ["s.0", "s.2", "s.2 (2)"],
    "conv 6@1x1, batchnorm, relu": ["conv1", "relu1"],
}


@pytest.mark.parametrize("text", NUMBERS)
def test_sequences_count_anew(text: str) -> None:
    assert paths(unroll(optimize(net(text), "numpy"))) == NUMBERS[text]


def test_every_node_has_its_twin() -> None:
    text = "s: { dropout, conv 4@3x3, batchnorm, relu }\n pad 1, conv 6@3x3, dropout"
    found = {"s.1": "s.2", "s.3": "s.3", "conv1": "conv1"}
    assert twins(net(text), "numpy") == found


def test_the_network_itself_stays_as_it_was() -> None:
    given = net(SHARED)
    before = unroll(given)
    optimize(given, "torch")
    assert unroll(given) == before
