"""What a student writes on his first day, and what the first fixes make of it: a spec that is right."""

from __future__ import annotations

import pytest

from cnnspec.compiler import Checked, check
from cnnspec.faults.fixes import with_fixes
from cnnspec.text.edits import apply
from cnnspec.text.source import Source

NET = ("input 1@28x28", "conv 8@3x3 pad=1, relu", "maxpool 2x2", "flatten", "linear 10")
INPUT, CONV, POOL, FLATTEN, LINEAR = range(5)

SLIPS = [
    # the order of words
    (CONV, "conv 3x3@8 pad=1", "conv 8@3x3 pad=1"),
    (CONV, "8@3x3 conv pad=1, relu", "conv 8@3x3 pad=1, relu"),
    (CONV, '"conv" 8@3x3 pad=1, relu', "conv 8@3x3 pad=1, relu"),
    (CONV, "conv layer 8@3x3 pad=1", "conv 8@3x3 pad=1"),
    (POOL, "maxpool layer 2x2", "maxpool 2x2"),
    (LINEAR, "linear layer 10", "linear 10"),
    (CONV, "conv 3x3 8 pad=1", "conv 8@3x3 pad=1"),
    (POOL, "pooling max 2x2", "maxpool 2x2"),
    (POOL, "max pool 2x2", "maxpool 2x2"),
    (POOL, "global average pool", "globalavgpool"),
    (LINEAR, "fully connected 10", "linear 10"),
    # PyTorch's and Keras' words
    (CONV, "Conv2d(1, 8, kernel_size=3), relu", "conv 8@3x3, relu"),
    (CONV, "nn.Conv2d(1, 8, 3, padding=1), nn.ReLU()", "conv 8@3x3 pad=1, relu"),
    (CONV, "self.conv1 = nn.Conv2d(1, 8, 3, padding=1)", "conv1: conv 8@3x3 pad=1"),
    (CONV, "x = nn.Conv2d(1, 8, 3, padding=1)", "x: conv 8@3x3 pad=1"),
    (CONV, "conv filters=8 kernel_size=3 padding=1", "conv 8@3x3 pad=1"),
    (CONV, 'conv 8@3x3 activation="relu"', "conv 8@3x3, relu"),
    (CONV, 'conv 8@3x3 padding="valid"', "conv 8@3x3 pad=0"),
    (CONV, "conv 8@3x3 bias=False", "conv 8@3x3 bias=no"),
    (CONV, "Conv 8@3x3 Pad=1", "conv 8@3x3 pad=1"),
    (CONV, "conv 8@3x3 stride=(2, 2)", "conv 8@3x3 stride=2x2"),
    (CONV, "conv 8 (3, 3)", "conv 8@3x3"),
    (CONV, "conv 8 kernel=3 pad=1", "conv 8@3x3 pad=1"),
    (LINEAR, "linear(1568, 10)", "linear 10"),
    (LINEAR, "dense 10", "linear 10"),
    (POOL, "maxpool kernel_size=2 stride=2", "maxpool 2x2 stride=2"),
    # words without `=`, quotes or need
    (CONV, "conv 8@3x3 stride 2", "conv 8@3x3 stride=2"),
    (CONV, "conv 8@3x3 pad 1 stride 1", "conv 8@3x3 pad=1 stride=1"),
    (CONV, "conv 8@3x3 pad=same", 'conv 8@3x3 pad="same"'),
    (CONV, "conv 8@3x3 same", 'conv 8@3x3 pad="same"'),
    (LINEAR, "linear 10 units", "linear 10"),
    (CONV, "repeat 3 times { conv 8@3x3 pad=1 }", "repeat 3 { conv 8@3x3 pad=1 }"),
    (CONV, "repeat 3x { conv 8@3x3 pad=1 }", "repeat 3 { conv 8@3x3 pad=1 }"),
    # commas and colons
    (CONV, "conv 8@3x3, pad=1", "conv 8@3x3 pad=1"),
    (CONV, "conv 8@3x3 pad=1 relu", "conv 8@3x3 pad=1, relu"),
    (CONV, "conv: 8@3x3, pad: 1", "conv 8@3x3 pad=1"),
    (CONV, "conv 8@3x3 pad: 1", "conv 8@3x3 pad=1"),
    (CONV, "conv 8@3x3;", "conv 8@3x3"),
    (CONV, "- conv 8@3x3", "conv 8@3x3"),
    (CONV, "2. conv 8@3x3", "conv 8@3x3"),
    (CONV, "conv 8@3x3 bias=no,pad=1", "conv 8@3x3 bias=no pad=1"),
    (CONV, "conv 8@3x3 and relu", "conv 8@3x3, relu"),
    (CONV, "conv 8@3x3 + relu", "conv 8@3x3, relu"),
    (CONV, "conv 8@3x3 with relu", "conv 8@3x3, relu"),
    (CONV, "3x { conv 8@3x3 pad=1 }", "repeat 3 { conv 8@3x3 pad=1 }"),
    # numbers and sizes
    (LINEAR, "dropout 50%, linear 10", "dropout 0.5, linear 10"),
    (LINEAR, "dropout 50, linear 10", "dropout 0.5, linear 10"),
    (LINEAR, "dropout 0,5, linear 10", "dropout 0.5, linear 10"),
    (LINEAR, "dropout p=0,5", "dropout p=0.5"),
    (CONV, "conv 8@3x3, leakyrelu 0,01", "conv 8@3x3, leakyrelu 0.01"),
    (LINEAR, "dropout .5, linear 10", "dropout 0.5, linear 10"),
    (LINEAR, "dropout p=.5", "dropout p=0.5"),
    (CONV, "conv 8@3×3", "conv 8@3x3"),
    (CONV, "conv 8@3X3", "conv 8@3x3"),
    (CONV, "conv 8@3*3", "conv 8@3x3"),
    (POOL, "maxpool 2 x 2", "maxpool 2x2"),
    (INPUT, "input 1 @ 28 x 28", "input 1@28x28"),
    (INPUT, "input 1 28 28", "input 1@28x28"),
    (INPUT, "input 1, 28, 28", "input 1@28x28"),
    (INPUT, "input (1, 28, 28)", "input 1@28x28"),
    (INPUT, "input 28x28x1", "input 1@28x28"),
    (INPUT, "input 28x28", "input 1@28x28"),
    (INPUT, "input 28", "input 1@28x28"),
    (INPUT, "input 784", "input 1@28x28"),
    (INPUT, "1@28x28", "input 1@28x28"),
    (INPUT, "input: 1@28x28", "input 1@28x28"),
    (INPUT, "input = 1@28x28", "input 1@28x28"),
    (INPUT, "input 32x1x28x28", "input 1@28x28"),
    (INPUT, "input gray 28x28", "input 1@28x28"),
    (INPUT, "input 28x28 Greyscale", "input 1@28x28"),
    (CONV, "conv 1->8 3x3", "conv 8@3x3"),
    (CONV, "conv 1 -> 8 3x3 pad=1", "conv 8@3x3 pad=1"),
    (LINEAR, 'linear "10"', "linear 10"),
    # claims, outputs, joins
    (CONV, "conv 8@3x3 pad=1 -> 28x28x8", "conv 8@3x3 pad=1 -> 8@28x28"),
    (CONV, "conv 8@3x3 pad=1, relu => 8@28x28", "conv 8@3x3 pad=1, relu -> 8@28x28"),
    (CONV, "conv 8@3x3 -> relu", "conv 8@3x3, relu"),
    (LINEAR, "output 10", "linear 10"),
    (LINEAR, "output linear 10", "linear 10"),
    (
        CONV,
        "a: conv 8@3x3\n    b: relu\n    a + b",
        "a: conv 8@3x3\n    b: relu\n    add { | from a | from b }",
    ),
    (
        CONV,
        "a: conv 8@3x3\n    b: relu\n    add a b",
        "a: conv 8@3x3\n    b: relu\n    add { | from a | from b }",
    ),
    (
        CONV,
        "a: conv 8@3x3\n    b: relu\n    y = a + b",
        "a: conv 8@3x3\n    b: relu\n    y: add { | from a | from b }",
    ),
    # signs that keyboards and editors put in
    (CONV, "conv 8@3x3 pad=„same“", 'conv 8@3x3 pad="same"'),
    (CONV, "conv 8@3x3 pad=‚same‘  # don’t", 'conv 8@3x3 pad="same"  # don’t'),
    (CONV, "conv 8@3x3 pad='same'", 'conv 8@3x3 pad="same"'),
    (CONV, "conv\N{NO-BREAK SPACE}8@3x3", "conv 8@3x3"),
    (CONV, "conv 8@3x3,\N{ZERO WIDTH SPACE} relu", "conv 8@3x3, relu"),
    (CONV, "conv 8@3x3, relu // the first", "conv 8@3x3, relu # the first"),
]

HEADS = [
    ("net LeNet-5 {", "net LeNet5 {"),
    ("net My-Net(classes=10) {", "net My_Net (classes=10) {"),
    ('net "LeNet" {', "net LeNet {"),
    ("net {", "net Net {"),
    ("model A {", "net A {"),
    ("NET A {", "net A {"),
]


def recheck(text: str, **options: object) -> Checked:
    return check(Source("student.cnn", text))


def mend(text: str) -> str:
    """The text with the first fix of every fault."""
    source = Source("student.cnn", text)
    faults = with_fixes(source, check(source), recheck)
    assert [fault.code for fault in faults] != []
    return apply(text, [edit for fault in faults for fix in fault.fixes[:1] for edit in fix.edits])


def net(line: str, index: int) -> str:
    lines = [*NET[:index], line, *NET[index + 1 :]]
    return "net Student {\n    " + "\n    ".join(lines) + "\n}\n"


@pytest.mark.parametrize(("index", "wrong", "right"), SLIPS)
def test_a_slip_is_mended(index: int, wrong: str, right: str) -> None:
    assert mend(net(wrong, index)) == net(right, index)
    assert check(Source("student.cnn", net(right, index))).ok


@pytest.mark.parametrize(
    "line",
    [
        "conv 8@3x3 pad=1 activation gelu",
        "conv 8 of size 3x3",
        "pad = conv + relu",
    ],
)
def test_no_fix_is_better_than_a_wrong_one(line: str) -> None:
    source = Source("student.cnn", net(line, CONV))
    faults = with_fixes(source, check(source), recheck)
    assert faults
    assert [fix for fault in faults for fix in fault.fixes] == []


@pytest.mark.parametrize(("wrong", "right"), HEADS)
def test_the_head_of_a_net_is_mended(wrong: str, right: str) -> None:
    text = net(NET[0], 0).replace("net Student {", wrong)
    assert mend(text) == net(NET[0], 0).replace("net Student {", right)
