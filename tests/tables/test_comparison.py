"""`cnnspec summary` of several nets: a row each, or a column each whose rows are the sizes of the maps."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

from cnnspec.analysis.costs import costs
from cnnspec.tables.comparison import by_stages, merge_orders, stages
from cnnspec.tables.grid import one_line
from tests.commands.calling import run
from tests.nets import network
from tests.zoo.shipped import network as shipped

LIKE = {
    "ResNet18": [
        ("112x112", "7x7, 64 /2"),
        ("56x56", "maxpool 3x3 /2 + [3x3, 64; 3x3, 64] ×2"),
        ("28x28", "[3x3, 128; 3x3, 128] ×2"),
        ("14x14", "[3x3, 256; 3x3, 256] ×2"),
        ("7x7", "[3x3, 512; 3x3, 512] ×2"),
        ("1x1", "globalavgpool"),
        ("1000", "linear 1000"),
    ],
    "ResNet152": [
        ("112x112", "7x7, 64 /2"),
        ("56x56", "maxpool 3x3 /2 + [1x1, 64; 3x3, 64; 1x1, 256] ×3"),
        ("28x28", "[1x1, 128; 3x3, 128; 1x1, 512] ×8"),
        ("14x14", "[1x1, 256; 3x3, 256; 1x1, 1024] ×36"),
        ("7x7", "[1x1, 512; 3x3, 512; 1x1, 2048] ×3"),
        ("1x1", "globalavgpool"),
        ("1000", "linear 1000"),
    ],
    "SqueezeNet": [
        ("111x111", "3x3, 64 /2"),
        ("55x55", "maxpool 3x3 /2 + Fire, 128 ×2"),
        ("27x27", "maxpool 3x3 /2 + Fire, 256 ×2"),
        ("13x13", "maxpool 3x3 /2 + Fire, 384 ×2 + Fire, 512 ×2 + 1x1, 1000"),
        ("1x1", "globalavgpool"),
    ],
}
"""The tables of the papers: He et al. 2015, table 1; Iandola et al. 2016, table 1 (its version 1.1)."""


summary = partial(run, "summary")


@pytest.mark.parametrize("name", LIKE)
def test_stages_are_those_of_the_paper(name: str) -> None:
    assert [(stage.size, one_line(stage.parts)) for stage in stages(shipped(name))] == LIKE[name]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("conv 8@3x3 pad=1 groups=4", "3x3, 8, 4 groups"),
        ("conv 8@3x3 pad=1 groups=8", "3x3 depthwise, 8"),
        ("convtranspose 4@2x2 stride=2", "convtranspose 2x2, 4"),
        ("repeat 3 { conv 8@3x3 pad=1 }", "3x3, 8 ×3"),
        ("Plain", "[3x3, 8; 5x5, 8]"),
        ("Gated", "[1x1, 8; globalavgpool; 1x1, 8]"),
        ("Long", "[1x1, 8; 1x1, 8; 1x1, 8] + 3x3, 8 + [1x1, 8; 1x1, 8; 1x1, 8]"),
        ("Forked", "Forked, 16"),
        ("Whole", "[3x3, 8; 5x5, 8] ×4"),
    ],
)
def test_what_stands_in_a_cell(body: str, found: str) -> None:
    blocks = """
block Plain { conv 8@3x3 pad=1, relu, conv 8@5x5 pad=2 }
block Gated { conv 8@1x1, mul { | identity | globalavgpool, conv 8@1x1, sigmoid } }
block Forked { concat { | conv 8@1x1 | conv 8@3x3 pad=1 } }
block Inner { repeat 3 { conv 8@1x1 } }
block Long { Inner, conv 8@3x3 pad=1, Inner }
block Whole { Plain, Plain, Plain, Plain, relu }
"""
    net = network(f"{blocks}net N {{\n input 8@16x16\n {body}\n}}\n", shape="8@16x16")
    (stage,) = stages(net)
    assert one_line(stage.parts) == found


def test_sizes_that_nets_share_stand_in_one_row() -> None:
    grid = by_stages([shipped("ResNet18"), shipped("VGG16"), shipped("LeNet5")])
    assert merge_orders(["a", "b", "d"], ["x", "b", "c", "d"]) == ["a", "x", "b", "c", "d"]
    grid = by_stages([shipped("ResNet18"), shipped("VGG16")])
    sizes = [row[0] for row in grid.rows]
    assert sizes == ["224x224", "112x112", "56x56", "28x28", "14x14", "7x7", "1x1", "4096", "1000"]
    assert [one_line(cell) for cell in grid.rows[0][1:]] == ["", "3x3, 64 ×2"]
    other = by_stages([shipped("ResNet18"), shipped("SqueezeNet")])
    assert other.rows[0][0] == "112x112 / 111x111"


def test_costs_are_those_of_check() -> None:
    made = summary("LeNet5", "ResNet18", "--format", "json")
    assert made.exit_code == 0
    rows = json.loads(made.stdout)["rows"]
    assert [(row["net"], row["parameters"], row["MACs"]) for row in rows] == [
        (name, costs(shipped(name)).params, costs(shipped(name)).macs) for name in ("LeNet5", "ResNet18")
    ]
    beside = json.loads(summary("LeNet5", "--stages", "--format", "json").stdout)["rows"]
    assert {row["output"]: row["LeNet5"] for row in beside[-2:]} == {"parameters": 61706, "MACs": 416520}


def test_versions_of_a_net_stand_beside_each_other() -> None:
    made = summary("LeNet5", "LeNet5", "VGG11", "--stages", "--format", "json")
    assert list(json.loads(made.stdout)["rows"][0]) == ["output", "LeNet5", "LeNet5 (2)", "VGG11"]


def test_nets_of_one_name_are_told_apart_by_their_files(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / f"{name}.cnn").write_text("net A { input 1@4x4, relu }\n")
    made = summary(str(tmp_path / "old.cnn"), str(tmp_path / "new.cnn"), "--format", "json")
    assert [row["net"] for row in json.loads(made.stdout)["rows"]] == ["A (old.cnn)", "A (new.cnn)"]


def test_a_name_is_no_number() -> None:
    spec = "".join(f"net {name} {{ input 1@4x4, conv 200@3x3 }}\n" for name in ("inf", "nan", "Infinity"))
    rows = json.loads(summary("-", "--all", "--format", "json", stdin=spec).stdout)["rows"]
    assert [(row["net"], row["parameters"], row["peak KiB"]) for row in rows] == [
        ("inf", 2000, 3.19),
        ("nan", 2000, 3.19),
        ("Infinity", 2000, 3.19),
    ]


def test_all_nets_of_a_file_have_a_row() -> None:
    spec = "net A { input 1@4x4, relu }\nnet B { input 1@4x4, conv 2@3x3 }\n"
    rows = list(csv.DictReader(io.StringIO(summary("-", "--all", "--format", "csv", stdin=spec).stdout)))
    assert [(row["net"], row["sizes"], row["parameters"]) for row in rows] == [
        ("A", "1@4x4 -> 1@4x4", "–"),
        ("B", "1@4x4 -> 2@2x2", "20"),
    ]


def test_faults_are_shown_and_the_other_nets_are_too() -> None:
    spec = "net A { input 1@4x4, conv 2@9x9 }\nnet B { input 1@4x4, relu }\n"
    made = summary("-", "--all", stdin=spec)
    assert made.exit_code == 1
    assert "error[" in made.stderr
    assert "B  " in made.stdout
    for option in ("--depth=1", "--columns=layer"):
        refused = summary("LeNet5", "VGG16", option)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert "is for the table of one net" in refused.stderr


@pytest.mark.parametrize("style", ["text", "csv", "json", "markdown", "latex", "html"])
@pytest.mark.parametrize("stages", [[], ["--stages"]])
def test_every_format_has_every_net_and_size(style: str, stages: list[str]) -> None:
    made = summary("LeNet5", "ResNet18", "--format", style, *stages)
    assert made.exit_code == 0
    for layer_words in ("LeNet5", "ResNet18", *(("7x7, 64", "28x28") if stages else ("1@28x28",))):
        assert (layer_words.replace("x", "$\\times$") if style == "latex" else layer_words) in made.stdout


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX on this machine")
def test_latex_takes_the_tables(tmp_path: Path) -> None:
    calls = (["LeNet5"], ["LeNet5", "ResNet18"], ["ResNet18", "ResNet50", "--stages"])
    tables = "".join(summary(*call, "--format", "latex").stdout for call in calls)
    (tmp_path / "paper.tex").write_text(
        f"\\documentclass{{article}}\\usepackage{{booktabs}}\\begin{{document}}\n{tables}\\end{{document}}\n",
        encoding="utf-8",
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
