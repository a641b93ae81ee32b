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
from cnnspec.draw.diagram.model import Box, Cluster, Diagram, Edge, Port
from cnnspec.draw.diagram.simplify import simplify
from cnnspec.draw.graph.dot import Writer, dot, facts, text
from cnnspec.draw.metrics import width
from cnnspec.draw.names import LONGEST, plain
from cnnspec.draw.theme import THEMES, Theme
from cnnspec.text.output import MARK
from cnnspec.values.shapes import Shape
from tests.draw.nets import ENGINES, GOLDEN, GOLDENS, LOOK, golden, in_columns, shipped, svg
from tests.nets import network

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
    found = dot(simplify(golden(name)), LOOK)
    if os.environ.get("CNNSPEC_UPDATE"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


def test_several_inputs_or_outputs_are_named() -> None:
    assert facts(simplify(golden("lenet"))).startswith("1@28x28 to 10, ")
    assert facts(simplify(golden("heads"))).startswith("left 1@28x28 and right 1@28x28 to 10, ")


def test_googlenet_has_its_heads_dashed() -> None:
    found = dot(simplify(shipped("googlenet")[0]), LOOK)
    assert found.startswith(f"// GoogLeNet: {MARK}")
    for name in ("aux1", "aux2"):
        assert re.search(rf'label="{name}\\ntraining only".*style="filled,rounded,bold,dashed"', found)
        assert re.search(rf'label=" *{name}: AuxHead', found)
    assert 'label=" 528@14x14 " style=dashed' in found


@pytest.mark.parametrize("name", GOLDENS)
def test_every_edge_bears_its_shape(name: str) -> None:
    diagram = in_columns(golden(name))
    for source in (dot(diagram, LOOK), *Writer(diagram, LOOK).columns()):
        edges = [line for line in source.splitlines() if "->" in line and "a" not in line.split()[0]]
        edges = [line for line in edges if "-> out" not in line]  # it is told where the value comes back
        assert edges
        assert all(re.search(r'label=" \d+(…\d+)?(@\d+x\d+)? "', line) for line in edges)


def test_values_that_leave_a_column_are_told_where_they_come_back() -> None:
    boxes = tuple(Box(i, "other", ("box",), ("box",)) for i in range(3))
    big, small = Shape(4, 8, 8), Shape(8, 4, 4)
    edges = (Edge(0, 1, big, big), Edge(0, 2, small, small), Edge(1, 2, big, big))
    first, second = Writer(Diagram("N", (), (), boxes, edges, heads=(1,)), LOOK).columns()
    assert "n0 -> out1 [weight=1]\n" in first
    assert 'in1 -> n1 [label=" 4@8x8 "]' in second
    assert 'in1 -> n2 [label=" 8@4x4 "]' in second


def test_what_leads_from_a_severed_edge_to_its_join_leaves_the_main_path_straight() -> None:
    boxes = tuple(Box(i, kind, (kind,), (kind,)) for i, kind in enumerate(("conv", "conv", "shape", "join")))
    shape = Shape(4, 8, 8)
    edges = tuple(Edge(tail, head, shape, shape) for tail, head in ((0, 1), (0, 2), (1, 3), (2, 3)))
    (column,) = Writer(Diagram("N", (), (), boxes, edges, severed=frozenset({(0, 2)})), LOOK).columns()
    light = {
        line.split(" [")[0].strip() for line in column.splitlines() if "->" in line and "weight=1" in line
    }
    assert light == {"n0 -> out1", "in1_2 -> n2", "n2 -> n3"}


def test_a_join_has_room_for_its_words() -> None:
    for lines in (["concat"], ["+", "relu"], ["concat", "leakyrelu 0.1"]):
        wide, high = style.join_sides(lines)
        half, rise = (
            max(width(line, style.SIZE) for line in lines) / 2,
            0.6 * style.SIZE * (2 * len(lines) - 1) / 2,
        )
        assert (half / (wide / 2)) ** 2 + (rise / (high / 2)) ** 2 < 1.05
    assert style.join_sides(["+"]) == (style.SIGN, style.SIGN)


def named(name: str) -> Diagram:
    """A diagram in which a user's name stands wherever one can."""
    shape = Shape(3, 8, 8)
    conv = Box(1, "conv", ("conv 8@3x3",), ("conv 8",), name)
    items = (
        Box(0, "input", (name,), (name,)),
        Cluster("group", name, name, (conv, Box(2, "shape", ("flatten",), ("flatten",)))),
        Box(3, "output", (name,), (name,)),
    )
    edges = (Edge(0, 1, shape, shape), Edge(1, 2, shape, shape), Edge(2, 3, shape, shape))
    return Diagram("Net", (Port("input", shape),), (Port("output", shape),), items, edges)


@pytest.mark.slow
@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_shown_as_it_is_and_does_nothing(name: str) -> None:
    diagram = named(name)
    page = svg(diagram)
    assert not any(line.startswith(("<script", "<b>", "<table")) for line in page.splitlines())
    root = ElementTree.fromstring(page)
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert words.count(name) >= 2  # the input, the output, and where it is long a line of the title
    assert f"{name}: conv 8@3x3" in words or {f"{name}:", "conv 8@3x3"} <= set(words)
    assert (
        len([word for word in words if "conv 8@3x3" in str(word)]),
        len(re.findall(r"^\s*n\d+ \[", dot(diagram, LOOK), re.M)),
    ) == (1, 4)
    assert len(re.findall(r"->", re.sub(r'"(?:[^"\\]|\\.)*"', '""', dot(diagram, LOOK)))) == 3


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
    page = svg(simplify(net))
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;" in page


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_words_stand_out_from_what_is_behind_them(theme: Theme) -> None:
    for kind in (*style.SHAPES, "fault"):
        paint = theme.paint(kind)
        assert contrast(paint.text, paint.fill) >= 4.5, kind
        assert contrast(paint.border, theme.paper) >= 3 or contrast(paint.fill, theme.paper) >= 3, kind
    for tint in (theme.paper, *theme.tints):
        for ink in (theme.ink, theme.skip, theme.fault):
            assert contrast(ink, tint) >= 4.5


def test_dark_is_light_on_dark() -> None:
    dark = THEMES["dark"]
    assert luminance(dark.paper) < 0.05 < 0.5 < luminance(dark.ink)
    assert all(luminance(dark.paint(kind).fill) < 0.2 for kind in style.SHAPES)


def test_kinds_differ_by_more_than_colour() -> None:
    looks = [(s.shape, s.style, s.peripheries) for s in map(style.SHAPES.get, style.NAMES) if s]
    assert len(set(looks)) == len(looks) == len(style.NAMES)


@pytest.mark.slow
def test_the_same_bytes_under_every_hash_seed() -> None:
    program = (
        "from tests.draw.nets import golden, shipped\n"
        "from cnnspec.draw.picture import picture\n"
        "import sys\n"
        "for net in (golden('residual'), golden('heads'), *shipped('googlenet')):\n"
        "    sys.stdout.buffer.write(picture(net, '.dot').content)\n"
        "sys.stdout.buffer.write(picture(golden('heads'), '.svg').content)\n"
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


@pytest.mark.slow
def test_graphviz_takes_every_text() -> None:
    diagrams = [in_columns(golden(name)) for name in GOLDENS]
    texts = [text for d in diagrams for text in (dot(d, LOOK), *Writer(d, LOOK).columns())]
    for draw in ENGINES.values():
        for source in texts:
            assert "<svg" in draw(source)
