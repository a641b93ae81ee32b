"""The size program against the checker, which is asked about one input at a time."""

from __future__ import annotations

import os
from itertools import count

import pytest

from cnnspec.analysis.sizes.explore import Explorer, Inputs
from cnnspec.analysis.sizes.sets import members
from cnnspec.analysis.sizes.size_program import TooMuch
from cnnspec.analysis.sizes.survey import SizeSurvey, survey
from cnnspec.analysis.unroll import unroll
from cnnspec.compiler import check, rechecker
from cnnspec.elaborate.settings import Settings
from cnnspec.graph.tree import Network
from cnnspec.text.files import read_library
from cnnspec.text.source import Source
from cnnspec.values.shapes import Shape
from tests.analysis.sized_nets import spec

pytestmark = pytest.mark.slow

LONG = bool(os.environ.get("CNNSPEC_LONG"))
END = 14


def explorer(text: str, recheck: bool = True) -> Explorer | None:
    source = Source("net.cnn", text)
    found = check(source, read_library)
    if not found.ok or not found.networks:
        return None
    again = rechecker(source, read_library, found.networks[0].name, Settings())
    return Explorer(found.networks[0], again if recheck else None)


def drawn(seed: int) -> Explorer:
    """The first valid net that a seed leads to."""
    return next(found for text in map(spec, count(seed, 10_000)) if (found := explorer(text)) is not None)


def shapes(network: Network) -> dict[str, Shape]:
    return {node.path: node.output for node in unroll(network).nodes}


def weights(network: Network) -> dict[str, object]:
    return {node.path: node.weights for node in unroll(network).nodes if node.weights and not node.shared}


def compare(found: Explorer, inputs: list[Inputs]) -> None:
    """Every input as the checker has it: whether it is valid, and every value's shape."""
    told = found.explore(inputs)
    for i, given in enumerate(inputs):
        assert found.recheck is not None
        network = found.recheck(given)
        assert told.valid[i] is (network is not None), given
        if network is not None:
            spot = told.spots[i]
            assert spot is not None
            run, j = spot
            for path, shape in shapes(network).items():
                assert run.flows[path].shape(j) == shape, (given, path)


@pytest.mark.parametrize("seed", range(4000 if LONG else 120))
def test_random_nets(seed: int) -> None:
    found = drawn(seed)
    sizes = [(n, n) for n in range(1, END + 1)] + [(n, END + 1 - n) for n in range(1, END + 1)]
    compare(found, [{"input": Shape(4, *size)} for size in sizes])


@pytest.mark.parametrize("seed", range(1500 if LONG else 40))
def test_what_a_survey_says_of_heights_and_widths(seed: int) -> None:
    """The pairs that it calls valid, and those that it says the weights fit, are just those that are."""
    found = drawn(seed)
    said = SizeSurvey(found, ("input",), END)
    written = weights(found.network)
    elsewhere = {
        (height, width)
        for high, wide in said.other_maps
        for height in members(high, END)
        for width in members(wide, END)
    }
    for height in range(1, END + 1):
        for width in range(1, END + 1):
            if said.coupled and height != width:
                continue
            network = found.recheck and found.recheck(said.inputs_at(height, width))
            if said.squares:
                valid, fits = height in said.squares.valid, height in said.squares.fitting
            else:
                valid = height in said.heights.valid and width in said.widths.valid
                fits = height in said.heights.fitting and width in said.widths.fitting
            assert valid is (network is not None), (height, width)
            loads = network is not None and weights(network) == written
            assert (fits or (height, width) in elsewhere) is loads, (height, width)


@pytest.mark.parametrize("seed", range(1500 if LONG else 60))
def test_a_formula_holds_beyond_the_sizes_it_was_found_by(seed: int) -> None:
    """Of every map, not of the outputs alone, at sizes far behind those looked at."""
    found = drawn(seed)
    said = SizeSurvey(found, ("input",), 64)
    sweeps = [(said.squares, 0), (said.squares, 1)] if said.squares else [(said.heights, 0)]
    for sweep, axis in sweeps:
        assert sweep is not None
        sizes = range(65, 400)
        other = sizes if said.squares else [said.written[1]] * len(sizes)
        far = found.explore([said.inputs_at(n, m) for n, m in zip(sizes, other, strict=True)])
        for node in found.graph.nodes:
            rule = sweep.rule(node.path, axis) if node.output.is_map else None
            for n, fine, spot in zip(sizes, far.valid, far.spots, strict=True):
                if rule and fine and spot and spot[0] is far.first:
                    shape = far.first.flows[node.path].shape(spot[1])
                    assert shape is None or shape.size[axis] == rule(n), (node.path, n)


@pytest.mark.parametrize(
    ("steps", "rule"),
    [
        (
            "e: identity\n maxpool 32x32, upsample 32\n concat { | from e | identity }\n avgpool 64x64",
            "h//64",
        ),
        ("pad [0, 55, 0, 55], avgpool 120x120, upsample 2", "2*((h + 55)//120)"),
        ("maxpool 2x2, upsample [1.5, 1], maxpool 3x3", "h//4"),
        ("maxpool 3x3 stride=2, upsample 3, conv 4@3x3", "3*((h - 3)//2) + 1"),
        ("crop sides=[1, in.height // 2, 0, 0]", "(h - 1)//2"),
        ("upsample [1.1, 1]", None),
        ("maxpool 2x2, upsample 3, maxpool 2x2", None),
        ("avgpool 600x600", None),  # a period of 600 does not pass by
        ("conv 4@3x3 pad=in.height // 9", None),
        ("crop sides=[in.height**2 // 40960, 0, 0, 0]", None),
        ("upsample size=[2 * (in.height // 3) + 1, in.width]", "2*(h//3) + 1"),
    ],
)
def test_a_law_or_none(steps: str, rule: str | None) -> None:
    made = found(f"net A {{\n input 4@640x640\n {steps}\n}}\n")
    growth = SizeSurvey(made, ("input",), 1024).growths[0]
    assert (growth.height and growth.height.text("h")) == rule


AGAIN = (
    'a: conv 4@3x3 pad="same" stride=2\n from a, upsample 2\n again a',
    "a: { conv 4@3x3 pad=1, maxpool 2x2 }\n again a",
    "a: Half, again a",
    'a: { pad 1, layernorm over="all" }\n crop sides=1\n again a',
    "concat { | a: { flatten, linear 3 } | crop 6x6, again a }",
    "a: crop [in.height - 1, in.width - 1]\n again a",
)


@pytest.mark.parametrize("steps", AGAIN)
def test_steps_that_run_again(steps: str) -> None:
    block = "block Half { if in.height % 2 == 0 { maxpool 1x2 } else { relu } }\n"
    texts = [f"{block}net A {{\n input 4@{size}\n {steps}\n}}\n" for size in ("6x6", "8x5", "12x12")]
    valid = [made for made in map(explorer, texts) if made is not None]
    assert valid
    for made in valid:
        compare(made, [{"input": Shape(4, n, m)} for n in range(1, END) for m in (n, 6)])


def test_two_inputs_each_for_itself() -> None:
    made = found(
        "net A {\n left: input 1@9x9\n right: input 1@9x9\n"
        ' add { | from left, t: conv 4@3x3 pad="same" stride=2, maxpool 2x2\n'
        " | from right, again t, maxpool 2x2 }\n}\n"
    )
    sizes = range(1, END)
    compare(made, [{"left": Shape(1, n, 9), "right": Shape(1, m, 9)} for n in sizes for m in sizes])


JOINS = (
    "concat {\n | from a, maxunpool 2x2 { | maxpool 2x2 | identity }\n"
    " | from a, maxunpool 3x2 { | adaptiveavgpool 4x6 | identity }\n }",
    "maxunpool [in.height // 12, in.width // 12] { | identity | identity }",
    "maxunpool [in.height // 4, 3] { | maxpool 3x3 | identity }",
)


@pytest.mark.parametrize("steps", JOINS)
def test_joins_of_one_type_with_other_arguments(steps: str) -> None:
    made = found(f"net A {{\n input 4@12x12\n a: relu\n {steps}\n}}\n")
    compare(made, [{"input": Shape(4, n, m)} for n in range(1, 26) for m in (n, 12)])


def found(text: str) -> Explorer:
    made = explorer(text)
    assert made is not None
    return made


def test_of_a_long_net_fewer_sizes_are_looked_at() -> None:
    network = found("net A {\n input 1@64x64\n conv 1@3x3\n conv 1@5x5\n conv 1@7x7\n}\n").network
    ends = [survey(Explorer(network, work=work), 1024)[0].end for work in (400, 150, 30)]
    assert ends == [1024, 256, 16]
    with pytest.raises(TooMuch):
        survey(Explorer(network, work=10), 1024)


@pytest.mark.parametrize(
    ("steps", "coupled"),
    [
        ("conv 4@3x5", ""),
        ("flatten, linear 3", ""),
        ("maxpool 2x2, instancenorm", "`instancenorm1`"),
        ('conv 4@3x3 pad=3 mode="reflect", instancenorm', ""),  # no map of one pixel arrives
        ("flatten, linear 3 in=256", "`linear1`"),
        ("concat { | flatten | maxpool 2x2, flatten }", "`concat1`"),
        ("conv 1@1x1, flatten, groupnorm 4", "`groupnorm1`"),
        ("conv 1@1x1, flatten, softmax paths=4", "`softmax1`"),
        ("flatten, softmax", ""),
        ("mul { | identity | globalavgpool }", ""),
        ("mul { | identity | maxpool 8x8 }", ""),  # a gate along each axis by itself
        ("mul { | adaptiveavgpool 4x4 | maxpool 2x2 }", ""),
        ("crop [in.height - 1, in.width - 1]", ""),
        ("crop [in.width, in.height]", "`crop1`"),
        ("require in.height % 2 == 0 and in.width % 2 == 0", ""),
        ("require in.height > 3 or in.width > 3", "`in.height > 3 or in.width > 3`"),
        ("require not (in.height > 30 or in.width > 3 * 10)", ""),
        ("require in.height == in.width", "`in.height == in.width`"),
        ("if in.height > 4 { relu }", "what the text reads of sizes"),
    ],
)
def test_where_height_and_width_depend_on_each_other(steps: str, coupled: str) -> None:
    assert SizeSurvey(found(f"net A {{\n input 4@8x8\n {steps}\n}}\n"), ("input",), 40).coupled == coupled


@pytest.mark.parametrize(
    ("steps", "valid", "rechecked"),
    [
        ("require in.height % 4 == 0", {4, 8, 12}, False),
        ("half = in.height // 2\n crop [half - 2, in.width]", set(range(6, 15)), False),
        ("conv 4@3x3 pad=in.height // 7", set(range(3, 15)), False),
        ("if in.height > 5 { conv 4@8x8 } else { conv 4@3x3 }", {3, 4, 5, *range(8, 15)}, True),
        ("repeat in.height // 4 { conv 4@3x3 }", set(range(1, 15)), True),
        ("flatten, linear (in.features // 64) in=256", {8}, True),
    ],
)
def test_what_the_text_reads_of_sizes(steps: str, valid: set[int], rechecked: bool) -> None:
    """Arithmetic and conditions are followed; what makes other layers is checked size by size."""
    along = SizeSurvey(found(f"net A {{\n input 4@8x8\n {steps}\n}}\n"), ("input",), END).heights
    assert (set(along.valid), along.found.rechecked > 0) == (valid, rechecked)


def test_the_nearest_sizes_are_near() -> None:
    """They are sought around the size that is asked about, however far that is from those looked at."""
    steps = "e: identity\n maxpool 2x2, upsample 2\n concat { | from e | identity }"
    made = found(f"net A {{\n input 4@8x8\n {steps}\n}}\n")
    assert SizeSurvey(made, ("input",), 40).nearest((1501, 33)) == [(1500, 32), (1502, 34)]
