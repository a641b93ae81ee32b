"""Pads that repeat a map: on maps of any size the NumPy program takes and refuses what PyTorch does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.backends.pair import Pair
from tests.nets import network

pytestmark = pytest.mark.slow

PADS = ("3", "[2, 0, 0, 0]", "[0, 3, 1, 0]", "[0, 0, 0, 4]", "1x3")
SIZES = [*((n, 8) for n in range(1, 6)), *((8, n) for n in range(1, 6)), (1, 1), (2, 2), (3, 4)]
STEPS = {
    "pad": 'pad {pad} mode="{mode}"',
    "conv": 'conv 2@1x1 pad={pad} mode="{mode}"',
    "behind a norm": 'batchnorm, pad {pad} mode="{mode}"',
}


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("step", STEPS)
def test_maps_smaller_than_the_specs(step: str, mode: str, tmp_path: pytest.TempPathFactory) -> None:
    taken = refused = 0
    for pad in PADS:
        text = STEPS[step].format(pad=pad, mode=mode)
        pair = Pair(network(f"net N {{ input 2@8x8\n {text} }}"), tmp_path)
        for height, width in SIZES:
            x = np.random.default_rng(0).standard_normal((2, 2, height, width)).astype(np.float32)
            for training in (False, True):
                tensors = {name: torch.from_numpy(tensor) for name, tensor in pair.numpy.params.items()}
                pair.torch.load_state_dict(tensors)  # a refused run has moved PyTorch's statistics
                try:
                    wanted = pair.torch.train(training)(torch.from_numpy(x)).detach().numpy()
                except RuntimeError:
                    refused += 1
                    check_refusal(pair, x, training, f"a {mode} pad of ")
                    continue
                taken += 1
                for fast in (False, True)[: 1 + (not training)]:
                    pair.numpy.fast = fast
                    made = pair.numpy(x, training=training)
                    assert made.shape == wanted.shape, (pad, x.shape)
                    np.testing.assert_allclose(made, wanted, rtol=1e-5, atol=1e-5)
    assert taken > 20 and (refused > 5) is (mode != "replicate")


def check_refusal(pair: Pair, x: np.ndarray, training: bool, words: str) -> None:
    before = {name: tensor.copy() for name, tensor in pair.numpy.params.items()}
    for fast in (False, True):
        pair.numpy.fast = fast
        with pytest.raises(ValueError) as refusal:
            pair.numpy(x, training=training)
        message = str(refusal.value)
        assert "\n" not in message and words in message
    assert all((pair.numpy.params[name] == tensor).all() for name, tensor in before.items())
