"""The main job on real input: the emitted digits net learns scikit-learn's handwritten digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.zoo.shipped import network

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch")


def split() -> tuple[Any, Any, Any, Any]:
    """Digits to train on and to test on, prepared as the specification says."""
    datasets = pytest.importorskip("sklearn.datasets")
    from sklearn.model_selection import train_test_split

    digits = datasets.load_digits()
    (given,) = network("Digits").inputs
    images = (digits.images[:, None] / 16 - given.mean[0]) / given.std[0]
    parts = train_test_split(images, digits.target, test_size=0.2, stratify=digits.target, random_state=0)
    train, test, train_labels, test_labels = map(torch.tensor, parts)
    return train.float(), test.float(), train_labels, test_labels


def test_the_mean_and_deviation_are_those_of_the_digits() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    pixels = datasets.load_digits().images / 16
    (given,) = network("Digits").inputs
    assert abs(pixels.mean() - given.mean[0]) < 1e-3 and abs(pixels.std() - given.std[0]) < 1e-3


def test_it_learns(emitted: Callable[..., Any]) -> None:
    """Three seeds, 15 rounds each: 97 % or more on the mean."""
    train, test, train_labels, test_labels = split()
    assert len(train) == 1437 and len(test) == 360
    scores = []
    for seed in range(3):
        torch.manual_seed(seed)
        model = emitted("Digits")()
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        before = accuracy(model, test, test_labels)
        for _ in range(15):
            for batch in torch.randperm(len(train)).split(64):
                loss = torch.nn.functional.cross_entropy(model(train[batch]), train_labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        scores.append(accuracy(model, test, test_labels))
        assert before < 0.4 < scores[-1]
    assert sum(scores) / 3 >= 0.97, scores


def accuracy(model: Any, images: Any, labels: Any) -> float:
    with torch.no_grad():
        return float((model.eval()(images).argmax(1) == labels).float().mean())
