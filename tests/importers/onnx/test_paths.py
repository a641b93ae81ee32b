"""Paths that exporters stack along an axis of their own: selective kernels, split attention."""

from __future__ import annotations

from typing import Any

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from cnnspec.importers.refusals import Refused  # noqa: E402
from tests.importers.onnx.graphs import graph, layers, node, read_model, weight  # noqa: E402

TENSORS: dict[str, Any] = {
    "one": np.array([1]),
    "pixels": np.array([2, 3]),
    "five": np.array([2, 2, 4, 1, 1]),
    "halves": np.array([2, 2, 2, 6, 6]),
    "k": weight(4, 4, 3, 3),
    "l": weight(4, 4, 1, 1, seed=1),
    "squeeze": weight(8, 4, 1, 1, seed=2),
}
SHARES = ["m = ReduceMean s", "f = Conv m squeeze", "r = Reshape f five", "p = Softmax r"]
ATTRIBUTES: dict[str, dict[str, Any]] = {
    "a = Conv x k": {"pads": [1, 1, 1, 1]},
    "c = Concat u v": {"axis": 1},
    "m = ReduceMean s": {"axes": [2, 3]},
    "p = Softmax r": {"axis": 1},
}


def test_selective_kernels_as_exporters_write_them() -> None:
    """Li et al. 2019: two paths are stacked, summed up, and each takes its share of every channel."""
    lines = ["a = Conv x k", "b = Conv x l", "u = Unsqueeze a one", "v = Unsqueeze b one", "c = Concat u v"]
    sums = [node("s = ReduceSum c one", keepdims=0)]
    shares = [node(line, **ATTRIBUTES.get(line, {})) for line in SHARES]
    last = [node("w = Mul c p"), node("y = ReduceSum w one", keepdims=0)]
    nodes = [*(node(line, **ATTRIBUTES.get(line, {})) for line in lines), *sums, *shares, *last]
    found = layers(graph(nodes, **TENSORS))
    made = ["concat", "add", "globalavgpool", "conv", "softmax", "mul", "slice", "slice", "add"]
    assert found == ["conv", "conv", *made]


@pytest.mark.parametrize("opset", [11, 17])
def test_halves_of_the_channels_are_summed(opset: int) -> None:
    """Up to opset 12 the axes of a sum are an attribute."""
    total = (
        node("y = ReduceSum h", axes=[1], keepdims=0)
        if opset < 13
        else node("y = ReduceSum h one", keepdims=0)
    )
    nodes = [node("h = Reshape x halves"), total]
    assert layers(graph(nodes, opset=opset, **TENSORS)) == ["slice", "slice", "add"]


@pytest.mark.parametrize(
    "nodes",
    [
        [node("y = ReduceSum x one")],
        [node("y = ReduceSum x")],
        [node("h = Reshape x halves"), node("y = ReduceSum h pixels")],
    ],
    ids=["channels", "all", "two axes"],
)
def test_other_sums_are_refused(nodes: list[Any]) -> None:
    with pytest.raises(Refused, match="`ReduceSum` has no layer"):
        read_model(graph(nodes, **TENSORS))


def test_an_index_of_all_in_their_order_is_another_view() -> None:
    """As PyTorch's newer exporter writes `as_strided`."""
    nodes = [node("g = GlobalAveragePool x"), node("f = Reshape g flat"), node("y = Gather f all")]
    tensors = {"flat": np.array([-1]), "all": np.arange(4).reshape(1, 4, 1, 1)}
    assert layers(graph(nodes, shape=(1, 4, 6, 6), **tensors)) == ["globalavgpool"]
