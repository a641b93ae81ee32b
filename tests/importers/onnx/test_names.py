"""Names of an exporter: paths of modules, and what is believed of the names of tensors."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("onnx")

from cnnspec.importers.onnx.weight_names import nested  # noqa: E402
from tests.importers.onnx.graphs import graph, node, read_model, weight  # noqa: E402


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("/conv1/Conv", ["conv1"]),
        ("/layer1/layer1.0/conv1/Conv", ["layer1", "layer1.0", "layer1.0.conv1"]),
        ("/a/a.1/b/b.0/b.0.0/Conv", ["a", "a.1", "a.1.b", "a.1.b.0", "a.1.b.0.0"]),
        ("/trunk/block1-0/Add", ["trunk", "trunk.block1-0"]),
        ("/Add", []),
        ("Conv_12", []),
        ("a/b/Conv", []),
        ("/a b/Conv", []),
        (f"/{'a' * 300}/Conv", []),
        ("", []),
    ],
)
def test_a_name_of_a_node_tells_the_modules_around_it(name: str, paths: list[str]) -> None:
    assert [*nested(name)] == paths


def keys(*names: str, **tensors: object) -> list[str]:
    """The keys of two convolutions of these names, or none where they are free."""
    pairs = enumerate(zip(names, tensors, strict=True))
    nodes = [node(f"v{k + 1} = Conv v{k} {tensor}", name=name) for k, (name, tensor) in pairs]
    nodes = [node("v0 = Relu x"), *nodes, node(f"y = Relu v{len(names)}")]
    held = {name.replace("__", "."): array for name, array in tensors.items()}
    for each in nodes:
        each.input[:] = [name.replace("__", ".") for name in each.input]
    model, _ = read_model(graph(nodes, **held))
    return [key for operation in model.operations for key in operation.keys.values()] if model.named else []


ONE, TWO = weight(4, 4, 1, 1), weight(4, 4, 1, 1, seed=1)


def test_kernels_bear_their_names() -> None:
    assert keys("", "", a__weight=ONE, b__c__weight=TWO) == ["a.weight", "b.c.weight"]


def test_nodes_name_what_their_tensors_do_not() -> None:
    assert keys("/a/Conv", "/b/b.0/Conv", t1=ONE, t2=TWO) == ["a.weight", "b.0.weight"]


def test_layers_of_one_module_are_told_apart() -> None:
    assert keys("/a/Conv", "/a/b/Conv", t1=ONE, a__weight=TWO) == ["a.conv.weight", "a.b.conv.weight"]


@pytest.mark.parametrize(
    ("names", "tensors"),
    [
        (("", "/b/Conv"), ("t1", "t2")),
        (("/train/Conv", "/b/Conv"), ("t1", "t2")),  # no module can be called so
    ],
)
def test_keys_are_free_where_no_module_has_such_names(
    names: tuple[str, str], tensors: tuple[str, str]
) -> None:
    assert keys(*names, **dict(zip(tensors, (ONE, TWO), strict=True))) == []
