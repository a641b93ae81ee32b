"""`cnnspec zoo`: the shipped specifications, for a user who has no specs folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from cnnspec.compiler import check_text
from cnnspec.text import shipped
from tests.commands.calling import run

SPECS = Path(__file__).parents[2] / "specs"


call = partial(run, "zoo")


def test_the_list_names_every_file_and_what_it_defines() -> None:
    done = call()
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    for path in SPECS.rglob("*.cnn"):
        name = path.relative_to(SPECS).with_suffix("").as_posix()
        (place,) = (i for i, line in enumerate(lines) if line.split("  ")[0] == name)
        assert path.read_text("utf-8").startswith("# " + lines[place].removeprefix(name).strip())
    assert "LeNet5" in done.stdout and "Bottleneck" in done.stdout
    assert max(map(len, lines)) <= 120


@pytest.mark.slow
def test_it_lists_the_nets_that_check_finds() -> None:
    for file in shipped.shipped():
        if "/" not in file.name:
            found = check_text(shipped.text(file.name), f"{file.name}.cnn")
            assert tuple(network.name for network in found.networks) == file.defines


@pytest.mark.parametrize("name", ["lenet", "lenet.cnn", "blocks/residual"])
def test_a_name_prints_the_file(name: str) -> None:
    done = call(name)
    assert done.exit_code == 0
    assert done.stdout == (SPECS / f"{name.removesuffix('.cnn')}.cnn").read_text("utf-8")


def test_what_it_writes_can_be_checked_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its blocks are found in the shipped library."""
    monkeypatch.chdir(tmp_path)
    assert call("resnet", "-o", "mine.cnn").exit_code == 0
    done = run("check", "mine.cnn", "--net", "ResNet18")
    assert done.exit_code == 0
    assert done.stdout.startswith("mine.cnn: ResNet18 ok, 3@224x224 -> 1000, 11,689,512 parameters")


def test_nothing_of_the_user_is_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "lenet.cnn"
    file.write_text("# mine\n")
    done = call("lenet", "-o", str(file))
    assert done.exit_code == 2 and "--force" in done.stderr and file.read_text() == "# mine\n"
    assert call("lenet", "-o", str(file), "--force").exit_code == 0
    assert file.read_text("utf-8") == shipped.text("lenet")


@pytest.mark.parametrize(
    ("name", "said"),
    [("resnt", "`resnet`"), ("xyzzy", "cnnspec zoo"), ("../README", ""), ("/etc/passwd", ""), ("blocks", "")],
)
def test_an_unknown_name_is_a_wrong_call(name: str, said: str) -> None:
    done = call(name)
    assert done.exit_code == 2 and done.stdout == ""
    assert said in done.stderr and "Traceback" not in done.stderr
