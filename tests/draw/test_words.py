"""The words around a picture: its title and its caption, and a picture without them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from cnnspec.commands.cli import main
from cnnspec.draw.graph.graphviz_engine import DrawProblem
from cnnspec.draw.look import LONGEST, look_of
from cnnspec.draw.picture import picture
from tests.draw.nets import GOLDEN, golden

SVG = "{http://www.w3.org/2000/svg}"
COSTS = "61,706 parameters, 416,520 MACs"


def words(**look: object) -> str:
    """All that is seen in the picture of LeNet, a line an element."""
    page = picture(golden("lenet"), ".svg", look_of(**look)).content  # type: ignore[arg-type]
    root = ElementTree.fromstring(page)
    assert root.findtext(f"{SVG}title") == accessible(str(look["view"]))
    return "\n".join(str(element.text) for element in root.iter(f"{SVG}text"))


def accessible(view: str) -> str:
    """What those are told who do not see it, whatever is seen."""
    return f"LeNet5: {COSTS}" if view == "volume" else f"LeNet5: 1@28x28 to 10, {COSTS}"


@pytest.mark.parametrize("view", ["graph", "volume"])
def test_a_title_stands_in_place_of_the_name(view: str) -> None:
    usual, named, bare = (words(view=view, title=title) for title in (None, "Old & new", ""))
    assert "LeNet5" in usual
    assert usual.replace("LeNet5", "Old & new") == named
    assert "LeNet5" not in bare
    assert all(COSTS in found for found in (usual, named, bare))


@pytest.mark.parametrize("view", ["graph", "volume"])
def test_a_picture_may_have_no_caption(view: str) -> None:
    bare = words(view=view, title="", caption=False)
    assert "MACs" not in bare
    assert "LeNet5" not in bare
    assert "not to scale" not in bare
    assert "6@28x28" in bare
    titled = words(view=view, title="Only this", caption=False)
    assert sorted(titled.splitlines()) == sorted([*bare.splitlines(), "Only this"])


@pytest.mark.parametrize("view", ["graph", "volume"])
def test_without_words_the_picture_is_lower(view: str) -> None:
    def height(**look: object) -> float:
        page = picture(golden("lenet"), ".svg", look_of(view=view, **look)).content.decode()  # type: ignore[arg-type]
        found = re.search(r'height="([\d.]+)pt"', page)
        assert found
        return float(found.group(1))

    assert height(title="", caption=False) < height() < 800
    assert height(title="", caption=False) > 50


def test_a_title_is_cut_and_wrapped_and_nothing_but_words() -> None:
    made = picture(golden("lenet"), ".svg", look_of(title="many words " * 100 + "\x00")).content.decode()
    ElementTree.fromstring(made)
    lines = re.findall(r"<text [^>]*font-weight[^>]*>([^<]*)</text>", made)
    assert len(lines) > 2
    assert LONGEST - 10 <= len(" ".join(lines)) <= LONGEST


def test_dot_has_the_words_too() -> None:
    net = golden("lenet")
    assert 'label="T: 1@28x28 to 10' in picture(net, ".dot", look_of(title="T")).content.decode()
    assert "416,520" not in picture(net, ".dot", look_of(caption=False)).content.decode()


def test_a_page_keeps_its_words() -> None:
    for look in (look_of(title=""), look_of(caption=False)):
        with pytest.raises(DrawProblem, match="its own words"):
            picture(golden("lenet"), ".html", look)


def test_the_command_takes_them() -> None:
    call = ["draw", str(GOLDEN / "lenet.cnn"), "-o", "-", "--view", "volume", "--title", "", "--no-caption"]
    made = CliRunner().invoke(main, call)
    assert made.exit_code == 0
    look = look_of("volume", title="", caption=False)
    assert made.stdout_bytes == picture(golden("lenet"), ".svg", look).content
