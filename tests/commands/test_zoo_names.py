"""A network of the zoo by its name, wherever a command takes a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnspec.text.files import FileProblem
from cnnspec.text.shipped import Named, find, named_nets, names
from tests.commands.calling import run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("lenet", Named("lenet", None)),
        ("lenet.cnn", Named("lenet", None)),
        ("LeNet5", Named("lenet", "LeNet5")),
        ("resnet18", Named("resnet", "ResNet18")),
        ("ResNet", Named("resnet", None)),  # the net of that name is a pattern, which lacks values
        ("blocks/residual", Named("blocks/residual", None)),
    ],
)
def test_what_a_name_means(name: str, found: Named) -> None:
    assert find(name) == found


@pytest.mark.parametrize(
    ("name", "said"), [("resnt", "`resnet`"), ("ResNet19", "`ResNet18`"), ("../lenet", "zoo"), ("", "zoo")]
)
def test_what_is_no_name(name: str, said: str) -> None:
    with pytest.raises(FileProblem, match=said):
        find(name)


def test_no_net_is_in_two_files() -> None:
    nets = [net for file in names() for net in named_nets(file)]
    assert len(set(nets)) == len(nets) > 50


def test_commands_take_a_name_for_a_file() -> None:
    done = run("check", "ResNet18")
    assert (
        done.stdout.startswith("<cnnspec>/resnet.cnn: ResNet18 ok, ") and len(done.stdout.splitlines()) == 1
    )
    assert run("check", "lenet").stdout.startswith("<cnnspec>/lenet.cnn: LeNet5 ok, ")
    assert run("summary", "AlexNet").stdout.startswith("AlexNet\n")
    assert "class LeNet5" in run("build", "lenet").stdout
    assert run("draw", "LeNet5").stderr == "wrote LeNet5.svg\n" and Path("LeNet5.svg").exists()
    assert run("check", "resnet", "--net", "ResNet34").stdout.startswith(
        "<cnnspec>/resnet.cnn: ResNet34 ok, "
    )


def test_two_nets_of_the_zoo_are_compared() -> None:
    done = run("diff", "ResNet18", "ResNet34")
    assert done.exit_code == 0 and done.stdout.startswith("--- ResNet18  ResNet18\n+++ ResNet34  ResNet34\n")
    assert run("diff", "ResNet18").exit_code == 2


def test_a_file_of_that_name_wins() -> None:
    Path("LeNet5").write_text("net Mine { input 1@8x8, conv 2@3x3 }\n")
    assert run("check", "LeNet5").stdout.startswith("LeNet5: Mine ok, ")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "resnt",
            "cnnspec: resnt: no such file, and no shipped specification is called 'resnt': did you mean",
        ),
        ("lenet.cnn", "cnnspec: lenet.cnn: no such file\n"),  # who writes `.cnn` means a file
        ("nets/lenet", "cnnspec: nets/lenet: no such file\n"),
    ],
)
def test_a_file_that_is_not_there(name: str, said: str) -> None:
    done = run("check", name)
    assert done.exit_code == 2 and done.stderr.startswith(said)


def test_the_zoo_is_not_written() -> None:
    assert run("check", "--fix", "lenet").exit_code == run("fmt", "lenet").exit_code == 2


def test_explain_tells_of_a_network() -> None:
    told = run("explain", "lenet").stdout.splitlines()
    assert told[0].startswith("LeNet")
    assert "LeNet5  1@28x28 -> 10, 61,706 parameters, 416,520 MACs" in told
    assert [line.split()[0] for line in run("explain", "ResNet34").stdout.splitlines() if " -> " in line] == [
        "ResNet34"
    ]
    assert "Blocks, for `use`: Fire" in run("explain", "blocks/fire").stdout
    assert (
        run("explain", "cnov").stderr
        == "cnnspec: no code, layer or word is called 'cnov': did you mean `conv`?\n"
    )


def test_zoo_prints_the_file_of_a_net() -> None:
    assert run("zoo", "ResNet18").stdout == run("zoo", "resnet").stdout != ""
