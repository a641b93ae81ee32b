"""A net with faults is drawn as far as it goes, the edge that does not fit in red with both numbers."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from cnnspec.commands.cli import main
from cnnspec.compiler import check_text
from cnnspec.draw.diagram.model import Diagram, totals
from cnnspec.draw.diagram.simplify import simplify
from cnnspec.draw.graph.graphviz_engine import DrawProblem
from cnnspec.draw.look import look_of
from cnnspec.draw.picture import picture
from cnnspec.draw.theme import THEMES
from cnnspec.draw.volume.figure_model import Figure, figure_of
from tests.draw.nets import ordered


def part(body: str) -> Diagram:
    (network,) = check_text(f"net N {{\n input 3@32x32\n {body}\n}}\n").partial
    return simplify(network)


def planned(body: str) -> Figure:
    return figure_of(part(body))


def faults(diagram: Diagram) -> list[tuple[str, str]]:
    return [(str(edge.first), edge.fault) for edge in diagram.edges if edge.fault]


@pytest.mark.parametrize(
    ("body", "kinds", "wanted"),
    [
        ("maxpool 2x2, conv 8@99x99, relu", ["pool", "fault"], [("3@16x16", "map 16 < kernel 99")]),
        ("flatten, linear 9 in=400, relu", ["shape", "fault"], [("3072", "400 != 3072")]),
        ("relu, rleu, tanh", ["activation", "fault"], [("3@32x32", "?")]),
        (
            "add { | conv 8@3x3 | conv 8@1x1 }\nrelu",
            ["conv", "conv", "fault"],
            [("8@30x30", "≠ 8@32x32"), ("8@32x32", "≠ 8@30x30")],
        ),
        ("add { | relu | tahn }", ["activation", "fault"], [("3@32x32", "?")]),
        ("conv 8@3x3 -> 9@9x9\nmaxpool 2x2", ["conv", "pool", "output"], [("8@30x30", "≠ 9@9x9")]),
        ("conv 8@3x3 -> 9@9x9\nrelu", ["conv", "activation", "output"], [("8@30x30", "≠ 9@9x9")]),
        ("a: relu\nrleu\nfrom a\ntanh", ["activation", "fault", "activation", "output"], [("3@32x32", "?")]),
        ("a: relu\ntanh, rleu\nfrom a", ["activation", "output", "activation", "fault"], [("3@32x32", "?")]),
    ],
)
def test_as_far_as_it_goes(body: str, kinds: list[str], wanted: list[tuple[str, str]]) -> None:
    diagram = part(body)
    assert [box.kind for box in ordered(diagram)] == ["input", *kinds]
    assert faults(diagram) == wanted
    assert not any(box.idle for box in ordered(diagram))


def test_a_block_fails_where_it_first_does() -> None:
    checked = check_text("block B { conv 8@3x3, rleu }\nnet N {\n input 3@9x9\n B\n B\n}\n")
    diagram = simplify(checked.partial[0])
    assert [box.kind for box in ordered(diagram)] == ["input", "conv", "fault"]
    assert totals(diagram).params == 8 * 3 * 9 + 8


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("maxpool 2x2, conv 8@99x99, relu", [("conv 99x99", (), "map 16 < kernel 99")]),
        ("flatten, linear 9 in=400, relu", [("linear", (), "400 ≠ 3072")]),
        ("conv 8@3x3, relu, rleu, tanh", [("rleu", (), "?")]),
        ("add { | conv 8@3x3 | conv 8@1x1 }\nrelu", [("add", (), "8@30x30 ≠ 8@32x32")]),
        ("conv 8@3x3, relu -> 9@9x9\nmaxpool 2x2", [("conv 3x3, relu", ("8@30x30",), "≠ 9@9x9")]),
        ("conv 8@3x3 -> 9@9x9\nrelu", [("conv 3x3", ("8@30x30",), "≠ 9@9x9")]),
        ("batchnorm -> 9@9x9\nconv 8@3x3", [("batchnorm", ("3@32x32",), "≠ 9@9x9")]),
    ],
)
def test_volumes_go_as_far(body: str, wanted: list[tuple[str, tuple[str, ...], str]]) -> None:
    found = [(", ".join(step.words), step.label, step.fault) for step in planned(body).volumes if step.fault]
    assert found == wanted


def test_a_block_with_a_fault_is_not_drawn_as_one() -> None:
    text = "block B { add { | conv 3@3x3, relu, conv 3@3x3 | identity } }\nnet N {\n input 3@32x32\n"
    (network,) = check_text(f"{text} repeat 30 {{ conv 3@3x3 pad=1, maxpool 1x1 }}\n B\n}}\n").partial
    made = figure_of(simplify(network))
    assert [step.fault for step in made.volumes if step.kind == "fault"] == ["3@28x28 ≠ 3@32x32"]


@pytest.mark.parametrize("theme", THEMES)
def test_the_volume_view_is_red_there_too(theme: str, tmp_path: Path) -> None:
    spec, out = tmp_path / "bad.cnn", tmp_path / "bad.svg"
    spec.write_text("net N {\n input 3@32x32\n conv 8@3x3\n add { | conv 8@3x3 | identity }\n}\n")
    result = CliRunner().invoke(
        main, ["draw", str(spec), "-o", str(out), "--view", "volume", "--theme", theme]
    )
    assert result.exit_code == 1
    assert "E0402" in result.output
    page, red = out.read_text(encoding="utf-8"), THEMES[theme].fault
    lines = re.findall(rf'<polyline points="([^"]*)" fill="none" stroke="{red}"', page)
    assert len(lines) == 4  # two ways and a cross
    assert re.search(rf'<text [^>]*fill="{red}">8@28x28 ≠ 8@30x30</text>', page)


UNREAD = "block B { concat { | conv 2@1x1, conv 2@1x1 | conv 2@3x3 pad=1, relu } }\n"
UNREAD += "net N {\n a: input 8@8x8\n B\n from a\n maxpool 40\n}\n"
WORDLESS = "net N {\n input 1@28x28\n conv 6@5x5, <img>\n maxpool 2x2\n}\n"


@pytest.mark.parametrize(
    ("text", "code", "options"),
    [
        (UNREAD, "E0401", ["--view", "volume", "--blocks"]),
        (WORDLESS, "E0101", ["--view", "volume"]),
        (WORDLESS, "E0101", ["--view", "graph"]),
    ],
)
def test_blocks_that_nothing_reads_and_steps_without_words_are_drawn(
    text: str, code: str, options: list[str], tmp_path: Path
) -> None:
    spec, out = tmp_path / "bad.cnn", tmp_path / "bad.svg"
    spec.write_text(text)
    result = CliRunner().invoke(main, ["draw", str(spec), "-o", str(out), *options])
    assert result.exit_code == 1
    assert code in result.output
    assert out.exists()


@pytest.mark.parametrize("view", ["graph", "volume"])
def test_where_nothing_arrives_there_is_no_picture(view: str, tmp_path: Path) -> None:
    spec, out = tmp_path / "bad.cnn", tmp_path / "bad.svg"
    spec.write_text("net N {\n input 3@0x5\n conv 8@3x3\n}\n")
    result = CliRunner().invoke(main, ["draw", str(spec), "-o", str(out), "--view", view])
    assert result.exit_code == 1
    assert "E0303" in result.output
    assert not out.exists()


@pytest.mark.parametrize("theme", THEMES)
def test_the_edge_is_red_and_says_both_numbers(theme: str, tmp_path: Path) -> None:
    spec, out = tmp_path / "bad.cnn", tmp_path / "bad.svg"
    spec.write_text("net N {\n input 1@28x28\n maxpool 2x2, flatten, linear 120 in=400, relu\n}\n")
    call = ["draw", str(spec), "-o", str(out), "--theme", theme, "--show", "params"]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 1
    assert "E0410" in result.output
    assert "takes 400 features but 196 arrive" in result.output
    page = out.read_text(encoding="utf-8")
    red = THEMES[theme].fault.lower()
    assert re.search(rf'<path [^>]*stroke="{red}"[^>]*stroke-width="2.6"', page)
    words = {str(element.text).strip() for element in ElementTree.fromstring(page).iter()}
    assert {"196", "400 ≠ 196", "does not fit"} <= words
    assert THEMES["light"].fault == "#B3001B"


@pytest.mark.parametrize("suffix", [".svg", ".dot", ".html"])
@pytest.mark.parametrize("view", ["graph", "volume"])
def test_a_net_without_an_input_is_refused(suffix: str, view: str) -> None:
    (network,) = check_text("net N { conv 6@5x5, tanh }\n").partial
    with pytest.raises(DrawProblem, match="N has no input"):
        picture(network, suffix, look_of(view))
