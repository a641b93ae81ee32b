"""The geometry of the volume view: no words on words, none off the page, none too small."""

from __future__ import annotations

from functools import partial
from itertools import combinations, pairwise

import pytest

from cnnspec.compiler import check_text
from cnnspec.draw.diagram.simplify import simplify
from cnnspec.draw.metrics import width
from cnnspec.draw.volume.compose import (
    NAMES,
    ZOOMS,
    Layout,
    as_a_u,
    in_rows,
    layout,
    layouts,
    less_and_less,
    measure_volumes,
)
from cnnspec.draw.volume.figure_model import Figure, figure_of
from cnnspec.draw.volume.primitives import Circle, Point, Polygon, Polyline, Primitive, TextLine
from cnnspec.draw.volume.row_layout import wrapped
from cnnspec.draw.volume.streams import streams, systems
from cnnspec.draw.volume.strip import draw_rows, numbered, rails
from cnnspec.draw.volume.valley import by_size, valley
from tests.draw.nets import GOLDENS, ZOO, exchanging, gated_u, golden, nested_u, shipped
from tests.nets import network
from tests.random.files import seeded
from tests.random.mutations import mutated

pytestmark = pytest.mark.slow

WIDTHS = (144.0, 252.0, 495.0, 1440.0)  # points: the least, a column, a page, a poster
SMALLEST = 6.5
NEAR = 0.05  # points that rounding may cost


def points(part: Primitive) -> list[Point]:
    if isinstance(part, TextLine):
        left, top, right, bottom = box(part)
        return [Point(left, top), Point(right, bottom)]
    if isinstance(part, Circle):
        (x, y), r = part.centre, part.radius
        return [Point(x - r, y - r), Point(x + r, y + r)]
    return list(part.points)


def box(text: TextLine) -> tuple[float, float, float, float]:
    """Left, top, right and bottom."""
    wide = width(text.words, text.size, text.bold)
    left = text.at.x - wide / 2 if text.middle else text.at.x
    return left, text.at.y - 0.8 * text.size, left + wide, text.at.y + 0.24 * text.size


def faults(made: Layout, wide: float) -> list[str]:
    """What is wrong with a page."""
    texts = [part for part in made.parts if isinstance(part, TextLine)]
    found = [f"small: {text.words}" for text in texts if text.size < SMALLEST]
    found += [
        f"off the page: {part}"
        for part in made.parts
        if not all(-NEAR <= p.x <= wide + NEAR and -NEAR <= p.y <= made.height + NEAR for p in points(part))
    ]
    found += [f"{a.words!r} on {b.words!r}" for a, b in combinations(texts, 2) if meet(box(a), box(b))]
    solids = [part for part in made.parts if isinstance(part, Polygon)]
    found += [f"{t.words!r} on a solid" for t in texts for face in solids if meet(box(t), frame(face))]
    return found


def frame(face: Polygon) -> tuple[float, float, float, float]:
    x, y = zip(*face.points, strict=True)
    return min(x), min(y), max(x), max(y)


def meet(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return min(a[2], b[2]) - max(a[0], b[0]) > NEAR and min(a[3], b[3]) - max(a[1], b[1]) > NEAR


@pytest.mark.parametrize("wide", WIDTHS)
@pytest.mark.parametrize("name", ZOO)
def test_words_stand_apart_in_the_zoo(name: str, wide: float) -> None:
    for net in shipped(name):
        assert not faults(layout(figure_of(simplify(net)), wide), wide), net.name


@pytest.mark.parametrize("wide", WIDTHS)
@pytest.mark.parametrize("name", GOLDENS)
def test_words_stand_apart_in_the_goldens(name: str, wide: float) -> None:
    assert not faults(layout(figure_of(simplify(golden(name))), wide), wide)


@pytest.mark.parametrize("wide", WIDTHS)
def test_words_stand_apart_in_random_nets_that_do_not_fit(wide: float) -> None:
    drawn = 0
    for seed in range(60):
        for net in (net for net in check_text(mutated(seed)).partial if net.inputs):
            drawn += 1
            assert not faults(layout(figure_of(simplify(net)), wide), wide), f"seed {seed}"
    assert drawn > 5


@pytest.mark.parametrize("wide", WIDTHS)
def test_words_stand_apart_in_random_nets(wide: float) -> None:
    drawn = 0
    for seed in range(40):
        found = check_text(seeded(seed))
        if found.ok and found.expanded < 400:
            drawn += 1
            assert not faults(layout(figure_of(simplify(found.networks[0])), wide), wide), f"seed {seed}"
    assert drawn > 20


@pytest.mark.parametrize("wide", (252.0, 330.0, 495.0, 1440.0))
@pytest.mark.parametrize("depth", range(2, 7))
@pytest.mark.parametrize(
    "more", ("", ", batchnorm, leakyrelu 0.2", ", batchnorm, leakyrelu 0.2, dropout 0.5, abs")
)
def test_words_stand_apart_in_nets_shaped_like_a_u(more: str, depth: int, wide: float) -> None:
    found = figure_of(simplify(network(u_shaped(depth, more))))
    assert not faults(layout(found, wide), wide)
    assert is_a_u(found, wide), "not drawn as a U"


@pytest.mark.parametrize("wide", (252.0, 495.0, 1440.0))
@pytest.mark.parametrize("text", (gated_u(3), nested_u(5)), ids=("gated", "nested"))
def test_words_stand_apart_in_us_with_more_skips(text: str, wide: float) -> None:
    found = figure_of(simplify(network(f"net U {{\n{text}\n}}\n")))
    assert not faults(layout(found, wide), wide)
    assert is_a_u(found, 495.0)


@pytest.mark.parametrize("wide", WIDTHS)
def test_streams_stand_in_a_row_a_resolution(wide: float) -> None:
    """All of one size at one height, all of one column at one x; each way is a line, or a number twice."""
    made = figure_of(simplify(network(f"net N {{\n{exchanging(5)}\n}}\n")))
    assert not faults(layout(made, wide), wide)
    coarse = made.coarse
    assert coarse is not None
    found = streams(coarse)
    assert found is not None
    assert len(set(found.rows)) == 3
    others = [way for way in found.others if found.rows[way.tail] != found.rows[way.head]]
    assert len(others) == 2 + 6
    assert {found.columns[way.head] - found.columns[way.tail] for way in others} == {1}
    things = measure_volumes(coarse, 0.3)
    drawn = systems(found, things, 0.0, wide)
    assert sorted(spot.number for rows in drawn for row in rows for spot in row) == list(range(len(things)))
    assert all(a.x < b.x for rows in drawn for row in rows for a, b in pairwise(row))
    for rows in drawn:
        starts = {(found.columns[spot.number], spot.x) for row in rows for spot in row}
        assert len(starts) == len({column for column, _ in starts})
    assert (len(drawn) > 1) == (wide < 400)
    words = {part.words for part in layout(made, wide).parts if isinstance(part, TextLine)}
    assert "×5" in words, "folded, and how often is not said"


@pytest.mark.parametrize("name", ZOO)
def test_nets_of_the_zoo_have_no_streams(name: str) -> None:
    for net in shipped(name):
        coarse = figure_of(simplify(net)).coarse
        assert coarse is not None
        assert not streams(coarse)


def pyramid() -> str:
    """Levels of a backbone with heads behind them: as in FPN (Lin et al., 2017)."""
    text = "input 3@128x128\nconv 8@7x7 stride=2 pad=3, relu, maxpool 2\n"
    text += "repeat i in 4 { c{i}: conv 8@3x3 stride=2 pad=1, relu }\n"
    text += "m3: conv 4@1x1\nconv 4@3x3 pad=1, p3: relu\n"
    for i in (2, 1, 0):
        text += f"m{i}: add {{ | from c{i}, conv 4@1x1 | from m{i + 1}, upsample 2 }}\n"
        text += f"conv 4@3x3 pad=1, p{i}: relu\n"
    return text + "repeat i in 4 { output p{i} }"


@pytest.mark.parametrize(("name", "net"), [("unet", "UNet"), ("unet", "PaddedUNet"), ("resunet", "ResUNet")])
def test_a_u_stays_one_in_a_column_of_text(name: str, net: str) -> None:
    """In rows it would be four times as high as wide."""
    wide = 3.3 * 72
    made = layout(figure_of(simplify(shipped(name, net)[0])), wide)
    assert not faults(made, wide)
    assert made.height < 2 * wide


def test_blocks_that_only_less_room_closes_are_opened_there() -> None:
    figure = figure_of(simplify(shipped("resunet")[0]), blocks=True)
    titles = [
        [part.words for part in layout(figure, wide).parts if isinstance(part, TextLine) and part.bold]
        for wide in (3.3 * 72, 1440.0)
    ]
    assert "Unit" in titles[0]
    assert "Unit" not in titles[1]


@pytest.mark.parametrize("wide", WIDTHS)
def test_what_is_larger_than_a_u_stands_above_it_where_room_lacks(wide: float) -> None:
    made = figure_of(simplify(network(f"net N {{\n{pyramid()}\n}}\n")))
    assert not faults(layout(made, wide), wide)
    u = valley(made)
    assert u is not None
    *_, parted = by_size(made, u)
    sizes = [[made.volumes[i].shape.height for i in (*level.left, *level.right)] for level in parted.levels]
    assert [sizes[0], set(sizes[1]), set(sizes[2])] == [[128], {64}, {32}]
    assert [len(tried.levels) for tried in by_size(made, u)] == [len(u.levels) + more for more in range(4)]
    assert all(tried.loose == u.loose for tried in by_size(made, u))


def is_a_u(figure: Figure, wide: float) -> bool:
    return any(as_a_u(shown, wide) for shown in less_and_less(figure, figure.coarse or figure))


def u_shaped(depth: int, more: str) -> str:
    """A net that halves its map `depth` times and doubles it again, with a skip at every size."""
    return f"""net U {{
    input 3@256x256
    repeat i in {depth} {{ d{{i}}: {{ conv 8@3x3 stride=2 pad=1{more} }} }}
    conv 8@3x3 stride=2 pad=1{more}
    repeat i in {depth} {{
        convtranspose 8@4x4 stride=2 pad=1{more}
        concat {{ | from d{{{depth - 1} - i}} | identity }}
    }}
    convtranspose 3@4x4 stride=2 pad=1, tanh
}}
"""


@pytest.mark.parametrize("wide", WIDTHS)
@pytest.mark.parametrize("name", ("deeplab", "inception_v3", "siamese"))
def test_a_skip_that_changes_rows_comes_around_or_bears_a_number_at_both_ends(name: str, wide: float) -> None:
    figure = figure_of(simplify(shipped(name)[0]))
    rows = wrapped(figure, measure_volumes(figure, 0.5), 0.0, wide)
    found, loose = rails(figure.skips, rows)
    shown = [
        skip if skip.tail >= 0 else skip._replace(tail=rows[i - 1][-1].number)
        for i, skips in enumerate(found)
        for skip in skips
    ]
    assert sorted((*shown, *loose)) == sorted(figure.skips)
    tags = numbered(loose)
    assert all(tags.leaving[s.tail][0] in " ".join(tags.arriving[s.head]).split() for s in loose)
    for row, drawn in zip(rows, draw_rows(figure, rows, 0.0, wide), strict=True):
        texts = [part.words for part in drawn.parts if isinstance(part, TextLine)]
        for spot in row:
            wanted = (*tags.leaving.get(spot.number, ()), *tags.arriving.get(spot.number, ()))
            assert set(wanted) <= set(texts)


def test_inputs_begin_rows_that_meet() -> None:
    figure = figure_of(simplify(shipped("siamese")[0]))
    left, right = wrapped(figure, measure_volumes(figure, 0.4), 0.0, 495.0)
    assert [row[0].sized.volume.kind for row in (left, right)] == ["input", "input"]
    wire = draw_rows(figure, (left, right), 0.0, 495.0)[1].wire
    sign = next(spot for spot in right if spot.sized.volume.sign)
    assert wire is not None
    assert wire.points[0].x == 495.0
    assert sign.x < wire.points[-1].x < sign.end


def test_a_net_of_small_maps_is_not_drawn_too_high() -> None:
    """Rows that are as wide as the page count as fitting, whatever rounding does to their ends."""
    assert layout(figure_of(simplify(shipped("allcnn")[0])), 3.3 * 72).height < 1.5 * 3.3 * 72


def test_a_kernel_looks_at_what_arrives_unless_it_is_transposed() -> None:
    """However large the padding makes what comes of it, as in FCN (Long et al., 2015)."""
    for layer, transposed in (("conv 4@3x3 pad=4", False), ("convtranspose 4@3x3", True)):
        figure = figure_of(simplify(network(f"net N {{\ninput 3@8x8\n{layer}\n}}\n")))
        (row,) = wrapped(figure, measure_volumes(figure, 1.0, sheets=False), 0.0, 495.0)
        (drawn,) = draw_rows(figure, [row], 0.0, 495.0)
        (patch,) = (part for part in drawn.parts if isinstance(part, Polygon) and part.role == "patch")
        assert (patch.points[0].x > row[0].end) == transposed


def test_blocks_are_one_volume_each_where_all_in_them_is_too_high_for_a_column() -> None:
    """Where there is room, as across a page, what is in them is drawn."""
    for name in ("resnet", "regnet", "convnext", "densenet"):
        figure = figure_of(simplify(shipped(name)[0]))
        column, page = (layout(figure, wide) for wide in (3.3 * 72, 6.9 * 72))
        assert column.height < 1.6 * 3.3 * 72
        roles = [{part.role for part in made.parts if isinstance(part, Polygon)} for made in (column, page)]
        assert ["block" in found for found in roles] == [True, False], name
    deep = figure_of(simplify(shipped("resnet", "ResNet152")[0]))
    assert "Bottleneck ×35" in {
        part.words for part in layout(deep, 3.3 * 72).parts if isinstance(part, TextLine)
    }


def test_a_net_without_blocks_is_drawn_in_rows_once() -> None:
    for name, count in (("vgg", 1), ("resnet", 2)):
        tried = layouts(figure_of(simplify(shipped(name)[0])), ZOOMS)
        assert sum(isinstance(draw, partial) and draw.func is in_rows for _, draw in tried) == count


@pytest.mark.parametrize("wide", (200.0, 240.0, 300.0))
def test_streams_go_on_below_where_few_ways_lead_across(wide: float) -> None:
    """An exchange leads from each resolution to each other, so no break is within what is repeated."""
    coarse = figure_of(simplify(network(f"net N {{\n{exchanging(5)}\n}}\n"))).coarse
    assert coarse is not None
    found = streams(coarse)
    assert found is not None
    drawn = systems(found, measure_volumes(coarse, 0.3), 0.0, wide)
    system = {spot.number: i for i, rows in enumerate(drawn) for row in rows for spot in row}
    assert len(drawn) > 1
    assert sum(system[way.tail] != system[way.head] for way in found.others) < 2
    assert len({system[i] for brace in coarse.braces for i in range(brace.first, brace.last + 1)}) == 1


def test_what_follows_a_sum_is_said_below_its_circle() -> None:
    """And what leads to another value between it and the one before."""
    for wide in WIDTHS:
        figure = figure_of(simplify(golden("residual")))
        rows = wrapped(figure, measure_volumes(figure, 0.4), 0.0, wide)
        for before, spot in (pair for row in rows for pair in pairwise(row)):
            wanted = spot.centre if spot.sized.volume.sign else (before.end + spot.x) / 2
            assert spot.words == pytest.approx(wanted)


def test_operations_of_a_row_stand_on_one_line() -> None:
    figure = figure_of(simplify(shipped("alexnet")[0]))
    (row,) = wrapped(figure, measure_volumes(figure, 0.4), 0.0, 1440.0)
    (drawn,) = draw_rows(figure, [row], 0.0, 1440.0)
    first = {spot.sized.words.lines[0] for spot in row if spot.sized.words.lines}
    tops = {part.at.y for part in drawn.parts if isinstance(part, TextLine) and part.words in first}
    assert len(first) > 5
    assert len(tops) == 1


@pytest.mark.parametrize("wide", WIDTHS)
@pytest.mark.parametrize("name", ("deeplab", "efficientnet", "googlenet", "inception_v3", "mobilenet_v3"))
def test_words_stand_apart_in_opened_blocks(name: str, wide: float) -> None:
    figure = figure_of(simplify(shipped(name)[0]), blocks=True)
    made = layout(figure, wide)
    assert not faults(made, wide)
    titles = [part.words for part in made.parts if isinstance(part, TextLine) and part.bold]
    assert all(any(title[:4] == inner.name[:4] for title in titles) for inner in figure.opened)
    assert figure.opened


@pytest.mark.parametrize("wide", (252.0, 495.0))
@pytest.mark.parametrize("name", ("deeplab", "googlenet", "inception_v3", "resunet", "siamese", "exchanging"))
def test_no_line_strikes_words_through(name: str, wide: float) -> None:
    is_exchange = name == "exchanging"  # whose ways slant from row to row
    net = network(f"net N {{\n{exchanging(5)}\n}}\n") if is_exchange else shipped(name)[0]
    made = layout(figure_of(simplify(net), blocks=not is_exchange), wide)
    words = [part for part in made.parts if isinstance(part, TextLine) and len(part.words) > 1]
    ways = [part for part in made.parts if isinstance(part, Polyline) and part.role != "ray"]
    pieces = [(ends, way) for way in ways for ends in pairwise(way.points)]
    assert pieces
    for text in words:
        left, top, right, bottom = box(text)
        inner = (left, top + 0.3, right, bottom - 0.3)
        for (p, q), way in pieces:
            assert not crosses(p, q, inner), (text.words, way)


def crosses(p: Point, q: Point, frame: tuple[float, float, float, float]) -> bool:
    """Whether a line is in a frame at any of many points."""
    left, top, right, bottom = frame
    steps = [n / 200 for n in range(201)]
    at = [(p.x + t * (q.x - p.x), p.y + t * (q.y - p.y)) for t in steps]
    return any(left - NEAR < x < right + NEAR and top - NEAR < y < bottom + NEAR for x, y in at)


@pytest.mark.parametrize("wide", WIDTHS)
def test_the_legend_tells_every_colour(wide: float) -> None:
    made = layout(figure_of(simplify(shipped("resunet")[0])), wide)
    kinds = {part.role for part in made.parts if isinstance(part, Polygon)} - {"input", "patch"}
    texts = {part.words for part in made.parts if isinstance(part, TextLine)}
    assert {"conv", "copy"} <= kinds
    assert {NAMES[kind] for kind in kinds} <= texts


def test_a_column_holds_the_whole_caption() -> None:
    for name, said in (
        ("deeplab", "178,721,945,088 MACs."),
        ("googlenet", "(parameters counted): aux1, aux2."),
    ):
        made = layout(figure_of(simplify(shipped(name)[0])), 3.3 * 72)
        assert said in " ".join(part.words for part in made.parts if isinstance(part, TextLine))


def test_a_net_of_which_nothing_is_known_has_a_page() -> None:
    """Faults may leave no value with a shape, and so no row."""
    (net,) = check_text("net N {\n    repeat 2 { input 1@8x8 }\n    conv 3@3x3\n}\n").partial
    assert faults(layout(figure_of(simplify(net)), 495.0), 495.0) == []
