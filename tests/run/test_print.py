"""`run --print`: a matrix goes in, and every number that the layers make of it can be checked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
from cnnspec.run.number_tables import entry  # noqa: E402
from tests.run.calling import SPECS, noise, run, save  # noqa: E402

pytestmark = pytest.mark.slow

MATRIX = "1,1,1,0,0\n0,1,1,1,0\n0,0,1,1,1\n0,0,1,1,0\n0,1,1,0,0\n"
FILTER = """net Filter {
  input 1@5x5
  conv 1@3x3 weights=[[1, 0, 1], [0, 1, 0], [1, 0, 1]] bias=no
  maxpool 2x2 stride=1
}
"""
PRINTED = """\
m.csv
  input: 1@5x5
    1  1  1  0  0
    0  1  1  1  0
    0  0  1  1  1
    0  0  1  1  0
    0  1  1  0  0
  conv1.weight: 1x1x3x3
    1  0  1
    0  1  0
    1  0  1
  conv1: 1@3x3
    4  3  4
    2  4  3
    2  3  4
  maxpool1: 1@2x2
    4  4
    4  4
  1@2x2, from 4 to 4
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str) -> str:
    Path(name).write_text(text, "utf-8")
    return name


def test_the_example_of_the_tutorials(here: Path) -> None:
    called = run(write("f.cnn", FILTER), write("m.csv", MATRIX), "--print")
    assert (called.code, called.out, called.err) == (0, PRINTED, "")


def test_a_layer_labelled_output_keeps_its_own_numbers(here: Path) -> None:
    spec = FILTER.replace("conv 1@3x3", '"output": conv 1@3x3')
    called = run(write("f.cnn", spec), write("m.csv", MATRIX), "--print")
    assert called.out == PRINTED.replace("conv1.weight", "output.weight").replace("conv1:", "output: conv,")


@pytest.mark.parametrize(
    "text",
    [
        MATRIX.replace(",", " "),
        MATRIX.replace(",", ";\t"),
        MATRIX.replace(",", " , "),
        f"\ufeff\n{MATRIX}\n\n",
    ],
)
def test_ways_to_write_a_matrix(text: str, here: Path) -> None:
    assert run(write("f.cnn", FILTER), write("m.csv", text), "--print").out == PRINTED


def test_channels_stand_between_blank_lines(here: Path) -> None:
    """Two channels: each filter adds what its two kernels find; labels, biases and norms are shown, too."""
    spec = "net N { input 2@1x3 mean=9\n mix: conv 2@1x2 weights=[[1, -1]] biases=[0.5, 0]\n batchnorm }"
    called = run(write("n.cnn", spec), write("m.csv", "1 2 4\n\n0 -1 0\n"), "--print")
    assert (
        called.err == ""
        and "  input: 2@1x3\n    channel 0\n     1   2   4\n    channel 1\n     0  -1   0\n" in called.out
    )
    assert "  mix.bias: 2\n    0.5  0.0\n" in called.out
    # (1 - 2) + (0 + 1) = 0 and (2 - 4) + (-1 - 0) = -3
    assert "  mix: conv, 2@1x2\n    channel 0\n     0.5  -2.5\n    channel 1\n     0.0  -3.0\n" in called.out
    assert "batchnorm1.running_var: 2\n" in called.out and "num_batches" not in called.out


def test_a_vector_is_a_row_or_a_column(here: Path) -> None:
    spec = write("n.cnn", "net N { input 3\n linear 1 weights=[[1, 2, 3]] bias=no }")
    for text in ("1,1,2", "1\n1\n2\n"):
        called = run(spec, write("m.csv", text), "--print")
        assert "linear1.weight: 1x3\n    1  2  3\n  linear1: 1\n    9\n" in called.out


def test_numbers_go_in_as_they_are_beside_images(here: Path) -> None:
    """The input's mean prepares pixels alone: 255 is (1 - 0.5) / 0.25 = 2."""
    spec = write("n.cnn", "net N { input 1@1x1 mean=0.5 std=0.25\n relu }")
    white = save(here / "w.png", np.full((1, 1), 255, np.uint8))
    called = run(spec, white, write("m.csv", "7"))
    assert called.out == f"{white}\n  1@1x1, from 2 to 2\nm.csv\n  1@1x1, from 7 to 7\n"
    called = run(spec, "m.csv", "--features", "f")
    assert called.code == 0 and sorted(path.name for path in (here / "f" / "1-m").iterdir()) == [
        "000-input.png",
        "001-relu1.png",
        "overview.png",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "m.csv: holds no numbers"),
        ("1,2\n1,x\n", "m.csv:2: 'x' is no number"),
        ("1,,2", "m.csv:1: '' is no number"),
        ("1,nan", "m.csv:1: 'nan' is no finite number"),
        ("1e300", "m.csv: a number is too large for float32"),
        ("1,2\n1,2,3\n", "m.csv:2: the row has 3 numbers, the first 2"),
        ("1,2\n1,2\n\n1,2\n", "m.csv: channel 2 has 1 rows, the first 2; a blank line begins a channel"),
        ("1,2\n3,4\n", "m.csv: holds 1@2x2, the net's input is 1@5x5; --input 1@2x2 gives it that"),
        ("\udcff", "m.csv: is no text in UTF-8"),
        ("0," * (1 << 21) + "0", "m.csv: has more than 4,194,304 bytes"),
    ],
)
def test_files_that_are_no_matrix(text: str, said: str, here: Path) -> None:
    Path("m.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    called = run(write("f.cnn", FILTER), "m.csv")
    assert (called.code, called.out, called.err) == (2, "", f"cnnspec: {said}\n")


def test_a_file_that_is_not_there(here: Path) -> None:
    called = run(write("f.cnn", FILTER), "m.csv", "--print")
    assert (called.code, called.err) == (2, "cnnspec: m.csv: no such file\n")


def printed(value: Any, *axes: str) -> list[str]:
    return [*entry("x", np.asarray(value, np.float32), *axes)][1:]


def test_what_is_large_is_cut_and_said() -> None:
    lines = printed(np.zeros((64, 28, 30)), "channel")
    assert lines[-1] == "  … 16 more rows, 18 more columns, 60 more channels"
    assert lines[:2] == ["  channel 0", "  " + "  ".join("0" * 12) + "  …"] and len(lines) == 4 * 13 + 1
    assert printed(np.zeros((2, 3, 3, 3)), "filter", "channel")[-1] == "  … 2 more kernels"
    assert printed(np.zeros((2, 3, 3, 3)), "filter", "channel")[12] == "  filter 1, channel 0"
    assert printed(np.zeros(1000))[-1] == "  … 952 more numbers"
    assert printed(np.arange(15))[1] == "  12  13  14"
    kernels_of_one_pixel = printed(np.arange(6).reshape(2, 3, 1, 1), "filter", "channel")
    assert kernels_of_one_pixel == ["  0  1  2", "  3  4  5"]


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ([1, -2, 30], " 1  -2  30"),
        ([0.5, -0.25, 0], " 0.50  -0.25   0.00"),
        ([1 / 3, -2 / 3], " 0.3333  -0.6667"),
        ([3.9999998, -1e-9], "4  0"),
        ([1e-5, 0], "1.000e-05  0.000e+00"),
        ([2e9, 1], "2.000e+09  1.000e+00"),
        ([np.nan, np.inf, 1], "nan  inf    1"),
    ],
)
def test_numbers_have_as_few_decimals_as_tell_them(numbers: list[float], shown: str) -> None:
    assert printed(numbers) == [f"  {shown}"]


def test_long_nets_are_cut(here: Path) -> None:
    spec = write("n.cnn", "net N { input 1@2x2\n repeat 50 { relu } }")
    called = run(spec, write("m.csv", "1 2\n3 4"), "--print")
    assert (
        "relu40: 1@2x2" in called.out and "relu41" not in called.out and "  … 10 more layers\n" in called.out
    )


def test_a_shipped_net_of_images(tmp_path: Path) -> None:
    called = run(
        SPECS / "resnet.cnn",
        save(tmp_path / "x.png", noise(8, 8, 3)),
        "--net",
        "ResNet18",
        "--input",
        "3@32x32",
        "--print",
    )
    assert called.code == 0 and "conv1.weight: 64x3x7x7" in called.out and called.out.count("class ") == 5
    assert len(called.out.splitlines()) < 3000
