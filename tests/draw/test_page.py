"""The page about a network: what it holds, that it is whole, safe and the same every time."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from functools import cache
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path

import pytest

from cnnspec.analysis.unroll import unroll
from cnnspec.compiler import check_text
from cnnspec.draw.diagram.from_network import build
from cnnspec.draw.diagram.model import boxes
from cnnspec.draw.diagram.simplify import simplify
from cnnspec.draw.graph.graphviz_engine import DrawProblem
from cnnspec.draw.look import DETAILS, Look
from cnnspec.draw.page import document
from cnnspec.draw.page.document import as_json, page
from cnnspec.draw.page.entries import contents
from cnnspec.draw.page.space import space
from cnnspec.graph.tree import Network
from tests.draw.nets import ZOO, shipped
from tests.nets import network
from tests.random.files import seeded
from tests.safety.running import ROOT, cnnspec

pytestmark = pytest.mark.slow

LENET = ROOT / "specs" / "lenet.cnn"

NASTY = (
    "net N { # </script><script>alert(1)</script> <!-- <![CDATA[ \" ' & \\ \u2028 \u2029\n"
    ' input 3@8x8\n require in.height == 8, "</style><img src=x onerror=alert(2)> &lt;"\n'
    ' a: conv 4@3x3 pad="same" # ]]> ${x} $title `\n relu\n flatten\n linear 2\n}\n'
)
VOID = {"meta", "link", "input", "rect", "polygon", "path", "ellipse", "polyline"}


class Element:
    def __init__(self, tag: str, attributes: dict[str, str], outer: Element | None) -> None:
        self.tag, self.attributes, self.outer = tag, attributes, outer
        self.text = ""

    @property
    def layers(self) -> list[int]:
        return [int(number) for number in self.attributes.get("data-layers", "").split()]


class Reader(HTMLParser):
    """Elements in their order; complains where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.open: list[Element] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), self.get_starttag_text()
        outer = self.open[-1] if self.open else None
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, outer))
        if tag not in VOID:
            self.open.append(self.elements[-1])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID, tag
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop().tag == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data

    def all(self, tag: str, **wanted: str) -> list[Element]:
        return [
            element
            for element in self.elements
            if element.tag == tag and wanted.items() <= element.attributes.items()
        ]


def nasty() -> Network:
    checked = check_text(NASTY, '/home/someone/"><script>.cnn')
    assert checked.ok, checked.diagnostics
    return checked.networks[0]


NETS = {
    "nasty": nasty,
    "lenet": lambda: shipped("lenet")[0],
    "residual": lambda: shipped("resnet", "ResNet18")[0],
    "inputs": lambda: shipped("siamese")[0],
}


@cache
def made(name: str) -> str:
    return page(NETS[name](), Look())


@cache
def read(name: str) -> Reader:
    return Reader(made(name))


@pytest.fixture(params=list(NETS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_tags_match_and_names_are_unique(name: str) -> None:
    elements = read(name).elements
    ids = [element.attributes["id"] for element in elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in elements:
        for attribute in ("for", "aria-controls", "aria-labelledby", "aria-describedby"):
            for wanted in element.attributes.get(attribute, "").split():
                assert wanted in ids
        if element.tag in ("button", "section", "svg", "canvas") and not element.text.strip():
            assert element.attributes.get("aria-label"), element.attributes


def test_the_policy_names_the_style_and_the_script_and_nothing_else(name: str) -> None:
    found = read(name)
    (policy,) = found.all("meta", **{"http-equiv": "Content-Security-Policy"})
    rules = dict(rule.split(" ", 1) for rule in policy.attributes["content"].split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        text = next(e.text for e in found.all(tag) if e.attributes.get("type") != "application/json")
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert len(found.all("style")) == 1
    assert len(found.all("script")) == 2


def test_nothing_comes_from_elsewhere_and_no_script_stands_in_attributes(name: str) -> None:
    assert "://" not in made(name)
    for element in read(name).elements:
        for attribute, value in element.attributes.items():
            assert not attribute.startswith("on")
            assert attribute not in ("style", "src", "srcdoc", "action", "xlink:href")
            assert attribute != "href" or value == "data:," or value.startswith("#")


def test_the_text_is_shown_as_it_was_written_and_nothing_of_it_is_markup() -> None:
    found = read("nasty")
    lines = [element.text for element in found.all("code")]
    assert lines == NASTY.rstrip("\n").split("\n")
    assert not found.all("img")
    assert found.all("h2")[0].text == '"><script>.cnn'
    assert "/home/someone" not in made("nasty")


def test_the_data_ends_no_script_and_is_json(name: str) -> None:
    (block,) = read(name).all("script", type="application/json")
    assert not set(block.text) & set("<>&\u2028\u2029")
    assert json.loads(block.text)["layers"]
    nasty_text = "</script><!--\u2028\u2029&\"'\\"
    assert json.loads(as_json([nasty_text])) == [nasty_text]


def test_every_layer_has_a_row(name: str) -> None:
    net, found = NETS[name](), read(name)
    rows = [element for element in found.all("tr") if element.layers]
    assert [row.layers for row in rows] == [[number] for number in range(len(rows))]
    heads = [element.text for element in found.all("th", scope="row")]
    assert heads == [*(given.name for given in net.inputs), *(node.path for node in unroll(net).nodes)]


def test_the_boxes_of_every_level_stand_for_all_layers(name: str) -> None:
    entries = contents(NETS[name]()).entries
    details = [level.attributes["data-detail"] for level in read(name).all("div", **{"class": "level"})]
    assert details[-3:] == list(DETAILS[3:])
    assert ("blocks" in details) == (name in ("inputs", "residual"))
    for detail in details:
        shown = [
            element
            for element in read(name).all("g", **{"class": "box"})
            if element.outer and detail in level_of(element)
        ]
        assert sorted({layer for box in shown for layer in box.layers}) == list(range(len(entries)))
        for box in shown:
            entry, label = entries[box.layers[0]], box.attributes["aria-label"]
            said = entry.words.split()[0] in label or "output" in label or detail in DETAILS[:3]
            assert said or entry.kind in ("join", "input")


def level_of(element: Element) -> str:
    outer: Element | None = element
    while outer is not None and outer.attributes.get("class") != "level":
        outer = outer.outer
    assert outer is not None
    return outer.attributes["data-detail"]


def test_the_text_has_the_colours_of_the_language() -> None:
    words = {(each.attributes["class"], each.text) for each in read("nasty").all("span") if each.attributes}
    assert {("keyword", "net"), ("layer", "conv"), ("number", "3"), ("string", '"same"')} <= words
    assert ("comment", "# ]]> ${x} $title `") in words


@pytest.mark.parametrize("stem", ZOO)
def test_lines_know_the_layers_that_they_make(stem: str) -> None:
    for net in shipped(stem)[:2]:
        found, nodes = contents(net), unroll(net).nodes
        texts = found.sources.texts()
        for entry, node in zip(found.entries[len(net.inputs) :], nodes, strict=True):
            own, *outer = entry.places
            assert texts[own.file].lines[own.line - 1] == node.span.source.line(node.span.line)
            assert all(0 <= place.file < len(texts) for place in outer)
            assert entry.path == node.path


def test_a_block_counts_where_it_is_used_too() -> None:
    text = "block B(w) {\n conv w@3x3\n relu\n}\nnet N {\n input 3@8x8\n repeat 2 {\n  B 4\n }\n}\n"
    given, *layers = contents(network(text)).entries
    assert [place.line for place in given.places] == [6]
    assert [[place.line for place in entry.places] for entry in layers] == [[2, 8], [3, 8]] * 2
    lines = [element for element in Reader(page(network(text), Look())).all("code") if element.layers]
    assert [(line.text.strip(), line.layers) for line in lines] == [
        ("conv w@3x3", [1, 3]),
        ("relu", [2, 4]),
        ("input 3@8x8", [0]),
        ("B 4", [1, 2, 3, 4]),
    ]


@pytest.mark.parametrize("stem", ZOO)
def test_formulas_in_numbers_are_true(stem: str) -> None:
    count = 0
    for net in shipped(stem)[:2]:
        for entry in contents(net).entries:
            for line in entry.worked:
                left, right = re.sub(r"^\w+: | channels$", "", line).rsplit(" = ", 1)
                assert eval(left, {"floor": math.floor}) == int(right), line
                count += 1
    assert count


def test_a_formula_is_told_for_each_axis_where_they_differ() -> None:
    net = network(
        "net N {\n input 3@30x20\n conv 4@3x5 stride=2x1 pad=[0, 1, 2, 2]\n maxpool 2x2 ceil=yes\n}\n"
    )
    _, conv, pool = contents(net).entries
    assert conv.worked == ("height: (30 + 1 - 3)//2 + 1 = 15", "width: (20 + 2*2 - 5)//1 + 1 = 20")
    assert pool.worked[0] == "height: (15 - 2 + (2 - 1))//2 + 1 = 8"


@pytest.mark.parametrize("stem", ZOO)
def test_volumes_stand_apart(stem: str) -> None:
    net = shipped(stem)[0]
    made = space(simplify(net), contents(net))
    for one, other in combinations(made.slabs, 2):
        apart = [
            abs(one.middle[axis] - other.middle[axis]) - (one.sides[axis] + other.sides[axis]) / 2
            for axis in (0, 2)
        ]
        assert max(apart) > 1, (one, other)
    for link in made.links:
        assert link.tail < link.head


@pytest.mark.parametrize(("stem", "most"), [("googlenet", 1), ("resnet", 2)])
def test_few_links_lead_from_row_to_row(stem: str, most: int) -> None:
    net = shipped(stem)[0]
    made = space(simplify(net), contents(net))
    around = [link for link in made.links if link.around]
    assert 0 < len(around) <= most
    assert len({link.tail for link in around}) == 1
    assert all(made.slabs[link.tail].middle[2] > made.slabs[link.head].middle[2] for link in around)


def test_larger_maps_are_larger_volumes() -> None:
    net = network("net N {\n input 3@32x32\n conv 8@3x3\n maxpool 2x2\n conv 32@3x3\n}\n")
    _, wide, pooled, deep = space(simplify(net), contents(net)).slabs
    assert wide.sides[1] > pooled.sides[1] > deep.sides[1]
    assert wide.sides[0] == pooled.sides[0] < deep.sides[0]


def test_a_page_of_too_many_layers_is_refused() -> None:
    net = network(f"net N {{\n input 3@8x8\n repeat {document.MOST_LAYERS} {{ relu }}\n}}\n")
    with pytest.raises(DrawProblem, match="10,001 layers, more than the 10,000 of a page"):
        page(net, Look())


def test_draw_writes_a_page_and_refuses_what_a_page_has_not(tmp_path: Path) -> None:
    out, again = tmp_path / "net.html", tmp_path / "again.html"
    made = cnnspec("draw", str(LENET), "-o", str(out), "--detail", "full", PYTHONHASHSEED="1")
    assert made.code == 0, made.err
    assert 'value="full" checked' in out.read_text("utf-8")
    cnnspec("draw", str(LENET), "-o", str(again), "--detail", "full", PYTHONHASHSEED="2", LC_ALL="C")
    assert out.read_bytes() == again.read_bytes()
    for options in (("--theme", "dark"), ("--width", "4in"), ("--view", "volume")):
        refused = cnnspec("draw", str(LENET), "-o", str(out), *options)
        assert refused.code == 2
        assert "an .html page" in refused.err


FAULTY = """block B { add { | conv 4@3x3 | identity } }
net N {
 input 3@8x8
 conv 4@3x3, relu  -> 4@9x9
 a: conv 4@3x3
 rleu, tanh
 from a
 B
 B
}
"""


def test_a_net_with_faults_has_a_page_that_tells_them(tmp_path: Path) -> None:
    (tmp_path / "net.cnn").write_text(FAULTY)
    made = cnnspec("draw", "net.cnn", "-o", "net.html", cwd=tmp_path)
    assert made.code == 1
    found = Reader((tmp_path / "net.html").read_text("utf-8"))
    told = [element for element in found.all("a") if element.attributes["href"].startswith("#fault")]
    assert [element.text.split()[0] for element in told] == ["E0402", "E0403", "E0201"]
    for element in told:
        (remark,) = found.all("p", id=element.attributes["href"][1:])
        assert remark.text == element.text
        assert remark.outer is not None
        assert remark.outer.attributes["class"] == "wrong"
    wrong = [element.text.split("E0")[0].strip() for element in found.all("li", **{"class": "wrong"})]
    assert wrong == [FAULTY.splitlines()[number].strip() for number in (0, 3, 5)]
    assert "help: did you mean `relu`?" in [element.text for element in found.all("p")]


def test_what_a_fault_hides_is_asked_for_and_what_is_known_is_told() -> None:
    (net,) = check_text(FAULTY).partial
    found = contents(net)
    told = [
        (entry.path, entry.made, entry.note) for entry in found.entries if entry.note or not entry.leaving
    ]
    assert told == [
        ("relu1", "4@6x6", "4@6x6 ≠ 4@9x9"),
        ("rleu", "?", "?"),
        ("tanh1", "?", ""),
        ("b1.add1", "?", "4@2x2 ≠ 4@4x4"),
        ("b2.conv1", "?", ""),
        ("b2.add1", "?", ""),
    ]
    made = space(simplify(net), found)
    wrong = [(slab.kind, slab.label) for slab in made.slabs if "≠" in slab.label or slab.kind == "fault"]
    assert wrong == [("conv", "4@6x6 ≠ 4@9x9"), ("fault", "?"), ("fault", "4@2x2 ≠ 4@4x4")]
    assert sum(link.fault for link in made.links) == 4


def broken(seed: int) -> str:
    """A random net with a slip of the pen in one of its lines."""
    lines = seeded(seed).splitlines()
    at = [i for i, line in enumerate(lines) if re.search(r"\b(conv|relu|maxpool)\b", line)]
    chosen = at[seed % len(at)] if at else 0
    lines[chosen] = re.sub(r"\b(conv|relu|maxpool)\b", "rleu", lines[chosen], count=1)
    return "\n".join(lines)


def test_boxes_know_their_layers_whatever_the_fault() -> None:
    seen = 0
    for net in (net for seed in range(60) for net in check_text(broken(seed)).partial if net.inputs):
        found, diagram = contents(net), build(net)
        for box in boxes(diagram.items):
            entry = found.entries[found.drawn[box.number]]
            if box.kind in ("input", "fault"):
                assert entry.kind == box.kind
                seen += box.kind == "fault"
            elif box.kind != "output":
                assert entry.words == box.parts[0]
    assert seen > 20


@pytest.mark.parametrize("body", ["input 3", "input 12\n linear 3", "input 3@8x8\n depthwise 3x5 stride=2"])
def test_the_smallest_nets_have_a_page(body: str) -> None:
    found = Reader(page(network(f"net N {{\n {body}\n}}\n"), Look()))
    assert len([row for row in found.all("tr") if row.layers]) == body.count("\n") + 1
