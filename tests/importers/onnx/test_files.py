"""Files that are broken, hostile, or hold what the language has not: each gets a reason, and nothing else."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper  # noqa: E402

from cnnspec.backends.onnx import emit  # noqa: E402
from cnnspec.backends.onnx.messages import MEAN, STD  # noqa: E402
from cnnspec.compiler import check_text  # noqa: E402
from cnnspec.importers.onnx.loaded import load  # noqa: E402
from cnnspec.importers.refusals import Refused  # noqa: E402
from cnnspec.importers.write import specify  # noqa: E402
from cnnspec.values.shapes import Shape  # noqa: E402
from tests.importers.onnx.graphs import graph, node, open_bytes, read_model, save, weight  # noqa: E402

NET = [
    node("c = Conv x w b", pads=[1, 1, 1, 1], name="/0/Conv"),
    node("n = BatchNormalization c b b b b"),
    node("r = Relu n"),
    node("g = GlobalAveragePool r"),
    node("m = Mul r g"),
    node("p = MaxPool m", kernel_shape=[2, 2], strides=[2, 2]),
    node("f = Reshape p shape_"),
    node("y = Gemm f q", transB=1),
]
TENSORS = {"w": weight(4, 4, 3, 3), "b": weight(4), "shape_": np.array([2, -1]), "q": weight(3, 36)}


def reasons(action: Any) -> str:
    with pytest.raises(Refused) as refused:
        action()
    return str(refused.value)


def reading(nodes: list[Any], **given: Any) -> str:
    return reasons(lambda: read_model(graph(nodes, **given)))


@pytest.mark.slow
def test_broken_files_get_a_reason(tmp_path: Path) -> None:
    """A flipped bit may leave a network, if another one."""
    whole = graph(NET, **TENSORS).SerializeToString()
    drawn = random.Random(0)
    broken = [whole[:size] for size in range(0, len(whole), 41)]
    for _ in range(150):
        content = bytearray(whole)
        content[drawn.randrange(len(whole))] ^= 1 << drawn.randrange(8)
        broken.append(bytes(content))
    path, refused = tmp_path / "net.onnx", 0
    for content in broken:
        path.write_bytes(content)
        try:
            loaded = load(str(path), "", "")
            found = specify(loaded.read([], loaded.name))
            loaded.weights([*found.keys.values()])
        except Refused:
            refused += 1
    assert refused > len(whole) // 41


def test_a_file_that_is_none(tmp_path: Path) -> None:
    assert "there is no file" in reasons(lambda: load(str(tmp_path / "none.onnx"), "", ""))
    assert "is no ONNX file" in reasons(lambda: open_bytes(b"", tmp_path))
    assert "is no ONNX file" in reasons(lambda: open_bytes(b"net LeNet {}\n" * 9, tmp_path))
    path = save(graph(NET, **TENSORS), tmp_path)
    assert "holds its own weights" in reasons(lambda: load(str(path), "net.npz", ""))


@pytest.mark.parametrize("opset", [6, 999])
def test_opsets_that_are_not_read(opset: int, tmp_path: Path) -> None:
    model = graph(NET, **TENSORS)
    model.opset_import[0].version = opset
    assert f"opset is {opset}" in reasons(lambda: open_bytes(model.SerializeToString(), tmp_path))


def external(model: Any, **fields: str) -> Any:
    """The model with its first tensor in a file of its own."""
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in fields.items():
        tensor.external_data.add(key=key, value=value)
    return model


def test_numbers_in_a_file_beside_it(tmp_path: Path) -> None:
    numbers = TENSORS["w"].tobytes()
    (tmp_path / "numbers.bin").write_bytes(b"\0" * 8 + numbers)
    model = external(graph(NET, **TENSORS), location="numbers.bin", offset="8", length=str(len(numbers)))
    _, arrays = read_model(model, folder=tmp_path)
    assert any(np.array_equal(array, TENSORS["w"]) for array in arrays.values())


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"location": "../numbers.bin"}, "is not beside the model"),
        ({"location": "/etc/hostname"}, "is not beside the model"),
        ({"location": "link.bin"}, "is not beside the model"),
        ({}, "is not beside the model"),
        ({"location": "short.bin"}, "ends before it"),
        ({"location": "short.bin", "length": "4"}, "its shape takes 576 bytes"),
        ({"location": "short.bin", "offset": "-1"}, "its shape takes"),
        ({"location": "none.bin"}, "cannot be read"),
    ],
    ids=str,
)
def test_numbers_anywhere_else_are_not_read(fields: dict[str, str], reason: str, tmp_path: Path) -> None:
    (tmp_path / "numbers.bin").write_bytes(TENSORS["w"].tobytes())
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "short.bin").write_bytes(b"1234")
    (folder / "link.bin").symlink_to(tmp_path / "numbers.bin")
    model = external(graph(NET, **TENSORS), **fields)
    assert reason in reasons(lambda: read_model(model, folder=folder))


def test_numbers_that_a_file_beside_it_has_not_take_no_memory(tmp_path: Path) -> None:
    (tmp_path / "short.bin").write_bytes(b"1234")
    model = external(graph(NET, **TENSORS), location="short.bin")
    model.graph.initializer[0].dims[:] = [2**40, 1, 1, 1]
    assert "short.bin ends before it" in reasons(lambda: read_model(model, folder=tmp_path))
    model.graph.initializer[0].dims[:] = [2**40, 2**40, 1, 1]
    assert "short.bin ends before it" in reasons(lambda: read_model(model, folder=tmp_path))


@pytest.mark.parametrize("operator", ["Constant", "ConstantOfShape s"])
def test_the_numbers_of_a_node_lie_in_no_other_file(operator: str) -> None:
    fill = TensorProto(data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    fill.external_data.add(key="location", value="/etc/passwd")
    nodes = [node(f"h = {operator}", value=fill), node("y = Add x h")]
    assert "a node keeps its numbers in another file" in reading(nodes, s=np.array([1]))


def test_sizes_are_bounded() -> None:
    shape = np.array([2**20, 2**20])
    assert "is too large" in reading([node("h = ConstantOfShape s"), node("y = Add x h")], s=shape)
    grow = [node("a = Expand s0 n"), node("b = Mul a a"), node("y = Add x b")]
    assert "is too large" in reading(grow, s0=np.float32(1), n=np.array([2**14, 2**14]))


def test_functions_are_written_out_unless_they_call_themselves(tmp_path: Path) -> None:
    def calling(calls: int, inner: str) -> Any:
        model = graph([helper.make_node("F0", ["x"], ["y"], domain="own")], **TENSORS)
        model.opset_import.append(helper.make_opsetid("own", 1))
        imports = list(model.opset_import)
        for number in range(30):
            name = f"F{number + 1}" if number < 29 else inner
            domain = "own" if name.startswith("F") else ""
            nodes = [
                helper.make_node(name, ["a" if k == 0 else f"b{k - 1}"], [f"b{k}"], domain=domain)
                for k in range(calls)
            ]
            body = [*nodes, helper.make_node("Identity", [f"b{calls - 1}"], ["c"])]
            model.functions.append(helper.make_function("own", f"F{number}", ["a"], ["c"], body, imports))
        return model.SerializeToString()

    model = open_bytes(calling(1, "Relu"), tmp_path)
    found, _ = read_model(model)
    assert [operation.layer.name for operation in found.operations] == ["relu"]
    assert "come to more than" in reasons(lambda: open_bytes(calling(2, "Relu"), tmp_path))
    assert "calls itself" in reasons(lambda: open_bytes(calling(1, "F0"), tmp_path))


def test_all_reasons_of_a_file_are_given_those_alike_as_one() -> None:
    nodes = [
        node("a = Einsum x x", equation="abcd,abce->abde", name="/attention"),
        node("b = Sin x", name="/one"),
        node("c = Sin b", name="/two"),
        node("d = Conv x w", w_scale=1, name="/conv"),
        node("y = Conv c w"),
    ]
    assert reading(nodes, w=TENSORS["w"]).splitlines() == [
        "`Einsum` has no layer: Einsum, at /attention",
        "`Sin` has no layer: Sin, at /one",
        "`Conv`: got an unexpected keyword argument 'w_scale': Conv, at /conv",
    ]


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ([node("y = MaxPool x", kernel_shape=[2, 2], storage_order=1)], "`MaxPool` with `storage_order=1`"),
        ([node("y = MaxPool x")], "`MaxPool`: missing a required argument: 'kernel_shape'"),
        ([node("y = Conv x w", kernel_shape=[2, 2])], "`Conv` with `kernel_shape=[2, 2]`"),
        ([node("y = Conv x w", window=1)], "`Conv` cannot be read"),
        ([node("y = ConvTranspose x w", output_shape=[8, 8])], "`ConvTranspose` with `output_shape=[8, 8]`"),
        ([node("y = Conv x x")], "the kernel of `Conv` is a value of the network"),
        ([node("y = HardSigmoid x", beta=0.4)], "`HardSigmoid` with `beta=0.4`"),
        ([node("y = MatMul x x")], "`MatMul` of two values"),
        ([node("f = Flatten x"), node("y = Gemm f q c")], "`Gemm` with `bias=a tensor of shape (2, 1)`"),
        ([node("y = Softmax x", axis=3)], "`Softmax` with `axis=3`"),
        ([node("y = Transpose x")], "`output` of a tensor"),
        ([node("y = Concat x x", axis=2)], "`Concat` along another axis"),
        ([node("y = Relu z")], "`z` is used before anything makes it"),
        ([helper.make_node("Relu", ["x"], ["y"], domain="own")], "`Relu` of `own` is no operator of ONNX"),
        ([node("s = Shape x"), node("r = Cast s", to=1), node("y = Reshape x r")], "Reshape"),
        ([node("y = LRN x", size=4)], "`LRN` with `size=4`"),
    ],
    ids=str,
)
def test_what_the_language_has_not(nodes: list[Any], reason: str) -> None:
    assert reason in reading(nodes, w=TENSORS["w"], q=weight(144, 2), c=weight(2, 1))


@pytest.mark.parametrize("outputs", [["y", "m"], ["y", "n"]])
def test_the_mask_of_a_dropout_is_no_output(outputs: list[str]) -> None:
    nodes = [node("y m = Dropout x"), node("n = Not m")]
    assert "is made by no layer" in reading(nodes, outputs=outputs)


def test_inputs_as_the_user_gives_them() -> None:
    model = graph([node("y = Conv x w", pads=[1, 1, 1, 1])], ("N", 4, "H", "W"), w=TENSORS["w"])
    assert str(read_model(model)[0].inputs[0].value.shape) == "4@224x224"
    assert str(read_model(model, [Shape(4, 8, 9)])[0].outputs[0].value.shape) == "4@8x9"
    assert "2 are given" in reasons(lambda: read_model(model, [Shape(4, 8, 8)] * 2))
    assert "is given" in reasons(lambda: read_model(model, [Shape(4)]))
    alone, _ = read_model(graph([node("y = Reshape x one")], ("N", 4, 6, 6), one=np.array([1, -1])))
    assert str(alone.outputs[0].value.shape) == "144"  # it is for one image at a time


def test_what_follows_open_sizes_follows_them_in_the_specification() -> None:
    nodes = [
        node("p = MaxPool x", kernel_shape=[2, 2], strides=[2, 2]),
        node("s = Shape x"),
        node("r = Slice s two four zero"),
        node("first = Shape p"),
        node("n = Slice first zero two zero"),
        node("sizes = Concat n r", axis=0),
        node("y = Resize p _ _ sizes", mode="linear"),
    ]
    numbers = {"zero": np.array([0]), "two": np.array([2]), "four": np.array([4])}
    for shape, words in (
        ((2, 4, 8, 8), "upsample size=8 mode"),
        ((2, 4, "H", "W"), "size = [in.height, in.width]"),
    ):
        found, _ = read_model(graph(nodes, shape, **numbers), [Shape(4, 8, 8)])
        assert words in specify(found).text


def test_a_branch_that_numbers_decide() -> None:
    out = helper.make_tensor_value_info("z", TensorProto.FLOAT, None)
    branches = {
        f"{word}_branch": helper.make_graph([helper.make_node(operator, ["x"], ["z"])], word, [], [out])
        for word, operator in (("then", "Relu"), ("else", "Tanh"))
    }
    for test, layer in ((True, "relu"), (False, "tanh")):
        found, _ = read_model(graph([node("y = If test", **branches)], test=np.array(test)))
        assert [operation.layer.name for operation in found.operations] == [layer]


@pytest.mark.parametrize(
    "line", ["input 1@8x8 mean=0.305 std=0.376", "input 3@8x8 mean=[0.5, 0.25, 0.0] std=1e-5", "input 2@8x8"]
)
def test_what_pixels_are_prepared_by_comes_back(line: str, tmp_path: Path) -> None:
    (network,) = check_text(f"net Net {{\n{line}\nconv 4@3x3 }}\n").networks
    found, _ = read_model(open_bytes(emit(network, "net.cnn"), tmp_path))
    assert specify(found).text.splitlines()[1].strip() == line


@pytest.mark.parametrize(
    "noted",
    ["", "[", "[" * 10**5, "1", "[NaN]", "[1e999]", "[0.5, 0.5]", '["1"]', "[true]", f"[1{'0' * 400}]", "{}"],
)
def test_what_is_no_preparation_is_passed_over(noted: str) -> None:
    model = graph(NET, **TENSORS)
    for key in (MEAN, STD):
        model.graph.input[0].metadata_props.add(key=key, value=noted)
    model.graph.input[0].metadata_props.add(key=STD, value="[0.0]")
    (given,) = read_model(model)[0].inputs
    assert given.mean == given.std == ()
