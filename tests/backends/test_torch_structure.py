"""Emitted PyTorch does what the checked graph says, whatever the structure of the specification."""

# ruff: noqa: E501 - a net in one line reads better here

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cnnspec.backends import emit
from tests.backends.interpreter import agree, load
from tests.nets import network

NETS = {
    "a chain": "net N { input 3@8x8\n conv 4@3x3, relu, maxpool 2x2, flatten, linear 5 }",
    "a residual block": """
block B(width, stride=1) {
    out = 2 * width
    add {
        | conv width@3x3 stride=stride pad=1, batchnorm, relu, conv out@1x1
        | down: if stride != 1 or in.channels != out { conv out@1x1 stride=stride, batchnorm } else { identity }
    }
}
net N { input 3@8x8\n B 4, B 4, B 8 stride=2, B 8 }""",
    "a table with how often a step in the loop repeats": """
block B(width) { add { | conv width@1x1, relu, conv 4@1x1 | identity } }
net N { input 4@4x4
    stage: { B 9
        repeat a, b, depth, c, d in [[3, 1, 2, 5, 9], [4, 2, 2, 6, 10], [5, 3, 2, 5, 11], [6, 1, 2, 6, 12], [3, 2, 2, 5, 13], [4, 3, 2, 6, 9], [5, 1, 2, 5, 10], [6, 2, 2, 6, 11], [3, 3, 2, 5, 12], [4, 1, 2, 6, 13], [5, 2, 2, 5, 9], [6, 3, 1, 6, 10]] {
            repeat j in 2 { B (a if j == 0 else b) }
            repeat j in depth { B (c if j == 0 else d) }
        }
    }
}""",
    "an identity path first": "net N { input 4@6x6\n add { | identity | conv 4@3x3 pad=1, relu, conv 4@1x1, tanh, conv 4@1x1 } }",
    "joins in joins": """
net N { input 4@6x6
    add {
        | conv 4@1x1, add { | conv 4@1x1, relu | mul { | identity | globalavgpool, conv 4@1x1, sigmoid } }
        | concat { | conv 2@1x1 | conv 2@3x3 pad=1 }
        | identity
    }
    relu
}""",
    "branches in turns whose names do not count along": """
block B(wide) {
    repeat i in 3 { "m{i * i}": { conv 3@1x1, add { | identity | if wide { conv 3@3x3 pad=1, relu } else { conv 3@1x1 } } } }
}
net N { input 3@6x6\n B yes, B no, B yes }""",
    "branches that do nothing": """
block B(sharp) { conv 3@1x1, if sharp { identity } else { { identity } }, relu }
net N { input 3@6x6\n B yes, B no }""",
    "a path that may be none": """
block I(out, stride) {
    add { | conv out@3x3 stride=stride pad=1, batchnorm | if stride == 1 and in.channels == out { identity } else { none } }
}
net N { input 3@8x8\n I 4 1, I 4 1, I 8 2, I 8 1, I 8 1 }""",
    "an optional first step": """
block I(out, expand) {
    hidden = expand * in.channels
    conv: { if expand != 1 { conv hidden@1x1, relu }
            conv out@3x3 pad=1, batchnorm }
}
net N { input 3@8x8\n I 4 1, I 4 6, I 8 6 }""",
    "an optional step that shifts names": """
block I(out, more) {
    add { | if more { conv out@1x1, relu }
            conv out@1x1
          | conv out@1x1 }
}
net N { input 3@8x8\n I 4 yes, I 4 no, I 8 yes }""",
    "wires": """
net N { input 1@16x16
    repeat i in 2 { enc{i}: { conv (4 * (i + 1))@3x3 pad=1, relu }
                    maxpool 2x2 }
    conv 16@1x1
    repeat i in [1, 0] {
        convtranspose (4 * (i + 1))@2x2 stride=2
        concat { | from enc{i} | identity }
        conv 4@3x3 pad=1
    }
}""",
    "a value kept from inside a group": """
net N { input 1@8x8
    features: { a: conv 4@3x3 pad=1
                relu
                b: conv 4@3x3 pad=1 }
    add { | identity | from features.a | from features.a, conv 4@1x1 }
}""",
    "a join in a group": "net N { input 2@8x8\n f: { conv 2@1x1, add { | identity | conv 2@3x3 pad=1 }\n relu }\n conv 1@1x1 }",
    "joins in braces of a block, which run again": """
block B(width, act=relu) {
    conv width@1x1
    body_1: { conv width@1x1, add { | identity | conv width@3x3 pad=1, act }, g: { act, mul { | identity | sigmoid } } }
    tanh, again body_1, again body_1.g
}
net N(classes=3) { input 3@8x8
    repeat i in 2 { B (4 * i + 3), turn{i}: B 5 act=gelu }
    head: { relu, globalavgpool, flatten, concat { | linear classes | linear (2 * classes) }, abs }
}""",
    "joins in braces that a wire crosses in some uses": """
block B(deep) {
    a: identity
    f: { conv 4@1x1, b: relu, add { | identity | conv 4@1x1 }, if deep { from a, conv 4@1x1 } }
}
block C(deep) { f: { conv 4@1x1, b: relu, add { | identity | conv 4@1x1 } }, if deep { from f.b } }
net N { input 4@6x6\n B yes, B no, C yes, C no }""",
    "labels that are methods of a dict": """
net N { input 3@6x6
    c: concat { | keys: conv 3@1x1 | conv 2@1x1 | s: scale 0.5 }
    d: concat { | values: { keys: conv 3@1x1, conv 3@1x1 } | k: conv 2@1x1 | s: scale }
    "a.keys": conv 3@1x1, "a.b.c": conv 3@1x1, "a.b.d": relu, "2.c": conv 3@1x1
}""",
    "labelled joins and numbers": 'net N { input 2@8x8\n c: concat for d in [1, 2, 3] { | conv d@1x1, relu }\n "x-1": conv 2@1x1\n class: conv 2@1x1 }',
    "shared weights": """
net N {
    left: input 1@8x8
    right: input 1@8x8
    concat {
        | from left, tower: { conv 4@3x3, relu, globalavgpool, flatten }
        | from right, again tower
    }
    linear 1, sigmoid
}""",
    "a shared block with a join": """
block B { add { | conv 4@3x3 pad=1 | conv 4@1x1 } }
net N { a: input 4@6x6\n b: input 4@6x6\n sub { | from a, t: B, relu | from b, again t } }""",
    "several outputs": "net N { input 2@8x8\n a: conv 3@3x3\n b: conv 4@3x3\n from a, c: conv 1@1x1\n output c b }",
    "train-only outputs": """
block Head(k) { globalavgpool, flatten, dropout 0.5, linear k }
net N(classes=3) { input 2@8x8
    body: conv 4@3x3 pad=1, relu
    aux: Head classes
    from body
    relu, dropout 0.3, globalavgpool, flatten
    fc: linear classes
    output fc
    output aux train=yes
}""",
    "loops with a first turn of its own": "net N { input 3@8x8\n f: repeat 5 { conv 8@3x3 pad=1, batchnorm, relu } }",
    "a loop of names by kind": "net N { input 3@8x8\n repeat 12 { conv 3@3x3 pad=1, relu }\n conv 2@1x1 }",
    "loops within loops": """
block Stage(width, depth, stride) {
    repeat j in depth { conv width@3x3 pad=1 stride=(stride if j == 0 else 1), batchnorm, relu }
}
net N { input 3@16x16\n Stage 4 1 1, Stage 8 3 2, Stage 8 2 2 }""",
    "growing widths": """
block D(growth) { concat { | identity | conv growth@3x3 pad=1 } }
net N(growth=4) { input 3@8x8\n repeat i in 3 { b{i}: repeat j in 4 { d{j+1}: D growth }\n conv (in.channels // 2)@1x1 } }""",
    "a layer as a value": """
block C(filter, act=relu) { conv filter pad=1, act }
net N { input 3@8x8\n C 4@3x3, C 4@3x3 act=hardswish, C 8@3x3 act=silu, C 8@3x3 }""",
    "layers of all kinds as values": """
block A(act=relu) { conv 4@1x1, act, add { | identity | conv 4@1x1, act } }
block B(act) { act, conv 4@1x1 }
block C(act=abs) { conv 4@1x1, act, act }
net N { input 3@4x4
    A relu, A identity, A tanh, A silu, A
    B gelu, B identity, B batchnorm, B softmax, B batchnorm, B relu
    C relu, C identity, C tanh, C
}""",
    "crops to maps that forward has, and to others": """
block B(s) {
    a: conv 2@3x3
    if s > 1 { conv 2@3x3 }
    size = [in.height, in.width]
    concat { | from a, crop size | identity }
}
block C(s) { crop s }
net N { input 1@24x24
    crop: conv 2@3x3
    B 1, B 2
    size = [in.height, in.width]
    concat { | from crop, crop size | from crop, C size | identity }
    repeat i in 2 { conv 2@3x3
        size = [in.height, in.width]
        from crop, crop size, relu, conv 2@3x3 }
}""",
    "a crop to a map that only training computes": """
net N { input 1@12x12
    a: conv 2@3x3
    conv 2@3x3
    size = [in.height, in.width]
    t: tanh
    from a, c: crop size
    output c
    output t train=yes
}""",
    "a crop to a map within a module": """
net N { input 1@16x16
    a: conv 2@3x3
    f: { conv 2@3x3, relu
        size = [in.height, in.width]
        conv 2@3x3, crop [in.height - 2, in.width - 2]
        concat { | from a, crop size, relu | from a, crop size } }
}""",
    "a block as a value": """
block A(w) { conv w@1x1 }
block B(w) { conv w@3x3 pad=1, relu }
block Twice(unit, w) { unit w, unit w }
net N(unit=A) { input 3@8x8\n Twice A 4, Twice B 4\n unit 2 }""",
    "scales": "block S { add { | identity | conv 4@1x1, layer_scale: scale 0.5 } }\nnet N { input 4@6x6\n S, S, g: { scale, relu } }",
    "scales of several shapes": """
block S(dims, per="channel") { conv 4@1x1, layer_scale: scale 0.5 per=per dims=dims }
net N { input 4@6x6\n S 1, S 3, S 4, S 0 per="layer", S 1 per="layer"\n flatten, scale 0.5 dims=1 }""",
    "flatten in both orders": """
block F(order) { conv 2@1x1, flatten order=order, unflatten 2@6x6 }
net N { input 2@6x6\n F "CHW", F "HWC", F "CHW"\n F "HWC" }""",
    "scales of which some are fixed": """
block S(trained) { s: scale 0.5 trained=trained, conv 4@1x1 }
net N { input 4@6x6\n S yes, S no\n repeat i in 2 { S (i == 1), scale 0.5 trained=(i == 0) } }""",
    "defaults": "default_eps = 0.01\nnet N { input 3@8x8\n default batchnorm eps=default_eps momentum=0.2\n conv 4@1x1, batchnorm }",
    "frozen kernels": "net N { input 1@8x8\n conv 1@3x3 pad=1 weights=[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]] bias=no frozen=yes }",
    "same padding with a stride": 'net N { input 3@9x7\n conv 4@4x3 stride=2 pad="same", conv 4@3x3 pad=[0, 1, 2, 0] }',
    "numbers as labels": "net N { input 2@6x6\n f: { 2: conv 2@1x1\n relu\n conv 2@1x1 } }",
    "awkward names": """
block lambda(self, x=2, nn=3) { conv x@1x1, conv nn@1x1 }
block Tensor(torch) { conv torch@1x1 }
net class { input 2@6x6\n lambda 1, lambda 1 x=4, Tensor 3, Tensor 2\n print: conv 2@1x1\n None: conv 2@1x1 }""",
    "a parameter that is named like an index": "net N(c=3, i=4) { input 3@8x8\n repeat w in [c, 2 * c, 5 * c] { conv w@1x1, conv i@1x1 }\n repeat 12 { conv i@1x1 } }",
    "an input that is named like an index": "net N { i: input 3@8x8\n j: input 3@8x8\n repeat 12 { conv 3@1x1 }\n add { | from i | from j | identity } }",
    "wires into a labelled join": "net N { input 3@8x8\n j: concat for r in 2 { | b{r}: conv 4@1x1 }\n conv 2@1x1\n concat { | identity | from j.b0 } }",
    "a join without its input": "net N { a: input 2@4x4\n x1: relu\n b: input 2@4x4\n x2: relu\n add { | from x1 | from x2 } }",
    "branches that take turns": "net N(k=2) { input 3@8x8\n repeat i in 3 { if i > 0 { conv (k*i)@1x1 } else { relu } } }",
    "repeats of repeats in a chain": "net N { input 3@8x8\n f: { repeat 3 { repeat 4 { conv 3@1x1 } } } }",
    "a path that may be absent in a concat": "block B(k) { concat { | conv 2@1x1 | if k > 2 { identity } else { none } } }\nnet N { input 3@8x8\n B 2, B 3, B 4, B 1 }",
    "a label on a branch that some do not take": "block A { s: if in.channels == 3 { conv 4@1x1 }\n relu }\nnet N { input 3@8x8\n A, A }",
    "a net input that is wired": "net N { img: input 2@6x6\n conv 2@3x3 pad=1\n add { | identity | from img } }",
    "the input first": "net N { input 2@6x6\n concat { | identity | conv 2@3x3 pad=1 }\n relu }",
    "a flag that a loop asks again": """
block B(wide, k) {
    f: repeat i in 3 { if wide { conv divisible(k // 2, 3)@1x1 }
        conv k@1x1 }
}
net N { input 12@4x4\n B yes 12, B no 12, B yes 20, B no 20, B yes 30 }""",
    "depth as an argument": "block R(n) { repeat n { conv 4@3x3 pad=1, relu } }\nnet N { input 4@6x6\n R 2, R 3, R 1 }",
    "an output in a join that leads nowhere": "net N { input 2@6x6\n add { | x: conv 2@1x1, relu | identity }\n tanh\n output x }",
    "wires into joins that lead nowhere": """
net N { input 2@6x6
    add { | conv 2@1x1, a: relu | conv 2@1x1 }
    from a
    concat { | from a | b: conv 2@1x1, relu }
    from b, tanh
}""",
    "an output in a join that only training needs": """
net N { input 2@6x6
    add { | conv 2@1x1, a: relu | conv 2@1x1 | tanh }
    b: relu
    output a
    output b train=yes
}""",
    "a wire in a block's join that leads nowhere": "block B { add { | a: conv 2@1x1 | identity }\n from a, relu }\nnet N { input 2@6x6\n B, B }",
    "a loop whose end is wanted later": """
net N { input 2@6x6
    a: { concat { | identity | relu }
         repeat 3 { add { | conv 4@1x1, relu | identity } } }
    conv 3@1x1
    concat { | from a | identity }
}""",
    "an output in braces that lead back": "net N { input 2@6x6\n g: { r: identity, a: conv 3@1x1\n from r }\n tanh\n output g.a }",
    "an output inside a repeat": "net N { input 2@6x6\n repeat i in 3 { a{i}: conv 3@1x1\n conv 2@1x1 }\n tanh\n output a2 }",
    "braces that do nothing in a path": """
net N { input 2@6x6
    concat {
        | repeat j in 2 { a{j}: { }, s{j}: scale 0.5, concat { | identity | identity } }
        | conv 3@1x1
    }
}""",
    "a labelled loop that some turns leave out": """
net N { input 2@6x6
    a: repeat w in [6, 3] { b{w}: repeat w // 6 { tanh }, softplus }
    c: repeat w in [6, 3, 12] { d{w}: repeat w // 6 { conv 2@1x1 }, tanh }
    relu
}""",
    "a block whose loop some uses leave out": """
block B(n) { f: repeat n { conv 2@1x1, relu } }
net N { input 2@6x6\n B 2, B 0, B 1, B 3 }""",
    "a loop that does nothing in a path": """
net N { input 2@6x6
    add for n in 2 {
        | identity
        | repeat a, b in [[4, 3], [5, 3]] { repeat i in 1 { require in.height > 1 } }
          conv{n}: conv 2@1x1
    }
}""",
    "a path of a join that only training needs, before one that all need": """
net N { input 4
    c: concat { | tanh, relu | abs, relu | tanh, relu, abs, tanh, a: relu | abs, tanh }
    d: scale
    output c.a
    output d train=yes
}""",
    "braces that run again, with a name inside that is wanted": """
net N { input 1@3x3
    a: {
        b: repeat i in 2 { t{i}: tanh }
        scale 0.5, again b
        conv 5@1x1
    }
    output a.b.t0
    output a
}""",
    "names of their own in numbered groups": """
block A { 0: { conv 2@1x1, a: conv 2@1x1 } }
net N { input 2@6x6\n A\n g: { { conv 2@1x1 }, 1: { b: conv 2@1x1, relu } } }""",
    "a group with two kinds of names": "net N { input 2@6x6\n f: { a: conv 2@1x1\n relu, conv 2@1x1, b: { conv 2@1x1 } } }",
}


@pytest.mark.slow
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("title", NETS)
def test_the_model_does_what_the_graph_says(title: str, training: bool) -> None:
    agree(NETS[title], training=training)


def test_an_attribute_tells_what_differs_once_and_nothing_tells_what_makes_no_difference() -> None:
    unrolled = emit("torch", network(NETS["branches in turns whose names do not count along"]), "n.cnn")
    assert unrolled.count("self.wide = ") == 1
    assert "def __init__(self) -> None:" in emit("torch", network(NETS["branches that do nothing"]), "n.cnn")
    assert "sharp" not in emit("torch", network(NETS["branches that do nothing"]), "n.cnn")


WIDE = """
block B(windows, size) { conv 4@size pad=windows stride=(1 if windows == 2 else 2), batchnorm, relu6, scale 0.5 }
net N { input 3@32x32\n B [1, 2, 3, 4] 3x5, B 2 3x3, B 1x2 5x5 }"""
NAMED_AT_LENGTH = """
net TwoViewsOfOneThing { left_view: input 2@8x8\n right_view: input 2@8x8\n concat { | from left_view | from right_view }
    one: conv 4@1x1\n two: conv 4@1x1\n three: conv 4@1x1\n output one train=yes\n output two\n output three }"""


@pytest.mark.slow
@pytest.mark.parametrize("optimize", [False, True], ids=["", "optimised"])
def test_emitted_code_is_formatted_linted_and_typed(optimize: bool, tmp_path: Path) -> None:
    for number, text in enumerate((*NETS.values(), WIDE, NAMED_AT_LENGTH)):
        (tmp_path / f"net{number}.py").write_text(emit("torch", network(text), "net.cnn", optimize=optimize))
    for command in (
        ["ruff", "format", "--check", "--isolated", "."],
        ["ruff", "check", "--isolated", "."],
        [
            "mypy",
            "--strict",
            "--cache-dir",
            str(tmp_path / "cache"),
            *(p.name for p in tmp_path.glob("*.py")),
        ],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


HONOURED = """
block B(out, more) {
    conv out@1x1
    if more { conv out@3x3 pad=1 }
}
block Once(width, kernel) {
    conv width@3x3 pad=1
    conv (2 * width)@1x1
    maxpool kernel
}
block Strided(stride) {
    conv 4@3x3 pad=1 stride=stride
    if stride != 1 { conv 4@3x3 pad=1 stride=stride }
}
block Squared(power) { conv (in.channels**power + 2**power)@1x1, conv 4@1x1 }
net N {
    input 3@8x8
    B 4 no, maxpool 2x2, B 8 yes, B 8 no
    Once 5 2
    Strided 1, Strided 2
    Squared 2, conv 5@1x1, Squared 2
}"""


def test_a_class_honours_its_parameters_in_every_place() -> None:
    """A name of the block stands wherever its author put it, in a block used once and in branches, too."""
    module = load(emit("torch", network(HONOURED), "n.cnn"))
    x = torch.randn(1, 3, 8, 8)
    assert module.B(3, out=6, more=True)(x).shape == (1, 6, 8, 8)
    assert module.Once(width=7)(torch.randn(1, 8, 4, 4)).shape == (1, 14, 2, 2)
    assert [c.stride for c in module.Strided(10, stride=3)] == [(3, 3), (3, 3)]
    assert module.Squared(7)[0].out_channels == 7**2 + 2**2
