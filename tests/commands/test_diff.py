"""`cnnspec diff`: what a reviewer reads, for people and programs; revisions; what is wrong with a call."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import partial
from itertools import permutations
from pathlib import Path

import pytest

from cnnspec.analysis.compare import compare
from cnnspec.tables.changes import DiffSide, ranges
from cnnspec.tables.diff import markdown, text
from tests.commands.calling import run
from tests.nets import network
from tests.safety.running import cnnspec
from tests.zoo.shipped import check_file

SPECS = Path(__file__).parents[2] / "specs"
GOLDEN = Path(__file__).parents[1] / "data" / "diff"
LENET = (SPECS / "lenet.cnn").read_text("utf-8")
TWO_NETS = "net A {\n input 3@8x8\n relu\n}\nnet B {\n input 3@8x8\n relu, conv 4@3x3\n}\n"


diff = partial(run, "diff")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edited(name: str, edits: Mapping[str, str] = {}) -> None:
    """A shipped file as a.cnn, and with words replaced, in it and in the blocks that it uses, as b.cnn."""
    shutil.copy(SPECS / f"{name}.cnn", "a.cnn")
    shutil.copytree(SPECS / "blocks", "mine")
    shutil.copy("a.cnn", "b.cnn")
    files = (Path("b.cnn"), *sorted(Path("mine").iterdir()))
    contents = {file: file.read_text("utf-8").replace('use "blocks/', 'use "mine/') for file in files}
    for old, new in edits.items():
        assert any(old in content for content in contents.values()), old
        contents = {file: content.replace(old, new) for file, content in contents.items()}
    for file, content in contents.items():
        file.write_text(content)


# The file, what is edited in it, and options.
CASES: dict[str, tuple[str, dict[str, str], tuple[str, ...]]] = {
    "kernel": ("lenet", {"conv 6@5x5 pad=2": "conv 6@3x3 pad=1"}, ()),
    "deeper": ("resnet", {}, ("--net", "ResNet18", "--net-b", "ResNet34")),
    "other_block": ("resnet", {}, ("--net", "ResNet18", "--net-b", "ResNet50")),
    "block": ("resnet", {"inner@3x3 stride=stride pad=dilation": "inner@5x5 stride=stride pad=2"}, ()),
    "block_start": ("resnet", {"| conv1: conv inner@1x1": "| bn0: batchnorm, conv1: conv inner@1x1"}, ()),
    "batchnorm": ("vgg", {}, ("--net", "VGG16", "--net-b", "VGG16BN")),
    "same": ("lenet", {"-> 400": "# 400"}, ()),
    "names": ("lenet", {"conv 6": "c1: conv 6", "linear classes": "head: linear classes"}, ()),
    "scope": ("resnet", {"layer{i+1}": "stage{i+1}"}, ()),
    "shared": ("siamese", {"128@7x7": "96@7x7", "-> 128@21x21": ""}, ()),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_reviewer_reads(case: str) -> None:
    name, edits, options = CASES[case]
    edited(name, edits)
    made = diff("a.cnn", "b.cnn", *options)
    assert (made.exit_code, made.stderr) == (0, "")
    assert made.stdout == (GOLDEN / f"{case}.text").read_text("utf-8")


@pytest.mark.parametrize("style", ["text", "markdown", "json"])
def test_everything_at_once(style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    made = diff("old.cnn", "new.cnn", "--format", style)
    assert (made.exit_code, made.stderr) == (0, "")
    assert made.stdout == (GOLDEN / f"everything.{style}").read_text("utf-8")


def test_nothing_to_tell_in_other_formats() -> None:
    edited("lenet")
    assert diff("a.cnn", "b.cnn", "--format", "markdown").stdout == "LeNet5: no difference in 12 layers\n"
    found = json.loads(diff("a.cnn", "b.cnn", "--format", "json").stdout)
    assert found["same"] is True and found["layers"] == []
    assert len(found["weights"].pop("loads")) == 10 and not any(found["weights"].values())


@pytest.mark.slow
def test_a_line_fits_the_page() -> None:
    nets = [
        check_file(name).networks[0] for name in ("googlenet", "inception_v3", "mobilenet_v3", "lenet1998")
    ]
    for one, two in permutations(nets, 2):
        lines = text(
            compare(one, two), (DiffSide("a", one.name), DiffSide("b", two.name)), colour=False
        ).splitlines()
        assert max(map(len, lines)) <= 100


def test_a_broken_side_is_told_and_nothing_else() -> None:
    edited("lenet", {"linear 120": "linear 120 in=401"})
    for arguments in (("a.cnn", "b.cnn"), ("b.cnn", "a.cnn"), ("b.cnn", "b.cnn")):
        made = diff(*arguments)
        assert (made.exit_code, made.stdout) == (1, "")
        assert made.stderr.count("error[E0410]") == 1
        assert "--> b.cnn:11:16" in made.stderr


def test_options_go_to_both_sides() -> None:
    edited("lenet", {"linear 84": "linear 48"})
    found = json.loads(
        diff("a.cnn", "b.cnn", "--set", "classes=7", "--input", "1@28x28", "--format", "json").stdout
    )
    assert [port["before"] for port in found["ports"]] == [[1, 28, 28], [7]]
    assert [port["after"] for port in found["ports"]] == [[1, 28, 28], [7]]
    assert [(entry["status"], entry["after"]["path"]) for entry in found["layers"]] == [
        ("changed", "linear2"),
        ("affected", "tanh4"),
        ("affected", "linear3"),
    ]


def test_nets_of_one_file() -> None:
    Path("two.cnn").write_text(TWO_NETS)
    assert diff("two.cnn", "--net-b", "B").stdout == diff("two.cnn", "two.cnn", "--net-b", "B").stdout
    assert "+ conv1  conv 4@3x3, behind relu1  +112 params" in diff("--net", "A", "--net-b", "B").stdout
    assert diff("--net", "B", "--net-b", "B").stdout == "B: no difference in 2 layers\n"


def test_standard_input_is_a_side() -> None:
    edited("lenet")
    assert diff("-", "a.cnn", stdin=LENET).stdout == "LeNet5: no difference in 12 layers\n"
    assert diff("-", "-", stdin=LENET).stdout == "LeNet5: no difference in 12 layers\n"


def test_colours_are_those_of_a_diff() -> None:
    one, two = (network(LENET.replace("tanh", word, 1)) for word in ("tanh", "relu"))
    sides = DiffSide("a", "LeNet5"), DiffSide("b", "LeNet5")
    made = text(compare(one, two), sides, colour=True)
    assert "\x1b[31m- tanh1" in made and "\x1b[32m+ relu1" in made
    assert "\x1b" not in text(compare(one, two), sides, colour=False)


def test_names_are_escaped() -> None:
    spec = 'net N {{\n input 1@8x8\n "{0}": conv 2@3x3\n "`|<b>": relu\n}}'
    one, two = (network(spec.format(name)) for name in ("```", "x\u202ey"))
    sides = DiffSide("a`|<b>\n```\n.cnn", "N"), DiffSide("b.cnn", "N")
    lines = markdown(compare(one, two), sides).splitlines()
    fence = [number for number, line in enumerate(lines) if line.startswith("```")]
    assert fence == [0, 4] and lines[1] == r"--- N  a`|<b>\x0a```\x0a.cnn"
    assert lines[3].startswith(r"! x\u{202e}y  conv: label ``` → x\u{202e}y")
    assert (
        lines[-1]
        == r"- another key (2): \`\`\`.weight → x\\u\{202e\}y.weight, \`\`\`.bias → x\\u\{202e\}y.bias"
    )


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["layer1.0", "layer1.1", "layer1.2", "layer2.0"], ["layer1.0…2", "layer2.0"]),
        (["dec3", "dec2", "dec1", "enc0"], ["dec3…1", "enc0"]),
        (["features.1", "features.4", "features.5"], ["features.1", "4…5"]),
        (["a1", "a2", "a1"], ["a1…2", "1"]),
        (["a", "b", "b9", "9", "10"], ["a", "b", "b9", "9…10"]),
    ],
)
def test_ranges(names: list[str], told: list[str]) -> None:
    assert ranges(names) == told


@pytest.mark.slow
def test_the_same_bytes_under_any_hash_seed(folder: Path) -> None:
    arguments = (str(SPECS / "googlenet.cnn"), str(SPECS / "inception_v3.cnn"))
    for style in ("text", "json"):
        made = {
            cnnspec("diff", *arguments, "--format", style, cwd=folder, PYTHONHASHSEED=seed).out
            for seed in ("0", "4242")
        }
        assert len(made) == 1 and made != {""}


git_needed = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(*arguments: str) -> None:
    """Run git as nobody in particular."""
    nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    names = ("-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *names, *arguments], check=True, capture_output=True, env=os.environ | nobody)


@pytest.fixture
def repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A net in a folder that uses a block; in the commit before HEAD the block is another."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)  # a hook that runs the tests has its own repository there
    (folder / "nets" / "blocks").mkdir(parents=True)
    (folder / "nets" / "n.cnn").write_text('use "blocks/b.cnn"\nnet N {\n input 3@8x8\n B\n linear 2\n}\n')
    block = folder / "nets" / "blocks" / "b.cnn"
    git("init")
    for kernel in (3, 5):
        block.write_text(f"block B {{ conv 4@{kernel}x{kernel}, relu, flatten }}\n")
        git("add", ".")
        git("commit", "-m", f"kernel {kernel}")
    return folder


@git_needed
def test_a_file_alone_is_compared_with_head(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert diff("nets/n.cnn").stdout == "N: no difference in 4 layers\n"
    (repository / "nets" / "blocks" / "b.cnn").write_text("block B { conv 4@5x5, flatten }\n")
    for where, arguments in ((repository, ("nets/n.cnn",)), (repository / "nets", ())):
        monkeypatch.chdir(where)
        made = diff(*arguments).stdout
        assert "--- N  HEAD:./n.cnn\n" in made
        assert "- b1.1  relu, behind b1.0\n" in made
    monkeypatch.chdir("/")
    assert diff(str(repository / "nets" / "n.cnn")).stdout.endswith(
        made.partition("\n+++")[2].partition("\n")[2]
    )


@git_needed
def test_what_a_revision_uses_is_of_that_revision(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "! b1.0  conv: kernel 3x3 → 5x5  +192 params"
    assert line in diff("HEAD~1:nets/n.cnn", "nets/n.cnn").stdout
    assert line in diff("HEAD~1:nets/n.cnn", "HEAD:nets/n.cnn").stdout
    assert line in diff("HEAD~1:nets/n.cnn", ":nets/n.cnn").stdout  # the index
    assert line in diff("HEAD~1:./nets/n.cnn", "main:./nets/n.cnn").stdout
    monkeypatch.chdir("nets")
    assert line in diff("HEAD~1:./n.cnn", "n.cnn").stdout
    assert line in diff("HEAD~1:nets/n.cnn", "n.cnn").stdout


@git_needed
def test_a_revision_has_the_shipped_library_too(repository: Path) -> None:
    Path("nets/n.cnn").write_text('use "blocks/double.cnn"\nnet N {\n input 3@8x8\n Double 4\n}\n')
    git("commit", "-am", "double")
    assert diff("nets/n.cnn").stdout.startswith("N: no difference")
    Path("nets/n.cnn").write_text('use "../b.cnn"\nnet N {\n input 3@8x8\n}\n')
    git("commit", "-am", "outside")
    made = diff("HEAD:nets/n.cnn", "HEAD:nets/n.cnn")
    assert made.exit_code == 1 and "--> HEAD:nets/n.cnn:1:5" in made.stderr and "no `..`" in made.stderr


@git_needed
def test_a_revision_with_faults_is_told(repository: Path) -> None:
    for content in (b"net N {\n input 3@8x8\n rleu\n}\n", b"\xff\xfe\x00"):
        Path("nets/n.cnn").write_bytes(content)
        git("commit", "-am", "broken")
        Path("nets/n.cnn").write_text(TWO_NETS)
        made = diff("nets/n.cnn")
        assert (made.exit_code, made.stdout) == (1, "")
        assert "--> HEAD:./n.cnn:" in made.stderr
    assert diff("nets/n.cnn", "HEAD~2:nets/n.cnn", "--limit", "max_source=60").exit_code == 1


@git_needed
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["HEAD:n.cnn", "nets/n.cnn"],
            "HEAD:n.cnn: no such file in HEAD; paths begin at the repository's top",
        ),
        (["HEAD:./n.cnn", "nets/n.cnn"], "HEAD:./n.cnn: no such file in HEAD"),
        (["HEAD:nets", "nets/n.cnn"], "no such file in HEAD"),
        (["HEAD~9:nets/n.cnn", "nets/n.cnn"], "HEAD~9: git knows no such revision"),
        (["nets/n.cnn", "--", "--output=x:nets/n.cnn"], "--output=x: git knows no such revision"),
        (["--", "-h:nets/n.cnn", "nets/n.cnn"], "-h: git knows no such revision"),
        ([":other.cnn", "nets/n.cnn"], ":other.cnn: no such file in the index"),
        (["HEAD:nets/n.cnn"], "name B, too"),
        (["nets/m.cnn"], "nets/m.cnn: no such file"),
        (["nets/new.cnn"], "HEAD:./new.cnn: no such file in HEAD"),
        (["nets/n.cnn", "nets/n.cnn", "--net-b", "M"], "there is no net `M`"),
    ],
)
def test_a_wrong_call_takes_one_line(repository: Path, arguments: list[str], said: str) -> None:
    (repository / "nets" / "new.cnn").write_text(TWO_NETS)
    made = diff(*arguments)
    assert (made.exit_code, made.stdout) == (2, "")
    assert said in made.stderr and made.stderr.count("\n") == 1
    assert not Path("x").exists()


@git_needed
def test_no_repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edited("lenet")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    made = diff("a.cnn")
    assert made.exit_code == 2 and "is in no git repository" in made.stderr


def test_no_git(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edited("lenet")
    monkeypatch.setenv("PATH", str(folder))
    made = diff("a.cnn")
    assert made.exit_code == 2
    assert made.stderr == "cnnspec: git is needed to read revisions, and cannot be run here\n"
