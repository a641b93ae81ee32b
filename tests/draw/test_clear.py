"""What Graphviz draws is mended: titles stand clear of edges, and edges are not bent without need."""

from __future__ import annotations

import re

import pytest

from cnnspec.draw.clear import clear_titles
from cnnspec.draw.dot import Writer
from cnnspec.draw.engine import Engine
from cnnspec.draw.look import Look
from cnnspec.draw.model import boxes
from cnnspec.draw.picture import simplify
from cnnspec.draw.wrap import measure, sever, wrap
from tests.draw.nets import ENGINES, golden, shipped

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


def title(right: float, *edges: float) -> float:
    """Where a title starts in a cluster so wide that edges run down through."""
    body = CLUSTER.format(right=right) + "".join(EDGE.format(x=x) for x in edges)
    (found,) = re.findall(r'text-anchor="start" x="([\d.]+)"[^>]*>layer1<', clear_titles(body))
    return float(found)


def test_a_title_stays_where_nothing_crosses_it() -> None:
    assert title(120) == title(120, 100) == pytest.approx(8 + 2 * 0.318 * 9, abs=0.01)


def test_a_title_goes_to_the_nearest_free_place() -> None:
    assert title(120, 30) == pytest.approx(33)
    assert title(120, 30, 50) == pytest.approx(53)
    assert title(120, 45, 60) < 45 - 27


def test_a_title_without_a_free_place_stays() -> None:
    assert title(40, 20) == title(120)


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
    diagram = simplify(shipped(name)[0])
    columns = Writer(wrap(diagram, measure(diagram, LOOK), 3), LOOK).columns()
    assert sum(bent(draw(column)) for column in columns) == 0


def test_long_ways_around_are_cut_where_they_begin() -> None:
    diagram = simplify(shipped("unet", "UNet")[0])
    cut = sever(diagram, measure(diagram, LOOK))
    words = {box.number: box.parts[0].split()[0] for box in boxes(diagram.items)}
    assert [(words[tail], words[head]) for tail, head in sorted(cut.severed)] == [("conv", "crop")] * 3
    (column,) = Writer(cut, LOOK).columns()
    assert len(re.findall(r"\tout\d+ \[", column)) == len(re.findall(r"\tin\d+_\d+ \[", column)) == 3
    short = simplify(golden("residual"))
    assert not sever(short, measure(short, LOOK)).severed
