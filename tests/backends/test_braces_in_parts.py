"""Labels with dots: steps of braces that are opened again and again, in the programs of both back ends."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
from tests.backends.interpreter import agree  # noqa: E402
from tests.backends.pair import Pair  # noqa: E402
from tests.nets import network, whole  # noqa: E402

pytestmark = pytest.mark.slow

BLOCK = """block Two(width) {
    "convs.0": conv width@3x3 pad=1
    "norms.0": batchnorm, relu
    "convs.1": conv width@3x3 pad=1
    "norms.1": batchnorm, relu
}
"""
NETS = {
    "chain": 'a: conv 4@1x1\n"c.0": conv 4@3x3\n"n.0": batchnorm, relu\n"c.1": conv 2@3x3',
    "loop": 'repeat i in 5 { "c.{i}": conv 3@3x3 pad=1, "n.{i}": batchnorm, relu }',
    "squares": 'repeat i in 4 { "m{i * i}": { "c.0": conv 3@1x1, add { | identity | conv 3@1x1 } } }',
    "braces": 'f: { "a.b.0": conv 4@1x1, relu, "a.c": conv 4@1x1, relu, "a.b.1": conv 2@1x1 }',
    "blocks": '"b.0": Two 4\nmaxpool 2x2\n"b.1": Two 6',
    "wires": '"c.0": conv 4@1x1\n"c.1": conv 4@1x1, add { | from c.0, "d.0": conv 4@1x1 | identity }',
    "paths": 'j: add { | "c.0": conv 4@1x1, "n.0": batchnorm | "c.1": conv 4@1x1, "n.1": batchnorm }',
    "choice": 'repeat i in 2 { "c.{i}": if i == 1 { conv 4@1x1 } else { conv 4@3x3 pad=1, relu } }',
    "again": '"c.0": conv 3@3x3 pad=1, relu, again c.0',
}


def spec(name: str) -> str:
    return f"{BLOCK}net N {{\n    input 3@9x9\n    {NETS[name]}\n}}\n"


@pytest.mark.parametrize("name", NETS)
def test_pytorch_computes_the_graph(name: str) -> None:
    agree(whole(spec(name)), "N")
    agree(whole(spec(name)), "N", training=True)


@pytest.mark.parametrize("name", NETS)
def test_numpy_computes_the_same_from_the_same_keys(name: str, tmp_path: Path) -> None:
    pair = Pair(network(spec(name)), tmp_path)
    assert set(pair.numpy.params) == set(pair.torch.state_dict())
    with torch.no_grad():
        expected = pair.torch.eval()(*pair.images).numpy()
    assert np.allclose(pair.numpy(*pair.arrays), expected, rtol=1e-4, atol=1e-5)
