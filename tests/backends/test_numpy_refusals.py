"""What the NumPy program refuses, it refuses in one line of words, and the net stays as it was."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnspec.backends import emit
from tests.backends.pair import load
from tests.nets import network

pytestmark = pytest.mark.slow

SPEC = """net Small { input 2@8x8
  conv 4@3x3, batchnorm, relu, dropout 0.5, b: batchnorm momentum="average"
  flatten, linear 8, batchnorm, linear 5
}
"""

TWO = """net Two { left: input 3
  right: input 3
  add { | from left | from right }
  linear 2
}
"""


@pytest.fixture(name="module")
def emitted(tmp_path: Path) -> Any:
    return load(emit("numpy", network(SPEC), "net.cnn"), tmp_path)


def images(count: int, *shape: int) -> Any:
    return np.random.default_rng(0).standard_normal((count, *(shape or (2, 8, 8)))).astype(np.float32)


def snapshot(net: Any) -> Any:
    return {name: tensor.copy() for name, tensor in net.params.items()}, net.rng.bit_generator.state


def refused(net: Any, call: Callable[[], Any], *words: str) -> None:
    """The call raises ValueError: one line with these words; nothing of the net has moved."""
    tensors, place = snapshot(net)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError) as refusal:
            call()
    message = str(refusal.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
    after, place_after = snapshot(net)
    assert place_after == place
    for name, tensor in tensors.items():
        assert (after[name] == tensor).all(), name


LABELS: list[tuple[Any, tuple[str, ...]]] = [
    (np.array([3]), ("(2,)", "(1,)")),
    (np.array([3, 1, 2]), ("(2,)", "(3,)")),
    (np.array([[3], [1]]), ("(2,)", "(2, 1)")),
    (3, ("(2,)", "()")),
    (np.array([3, -1]), ("0 to 4", "-1")),
    (np.array([3, -100]), ("0 to 4", "-100")),
    (np.array([3, 5]), ("0 to 4", "5")),
    (np.array([3.0, 1.0]), ("integers", "float64")),
    (np.array([True, False]), ("integers", "bool")),
    (np.array(["3", "1"]), ("integers", "<U1")),
    (np.eye(5)[:2], ("(2,)", "(2, 5)")),
]


@pytest.mark.parametrize("labels, words", LABELS, ids=[str(labels) for labels, _ in LABELS])
def test_labels(labels: Any, words: tuple[str, ...], module: Any) -> None:
    net = module.Small()
    refused(net, lambda: net.loss_and_grads(images(2), labels), *words)


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.uint64])
def test_labels_of_any_integers(kind: Any, module: Any) -> None:
    loss, _ = module.Small().loss_and_grads(images(2), np.array([3, 4], kind))
    assert loss == module.Small().loss_and_grads(images(2), [3, 4])[0]


@pytest.mark.parametrize("count", [0, 1])
def test_a_batch_without_a_deviation(count: int, module: Any) -> None:
    """One image has one value a channel at the last norm; the norms before it have moved already."""
    net = module.Small()
    x, labels = images(count), np.zeros(count, int)
    refused(net, lambda: net.loss_and_grads(x, labels), "cannot take", "two values or more")
    refused(net, lambda: net(x, training=True), "cannot take", "two values or more")
    net.loss_and_grads(images(2), np.zeros(2, int))
    assert all(np.isfinite(tensor).all() for tensor in net.params.values())


SPECS = [
    "net A { input 4@1x1\n batchnorm, flatten, linear 2 }",
    "net A { input 4\n linear 4, batchnorm, relu, linear 2 }",
]


@pytest.mark.parametrize("spec", SPECS)
def test_one_value_a_channel(spec: str, tmp_path: Path) -> None:
    net = load(emit("numpy", network(spec), "net.cnn"), tmp_path).A()
    shape = net.inputs["input"]
    refused(net, lambda: net.loss_and_grads(images(1, *shape), [0]), "batchnorm1", "not 1")
    net.loss_and_grads(images(2, *shape), [0, 1])
    assert np.isfinite(net(images(1, *shape))).all()


ARRAYS: list[tuple[Any, tuple[str, ...]]] = [
    (images(1).astype(complex), ("complex128",)),
    (images(1).astype(str), ("float32 or float64", "<U")),
    (images(1).astype(object), ("object",)),
    (images(1).astype(int).astype("datetime64[s]"), ("datetime64",)),
    (images(1)[0], ("('N', 2, 8, 8)", "(2, 8, 8)")),
    (images(1, 3, 8, 8), ("('N', 2, 8, 8)", "(1, 3, 8, 8)")),
    (images(1, 8, 8, 2), ("('N', 2, 8, 8)", "(1, 8, 8, 2)")),
    (images(2, 2, 9, 9), ("input of ('N', 2, 8, 8)", "linear1 cannot take (2, 196)")),
    (images(2, 2, 2, 2), ("input of ('N', 2, 8, 8)", "conv1 cannot take (2, 2, 2, 2)")),
    (images(2, 2, 8, 1), ("input of ('N', 2, 8, 8)", "conv1 cannot take (2, 2, 8, 1)")),
    ([[1, 2], [3, 4]], ("('N', 2, 8, 8)", "(2, 2)")),
]
if np.longdouble(0).itemsize > 8:
    ARRAYS.append((images(1).astype(np.longdouble), ("float32 or float64", "float128")))


@pytest.mark.parametrize("fast", [False, True], ids=["plain", "fast"])
@pytest.mark.parametrize("x, words", ARRAYS, ids=["".join(words) for _, words in ARRAYS])
def test_images(x: Any, words: tuple[str, ...], fast: bool, module: Any) -> None:
    net = module.Small(fast=fast)
    wanted = net(images(3))
    refused(net, lambda: net(x), *words)
    refused(net, lambda: net(x, training=True), *words)
    refused(net, lambda: net.features(x), *words)
    assert (net(images(3)) == wanted).all()


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float16, ">f4", ">f8", "<f8"])
def test_numbers_of_any_kind(kind: Any, module: Any) -> None:
    """Integers and half precision become float32; the order of bytes does not matter."""
    x = (4 * images(2)).astype(kind)
    wanted = np.float64 if x.dtype.kind == "f" and x.dtype.itemsize == 8 else np.float32
    for fast in (False, True):
        net = module.Small(fast=fast)
        made = net(x)
        assert made.dtype == wanted
        assert (made == net(x.astype(wanted))).all()


def test_the_count_of_inputs(module: Any, tmp_path: Path) -> None:
    net = module.Small()
    x = images(2)
    refused(net, lambda: net(x, x), "input", "2 arrays")
    refused(net, net, "input", "0 arrays")
    two = load(emit("numpy", network(TWO), "net.cnn"), tmp_path).Two()
    a = images(2, 3)
    assert two(a, a).shape == (2, 2)
    refused(two, lambda: two(a), "left, right", "1 arrays")
    refused(two, lambda: two(a, a[:1]), "as many images", "2, 1")


def test_no_image(module: Any) -> None:
    for fast in (False, True):
        net = module.Small(fast=fast)
        assert net(images(0)).shape == (0, 5)
        assert net(images(0).astype(float)).dtype == np.float64


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_gradients_of_another_net(optimiser: str, module: Any) -> None:
    net = module.Small()
    made = getattr(module, optimiser)(net, 0.1)
    _, grads = net.loss_and_grads(images(2), [0, 1])
    made.step(grads)
    state = {name: repr(value) for name, value in vars(made).items() if name != "net"}
    refused(net, lambda: made.step({**grads, "conv9.weight": np.ones(3)}), "conv9.weight")
    refused(net, lambda: made.step({**grads, "linear2.bias": np.ones(1)}), "linear2.bias")
    assert state == {name: repr(value) for name, value in vars(made).items() if name != "net"}


def test_weights_of_another_kind(module: Any, tmp_path: Path) -> None:
    net, path = module.Small(), str(tmp_path / "weights.npz")
    tensors = dict(net.params)
    tensors["linear2.bias"] = tensors["linear2.bias"].astype(complex) + 1
    np.savez(path, **tensors)
    refused(net, lambda: net.load(path), path, "linear2.bias")
