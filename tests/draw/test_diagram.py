"""The passes: what they make of a network, and that they lose none of it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cnnspec.analysis.costs import costs
from cnnspec.analysis.unroll import unroll
from cnnspec.compiler import check_text
from cnnspec.draw.diagram.box_text import box_lines, cluster_lines, shape_words, three_digits
from cnnspec.draw.diagram.close import close_parts
from cnnspec.draw.diagram.fold import fold
from cnnspec.draw.diagram.from_network import KINDS, build
from cnnspec.draw.diagram.fuse import fuse
from cnnspec.draw.diagram.model import Cluster, Count, Diagram, boxes, clusters, totals
from cnnspec.draw.diagram.simplify import BLOCKS, CHAINS, FOLDED, PARTS, simplify
from cnnspec.draw.diagram.unwrap import unwrap
from cnnspec.draw.graph.dot import dot
from cnnspec.draw.graph.wrap import column_of
from cnnspec.draw.look import DETAILS
from cnnspec.draw.style import SHAPES
from cnnspec.graph.tree import TRAINING, UNREAD
from cnnspec.layers import NAMES
from tests.draw.nets import (
    GOLDENS,
    LOOK,
    ZOO,
    golden,
    in_columns,
    ordered,
    outline,
    shipped,
)
from tests.nets import network

pytestmark = pytest.mark.slow


def chain(body: str, given: str = "3@32x32") -> Diagram:
    return simplify(network(f"net N {{\n input {given}\n{body}\n}}\n"))


@pytest.mark.parametrize("name", ZOO)
def test_no_pass_changes_a_total(name: str) -> None:
    for net in shipped(name):
        wanted = costs(net)
        diagram = build(net)
        for step in (lambda d: d, fuse, fold, unwrap, fuse):
            diagram = step(diagram)
            assert totals(diagram) == (wanted.params, wanted.macs), (net.name, step)
        for detail in DETAILS:
            assert totals(simplify(net, detail)) == (wanted.params, wanted.macs), (net.name, detail)


TWO_BEFORE = """conv 8@3x3 pad=1
h0: relu
h1: conv 8@3x3 pad=1
repeat i in 4 {
    cell_{i}: { add { | from h{i+1}, conv 8@5x5 pad=2 | from h{i}, conv 8@1x1 } }
    h{i+2}: identity
}
"""


def test_cells_that_are_fed_by_the_last_two_are_folded() -> None:
    diagram = chain(f"{TWO_BEFORE} add {{ | identity | from h4 }}", "3@32x32")
    assert outline(diagram.items)[3:-2] == [["cell_0…3 ×4", "conv 8@5x5 pad 2", "conv 8@1x1", "add"]]
    _, relu, one, five, two, cell, join, out = (box.number for box in ordered(diagram))
    ends = [(edge.tail, edge.head) for edge in diagram.edges if edge.head >= five]
    assert sorted(ends) == sorted(
        [(one, five), (relu, two), (five, cell), (two, cell), (cell, join), (cell, join), (join, out)]
    )


@pytest.mark.parametrize("older", ["h0", "h2", "h3"])
def test_cells_whose_inner_values_are_wanted_elsewhere_are_not_folded(older: str) -> None:
    """`h5` and `h4` are of the last two cells, `h0` is none of theirs."""
    diagram = chain(f"{TWO_BEFORE} add {{ | identity | from {older} }}", "3@32x32")
    counts = [cluster.times for cluster in clusters(diagram.items)]
    assert (counts == [4]) == (older == "h0")


def test_blocks_that_are_used_again_are_boxes() -> None:
    diagram = simplify(golden("residual"), BLOCKS)
    assert outline(diagram.items) == [
        "input",
        "conv 16@3x3 pad 1 batchnorm relu",
        "Basic width 16 ×4",
        ["stage2 ×1", "Basic width 32 /2", "Basic width 32 ×2"],
        "Dense growth 8 ×3",
        "conv 64@3x3 pad 1 relu ×2",
        "globalavgpool",
        "flatten",
        "linear 10",
        "output",
    ]
    found = {box.parts[0]: box for box in ordered(diagram)}
    assert found["Basic width 32"].params == Count(37120, 18560, 18560)
    assert found["Dense growth 8"].params == Count(8904, 2376, 3560)
    numbers = [number for box in found.values() for number in (box.number, *box.others)]
    assert sorted(numbers) == [box.number for box in ordered(build(golden("residual")))]
    assert [(edge.tail, edge.head) for edge in diagram.edges] == list(
        pairwise(b.number for b in ordered(diagram))
    )


def test_parts_are_boxes_unless_they_are_but_a_few() -> None:
    parts = outline(simplify(golden("residual"), PARTS).items)
    assert parts[2:5] == ["Basic width 16 ×4", "stage2", "Dense growth 8 ×3"]
    inner = "a: { conv 8@3x3, relu, maxpool 2 }\n b: { maxpool 2, conv 8@3x3 }\n c: { maxpool 2, relu }"
    net = network(f"net N {{\n input 3@32x32\n all: {{ {inner} }}\n}}\n")
    assert outline(simplify(net, PARTS).items) == ["input", ["all ×1", "a", "b", "c"], "output"]


def test_arguments_that_all_uses_of_a_block_share_are_not_said() -> None:
    block = "block B(width, pad=0) { conv width@3x3 pad=pad, relu, maxpool 1 }"
    net = network(f"{block}\nnet N {{\n input 3@32x32\n B 8 pad=1\n maxpool 2\n B 16 pad=1\n}}\n")
    assert outline(simplify(net, BLOCKS).items)[1:4] == ["B width 8", "maxpool 2x2 /2", "B width 16"]


def test_a_few_neighbours_become_one_box_where_nothing_branches() -> None:
    body = "conv 8@3x3, relu, maxpool 2\n c: conv 8@3x3 pad=1\n d: conv 8@3x3 pad=1\n flatten\n linear 9"
    diagram = simplify(network(f"net N {{\n input 3@32x32\n {body}\n}}\n"), CHAINS)
    said = ["conv 8@3x3 relu maxpool 2x2 /2 c: conv 8@3x3 pad 1 d: conv 8@3x3 pad 1", "flatten linear 9"]
    assert outline(diagram.items) == ["input", *said, "output"]
    assert [box.kind for box in ordered(diagram)] == ["input", "block", "block", "output"]
    forking = body.replace("d: conv 8@3x3 pad=1", "add { | identity | conv 8@3x3 pad=1 }")
    forked = simplify(network(f"net N {{\n input 3@32x32\n {forking}\n}}\n"), CHAINS)
    assert [box.kind for box in ordered(forked)] == ["input", "block", "conv", "join", "block", "output"]


def test_a_line_is_broken_before_a_value_only_where_that_saves_one() -> None:
    box = ordered(chain("conv 64@3x3 pad=1\n up0: convtranspose 64@2x2 stride=2\n"))[2]
    assert box_lines(box, LOOK)[:2] == ["up0: convtranspose", "64@2x2 stride 2"]
    plain = box._replace(label="")
    assert box_lines(plain, LOOK)[:2] == ["convtranspose 64@2x2", "stride 2"]


def test_a_block_is_open_everywhere_or_a_box_everywhere() -> None:
    text = "block B { conv 8@3x3 pad=1, maxpool 1 }\nnet N {\n input 3@32x32\n"
    text += (
        "".join(f"{name}: {{ B, relu, {{ B, tanh }} }}\n" for name in "abc")
        + "d: { e: { B, tanh }, relu }\n}"
    )
    deepest, *_, outermost = close_parts(unwrap(build(network(text))))
    assert {box.kind for box in ordered(deepest)} >= {"block", "activation"}
    assert "conv" not in {box.kind for box in ordered(deepest)}
    assert [box.parts[0] for box in ordered(outermost)] == ["input", "a", "b", "c", "d", "output"]


def test_what_is_repeated_goes_by_the_name_of_most_of_it() -> None:
    cell = "cell_{i}: { add { | conv 8@3x3 pad=1, conv 8@1x1 | identity } }, relu"
    some = (
        "add { | conv 8@3x3 pad=1, conv 8@1x1, relu, conv 8@1x1 | b{k}{i}: { conv 8@1x1, conv 8@1x1 } }, relu"
    )
    bodies = (cell, some.replace("{k}", "b"), some.replace("{k}", "c"))
    text = "\n".join(f"conv 8@1x1\nrepeat i in 3 {{ {body} }}" for body in bodies)
    assert outline(simplify(network(text), PARTS).items)[2::2] == ["cell_0…2 ×3", "repeat ×3", "repeat ×3"]


def test_values_of_a_box_reach_a_join_together_and_pass_by_nothing() -> None:
    text = """a: { conv 8@3x3 pad=1, one: relu, conv 8@1x1, two: relu }
concat { | from a.one | from a.two }
b: { conv 8@1x1, maxpool 2 }
c: { conv 8@1x1, maxpool 2 }"""
    diagram = simplify(network(text), PARTS)
    assert outline(diagram.items) == ["input", "a", "concat", "b", "c", "output"]
    edge = diagram.edges[1]
    assert (edge.tail, edge.route, shape_words(edge)) == (1, "", "8@32x32 ×2")
    assert len(diagram.edges) == 5
    assert any(edge.route for edge in simplify(network(text)).edges)


def test_a_block_used_once_or_with_a_fault_in_it_stays_open() -> None:
    blocks = "block A() { conv 8@3x3, relu }\nblock B() { A, A }\n"
    net = network(blocks + "net N {\n input 3@32x32\n B\n}\n")
    assert outline(simplify(net, BLOCKS).items) == ["input", ["B ×1", "A", "A"], "output"]
    text = "block A() { conv 8@3x3, maxpool 40 }\nnet N {\n input 3@32x32\n A, A\n}\n"
    (broken,) = check_text(text).partial
    assert any(box.kind == "fault" for box in ordered(simplify(broken, BLOCKS)))


@pytest.mark.parametrize("name", ZOO)
def test_every_box_knows_the_boxes_that_it_stands_for(name: str) -> None:
    for net in shipped(name)[:2]:
        found = ordered(simplify(net))
        numbers = sorted(number for box in found for number in (box.number, *box.others))
        assert numbers == [box.number for box in ordered(build(net))]
        for box in found:
            if box.kind not in ("input", "output"):
                assert (1 + len(box.others)) % (len(box.parts) * box.times) == 0


@pytest.mark.parametrize("name", [*GOLDENS, *ZOO])
def test_edges_lead_forward_between_boxes_that_are_there(name: str) -> None:
    net = golden(name) if name in GOLDENS else shipped(name)[0]
    diagram = simplify(net)
    numbers = [box.number for box in boxes(diagram.items)]
    assert numbers == sorted(set(numbers))
    for edge in diagram.edges:
        assert edge.tail in numbers
        assert edge.head in numbers
        assert edge.tail < edge.head
    heads = {edge.head for edge in diagram.edges}
    assert all(box.number in heads for box in boxes(diagram.items) if box.kind != "input")
    assert all(head in numbers for head in diagram.heads)


def test_every_layer_has_a_kind_with_a_look() -> None:
    assert {KINDS[name] for name in NAMES} <= set(SHAPES)
    assert KINDS["unflatten"] == KINDS["flatten"] == "shape"  # of no weight, beside `linear`


def test_a_label_with_dots_is_drawn_whole() -> None:
    """Braces that are opened once more would bear the same name again."""
    diagram = chain('"c.0": conv 8@3x3\n"n.0": batchnorm\n"c.a.1": conv 8@3x3\n"b.0": { relu, maxpool 2x2 }')
    assert [box.label for box in ordered(diagram)][1:4] == ["c.0", "c.a.1", ""]
    (cluster,) = (item for item in diagram.items if isinstance(item, Cluster))
    assert cluster.name == "b.0"


def test_a_convolution_takes_in_what_follows_it() -> None:
    diagram = chain(
        "conv 8@3x3 stride=2 pad=1 bias=no, batchnorm, relu, dropout\nmaxpool 2x2\nbatchnorm, relu"
    )
    assert outline(diagram.items) == [
        "input",
        "conv 8@3x3 /2 pad 1 batchnorm relu dropout 0.5",
        "maxpool 2x2 /2",
        "batchnorm relu",
        "output",
    ]
    assert box_lines(ordered(diagram)[1], LOOK) == [
        "conv 8@3x3 /2 pad 1",
        "batchnorm, relu",
        "dropout 0.5",
        "232 params",
    ]


def test_a_stride_that_enlarges_is_no_division() -> None:
    diagram = chain("conv 8@3x3 stride=2 pad=1\nconvtranspose 8@2x2 stride=2")
    assert outline(diagram.items)[1:3] == ["conv 8@3x3 /2 pad 1", "convtranspose 8@2x2 stride 2"]


@pytest.mark.parametrize(
    ("letters", "lines"),
    [
        (24, ["conv 1024@3x3 /2 pad 1", "1,179,648 params"]),
        (16, ["conv 1024@3x3 /2", "pad 1", "1,179,648 params"]),
        (13, ["conv 1024@3x3", "/2 pad 1", "1,179,648", "params"]),
        (9, ["conv", "1024@3x3", "/2 pad 1", "1,179,648", "params"]),
    ],
)
def test_lines_are_broken_between_arguments_before_they_are_within(letters: int, lines: list[str]) -> None:
    made = chain("conv 1024@3x3 stride=2 pad=1 bias=no", "128@8x8")
    assert box_lines(ordered(made)[1], LOOK._replace(letters=letters)) == lines


def test_a_value_that_goes_two_ways_is_not_fused_over() -> None:
    diagram = chain("a: conv 8@3x3\nrelu\nadd { | identity | from a }")
    assert outline(diagram.items) == ["input", "conv 8@3x3", "relu", "add", "output"]
    assert [(e.tail, e.head, e.route) for e in diagram.edges][-3:] == [
        (2, 3, ""),
        (1, 3, "skip"),
        (3, 4, ""),
    ]


@pytest.mark.parametrize("path", ["from u", "from u, conv 4@1x1"])
def test_a_way_around_begins_at_a_value_that_the_other_paths_read(path: str) -> None:
    body = f"conv 4@3x3 pad=1, conv 4@3x3 pad=1, add {{ | conv 4@1x1, conv 4@1x1 | {path} }}"
    beside = network(f"net N {{\n u: input 4@8x8\n input 4@8x8\n {body}\n}}")
    assert not [edge for edge in simplify(beside).edges if edge.route]
    around = network(f"net N {{\n u: input 4@8x8\n {body}\n}}")
    assert {edge.tail for edge in simplify(around, "full").edges if edge.route} >= {0}


def test_layers_of_different_braces_are_not_fused() -> None:
    assert outline(chain("g: { conv 8@3x3, maxpool 2x2, conv 8@3x3 }\nrelu").items) == [
        "input",
        ["g ×1", "conv 8@3x3", "maxpool 2x2 /2", "conv 8@3x3"],
        "relu",
        "output",
    ]


def test_equal_blocks_in_a_row_fold() -> None:
    diagram = simplify(golden("residual"))
    assert outline(diagram.items) == [
        "input",
        "conv 16@3x3 pad 1 batchnorm relu",
        ["Basic ×4", "conv 16@3x3 pad 1 batchnorm relu", "conv 16@3x3 pad 1 batchnorm", "add relu"],
        [
            "stage2 ×1",
            [
                "Basic ×1",
                "conv 32@3x3 /2 pad 1 batchnorm relu",
                "conv 32@3x3 pad 1 batchnorm",
                "conv 32@1x1 /2 batchnorm",
                "add relu",
            ],
            ["Basic ×2", "conv 32@3x3 pad 1 batchnorm relu", "conv 32@3x3 pad 1 batchnorm", "add relu"],
        ],
        ["Dense ×3", "batchnorm relu", "conv 8@3x3 pad 1", "concat"],
        "conv 64@3x3 pad 1 relu ×2",
        "globalavgpool",
        "flatten",
        "linear 10",
        "output",
    ]


def test_a_fold_tells_how_channels_and_parameters_grow() -> None:
    diagram = simplify(golden("residual"))
    norm = next(box for box in ordered(diagram) if box.parts == ("batchnorm", "relu"))
    # Three times 2 numbers a channel, for 32, 40 and 48 channels.
    assert norm.params == Count(240, 64, 96)
    behind = next(edge for edge in diagram.edges if edge.tail == norm.number)
    assert shape_words(behind) == "32…48@16x16"
    after = next(edge for edge in diagram.edges if str(edge.first) == "56@16x16")
    assert after.first == after.last


def test_blocks_that_differ_in_a_rate_fold() -> None:
    """One of two dropouts in a box keeps its rate, the other tells the least and the greatest."""
    diagram = chain("repeat i in 3 { conv 8@3x3 pad=1, dropout 0.5, dropout (0.1 * (3 - i)), maxpool 1x1 }")
    assert outline(diagram.items)[1] == [
        " ×3",
        "conv 8@3x3 pad 1 dropout 0.5 dropout 0.1…0.3",
        "maxpool 1x1",
    ]


def test_efficientnet_folds_its_stages() -> None:
    diagram = simplify(shipped("efficientnet")[0])
    assert [(c.name, c.times) for c in clusters(diagram.items) if c.times > 1] == [
        ("MBConv", 2),
        ("MBConv", 2),
        ("MBConv", 3),
    ]
    rates = [box.parts[-1] for box in ordered(diagram) if box.parts[-1].startswith("stochasticdepth")]
    assert rates == [
        "stochasticdepth 0.025",
        "stochasticdepth 0.05",
        "stochasticdepth 0.075…0.0875",
        "stochasticdepth 0.1125…0.125",
        "stochasticdepth 0.15…0.175",
    ]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("repeat 2 { conv 8@3x3, relu, conv 8@1x1 }", "maps shrink"),
        ("repeat i in 2 { conv (8 * (i + 1))@3x3 pad=1, relu, conv 8@1x1 }", "filters differ"),
        (
            "repeat i in 2 { a{i}: conv 8@3x3 pad=1, batchnorm }\nadd { | identity | from a0 }",
            "read from outside",
        ),
    ],
)
def test_what_differs_stays_unfolded(body: str, why: str) -> None:
    assert max(box.times for box in ordered(chain(body))) == 1, why
    assert not list(clusters(chain(body).items)), why


def test_a_repeat_of_several_layers_is_a_cluster_without_a_name() -> None:
    diagram = chain("repeat 5 { conv 8@3x3 pad=1, relu, maxpool 3x3 stride=1 pad=1 }")
    assert outline(diagram.items)[1] == [" ×5", "conv 8@3x3 pad 1 relu", "maxpool 3x3 pad 1"]


def test_resnet152_is_some_forty_boxes() -> None:
    diagram = simplify(shipped("resnet", "ResNet152")[0])
    assert 35 <= len(ordered(diagram)) <= 45
    assert [c.times for c in clusters(diagram.items) if c.times > 1] == [2, 7, 35, 2]


def test_outputs_for_training_and_shared_weights_are_marked() -> None:
    diagram = simplify(golden("heads"))
    found = ordered(diagram)
    trained = [box.parts[0] for box in found if box.idle]
    assert trained == ["adaptiveavgpool 2x2", "flatten", "linear 10", "aux"]
    assert [box_lines(box, LOOK)[-1] for box in found if box.shared] == [
        "shared weights",
        "maxpool 2x2 /2",
    ]
    assert next(box for box in found if box.parts[0] == "aux").macs.total == 0
    assert [c.name for c in clusters(diagram.items) if c.idle] == ["Head"]


@pytest.mark.parametrize(("train", "idle"), [("yes", [TRAINING]), ("no", [""])])
def test_braces_that_only_training_needs_are_marked_as_blocks_are(train: str, idle: list[str]) -> None:
    head = f"aux: {{ conv 4@1x1, relu, conv 2@1x1 }}\noutput aux train={train}"
    net = network(
        f"net N {{ input 1@8x8\nbody: conv 4@1x1\n{head}\nfrom body\nlast: conv 3@1x1\noutput last }}"
    )
    assert [cluster.idle for cluster in clusters(build(net).items)] == idle


DEAD = """
block B { side: conv 4@1x1, from side, conv 4@3x3 pad=1, from side, conv 4@1x1 }
net N {
    input 1@8x8
    body: conv 4@3x3 pad=1, relu
    from body
    B
    head: conv 2@1x1
    from body
    last: conv 4@1x1
    output last
    output head train=yes
}
"""


def test_what_nothing_reads_is_not_said_to_be_for_training() -> None:
    net = network(DEAD)
    diagram = simplify(net, "full")
    drawn = [(box.label or box.parts[0], box.idle) for box in ordered(diagram)[1:] if box.kind != "output"]
    assert drawn == [
        ("body", ""),
        ("relu", UNREAD),
        ("side", TRAINING),
        ("conv 4@3x3 pad 1", UNREAD),
        ("conv 4@1x1", TRAINING),
        ("head", TRAINING),
        ("last", ""),
    ]
    assert [node.idle for node in unroll(net).nodes] == [idle for _, idle in drawn]
    legend = dot(diagram, LOOK)
    assert f'"{TRAINING}"' in legend and f'"{UNREAD}"' in legend


def test_columns_are_cut_where_one_value_is_live_and_between_clusters() -> None:
    diagram = in_columns(shipped("resnet", "ResNet152")[0])
    assert len(diagram.heads) >= 2
    for head in diagram.heads:
        assert len({edge.tail for edge in diagram.edges if edge.tail < head <= edge.head}) == 1
    for cluster in clusters(diagram.items):
        if cluster.kind == "block":
            columns = {column_of(diagram, box.number) for box in boxes(cluster.items)}
            assert len(columns) == 1, cluster.name


def test_columns_of_a_chain_are_about_as_tall_as_each_other() -> None:
    text = "\n".join(f"conv {8 + i % 7}@3x3 pad=1" for i in range(200))
    diagram = in_columns(network(f"net N {{\n input 3@32x32\n{text}\n}}\n"))
    bounds = [0, *diagram.heads, 202]
    sizes = [after - before for before, after in pairwise(bounds)]
    assert len(sizes) > 3
    assert max(sizes) - min(sizes[:-1]) <= 1
    assert max(sizes) >= sizes[-1] > max(sizes) // 3


def test_counts_in_three_digits() -> None:
    said = [three_digits(n) for n in (0, 940, 999, 1000, 64_540, 99_951, 999_600, 39_099_392, 1_200_000_000)]
    assert said == ["0", "940", "999", "1.00k", "64.5k", "100k", "1.00M", "39.1M", "1.20G"]


def test_alike_paths_of_a_join_are_one() -> None:
    """Of LeNet-5's C3 each map sees 3 to 6 others; volumes show the sixteen as one stack of maps."""
    net = shipped("lenet1998")[0]
    folded = simplify(net, FOLDED)
    (frame,) = [cluster for cluster in clusters(folded.items) if cluster.times > 1]
    assert outline((frame,)) == [[" ×16", "pick 3…6 channels", "conv 1@5x5"]]
    assert cluster_lines(frame, 1516, 0, LOOK, continued=False) == ["16 paths", "1.52k params"]
    into = next(edge for edge in folded.edges if edge.tail == ordered(folded)[4].number + 1)
    assert shape_words(into) == "1@10x10 ×16"
    assert len(ordered(simplify(net))) == len(ordered(folded)) + 2 * 15


@pytest.mark.parametrize(
    ("paths", "folds"),
    [
        ("| conv 4@1x1, relu | conv 4@1x1, relu", True),
        ("| conv 4@1x1, relu | conv 4@1x1, tanh", False),
        ("| conv 4@1x1, relu | from a, conv 4@1x1, relu", False),
        ("| conv 4@1x1, relu | b: { conv 4@1x1, relu }", False),
    ],
    ids=["alike", "another layer", "fed by another", "feeds another"],
)
def test_paths_that_differ_stay_apart(paths: str, folds: bool) -> None:
    steps = f"a: conv 4@3x3 pad=1\nconv 4@1x1\nconcat {{ {paths} }}\nconv 4@1x1"
    behind = "\nconcat { | identity | from b }" if "b:" in paths else ""
    net = network(f"net N {{\n input 3@32x32\n{steps}{behind}\n}}\n")
    assert any(cluster.times == 2 for cluster in clusters(simplify(net, FOLDED).items)) is folds
