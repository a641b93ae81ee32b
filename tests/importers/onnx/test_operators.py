"""Operators, each in a graph of its own, against ONNX Runtime."""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from typing import Any

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from cnnspec.importers.onnx.lower import FAMILIES, TABLE  # noqa: E402
from cnnspec.importers.refusals import Refused  # noqa: E402
from tests.importers.onnx.graphs import agree, graph, layers, node, read_model, weight  # noqa: E402


def test_no_two_families_have_a_row_of_one_name() -> None:
    assert len(TABLE) == sum(len(family.ROWS) for family in FAMILIES)


@pytest.mark.parametrize("name", TABLE)
def test_a_row_uses_every_input_and_attribute_that_it_names(name: str) -> None:
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(TABLE[name]))).body
    used = {each.id for each in ast.walk(function) if isinstance(each, ast.Name)}
    _, *parameters = (node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg))
    assert set(parameters) <= used


CONVOLUTIONS: list[dict[str, Any]] = [
    {"pads": [1, 1, 1, 1]},
    {"pads": [0, 1, 2, 1], "strides": [2, 1]},
    {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
    {"auto_pad": "VALID"},
    {"dilations": [2, 1], "pads": [2, 1, 2, 1]},
    {"group": 2},
    {"group": 4},
]


@pytest.mark.parametrize("given", CONVOLUTIONS, ids=str)
def test_convolutions(given: dict[str, Any]) -> None:
    count = 4 // given.get("group", 1)
    agree(graph([node("y = Conv x w b", **given)], w=weight(8, count, 3, 3) - 1, b=weight(8)))
    agree(graph([node("y = Conv x w", kernel_shape=[3, 3], **given)], w=weight(8, count, 3, 3) - 1))


TRANSPOSED: list[dict[str, Any]] = [
    {"strides": [2, 2]},
    {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 0]},
    {"strides": [2, 2], "pads": [0, 1, 1, 1]},
    {"group": 2, "dilations": [1, 2]},
]


@pytest.mark.parametrize("given", TRANSPOSED, ids=str)
def test_transposed_convolutions(given: dict[str, Any]) -> None:
    agree(
        graph(
            [node("y = ConvTranspose x w b", **given)],
            w=weight(4, 3, 3, 3),
            b=weight(3 * given.get("group", 1)),
        )
    )


POOLS: list[dict[str, Any]] = [
    {},
    {"strides": [2, 2], "pads": [1, 1, 1, 1]},
    {"strides": [2, 2], "pads": [0, 0, 1, 1]},
    {"strides": [2, 2], "pads": [1, 1, 0, 0]},
    {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
    {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
    {"strides": [2, 1], "ceil_mode": 1},
]


@pytest.mark.parametrize("side", [6, 7])
@pytest.mark.parametrize("given", POOLS, ids=str)
def test_pools(given: dict[str, Any], side: int) -> None:
    for more in ({}, {"count_include_pad": 1}, None):
        operator = "MaxPool" if more is None else "AveragePool"
        agree(
            graph(
                [node(f"y = {operator} x", kernel_shape=[3, 3], **given, **(more or {}))], (2, 4, side, side)
            )
        )


def test_a_pool_of_one_pixel_is_nothing_and_one_of_all_a_global_pool() -> None:
    assert layers(graph([node("y = AveragePool x", kernel_shape=[1, 1])])) == []
    pool = node("y = AveragePool x", kernel_shape=[7, 7], pads=[0, 0, 1, 1])
    assert layers(graph([pool])) == ["globalavgpool"]


@pytest.mark.parametrize(
    ("operator", "attributes", "layer"),
    [
        ("Relu", {}, "relu"),
        ("LeakyRelu", {"alpha": 0.2}, "leakyrelu"),
        ("Elu", {"alpha": 0.5}, "elu"),
        ("Selu", {}, "selu"),
        ("Sigmoid", {}, "sigmoid"),
        ("Tanh", {}, "tanh"),
        ("Softplus", {}, "softplus"),
        ("HardSwish", {}, "hardswish"),
        ("HardSigmoid", {"alpha": 1 / 6}, "hardsigmoid"),
        ("Abs", {}, "abs"),
        ("Softmax", {"axis": 1}, "softmax"),
        ("LogSoftmax", {"axis": -3}, "logsoftmax"),
        ("GlobalAveragePool", {}, "globalavgpool"),
        ("GlobalMaxPool", {}, "globalmaxpool"),
        ("LRN", {"size": 3}, "lrn"),
        ("ReduceMean", {"axes": [2, 3]}, "globalavgpool"),
        ("ReduceMean", {"axes": [-1, -2], "keepdims": 0}, "globalavgpool"),
        ("ReduceMean", {"axes": [1]}, "channelmean"),
        ("ReduceMax", {"axes": [1]}, "channelmax"),
        ("Flatten", {}, "flatten"),
    ],
)
def test_layers_of_one_input(operator: str, attributes: dict[str, Any], layer: str) -> None:
    assert layers(graph([node(f"y = {operator} x", **attributes)]))[0] == layer


@pytest.mark.parametrize(
    ("opset", "inputs", "attributes", "layer"),
    [
        (10, "x", {"min": 0.0, "max": 6.0}, "relu6"),
        (11, "x a b", {}, "relu6"),
        (11, "x a", {}, "relu"),
        (11, "x a c", {}, "hardtanh"),
    ],
)
def test_clips(opset: int, inputs: str, attributes: dict[str, Any], layer: str) -> None:
    limits = {"a": np.float32(0), "b": np.float32(6), "c": np.float32(2.5)}
    assert layers(graph([node(f"y = Clip {inputs}", **attributes)], opset=opset, **limits)) == [layer]


NORMS = {"s": weight(4), "b": weight(4, seed=1), "m": weight(4, seed=2), "v": weight(4, seed=3)}


def test_norms() -> None:
    norm = node("y = BatchNormalization x s b m v", epsilon=1e-3, momentum=0.99)
    (batch,) = agree(graph([norm], **NORMS)).operations
    assert (batch.layer.value("eps"), batch.layer.value("momentum")) == (1e-3, 0.01)
    assert batch.keys.keys() == {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}
    assert layers(graph([node("y = InstanceNormalization x s b")], **NORMS)) == ["instancenorm"]
    turn = [node("t = Transpose x", perm=[0, 2, 3, 1]), node("n = LayerNormalization t s b")]
    turn.append(node("y = Transpose n", perm=[0, 3, 1, 2]))
    assert layers(graph(turn, **NORMS)) == ["layernorm"]


def test_a_group_norm_as_exporters_write_it() -> None:
    nodes = [
        node("r = Reshape x three"),
        node("n = InstanceNormalization r one zero"),
        node("m = Reshape n four"),
        node("p = Mul m s"),
        node("y = Add p b"),
    ]
    tensors = {
        "three": np.array([0, 2, -1]),
        "four": np.array([2, 4, 6, 6]),
        "s": weight(4, 1, 1),
        "b": weight(4, 1, 1),
    }
    ones = {"one": np.ones(2, np.float32), "zero": np.zeros(2, np.float32)}
    (norm,) = agree(graph(nodes, **tensors, **ones)).operations
    assert (norm.layer.name, norm.layer.value("groups"), [*norm.keys]) == ("groupnorm", 2, ["weight", "bias"])


def test_a_layer_norm_over_channels_as_exporters_write_it() -> None:
    nodes = [
        node("mean = ReduceMean x", axes=[1]),
        node("d = Sub x mean"),
        node("q = Pow d two"),
        node("var = ReduceMean q", axes=[1]),
        node("e = Add var eps"),
        node("r = Sqrt e"),
        node("n = Div d r"),
        node("p = Mul n s"),
        node("y = Add p b"),
    ]
    tensors = {"two": np.float32(2), "eps": np.float32(1e-6), "s": weight(4, 1, 1), "b": weight(4, 1, 1)}
    (norm,) = agree(graph(nodes, **tensors)).operations
    assert (norm.layer.name, norm.layer.value("eps")) == ("layernorm", 1e-6)


def test_a_global_response_norm_as_exporters_write_it() -> None:
    lines = ["l = ReduceL2 x", "m = ReduceMean l", "e = Add m eps", "n = Div l e", "p = Mul x n"]
    axes = {"ReduceL2": [2, 3], "ReduceMean": [1]}
    core = [
        node(line, **({"axes": axes[line.split()[2]]} if line.split()[2] in axes else {})) for line in lines
    ]
    whole = [*core, node("w = Mul s p"), node("o = Mul w one"), node("b = Add o t"), node("y = Add x b")]
    held = {"eps": np.float32(1e-6), "one": np.ones(1, np.float32), "s": weight(1, 4, 1, 1)}
    held |= {"t": weight(1, 4, 1, 1, seed=1), "u": weight(1, 3, 1, 1)}
    (norm,) = agree(graph(whole, **held)).operations
    assert (norm.layer.name, norm.layer.value("eps")) == ("grn", 1e-6)
    for rest in (
        ["y = Relu p"],
        ["y = Add p x"],
        ["y = Mul p u"],
        ["w = Mul s p", "y = Add w x"],
        ["w = Mul s p", "b = Add w t", "r = Relu x", "y = Add b r"],
        ["w = Mul s p", "b = Add w t", "y = Identity b"],
        ["w = Mul s p", "v = Mul s w", "b = Add v t", "y = Add b x"],
    ):
        with pytest.raises(Refused):
            read_model(graph([*core, *map(node, rest)], **held))
    core[0] = node("l = ReduceL2 x", axes=[2])
    with pytest.raises(Refused, match="`ReduceL2` with `axes="):
        read_model(graph([*core, *whole[5:]], **held))


def test_linear_layers() -> None:
    flat = node("f = Flatten x")
    gemm = node("y = Gemm f w b", transB=1, alpha=2.0, beta=0.5)
    assert layers(graph([flat, gemm], w=weight(5, 144), b=weight(5))) == ["flatten", "linear"]
    nodes = [flat, node("m = MatMul f w"), node("y = Add m b")]
    (_, linear) = agree(graph(nodes, w=weight(144, 5), b=weight(5))).operations
    assert linear.layer.value("bias")
    turned = [node("t = Transpose x", perm=[0, 2, 3, 1]), node("y = MatMul t w")]
    with pytest.raises(Refused, match="no map and no vector"):  # its channels come last
        read_model(graph(turned, w=weight(4, 5)))
    turned = [*turned[:1], node("m = MatMul t w"), node("y = Transpose m", perm=[0, 3, 1, 2])]
    assert layers(graph(turned, w=weight(4, 5))) == ["linear"]


FORMULAS = {
    "silu": ["s = Sigmoid x; y = Mul x s"],
    "mish": ["s = Softplus x; t = Tanh s; y = Mul x t"],
    "hardswish": [
        "a = Add x three; c = Clip a zero six; m = Mul x c; y = Div m six",
        "s = Mul x sixth; a = Add half s; c = Clip a zero one; y = Mul c x",
    ],
    "hardsigmoid": ["a = Add x three; c = Clip a zero six; y = Div c six"],
    "sigmoid": ["n = Neg x; e = Exp n; a = Add e one; y = Div one a"],
    "gelu": [
        "d = Div x root; e = Erf d; a = Add e one; m = Mul x a; y = Mul m half",
        "h = Mul x half; d = Div x root; e = Erf d; a = Add one e; y = Mul h a",
        "d = Div x short; e = Erf d; a = Add e one; m = Mul x a; y = Mul m half",
        "s = Pow x three; c = Mul s cubic; a = Add x c; m = Mul a slope; t = Tanh m; o = Add t one; "
        "h = Mul x half; y = Mul h o",
    ],
    "rmsnorm": ["s = Mul x x; m = ReduceMean s channels; a = Add m eps; r = Pow a exponent; y = Mul x r"],
}


@pytest.mark.parametrize(
    ("layer", "text"), [(layer, text) for layer, each in FORMULAS.items() for text in each]
)
def test_formulas_that_come_to_a_layer(layer: str, text: str) -> None:
    numbers = {"zero": 0, "sixth": 1 / 6, "half": 0.5, "one": 1, "three": 3, "six": 6, "root": 2**0.5}
    numbers |= {"short": 1.4142, "cubic": 0.044715, "slope": (2 / math.pi) ** 0.5}
    numbers |= {"exponent": -0.5, "eps": 1e-3}
    held = {name: np.float32(value) for name, value in numbers.items()}
    held["channels"] = np.array([1])
    assert layers(graph([node(line) for line in text.split("; ")], opset=18, **held)) == [layer]


def test_a_part_that_no_formula_has_is_made_where_it_can_be() -> None:
    numbers = {"two": np.float32(2), "half": np.float32(0.5), "s": weight(4, 1, 1), "channels": np.array([1])}
    for text, made in {
        "p = Pow x two; a = Add p half; y = Relu a": ["mul", "shift", "relu"],
        "r = Relu x; p = Mul x r; h = Mul p half; y = Sub h x": ["squaredrelu", "scale", "sub"],
        "a = Mul x half; b = Add a x; y = Relu b": ["scale", "relu"],
        "a = Mul x half; y = ReduceMax a channels": ["scale", "channelmax"],
    }.items():
        assert layers(graph([node(line) for line in text.split("; ")], opset=18, **numbers)) == made
    for text in ("y = Div two x", "e = Exp x; y = Relu e", "a = Mul x half; y = Mul a s"):
        with pytest.raises(Refused, match="the formula that ends in"):
            read_model(graph([node(line) for line in text.split("; ")], **numbers))


def test_numbers_are_scales_normalisations_biases_and_batch_norms() -> None:
    tensors = {
        "a": np.float32(2),
        "s": weight(4, 1, 1),
        "b": weight(4, 1, 1, seed=1),
        "w": weight(4, 4, 1, 1),
    }
    assert layers(graph([node("y = Mul x a")], **tensors)) == ["scale"]
    assert layers(graph([node("y = Mul x s")], **tensors)) == ["scale"]
    assert layers(graph([node("d = Sub x b"), node("y = Div d s")], **tensors)) == ["normalize"]
    vectors = {"b": weight(4), "s": weight(4, seed=1)}
    both = [node("d = Sub x b"), node("y = Div d s")]
    assert layers(graph(both, (2, 4), **vectors)) == ["scale", "shift"]
    conv, relu = node("c = Conv x w"), node("c = Relu x")
    both = [node("m = Mul c s"), node("y = Add m b")]
    assert layers(graph([conv, *both], **tensors)) == ["conv"]
    assert layers(graph([relu, *both], **tensors)) == ["relu", "scale", "shift"]
    assert layers(graph([conv, node("y = Add c b")], **tensors)) == ["conv"]
    assert layers(graph([conv, node("d = Add c b"), node("y = Add c d")], **tensors)) == [
        "conv",
        "shift",
        "add",
    ]


def test_joins_and_gates() -> None:
    tensors = {"w": weight(4, 4, 1, 1)}
    gate = [
        node(line) for line in ("g = GlobalAveragePool x", "c = Conv g w", "s = Sigmoid c", "y = Mul x s")
    ]
    assert layers(graph(gate, **tensors)) == ["globalavgpool", "conv", "sigmoid", "mul"]
    flat = [node("g = ReduceMean x", axes=[2, 3], keepdims=0), node("c = MatMul g m")]
    shaped = [node("s = Reshape c four"), node("y = Mul x s")]
    found = layers(graph([*flat, *shaped], m=weight(4, 4), four=np.array([2, 4, 1, 1])))
    assert found == ["globalavgpool", "linear", "mul"]
    assert layers(graph([node("y = Concat x x", axis=1)])) == ["concat"]
    assert layers(graph([node("y = Sum x x x")])) == ["add", "add"]
    assert layers(graph([node("r = Relu x"), node("y = Sub x r")])) == ["relu", "sub"]
    assert layers(graph([node("t = Tanh x"), node("y = Max x t x")])) == ["tanh", "maximum", "maximum"]
    assert layers(graph([node("t = Tanh x"), node("y = Min t x")])) == ["tanh", "minimum"]


def test_max_unpooling() -> None:
    window = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [node("m p = MaxPool x", **window), node("t = Tanh m"), node("y = MaxUnpool t p", **window)]
    assert layers(graph(nodes)) == ["maxpool", "tanh", "maxunpool"]
    nodes[0] = node("m p = MaxPool x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 0, 0])
    with pytest.raises(Refused, match="not side by side"):
        layers(graph(nodes))


def test_one_tensor_in_two_places_is_one_layer_that_runs_again() -> None:
    nodes = [node("a = Conv x w"), node("r = Relu a"), node("y = Conv r w")]
    first, _, second = agree(graph(nodes, w=weight(4, 4, 1, 1))).operations
    assert first.keys == second.keys
    norms = [node("a = BatchNormalization x s b m v"), node("y = BatchNormalization a s b m v")]
    one, two = agree(graph(norms, **NORMS)).operations  # exporters merge vectors that are equal
    assert one.keys != two.keys


@pytest.mark.parametrize("attributes", [{"alpha": 2.0}, {"transB": 1}])
def test_one_tensor_that_is_read_otherwise_is_another_layer(attributes: dict[str, Any]) -> None:
    nodes = [node("a = Gemm x w"), node("r = Relu a"), node("b = Gemm r w", **attributes)]
    nodes += [node("s = Relu b"), node("y = Gemm s w")]
    first, _, second, _, third = agree(graph(nodes, (2, 4), w=weight(4, 4) - 1)).operations
    assert first.keys != second.keys
    assert first.keys == third.keys


def test_a_layer_that_took_in_numbers_is_another_than_that_of_its_tensors() -> None:
    nodes = [node("c = Conv x w b"), node("m = Mul c s"), node("a = Add m s"), node("r = Relu a")]
    tensors = {"w": weight(4, 4, 1, 1), "b": weight(4), "s": weight(4, 1, 1, seed=1)}
    first, _, second = agree(graph([*nodes, node("y = Conv r w b")], **tensors)).operations
    assert first.keys != second.keys
    linear = [node("m = MatMul x w"), node("a = Add m b"), node("n = MatMul a w"), node("y = Add n b")]
    first, second = agree(graph(linear, (2, 4), w=weight(4, 4), b=weight(4))).operations
    assert first.keys == second.keys


SAME = np.array([2, 4, 6, 6])
SIZES = {"sizes": np.array([2, 4, 12, 9]), "scales": np.array([1, 1, 2, 1.5], np.float32)}


@pytest.mark.parametrize(
    ("inputs", "attributes"),
    [
        (
            "x _ scales",
            {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        ),
        ("x _ _ sizes", {"mode": "linear"}),
        ("x _ scales", {"mode": "linear", "coordinate_transformation_mode": "align_corners"}),
        ("x _ _ sizes", {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"}),
    ],
)
def test_resizes(inputs: str, attributes: dict[str, Any]) -> None:
    assert layers(graph([node(f"y = Resize {inputs}", **attributes)], **SIZES)) == ["upsample"]


def test_a_resize_of_some_axes() -> None:
    given = {"axes": [3, 2], "mode": "linear"}
    sizes = {"sizes": np.array([9, 12])}
    (resize,) = agree(graph([node("y = Resize x _ _ sizes", **given)], opset=18, **sizes)).operations
    assert str(resize.output.shape) == "4@12x9"


def test_resizes_that_read_other_pixels_are_refused() -> None:
    for given in ({"mode": "cubic"}, {"mode": "linear", "coordinate_transformation_mode": "asymmetric"}):
        with pytest.raises(Refused, match="Resize"):
            read_model(graph([node("y = Resize x _ scales", **given)], **SIZES))
    given = {"coordinate_transformation_mode": "tf_crop_and_resize", "mode": "linear"}
    roi = np.array([0, 0, 0.1, 0.1, 1, 1, 0.8, 0.8], np.float32)
    for amount in ("s", "_ n"):
        model = graph(
            [node(f"y = Resize x roi {amount}", **given)], roi=roi, s=np.ones(4, np.float32), n=SAME
        )
        with pytest.raises(Refused, match="tf_crop_and_resize"):
            read_model(model)


PAIR = np.array([0, 0, 1, 2, 0, 0, 3, 0])


@pytest.mark.parametrize(
    ("nodes", "opset", "found"),
    [
        ([node("y = Pad x pads")], 17, ["pad"]),
        ([node("y = Pad x pads value")], 17, ["pad"]),
        ([node("y = Pad x pads", mode="reflect")], 17, ["pad"]),
        ([node("y = Pad x", pads=PAIR.tolist(), value=2.0)], 10, ["pad"]),
        ([node("p = Pad x pads"), node("y = Conv p w", pads=[0, 0, 0, 0])], 17, ["conv"]),
        ([node("y = Slice x starts ends axes")], 17, ["slice"]),
        ([node("y = Slice x", starts=[1, 2], ends=[5, 99], axes=[2, 3])], 9, ["crop"]),
        ([node("a y = Split x", axis=1)], 13, ["slice"]),
        ([node("a y = Split x", axis=1, split=[1, 3])], 11, ["slice"]),
        ([node("y = Gather x order", axis=1)], 17, ["pick"]),
        ([node("y = Gather x shuffled", axis=1)], 17, ["channelshuffle"]),
        ([node("y = DepthToSpace x", blocksize=2)], 17, ["pixelshuffle"]),
        ([node("y = DepthToSpace x", blocksize=2, mode="CRD")], 17, ["pixelshuffle"]),
        ([node("y = SpaceToDepth x", blocksize=2)], 17, ["pixelunshuffle", "channelshuffle"]),
        ([node("y = Dropout x", ratio=0.25)], 11, ["dropout"]),
        ([node("a = Identity x"), node("y = Cast a", to=1)], 17, []),
        ([node("a = Squeeze x"), node("y = Reshape a back")], 17, []),
        ([node("a = Unsqueeze x", axes=[0]), node("y = Squeeze a", axes=[0])], 11, []),
    ],
)
def test_moves(nodes: list[Any], opset: int, found: list[str]) -> None:
    tensors = {
        "pads": PAIR,
        "value": np.float32(-1),
        "w": weight(4, 4, 3, 3),
        "starts": np.array([1]),
        "ends": np.array([-1]),
        "axes": np.array([1]),
        "order": np.array([3, 0, -2]),
        "shuffled": np.array([0, 2, 1, 3]),
        "back": np.array([2, 4, 6, 6]),
    }
    assert layers(graph(nodes, opset=opset, **tensors)) == found


def test_a_shuffle_of_channels() -> None:
    nodes = [
        node("a = Reshape x five"),
        node("t = Transpose a", perm=[0, 2, 1, 3, 4]),
        node("y = Reshape t four"),
    ]
    tensors = {"five": np.array([2, 2, 2, 6, 6]), "four": np.array([0, -1, 6, 6])}
    assert layers(graph(nodes, **tensors)) == ["channelshuffle"]


def test_sizes_that_the_graph_computes_are_computed() -> None:
    nodes = [
        node("shape = Shape x"),
        node("n = Gather shape zero", axis=0),
        node("first = Unsqueeze n axis"),
        node("sizes = Concat first rest", axis=0),
        node("y = Reshape x sizes"),
    ]
    tensors = {"zero": np.array(0), "axis": np.array([0]), "rest": np.array([-1])}
    for batch in (3, "N"):
        assert layers(graph(nodes, (batch, 4, 6, 6), **tensors)) == ["flatten"]


def test_images_with_their_channels_last() -> None:
    nodes = [
        node("t = Transpose x", perm=[0, 3, 1, 2]),
        node("c = Conv t w"),
        node("u = Transpose c", perm=[0, 2, 3, 1]),
        node("v = Add u b"),
        node("y = Relu v"),
    ]
    found = agree(graph(nodes, (2, 6, 5, 4), w=weight(3, 4, 1, 1), b=weight(3)))
    assert [operation.layer.name for operation in found.operations] == ["conv", "relu"]
    assert str(found.inputs[0].value.shape) == "4@6x5"
    flat = [*nodes[:3], node("y = Reshape u flat")]
    found = agree(graph(flat, (2, 6, 5, 4), w=weight(3, 4, 1, 1), flat=np.array([2, -1])))
    assert found.operations[1].layer.value("order") == "HWC"


@pytest.mark.parametrize("operator", ["Exp", "Log", "Abs", "Round", "Reciprocal"])
def test_functions_of_numbers_alone_are_computed(operator: str) -> None:
    numbers = np.array([0.6, 1.7, 2.3, 0.2], np.float32).reshape(1, 4, 1, 1)
    assert layers(graph([node(f"e = {operator} c"), node("y = Mul x e")], c=numbers)) == ["scale"]
