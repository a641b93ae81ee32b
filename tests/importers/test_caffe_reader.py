"""A .prototxt becomes a model: both syntaxes, phases, tops in place; what cannot be said is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnspec.importers.model import Model
from cnnspec.importers.readers import load
from cnnspec.importers.refusals import Refused
from cnnspec.importers.write import write
from cnnspec.values.shapes import Shape

INPUT = 'input: "data" input_dim: 1 input_dim: 6 input_dim: 13 input_dim: 11\n'

NEW = """
name: "Small"  # a comment
layer { name: "data" type: "Input" top: "data" input_param { shape: { dim: 10 dim: 3 dim: 32 dim: 32 } } }
layer {
  name: "conv1/3x3", type: "Convolution"; bottom: "data" top: "conv1"
  param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
  convolution_param { num_output: 8 kernel_size: 3 pad: 1 weight_filler < type: 'xavier' > }
}
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
        pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layer { name: "drop" type: "Dropout" bottom: "pool1" top: "pool1" dropout_param { dropout_ratio: 0.4 } }
layer { name: "fc" type: "InnerProduct" bottom: "pool1" top: "fc" inner_product_param { num_output: 10 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""

OLD = """
name: "Small"
input: "data" input_dim: 10 input_dim: 3 input_dim: 32 input_dim: 32
layers {
  name: "conv1/3x3" type: CONVOLUTION bottom: "data" top: "conv1"
  blobs_lr: 1 blobs_lr: 2 weight_decay: 1 weight_decay: 0
  convolution_param { num_output: 8 kernel_size: 3 pad: 1 }
}
layers { name: "relu1" type: RELU bottom: "conv1" top: "conv1" }
layers { name: "pool1" type: POOLING bottom: "conv1" top: "pool1"
         pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layers { name: "drop" type: DROPOUT bottom: "pool1" top: "pool1" dropout_param { dropout_ratio: .4 } }
layers { name: "fc" type: INNER_PRODUCT bottom: "pool1" top: "fc" inner_product_param { num_output: 10 } }
layers { name: "prob" type: SOFTMAX bottom: "fc" top: "prob" }
"""

TEXT = """net Small {
    input 3@32x32
    conv 8@3x3 pad=1, relu, maxpool 3x3 stride=2 ceil=yes, flatten, dropout 0.4
    linear 10, softmax
}
"""


def read(text: str, folder: Path, until: str = "", *inputs: Shape) -> Model:
    path = folder / "net.prototxt"
    path.write_text(text)
    loaded = load(str(path), "", until)
    return loaded.read(inputs, loaded.name)


def layer(kind: str, fields: str = "", top: str = "out", *bottoms: str) -> str:
    """A layer in the syntax V2."""
    read = " ".join(f'bottom: "{bottom}"' for bottom in bottoms or ("data",))
    return f'layer {{ name: "{top}" type: "{kind}" {read} top: "{top}" {fields} }}\n'


def pooling(fields: str, top: str = "out") -> str:
    return layer("Pooling", f"pooling_param {{ {fields} }}", top)


def convolution(fields: str) -> str:
    return layer("Convolution", f"convolution_param {{ {fields} }}")


def reasons(text: str, folder: Path, until: str = "") -> list[str]:
    with pytest.raises(Refused) as caught:
        read(text, folder, until)
    return [f"{group.code} {group}" for group in caught.value.groups]


@pytest.mark.parametrize("text", [NEW, OLD])
def test_both_syntaxes_say_the_same(text: str, tmp_path: Path) -> None:
    assert write(read(text, tmp_path)) == TEXT


def test_the_user_gives_another_input(tmp_path: Path) -> None:
    model = read(NEW, tmp_path, "", Shape(3, 64, 48))
    assert model.operations[2].output.shape == Shape(8, 32, 24)
    with pytest.raises(Refused, match="2 shapes are given, and the net has 1 inputs"):
        read(NEW, tmp_path, "", Shape(3, 8, 8), Shape(3, 8, 8))


def test_layers_of_training_are_left_out(tmp_path: Path) -> None:
    text = INPUT + layer("ReLU", "", "a")
    text += layer("Sigmoid", "include { phase: TRAIN }", "b", "a") + layer(
        "TanH", "exclude { phase: TEST }", "c", "a"
    )
    text += layer("AbsVal", "include { phase: TEST stage: 'deploy' }", "d", "a")
    text += layer("ELU", "include { phase: TRAIN } include { min_level: 0 not_stage: 'x' }", "out", "a")
    assert [each.layer.name for each in read(text, tmp_path).operations] == ["relu", "elu"]


def test_a_batch_norm_and_the_scale_that_alone_reads_it_are_one(tmp_path: Path) -> None:
    pair = layer("BatchNorm", "", "a") + layer("Scale", "scale_param { bias_term: true }", "b", "a")
    assert [each.layer.name for each in read(INPUT + pair, tmp_path).operations] == ["batchnorm"]
    both = read(INPUT + pair + layer("ReLU", "", "out", "a"), tmp_path)
    assert [each.layer.name for each in both.operations] == ["batchnorm", "depthwise", "relu"]
    assert not both.operations[0].layer.value("affine")
    alone = read(INPUT + layer("BatchNorm") + layer("Scale", "", "b", "out"), tmp_path)
    (norm,) = alone.operations
    assert norm.layer.value("affine") and not norm.layer.value("bias")


CASES = {
    "pad and stride of either axis": (
        layer(
            "Convolution",
            "convolution_param { num_output: 4 kernel_h: 3 kernel_w: 5 pad_w: 2 stride: 2 stride: 1 }",
        ),
        "conv 4@3x5 stride=2x1 pad=0x2",
    ),
    "no bias": (
        convolution("num_output: 4 kernel_size: [1, 3] bias_term: false"),
        "conv 4@1x3 bias=no",
    ),
    "depthwise": (
        layer("ConvolutionDepthwise", "convolution_param { num_output: 6 kernel_size: 3 }"),
        "depthwise 3x3",
    ),
    "ceil where it tells": (
        pooling("kernel_size: 2 stride: 2"),
        "maxpool 2x2 ceil=yes",
    ),
    "ceil where it does not": (
        pooling("kernel_size: 3 stride: 2"),
        "maxpool 3x3 stride=2",
    ),
    "floor": (pooling("kernel_size: 2 stride: 2 ceil_mode: false"), "maxpool 2x2"),
    "rounding": (
        pooling("kernel_size: 2 stride: 2 round_mode: FLOOR"),
        "maxpool 2x2",
    ),
    "mean": (
        pooling("pool: AVE kernel_size: 3 pad: 1"),
        "avgpool 3x3 stride=1 pad=1",
    ),
    "whole": (pooling("pool: AVE global_pooling: true"), "globalavgpool"),
    "slope": (layer("ReLU", "relu_param { negative_slope: 0.1 }"), "leakyrelu 0.1"),
    "factor": (layer("Power", "power_param { scale: 0.5 }"), "scale 0.5 trained=no"),
    "limits": (layer("Clip", "clip_param { min: 0 max: 6 }"), "relu6"),
    "response": (layer("LRN", "lrn_param { local_size: 3 alpha: 0.1 k: 2 }"), "lrn 3 alpha=0.1 k=2.0"),
    "sum": (
        layer("ReLU", "", "a") + layer("Eltwise", "eltwise_param { coeff: 1 coeff: .2 }", "out", "data", "a"),
        "add { | relu, scale 0.2 trained=no | identity }",
    ),
    "difference": (
        layer("ReLU", "", "a") + layer("Eltwise", "eltwise_param { coeff: 1 coeff: -1 }", "out", "data", "a"),
        "sub { | identity | relu }",
    ),
    "product": (
        layer("ReLU", "", "a") + layer("Eltwise", "eltwise_param { operation: PROD }", "out", "data", "a"),
        "mul { | identity | relu }",
    ),
    "gate": (
        pooling("pool: AVE global_pooling: true", "a")
        + layer("Scale", "scale_param { axis: 0 }", "out", "data", "a"),
        "mul { | identity | globalavgpool }",
    ),
    "gate of features": (
        pooling("pool: AVE global_pooling: true", "a")
        + layer("InnerProduct", "inner_product_param { num_output: 6 bias_term: false }", "b", "a")
        + layer("Scale", "scale_param { axis: 0 }", "out", "data", "b"),
        "mul { | identity | globalavgpool, flatten, linear 6 bias=no, unflatten 6@1x1 }",
    ),
    "gate and rest": (
        pooling("pool: AVE global_pooling: true", "a") + layer("Axpy", "", "out", "a", "data", "data"),
        "add { | mul { | identity | globalavgpool } | identity }",
    ),
    "activations": (
        layer("AbsVal", "", "a")
        + layer("BNLL", "", "b", "a")
        + layer("ELU", "", "c", "b")
        + layer("Swish", "", "d", "c")
        + layer("TanH", "", "e", "d")
        + layer("Sigmoid", "", "f", "e")
        + layer("Clip", "clip_param { min: -1 max: 1 }", "g", "f")
        + layer("ReLU6", "", "h", "g"),
        "abs, softplus, elu, silu, tanh, sigmoid, hardtanh, relu6",
    ),
    "trained slope": (layer("PReLU", "prelu_param { channel_shared: true }"), "prelu"),
    "factors": (layer("Scale"), "scale"),
    "shuffle": (layer("ShuffleChannel", "shuffle_channel_param { group: 3 }"), "channelshuffle 3"),
    "split": (
        layer("Split", 'top: "b"', "a") + layer("ReLU", "", "c", "a") + layer("Concat", "", "d", "b", "c"),
        "concat { | identity | relu }",
    ),
    "silence": (
        layer("ReLU", "", "a") + layer("TanH", "", "b") + 'layer { type: "Silence" bottom: "b" }',
        "relu",
    ),
    "transposed": (
        layer("Deconvolution", "convolution_param { num_output: 4 kernel_size: 4 stride: 2 pad: 1 }"),
        "convtranspose 4@4x4 stride=2 pad=1",
    ),
    "flat": (layer("Reshape", "reshape_param { shape { dim: 0 dim: -1 } }"), "flatten"),
    "map": (
        layer("Reshape", "reshape_param { shape { dim: 0 dim: 2 dim: 0 dim: -1 } }"),
        "flatten, unflatten 2@13x33",
    ),
    "crop": (
        pooling("kernel_size: 3", "a")
        + layer("Crop", "crop_param { axis: 2 offset: 2 offset: 1 }", "b", "data", "a")
        + layer("Concat", "", "out", "a", "b"),
        "concat { | maxpool 3x3 stride=1 | crop sides=[2, 0, 1, 1] }",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_parameters_become_arguments(name: str, tmp_path: Path) -> None:
    text, wanted = CASES[name]
    model = read(INPUT + text, tmp_path)
    (line,) = write(model).split("\n")[2:-2]
    assert line.strip() == wanted


def test_slices_and_several_outputs(tmp_path: Path) -> None:
    text = (
        INPUT
        + 'layer { name: "s" type: "Slice" bottom: "data" top: "a" top: "b" slice_param { slice_point: 2 } }'
    )
    model = read(text + layer("ReLU", "", "c", "b"), tmp_path)
    assert [(out.name, out.value.shape.channels) for out in model.outputs] == [("a", 2), ("c", 4)]


def test_layers_share_parameters_by_their_names(tmp_path: Path) -> None:
    conv = "convolution_param { num_output: 6 kernel_size: 1 }"
    shared = "param { name: 'w' } param { name: 'b' }"
    text = INPUT + layer("Convolution", conv + shared, "a") + layer("Convolution", conv + shared, "out", "a")
    one, two = read(text, tmp_path).operations
    assert one.keys == two.keys
    assert "again" in write(read(text, tmp_path))
    part = text.replace(shared, "param { name: 'w' } param { name: 'c' }", 1)
    assert reasons(part, tmp_path) == [
        "E1008 it shares some of its weights with another layer, not all: net.prototxt:3"
    ]
    unlike = text.replace("num_output: 6", "num_output: 6 stride: 2", 1)
    assert reasons(unlike, tmp_path) == [
        "E1008 it shares weights with a layer that is not equal, net.prototxt:2: net.prototxt:3"
    ]


def test_names_become_labels(tmp_path: Path) -> None:
    conv = "convolution_param { num_output: 6 kernel_size: 1 }"
    names = ["inception_3a/1x1", "inception_3a_1x1", "3", "repeat", "ü"]
    text = INPUT
    for before, name in zip(["data", *names], names, strict=False):
        text += layer("Convolution", conv, name, before)
    keys = [each.keys["weight"] for each in read(text, tmp_path).operations]
    assert keys == [
        f"{label}.weight"
        for label in ("inception_3a_1x1", "inception_3a_1x1_2", "layer_3", "layer_repeat", "_")
    ]


def test_until_imports_what_lies_before(tmp_path: Path) -> None:
    model = read(NEW, tmp_path, "fc")
    assert [each.layer.name for each in model.operations] == ["conv", "relu", "maxpool", "dropout"]
    assert reasons(NEW, tmp_path, "fc9") == ["E1001 there is no layer `fc9`: net.prototxt"]


def test_all_that_cannot_be_said_is_refused_at_once(tmp_path: Path) -> None:
    text = (
        INPUT
        + layer("Convolution", "convolution_param { num_output: 6 kernel_size: 3\nstrode: 2 }", "a")
        + layer("LRN", "lrn_param { norm_region: WITHIN_CHANNEL }", "b", "data")
        + layer("LSTM", "", "c", "b")
        + layer("Eltwise", "eltwise_param { operation: MAX }", "d", "data", "data")
        + layer("DetectionOutput", "", "e", "c", "d")
        + layer("BatchNorm", "batch_norm_param { use_global_stats: false }", "f")
        + layer("ReLU", "weird: 1", "g")
        + layer("InnerProduct", "inner_product_param { num_output: 0 }", "h")
    )
    assert reasons(text, tmp_path) == [
        "E1004 `Convolution` with `strode` (did you mean `stride`?): net.prototxt:3",
        "E1003 `LRN` within channels has no layer: net.prototxt:4",
        "E1003 `LSTM` has no layer: net.prototxt:5",
        "E1003 `Eltwise` of `operation: MAX` has no layer: net.prototxt:6",
        "E1003 `DetectionOutput` has no layer: net.prototxt:7",
        "E1004 `use_global_stats` is `false`: net.prototxt:8",
        "E1004 `ReLU` with `weird`: net.prototxt:9",
        "E1004 `units` must be at least 1, not 0: net.prototxt:10",
    ]


BROKEN = {
    "brace": ("layer { name: 'a' ", "the file ends in the midst of a field"),
    "character": ("layer { name: % }", "'%' has no meaning here"),
    "token": ("layer { name } }", "`}` is not expected here"),
    "twice": (INPUT + layer("ReLU", "relu_param { negative_slope: 1 negative_slope: 2 }"), "is given twice"),
    "word": (INPUT + layer("ReLU", "relu_param { negative_slope: steep }"), "wants a number, not `steep`"),
    "huge": (INPUT + layer("ReLU", "relu_param { negative_slope: 1e999 }"), "wants a number, not `1e999`"),
    "part": (INPUT + layer("ReLU", "relu_param: 3"), "`relu_param` wants fields in braces"),
    "blob": (INPUT + layer("ReLU", "", "a", "nothing"), "nothing makes `nothing`"),
    "made twice": (INPUT + layer("ReLU") + layer("TanH"), "`out` is made twice"),
    "old": ("layers { layer { name: 'a' } }", "Caffe's first syntax"),
    "mixed": (INPUT + layer("ReLU") + "layers { type: RELU }", "are of two syntaxes"),
    "window": (
        INPUT + pooling("kernel_size: 1 stride: 10"),
        "a window of the pool lies behind the map",
    ),
    "a mistyped type": (INPUT + layer("Relu"), "`Relu` has no layer (did you mean `ReLU`?)"),
    "a mistyped field that is needed": (
        INPUT + layer("Convolution", "convolution_param { num_output: 6 kernal_size: 5 }"),
        "`kernal_size` says nothing (did you mean `kernel_size`?)",
    ),
    "a field that is needed": (INPUT + layer("InnerProduct"), "`num_output` is not given"),
    "mask": (
        INPUT + layer("Pooling", "top: 'mask' pooling_param { kernel_size: 2 }"),
        "`Pooling` with 2 tops",
    ),
    "training file": (
        'layer { name: "d" type: "Data" top: "data" top: "label" }',
        "`Data` has no layer: import the file that is made for use",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_told(name: str, tmp_path: Path) -> None:
    text, wanted = BROKEN[name]
    assert any(wanted in reason for reason in reasons(text, tmp_path)), reasons(text, tmp_path)
