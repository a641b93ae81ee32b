"""A net with faults is drawn as far as it goes, the edge that does not fit in red with both numbers."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from cnnspec.cli import main
from cnnspec.compiler import check_text
from cnnspec.draw.model import Diagram, totals
from cnnspec.draw.picture import simplified
from cnnspec.draw.theme import THEMES
from tests.draw.nets import ordered


def part(body: str) -> Diagram:
    (network,) = check_text(f"net N {{\n input 3@32x32\n {body}\n}}\n").partial
    return simplified(network)


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
        ("a: relu\nrleu\nfrom a\ntanh", ["activation", "fault", "activation", "output"], [("3@32x32", "?")]),
    ],
)
def test_as_far_as_it_goes(body: str, kinds: list[str], wanted: list[tuple[str, str]]) -> None:
    diagram = part(body)
    assert [box.kind for box in ordered(diagram)] == ["input", *kinds]
    assert faults(diagram) == wanted
    assert not any(box.train for box in ordered(diagram))


def test_a_block_fails_where_it_first_does() -> None:
    checked = check_text("block B { conv 8@3x3, rleu }\nnet N {\n input 3@9x9\n B\n B\n}\n")
    diagram = simplified(checked.partial[0])
    assert [box.kind for box in ordered(diagram)] == ["input", "conv", "fault"]
    assert totals(diagram).params == 8 * 3 * 9 + 8


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
