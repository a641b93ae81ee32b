"""What each lint warns of and what it leaves alone: a table each, of lines behind `input 3@32x32`."""

from __future__ import annotations

import pytest

from cnnspec.analysis.lints.lint_context import LintContext, Site
from cnnspec.analysis.lints.silences import Silences
from cnnspec.graph.tree import Leaf
from tests.analysis.lints.warned import linted, warned
from tests.zoo.shipped import FILES, check_file

NOWHERE = {
    "relu": "",
    "a: relu, from a": "",
    "a: relu, abs, from a": "W0501 abs",
    "a: relu, abs, pad 1, from a": "W0501 pad 1",  # the last of a chain
    "a: { relu, abs }, from a": "",
    "a: relu, b: abs, from a, c: pad 1, output b c": "",
    "a: relu, b: abs, from a, c: pad 1, output c": "W0501 abs",
    "a: relu, b: abs, from a, c: pad 1\n output c\n output b train=yes": "",
    "add { | abs, x: relu, from x | a: relu, crop 4x4, from a }": "W0501 crop 4x4",
    "a: abs, repeat 3 { crop 4x4, from a }": "W0501 crop 4x4",
    "a: abs, add { | crop 4x4 | crop 4x4 }, from a": "W0501 add",
    "block B { a: abs, pad 1, from a }\nnet N { input 3@8x8, B, B }": "W0501 pad 1",
    "block B { abs }\nnet N { input 3@8x8, a: pad 1, B, from a }": "W0501 B",
    "net N { x: input 3@8x8, y: input 3@8x8, abs }": "W0501 input 3@8x8",
    "net N { x: input 3@8x8, y: input 3@8x8, add { | from x | from y } }": "",
    "net N { x: input 3@8x8, t: { conv 3@1x1 }, abs, y: input 3@8x8, again t }": "W0501 abs",
}

ACTIVATIONS = {
    "relu, conv 3@1x1, relu": "",
    "relu, relu": "W0502 relu",
    "tanh, silu": "W0502 silu",
    "relu, maxpool 2x2, relu": "",
    "relu, identity, gelu": "W0502 gelu",  # identity is no step
    "tanh, abs": "",  # Jarrett et al. 2009
    "relu, logsoftmax": "",
    "add { | relu | tanh }, relu": "",
    "add { | relu | none }, relu": "W0502 relu",  # a join of one path is that path
    "add { | relu, relu6 | identity }": "W0502 relu6",
    "a: relu, add { | relu | tanh }": "W0502 relu; W0502 tanh",
    "repeat 3 { relu }": "W0502 relu",
    "block A(act=relu) { conv 3@1x1, act }\nnet N { input 3@8x8, A, A, relu }": "W0502 relu",
    "block A { relu, conv 3@1x1 }\nnet N { input 3@8x8, tanh, A }": "W0502 relu",
    "block A { relu }\nblock B { A }\nnet N { input 3@8x8, B, B }": "W0502 relu",
    "block A { identity }\nnet N { input 3@8x8, relu, A, relu }": "W0502 relu",
}

EARLY = {
    "a: conv 3@3x3 pad=1, relu\n abs, concat { | from a | identity }": "W0509 a",
    "a: conv 3@3x3 pad=1, batchnorm, relu\n abs, concat { | from a | identity }": "W0509 a",
    "a: { conv 3@1x1 }, relu\n abs, concat { | from a | identity }": "W0509 a",
    "a: add { | identity | pad 0 }, relu\n abs, concat { | from a | identity }": "W0509 a",
    "a: { conv 3@1x1, relu }\n abs, concat { | from a | identity }": "",
    "conv 3@1x1, a: relu\n abs, concat { | from a | identity }": "",
    "a: conv 3@1x1\n relu, abs, concat { | from a | identity }": "",  # another line
    "a: conv 3@1x1, abs, concat { | from a | identity }": "",
    "a: conv 3@1x1, maxpool 1x1, relu\n abs, concat { | from a | identity }": "",
    "a: conv 3@1x1, relu\n abs, concat { | pad 0 | identity }": "",  # never read
    "a: conv 3@1x1, b: relu\n abs, concat { | from a | identity }": "",  # both have names
    "b: { a: conv 3@1x1, relu }\n abs, concat { | from b.a | from b | identity }": "",
    "a: identity, relu\n abs, concat { | from a | identity }": "",  # a name for its own sake
    "a: tanh, pad 0, relu\n abs, concat { | from a | identity }": "",
    "repeat i in 2 { e{i}: conv 3@1x1, relu, abs }\n concat { | from e0 | identity }": "W0509 e{i}",
    "a: conv 3@1x1, relu\n from a, abs": "W0501 relu",
    "a: conv 3@1x1, relu, abs\n from a, pad 0": "W0501 abs",
    "block B(act=relu) { x: conv 3@1x1, act, abs, add { | from x | identity } }\n"
    "net N { input 3@8x8, B }": "W0509 x",
    "a: conv 3@1x1, relu  # allow W0509\n abs, concat { | from a | identity }": "",
}

SHRUNK = {
    "upsample size=2": "W0510 size=2",
    "upsample size=2x32": "W0510 size=2x32",
    "upsample size=32x32": "",
    "upsample size=16x64": "",
    "upsample 0.5": "",
    "upsample size=[in.height // 2, 8]": "W0510 size=[in.height // 2, 8]",
}

UNREAD = {
    "w = 3": "W0511 w = 3",
    "w = 3\n conv w@1x1": "",
    "w = 3\n v = w\n conv v@1x1": "",
    "w = 3\n conv 3@1x1  # w": "W0511 w = 3",
    "stride = 2\n conv 3@1x1 stride=1": "W0511 stride = 2",
    "p = 2\n conv 3@1x1 stride=p": "",
    "a = yes\n if a == yes { relu }": "",
    "i = 2\n s{i}: relu": "",
    "{ w = 3\n relu }": "W0511 w = 3",
    "repeat 2 { w = 3\n relu, conv w@1x1 }": "",
    "dropout = 0.5": "W0511 dropout = 0.5",
    "net N(classes=10, w=3) { input 3@8x8, conv w@1x1 }": "W0511 classes=10",
    "net N(w=3, v=w) { input 3@8x8, conv v@1x1 }": "",
    "block B(act=relu, w=3) { conv w@1x1, act }\nnet N { input 3@8x8, B, B w=4 }": "",
    "block B(w, v) { conv w@1x1 }\nnet N { input 3@8x8, B w=3 v=1, abs, B w=3 v=2 }": "W0511 v",
    "w = 3\nnet N { input 3@8x8, relu }": "",
    "w = 3  # allow W0511": "",
}

MOMENTUM = {
    "batchnorm": "",
    "batchnorm momentum=0.5": "",
    "batchnorm momentum=0.51": "W0604 momentum=0.51",
    "batchnorm momentum=1": "",
    'batchnorm momentum="average"': "",
    "batchnorm momentum=0.9 track=no": "",
    "instancenorm momentum=0.9": "",  # which keeps no statistics
    "instancenorm momentum=0.9 track=yes": "W0604 momentum=0.9",
    "default batchnorm momentum=0.9\n batchnorm\n relu, batchnorm": "W0604 batchnorm",
    "m = 0.9\n batchnorm momentum=m": "W0604 momentum=m",
}

SHARE = {
    "dropout 0.7": "",
    "dropout 0.75": "W0605 0.75",
    "dropout 1": "",
    "stochasticdepth 0.5": "",
    "stochasticdepth p=0.8": "W0605 p=0.8",
}

SLOPE = {"leakyrelu 1": "", "leakyrelu slope=5.5": "W0606 slope=5.5", "leakyrelu (1 / 5.5)": ""}

LINEAR = {
    "conv 8@3x3, relu, conv 8@3x3": "",
    "conv 8@3x3, conv 8@3x3": "W0503 conv 8@3x3",
    'conv 8@3x3 bias=no, batchnorm, dropout mode="channels", avgpool 2x2, conv 9@1x1': "W0503 conv 9@1x1",
    "conv 8@3x3, maxpool 2x2, conv 8@3x3": "",
    "conv 8@3x3, layernorm, conv 8@3x3": "",
    "conv 8@3x3, upsample 2, conv 8@3x3": "",  # not one convolution
    "conv 8@3x3, flatten, linear 10": "W0503 linear 10",
    "flatten, linear 64, linear 10": "W0503 linear 10",
    "linear 8 pointwise=yes, conv 8@3x3": "W0503 conv 8@3x3",
    # What is between is read by others, too
    "a: conv 8@3x3, conv 8@1x1, add { | identity | from a }": "",
    "a: conv 8@3x3, b: conv 8@1x1, output a b": "",
    "conv 8@3x3, add { | conv 8@1x1 | identity }": "",
    # Made so on purpose
    "conv 2@1x1, conv 3@3x3": "",  # as narrow as Sandler et al. 2018 have it
    "conv 3@1x1, conv 3@3x3": "W0503 conv 3@3x3",
    "conv 9@1x1, depthwise 3x3": "",
    "depthwise 3x3, conv 9@1x1": "",
    "conv 8@1x1, conv 8@3x3 groups=2": "",
    "conv 8@1x3, conv 8@3x1": "",
    "conv 8@3x1, conv 8@1x3": "",
    "conv 8@1x3, conv 8@1x3": "W0503 conv 8@1x3",
    "conv 8@1x1, conv 8@1x3": "W0503 conv 8@1x3",
    "conv 3@1x1 weights=1, conv 8@3x3": "",
    "conv 8@3x3 frozen=yes, conv 8@3x3": "",
    "convtranspose 8@2x2 stride=2, conv 8@3x3": "",
    # In and out of blocks
    "block B(w) { conv w@3x3 }\nnet N { input 3@8x8, B 8, B 8 }": "W0503 conv w@3x3",
    "block B(w) { relu, conv w@3x3 }\nnet N { input 3@8x8, B 8, B 8 }": "",
    "block B(w) { a: conv w@3x3, abs, from a }\nnet N { input 3@8x8, B 8, B 8 }": "W0501 abs",
}

DROPPED = {
    "maxpool 2x2": "",
    "maxpool 3x3": "W0504 3x3",
    "maxpool 3x3 stride=2": "W0504 stride=2",
    "maxpool 3x3 stride=2 ceil=yes": "",
    "maxpool 3x3 stride=2 pad=1": "",
    "conv 8@3x3 stride=2": "W0504 stride=2",
    "conv 8@3x3 stride=2 pad=[0, 1, 0, 1]": "",
    "conv 8@3x3 stride=2 pad=[1, 0, 0, 1]": "",
    "conv 8@3x3 stride=2 pad=[0, 1, 0, 0]": "W0504 stride=2",
    'conv 8@3x3 stride=3 pad="same"': "",
    "conv 8@1x1 stride=2": "",  # what it leaves out are gaps, at the edge as everywhere
    "crop 31x31, conv 8@1x1 stride=4": "",
    "crop 30x29, conv 8@1x1 stride=4": "",
    "crop 5x6, conv 8@2x2 stride=5": "W0504 stride=5",  # behind the gap another window would start
    "crop 5x5, conv 8@2x2 stride=5": "",
    "crop 6x6, conv 8@2x2 stride=3": "",
    "crop 8x8, conv 8@2x2 stride=3": "",
    "crop 4x4, conv 8@2x2 stride=3": "W0504 stride=3",  # a window would start at the last pixel
    "crop 5x9, maxpool 2x2": "W0504 2x2",
    "depthwise 3x3 stride=2": "W0504 stride=2",
    "default conv stride=2\nconv 8@3x3": "W0504 conv 8@3x3",
}

CENTRED = {
    'conv 8@3x3 pad="same"': "",
    'conv 8@4x4 pad="same"': 'W0505 pad="same"',
    'conv 8@3x2 pad="same"': 'W0505 pad="same"',
    'conv 8@2x2 stride=2 pad="same"': "",  # nothing is padded
    'conv 8@2x2 dilation=2 pad="same"': "",
    'conv 8@3x3 stride=2 pad="same"': "",  # uneven, but by the stride
    "conv 8@2x2 pad=[0, 1, 0, 1]": "",  # said so
    'depthwise 2x2 pad="same"': 'W0505 pad="same"',
}

CHECKERBOARD = {
    "convtranspose 8@2x2 stride=2": "",
    "convtranspose 8@3x3": "",
    "convtranspose 8@3x3 stride=2": "W0506 8@3x3",
    "convtranspose 8@4x6 stride=4x3": "",
    "convtranspose 8@4x4 stride=4x3": "W0506 8@4x4",
    "convtranspose 8@1x1 stride=2": "W0506 8@1x1",
    "convtranspose 8@4x4 stride=2 dilation=2": "W0506 8@4x4",
    "convtranspose 8@4x4 stride=2 dilation=3": "",
    "convtranspose 8@3x3 stride=2 frozen=yes": "",
    'convtranspose 3@5x5 stride=3 groups=3 init="bilinear"': "",
}

GRID = {
    "conv 8@3x3 dilation=2": "",  # alone
    "conv 8@3x3 dilation=2, relu, conv 8@3x3 dilation=2": "W0507 dilation=2",
    "conv 8@3x3, relu, conv 8@3x3 dilation=2, relu, conv 8@3x3 dilation=3": "",
    "conv 8@3x3 dilation=2, relu, conv 8@3x3 dilation=2, relu, conv 8@3x3": "",  # filled (Yu et al. 2017)
    "conv 8@3x3 dilation=2, relu, conv 8@3x3 dilation=2, maxpool 2x2": "",
    "conv 8@3x3 dilation=2, relu, conv 8@3x3 dilation=2, relu, conv 8@1x1 stride=2": "W0507 dilation=2",
    "conv 8@3x3 dilation=2, maxpool 2x2, conv 8@3x3 dilation=2": "",
    "conv 8@1x3 dilation=2, relu, conv 8@3x1 dilation=2": "",  # one an axis
    "conv 8@3x3 dilation=1x3, relu, conv 8@3x3 dilation=1x3": "W0507 dilation=1x3",
    "conv 8@3x3 dilation=1x2, relu, conv 8@3x3 dilation=2x1": "",
    "depthwise 5x5 dilation=2, relu, depthwise 3x3 dilation=4": "W0507 dilation=4",
    "a: conv 3@3x3 dilation=2 pad=2\n relu, conv 3@3x3 dilation=2 pad=2, add { | identity | from a }": (
        "W0507 dilation=2"
    ),
    "concat for r in [2, 4, 8] { | conv 8@3x3 pad=r dilation=r }": "",  # Chen et al. 2017: side by side
    "conv 8@3x3 dilation=2, relu, conv 8@3x3 dilation=2, globalavgpool": "W0507 dilation=2",
}

JOINS = {
    "add { | conv 3@3x3 pad=1 | identity }": "",
    "add { | conv 3@3x3 stride=2 pad=1 | conv 3@1x1 stride=2 }": "",
    "add { | maxpool 2x2 | conv 3@3x3 stride=2 pad=1 }": "",  # half a pixel of theirs
    "add { | crop sides=[2, 0, 2, 0] | crop sides=1 }": "W0508 add",
    "add { | crop sides=[1, 0, 1, 0] | crop sides=[0, 1, 0, 1] }": "W0508 add",
    "add { | crop sides=[1, 0, 1, 0] | crop sides=[0, 1, 0, 1], globalavgpool, upsample 31 }": "",
    "concat { | conv 8@3x3 stride=2 pad=1 | crop 16x16 }": "W0508 concat",
    "mul { | identity | globalavgpool, sigmoid }": "",
    "mul { | identity | crop 1x1, sigmoid }": "",  # a gate
    "add { | maxpool 2x2, upsample 2 | identity }": "",
    'add { | maxpool 2x2, upsample 2 mode="bilinear" | identity }': "",
    "add { | maxpool 2x2, convtranspose 3@2x2 stride=2 | identity }": "",
    "block B { add { | crop sides=[2, 0, 2, 0] | crop sides=1 } }\nnet N { input 3@8x8, maxpool 2x2, B }": (
        "W0508 add"
    ),
    "block S(w) { conv w@3x3 stride=2 pad=1 }\nnet N { input 3@8x8, add { | S 3 | maxpool 2x2 } }": "",
    "block S { pad [2, 0, 0, 0] }\nnet N { input 3@8x8, add { | S | pad [0, 2, 0, 0] } }": "W0508 add",
}

BIAS = {
    "conv 8@3x3, batchnorm": "W0601 conv 8@3x3",
    "conv 8@3x3 bias=no, batchnorm": "",
    "conv 8@3x3 bias=yes, batchnorm": "W0601 bias=yes",
    "conv 8@3x3, relu, batchnorm": "",
    "conv 8@3x3 frozen=yes, batchnorm": "",
    "conv 8@3x3, layernorm": "",
    "depthwise 3x3, batchnorm": "W0601 depthwise 3x3",
    "convtranspose 8@2x2 stride=2, batchnorm affine=no": "W0601 convtranspose 8@2x2 stride=2",
    "flatten, linear 8, batchnorm": "W0601 linear 8; W0607 batchnorm",
    "default conv bias=no\nconv 8@3x3, batchnorm": "",
    # The bias reaches others, too
    "a: conv 8@3x3, batchnorm, add { | identity | from a }": "",
    "a: conv 8@3x3, b: batchnorm, output a b": "",
    # All runs of the same weights, or none
    "a: conv 3@1x1, batchnorm, again a, batchnorm": "W0601 conv 3@1x1",
    "a: conv 3@1x1, batchnorm, again a, relu": "",
    "block T { conv 3@1x1 }\nnet N { input 3@8x8, a: T, batchnorm, again a, batchnorm }": "W0601 conv 3@1x1",
    "block T { conv 3@1x1 }\nnet N { input 3@8x8, a: T, batchnorm, again a, relu }": "",
    "block T { conv 3@1x1 }\nnet N { input 3@8x8, a: T, batchnorm, relu, T, relu }": "W0601 conv 3@1x1",
}

SOFTMAX = {
    "flatten, softmax": "W0602 softmax",
    "flatten, logsoftmax": "",
    "softmax, flatten": "W0602 softmax",
    "softmax": "W0602 softmax",
    "flatten, softmax, linear 3": "",
    "mul { | identity | softmax }": "",
    "block Head { flatten, softmax }\nnet N { input 3@8x8, Head }": "W0602 softmax",
    "a: relu, b: { flatten, softmax }, from a, c: flatten, output c\n output b train=yes": "W0602 softmax",
}

DROPOUT = {
    "dropout, batchnorm": "W0603 dropout",
    "dropout 0.1, conv 8@3x3 bias=no, relu, batchnorm": "W0603 dropout 0.1",
    "dropout 0, batchnorm": "",
    "dropout, batchnorm track=no": "",
    "batchnorm, dropout": "",
    "dropout, groupnorm 1, batchnorm": "",
    "add { | dropout | relu }, batchnorm": "",
    "dropout, batchnorm, relu, batchnorm": "W0603 dropout",  # once
    "block B { batchnorm, relu, dropout }\nnet N { input 3@8x8, repeat 3 { B } }": "W0603 dropout",
}

WEIGHTY = {
    "flatten, linear 1000": "W0701 1000",
    "flatten, linear 300": "",  # under a million
    "flatten, linear 1000, relu, linear 4000, relu, linear 10": "W0701 4000",  # more than half
    "flatten, linear 1000, relu, linear 3050, relu, linear 10": "",
    "conv 2000@1x1, relu, globalavgpool, flatten, dropout, linear 1000": "",  # one number a channel
    "flatten, linear 1000 frozen=yes": "",
    "linear 2000 pointwise=yes, relu, linear 2000 pointwise=yes": "",
}

BLIND = {
    "repeat 3 { conv 8@3x3 pad=1, relu }, globalavgpool": "",
    "repeat 16 { conv 8@3x3 pad=1, relu }, globalavgpool": "",
    "repeat 17 { conv 8@3x3 pad=1, relu }, globalavgpool": "W0702 8@3x3",
    "repeat 17 { conv 8@3x3 pad=1, relu }": "",  # a map comes out
    "repeat 16 { conv 8@3x3 pad=1, relu }, conv 8@1x1, relu, globalavgpool": "",
    "repeat 16 { conv 8@3x3 pad=1, relu }, conv 8@2x1, relu, globalavgpool": "W0702 8@2x1",
    "repeat 17 { conv 8@1x3 pad=0x1, relu }, globalavgpool": "",  # rows are not seen
    "repeat 40 { add { | conv 3@3x3 pad=1, relu | identity } }, globalavgpool": "",
    "globalavgpool, conv 3@3x3 pad=1": "W0702 3@3x3",
    "repeat 5 { maxpool 2x2 }, conv 3@3x3 pad=1": "W0702 3@3x3",
    "mul { | identity | globalavgpool, sigmoid }, conv 3@3x3 pad=1, globalavgpool": "",
    "block B { conv 3@3x3 pad=1, relu }\nnet N { input 3@8x8, repeat 5 { B }, globalavgpool }": "W0702 3@3x3",
    "block B { conv 3@3x3 pad=1, relu }\nnet N { input 3@9x8, repeat 4 { B }, globalavgpool }": "",
}

TABLES = {
    "nowhere": NOWHERE,
    "activations": ACTIVATIONS,
    "early": EARLY,
    "shrunk": SHRUNK,
    "unread": UNREAD,
    "momentum": MOMENTUM,
    "share": SHARE,
    "slope": SLOPE,
    "linear": LINEAR,
    "dropped": DROPPED,
    "centred": CENTRED,
    "checkerboard": CHECKERBOARD,
    "grid": GRID,
    "joins": JOINS,
    "bias": BIAS,
    "softmax": SOFTMAX,
    "dropout": DROPOUT,
    "weighty": WEIGHTY,
    "blind": BLIND,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [pytest.param(*row, id=f"{n}: {row[0]}") for n, t in TABLES.items() for row in t.items()],
)
def test_what_is_told(text: str, expected: str) -> None:
    assert warned(text) == expected


def test_how_far_apart_paths_are_is_told() -> None:
    (warning,) = linted("add { | crop sides=[5, 0, 0, 0] | crop sides=[0, 5, 0, 0] }").diagnostics
    assert warning.message == "the paths of `add` look at places 5 pixels apart"


def test_a_block_is_looked_at_once_however_often_it_is_used() -> None:
    text = "block B { conv 3@3x3, conv 3@3x3 pad=2 }\nnet N {\n input 3@8x8\n repeat 1000 { B, relu }\n}"
    found = linted(text)
    assert [each.span.text for each in found.diagnostics] == ["conv 3@3x3 pad=2"]
    context = LintContext(found.networks, Silences())
    assert len(context.visits) == 2 and len(context.known) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(FILES.values())))
def test_every_step_is_found_in_the_text(name: str) -> None:
    context = LintContext(check_file(name).networks, Silences())
    for scope, uses, _ in context.visits:
        for op in scope.ops:
            site = Site(op, uses, scope)
            assert site.argument().start == op.span.start
            if isinstance(op, Leaf) and op.layer.positional:
                assert site.argument(*op.layer.positional).text in op.span.text
