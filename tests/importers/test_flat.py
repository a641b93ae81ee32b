"""Flat: a network becomes a model, the model a text without blocks, the text the same network again."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnspec.compiler import check, check_text
from cnnspec.graph.tree import Network
from cnnspec.importers.from_network import model_of
from cnnspec.importers.prove import compare
from cnnspec.importers.write import write_flat
from cnnspec.text.files import read, read_used
from cnnspec.text.formatter import layout
from cnnspec.text.source import Source
from tests.nets import network

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.cnn"))


def flat(net: Network) -> str:
    """The flat text of a network, which is laid out and means the same."""
    text = write_flat(model_of(net))
    assert layout(Source("net.cnn", text)) == (text, [])
    found = check_text(text)
    assert found.ok, [(d.code, d.message, d.span.text) for d in found.diagnostics]
    assert compare(model_of(net), model_of(found.networks[0])) is None
    return text


@pytest.mark.slow
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_zoo_comes_back(path: Path) -> None:
    """The first net of each file: others are its variants."""
    flat(check(read(str(path), 10**7), read_used, first=True).networks[0])


def lines(body: str, shape: str = "3@32x32") -> list[str]:
    """What stands between the braces of the net that is written for a body."""
    return [line.removeprefix("    ") for line in flat(network(body, shape=shape)).splitlines()[2:-1]]


def test_names_that_agree_with_their_place_are_not_written() -> None:
    assert lines("conv 8@3x3, a: { conv 8@3x3, relu, conv 8@3x3 }") == [
        "conv 8@3x3",
        "a: {",
        "    conv 8@3x3, relu",
        "    conv 8@3x3",
        "}",
    ]
    assert lines("a: { 2: conv 8@3x3, 4: conv 8@3x3 }")[1:3] == ["    2: conv 8@3x3", "    4: conv 8@3x3"]
    assert lines("conv2: conv 8@3x3") == ["conv2: conv 8@3x3"]


def test_a_step_without_tensors_gives_way_where_its_name_is_anothers() -> None:
    written = lines("relu2: batchnorm, conv 8@1x1, a: relu, conv 8@1x1, b: relu")
    assert written == ["relu2: batchnorm, conv 8@1x1, relu", "conv 8@1x1, relu_1: relu"]


def test_negative_arguments_stand_in_parentheses() -> None:
    assert lines("conv 8@3x3\nhardtanh (-2.0)") == ["conv 8@3x3, hardtanh (-2.0)"]


def test_behind_an_argument_that_is_left_out_there_are_keywords() -> None:
    assert lines("conv 8@3x3\nhardtanh high=2.0") == ["conv 8@3x3, hardtanh high=2.0"]


def test_skips_that_nest_deep_are_wires() -> None:
    def skips(depth: int) -> str:
        inner = f"{skips(depth - 1)}, " if depth > 1 else ""
        return f"concat {{ | identity | maxpool 2x2, conv 8@3x3 pad=1, {inner}upsample 2 }}"

    assert sum("from" in line for line in lines(skips(2))) == 0
    wired = lines(skips(3))
    assert sum("from" in line for line in wired) == 3
    assert not any(line.startswith(" ") for line in wired)


def test_a_shared_module_runs_again() -> None:
    body = ["left: input 1@8x8", "right: input 1@8x8", "tower: { conv 4@3x3, relu }"]
    body.append("sub { | identity | from left, again tower }")
    written = flat(network("\n".join(["net Test {", *body, "}"])))
    assert written.count("conv") == 1
    assert "again tower" in written


def test_outputs_keep_their_names_and_their_order() -> None:
    body = "a: conv 8@3x3, relu\nb: conv 2@1x1\nfrom a\nc: conv 2@1x1\noutput c\noutput b train=yes"
    written = flat(network(body))
    assert written.splitlines()[-3:] == ["    output c", "    output b train=yes", "}"]
    written = flat(network("a: conv 8@3x3\noutput a\nx: identity\noutput x"))
    assert written.splitlines()[-2] == "    output a x"


@pytest.mark.parametrize(
    "other",
    [
        "conv 8@3x3 pad=1, relu, conv 8@3x3",
        "conv 8@3x3, relu, conv 8@3x3 bias=no",
        "c: conv 8@3x3, relu, conv 8@3x3",
        "conv 8@3x3, conv 8@3x3, relu",
        "conv 8@3x3, relu, conv 8@3x3, relu",
    ],
)
def test_other_networks_differ(other: str) -> None:
    one = model_of(network("conv 8@3x3, relu, conv 8@3x3"))
    assert compare(one, model_of(network(other))) is not None


def test_the_difference_is_told_by_its_scope() -> None:
    body = "a: {{ conv 8@3x3, b: {{ conv 8@3x3 {} }}, relu }}"
    one, two = (model_of(network(body.format(word))) for word in ("", "stride=2"))
    difference = compare(one, two)
    assert difference is not None
    assert difference.scope == "a.b"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("add { | from a | from b }", "add { | from b | from a }"),
        ("concat { | from a | from b | from c }", "concat { | concat { | from a | from b } | from c }"),
        ("from a, d: depthwise 3x3", "from a, d: conv 8@3x3 groups=8"),
    ],
)
def test_the_same_may_be_spelled_in_two_ways(one: str, two: str) -> None:
    head = "".join(f"{label}: conv 8@1x1\nfrom x\n" for label in "abc")
    models = [model_of(network(f"x: identity\n{head}{body}, last: conv 8@1x1")) for body in (one, two)]
    assert compare(*models) is None
