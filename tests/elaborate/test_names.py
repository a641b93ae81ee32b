"""Names, defaults and variants, files, and how weights are named: rules 4, 12 and 13."""

from __future__ import annotations

import pytest

from tests.elaborate.rules import outcome, paths

SCOPES = [
    ("block B(w, s=1) { conv w@3x3 stride=s }\nnet N { input 3@32x32\n B 4\n B w=5 s=2\n B 4 3 }", "4@4x4"),
    ("out = 7\nblock B(w=out) { conv out@1x1 }\nnet N { input 3@8x8\n B }", "7@8x8"),
    ("block B { conv out@1x1 }\nnet N { out = 3\n input 3@8x8\n B }", "E0202 out"),
    ("block B(w, v=2*w) { conv v@1x1 }\nnet N(k=2, c=k*3) { input 3@8x8\n B c }", "12@8x8"),
    ("block B(w) { conv w@1x1 }\nnet N { input 3@8x8\n B }", "E0302 B"),
    ("block B(w) { conv w@1x1 }\nnet N { input 3@8x8\n B 3 4 }", "E0301 4"),
    ("block B(w) { conv w@1x1 }\nnet N { input 3@8x8\n B width=3 }", "E0301 width"),
    ("block B(w) { conv w@1x1 }\nnet N { input 3@8x8\n B 3 w=3 }", "E0305 w=3"),
    ("net N { input 3@8x8\n B }\nblock B { conv 4@1x1 }", "4@8x8"),
    ("net N(c=later) { input 3@8x8\n conv c@1x1 }\nlater = 4", "4@8x8"),
    ("a = b\nb = 3\nnet N { input 3@8x8 }", "E0202 b"),
    ("a = a + 1\nnet N { input 3@8x8 }", "E0202 a"),
    ("a = 1\na = 2\nnet N { input 3@8x8 }", "E0203 a"),
    ("a = a + 1\nflatten, linear a", "E0202 a"),
    ("k = 1\nrepeat 2 { k = k + 1\n conv k@1x1 }\nconv (k + 4)@1x1", "5@32x32"),
    ("net N(c=3, c=4) { input c@8x8 }", "E0203 c"),
    ("net N(for=3) { input 3@8x8 }", "E0101 for"),
    ("in = 3", "E0101 in"),
]
LAYERS_AS_VALUES = [
    ("block B(act=relu) { act }\nnet N { input 3@8x8\n B act=hardswish\n B tanh\n B }", "3@8x8"),
    ("block B(unit) { unit 4@1x1 }\nblock C(f) { conv f }\nnet N { input 3@8x8\n B C, B conv }", "4@8x8"),
    ("net N(act=relu) { input 3@8x8\n if act == relu { conv 4@1x1 } }", "4@8x8"),
    ("repeat act in [relu, tanh] { conv 4@1x1, act }", "4@32x32"),
    ("block B(f) { conv f }\nnet N(f=4@3x3) { input 3@8x8\n B f }", "4@6x6"),
    ("block B(scale=2) { conv scale@1x1 }\nnet N { input 3@8x8\n B 3 }", "3@8x8"),  # an argument: the number
    ("block B(scale=2) { scale }\nnet N { input 3@8x8\n B 3 }", "3@8x8"),  # a step: the layer
    ("block B(f) { f }\nnet N { input 3@8x8\n B 3 }", "E0303 f"),
    ("relu = 3\nnet N { input 3@8x8 }", "E0203 relu"),
]
DEFAULTS = [
    ("default conv pad=1\nconv 3@3x3", "3@32x32"),
    ("default conv pad=1\ndefault conv stride=2\nconv 3@3x3", "3@16x16"),
    ("default conv pad=1\nconv 3@3x3 pad=0", "3@30x30"),
    ("{\n default conv pad=1\n conv 3@3x3 }\nconv 3@3x3", "3@30x30"),
    ("block B { conv 3@3x3 }\nnet N { input 3@8x8\n default conv pad=1\n B }", "3@8x8"),
    ("block B { conv 3@3x3 }\nnet N { input 3@8x8\n B\n default conv pad=1\n B }", "3@6x6"),
    ("block B {\n default conv pad=1\n conv 3@3x3 }\nnet N { input 3@8x8\n B\n conv 3@3x3 }", "3@6x6"),
    ("add {\n default conv pad=1\n | conv 3@3x3\n | identity }\nconv 3@3x3", "3@30x30"),
    ("concat {\n | default conv pad=1\n conv 3@3x3, crop 30x30\n | conv 3@3x3 }", "6@30x30"),
    ("default maxpool stride=1\nmaxpool 2x2", "3@31x31"),
    ("default conv stride=0", "E0304 stride=0"),
    ("default conv bias=3", "E0303 bias=3"),
    ("default batchnorm epz=1", "E0301 epz"),
    ("block B(w=1) { conv w@1x1 }\nnet N { input 3@8x8\n default B w=4\n B }", "4@8x8"),
    ("block B(w=1) { conv w@1x1 }\nnet N { input 3@8x8\n default B w=4\n B 5 }", "5@8x8"),
    ("block B(w) { conv w@1x1 }\nnet N { input 3@8x8\n { default B w=4\n B }\n B }", "E0302 B"),
    ("block B(w) { conv w@1x1 }\nblock C { B }\nnet N { input 3@8x8\n default B w=4\n C }", "4@8x8"),
    ("block B(w, v=2*w) { conv v@1x1 }\nnet N { input 3@8x8\n default B w=4\n B }", "8@8x8"),
    ("block B(w) { conv w@1x1 }\nnet N(u=B) { input 3@8x8\n default u w=4\n B }", "4@8x8"),
    ("block B(w) { conv w@1x1 }\nnet N { input 3@8x8\n default B w=0\n B }", "E0304 w@1x1"),
    ("block B { relu }\nnet N { input 3@8x8\n default B w=3 }", "E0301 w"),
    ("default none w=3", "E0301 w"),
    ("k = 3\ndefault k w=3", "E0303 k"),
    ('use "blocks/double.cnn"\nnet N { input 3@8x8\n default Double pad=0\n Double 4 }', "4@4x4"),
    ("default konv pad=1", "E0201 konv"),
    ("default conv\nrelu", "E0101 "),
    ("default = 3\nflatten, linear default", "3"),
]
VARIANTS = [
    ("net A(c=3, d=2) { input c@8x8\n conv d@1x1 }\nnet B = A c=5\nnet C = B d=7", "7@8x8"),
    ("net A(c) { input c@8x8 }\nnet B = A c=5", "5@8x8"),
    ("net A(c) { input c@8x8 }", "E0211 A"),
    ("net A(c) { input c@8x8 }\nnet B = A", "E0211 B"),
    ("net A(c=3) { input c@8x8 }\nnet B = A d=5", "E0213 d"),
    ("net A(c=3) { input c@8x8 }\nnet B = X c=5", "E0212 X"),
    ("net A = B\nnet B = A", "E0205 B; E0205 A"),
]
FILES = [
    ('use "blocks/double.cnn"\nnet N { input 3@8x8\n Double 4 }', "4@8x8"),
    ('use "blocks/double.cnn"\nuse "blocks/double.cnn"\nnet N { input 3@8x8\n Double 4 }', "4@8x8"),
    ('use "edges.cnn"\nnet N { input 1@8x8\n conv 1@3x3 weights=sobel_x }', "1@6x6"),
    ('use "lenet.cnn"\nnet LeNet5 { input 4@8x8 }', "4@8x8"),
    ('use "lenet.cnn"\nnet N = LeNet5', "E0212 LeNet5"),
    ('use "blocks/doubel.cnn"\nnet N { input 3@8x8 }', 'E0206 "blocks/doubel.cnn"'),
    ('use "blocks/double.cnn"\nblock Double { relu }\nnet N { input 3@8x8 }', "E0203 Double"),
    ('block Double { relu }\nuse "blocks/double.cnn"\nnet N { input 3@8x8 }', 'E0203 "blocks/double.cnn"'),
]
WEIGHTS = [
    ("conv 3@1x1, relu, relu, conv 3@1x1", "conv1 conv2"),
    ("a: conv 3@1x1, conv 3@1x1", "a conv2"),
    ("2: conv 3@1x1\nconv 3@1x1", "2 conv2"),
    ("repeat 3 { conv 3@1x1 }", "conv1 conv2 conv3"),
    ("repeat i in 3 { step{i}: conv 3@1x1 }", "step0 step1 step2"),
    ("l: repeat 2 { conv 3@1x1, relu }", "l.0 l.2"),
    ("l: repeat i in 2 { s{i}: conv 3@1x1, relu, conv 3@1x1 }", "l.s0 l.2 l.s1 l.5"),
    ("f: { conv 3@1x1, relu, conv 3@1x1 }\n{ conv 3@1x1 }", "f.0 f.2 conv1"),
    ("f: { { conv 3@1x1 }, relu, inner: { conv 3@1x1 }, conv 3@1x1 }", "f.0 f.inner.0 f.3"),
    ("add { | a: conv 3@1x1 | conv 3@1x1 }\nconv 3@1x1", "a conv2 conv3"),
    ("j: add { | conv 3@1x1, relu | conv 3@1x1 }\nconv 3@1x1", "j.0 j.2 conv1"),
    ("d: if yes { conv 3@1x1 } else { relu }\nconv 3@1x1", "d.0 conv1"),
    ("d: if no { conv 3@1x1 }\nconv 3@1x1", "conv1"),
    ("concat for i in 2 { | b{i}: conv 3@1x1 }", "b0 b1"),
    ("s: scale, scale", "s scale2"),
    ('"block{1}-{2}": conv 3@1x1', "block1-2"),
    ("class: conv 3@1x1", "class"),
    ('"c.0": conv 3@1x1, "d.0": conv 3@1x1, "c.1": conv 3@1x1, conv 3@1x1', "c.0 d.0 c.1 conv1"),
    ('repeat i in 2 { "c.{i}": conv 3@1x1, "d.{i}": conv 3@1x1 }', "c.0 d.0 c.1 d.1"),
    ('f: { "c.a.0": conv 3@1x1, relu, "c.a.b": conv 3@1x1, conv 3@1x1 }', "f.c.a.0 f.c.a.b f.1"),
    ('"c.0": { conv 3@1x1, relu, conv 3@1x1 }\n"c.1": repeat 2 { conv 3@1x1 }', "c.0.0 c.0.2 c.1.0 c.1.1"),
]
BLOCK_WEIGHTS = [
    ("conv 3@1x1, relu, conv 3@1x1", "b.0 b.2"),
    ("conv 3@1x1, { relu, conv 3@1x1 }, repeat 2 { conv 3@1x1 }", "b.0 b.2 b.3 b.4"),
    ("conv 3@1x1, g: { relu, conv 3@1x1 }, conv 3@1x1", "b.0 b.g.1 b.2"),
    ("identity, conv 3@1x1, if no { relu }, conv 3@1x1, x: identity, conv 3@1x1", "b.0 b.1 b.2"),
    ("conv 3@1x1, d: if no { relu }, conv 3@1x1", "b.0 b.1"),
    ("conv 3@1x1, d: if yes { relu }, conv 3@1x1", "b.0 b.2"),
    ("x: conv 3@1x1, again x, conv 3@1x1", "b.x b.1"),
    ("x: conv 3@1x1, y: again x, conv 3@1x1", "b.x b.1"),
    ("a: relu, conv 3@1x1, from a, conv 3@1x1", "b.conv1 b.conv2"),
    ("add { | conv 3@1x1, relu, conv 3@1x1 | identity }\nconv 3@1x1", "b.conv1 b.conv2 b.conv3"),
    ("g: { add { | conv 3@1x1, relu, conv 3@1x1 | identity } }", "b.g.0 b.g.2"),
    ("C, C, add { | relu | relu }, C", "b.c1.0 b.c2.0 b.c3.0"),
    ('2: conv 3@1x1, conv 3@1x1, "7": conv 3@1x1, conv 3@1x1', "b.2 b.3 b.7 b.8"),
    ('repeat i in 3 { "{2*i}": conv 3@1x1 }\nconv 3@1x1', "b.0 b.2 b.4 b.5"),
    ("s: scale, scale", "b.s b.1"),
    ('"c.1": conv 3@1x1, conv 3@1x1, "c.x": C', "b.c.1 b.0 b.c.x.0"),
]
WRONG_LABELS = [
    ("a: relu, a: tanh", "E0203 a"),
    ("x: identity\nx: relu", "E0203 x"),
    ("x: identity\nx: identity", "E0203 x"),
    ("net N { a: input 3@8x8\n a: relu }", "E0203 a"),
    ("repeat i in 2 { x: relu }", "E0203 x"),
    ("conv2: conv 3@1x1\nconv 3@1x1", "E0203 conv"),
    ("g: { 5: relu\n 4: relu\n conv 3@1x1 }", "E0203 conv"),
    ("d: if no { relu } else { identity }\nd: relu", "E0203 d"),
    ("d: if no { relu }\nd: maxpool 2x2", "3@16x16"),
    ('"a..b": relu', 'E0101 "a..b"'),
    ('".a": relu', 'E0101 ".a"'),
    ('"a.": relu', 'E0101 "a."'),
    ('"c.0": relu, "c.0": tanh', 'E0203 "c.0"'),
    ('"c.0": relu\nc: tanh', "E0203 c"),
    ('c: relu\n"c.0": tanh', 'E0203 "c.0"'),
    ('repeat 2 { "c.0": relu }', 'E0203 "c.0"'),
    ('"c.forward": relu', 'E0208 "c.forward"'),
    ('"c.0": relu\nfrom c.0, maxpool 2x2', "3@16x16"),
    ('"c.0": relu\nfrom "c.0", maxpool 2x2', "3@16x16"),
    ('"c.0": relu\nfrom c.1', "E0204 c.1"),
    ('"": relu', 'E0101 ""'),
    ("forward: relu", "E0208 forward"),
    ("g: { training: relu }", "E0208 training"),
    ("for: relu", "E0101 for"),
    ('"for": relu\nfrom "for", maxpool 2x2', "3@16x16"),
    ("s{1.5}: relu", "E0303 1.5"),
]


@pytest.mark.parametrize(
    ("text", "expected"), SCOPES + LAYERS_AS_VALUES + DEFAULTS + VARIANTS + FILES + WRONG_LABELS
)
def test_names(text: str, expected: str) -> None:
    assert outcome(text) == expected


@pytest.mark.parametrize(("text", "expected"), WEIGHTS)
def test_weights_of_a_net(text: str, expected: str) -> None:
    assert paths(text) == expected


@pytest.mark.parametrize(("body", "expected"), BLOCK_WEIGHTS)
def test_weights_of_a_block(body: str, expected: str) -> None:
    text = f"block C {{ conv 3@1x1 }}\nblock B {{ {body} }}\nnet N {{ input 3@8x8\n b: B }}"
    assert paths(text) == expected


def test_defaults_reach_blocks_and_keys() -> None:
    text = (
        "block B { conv 3@1x1 }\nnet N {\n input 3@8x8\n B\n default conv bias=no\n B\n conv 3@1x1 bias=yes }"
    )
    assert paths(text) == "b1.0 b2.0 conv3" or paths(text) == "b1.0 b2.0 conv1"
