"""What texts mean: golden trees, and the text under every span."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cnnspec.text import syntax
from cnnspec.text.scanner import allowances
from cnnspec.text.source import Source
from tests.text.parsing import TEXTS, in_net, nodes, show, statement, tree

VALUES = {
    "1": "1",
    "1e-6": "1e-06",
    "0.001": "0.001",
    '"same"': "'same'",
    "yes": "True",
    "no": "False",
    "5x5": "(5, 5)",
    "3x3x3": "(3, 3, 3)",
    "64@3x3": "FilterOf(64, (3, 3))",
    "(4 * w)@k": "FilterOf(Binary(*, 4, w), k)",
    "[1, 2]": "List([1, 2])",
    "[1, 2,]": "List([1, 2])",
    "[]": "List()",
    "[[1/9, -1], [0, 1]]": "List([List([Binary(/, 1, 9), Unary(-, 1)]), List([0, 1])])",
    "1 + 2 * 3": "Binary(+, 1, Binary(*, 2, 3))",
    "1 - 2 - 3": "Binary(-, Binary(-, 1, 2), 3)",
    "7 // 2 % 3": "Binary(%, Binary(//, 7, 2), 3)",
    "(1 + 2) * 3": "Binary(*, Binary(+, 1, 2), 3)",
    "--1": "Unary(-, Unary(-, 1))",
    "a**b**c": "Binary(**, a, Binary(**, b, c))",
    "-a**-b * c": "Binary(*, Unary(-, Binary(**, a, Unary(-, b))), c)",
    "2 * d[i] ** 2": "Binary(*, 2, Binary(**, Index(d, [i]), 2))",
    "-a * b": "Binary(*, Unary(-, a), b)",
    "not a == b and c or d": "Binary(or, Binary(and, Unary(not, Binary(==, a, b)), c), d)",
    "a <= b": "Binary(<=, a, b)",
    "a if t else b": "Choice(a, t, b)",
    "a if t else b if u else c": "Choice(a, t, Choice(b, u, c))",
    "in.channels": "Arrival(channels)",
    "in.height % 32": "Binary(%, Arrival(height), 32)",
    "depths[i]": "Index(depths, [i])",
    "table[i, j + 1]": "Index(table, [i, Binary(+, j, 1)])",
    "table[i][j, k]": "Index(Index(table, [i]), [j, k])",
    "[64, 128][i] + 1": "Binary(+, Index(List([64, 128]), [i]), 1)",
    "[e for e in a[1:]][0]": "Index(Comprehension(e, [e], Index(a, [Slice(1)])), [0])",
    "(a + b)[i]": "Index(Binary(+, a, b), [i])",
    "[1, 2][0]@[3, 3]": "FilterOf(Index(List([1, 2]), [0]), List([3, 3]))",
    "[[1], [2]][\n  0\n][0]": "Index(Index(List([List([1]), List([2])]), [0]), [0])",
    "list[:i]": "Index(list, [Slice(None, i)])",
    "list[i:]": "Index(list, [Slice(i)])",
    "list[a:b]": "Index(list, [Slice(a, b)])",
    "list[:]": "Index(list, [Slice()])",
    "max(a, b)": "Function(max, [a, b])",
    "f()": "Function(f)",
    "[e + 1 for e in list]": "Comprehension(Binary(+, e, 1), [e], list)",
    "[a for a, b in [[1, 2]]]": "Comprehension(a, [a, b], List([List([1, 2])]))",
    "[\n  1, # one\n  2\n]": "List([1, 2])",
    "(1\n + 2)": "Binary(+, 1, 2)",
    "1\n + 2": "Binary(+, 1, 2)",
    "1 # one\n\n # two\n - 2\n* 3": "Binary(-, 1, Binary(*, 2, 3))",
    "a\n == b\n and c\n or d": "Binary(or, Binary(and, Binary(==, a, b), c), d)",
    "\n-1": "Unary(-, 1)",
    "net": "net",
    "[block, use, require, default, input]": "List([block, use, require, default, input])",
}


@pytest.mark.parametrize("text", VALUES)
def test_values(text: str) -> None:
    assert show(statement(f"x = {text}")) == f"Constant(x, {VALUES[text]})"


STATEMENTS = {
    "relu": "Call(relu)",
    "conv 64@3x3 pad=1": "Call(conv, [FilterOf(64, (3, 3))], [Keyword(pad, 1)])",
    "Stage (a + b) [1, 2]": "Call(Stage, [Binary(+, a, b), List([1, 2])])",
    "Stage (a) [1, 2] [3, 4]": "Call(Stage, [a, List([1, 2]), List([3, 4])])",
    "Stage [1, 2][i] d[i] [j]": "Call(Stage, [Index(List([1, 2]), [i]), Index(d, [i]), List([j])])",
    "conv [64, 128][i]@3x3": "Call(conv, [FilterOf(Index(List([64, 128]), [i]), (3, 3))])",
    "Stage max(a, b) d[i]": "Call(Stage, [Function(max, [a, b]), Index(d, [i])])",
    "Stage(a + b)": "Call(Stage, [Binary(+, a, b)])",
    "linear (-1) in=400": "Call(linear, [Unary(-, 1)], [Keyword(in, 400)])",
    "conv w@3x3 stride = 2 if i else 1": (
        "Call(conv, [FilterOf(w, (3, 3))], [Keyword(stride, Choice(2, i, 1))])"
    ),
    "conv1: relu -> 6@28x28": "Chain([Step(Label([conv1]), Call(relu))], Assertion(FilterOf(6, (28, 28))))",
    "a{i+1}b: relu": "Step(Label([a, Binary(+, i, 1), b]), Call(relu))",
    '"b{i}-{j}": relu': "Step(Label([b, i, -, j]), Call(relu))",
    '"output": relu': "Step(Label([output]), Call(relu))",
    "2: relu": "Step(Label([2]), Call(relu))",
    "block: net 1": "Step(Label([block]), Call(net, [1]))",
    "require: relu": "Step(Label([require]), Call(relu))",
    "relu, # first\n\n  # second\n tanh": "Chain([Call(relu), Call(tanh)])",
    "f: { relu } -> 3": "Chain([Step(Label([f]), Group(Body([Call(relu)])))], Assertion(3))",
    "relu\n\n # so\n -> 3": "Chain([Call(relu)], Assertion(3))",
    "repeat 2 {\n}\n-> 3": "Chain([Repeat([], 2, Body())], Assertion(3))",
    "if a\n and b { }": "If(Binary(and, a, b), Body())",
    "{ }, relu": "Chain([Group(Body()), Call(relu)])",
    "repeat 3 { }": "Repeat([], 3, Body())",
    "repeat i in 4 { }": "Repeat([i], 4, Body())",
    "repeat a, b in [[1, 2]] {\n}": "Repeat([a, b], List([List([1, 2])]), Body())",
    "if a { } else { }": "If(a, Body(), Body())",
    "if a { } else if b { }": "If(a, Body(), Body([If(b, Body())]))",
    "relu, if a { }, tanh": "Chain([Call(relu), If(a, Body()), Call(tanh)])",
    "from features.pool0": "From(Reference([Label([features]), Label([pool0])]))",
    "from {i + 1}.a.{i}b{j}": ("From(Reference([Label([Binary(+, i, 1)]), Label([a]), Label([i, b, j])]))"),
    "output {i} f.{0}": "Output([Reference([Label([i])]), Reference([Label([f]), Label([0])])])",
    "from features.0.1": "From(Reference([Label([features]), Label([0]), Label([1])]))",
    "from enc{i + 1}": "From(Reference([Label([enc, Binary(+, i, 1)])]))",
    'again "a-b"': "Again(Reference([Label([a-b])]))",
    "output aux2 a{1}.b train=yes": (
        "Output([Reference([Label([aux2])]), Reference([Label([a, 1]), Label([b])])], [Keyword(train, True)])"
    ),
    "add { | a | b }": "Call(add, [], [], None, Body([], [Path([Call(a)]), Path([Call(b)])]))",
    "add{ identity }": "Call(add, [], [], None, Body([Call(identity)]))",
    "concat for r in [6,\n12] { | a b=r }": (
        "Call(concat, [], [], Each([r], List([6, 12])), Body([], [Path([Call(a, [], [Keyword(b, r)])])]))"
    ),
    "add {\n  c = 1\n  | a, # x\n    b\n    d = 2\n    f\n  # y\n  |\n    e\n}": (
        "Call(add, [], [], None, Body([Constant(c, 1)], [Path([Chain([Call(a), Call(b)]), Constant(d,"
        " 2), Call(f)]), Path([Call(e)])]))"
    ),
    "default batchnorm eps=0.001": "Default(batchnorm, [Keyword(eps, 0.001)])",
    'require in.height % 32 == 0, "why"': "Require(Binary(==, Binary(%, Arrival(height), 32), 0), 'why')",
    'require a,\n "why"': "Require(a, 'why')",
    "require (a) == 1": "Require(Binary(==, a, 1))",
    "left: input 3@4x4 mean=[1, 2]": (
        "Step(Label([left]), Call(input, [FilterOf(3, (4, 4))], [Keyword(mean, List([1, 2]))]))"
    ),
}


@pytest.mark.parametrize("text", STATEMENTS)
def test_statements(text: str) -> None:
    assert show(statement(text)) == STATEMENTS[text]


FILES = {
    "": "File()",
    "# only a comment": "File()",
    "\n\n  \n": "File()",
    "width = 3": "File([Constant(width, 3)])",
    'use "blocks/resnet.cnn" # c\n': "File([UsedFile('blocks/resnet.cnn')])",
    "net A { }": "File([Net(A, [], Body())])",
    "net A{\n}\r\n\r\nnet B = A": "File([Net(A, [], Body()), Variant(B, A)])",
    "net A(\n  a, # one\n  b=[1,\n 2],\n) { }": (
        "File([Net(A, [Parameter(a), Parameter(b, List([1, 2]))], Body())])"
    ),
    "net A () { }": "File([Net(A, [], Body())])",
    "net R18 = ResNet unit=Basic depths=[2,\n2]": (
        "File([Variant(R18, ResNet, [Keyword(unit, Basic), Keyword(depths, List([2, 2]))])])"
    ),
    "net = 3\nblock = 4\nuse = 5\nrequire = 6": (
        "File([Constant(net, 3), Constant(block, 4), Constant(use, 5), Constant(require, 6)])"
    ),
    "block B(w) { relu }": "File([Block(B, [Parameter(w)], Body([Call(relu)]), False)])",
}


@pytest.mark.parametrize("text", FILES)
def test_files(text: str) -> None:
    assert show(tree(text)) == FILES[text]


@pytest.mark.parametrize(
    ("inside", "wired"),
    [
        ("relu", False),
        ("a: { b, again a }", False),
        ("add { relu }", False),
        ("if a { repeat 3 { x: { add { | relu } } } }", True),
        ("{ from a }", True),
    ],
)
def test_a_block_is_wired_by_a_join_or_a_from(inside: str, wired: bool) -> None:
    file = tree(f"net N {{ from x }}\nblock A {{ {inside} }}\nblock B {{ relu }}")
    assert [item.wired for item in file.items if isinstance(item, syntax.Block)] == [wired, False]


@pytest.mark.parametrize("name", TEXTS)
def test_examples(name: str) -> None:
    assert tree(TEXTS[name]).items


# Spans


@pytest.mark.parametrize("name", TEXTS)
def test_every_span_is_what_was_written(name: str) -> None:
    text = TEXTS[name]
    for node in nodes(tree(text)):
        written = node.span.text
        assert node.span.source.text == text
        assert written == written.strip() or isinstance(node, syntax.File)
        check_written(node, written)


def check_written(node: Any, written: str) -> None:
    match node:
        case syntax.Literal(value=value) if isinstance(value, str):
            assert written.strip("()") == f'"{value}"'
        case syntax.Literal(value=tuple() as value):
            assert written.strip("()") == "x".join(str(part) for part in value)
        case syntax.Literal(value=bool() as value):
            assert written.strip("()") == ("yes" if value else "no")
        case syntax.Literal(value=value):
            assert float(written.strip("()")) == value
        case syntax.Name(name=name):
            assert written.strip("()") == name
        case syntax.Keyword(name=name):
            assert node.name_span.text == name
            assert re.fullmatch(rf"{name}[ \t]*=\s*{re.escape(node.value.span.text)}", written)
        case syntax.Call(name=name):
            assert written.startswith(name.name)
            assert "{" not in written
            assert node.body is None or node.body.span.text[0] + node.body.span.text[-1] == "{}"
        case syntax.Body():
            assert written[0] + written[-1] == "{}" or written.startswith("if ")
        case syntax.Step(label=label) if label is not None:
            assert re.match(rf"{re.escape(label.span.text)}[ \t]*:", written)
        case syntax.Path():
            assert written[0] == "|"
            assert "\n" not in written
        case syntax.If() | syntax.Repeat():
            assert "{" not in written
        case syntax.Assertion(expected=expected):
            assert re.fullmatch(rf"->\s*{re.escape(expected.span.text)}", written)


def test_spans_take_the_parentheses_along() -> None:
    constant = statement("x = (a + b) * (c)")
    assert isinstance(constant, syntax.Constant)
    assert isinstance(constant.value, syntax.Binary)
    assert constant.value.span.text == "(a + b) * (c)"
    assert constant.value.left.span.text == "(a + b)"
    assert constant.value.right.span.text == "(c)"


def test_spans_in_computed_labels() -> None:
    file = tree(in_net('"a{i + 1}-{j}": relu, from enc{k * 2}'))
    names = [node.span for node in nodes(file) if isinstance(node, syntax.Name) and node.name in "ijk"]
    assert [span.text for span in names] == ["i", "j", "k"]
    assert [str(span) for span in names] == ["x.cnn:3:8", "x.cnn:3:16", "x.cnn:3:36"]


def test_allowances() -> None:
    text = 'x = "# allow W0502"\nrelu # allow W0502\n# allow W0601, W0602 for good\n# allowing\n'
    allowed = allowances(Source("x", text))
    assert {line: [code.text for code in codes] for line, codes in allowed.items()} == {
        2: ["W0502"],
        3: ["W0601", "W0602"],
    }
