"""The text for Graphviz: golden files, quoting, colours, determinism.

CNNSPEC_UPDATE=1 rewrites the golden files; read the difference before committing it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from cnnspec.draw import style
from cnnspec.draw.dot import columns, dot, text
from cnnspec.draw.engine import render, wheel
from cnnspec.draw.model import Box, Cluster, Diagram, Edge
from cnnspec.draw.picture import simplified, svg
from cnnspec.draw.words import LONGEST, plain
from cnnspec.output import MARK
from cnnspec.shapes import Shape
from tests.draw.nets import GOLDEN, GOLDENS, golden, network, shipped

NASTY = [
    '"',
    '\\"',
    "\\",
    "\\\\",
    "\\N",
    "\\l\\G",
    "<b>bold</b>",
    "<<table></table>>",
    "<",
    "a:b",
    "]]>",
    "&amp;&lt;&#34;",
    "-->",
    "{a|b}",
    "'; DROP",
    "层1",
    "</text><script>",
    "é",
]


@pytest.mark.parametrize("name", GOLDENS)
def test_the_text(name: str) -> None:
    path = GOLDEN / f"{name}.dot.txt"
    found = dot(simplified(golden(name)))
    if os.environ.get("CNNSPEC_UPDATE"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


def test_googlenet_has_its_heads_dashed() -> None:
    found = dot(simplified(shipped("googlenet")[0]))
    assert found.startswith(f"// GoogLeNet: {MARK}")
    for name in ("aux1", "aux2"):
        assert re.search(rf'label="{name}\\ntraining only".*style="filled,rounded,bold,dashed"', found)
        assert f'label="{name}: AuxHead' in found
    assert 'label=" 528@14x14 " style=dashed' in found


@pytest.mark.parametrize("name", GOLDENS)
def test_every_edge_bears_its_shape(name: str) -> None:
    diagram = simplified(golden(name))
    for source in (dot(diagram), *columns(diagram)):
        edges = [line for line in source.splitlines() if "->" in line]
        assert edges
        assert all(re.search(r'label=" \d+(…\d+)?(@\d+x\d+)? "', line) for line in edges)


def named(name: str) -> Diagram:
    """A diagram in which a user's name stands wherever one can."""
    shape = Shape(3, 8, 8)
    conv = Box(1, "conv", ("conv 8@3x3",), name)
    items = (
        Box(0, "input", (name,)),
        Cluster("group", name, name, (conv, Box(2, "shape", ("flatten",)))),
        Box(3, "output", (name,)),
    )
    edges = (Edge(0, 1, shape, shape), Edge(1, 2, shape, shape), Edge(2, 3, shape, shape))
    return Diagram("Net", (shape,), (shape,), items, edges)


@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_shown_as_it_is_and_does_nothing(name: str) -> None:
    diagram = named(name)
    page = svg(diagram)
    assert not any(line.startswith(("<script", "<b>", "<table")) for line in page.splitlines())
    root = ElementTree.fromstring(page)
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert words.count(name) == 2  # the input and the output
    assert f"{name}: conv 8@3x3" in words
    assert (words.count("conv 8@3x3"), len(re.findall(r"^\s*n\d+ \[", dot(diagram), re.M))) == (0, 4)
    assert len(re.findall(r"->", re.sub(r'"(?:[^"\\]|\\.)*"', '""', dot(diagram)))) == 3


def test_characters_that_mislead_are_dropped_and_long_names_cut() -> None:
    assert plain("a\u202eb\u2066c\x00d\x1b[1me\u200f\n\u2028f") == "abcd[1mef"
    assert len(plain("x" * 500)) == LONGEST
    assert "\u202e" not in svg(named("a\u202eb"))


def test_labels_are_never_html() -> None:
    from graphviz.quoting import quote

    assert quote(text("<b>x</b>")) == '"<b>x</b>"'
    assert quote(text("x\\")) == '"x\\\\"'
    assert quote(text("<b>&x</b>")) == '"<b>&amp;x</b>"'


def test_a_label_of_a_spec_reaches_the_picture_only_escaped() -> None:
    net = network('net N {\n input 3@8x8\n "<b>&": { conv 8@3x3, maxpool 2x2 }\n}\n')
    page = svg(simplified(net))
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;" in page


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_words_stand_out_from_what_is_behind_them() -> None:
    for kind, look in style.STYLES.items():
        assert contrast(look.text, look.fill) >= 4.5, kind
    for tint in ("#FFFFFF", *style.TINTS):
        for ink in (style.INK, style.SKIP):
            assert contrast(ink, tint) >= 4.5
    assert contrast(style.CONNECTOR["fontcolor"], style.CONNECTOR["fillcolor"]) >= 4.5


def test_kinds_differ_by_more_than_colour() -> None:
    kinds = [kind for kind in style.NAMES if kind not in ("dropout", "other")]
    looks = [(s.shape, s.style, s.peripheries) for s in (style.STYLES[kind] for kind in kinds)]
    assert len(set(looks)) == len(looks)


def test_the_same_bytes_under_every_hash_seed() -> None:
    program = (
        "from tests.draw.nets import golden, shipped\n"
        "from cnnspec.draw.picture import picture\n"
        "import sys\n"
        "for net in (golden('residual'), golden('heads'), *shipped('googlenet')):\n"
        "    sys.stdout.buffer.write(picture(net, 'x.dot'))\n"
        "sys.stdout.buffer.write(picture(golden('heads'), 'x.svg'))\n"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) > 10_000


def test_graphviz_takes_every_text() -> None:
    texts = [source for d in map(simplified, map(golden, GOLDENS)) for source in (dot(d), *columns(d))]
    draw = wheel()
    for source, drawn in zip(texts, render(texts), strict=True):
        assert "<svg" in drawn
        assert "<svg" in draw(source)
