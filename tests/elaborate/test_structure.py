"""Braces, joins, wires, inputs and outputs, assertions, the values of weights: rules 5 to 11 and 14."""

from __future__ import annotations

import pytest

from cnnspec.analysis.unroll import unroll
from tests.elaborate.rules import checked, outcome

REPEATS = [
    ("repeat 3 { maxpool 2x2 }", "3@4x4"),
    ("repeat i in 3 { conv (i + 1)@1x1 }", "3@32x32"),
    ("repeat w in [6, 8] { conv w@1x1 }", "8@32x32"),
    ("repeat w, d in [[6, 2], [8, 1]] { repeat d { conv w@3x3 } }", "8@26x26"),
    ("repeat f in [4@3x3, 5@5x5] { conv f }", "5@26x26"),
    ("repeat 0 { nothing }", "3@32x32"),
    ("repeat [] { nothing }", "3@32x32"),
    ("repeat w, d in [[6, 2, 3]] { relu }", "E0306 [[6, 2, 3]]"),
    ("repeat w, d in [6] { relu }", "E0306 [6]"),
    ("repeat 2.5 { relu }", "E0303 2.5"),
    ("repeat (-1) { relu }", "E0307 (-1)"),
    ("repeat i in 2 { relu }\nconv (i + 1)@1x1", "E0202 i"),
    ("repeat i in 2 { k = i + 4 }\nconv k@1x1", "E0202 k"),
]
CONDITIONS = [
    ("if in.channels != 3 or 1 != 1 { maxpool 2x2 }", "3@32x32"),
    ("if no { conv 4@1x1 } else { conv 5@1x1 }", "5@32x32"),
    ("if no { conv 4@1x1 } else if yes { conv 5@1x1 } else { conv 6@1x1 }", "5@32x32"),
    ("if no { conv 4@1x1 }\nelse { conv 5@1x1 }", "E0101 else"),
    ("conv 3@1x1, if yes { batchnorm }, relu", "3@32x32"),
    ("if no { nothing }", "3@32x32"),
    ("if 1 { maxpool 2x2 }", "3@16x16"),
    ('if "a" { relu }', 'E0303 "a"'),
]
JOINS = [
    ("add { | conv 3@1x1 | identity }", "3@32x32"),
    ("add {\n | conv 3@1x1\n relu\n conv 3@1x1\n | identity\n}", "3@32x32"),
    ("add { | identity | identity | identity }", "3@32x32"),
    ("add { | conv 4@1x1 }", "4@32x32"),
    ("add { | conv 4@1x1 | none }", "4@32x32"),
    ("add { | none | none }", "E0214 add"),
    ("add { | conv 4@1x1 | if in.channels == 3 { none } else { identity } }", "4@32x32"),
    ("add { | conv 3@1x1 | if in.channels == 3 { identity } else { none } }", "3@32x32"),
    ("add { | conv 4@1x1 | d: if in.channels == 4 { identity } else { none } }", "4@32x32"),
    ("add { | conv 4@1x1 | identity }", "E0402 add"),
    ("add { | identity | globalavgpool }", "E0402 add"),
    ("mul { | identity | globalavgpool }", "3@32x32"),
    ("mul { | globalavgpool | identity }", "3@32x32"),
    ("mul { | identity | conv 2@1x1 }", "E0402 mul"),
    ("sub { | identity | conv 3@1x1 }", "3@32x32"),
    ("sub { | identity | identity | identity }", "E0402 sub"),
    ("concat { | conv 4@1x1 | identity }", "7@32x32"),
    ("concat { | conv 4@1x1 | maxpool 2x2 }", "E0402 concat"),
    ("flatten\nconcat { | linear 4 | linear 5 }", "9"),
    ("concat for r in [1, 2] { | conv 4@3x3 pad=r dilation=r }", "8@32x32"),
    ("concat for r in 2 { | conv 4@1x1 | conv 5@1x1 }", "18@32x32"),
    ("concat for c, k in [[1, 3], [2, 5]] { | conv c@k pad=(k // 2) }", "3@32x32"),
    ("concat for r in [] { | conv 4@1x1 }", "E0214 concat for r in []"),
    ("concat {\n n = in.channels\n | conv n@1x1\n | conv (2 * n)@1x1\n}", "9@32x32"),
    ("concat {\n conv 4@1x1\n | identity\n | identity\n}", "E0214 conv 4@1x1"),
    ("add", "E0214 add"),
    ("add { relu }", "E0214 add"),
    ("{ | relu | relu }", "E0214 | relu"),
    ("none", "E0214 none"),
    ("add { | none, relu | identity }", "E0214 none"),
    ("add axis=1 { | identity | relu }", "E0301 axis"),
]
WIRES = [
    ("a: conv 4@1x1\nmaxpool 2x2\nfrom a", "4@32x32"),
    ("a: conv 4@1x1\nconv 5@1x1\nadd { | from a | conv 4@1x1 }", "4@32x32"),
    ("x: identity\nconv 4@1x1\nconcat { | from x | identity }", "7@32x32"),
    ("a: conv 3@3x3\nagain a, again a", "3@26x26"),
    ("a: conv 4@1x1\nagain a", "E0408 again a"),
    ("flatten\na: linear 30\nagain a", "E0408 again a"),
    ("a: maxpool 2x2\nagain a", "3@8x8"),
    ("a: { maxpool 2x2, b: conv 3@1x1 }\nagain a, again a.b", "3@8x8"),
    ("a: add { | conv 3@3x3 pad=1 | identity }\nmaxpool 2x2\nagain a", "3@16x16"),
    ("a: repeat 2 { maxpool 2x2 }\nagain a", "3@2x2"),
    ("a: repeat i in 2 { s{i}: maxpool 2x2 }\nfrom a.s0, again a.s{1}", "3@8x8"),
    ("a: if yes { maxpool 2x2 }\nagain a", "3@8x8"),
    ("a: if no { maxpool 2x2 }\nagain a", "E0204 a"),
    ("block B { maxpool 2x2 }\nnet N { input 3@8x8\n a: B, again a }", "3@2x2"),
    (
        "block B { conv in.channels@1x1 }\nnet N { input 3@8x8\n a: B\n conv 4@1x1\n again a }",
        "E0408 again a",
    ),
    (
        "block B { if in.height > 4 { maxpool 2x2 }\n conv 3@1x1 }\nnet N { input 3@8x8\n a: B, again a }",
        "E0408 again a",
    ),
    ("block B { if in.height > 4 { relu } }\nnet N { input 3@8x8\n a: B\n crop 5x5\n again a }", "3@5x5"),
    ('a: conv 3@3x3 stride=2 pad="same"\nagain a, again a', "3@4x4"),
    ('crop 30x30\na: conv 3@3x3 stride=2 pad="same"\nagain a', "E0408 again a"),
    ("x: identity\nagain x", "E0214 again x"),
    ("a: maxpool 2x2\nb: again a\nrelu, from b", "3@8x8"),
    ("a: conv 3@1x1\na: again a", "E0203 a"),
    ("a: relu\nb: again a\nagain b", "E0214 again b"),
    ("a: relu\nb: from a", "E0214 b"),
    ("from later\nlater: relu", "E0204 later"),
    ("conv 3@1x1\nfrom conv1", "E0204 conv1"),
    ("block B { inner: relu }\nnet N { input 3@8x8\n a: B\n from a.inner }", "E0204 a.inner"),
    ("f: { a: maxpool 2x2, relu }\nfrom f.a", "3@16x16"),
    ("f: { a: maxpool 2x2, relu }\nfrom a", "E0204 a"),
    ("f: { a: maxpool 2x2, maxpool 2x2, from a }", "3@16x16"),
    ("f: { 0: maxpool 2x2, relu }\nfrom f.0", "3@16x16"),
    ("f: { maxpool 2x2, relu, maxpool 2x2 }\nfrom f.1", "3@16x16"),
    ("f: { maxpool 2x2, x: identity, maxpool 2x2, from 0 }", "3@16x16"),
    ("f: repeat 4 { maxpool 2x2, relu }\nfrom f.5", "3@4x4"),
    ("f: repeat i in 4 { maxpool 2x2, if i > 0 { from f.{i-1} } }", "3@8x8"),
    ("f: repeat i in 3 { g{i}: { maxpool 2x2 } }\nfrom f.g{1}.{0}", "3@8x8"),
    ("f: { add { | maxpool 2x2 | avgpool 2x2, relu } }\nconcat { | from f.0 | from f.2 }", "6@16x16"),
    ("f: { conv 3@1x1, relu }\nmaxpool 2x2, again f.0", "3@16x16"),
    ("f: { maxpool 2x2 }\nfrom f.1", "E0204 f.1"),
    ("f: { maxpool 2x2 }\nfrom 0", "E0204 0"),
    ("block B { relu }\nnet N { input 3@8x8\n f: { B }\n maxpool 2x2, from f.0 }", "3@8x8"),
    ("block B { relu }\nnet N { input 3@8x8\n f: { B }\n from f.0.0 }", "E0204 f.0.0"),
    ("repeat i in 2 { enc{i}: maxpool 2x2 }\nfrom enc{0}", "3@16x16"),
    ("repeat i in 2 { enc{i}: maxpool 2x2 }\nfrom enc1", "3@8x8"),
    ("repeat i in 2 { enc{i}: maxpool 2x2 }\nfrom enc{2}", "E0204 enc{2}"),
]
ENDS = [
    ("net N { input 400\n linear 3 }", "3"),
    ("net N(n=8) { input 3@[n, 2 * n] }", "3@8x16"),
    ("net N { left: input 1@8x8\n right: input 2@8x8\n concat { | from left | from right } }", "3@8x8"),
    ("net N { input 1@8x8\n input 3@8x8 }", "E0209 input 3@8x8"),
    ("net N { relu }", "E0209 relu"),
    ("net N { }", "E0209 N"),
    ("net N { g: { input 3@8x8 } }", "E0209 input 3@8x8"),
    ("block B { input 3@8x8 }\nnet N { input 3@8x8\n B }", "E0209 input 3@8x8"),
    ("net N { input 3@8x8 stride=2 }", "E0301 stride"),
    ("net N { input 3@8x8 mean=[0.1, 0.2] }", "E0303 [0.1, 0.2]"),
    ("net N { input 3@8x8 mean=0.1 std=[1, 2, 3] }", "3@8x8"),
    ("net N { input 3@8x8 std=0 }", "E0304 0"),
    ("net N { input 3@0x8 }", "E0303 3@0x8"),
    ("a: relu\nb: maxpool 2x2\noutput a b", "3@32x32, 3@16x16"),
    ("a: relu\nb: maxpool 2x2\noutput b\noutput a", "3@16x16, 3@32x32"),
    ("f: { a: relu }\nmaxpool 2x2\noutput f.a", "3@32x32"),
    ("a: relu\noutput a a", "E0203 a"),
    ("a: relu\noutput a train=yes", "E0214 Test"),
    ("a: relu\noutput a trian=yes", "E0301 trian=yes"),
    ("output a\na: relu", "E0204 a"),
    ("a: relu\nb: output a", "E0214 b"),
    ("block B { a: relu\n output a }\nnet N { input 3@8x8\n B }", "E0214 output a"),
]
ASSERTIONS = [
    ("relu -> 3@32x32", "3@32x32"),
    ("relu -> 3@32", "3@32x32"),
    ("conv 4@1x1 -> in.channels@[32, 32]", "4@32x32"),
    ("flatten -> 3072", "3072"),
    ("repeat 2 { maxpool 2x2 } -> 3@8x8", "3@8x8"),
    ("relu -> 3@32x31", "E0403 3@32x31"),
    ("relu -> 3", "E0403 3"),
    ("relu -> [3, 32, 32]", "E0303 [3, 32, 32]"),
    ("relu -> 3@32x31\nrelu -> 3@32x31\nmaxpool 2x2 -> 3@16x15", "E0403 3@32x31"),  # one fault, told once
    ("conv 8@3x3 -> nowhere\nconv 4@3x3 in=8", "E0202 nowhere"),  # the layers before it ran
    ('require in.height % 32 == 0, "32"', "3@32x32"),
    ('require in.height % 33 == 0, "33"', "E0407 in.height % 33 == 0"),
    ("require in.height == 31", "E0407 in.height == 31"),
    ('require "a"', 'E0303 "a"'),
]
WEIGHTS = [
    ('conv 4@3x3 init="he"\nconv 4@3x3 init="normal(0, 0.01)"', "4@28x28"),
    ('conv 4@3x3 init="kaiming"', 'E0303 init="kaiming"'),
    ('conv 4@3x3 init="uniform(1, -1)"', 'E0304 init="uniform(1, -1)"'),
    ("conv 1@3x3 weights=[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]] bias=no frozen=yes", "1@30x30"),
    ("conv 2@1x1 weights=[[[1]], [[2]]] biases=[1, 2]", "2@32x32"),
    ("conv 2@1x1 weights=0.5", "2@32x32"),
    ("conv 2@1x1 weights=[[1, 2]]", "E0304 weights=[[1, 2]]"),
    ("conv 2@1x1 bias=no biases=1", "E0304 biases=1"),
]


@pytest.mark.parametrize(
    ("text", "expected"), REPEATS + CONDITIONS + JOINS + WIRES + ENDS + ASSERTIONS + WEIGHTS
)
def test_rules(text: str, expected: str) -> None:
    assert outcome(text) == expected


def test_outputs_are_named_by_their_labels() -> None:
    found = checked(
        "repeat i in 2 { head{i}: relu }\nf: { a: relu }\noutput head{1} f.a\noutput head0 train=yes"
    )
    (network,) = found.networks
    assert [(output.name, output.train) for output in network.outputs] == [
        ("head1", False),
        ("a", False),
        ("head0", True),
    ]


def runs_within_runs(depth: int, times: int) -> str:
    again = ", ".join(["again a{0}"] * times)
    return "a0: relu\n" + "\n".join(f"a{i + 1}: {{ {again.format(i)} }}" for i in range(depth))


@pytest.mark.parametrize("times", [1, 2])
def test_running_again_is_bounded(times: int) -> None:
    assert outcome(runs_within_runs(8, times)) == "3@32x32"
    faults = checked(runs_within_runs(1000, times)).diagnostics
    assert {fault.code for fault in faults} == {"E0307"}


def test_braces_without_layers_count_once_a_turn() -> None:
    assert outcome("repeat 15000 { {}, {} }") == "3@32x32"
    assert {fault.code for fault in checked("repeat 30000 { {}, {} }").diagnostics} == {"E0307"}


def flat(text: str) -> list[tuple[str, tuple[str, ...], str]]:
    """The layers of a text's only net: what each reads, and what it makes."""
    found = checked(text)
    (network,) = (*found.networks, *found.partial)
    graph = unroll(network)
    faults = [(blank.path, blank.inputs, "?") for blank in graph.blanks]
    return [(node.path, node.inputs, str(node.output)) for node in graph.nodes] + faults


@pytest.mark.parametrize(
    "turn",
    [
        "conv 3@3x3 pad=1, batchnorm, relu",
        "relu, conv 8@3x3 pad=1",  # only from the second turn on nothing changes
        "maxpool 2x2",  # a fault of the third turn hides what comes behind
        "n = in.channels\n conv n@3x3 pad=1",
        "if in.height > 3 { relu }\n tanh",
        "require in.height == 8, relu",
        "add { | relu | identity }",
        "tanh, { relu }",
        "rleu, relu",
        "relu -> 3@8x8",
        "relu -> 4@8x8",
    ],
)
@pytest.mark.parametrize("around", ["{}", "g: {{ {} }}", "relu5: tanh\n {}", "g: {{ 5: tanh\n {} }}"])
def test_a_repeat_is_its_turns_written_out(turn: str, around: str) -> None:
    """Turns that leave all as they found it are not computed again."""
    turn = turn.replace(", relu", "\n relu") if turn.startswith("require") else turn
    one = "net N { input 3@8x8\n " + around.format(f"repeat 9 {{ {turn} }}") + "\n}\n"
    other = "net N { input 3@8x8\n " + around.format("\n ".join([f"{{ {turn} }}"] * 9)) + "\n}\n"
    assert flat(one) == flat(other)
    assert {d.code for d in checked(one).diagnostics} == {d.code for d in checked(other).diagnostics}
