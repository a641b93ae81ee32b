"""`cnnspec import net.onnx`: from a file to a specification and its weights."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from cnnspec.compiler import check_text  # noqa: E402
from cnnspec.run.weight_files import blank_state, read_tensors  # noqa: E402
from tests.commands.calling import run  # noqa: E402
from tests.importers.onnx.graphs import graph, node, save, weight  # noqa: E402

NODES = [
    node("c = Conv x w b", pads=[1, 1, 1, 1]),
    node("r = Relu c"),
    node("g = GlobalAveragePool r"),
    node("f = Flatten g"),
    node("y = MatMul f q"),
]
TENSORS = {"w": weight(8, 4, 3, 3), "b": weight(8, seed=1), "q": weight(8, 3, seed=2)}

TEXT = """net TinyNet {
    input 4@6x6
    conv 8@3x3 pad=1, relu, globalavgpool, flatten
    linear 3 bias=no
}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return save(graph(NODES, **TENSORS), tmp_path).rename(tmp_path / "tiny-net.onnx")


call = partial(run, "import")


def test_weights_are_written_under_the_keys_of_the_specification(file: Path, tmp_path: Path) -> None:
    made, weights = tmp_path / "net.cnn", tmp_path / "net.safetensors"
    done = call(str(file), "-o", str(made), "--weights", str(weights))
    assert done.exit_code == 0, done.stderr
    assert made.read_text() == TEXT
    found = read_tensors(str(weights), blank_state(check_text(TEXT).networks[0]))
    assert found.keys() == {"conv1.weight", "conv1.bias", "linear1.weight"}
    assert np.array_equal(found["conv1.bias"], TENSORS["b"])
    assert np.array_equal(found["linear1.weight"], TENSORS["q"].T)


def test_a_flat_text_of_the_same_keys(file: Path) -> None:
    assert call(str(file), "--flat").stdout == TEXT


def test_reasons_name_the_node(tmp_path: Path) -> None:
    path = save(graph([node("y = Sin x", name="/wave/Sin")]), tmp_path)
    done = call(str(path))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "error[E1003]: `Sin` has no layer: Sin, at /wave/Sin" in done.stderr


def test_torch_is_not_needed(file: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from cnnspec.commands.cli import main\n"
        f"main(['import', {str(file)!r}], standalone_mode=False)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (TEXT, "")
