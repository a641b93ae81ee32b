"""A model whose height and width are free computes what the models for single sizes do, or is refused."""

from __future__ import annotations

from typing import Any

import pytest

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from cnnspec.api import build, check_text  # noqa: E402
from cnnspec.failures import Refusal  # noqa: E402

CLASSIFIER = """
block Unit(width, stride=1) {
    add { | conv width@3x3 stride=stride pad=1 bias=no, batchnorm, relu
            conv width@3x3 pad=1 bias=no, batchnorm
          | conv width@1x1 stride=stride bias=no, batchnorm }
    relu
    mul { | identity
          | globalavgpool, conv 4@1x1, relu, conv width@1x1, sigmoid }
}
net N {
    input 3@16x24
    conv 8@7x7 stride=2 pad=3, relu, maxpool 3x3 stride=2 ceil=yes
    Unit 8, Unit 12 stride=2, globalavgpool, flatten, linear 5
}
"""
MAPS = """net N {
    input 2@16x16
    first: conv 8@3x3 pad=1, relu
    maxpool 2x2, conv 8@3x3 pad=1 groups=2, channelshuffle 2, layernorm, gelu, upsample 2
    concat { | identity
             | from first }
    conv 3@1x1
}
"""
TWO = """net N {
    left: input 1@8x8
    right: input 1@8x8
    add { | from left, conv 4@3x3 pad=1
          | from right, conv 4@3x3 pad=1 }
    globalavgpool, flatten, linear 2
}
"""


def dimensions(value: Any) -> list[Any]:
    return [axis.dim_param or axis.dim_value or None for axis in value.type.tensor_type.shape.dim]


def answers(model: bytes, size: tuple[int, int]) -> list[Any]:
    """Of an image of this size, the same for all models."""
    session = onnxruntime.InferenceSession(model)
    chance = np.random.default_rng(0)
    images = {
        given.name: chance.normal(size=(2, given.shape[1], *size)).astype("f4")
        for given in session.get_inputs()
    }
    return list(session.run(None, images))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        (CLASSIFIER, [(16, 24), (17, 24), (33, 47), (64, 8)]),
        (MAPS, [(16, 16), (22, 40), (4, 2)]),
        (TWO, [(8, 8), (9, 13)]),
    ],
    ids=["classifier", "maps", "two inputs"],
)
@pytest.mark.parametrize(
    "more", [{}, {"functions": True}, {"optimize": True}], ids=["", "functions", "optimize"]
)
def test_one_model_is_that_of_many_sizes(
    text: str, sizes: list[tuple[int, int]], more: dict[str, Any]
) -> None:
    (network,) = check_text(text).networks
    free = build(network, "onnx", free_size=True, **more)
    for height, width in sizes:
        inputs = {each.name: each.value.shape.with_size(height, width) for each in network.inputs}
        (other,) = check_text(text, inputs=inputs).networks
        pairs = zip(
            answers(free, (height, width)),
            answers(build(other, "onnx", **more), (height, width)),
            strict=True,
        )
        assert max(float(np.abs(ours - theirs).max()) for ours, theirs in pairs) < 1e-5


def test_sides_bear_names_where_they_are_those_of_the_input() -> None:
    (network,) = check_text(MAPS).networks
    graph = onnx.load_from_string(build(network, "onnx", free_size=True)).graph
    assert dimensions(graph.input[0]) == ["N", 2, "height", "width"]
    assert dimensions(graph.output[0]) == ["N", 3, "height", "width"]
    sizes = {value.name: dimensions(value) for value in graph.value_info}
    assert sizes["first"] == ["N", 8, "height", "width"] and sizes["maxpool1"] == ["N", 8, None, None]
    (network,) = check_text(TWO).networks
    graph = onnx.load_from_string(build(network, "onnx", free_size=True)).graph
    assert [dimensions(each)[2:] for each in graph.input] == [
        ["left.height", "left.width"],
        ["right.height", "right.width"],
    ]
    assert dimensions(graph.output[0]) == ["N", 2]


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (
            "conv 2@3x3, flatten, linear 2",
            "net.cnn:2: `linear1` fixes the size of the input: for 1@7x7 it would be",
        ),
        ("adaptiveavgpool 8x8, flatten, linear 2", "`adaptiveavgpool1` fixes the size"),
        ('conv 2@3x3 stride=2 pad="same"', "`conv1` fixes the size of the input: for 1@7x7 "),
        ("upsample size=20x20", "`upsample1` fixes the size"),
        ("maxpool 3x3 stride=2 pad=1 ceil=yes", "`maxpool1` fixes the size"),
    ],
)
def test_a_layer_that_fixes_a_size_is_named(layers: str, words: str) -> None:
    found = check_text(f"net N {{ input 1@8x8\n{layers} }}")
    assert found.ok, found.diagnostics
    with pytest.raises(Refusal) as refusal:
        build(found.networks[0], "onnx", free_size=True)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("net N { input 5, linear 2 }", "N takes no maps"),
        ("net N { input 1@8x8\nflatten, unflatten 1@8x8 }", "N takes no other input near 1@8x8"),
    ],
    ids=["a vector", "a map of a vector"],
)
def test_a_net_without_sizes_to_choose_is_told(text: str, words: str) -> None:
    found = check_text(text)
    assert found.ok, found.diagnostics
    with pytest.raises(Refusal, match=words):
        build(found.networks[0], "onnx", free_size=True)


def test_a_layer_is_named_in_its_block() -> None:
    text = 'block Half {\n    first: conv 2@3x3 stride=2 pad="same"\n}\nnet N { input 1@8x8, Half, relu }'
    (network,) = check_text(text).networks
    with pytest.raises(Refusal, match=r"net\.cnn:2: `first` fixes the size"):
        build(network, "onnx", free_size=True, functions=True)
