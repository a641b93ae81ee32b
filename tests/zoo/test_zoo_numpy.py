"""The main jobs with NumPy alone: digits are learnt, a photograph becomes its edges."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from cnnspec.backends import emit
from tests.zoo.shipped import network

np = pytest.importorskip("numpy")


def emitted_numpy(net: str, **settings: Any) -> ModuleType:
    """The program of a net, as a module."""
    module = ModuleType(f"emitted_{net}")
    exec(emit("numpy", network(net, **settings), f"{net}.cnn"), module.__dict__)
    return module


def test_it_learns() -> None:
    """The split, the rounds and the rate of the PyTorch test; three seeds, 97 % or more on the mean."""
    pytest.importorskip("sklearn")
    pytest.importorskip("torch")  # the split is made by its test
    from tests.zoo.test_zoo_digits import split

    train, test, train_labels, test_labels = (tensor.numpy() for tensor in split())
    module = emitted_numpy("Digits")
    scores = []
    for seed in range(3):
        net, rng = module.Digits(seed=seed), np.random.default_rng(seed)
        optimiser = module.Adam(net, lr=3e-3)
        for _ in range(15):
            for batch in np.array_split(rng.permutation(len(train)), len(train) // 64):
                _, grads = net.loss_and_grads(train[batch], train_labels[batch])
                optimiser.step(grads)
        scores.append(float((net(test).argmax(1) == test_labels).mean()))
    assert sum(scores) / 3 >= 0.97, scores


@pytest.mark.parametrize("net", ["Edges", "Blur"])
def test_a_photograph_is_the_same_from_both(net: str, emitted: Callable[..., Any]) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("PIL")
    datasets = pytest.importorskip("sklearn.datasets")
    photo = datasets.load_sample_image("china.jpg").transpose(2, 0, 1)[None].astype(np.float32) / 255
    (given,) = network(net).inputs
    image = photo if given.value.shape.channels == 3 else photo.mean(1, keepdims=True)
    with torch.no_grad():
        wanted = emitted(net)()(torch.from_numpy(image)).numpy()
    made = getattr(emitted_numpy(net), net)()(image)
    assert made.shape == wanted.shape and abs(made - wanted).max() <= 1e-5 * abs(wanted).max()
