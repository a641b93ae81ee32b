"""TikZ: every element of a page is set, in legal LaTeX, whatever names say."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cnnspec.draw.formats.tikz import OUTLINES, tikz
from cnnspec.draw.graph.graphviz_engine import DrawProblem
from cnnspec.draw.look import Look, look_of
from cnnspec.draw.picture import picture
from cnnspec.draw.theme import THEMES
from cnnspec.graph.tree import Network
from cnnspec.text.latex import escape_latex
from tests.draw.nets import GOLDENS, golden
from tests.nets import network

HOSTILE = r"a\input/b $c %d #e &f _g ^h ~i --j <k> |l -> ''m ?`n"
PAGE = """<svg width="50pt" height="100pt" viewBox="0 0 100 200">
<rect width="100" height="200" fill="#FFFFFF"/>
<g transform="translate(10 20)"><g transform="scale(1 1) rotate(0) translate(1 -2)" stroke-linejoin="round">
<path d="M0,0C0,0 4,0 4,0 5,1 6,2 7,3" fill="none" stroke="#0000ff" stroke-width="2" stroke-dasharray="5,2"/>
<polygon points="0,0 1,0 1,1 0,0" fill="#ff0000" fill-opacity="0.5" stroke="transparent"/>
<circle cx="1" cy="2" r="3" fill="#ffffff"/>
<text x="1" y="2" font-size="9" font-weight="bold" text-anchor="middle" fill="#00ff00"> 50% </text>
</g></g></svg>"""
COMMANDS = {
    *(
        "expandafter",
        "ifx",
        "csname",
        "endcsname",
        "relax",
        "let",
        "figureend",
        "else",
        "fi",
        "def",
        "documentclass",
    ),
    *(
        "usepackage",
        "pagestyle",
        "topskip",
        "parindent",
        "advance",
        "textheight",
        "hfuzz",
        "begin",
        "end",
        "definecolor",
        "useasboundingbox",
    ),
    *("path", "node", "fontsize", "selectfont", "bfseries", "times", "ldots", "rightarrow"),
    *("textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar"),
}


def hostile_net() -> Network:
    return network(f'net N {{\n input 3@8x8\n "{HOSTILE}": {{ conv 8@3x3, maxpool 2x2 }}\n}}\n')


def seen(svg: str) -> list[str]:
    """The kinds of the elements of a page but the white page itself, in order."""
    found = [(e.tag.rpartition("}")[2], e.get("fill")) for e in ElementTree.fromstring(svg).iter()]
    return [
        kind for kind, fill in found if kind in ("text", *OUTLINES) and (kind, fill) != ("rect", "#FFFFFF")
    ]


def require_legal(tex: str) -> None:
    """Commands that TeX knows, braces in pairs, characters that mean something only where we wrote them."""
    code = re.sub(r"(?m)^%.*$", "", tex)
    assert set(re.findall(r"\\([a-zA-Z]+)", code)) <= COMMANDS
    bare = re.sub(r"\\(?:[a-zA-Z]+|[&%$#_{}])", "", code)
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert not set("\\#&_^~") & set(bare)
    assert bare.count("%") == bare.count("%\n")
    assert bare.count("$") % 2 == 0


@pytest.mark.slow
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("view", ["graph", "volume"])
@pytest.mark.parametrize("name", GOLDENS)
def test_every_element_is_set(name: str, view: str, theme: str) -> None:
    look = look_of(view, theme)
    tex = picture(golden(name), ".tex", look).content.decode()
    require_legal(tex)
    kinds = seen(picture(golden(name), ".svg", look).content.decode())
    lines = [line.partition("[")[0] for line in tex.splitlines()]
    assert [line for line in lines if line in ("\\node", "\\path")].count("\\node") == kinds.count("text")
    assert lines.count("\\path") == len(kinds) - kinds.count("text")
    defined = re.findall(r"\\definecolor\{(\w{6})\}\{HTML\}\{\1\}", tex)
    assert set(defined) == set(re.findall(r"(?:fill|draw|text)=(\w+)", tex))


def test_places_and_sizes_are_those_of_the_page() -> None:
    tex = tikz(PAGE, "N: mark")
    assert tex.startswith("% N: mark\n")
    assert "paperwidth=50bp,paperheight=100bp" in tex
    assert tex[tex.index("\\begin{tikz") : tex.index("\\end{tikz")].splitlines() == [
        r"\begin{tikzpicture}[x=0.5bp,y=-0.5bp,line width=0.5bp,inner sep=0pt,outer sep=0pt]",
        *(f"\\definecolor{{{c}}}{{HTML}}{{{c}}}" for c in ("0000FF", "00FF00", "FF0000", "FFFFFF")),
        r"\useasboundingbox (0,0) rectangle (100,200);",
        r"\path[draw=0000FF, line width=1bp, dash pattern=on 2.5bp off 1bp, line join=round] "
        r"(11,18) -- (15,18) .. controls (16,19) and (17,20) .. (18,21);",
        r"\path[fill=FF0000, fill opacity=0.5] (11,18) -- (12,18) -- (12,19) -- cycle;",
        r"\path[fill=FFFFFF] (12,20) ellipse [x radius=3, y radius=3];",
        r"\node[anchor=base, text=00FF00, font=\fontsize{4.5}{5.4}\selectfont\bfseries] at (12,20) {50\%};",
    ]


def test_names_mean_nothing_to_tex() -> None:
    net = hostile_net()
    for view in ("graph", "volume"):
        require_legal(picture(net, ".tex", Look(view=view)).content.decode())
    assert escape_latex("a--b''c?`") == "a-{}-b'{}'c?{}`"
    assert escape_latex("\\{~}") == r"\textbackslash{}\{\textasciitilde{}\}"


def test_what_tex_cannot_set_is_refused() -> None:
    with pytest.raises(DrawProblem, match="more than TeX can set"):
        tikz('<svg width="10pt" height="17000pt" viewBox="0 0 10 17000"/>', "N: mark")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX on this machine")
def test_latex_takes_it_alone_and_in_a_document(tmp_path: Path) -> None:
    net = hostile_net()
    pictures = {"graph": (golden("residual"), Look()), "volume": (golden("heads"), Look(view="volume"))}
    pictures |= {"hostile": (net, Look(theme=THEMES["dark"]))}
    for name, (each, look) in pictures.items():
        (tmp_path / f"{name}.tex").write_bytes(picture(each, ".tex", look).content)
    rounded = '<svg width="496.8pt" height="3296.24pt" viewBox="0 0 599.85 3980.00"/>'
    (tmp_path / "rounded.tex").write_text(tikz(rounded, "N: mark"))
    inputs = "\n\n".join(f"\\resizebox{{3cm}}{{!}}{{\\input{{{name}}}}}" for name in pictures)
    (tmp_path / "paper.tex").write_text(
        f"\\documentclass{{article}}\\usepackage{{tikz}}\\begin{{document}}\n{inputs}\n\\end{{document}}\n"
    )
    for name in ("graph", "rounded", "paper"):
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:]
        assert f"Output written on {name}.pdf (1 page" in done.stdout
        assert "Overfull" not in done.stdout
