"""ONNX out: every layer and argument beside PyTorch, and what a model says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("torch")
import onnx
import torch

from cnnspec.analysis.unroll import Graph, Node, unroll
from cnnspec.backends import NoProgram, emit
from cnnspec.backends.onnx import OPSET, OPSETS, check, lowering
from cnnspec.backends.onnx.assemble import assemble
from cnnspec.backends.onnx.messages import make_model
from cnnspec.graph.tree import Network
from cnnspec.run.onnx_program import session_of
from cnnspec.run.programs import load
from cnnspec.text.source import Source, Span
from tests.layers.instantiate import MODULES, PARAMETERS, Case, batch, make, module, run, title
from tests.nets import network

HERE = Span(Source("net.cnn", "layer"), 0, 5)


def graph_of(case: Case) -> Graph:
    """A layer alone, from `in` to `out`."""
    name, arguments, x = case
    layer = make(name, **arguments)
    node = Node("a", layer, ("in",), (x,), layer.output(x), HERE, "a", False)
    return Graph((("in", x),), (node,), (("out", "a", False),))


def tensors_of(torch_module: Any, said: bool) -> dict[str, Any]:
    """Its tensors by their keys, redrawn where the specification does not say them."""
    if isinstance(torch_module, torch.nn.Parameter):
        torch_module.data.normal_()
        return {"a": torch_module.detach().numpy()}
    for name, tensor in torch_module.eval().state_dict().items():
        if tensor.is_floating_point() and not said:
            tensor.uniform_(0.5, 1.5) if name.endswith("var") else tensor.normal_()
    return {f"a.{name}": tensor.numpy() for name, tensor in torch_module.state_dict().items()}


@pytest.mark.slow
@pytest.mark.parametrize("opset", [OPSETS[0], OPSET])
@pytest.mark.parametrize("case", MODULES + PARAMETERS, ids=title)
def test_every_layer_computes_what_pytorch_does(case: Case, opset: int) -> None:
    compare(case, opset)


@pytest.mark.slow
@pytest.mark.parametrize("opset", OPSETS[1:])
def test_every_version_of_the_operators(opset: int) -> None:
    for case in MODULES + PARAMETERS:
        compare(case, opset)


def compare(case: Case, opset: int) -> None:
    """Assert that a layer alone passes ONNX's checks and computes what PyTorch's module does."""
    name, arguments, x = case
    theirs = module(name, arguments, x)
    tensors = tensors_of(theirs, "weights" in arguments)
    model = make_model("N", "net.cnn", assemble(graph_of(case), opset), tensors)
    check(model.SerializeToString())
    images = batch(x)
    with torch.no_grad():
        wanted = run(theirs, images, name).numpy()
    (made,) = session_of(model).run(None, {"in": images.numpy()})
    assert made.shape == wanted.shape
    assert np.abs(made - wanted).max() <= 1e-5 * np.abs(wanted).max()


def computed(content: Any, images: list[Any]) -> list[Any]:
    session = session_of(onnx.ModelProto.FromString(content))
    return session.run(None, dict(zip([x.name for x in session.get_inputs()], images, strict=True)))


def images_of(net: Network) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal((2, *each.value.shape.dimensions)).astype("float32") for each in net.inputs]


def calibrated(net: Network) -> tuple[list[Any], dict[str, Any]]:
    """What PyTorch computes on `images_of`, and its weights, statistics among them."""
    program = load("torch", net, unroll(net))
    rng = np.random.default_rng(0)
    state = program.state()
    for key, tensor in state.items():
        if key.endswith(("running_mean", "running_var")):
            state[key] = rng.uniform(0.5, 1.5, tensor.shape).astype("float32")
    program.put(state)
    return list(program.run(images_of(net)).values()), state


def agree(content: Any, images: list[Any], wanted: list[Any]) -> None:
    for made, theirs in zip(computed(content, images), wanted, strict=True):
        assert made.shape == theirs.shape
        assert np.abs(made - theirs).max() <= 1e-5 * np.abs(theirs).max()


SEVERAL = """
block Gate(act=relu) {
    mul { | identity | globalavgpool, conv 4@1x1, act, conv 4@1x1, sigmoid }
}
block Unit(width=4) {
    add { | conv width@3x3 pad=1 bias=no, batchnorm, Gate | identity }
    s: scale 0.5
    dropout 0.2
}
net Several {
    left: input 2@6x6
    right: input 2@6x6
    concat { | from left | from right }
    u: Unit
    again u
    v: Unit
    w: repeat 2 { Unit }
    "float32:0.0": relu
    "normal": normalize [1, 2, 3, 4] 2
    "normal:mean": relu6
    "normal:mean/Clip": silu
    "w/0": silu
    concat for i in 3 { | identity }
    add { | identity | relu | tanh }
    mul { | identity | sigmoid | abs }
    maxunpool 2x2 { | maxpool 2x2, tanh | identity }
    sub { | identity | relu6 }
    aux: conv 3@1x1
    from aux
    head: { flatten, linear 5, dropout }
    output head left v
    output aux train=yes
}
"""

OPTIONS: list[Mapping[str, Any]] = [{}, {"optimize": True}, {"functions": True}]
OPTIONS += [{"functions": True, "optimize": True}, {"opset": 13}, {"opset": 15, "functions": True}]


@pytest.fixture(name="several", scope="module")
def net_with_wires() -> tuple[Network, list[Any], dict[str, Any]]:
    net = network(SEVERAL)
    return net, *calibrated(net)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_several_inputs_and_outputs(several: Any, options: Mapping[str, Any]) -> None:
    net, wanted, state = several
    content = emit("onnx", net, "net.cnn", weights=state, **options)
    agree(content, images_of(net), wanted)
    model = onnx.ModelProto.FromString(content)
    assert [each.name for each in model.graph.input] == ["left", "right"]
    assert [each.name for each in model.graph.output] == ["head", "left:value", "v"]
    assert content == emit("onnx", net, "net.cnn", weights=state, **options)


def test_blocks_that_compute_the_same_are_one_function(several: Any) -> None:
    net, _, state = several
    model = onnx.ModelProto.FromString(emit("onnx", net, "net.cnn", weights=state, functions=True))
    functions = {function.name: function for function in model.functions}
    assert set(functions) == {"Gate", "Unit"}
    unit = functions["Unit"]
    assert list(unit.input)[:2] == ["input", "conv1.weight"] and "gate1.conv1.weight" in unit.input
    calls = [node for node in model.graph.node if node.op_type == "Unit"]
    assert [node.name for node in calls] == ["u", "u (2)", "v", "w.0", "w.1"]
    assert calls[0].input[1:] == calls[1].input[1:] != calls[2].input[1:]
    assert calls[0].input[-1] == "u.s" and calls[0].doc_string == "net.cnn:14: Unit"


NAMED = """
net Named {
    input 3@8x8
    stem: { conv 4@3x3 bias=no, batchnorm, silu }
    gamma: scale 0.1
    layernorm
    fc: { flatten, linear 2 }
}
"""


def test_what_a_model_says_of_itself() -> None:
    model = onnx.ModelProto.FromString(emit("onnx", network(NAMED), "some/net.cnn"))
    graph = model.graph
    assert (model.producer_name, graph.name, model.opset_import[0].version) == ("cnnspec", "Named", 21)
    assert model.doc_string.startswith("made by cnnspec") and model.doc_string.endswith("from net.cnn")
    keys = [each.name for each in graph.initializer if ":" not in each.name]
    assert keys == [
        *(f"stem.{key}" for key in ("0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var")),
        *("gamma", "layernorm1.weight", "layernorm1.bias", "fc.1.weight", "fc.1.bias"),
    ]
    names = [node.name for node in graph.node]
    assert names == [
        *("stem.0", "stem.1", "stem.2/Sigmoid", "stem.2", "gamma"),
        *("layernorm1/Transpose", "layernorm1/LayerNormalization", "layernorm1", "fc.0", "fc.1"),
    ]
    sizes = {
        each.name: [size.dim_value or size.dim_param for size in each.type.tensor_type.shape.dim]
        for each in (*graph.input, *graph.output, *graph.value_info)
    }
    assert sizes["input"] == ["N", 3, 8, 8] and sizes["output"] == ["N", 2]
    assert sizes["gamma:value"] == ["N", 4, 6, 6] == sizes["stem.2/Sigmoid"]
    assert {value for node in graph.node for value in node.output} <= set(sizes)
    silu = graph.node[3]
    assert silu.doc_string == "net.cnn:4: silu"
    assert {each.key: each.value for each in silu.metadata_props} == {
        "pkg.torch.onnx.name_scopes": "['', 'stem', 'stem.2', 'stem.2']",
        "pkg.torch.onnx.class_hierarchy": "['Named', 'group', 'silu', 'Mul']",
    }


def test_without_weights_they_are_those_that_the_numpy_program_starts_from() -> None:
    net = network(NAMED)
    start = load("numpy", net, unroll(net)).state()
    assert emit("onnx", net, "net.cnn") == emit("onnx", net, "net.cnn", weights=start)


def test_an_optimised_model_has_no_norms_and_takes_the_weights_of_the_net() -> None:
    net = network("net N { input 3@8x8\n pad 1\n conv 4@3x3 bias=no\n batchnorm\n relu\n dropout\n}")
    wanted, state = calibrated(net)
    content = emit("onnx", net, "net.cnn", weights=state, optimize=True)
    assert [node.op_type for node in onnx.ModelProto.FromString(content).graph.node] == ["Conv", "Relu"]
    agree(content, images_of(net), wanted)


def test_a_concatenation_goes_into_the_one_that_alone_reads_it() -> None:
    net = network("""net N { input 2@4x4
 concat { | concat { | identity | relu | concat { | tanh | abs } } | b: concat { | identity | elu } | from b }
 conv 3@1x1
}""")
    wanted, state = calibrated(net)
    content = emit("onnx", net, "net.cnn", weights=state)
    nodes = onnx.ModelProto.FromString(content).graph.node
    inner, outer = (list(node.input) for node in nodes if node.op_type == "Concat")
    assert inner[0] == "input" and outer == ["input", "relu1", "tanh1", "abs1", "b", "b"]
    agree(content, images_of(net), wanted)


@pytest.mark.parametrize("functions", [False, True])
@pytest.mark.parametrize("layer", ["adaptivemaxpool 3x3, upsample size=10x10", "upsample 1.3"])
def test_a_layer_that_runs_again_on_a_larger_map_has_other_places(layer: str, functions: bool) -> None:
    inside = f"{{ conv 3@3x3 pad=1, {layer} }}"
    for text in (
        f"net N {{ input 3@8x8\n b: {inside}\n again b }}",
        f"""
block C {inside}
block B {{ c: C, again c }}
net N {{ input 3@8x8, B }}""",
    ):
        net = network(text)
        wanted, state = calibrated(net)
        agree(emit("onnx", net, "net.cnn", weights=state, functions=functions), images_of(net), wanted)


def test_the_batch_is_free() -> None:
    net = network(NAMED)
    session = session_of(onnx.ModelProto.FromString(emit("onnx", net, "net.cnn")))
    images = np.random.default_rng(0).standard_normal((5, 3, 8, 8)).astype("float32")
    (whole,) = session.run(None, {"input": images})
    (last,) = session.run(None, {"input": images[4:]})
    assert whole.shape == (5, 2) and np.abs(whole[4:] - last).max() < 1e-6


def test_a_size_that_is_not_ours_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(step: Any) -> None:
        step.op("AveragePool", step.x, kernel_shape=[2, 2])

    monkeypatch.setitem(lowering.LOWERINGS, "avgpool", wrong)
    with pytest.raises(NoProgram, match="avgpool1"):
        emit("onnx", network("net N { input 3@8x8, avgpool 2x2, relu }"), "net.cnn")


def test_what_onnx_does_not_know_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(lowering.LOWERINGS, "relu", lambda step: step.op("Tanh", step.x, slope=1.0))
    with pytest.raises(NoProgram, match="slope"):
        emit("onnx", network("net N { input 3@8x8, relu }"), "net.cnn")
