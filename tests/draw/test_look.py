"""The options of `draw`: detail, direction, width, theme, what is shown; each does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cnnspec.commands.cli import main
from cnnspec.draw.diagram.model import boxes
from cnnspec.draw.diagram.simplify import simplify
from cnnspec.draw.graph.fit import best_page
from cnnspec.draw.graph.graphviz_engine import Engine
from cnnspec.draw.graph.layout import LEAST_TEXT, lay_out
from cnnspec.draw.graph.svg import MARGIN, Caption, Drawing, SvgPage, break_lines, page
from cnnspec.draw.graph.wrap import BETWEEN, LONG, correct, even_line, measure, sever
from cnnspec.draw.look import DIRECTIONS, SHOWN, Look, parse_show, parse_width
from cnnspec.draw.picture import picture
from cnnspec.draw.style import SIZE
from cnnspec.draw.theme import THEMES
from cnnspec.graph.tree import Network
from tests.draw.nets import ENGINES, GOLDEN, golden, shipped
from tests.nets import network

pytestmark = pytest.mark.slow

LENET = str(GOLDEN / "lenet.cnn")
PAPER, SHEET = 6.9 * 72, 9.0 * 72  # points: the width and the height of a page's text


def draw(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["draw", *map(str, arguments)])


def on_paper(net: Network, look: Look, draw: Engine | None = None) -> SvgPage:
    """The page at the level of detail that fits."""
    return best_page(net, simplify(net), look, True, draw)[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--show", "shapes,parms"], "there is no 'parms'; there is shapes, params, macs, kernel"),
        (["--width", "wide"], "--width wants a length, as 6.875in"),
        (["--width", "7"], "--width wants a length"),
        (["--width", "0.2in"], "between 2in and 200in"),
        (["--width", "999999cm"], "between 2in and 200in"),
        (["--theme", "pink"], "'light', 'dark', 'mono'"),
        (["--direction", "rl"], "'tb', 'lr'"),
        (["--detail", "none"], "'full', 'fused', 'folded'"),
        (["--view", "volume", "--detail", "full"], "--detail goes with --view graph"),
    ],
)
def test_a_wrong_choice_is_refused_with_the_right_ones(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    result = draw(LENET, "-o", tmp_path / "x.svg", *arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "points"), [("2in", 144), ("5.08cm", 144), ("50.8 mm", 144), ("192px", 144), ("495pt", 495)]
)
def test_lengths(text: str, points: float) -> None:
    assert parse_width(text) == pytest.approx(points)


def test_the_words_of_show() -> None:
    assert parse_show("shapes, macs") == {"shapes", "macs"}
    assert parse_show("") == frozenset()


def test_every_layer_is_a_box_in_full() -> None:
    net = shipped("resnet", "ResNet152")[0]
    counts = [len(list(boxes(simplify(net, detail).items))) for detail in ("full", "fused", "folded")]
    assert (
        counts[0] == 1 + 515 + 1
    )  # torchvision's layers, its additions among them, and the input and output
    assert counts[0] > 2 * counts[1] > 4 * counts[2]


@pytest.mark.parametrize("word", SHOWN)
def test_show_adds_its_own_and_nothing_else(word: str) -> None:
    signs = {"shapes": "16@32x32", "params": "464 params", "macs": "442,368 MACs", "kernel": "@3x3"}
    diagram = simplify(golden("residual"))
    page = lay_out(diagram, Look(show=frozenset((word,)))).svg
    drawing = re.sub("<title.*</desc>", "", page, flags=re.DOTALL)
    assert {name for name, sign in signs.items() if sign in drawing} == {word}


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("lenet", "tb"),
        ("lenet", "lr"),
        ("resnet", "tb"),
        ("resnet", "lr"),
        ("vgg", "tb"),
        ("googlenet", "tb"),
    ],
)
def test_a_page_has_the_width_and_its_text_can_be_read(name: str, direction: str) -> None:
    made = on_paper(shipped(name)[0], Look(direction=direction, width=PAPER))
    assert made.width == pytest.approx(PAPER)
    assert f'width="{PAPER:.2f}pt"' in made.svg
    sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)"', made.svg)]
    assert min(sizes) == SIZE
    assert SIZE * made.scale >= LEAST_TEXT - 0.01


@pytest.mark.parametrize(
    "name", ["resnet:ResNet152", "resnet:ResNet50", "unet:UNet", "densenet:DenseNet121", "vgg:VGG16"]
)
@pytest.mark.parametrize("draw", ENGINES.values(), ids=ENGINES)
def test_deep_nets_fit_a_sheet_of_paper_and_can_be_read(name: str, draw: Engine) -> None:
    made = on_paper(shipped(*name.split(":"))[0], Look(width=PAPER), draw)
    assert made.width == pytest.approx(PAPER)
    assert made.height <= SHEET
    assert SIZE * made.scale >= LEAST_TEXT - 0.01


def test_columns_without_room_go_on_below_the_others() -> None:
    wide, words = Drawing(200, 300, "<g/>"), Caption("N", "facts", "")
    one, two = (page(words, [wide] * 3, [], Look(width=500), scale) for scale in (0.75, 1.0))
    assert (one.width, two.width) == (500, 500)
    assert (one.scale, two.scale) == (0.75, 1)
    assert two.height == pytest.approx(one.height / 0.75 + 300 + BETWEEN)
    alone = page(words, [wide._replace(width=1000)], [], Look(width=500))
    assert alone.scale == pytest.approx(500 / (1000 + 2 * MARGIN))


def test_the_legend_stands_below_a_short_column_where_there_is_room() -> None:
    columns = [Drawing(200, 300, "<g/>"), Drawing(200, 100, "<g/>")]
    words = Caption("N", "facts", "")
    heights = [page(words, columns, [Drawing(wide, 20, "<g/>")], Look()).height for wide in (0, 150, 900)]
    assert heights[0] == heights[1] == heights[2] - 20 - BETWEEN
    full = [columns[0], columns[0]]
    assert page(words, full, [Drawing(150, 20, "<g/>")], Look()).height > heights[1]


def test_the_legend_is_near_the_column_above_it() -> None:
    columns = [Drawing(200, 500, "<g/>"), Drawing(200, 100, "<g/>")]
    made = page(Caption("N", "", ""), columns, [Drawing(9, 9, "<key/>")], Look())
    tops = [float(y) for y in re.findall(r"translate\([\d.]+ ([\d.]+)\)", made.svg)]
    assert tops[0] == tops[1] == tops[2] - 100 - 2 * BETWEEN


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("width", [None, 17 * 72.0])
def test_a_short_chain_is_one_straight_line(direction: str, width: float | None) -> None:
    made = lay_out(simplify(golden("lenet")), Look(direction=direction, width=width))
    assert "goes on at the same number" not in made.svg


def test_no_column_is_cut_through_both_towers() -> None:
    made = on_paper(shipped("siamese")[0], Look(width=PAPER))
    assert made.svg.count(">Tower<") == 2
    assert "goes on at the same number" not in made.svg


def test_no_column_is_left_with_next_to_nothing() -> None:
    diagram = simplify(shipped("alexnet")[0])
    flow = measure(diagram, Look())
    lengths = [column.length for column in even_line(flow, 0, flow.height / 3 * 1.3, 500)[0]]
    assert len(lengths) == 3
    assert sum(lengths) / 3 > 0.85 * max(lengths)


def test_what_was_drawn_corrects_the_measure() -> None:
    flow = measure(simplify(shipped("alexnet")[0]), Look())
    line, _ = even_line(flow, 0, flow.height / 3 * 1.3, 500)
    heads = [column.head for column in line[1:]]
    better = correct(flow, heads, [300.0, 200.0, 100.0])
    assert [round(column.across) for column in even_line(better, 0, flow.height / 3 * 1.3, 700)[0]] == [
        300,
        200,
        100,
    ]


def test_a_line_is_broken_where_the_next_thing_has_no_room() -> None:
    lines = break_lines([Drawing(width, 9, "") for width in (4, 4, 9, 3, 3, 20)], 10, 1)
    assert [[drawing.width for drawing in line] for line in lines] == [[4, 4], [9], [3, 3], [20]]


def test_a_picture_that_cannot_be_read_says_so() -> None:
    net = shipped("googlenet")[0]
    made = picture(net, ".svg", Look(width=100.0))
    said = re.search(
        r"the text is ([\d.]+) pt high, below the 6.5 pt that can be read; what fits: a width of 6.9in",
        made.note,
    )
    assert said
    assert float(said.group(1)) < 6.5
    assert "the text is" not in picture(net, ".svg", Look(width=6.9 * 72)).note


def test_a_picture_that_is_higher_than_a_page_says_so() -> None:
    net, tall = shipped("vgg")[0], shipped("unet")[0]
    note = picture(tall, ".svg", Look(width=3.3 * 72, detail="folded")).note
    assert re.match(r"the figure is [12]\d\.\din high, more than the 9\.0in of a page; what fits: ", note)
    assert picture(net, ".svg", Look(width=6.9 * 72)).note == picture(net, ".svg").note == ""


def test_a_way_out_is_offered_that_fits() -> None:
    note = picture(shipped("unet")[0], ".svg", Look(width=3.3 * 72, detail="blocks")).note
    assert "the figure is" in note
    ways = note.rpartition("what fits: ")[2].split(" or ")
    assert ways == ["the view `volume`", "a width of 6.9in"]
    for look in (Look(view="volume", width=3.3 * 72), Look(width=6.9 * 72, detail="blocks")):
        assert "figure is" not in picture(shipped("unet")[0], ".svg", look).note


def test_boxes_on_a_severed_way_stand_beside_its_end() -> None:
    """U-Net's crops, fed by the encoder, stand at the decoder: the encoder is no wider for them."""
    diagram = simplify(shipped("unet")[0], "blocks")
    near = sever(diagram, measure(diagram, Look()), LONG[-1])
    far, close = (measure(each, Look()) for each in (diagram, near))
    crops = [box.number for box in boxes(diagram.items) if box.parts[0].startswith("crop")]
    assert len(crops) == 4
    assert all(close.tops[number] > far.tops[number] for number in crops)
    assert max(close.widths) < 0.6 * max(far.widths)


def test_where_all_in_them_does_not_fit_blocks_are_boxes() -> None:
    look = Look(width=240.0)
    made = picture(golden("residual"), ".svg", look)
    assert made.note.startswith(
        "blocks are drawn as boxes: opened, they do not fit; the detail `folded` opens them"
    )
    assert made.content == picture(golden("residual"), ".svg", look._replace(detail="blocks")).content
    opened = picture(golden("residual"), ".svg", look._replace(detail="folded"))
    assert "blocks are boxes" not in opened.note
    assert b"batchnorm, relu" in opened.content
    assert picture(golden("lenet"), ".svg", look).note.startswith("blocks") is False


def test_parts_are_opened_as_far_as_they_fit() -> None:
    """DeepLab's Bottlenecks are too many for a column: what is drawn are the stages that they stand in."""
    made = picture(shipped("deeplab")[0], ".svg", Look(width=3.3 * 72))
    assert made.note == "parts are drawn as boxes: opened, they do not fit; the detail `folded` opens them"
    assert all(words in made.content for words in (b">layer1<", b">layer4<", b">Pyramid width 256<"))
    assert b">Bottleneck" not in made.content


def test_lines_are_short_only_where_there_is_no_room() -> None:
    """A pyramid of four paths (Zhao et al., 2017) needs short lines; the column of the head does not."""
    path = '| adaptiveavgpool {}, conv 8@1x1, batchnorm, relu, upsample size=60 mode="bilinear" '
    pyramid = "".join(path.format(size) for size in (1, 2, 3, 6))
    head = "\n".join(f"conv {512 - i}@3x3 pad=1, batchnorm, relu" for i in range(6))
    net = network(f"net N {{\n input 8@60x60\n concat {{ {pyramid} }}\n {head}\n}}\n")
    made = lay_out(simplify(net), Look(width=3.6 * 72))
    assert made.svg.count(">batchnorm<") == 4
    assert made.svg.count(">batchnorm, relu<") == 6


def test_left_to_right_is_wider_than_high() -> None:
    diagram = simplify(
        network("net N {\n input 3@32x32\n conv 8@3x3, maxpool 2x2, conv 8@3x3, maxpool 2x2\n}")
    )
    down, right = (lay_out(diagram, Look(direction=way, width=PAPER)) for way in ("tb", "lr"))
    assert "→" not in down.svg
    assert right.width > 1.5 * right.height
    assert right.svg != down.svg


@pytest.mark.parametrize("name", THEMES)
def test_a_theme_uses_its_own_colours_alone(name: str) -> None:
    theme = THEMES[name]
    page = lay_out(simplify(golden("heads")), Look(theme=theme)).svg
    paints = [theme.paint(kind) for kind in (*theme.paints, "other")]
    own = {theme.paper, theme.ink, theme.quiet, theme.skip, *theme.tints}
    own |= {colour for paint in paints for colour in paint}
    found = {colour.upper() for colour in re.findall(r"#[0-9a-fA-F]{6}", page)}
    assert found <= own
    assert theme.paper in found


def test_a_projection_is_dotted_and_a_skip_is_not() -> None:
    diagram = simplify(golden("residual"))
    routes = [edge.route for edge in diagram.edges]
    assert (routes.count("projection"), routes.count("skip")) == (2, 3)
    page = lay_out(diagram, Look()).svg
    assert page.count('stroke-dasharray="1,5"') == 2 + 1  # and the legend's
