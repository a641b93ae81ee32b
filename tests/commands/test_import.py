"""`cnnspec import`: from the name of a module to a file, or to reasons why not."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from cnnspec.compiler import check_text
from cnnspec.run.weight_files import blank_state, read_tensors
from tests.commands.calling import run

SMALL = f"{Path(__file__).parents[1] / 'importers' / 'small.py'}:Small"
SPECTRUM = SMALL.replace(":Small", ":Spectrum")

TEXT = """block Block(out, stride=1) {
    add {
        | conv out@3x3 stride=stride pad=1 bias=no, bn1: batchnorm, relu
          conv out@3x3 pad=1 bias=no, bn2: batchnorm
        | if in.channels != out { short: conv out@1x1 stride=stride } else { identity }
    }
    relu
}

net Small {
    input 3@32x32
    stem: conv 16@3x3 pad=1
    blocks: repeat out, stride in [[16, 1], [32, 2], [64, 2], [128, 2]] {
        repeat j in 2 { Block out stride=(stride if j == 0 else 1) }
    }
    globalavgpool, flatten, fc: linear 10
}
"""


call = partial(run, "import")


def test_a_module_of_a_file_becomes_a_specification(tmp_path: Path) -> None:
    made, weights = tmp_path / "net.cnn", tmp_path / "net.safetensors"
    done = call(SMALL, "--input", "3@32x32", "-o", str(made), "--weights", str(weights))
    assert done.exit_code == 0, done.stderr
    assert done.stdout == ""
    assert made.read_text() == TEXT
    state = blank_state(check_text(TEXT).networks[0])
    assert read_tensors(str(weights), state).keys() == state.keys()


def test_a_name_and_a_flat_text() -> None:
    done = call(SMALL, "--name", "Tiny", "--flat")
    assert done.stdout.startswith("net Tiny {\n    input 3@224x224\n")
    assert "repeat" not in done.stdout


def test_an_answer_for_machines() -> None:
    answer = json.loads(call(SMALL, "--input", "3@32x32", "--format", "json").stdout)
    assert answer["text"] == TEXT
    assert answer["lines"] == 16
    assert "blocks.2.short.weight" in answer["keys"]


def test_all_reasons_are_told_and_nothing_is_written(tmp_path: Path) -> None:
    made = tmp_path / "net.cnn"
    done = call(SPECTRUM, "-o", str(made))
    assert done.exit_code == 1
    assert "error[E1003]: `fft_fft` has no layer: small.py:" in done.stderr
    assert not made.exists()
    answer = json.loads(call(SPECTRUM, "--format", "json").stdout)
    assert [reason["code"] for reason in answer["refused"]] == ["E1003"]


def test_what_is_not_proved_is_a_fault_of_ours_and_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is written, the last convolution that is proved is another one."""

    def sabotaged(text: str) -> Any:
        head, conv, tail = text.rpartition("@3x3 pad=1 bias=no, bn2")
        assert conv
        return check_text(f"{head}@3x3 pad=2 dilation=2 bias=no, bn2{tail}")

    monkeypatch.setattr("cnnspec.importers.write.check_text", sabotaged)
    made = tmp_path / "net.cnn"
    done = call(SMALL, "--input", "3@32x32", "-o", str(made))
    assert done.exit_code == 70
    assert "fault of cnnspec" in done.stderr
    assert "Unproved: the specification is another network in `blocks.7.conv2`: `conv`" in done.stderr
    assert not made.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([SMALL, "--input", "3x32x32"], "3x32x32"),
        ([SMALL, "--name", "a-b"], "--name: a net cannot be called 'a-b'"),
    ],
)
def test_a_wrong_call_is_told(arguments: list[str], words: str) -> None:
    done = call(*arguments)
    assert done.exit_code == 2
    assert words in done.stderr


def test_the_input_that_is_taken_is_told_where_it_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "mymodel.py"
    path.write_text(
        "from torch import nn\n\ndef net():\n    return nn.Sequential(nn.Flatten(), nn.Linear(12, 3))\n"
    )
    for given, is_told in (((), True), (("--input", "3@3x3"), False)):
        done = call(f"{path}:net", *given)
        assert done.exit_code == 1 and "the module raises RuntimeError" in done.stderr
        assert ("its input was taken for 3@224x224" in done.stderr) == is_told
