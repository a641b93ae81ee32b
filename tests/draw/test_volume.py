"""The volume view: every shipped net is drawn, nothing overlaps, sizes follow the numbers."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from cnnspec.cli import main
from cnnspec.draw.volume import figure
from cnnspec.output import is_ours
from tests.draw.nets import GOLDEN, ZOO, shipped

LENET = str(GOLDEN / "lenet.cnn")
SVG = "{http://www.w3.org/2000/svg}"


def draw(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["draw", LENET, "--view", "volume", *map(str, arguments)])


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_every_format_is_written_without_graphviz(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    out = tmp_path / f"lenet{suffix}"
    result = draw("-o", out)
    assert result.exit_code == 0, result.output
    assert is_ours(out)
    assert draw("-o", out).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("-o", "x.dot"), "wants .svg, .png or .pdf"),
        (("-o", "x.svg", "--width", "wide"), "--width wants a length"),
        (("-o", "x.svg", "--width", "1in"), "between 2in and 200in"),
    ],
)
def test_what_cannot_be_drawn_is_told(arguments: tuple[str, ...], wanted: str) -> None:
    result = draw(*arguments)
    assert result.exit_code == 2
    assert wanted in result.output


@pytest.mark.parametrize("name", ZOO)
def test_the_zoo_is_drawn(name: str) -> None:
    for network in shipped(name):
        root = ElementTree.fromstring(figure(network, width_pt=495, theme="light"))
        assert root.get("width") == "495pt"
        words = [str(text.text) for text in root.iter(f"{SVG}text")]
        assert any(network.name in line and "not to scale" in line for line in words)
