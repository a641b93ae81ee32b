"""`cnnspec sizes`: what it tells, of nets as they are and of questions."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path

import pytest

from cnnspec.analysis.sizes.sets import Stretch, members
from tests.commands.calling import run
from tests.zoo.shipped import FILES, SPECS

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parents[1] / "data" / "sizes"

FAULTY = "net L {\n input 1@28x28\n repeat 2 { conv 16@5x5, avgpool 2x2 }\n flatten, linear 9 in=400\n}\n"
REPEATS = "net R {\n input 3@64x64\n repeat in.height // 16 { maxpool 2x2 }\n globalavgpool\n}\n"
TWO = """net T {
    left: input 1@28x28
    right: input 2@32x20
    concat { | from left, conv 4@5x5 stride=2 | from right, adaptiveavgpool 12x12 }
}
"""


sizes = partial(run, "sizes")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("lenet", ["lenet.cnn"]),
        ("resnet", ["resnet.cnn"]),
        ("unet", ["unet.cnn"]),
        ("padded_unet", ["unet.cnn", "--net", "PaddedUNet", "--input", "1@230x250"]),
        ("siamese", ["siamese.cnn"]),
        ("inception_v3", ["inception_v3.cnn"]),
    ],
)
@pytest.mark.parametrize("style", ["text", "json"])
def test_the_report(name: str, arguments: list[str], style: str) -> None:
    made = sizes(str(SPECS / arguments[0]), *arguments[1:], "--format", style)
    assert made.exit_code == ("--input" in arguments)
    golden = GOLDEN / f"{name}.{style}"
    if "CNNSPEC_UPDATE" in os.environ:
        golden.write_text(made.stdout, "utf-8")
    assert made.stdout == golden.read_text("utf-8")


@pytest.mark.parametrize("file", sorted(set(FILES.values())))
def test_no_line_is_wider_than_a_page(file: str) -> None:
    assert max(map(len, sizes(str(SPECS / f"{file}.cnn")).stdout.splitlines())) <= 110


def test_a_vector_that_is_asked_about_leaves_the_map_as_it_is() -> None:
    made = sizes(str(SPECS / "lenet.cnn"), "--input", "9")
    assert made.exit_code == 1 and "E0405" in made.stderr
    assert made.stdout.startswith("LeNet5 at 1@28x28")


def test_a_question_about_a_valid_input() -> None:
    made = sizes(str(SPECS / "lenet.cnn"), "--input", "3@20x40")
    assert made.exit_code == 0 and made.stderr == ""
    assert made.stdout.startswith("20x40 is valid\n\nLeNet5 at 3@28x28")


def test_a_question_about_one_of_several_inputs() -> None:
    made = sizes("-", "--input", "left=1@3x40", "--format", "json", stdin=TWO)
    assert made.exit_code == 1 and "E0401" in made.stderr
    content = json.loads(made.stdout)
    assert content["asked"] == {"valid": False, "nearest": [[[27, 28]]]}
    assert [entry["names"] for entry in content["inputs"]] == [["left"], ["right"]]


ONE_HEIGHT = "net N {\n input 1@64x64\n require in.height == 64\n conv 2@3x3\n}\n"


@pytest.mark.parametrize(
    "asked, said",
    [
        ("1@70x70", "70x70 is not valid; near it 64x70 is"),
        ("1@1088x70", "1088x70 is not valid; near it 64x70 is"),
        ("1@1089x70", "1089x70 is not valid; the nearest known is 64x70"),
    ],
)
def test_near_is_what_is_not_far(asked: str, said: str) -> None:
    """What lies further than sizes are tried is the nearest that is known, not near."""
    assert sizes("-", "--input", asked, stdin=ONE_HEIGHT).stdout.splitlines()[0] == said


@pytest.mark.parametrize(
    "step, said",
    [
        ("require in.height == in.width", "height and width depend on each other in"),
        ("if in.height > 4 { relu }", "height and width may depend on each other in"),
        ("conv 2@3x3", ""),
    ],
)
def test_that_sides_depend_on_each_other_is_said_where_it_is_known(step: str, said: str) -> None:
    """Squares of valid sides that are all valid prove nothing."""
    told = sizes("-", stdin=f"net N {{\n input 1@16x16\n {step}\n globalavgpool\n}}\n").stdout
    assert said in told and ("depend" in told) is bool(said)


def test_a_question_about_no_input_is_a_wrong_call() -> None:
    made = sizes("-", "--input", "middle=1@3x40", stdin=TWO)
    assert made.exit_code == 2 and "there is --input left=…, --input right=…" in made.stderr


def test_a_net_with_faults_is_told_of_where_it_has_none() -> None:
    made = sizes("-", stdin=FAULTY)
    assert made.exit_code == 1 and "E0410" in made.stderr
    assert made.stdout.startswith("L at 1@32x32")
    assert "squares 32 to 35\n" in made.stdout


def test_a_net_that_no_input_mends() -> None:
    made = sizes("-", stdin="net A {\n input 1@8x8\n conv 4@3x3 groups=3\n}\n")
    assert (made.exit_code, made.stdout) == (1, "") and "E0404" in made.stderr


def test_a_net_that_takes_no_maps() -> None:
    made = sizes("-", stdin="net A {\n input 8\n linear 3\n}\n")
    assert (made.exit_code, made.stdout) == (2, "") and "takes no maps" in made.stderr


def test_a_structure_that_follows_the_size_is_checked_size_by_size() -> None:
    content = json.loads(sizes("-", "--up-to", "200", "--format", "json", stdin=REPEATS).stdout)["inputs"][0]
    assert not content["apart"] and content["rechecked"] > 0 and content["left_out"] == 0
    heights = members([Stretch(**found) for found in content["valid"]["squares"]], 200)
    assert heights == {n for n in range(1, 201) if n >> (n // 16)}
    assert "checked one by one" in sizes("-", "--up-to", "200", stdin=REPEATS).stdout


@pytest.mark.parametrize("end", ["15", "65537", "x"])
def test_sizes_up_to_where(end: str) -> None:
    assert sizes(str(SPECS / "lenet.cnn"), "--up-to", end).exit_code == 2


@pytest.mark.parametrize("input_size", ["6x6", "9x9"])
def test_an_input_that_some_sizes_alone_have(input_size: str, tmp_path: Path) -> None:
    """As written there is one input, or there are two; in the search for other sizes it is the other way."""
    file = tmp_path / "net.cnn"
    file.write_text(
        f"net N {{\n    left: input 1@{input_size}\n    if in.height > 6 {{ right: input 1@9x11 }}\n"
        "    from left, conv 3@(12 % in.width)\n}\n"
    )
    result = sizes(str(file))
    assert result.exit_code in (0, 1)
    assert "fault of cnnspec" not in result.output
