"""The volume view: every shipped net is drawn, nothing overlaps, sizes follow the numbers."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from cnnspec.commands.cli import main
from cnnspec.draw.look import Look
from cnnspec.draw.volume.compose import figure_page
from cnnspec.draw.volume.render import THEMES, Theme
from cnnspec.text.output import is_ours
from tests.draw.nets import GOLDEN, GOLDENS, ZOO, golden, shipped
from tests.safety.running import python

pytestmark = pytest.mark.slow

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
        (("-o", "x.dot"), "wants .svg, .png, .pdf or .tex"),
        (("-o", "x.svg", "--width", "wide"), "--width wants a length"),
        (("-o", "x.svg", "--width", "1in"), "between 2in and 200in"),
        (("-o", "x.svg", "--view", "graph", "--blocks"), "--blocks goes with view volume"),
    ],
)
def test_what_cannot_be_drawn_is_told(arguments: tuple[str, ...], wanted: str) -> None:
    result = draw(*arguments)
    assert result.exit_code == 2
    assert wanted in result.output


@pytest.mark.parametrize("name", ZOO)
def test_the_zoo_is_drawn(name: str) -> None:
    for net in shipped(name):
        root = ElementTree.fromstring(figure_page(net, Look(width=495)).svg)
        assert root.get("width") == "495pt"
        assert root.get("viewBox") == f"0 0 495 {str(root.get('height')).removesuffix('pt')}"
        words = " ".join(str(text.text) for text in root.iter(f"{SVG}text"))
        assert f"{net.name}: " in words
        assert words.endswith("not to scale.")


@pytest.mark.parametrize("name", GOLDENS)
def test_golden_files(name: str) -> None:
    path = GOLDEN / f"{name}.volume.svg"
    found = figure_page(golden(name), Look(width=495)).svg
    if os.environ.get("CNNSPEC_UPDATE"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


def test_blocks_are_opened_where_that_is_wanted() -> None:
    arguments = ["draw", "efficientnet", "--net", "EfficientNetB0", "--view", "volume", "-o", "-"]
    plain, opened = (CliRunner().invoke(main, [*arguments, *more]).output for more in ([], ["--blocks"]))
    assert "MBConv kernel 5 expand 6</text>" not in plain
    assert "MBConv kernel 5 expand 6</text>" in opened


@pytest.mark.parametrize(
    ("net", "arguments", "said"),
    [
        (
            "resnet",
            ("--width", "3.3in"),
            "each block is one volume: opened, they do not fit; `blocks` shows what is in them below",
        ),
        ("resnet", ("--width", "6.9in"), ""),
        ("resnet", ("--width", "3.3in", "--blocks"), ""),
        ("densenet", ("--width", "2in", "--blocks"), "in high, more than the 9.0in of a page"),
    ],
)
def test_what_does_not_fit_is_told(net: str, arguments: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(main, ["draw", net, "--view", "volume", *arguments, "-o", "-"])
    assert result.exit_code == 0
    assert (said in result.stderr) if said else not result.stderr


def test_those_who_do_not_see_it_are_told() -> None:
    root = ElementTree.fromstring(figure_page(golden("residual"), Look(width=495)).svg)
    assert root.get("role") == "img"
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert ids == str(root.get("aria-labelledby")).split()
    assert str(root.findtext(f"{SVG}title")).startswith("Residual: ")
    description = str(root.findtext(f"{SVG}desc"))
    assert "conv 3x3, batchnorm, relu: 16@32x32" in description
    assert "+, relu: 16@32x32" in description
    root = ElementTree.fromstring(figure_page(golden("heads"), Look(width=495)).svg)
    assert str(root.findtext(f"{SVG}desc")).endswith("for training only (parameters counted): aux.")


def test_two_hash_seeds_make_the_same_bytes() -> None:
    script = (
        "import sys; from cnnspec.draw.look import Look\n"
        "from cnnspec.draw.volume.compose import figure_page; from tests.draw.nets import golden, shipped\n"
        "for net in (golden('heads'), *shipped('unet'), *shipped('googlenet'), *shipped('densenet')):\n"
        "    sys.stdout.write(figure_page(net, Look(width=300)).svg)\n"
    )
    made = {python("-c", script, PYTHONHASHSEED=seed).out for seed in ("0", "4242")}
    assert len(made) == 1
    assert made.pop().count("</svg>") == 8


@pytest.mark.parametrize(
    "name", ["<b>&amp;--", "\"'>]]>", "\x00\x1f\u202e\ufeff", "名" * 50, "--", "\\N{}%s"]
)
def test_any_name_makes_a_well_formed_page(name: str) -> None:
    net = golden("heads")
    inputs = tuple(given._replace(name=name) for given in net.inputs)
    page = figure_page(net._replace(name=name, inputs=inputs), Look(width=200)).svg
    root = ElementTree.fromstring(page)
    shown = "".join(str(text.text) for text in root.iter(f"{SVG}text"))
    assert all(character.isprintable() for character in shown)
    assert "http" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_words_can_be_read_on_the_page(theme: Theme) -> None:
    page = theme.page
    for colour in (page.ink, page.quiet, page.skip):
        light, dark = sorted((luminance(colour), luminance(page.paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def luminance(colour: str) -> float:
    """Of WCAG 2.1."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", THEMES)
def test_kinds_have_colours_of_their_own(theme: str) -> None:
    kinds = ("conv", "pool", "linear", "block", "input")
    assert len({THEMES[theme].fill(kind, "front") for kind in kinds}) >= (4 if theme == "mono" else 5)
