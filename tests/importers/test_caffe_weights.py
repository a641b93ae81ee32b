"""The numbers of a .caffemodel: what we compute with them is what OpenCV's reader of Caffe computes."""

from __future__ import annotations

from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
cv2 = pytest.importorskip("cv2")

from cnnspec.importers.caffe import caffemodel as stored  # noqa: E402
from cnnspec.importers.refusals import Refused  # noqa: E402
from cnnspec.run.programs import Array  # noqa: E402
from tests.importers.classic import blob, caffemodel, outputs, record, specification, varint  # noqa: E402

MIXED = """
name: "Mixed" input: "data" input_dim: 1 input_dim: 6 input_dim: 23 input_dim: 21
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 8 kernel_size: 3 stride: 2 pad: 1 group: 2 } }
layer { name: "pool/a" type: "Pooling" bottom: "conv" top: "pool/a"
  pooling_param { kernel_size: 3 stride: 2 } }
layer { name: "bn" type: "BatchNorm" bottom: "pool/a" top: "pool/a" batch_norm_param { eps: 1e-3 } }
layer { name: "scale" type: "Scale" bottom: "pool/a" top: "pool/a" scale_param { bias_term: true } }
layer { name: "relu" type: "ReLU" bottom: "pool/a" top: "pool/a" relu_param { negative_slope: 0.1 } }
layer { name: "pool/b" type: "Pooling" bottom: "pool/a" top: "pool/b"
  pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 } }
layer { name: "d" type: "Convolution" bottom: "pool/b" top: "d"
  convolution_param { num_output: 8 kernel_size: 3 pad: 2 dilation: 2 bias_term: false } }
layer { name: "sum" type: "Eltwise" bottom: "d" bottom: "pool/b" top: "sum"
  eltwise_param { operation: SUM coeff: 1 coeff: -0.5 } }
layer { name: "lrn" type: "LRN" bottom: "sum" top: "lrn" lrn_param { local_size: 3 alpha: 0.1 } }
layer { name: "cat" type: "Concat" bottom: "lrn" bottom: "d" top: "cat" }
layer { name: "up" type: "Deconvolution" bottom: "cat" top: "up"
  convolution_param { num_output: 5 kernel_size: 4 stride: 2 pad: 1 } }
layer { name: "sc" type: "Scale" bottom: "up" top: "sc" scale_param { bias_term: true } }
layer { name: "pr" type: "PReLU" bottom: "sc" top: "sc" }
layer { name: "fc" type: "InnerProduct" bottom: "sc" top: "fc" inner_product_param { num_output: 7 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""

OLD = """
input: "data" input_dim: 1 input_dim: 1 input_dim: 12 input_dim: 12
layers { name: "conv" type: CONVOLUTION bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 } }
layers { name: "pool" type: POOLING bottom: "conv" top: "pool"
  pooling_param { pool: AVE kernel_size: 3 stride: 2 } }
layers { name: "tanh" type: TANH bottom: "pool" top: "tanh" }
layers { name: "fc" type: INNER_PRODUCT bottom: "tanh" top: "fc" inner_product_param { num_output: 3 } }
"""

rng = np.random.default_rng(0)


def random(*shape: int) -> Array:
    found: Array = rng.normal(0, 0.3, shape).astype("f4")
    return found


WEIGHTS = {
    "conv": [random(8, 3, 3, 3), random(8)],
    "bn": [random(8) * 5, np.abs(random(8)) * 5 + 1, np.full(1, 5, "f4")],
    "scale": [random(8), random(8)],
    "d": [random(8, 8, 3, 3)],
    "up": [random(16, 5, 4, 4), random(5)],
    "sc": [random(5), random(5)],
    "pr": [np.abs(random(5))],
    "fc": [random(7, 240), random(7)],
}
OLD_WEIGHTS = {"conv": [random(4, 1, 3, 3), random(4)], "fc": [random(3, 100), random(3)]}


def files(folder: Path, text: str, weights: bytes) -> tuple[Path, Path]:
    source, numbers = folder / "net.prototxt", folder / "net.caffemodel"
    source.write_text(text)
    numbers.write_bytes(weights)
    return source, numbers


@pytest.mark.parametrize("old", [False, True])
def test_the_outputs_are_those_of_opencv(old: bool, tmp_path: Path) -> None:
    text, weights = (OLD, OLD_WEIGHTS) if old else (MIXED, WEIGHTS)
    source, numbers = files(tmp_path, text, caffemodel(weights, old))
    image = random(2, 1, 12, 12) if old else random(2, 6, 23, 21)
    net = cv2.dnn.readNetFromCaffe(str(source), str(numbers))
    net.setInput(image)
    (made,) = outputs(*specification(source, numbers), image)
    np.testing.assert_allclose(made, net.forward(), rtol=1e-5, atol=1e-6)


def test_statistics_are_sums_that_a_factor_divides(tmp_path: Path) -> None:
    source, numbers = files(tmp_path, MIXED, caffemodel(WEIGHTS))
    _, tensors = specification(source, numbers)
    mean = next(tensor for key, tensor in tensors.items() if key.endswith("running_mean"))
    np.testing.assert_array_equal(mean, WEIGHTS["bn"][0] / np.float32(5))


def test_a_transposed_weight_is_turned(tmp_path: Path) -> None:
    text = OLD.replace("num_output: 3", "num_output: 3 transpose: true")
    turned = OLD_WEIGHTS | {"fc": [OLD_WEIGHTS["fc"][0].T, OLD_WEIGHTS["fc"][1]]}
    _, plain = specification(*files(tmp_path, OLD, caffemodel(OLD_WEIGHTS)))
    _, found = specification(*files(tmp_path, text, caffemodel(turned)))
    assert all(np.array_equal(plain[key], found[key]) for key in plain)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (3, 100), (300,)])
def test_a_transposed_weight_of_another_shape_is_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    text = OLD.replace("num_output: 3", "num_output: 3 transpose: true")
    weights = OLD_WEIGHTS | {"fc": [random(*shape), OLD_WEIGHTS["fc"][1]]}
    with pytest.raises(
        Refused, match=f"`fc`: blob 0 is {' x '.join(map(str, shape))}, and 100 x 3 is wanted"
    ):
        specification(*files(tmp_path, text, caffemodel(weights)))


def test_numbers_may_be_doubles_or_in_several_records(tmp_path: Path) -> None:
    numbers = random(2, 3)
    sizes = record(7, varint(1 << 3) + varint(2) + varint(1 << 3) + varint(3))
    doubles = record(8, numbers.astype("<f8").tobytes())
    halves = record(5, numbers[0].tobytes()) + record(5, numbers[1].tobytes())
    for data in (doubles, halves):
        path = tmp_path / "net.caffemodel"
        path.write_bytes(record(100, record(1, b"a") + record(7, sizes + data)))
        np.testing.assert_array_equal(stored.read(path)["a"][0].numbers(), numbers)


LACKING = {
    "a layer": ({"conv": OLD_WEIGHTS["conv"]}, "`fc`: it has no blobs"),
    "a blob": ({"conv": OLD_WEIGHTS["conv"], "fc": OLD_WEIGHTS["fc"][:1]}, "`fc`: there is no blob 1"),
    "another shape": (
        OLD_WEIGHTS | {"conv": [random(4, 3, 3, 3), random(4)]},
        "`conv`: blob 0 is 4 x 3 x 3 x 3, and 4 x 1 x 3 x 3 is wanted",
    ),
}


@pytest.mark.parametrize("name", LACKING)
def test_weights_of_another_net_are_refused(name: str, tmp_path: Path) -> None:
    weights, words = LACKING[name]
    with pytest.raises(Refused, match=words):
        specification(*files(tmp_path, OLD, caffemodel(weights)))


def test_a_blob_has_as_many_numbers_as_it_says(tmp_path: Path) -> None:
    whole = caffemodel(OLD_WEIGHTS)
    data = record(5, OLD_WEIGHTS["fc"][1].tobytes())
    less = whole.replace(data, record(5, OLD_WEIGHTS["fc"][1][:2].tobytes() + bytes(1)) + record(5, b"123"))
    assert blob(OLD_WEIGHTS["fc"][1]) in whole
    with pytest.raises(Refused):
        specification(*files(tmp_path, OLD, less))
