"""What Graphviz draws is mended: titles stand clear of edges, and edges are not bent without need."""

from __future__ import annotations

import re
from html import unescape

import pytest

from cnnspec.draw.diagram.model import Diagram, Edge, boxes
from cnnspec.draw.diagram.simplify import simplify
from cnnspec.draw.graph.clear import Rect, clear_titles, drawn_edges
from cnnspec.draw.graph.dot import Writer, crossing
from cnnspec.draw.graph.graphviz_engine import Engine, engine
from cnnspec.draw.graph.wrap import LONG, measure, sever
from cnnspec.draw.look import Look
from cnnspec.draw.metrics import width
from cnnspec.values.shapes import Shape
from tests.draw.nets import ENGINES, golden, in_columns, shipped

pytestmark = pytest.mark.slow

LOOK = Look(width=495.0, letters=20)
TOLERATED = 4.0  # points that an edge may bulge

CLUSTER = (
    '<g id="clust1" class="cluster">\n<path fill="#f4f4f4" d="M0,-100C0,-100 {right},-100 {right},0"/>\n'
    '<text text-anchor="start" x="8" y="-88" font-size="9.00"> &#160;layer1</text>\n</g>\n'
)
EDGE = (
    '<g id="edge1" class="edge">\n<path fill="none" d="M{x},-120C{x},-100 {x},-80 {x},-60"/>\n'
    '<text text-anchor="middle" x="{x}" y="-300" font-size="9.00"> 3@8x8 </text>\n</g>\n'
)
BOX = '<g id="n1">\n<polygon points="{x},-90 {x},-70"/>\n<text x="0" y="0">9,999 params</text>\n</g>\n'
LEFT = 6.0  # where a title starts that nothing crosses


def placed(right: float, *edges: float, box: float = 200) -> tuple[float, float]:
    """Where a title starts in a cluster so wide that edges run down through, and what the drawing grew by."""
    body = CLUSTER.format(right=right) + BOX.format(x=box) + "".join(EDGE.format(x=x) for x in edges)
    body, further, _ = clear_titles(body, 200)
    (found,) = re.findall(r'text-anchor="start" x="([-\d.]+)"[^>]*>layer1<', body)
    return float(found), further


def test_a_title_stays_where_nothing_crosses_it() -> None:
    assert placed(120) == placed(120, 100) == (LEFT, 0)


def test_a_title_goes_to_the_first_free_place() -> None:
    assert placed(120, 30) == (33, 0)
    assert placed(120, 30, 50) == (53, 0)


def test_a_frame_reaches_further_to_the_left_for_its_title() -> None:
    left, further = placed(60, 20, 50)
    assert left + width("layer1", 9) == pytest.approx(20 - 3, abs=0.01)
    assert further == pytest.approx(LEFT - left, abs=0.01)


def test_a_frame_reaches_over_words_that_stand_on_it() -> None:
    """`3@8x8` is 30 points wide and stands in the middle of its edge."""
    words = EDGE.format(x=100).replace("-300", "-40")
    body, left, right = clear_titles(CLUSTER.format(right=110) + words, 112)
    assert left == 0
    edge = max(float(x) for x in re.findall(r"([\d.]+),", body.split("/>")[0]))
    assert edge == pytest.approx(100 + width("3@8x8", 9) / 2 + 1, abs=0.01)
    assert right == pytest.approx(edge - 112, abs=0.01)


def test_a_frame_stays_where_something_is_beside_it() -> None:
    assert placed(60, 20, 50, box=-5) == (LEFT, 0)


def crossed(svg: str) -> list[str]:
    """The titles that something crosses."""
    found, edges = [], list(drawn_edges(svg))
    for x, y, words in re.findall(
        r'<text [^>]*text-anchor="start" x="([-\d.]+)" y="([-\d.]+)"[^>]*>([^<]*)<', svg
    ):
        left, bottom = float(x), float(y)
        title = Rect(left, bottom - 6, left + width(unescape(words), 9), bottom)
        found += [words] * any(any(edge.parts_in(title)) for edge in edges)
    return found


@pytest.mark.parametrize(
    "name", ["densenet", "mobilenet_v2", "resnet", "efficientnet", "deeplab", "googlenet"]
)
def test_nothing_crosses_a_title(name: str) -> None:
    diagram, draw = in_columns(shipped(name)[0], LOOK), engine()
    for column in Writer(diagram, LOOK).columns():
        body, *_ = clear_titles(re.sub("<title>[^<]*</title>\n", "", draw(column)), 0)
        assert not crossed(body)


@pytest.mark.parametrize("draw", ENGINES.values(), ids=ENGINES)
def test_branches_stand_in_the_order_of_the_text(draw: Engine) -> None:
    diagram = in_columns(shipped("googlenet")[0], LOOK)
    branches: dict[int, list[int]] = {}
    for edge in diagram.edges:
        if not edge.idle:
            branches.setdefault(edge.tail, []).append(edge.head)
    columns = Writer(diagram, LOOK).columns()
    lefts = {}
    for column in columns:
        for number, shape in re.findall(
            r'<title>n(\d+)</title>\n<\w+ [^>]*(?:points|d)="(.*?)"', draw(column)
        ):
            lefts[int(number)] = min(float(x) for x in re.findall(r"([-\d.]+),", shape))
    inceptions = [heads for heads in branches.values() if len(heads) == 4]
    assert len(inceptions) == 9
    assert all(heads == sorted(heads, key=lefts.__getitem__) for heads in inceptions)


def bent(svg: str) -> int:
    """How many edges, ways around aside, leave the stripe between their ends."""
    count = 0
    for ink, path in re.findall(
        r'class="edge">\n<title>[^<]*</title>\n<path [^>]*stroke="([^"]*)"[^>]* d="([^"]*)"', svg
    ):
        xs = [float(x) for x in re.findall(r"([-\d.]+),", path)]
        low, high = sorted((xs[0], xs[-1]))
        around = ink.upper() == LOOK.theme.skip
        count += not around and (min(xs) < low - TOLERATED or max(xs) > high + TOLERATED)
    return count


@pytest.mark.parametrize("draw", ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize("name", ["densenet", "mobilenet_v2", "resnet", "efficientnet"])
def test_no_edge_is_bent_beside_a_way_around(name: str, draw: Engine) -> None:
    columns = Writer(in_columns(shipped(name)[0], LOOK), LOOK).columns()
    assert sum(bent(draw(column)) for column in columns) == 0


@pytest.mark.parametrize("draw", ENGINES.values(), ids=ENGINES)
def test_a_skip_goes_no_further_than_its_words(draw: Engine) -> None:
    (column,) = Writer(simplify(shipped("tutorial/skip")[0]), LOOK).columns()
    (line,) = (each for each in draw(column).split('class="edge"') if LOOK.theme.skip.lower() in each)
    (path,) = re.findall(r'fill="none"[^>]* d="([^"]*)"', line)
    middle, *_ = re.findall(r'<text [^>]*x="([\d.]+)"', line)
    assert max(float(x) for x in re.findall(r"([\d.]+),", path)) < float(middle)


def test_skips_that_cross_do_not_keep_to_one_side() -> None:
    edges = [
        Edge(*ends, Shape(1), Shape(1), "skip") for ends in ((0, 4), (1, 3), (5, 7), (6, 8), (7, 9), (8, 9))
    ]
    assert crossing(Diagram("", (), (), (), tuple(edges))) == {(5, 7), (6, 8), (7, 9)}


def test_long_ways_around_are_cut_where_they_begin() -> None:
    diagram = simplify(shipped("unet", "UNet")[0])
    cut = sever(diagram, measure(diagram, LOOK), LONG[0])
    words = {box.number: box.parts[0].split()[0] for box in boxes(diagram.items)}
    assert [(words[tail], words[head]) for tail, head in sorted(cut.severed)] == [("conv", "crop")] * 3
    (column,) = Writer(cut, LOOK).columns()
    assert len(re.findall(r"\tout\d+ \[", column)) == len(re.findall(r"\tin\d+_\d+ \[", column)) == 3
    short = simplify(golden("residual"))
    assert not sever(short, measure(short, LOOK), LONG[0]).severed
