"""What a forward of emitted NumPy allocates, as tracemalloc sees it, and the buffers that it shares."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnspec.analysis.memory import peak
from cnnspec.analysis.unroll import unroll
from cnnspec.backends import emit
from cnnspec.backends.numpy.kernels.arena import Arena, Life, places
from cnnspec.graph.tree import Network
from tests.backends.pair import load
from tests.nets import network
from tests.zoo.shipped import network as zoo

pytestmark = pytest.mark.slow

MB = 1 << 20


def most(call: Callable[[], Any]) -> int:
    """The most bytes that a call holds at once."""
    tracemalloc.start()
    call()
    _, found = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return found


def made(net: Network, folder: Path) -> Any:
    return getattr(load(emit("numpy", net, "net.cnn", inference=True), folder), net.name)()


def image(net: Network, count: int = 1) -> Any:
    shape = net.inputs[0].value.shape
    assert shape is not None
    return np.zeros((count, *shape.dimensions), np.float32)


@pytest.mark.parametrize("name", ["LeNet5", "ResNet18", "DenseNet121", "MobileNetV2", "SqueezeNet"])
def test_the_zoo_keeps_its_budget(name: str, tmp_path: Path) -> None:
    """Beside the parameters: those once more, 1.3 times the tensors that live at once, 4 MB."""
    net = zoo(name)
    program, x = made(net, tmp_path), image(net)
    weights = sum(tensor.nbytes for tensor in program.params.values())
    assert most(lambda: program(x)) <= weights + 1.3 * 4 * peak(unroll(net)).elements + 4e6
    assert most(lambda: program(x)) <= MB / 5


def test_runs_with_the_same_weights_share_their_copies(tmp_path: Path) -> None:
    text = "net N { input 256@8x8\n c: conv 256@3x3 pad=1" + "\n relu\n again c" * 5 + " }"
    net = network(text)
    program, x = made(net, tmp_path), image(net)
    assert most(lambda: program(x)) <= 1.1 * program.params["c.weight"].nbytes + 4e6


def test_another_size_takes_the_place_of_the_last(tmp_path: Path) -> None:
    net = network("net N { input 64@32x32\n conv 64@3x3 pad=1, relu, conv 64@3x3 pad=1 }")
    program, one, two = made(net, tmp_path), image(net, 8), image(net, 7)
    alone = most(lambda: program(one))
    program.refresh()
    assert most(lambda: [program(x).shape for x in (one, two, one)]) <= 1.1 * alone


def test_buffers_that_live_at_once_lie_apart() -> None:
    rng = random.Random(0)
    for _ in range(50):
        lives = []
        for _ in range(40):
            born = rng.randrange(100)
            lives.append(Life(16 * rng.randrange(1, 20), born, born + rng.randrange(1, 30)))
        starts = places(lives)
        for i, one in enumerate(lives):
            for j, other in enumerate(lives[:i]):
                together = one.born <= other.gone and other.born <= one.gone
                apart = starts[i] >= starts[j] + other.size or starts[j] >= starts[i] + one.size
                assert apart or not together
        alive = [sum(life.size for life in lives if life.born <= t <= life.gone) for t in range(130)]
        assert max(alive) <= max(s + life.size for s, life in zip(starts, lives, strict=True))


def test_a_buffer_is_used_again() -> None:
    arena = Arena(np.dtype(np.float32))
    for _ in range(2):
        first, shadow = arena.take(100)
        second, _ = arena.take(50)
        arena.give(first)
        third, again = arena.take(70)
        if arena.block is None:
            assert shadow.nbytes == 400 and shadow.strides == (0,)  # no memory yet
            arena.perform()
    assert arena.block is not None and arena.block.size == 112 + 64
    assert np.shares_memory(shadow, again) and (first, second, third) == (0, 1, 2)


MIXED = """net Mixed { input 8@16x16
  conv 32@3x3 pad=1, batchnorm, relu, conv 32@3x3 pad=1, relu, depthwise 5 pad=2, batchnorm, relu6
  conv 32@3x3 pad=1 groups=4, maxpool 3 stride=2 pad=1
  concat { | conv 16@1x1, sigmoid | avgpool 3 stride=1 pad=1 }
  add { | identity | conv 48@3x3 pad=1 mode="reflect" }
  conv 8@5x5 pad=2, convtranspose 8@4x4 stride=2 pad=1
}"""


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "plain"])
def test_memory_grows_with_the_images_alone(fast: bool, tmp_path: Path) -> None:
    """Work goes in pieces: only the maps themselves are larger for more images, or larger ones."""
    net = network(MIXED)
    program = made(net, tmp_path)
    program.fast = fast
    live = 4 * peak(unroll(net)).elements / 16**2  # a pixel
    for count, side in ((8, 32), (64, 32), (1, 256)):
        x = np.zeros((count, 8, side, side), np.float32)
        used = most(lambda x=x: program(x))
        assert used <= (1.3 if fast else 2.5) * live * x.size / 8 + 8e6, (count, side)
