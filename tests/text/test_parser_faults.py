"""Mistakes: one fault a line, at its place, in human words, and the rest of the tree is kept."""

from __future__ import annotations

import pytest

from cnnspec.text import syntax
from cnnspec.text.decoding import decode
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.edits import apply
from cnnspec.text.source import Source
from tests.text.parsing import in_net, nodes, read, show

# A statement on line 3 of a net, and its one fault: code, column, message, and the fix's result if any.
SLIPS: list[tuple[str, str, int, str, str | None]] = [
    ("conv 64@, relu", "E0101", 13, "expected a size such as `3x3` after `@`, found `,`", None),
    ("conv 64@3x3 pad=", "E0101", 21, "expected a value after `pad=`, found the end of the line", None),
    ("conv 64 pad:1", "E0101", 16, "an argument is written with `=`: `pad=1`", "conv 64 pad=1"),
    ("conv 64 pad: 1, relu", "E0101", 16, "an argument is written with `=`: `pad=1`", "conv 64 pad=1, relu"),
    ("conv 64, pad=1", "E0101", 14, "an argument such as `pad=` follows without a comma; ", "conv 64 pad=1"),
    (
        "conv pad=1 64@3x3",
        "E0101",
        16,
        "`64` follows `pad=…`: plain arguments come before `key=value` ones",
        None,
    ),
    (
        "conv(64, 3)",
        "E0101",
        12,
        "the arguments of `conv` follow its name without parentheses and commas",
        "conv 64@3x3",
    ),
    (
        "Conv2d(3, 64, q=3)",
        "E0101",
        13,
        "the arguments of `Conv2d` follow its name without parentheses",
        None,
    ),
    ("tanh()", "E0101", 10, "a layer without arguments is just its name: `tanh`", "tanh"),
    ("linear -1", "E0101", 12, "a signed argument stands in parentheses: `(-1)`", "linear (-1)"),
    ("conv 4*w@3x3", "E0101", 11, "an argument with an operator stands in parentheses", "conv (4*w)@3x3"),
    ("conv 4**w@3x3", "E0101", 11, "an argument with an operator stands in parentheses", "conv (4**w)@3x3"),
    ("x = 2 ** ", "E0101", 13, "expected a value after `**`, found the end of the line", None),
    ("conv @3x3 pad=1", "E0101", 10, "the number of filters is missing before `@`", None),
    ("conv 64@3x3 ? 1", "E0102", 17, "`?` means nothing in the language", None),
    ("conv 64@3x3 : 1", "E0101", 17, "expected the end of the line after `3x3`, found `:`", None),
    ("relu,, tanh", "E0101", 10, "expected a step after `,`, found `,`", None),
    ("relu -> 3, tanh", "E0101", 14, "what a line claims with `->` ends it", None),
    (
        "relu ->",
        "E0101",
        12,
        "expected a shape such as `6@28x28` after `->`, found the end of the line",
        None,
    ),
    ("x = 0 < y < 3", "E0101", 15, "comparisons do not chain: write `a < b and b < c`", None),
    ("x = 3 +\n    4", "E0101", 11, "a line goes on in one that begins with the operator", "x = 3\n    + 4"),
    ("x = 3 + # 4\n(5)", "E0101", 11, "a line goes on in one that begins with the", "x = 3 # 4\n+ (5)"),
    ("x = -\nb * 2", "E0101", 9, "a line goes on in one that begins with the operator", "x =\n- b * 2"),
    ("x = 3 and\n2: elu", "E0101", 14, "expected a test after `and`, found the end of the line", None),
    ("x = 3 +\nelu", "E0101", 12, "expected a value after `+`, found the end of the line", None),
    ("x =\n [1]", "E0101", 5, "a value stands on one line, or in parentheses", "x = [1]"),
    ("x = # 1\n [1]", "E0101", 5, "a value stands on one line, or in parentheses", None),
    ("x = 3 if b\n else 4", "E0101", 14, "a value stands on one line, or in p", "x = 3 if b else 4"),
    ("elu ->\n3@4x4", "E0101", 9, "a value stands on one line, or in parentheses", "elu -> 3@4x4"),
    ("elu -> 3\n-> 4", "E0101", 1, "expected the end of the line after `3`, found `->`", None),
    ("x = 1 + * 2", "E0101", 13, "expected a value after `+`, found `*`", None),
    ("x = y.z", "E0101", 10, "a name has no parts; only `in` has", None),
    ("x = in", "E0101", 11, "the value that arrives is named by a label: `x: identity`", "x: identity"),
    ("x = b [1]", "E0101", 11, "expected the end of the line after `b`, found `[`", None),
    ("x = [1, 2][", "E0103", 15, "`[` is not closed", None),
    ("x = [1, 2][]", "E0101", 16, "expected an index after `[`, found `]`", None),
    ("x = 3[0]", "E0101", 10, "expected the end of the line after `3`, found `[`", None),
    ("x[0] = 3", "E0101", 6, "`x[` starts no step", None),
    ("relu, x[0] = 3", "E0101", 12, "`x[` starts no step", None),
    ("in = 4", "E0101", 5, "`in` is a word of the language and cannot name a value", None),
    ("if x = 3 { relu }", "E0101", 8, "`=` gives a name a value; `==` compares", "if x == 3 { relu }"),
    (
        "if x { a } elif y { b }",
        "E0101",
        16,
        "a further test is written `else if`",
        "if x { a } else if y { b }",
    ),
    (
        "if x { a }\n    else { b }",
        "E0101",
        5,
        "`else` stands on the line of the cl",
        "if x { a } else { b }",
    ),
    ("else { b }", "E0101", 5, "`else` follows the closing brace of an `if`", None),
    ("if a { b } else c", "E0101", 21, "expected `{` or `if` after `else`, found `c`", None),
    ("if x\n    { a }", "E0101", 9, "`{` stands on the line of what it belongs to", "if x { a }"),
    ("for x in y { a }", "E0101", 5, "steps are repeated so: `repeat x in y { … }`", "repeat x in y { a }"),
    ("repeat { a }", "E0101", 12, "expected a count or a list after `repeat`, found `{`", None),
    ("conv 6@7x7 /2", "E0101", 16, "a stride is written `stride=2`", "conv 6@7x7 stride=2"),
    ("a: conv 6@3/2, relu", "E0101", 16, "a stride is written", "a: conv 6@3 stride=2, relu"),
    ("conv 6@3x3, /2x1", "E0101", 17, "a stride is written", "conv 6@3x3 stride=2x1"),
    ("linear 6/2", "E0101", 13, "an argument with an operator stands in", "linear (6/2)"),
    ("repeat 3 as i { a }", "E0101", 14, "a repeat whose passes are numbered is", "repeat i in 3 { a }"),
    ("repeat n i { a }", "E0101", 14, "a repeat whose passes are numbered is", "repeat i in n { a }"),
    ("s: repeat 3 times { a }", "E0101", 17, "a repeat is written `repeat 3 { … }`", "s: repeat 3 { a }"),
    ("repeat i = 0..3 { a }", "E0101", 12, "`repeat i in 4` counts 0, 1, 2, 3; other numbers", None),
    ("repeat i in 1..3 { a }", "E0101", 18, "`repeat i in 4` counts 0, 1, 2, 3; other numbers", None),
    ("repeat 3 relu", "E0101", 14, "expected `{` after `3`, found `relu`", None),
    ("repeat i of 3 { a }", "E0101", 14, "expected `{` or `in` after `i`, found `of`", None),
    ("conv 3 for x in y", "E0101", 22, "expected `{` after `y`, found the end of the line", None),
    ("from", "E0101", 9, "expected a label after `from`, found the end of the line", None),
    ("output: relu", "E0101", 11, "`output` is a word of the language; as a label it", '"output": relu'),
    ("a: b: relu", "E0101", 9, "a step has one label", None),
    ("a:", "E0101", 7, "expected a step after `:`, found the end of the line", None),
    ("add { | | a }", "E0101", 13, "expected a step after `|`, found `|`", None),
    ("require x == 1, 3", "E0101", 21, "expected a message in double quotes after `,`, found `3`", None),
    ("default conv", "E0101", 17, "expected an argument `key=value` after `conv`", None),
    ('"a..b": relu', "E0101", 5, "the dots of a label part it", None),
    ('"a{": relu', "E0101", 5, "a brace in a label lacks its partner", None),
    ('"": relu', "E0101", 5, "a label has at least one character", None),
    ("s{}: relu", "E0101", 7, "expected a value, found `}`", None),
    ("s{1 2}: relu", "E0101", 9, "expected `}` after `1`, found `2`", None),
    ("conv 64@5X5", "E0102", 13, "a size is written with a small x: `5x5`", "conv 64@5x5"),
    ("conv 64@5 × 5", "E0102", 15, "`×` is not the letter x of a size", "conv 64@5x5"),
    ("relu → 3", "E0102", 10, "`→` is written `->` here", "relu -> 3"),
    ("relu; tanh", "E0102", 9, "`;` parts nothing", "relu, tanh"),
    ("relu;", "E0102", 9, "`;` parts nothing", "relu"),
    ("x = 2^i", "E0102", 10, "`^` is written `**` here", "x = 2**i"),
    ("x = a && b", "E0102", 11, "`&&` is written `and` here", "x = a  and  b"),
    ("conv 'a'", "E0102", 10, "a string stands in double quotes", 'conv "a"'),
    ("conv “a”", "E0102", 10, '`“` is a typographic quote: write `"`', 'conv "a"'),
    ('conv "a, relu', "E0102", 10, "the string is not closed", 'conv "a", relu'),
    ("rélu", "E0102", 6, "`é` cannot stand in a name", None),
    ("64conv", "E0102", 5, "`64conv` is neither a number nor a name", None),
    ("relu $", "E0102", 10, "`$` means nothing in the language", None),
    ("relu \u200b", "E0102", 10, "the character U+200B means nothing in the language", "relu "),
    ("x = [1, 2", "E0103", 9, "`[` is not closed", None),
    ("conv (64", "E0103", 10, "`(` is not closed", None),
    ("conv (64 { relu }", "E0103", 10, "`(` is not closed", None),
    ("x = [1, 2)", "E0103", 14, "`)` cannot close `[`", "x = [1, 2]"),
    ("relu ) b", "E0103", 10, "`)` closes nothing", "relu  b"),
    ("relu }", "E0103", 10, "`}` closes nothing", "relu "),
    ("}", "E0103", 5, "`}` closes nothing", ""),
    (
        "x = 99999999999",
        "E0104",
        9,
        "a number is too large: integers go up to 2,147,483,647",
        None,
    ),
    ("x = 5x99999999999", "E0104", 9, "a number is too large", None),
    ("x = 2147483648", "E0104", 9, "a number is too large", None),
    ("x = 1e999", "E0104", 9, "a number is too large for a float", None),
    ("x = " + "1" * 5000, "E0104", 9, "a number is too large", None),
]


@pytest.mark.parametrize(("slip", "code", "column", "message", "mended"), SLIPS)
def test_a_slip_is_one_fault(slip: str, code: str, column: int, message: str, mended: str | None) -> None:
    text = in_net(slip)
    file, faults = read(text)
    assert [fault.code for fault in faults] == [code]
    (fault,) = faults
    assert fault.message.startswith(message)
    assert fault.span.source.position(fault.span.start)[1] == column
    edits = [fix for fix in fault.fixes if fix.edits]
    assert len(edits) == (mended is not None)
    for fix in edits:
        assert apply(text, fix.edits) == in_net(str(mended))
        assert all(left.message != fault.message for left in read(apply(text, fix.edits))[1])
    (net,) = file.items
    assert isinstance(net, syntax.Net)
    assert show(net.body.statements[0]) == "Call(relu)"
    assert show(net.body.statements[-1]) == "Call(tanh)"


@pytest.mark.parametrize("slip", [slip for slip, code, *_ in SLIPS if code == "E0101" and "x" not in slip])
def test_what_could_not_be_read_is_broken(slip: str) -> None:
    (net,) = read(in_net(slip))[0].items
    assert isinstance(net, syntax.Net)
    inner = net.body.statements[1:-1]
    assert any(isinstance(node, syntax.Broken) for node in nodes(inner)) or len(inner) in (1, 2)


# Whole files: the places and codes of the faults, and what is left of the tree.
FILES: list[tuple[str, list[str], str]] = [
    ("conv 3\nnet A { relu }", ["1:1 E0101"], "Net A"),
    ("net {\n relu\n}\nnet B { a }", ["1:5 E0101"], "Net B"),
    ("net A(x=) {\n relu\n}", ["1:9 E0101"], "Net A"),
    ("net A(x,, y) { relu }", ["1:9 E0101"], "Net A"),
    ("net A(x {\n relu\n}\nnet B { a }", ["1:6 E0103"], "Net A, Net B"),
    ("net A\n{\n relu\n}", ["1:6 E0101"], "Net A"),
    ("block B(3) { relu }", ["1:9 E0101"], "Block B"),
    ("block B(x=1 y=2) { relu }", ["1:13 E0101"], "Block B"),
    ("use blocks\nnet A { relu }", ["1:5 E0101"], "Net A"),
    ("net A = B 3\nnet C = A", ["1:11 E0101"], "Variant A, Variant C"),
    ("net A { relu } net B { a }\nnet C { a }", ["1:16 E0101"], "Net A, Net C"),
    ("a = = 3\nb = 4", ["1:5 E0102"], "Constant a, Constant b"),
    ("net A {\n  relu\n", ["1:7 E0103"], "Net A"),
    ("net A {\n  relu\nnet B { a }\nnet C { a }", ["1:7 E0103"], "Net A, Net B, Net C"),
    ("net A {\n  f: {\n    a\n  b\n}\nnet B { a }", ["2:6 E0103"], "Net A, Net B"),
    ("net A {\n  f: {\n    g: {\n", ["3:8 E0103"], "Net A"),
    ("net A {\n  a\n  }\n  b\n}\nnet B { a }", ["3:3 E0103"], "Net A, Net B"),
    ("net A { a }\n}\nnet B { a }", ["2:1 E0103"], "Net A, Net B"),
    ("net A {\n x = (1,\n b\n c,\n}\nnet B { a }", ["2:6 E0103", "5:1 E0101"], "Net A, Net B"),
    ("net A {\n x = [1,\n [2\n}\nnet B { a ) }", ["2:6 E0103", "3:2 E0103", "5:11 E0103"], "Net A, Net B"),
]


@pytest.mark.parametrize(("text", "places", "left"), FILES)
def test_a_file_with_faults(text: str, places: list[str], left: str) -> None:
    file, faults = read(text)
    assert [f"{fault.span}".removeprefix("x.cnn:") + f" {fault.code}" for fault in faults] == places
    names = [
        f"{type(item).__name__} {item.name.name}"
        for item in file.items
        if not isinstance(item, syntax.UsedFile)
    ]
    assert ", ".join(names) == left
    for fault in faults:
        for fix in fault.fixes:
            if fix.edits and len(faults) == 1:
                assert read(apply(text, fix.edits))[1] == []


def test_five_mistakes_are_five_faults_and_the_rest_is_kept() -> None:
    text = """net Sketch(classes=10) {
    input 3@32x32
    conv 32@3x3 pad=
    batchnorm,, relu
    maxpool 2x2 stride: 2
    block {
        conv @3x3 pad=1
        tanh
    }
    globalavgpool, flatten
    linear classes ->
}
net Other = Sketch classes=3
"""
    file, faults = read(text)
    assert [fault.span.line for fault in faults] == [3, 4, 5, 7, 11]
    sketch, other = file.items
    assert isinstance(sketch, syntax.Net)
    assert show(other) == "Variant(Other, Sketch, [Keyword(classes, 3)])"
    kept = [show(statement) for statement in sketch.body.statements]
    assert kept[1] == "Call(conv, [FilterOf(32, (3, 3))], [Keyword(pad, Broken())])"
    assert kept[3] == "Call(maxpool, [(2, 2), stride, Broken()])"
    assert "Call(tanh)" in kept[4]
    assert len(kept) == 7


def test_the_unclosed_brace_is_told_with_the_others() -> None:
    _, (fault,) = read("net A {\n  add {\n    relu\n")
    assert [str(note.span) for note in fault.notes] == ["x.cnn:1:7"]


# Bytes


@pytest.mark.parametrize(
    ("data", "code", "place", "message"),
    [
        (b"relu\n\xff", "E0102", "x:2:1", "the file is not UTF-8 text: byte 0xFF"),
        (b"\xef\xbb\xbfab\r\n\xc3\xa9\xc3", "E0102", "x:2:2", "the file is not UTF-8 text: byte 0xC3"),
        (b"a\r\nb\0c", "E0102", "x:2:2", "NUL has no place in a specification"),
        ("a\u202eb".encode(), "E0102", "x:1:2", "the invisible character U+202E"),
        (b"a" * (2**20 + 1), "E0105", "x:1:1", "a file has at most 1,048,576 bytes (max_source)"),
    ],
)
def test_bytes_that_are_no_text(data: bytes, code: str, place: str, message: str) -> None:
    fault = decode("x", data)
    assert isinstance(fault, Diagnostic)
    assert (fault.code, str(fault.span)) == (code, place)
    assert fault.message.startswith(message)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"\xef\xbb\xbfa\r\nb\rc\n", "a\nb\nc\n"),
        ("# naïve ✓\n".encode(), "# naïve ✓\n"),
        (b"a" * 2**20, "a" * 2**20),
    ],
)
def test_bytes_that_are_text(data: bytes, text: str) -> None:
    source = decode("x", data)
    assert isinstance(source, Source)
    assert source.text == text
