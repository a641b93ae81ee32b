"""`cnnspec import` of Caffe's and Darknet's files: from the outside, and without PyTorch."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")

from cnnspec.compiler import check_text  # noqa: E402
from cnnspec.run.weight_files import blank_state, read_tensors  # noqa: E402
from tests.commands.calling import run  # noqa: E402
from tests.importers.classic import caffemodel, darknet_weights  # noqa: E402

PROTOTXT = """name: "Tiny"
input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
"""

CFG = """[net]
height=8
width=8
channels=3
[convolutional]
batch_normalize=1
filters=4
size=3
pad=1
activation=leaky
[yolo]
mask=0,1,2
[route]
layers=-2
[yolo]
mask=3,4,5
"""


call = partial(run, "import")


def imported(folder: Path, source: Path, *rest: str | Path) -> str:
    """The text of a source, after a look that its weights are those of the text."""
    made, weights = folder / "net.cnn", folder / "net.safetensors"
    done = call(source, *rest, "-o", made, "--weights", weights, "--force")
    assert done.exit_code == 0, done.stderr
    state = blank_state(check_text(made.read_text()).networks[0])
    assert read_tensors(str(weights), state).keys() == state.keys()
    return made.read_text()


def test_a_prototxt_and_its_caffemodel(tmp_path: Path) -> None:
    source, weights = tmp_path / "tiny.prototxt", tmp_path / "tiny.caffemodel"
    source.write_text(PROTOTXT)
    weights.write_bytes(caffemodel({"conv1": [np.ones((4, 3, 3, 3)), np.zeros(4)]}))
    assert imported(tmp_path, source, weights) == "net Tiny {\n    input 3@8x8\n    conv 4@3x3, relu\n}\n"
    weights.write_bytes(caffemodel({}))
    assert "`conv1`: it has no blobs" in call(source, weights).stderr
    done = call(source, "--weights", tmp_path / "other.npz")
    assert done.exit_code == 1
    assert "error[E1001]: the weights are in a .caffemodel" in done.stderr


def test_a_cfg_and_its_weights(tmp_path: Path) -> None:
    source, weights = tmp_path / "tiny.cfg", tmp_path / "tiny.weights"
    source.write_text(CFG)
    weights.write_bytes(darknet_weights(np.ones(16 + 108 + 5)))
    text = imported(tmp_path, source, weights, "--until", "1")
    assert text.endswith("    conv 4@3x3 pad=1 bias=no, batchnorm, leakyrelu 0.1\n}\n")


def test_all_heads_are_refused_with_their_lines(tmp_path: Path) -> None:
    source, made = tmp_path / "tiny.cfg", tmp_path / "net.cnn"
    source.write_text(CFG)
    done = call(source, "-o", made)
    assert done.exit_code == 1
    assert not made.exists()
    assert done.stderr.splitlines() == [
        "cnnspec: error[E1003]: layer 1, the detection head `[yolo]`, has no layer: tiny.cfg:11",
        "cnnspec: error[E1003]: layer 3, the detection head `[yolo]`, has no layer: tiny.cfg:15",
        "cnnspec: `--until LAYER` imports what lies before a layer",
        "cnnspec: nothing was written; see `cnnspec explain E1003`",
    ]
    answer = json.loads(call(source, "--format", "json").stdout)
    assert [each["place"] for each in answer["refused"]] == ["tiny.cfg:11", "tiny.cfg:15"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for name in ("net.cfg", "net.prototxt"):
        done = call(tmp_path / name)
        assert done.exit_code == 1
        assert f"{name}: No such file or directory" in done.stderr
    sources = tmp_path / "tiny.prototxt", tmp_path / "tiny.cfg"
    for source, text in zip(sources, (PROTOTXT, CFG), strict=True):
        source.write_text(text)
        done = call(source, tmp_path / "none", "--until", "relu1" if text == PROTOTXT else "1")
        assert done.exit_code == 1
        assert f"error[E1001]: {tmp_path / 'none'}: No such file or directory\n" in done.stderr


def test_neither_pytorch_nor_numpy_is_loaded(tmp_path: Path) -> None:
    sources = tmp_path / "net.cfg", tmp_path / "net.prototxt"
    sources[0].write_text(CFG.partition("[yolo]")[0])
    sources[1].write_text(PROTOTXT)
    code = (
        "import sys; from cnnspec.importers.readers import load; from cnnspec.importers.write import write\n"
        "for source in sys.argv[1:]: loaded = load(source); write(loaded.read([], loaded.name))\n"
        "print(sorted({'torch', 'numpy', 'google.protobuf'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code, *sources], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
