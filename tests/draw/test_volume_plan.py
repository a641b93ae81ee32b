"""What the volume view shows: the checker's sizes, operations between them, skips, blocks, repeats."""

from __future__ import annotations

import re
from collections import Counter
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnspec.analysis.costs import costs
from cnnspec.analysis.unroll import unroll
from cnnspec.draw.diagram.from_network import build
from cnnspec.draw.diagram.model import clusters
from cnnspec.draw.diagram.simplify import simplify
from cnnspec.draw.volume.compose import measure_volumes
from cnnspec.draw.volume.draft import Draft
from cnnspec.draw.volume.figure_model import Brace, Figure, Skip, figure_of, is_one_volume
from cnnspec.draw.volume.hide import close
from cnnspec.draw.volume.primitives import Polygon
from cnnspec.draw.volume.scale import CHANNELS, SIDE, UNITS, Range
from cnnspec.draw.volume.solids import MOST_SHEETS, wants_sheets
from cnnspec.draw.volume.strip import numbered
from cnnspec.draw.volume.valley import Valley, condense, valley, without_resizes
from tests.draw.nets import ZOO, gated_u, golden, nested_u, shipped
from tests.nets import network

pytestmark = pytest.mark.slow

RESIDUAL = "add {{ | conv {0}@3x3 pad=1, batchnorm, relu, conv {0}@3x3 pad=1, batchnorm | {1} }}, relu"


def planned(text: str) -> Figure:
    return figure_of(simplify(network(f"net N {{\n{text}\n}}\n")))


def words(made: Figure) -> list[str]:
    return [", ".join(volume.counted_words) for volume in made.volumes]


@pytest.mark.parametrize("name", ZOO)
def test_sizes_and_totals_are_the_checkers(name: str) -> None:
    for net in shipped(name):
        made, graph = figure_of(simplify(net)), unroll(net)
        known = {str(node.output) for node in graph.nodes} | {str(given.value.shape) for given in net.inputs}
        assert {volume.label[-1] for volume in made.volumes} <= known
        assert f"{costs(net).params:,} parameters" in made.facts
        assert f"{costs(net).macs:,} MACs" in made.facts


def test_lenet_reads_as_in_the_paper() -> None:
    made = figure_of(simplify(shipped("lenet")[0]))
    sizes = ["1@28x28", "6@28x28", "6@14x14", "16@10x10", "16@5x5", "120", "84", "10"]
    assert [volume.label for volume in made.volumes] == [(size,) for size in sizes]
    assert words(made)[1:4] == ["conv 5x5, tanh", "avgpool 2x2 /2", "conv 5x5, tanh"]
    assert words(made)[5:] == ["flatten, linear, tanh", "linear, tanh", "linear"]
    assert [volume.window for volume in made.volumes[1:4]] == [(5, 5), (2, 2), (5, 5)]
    assert wants_sheets(made.volumes)


def test_skips_lead_to_a_sign_and_say_what_is_on_them() -> None:
    made = planned(f"input 8@8x8\n{RESIDUAL.format(8, 'identity')}\n{RESIDUAL.format(16, 'conv 16@1x1')}")
    assert made.skips == (Skip(0, 3), Skip(3, 6, "conv 1x1"))
    assert [volume.sign for volume in made.volumes] == ["", "", "", "+", "", "", "+"]
    assert made.volumes[3].words == ("relu",)


def test_a_value_that_a_join_reads_twice_is_no_skip() -> None:
    made = planned("input 8@8x8\nconv 8@1x1\nmul { | i: relu | from i | tanh }")
    assert made.skips == (Skip(1, 3), Skip(2, 4))
    assert [volume.words for volume in made.volumes][2:] == [("relu",), ("tanh",), ()]


def test_repeats_are_folded_and_counted() -> None:
    made = figure_of(simplify(golden("residual")))
    assert Brace(2, 4, "Basic", 4) in made.braces
    assert "(conv 3x3, relu) ×2" in words(made)
    assert len(figure_of(simplify(shipped("resnet", "ResNet152")[0])).volumes) < 40
    copies = next(volume for volume in made.volumes if volume.times == 2)
    solid = measure_volumes(made, 1.0)[made.volumes.index(copies)].solid
    assert sum(getattr(part, "shade", "") == "side" for part in solid.parts) == 2


def test_what_was_laid_side_by_side_is_shown_in_bands() -> None:
    bands = {
        volume.words: volume.bands
        for volume in figure_of(simplify(shipped("googlenet")[0])).volumes
        if volume.bands
    }
    wide = bands["Inception: 2×384+2×128",]
    assert wide == (("conv", 384), ("conv", 384), ("conv", 128), ("conv", 128))
    dense = figure_of(simplify(shipped("densenet", "DenseNet121")[0])).volumes[5]
    assert dense.label == ("256@56x56",)
    assert dense.bands == (("copy", 64), ("conv", 192))


def test_equal_cells_that_are_drawn_as_one_are_counted() -> None:
    said = words(figure_of(simplify(shipped("inception_v3")[0])))
    assert {
        "(InceptionA: 2×64+96+64) ×2",
        "(InceptionC: 4×192) ×2",
        "(InceptionE: 320+4×384+192) ×2",
    } <= {*said}


def test_vectors_that_were_laid_side_by_side_stand_upon_each_other() -> None:
    net = "a: input 3@8x8\nb: { globalavgpool, flatten }\nfrom a, flatten\nc: { linear 9, relu }\n"
    made = planned(net + "concat { | from b | from c }")
    assert made.volumes[-1].bands == (("pool", 3), ("linear", 9))
    solid = measure_volumes(made, 1.0)[-1].solid
    fronts = [part for part in solid.parts if isinstance(part, Polygon) and part.shade == "front"]
    heights = {part.role: (min(p.y for p in part.points), max(p.y for p in part.points)) for part in fronts}
    assert heights["pool"][1] == pytest.approx(heights["linear"][0])
    shares = [high - low for low, high in (heights["linear"], heights["pool"])]
    assert shares[0] == pytest.approx(3 * shares[1])


def test_sums_are_no_bands() -> None:
    made = figure_of(simplify(shipped("mnasnet")[0]))
    assert not any(volume.bands for volume in made.volumes)


def test_sheets_have_the_kind_of_what_made_them() -> None:
    made = planned("input 1@8x8\nconcat { | identity | conv 2@3x3 pad=1 | maxpool 3x3 stride=1 pad=1 }")
    parts = measure_volumes(made, 1.0)[-1].solid.parts
    assert [getattr(part, "role", "") for part in parts] == ["copy", "conv", "conv", "pool"]


def test_a_join_of_many_paths_is_one_volume() -> None:
    paths = "".join(f"| conv {width}@1x1, conv {width}@3x3 pad=1 " for width in (1, 2, 3, 4))
    made = planned(f"input 8@8x8\nconcat {{ {paths} }}\nrelu")
    assert words(made) == ["", "concat of 4 paths: 1+2+3+4, conv 1x1 ×4, relu"]
    assert [channels for _, channels in made.volumes[1].bands] == [1, 2, 3, 4]


def test_numbers_name_nothing() -> None:
    """As in MobileOne (Vasu et al., 2022), whose layers are numbered."""
    depthwise = "| conv 8@3x3 stride=2 pad=1 groups=8 " * 3
    volume = f"0: {{ add {{ | conv 8@1x1 stride=2 {depthwise} }}, relu }}"
    made = planned(f"input 8@8x8\nstage: {{ {volume}\n1: {{ conv 8@1x1, maxpool 2 }} }}")
    assert words(made)[1] == "add of 4 paths, conv 1x1 /2, conv 3x3 /2 groups 8 ×3, relu"
    (paths,) = figure_of(simplify(network(f"net N {{ input 8@8x8\n{volume} }}")), blocks=True).opened
    assert paths.name == "add of 4 paths"
    made = planned(
        'input 8@8x8\nstage: { repeat i in 20 { "{i}": { conv 8@3x3 pad=1, maxpool 1, conv (i + 8)@1x1 } } }'
    )
    assert "stage.7" in words(made)


def test_a_repeat_within_a_block_that_is_one_volume_is_not_said_of_the_block() -> None:
    """As in VoVNet (Lee et al., 2019), whose stages repeat a block by number."""
    unit = '"{i}": { conv 8@3x3 pad=1, concat { | identity | conv 8@1x1 } }'
    stage = f"block Stage {{ maxpool 2\nrepeat i in 2 {{ {unit} }} }}"
    made = figure_of(simplify(network(f"{stage}\nnet N {{ input 8@16x16\nStage\n}}\n")))
    assert made.coarse is not None
    assert words(made.coarse) == ["", "Stage: 2×8"]
    assert not made.coarse.braces
    assert Brace(2, 4, "", 2) in made.braces, "said of what is repeated"


def test_a_block_that_parts_what_it_makes_is_no_copy_of_an_earlier_value() -> None:
    """As in DPN (Chen et al., 2017)."""
    dual = "block Dual { conv 8@3x3 pad=1, concat { | slice 0 4 | slice 4 } }"
    made = figure_of(simplify(network(f"{dual}\nnet N {{ input 4@8x8\nDual\n}}\n"))).coarse
    assert made is not None
    assert [(volume.kind, volume.bands) for volume in made.volumes] == [("input", ()), ("block", ())]


def test_nets_of_many_blocks_show_a_volume_a_block() -> None:
    made = figure_of(simplify(shipped("mobilenet_v2")[0]))
    assert len(made.volumes) < 20
    assert "InvertedResidual ×3" in words(made)


def test_blocks_tell_the_arguments_that_tell_them_apart() -> None:
    """Neither the channels made, for the label says so, nor rates, nor what is as by default."""
    found = words(figure_of(simplify(shipped("efficientnet")[0])))
    assert found[2:5] == [
        "MBConv kernel 3 expand 1",
        "MBConv /2 kernel 3 expand 6",
        "MBConv kernel 3 expand 6",
    ]
    assert "MBConv /2 kernel 5 expand 6" in found
    found = words(figure_of(simplify(shipped("deeplab", "DeepLabV3ResNet50")[0])))
    assert "(Bottleneck dilation 2) ×5" in found
    found = words(figure_of(simplify(shipped("mobilenet_v3")[0])))
    assert "Bneck kernel 3 hidden 200 squeeze=no act=hardswish" in found


def test_blocks_that_are_drawn_as_one_are_opened_once() -> None:
    made = figure_of(simplify(shipped("efficientnet")[0]), blocks=True)
    (block,) = made.opened
    assert block.name == "MBConv kernel 5 expand 6"
    assert words(block)[:3] == ["", "conv 1x1, batchnorm, silu", "conv 5x5 groups 1152, batchnorm, silu"]
    assert [volume.sign for volume in block.volumes if volume.sign] == ["×", "+"]
    assert [brace.words for brace in block.braces] == ["SqueezeExcite"]
    assert Skip(0, len(block.volumes) - 1) in block.skips
    (inception,) = figure_of(simplify(shipped("googlenet")[0]), blocks=True).opened
    assert len([skip for skip in inception.skips if skip.head == len(inception.volumes) - 1]) == 3
    assert not figure_of(simplify(shipped("resnet")[0]), blocks=True).opened


def test_braces_within_a_larger_volume_are_no_volume() -> None:
    """As those of HRNet's exchanges, which are part of a sum: nothing below the figure would name them."""
    text = "input 8@8x8\nconv 8@1x1\nadd { | fit: { conv 8@3x3 pad=1, maxpool 1 } | identity }"
    draft = Draft(simplify(network(f"net N {{ {text} }}")))
    (fit,) = (cluster for cluster in draft.clusters if cluster.name == "fit")
    close(draft, fit)
    assert is_one_volume(draft, fit)
    assert draft.collapse(set(sorted(draft.boxes)[2:]), "add")
    assert not is_one_volume(draft, fit)


def test_cells_that_no_braces_hold_are_one_volume_each() -> None:
    """As in NASNet (Zoph et al., 2018), where a cell takes the values of two cells before."""
    lines = ["input 8@8x8", "c0: conv 8@3x3 pad=1", "c1: conv 8@3x3 pad=1"]
    for i in range(2, 14):
        lines += [f"from c{i - 2}", f"a{i}: conv 4@1x1", f"from c{i - 1}", f"b{i}: conv 4@1x1"]
        lines.append(f"s{i}: add {{ | from a{i}, maxpool 3x3 stride=1 pad=1, conv 4@1x1 | from b{i} }}")
        lines.append(f"t{i}: add {{ | from b{i}, conv 4@3x3 pad=1, maxpool 1 | from a{i} }}")
        lines.append(f"c{i}: concat {{ | from s{i} | from t{i} }}")
    made = planned("\n".join(lines))
    assert words(made) == ["", "conv 3x3", "conv 3x3", *["concat of 2 paths: 2×4"] * 12]
    assert made.skips == tuple(Skip(i - 2, i) for i in range(3, 15))


def test_what_is_enlarged_to_be_laid_beside_others_keeps_its_colour() -> None:
    made = planned("input 8@8x8\nconcat { | identity | conv 2@1x1, maxpool 2, upsample 2 }\nconv 4@1x1")
    assert made.volumes[-2].bands == (("copy", 8), ("pool", 2))


def test_shared_weights_are_drawn_once() -> None:
    made = figure_of(simplify(shipped("siamese")[0]))
    assert [volume.label[0] for volume in made.volumes if volume.kind == "input"] == ["left", "right"]
    assert words(made).count("conv 10x10, relu") == 1
    assert "Tower, shared weights" in words(made)
    assert [(volume.fed, volume.sign) for volume in made.volumes if not volume.fed or volume.sign] == [
        (False, ""),
        (False, ""),
        (True, "−"),
    ]


def test_what_only_training_needs_is_left_out_with_a_word() -> None:
    made = figure_of(simplify(golden("heads")))
    assert [volume.label[-1] for volume in made.volumes][-1] == "10"
    assert sum(volume.label[-1] == "10" for volume in made.volumes) == 1
    assert made.notes == ("Not drawn, for training only (parameters counted): aux.",)
    made = planned("a: input 8@8x8\nunread: conv 4@3x3, relu\nfrom a\nconv 2@3x3")
    assert made.notes == ("Not drawn, read by nothing: 2 layers.",)


@pytest.mark.parametrize("name", ZOO)
def test_a_volume_a_block_counts_all_of_its_uses(name: str) -> None:
    net = shipped(name)[0]
    blocks = (c for c in clusters(build(net).items) if c.kind == "block" and not (c.shared or c.idle))
    uses, shown = Counter(cluster.name for cluster in blocks), Counter[str]()
    coarse = figure_of(simplify(net)).coarse
    assert coarse is not None
    for i, volume in enumerate(coarse.volumes):
        block = re.split("[ :]", "".join(volume.words[:1]))[0]
        if volume.kind == "block" and block in uses and "shared weights" not in volume.words:
            around = (brace.times for brace in coarse.braces if brace.first <= i <= brace.last)
            shown[block] += volume.times * prod(around)
    assert shown.items() <= uses.items()


def test_several_outputs_bear_their_names() -> None:
    made = figure_of(simplify(shipped("deeplab", "DeepLabV3ResNet50")[0]))
    assert [volume.label for volume in made.volumes if volume.leaves] == [
        (name, "21@520x520") for name in ("out", "aux")
    ]
    made = planned("input 8@8x8\nlow: avgpool 2\nhigh: relu\noutput low\noutput high")
    assert [volume.label for volume in made.volumes] == [("8@8x8",), ("low", "8@4x4"), ("high", "8@4x4")]


def test_only_units_are_joined_each_to_each() -> None:
    """A pointwise layer, as in ConvNeXt (Liu et al., 2022), looks at a pixel."""
    made = planned("input 8@8x8\nlinear 16 pointwise=yes\nflatten, linear 4")
    assert [volume.window for volume in made.volumes] == [None, (1, 1), None]


def test_a_map_is_shown_before_it_is_flattened() -> None:
    made = figure_of(simplify(shipped("alexnet")[0]))
    assert [volume.label[0] for volume in made.volumes][-4:] == ["256@6x6", "4096", "4096", "1000"]


def u_of(made: Figure) -> Valley:
    found = valley(made)
    assert found is not None
    return found


def test_u_nets_are_drawn_as_a_u_and_others_are_not() -> None:
    made = without_resizes(figure_of(simplify(shipped("unet", "UNet")[0])))
    found = u_of(made).levels
    assert [len(level.left) for level in found] == [3] * 5
    assert [len(level.right) for level in found] == [4, 3, 3, 3, 0]
    shown = [made.volumes[number].label[0] for level in found for number in (*level.left, *level.right)]
    assert sorted(shown) == sorted(volume.label[0] for volume in made.volumes)
    made = without_resizes(figure_of(simplify(shipped("resunet")[0])))
    assert [(len(level.left), len(level.right), len(level.skips)) for level in u_of(made).levels] == [
        (4, 5, 3),
        (3, 4, 3),
        (3, 4, 3),
        (3, 0, 1),
    ]
    for name in ("resnet", "densenet", "squeezenet", "lenet"):
        assert not valley(without_resizes(figure_of(simplify(shipped(name)[0])))), name


def test_less_room_shows_an_operation_and_the_same_again_as_one_and_each_size_once() -> None:
    made = condense(without_resizes(figure_of(simplify(shipped("unet", "PaddedUNet")[0]))))
    assert [len(level.right) for level in u_of(made).levels] == [3, 2, 2, 2, 0]
    assert [volume.label for volume in made.volumes[:3]] == [("1@", "256x256"), ("64",), ("64@", "128x128")]
    assert made.volumes[1].counted_words == ("(conv 3x3", "batchnorm", "relu) ×2")
    coarse = planned(gated_u(3)).coarse
    assert coarse is not None
    assert words(coarse).count("gate") == 3
    assert [(len(level.crossing), len(level.skips)) for level in u_of(coarse).levels] == [(1, 2)] * 3 + [
        (0, 0)
    ]


def test_what_is_repeated_says_how_often_in_every_layout() -> None:
    """An inner brace hides none around it, and a U that holds what is repeated across its levels is none."""
    inner = "add { | conv 8@3x3 pad=1, relu, conv 8@3x3 pad=1 | identity }"
    made = planned(f"input 8@8x8\nrepeat 3 {{ repeat 2 {{ {inner} }}\nconv 8@3x3 pad=1 }}")
    assert sorted(brace.times for brace in made.braces) == [2, 3]
    paths = "concat { | conv 2@1x1 | conv 2@3x3 pad=1 | conv 2@1x1 | conv 2@3x3 pad=1 }"
    assert planned(f"input 8@8x8\nrepeat 5 {{ {paths} }}").braces == (Brace(1, 1, "", 5),)
    encoder = f"input 8@32x32\na: repeat 3 {{ {inner} }}\nmaxpool 2\nb: conv 8@3x3 pad=1\nmaxpool 2\n"
    decoder = "upsample 2\nconcat { | identity | from b }\nupsample 2\nconcat { | identity | from a }"
    found = u_of(without_resizes(planned(encoder + decoder)))
    assert [[brace.words for brace in level.braces] for level in found.levels] == [["×3"], [], []]
    down = "x: conv 8@3x3 pad=1\nmaxpool 2\ny: conv 8@3x3 pad=1\nmaxpool 2"
    up = "upsample 2\nadd { | identity | from y }\nupsample 2\nadd { | identity | from x }"
    assert valley(planned(f"input 8@32x32\n{down}\n{up}"))
    net = f"block U {{ {down}\n{up} }}\nnet N {{\ninput 8@32x32\nrepeat 2 {{ U }}\n}}\n"
    made = figure_of(simplify(network(net)))
    assert [brace.times for brace in made.braces] == [2]
    assert not valley(made)


def test_gates_of_attention_lie_on_the_right_of_the_u() -> None:
    """As in Attention U-Net (Oktay et al., 2018): two ways lead from the left, one around the gate."""
    found = u_of(without_resizes(planned(gated_u(3)))).levels
    assert [(len(level.crossing), len(level.skips)) for level in found] == [(2, 3)] * 3 + [(0, 0)]
    assert {skip.words for level in found for skip in level.skips} == {"conv 1x1", ""}


def test_skips_of_a_u_that_lead_elsewhere_bear_numbers_at_both_ends() -> None:
    made = without_resizes(planned(nested_u(5)))
    found = u_of(made)
    assert [len(level.crossing) for level in found.levels] == [2] + [1] * 4 + [0]
    tags = numbered(found.loose)
    assert sorted(tags.leaving.values()) == [["1"], ["2"], ["3"], ["4"]]
    assert sorted(tags.arriving.values()) == [["1 2 3 4"]]
    assert "concat of 6 paths: 8+5×1" in words(made)


def test_heads_of_a_pyramid_stand_behind_its_u() -> None:
    """As in FPN (Lin et al., 2017), whose every level has a head, whichever was written first."""
    text = "input 3@64x64\nrepeat i in 4 { c{i}: conv 8@3x3 stride=2 pad=1 }\nm3: conv 4@1x1\noutput m3\n"
    for i in (2, 1, 0):
        text += f"from m{i + 1}, upsample 2\nm{i}: add {{ | identity | from c{i}, conv 4@1x1 }}\n"
        text += f"p{i}: conv 4@3x3 pad=1\noutput p{i}\nfrom m{i}\n"
    made = planned(text.rstrip("\n").removesuffix("from m0"))
    found = u_of(made)
    assert [volume.label[0] for volume in made.volumes[found.end - 1 :]] == ["p0", "p2", "p1"]
    assert [(skip.tail, skip.head) for skip in found.loose] == [
        (made.skips[-2].tail, found.end),
        (made.skips[-1].tail, found.end + 1),
    ]


@pytest.mark.parametrize("scale", [SIDE, CHANNELS, UNITS])
@given(data=st.data())
def test_a_larger_number_is_larger_and_none_vanishes(scale: Range, data: st.DataObject) -> None:
    most = data.draw(st.integers(2, 100_000))
    small, large = sorted(data.draw(st.sets(st.integers(1, most), min_size=2, max_size=2)))
    assert scale.low < scale.points(small, most) < scale.points(large, most) <= scale.high + 1e-9


def test_of_many_channels_few_sheets_and_dots_are_drawn() -> None:
    made = planned("input 3@8x8\nconv 8@3x3\nconv 9@3x3")
    solids = [sized.solid for sized in measure_volumes(made, 1.0)]
    sheets = [sum(type(part).__name__ == "Polygon" for part in solid.parts) for solid in solids]
    dots = [sum(type(part).__name__ == "Circle" for part in solid.parts) for solid in solids]
    assert sheets == [3, 8, MOST_SHEETS]
    assert dots == [0, 0, 3]
    faces = [[part for part in solid.parts if isinstance(part, Polygon)] for solid in solids]
    edges = [min(point.x for face in found for point in face.points) for found in faces]
    assert [solid.inset for solid in solids] == pytest.approx(edges)
    assert made.volumes[2].label == ("9@4x4",)
