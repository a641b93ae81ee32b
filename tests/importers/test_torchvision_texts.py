"""What torchvision's nets become: right, and as short as a person would write them.

`CNNSPEC_LONG=1 python -m pytest tests/importers/test_torchvision_texts.py` imports all of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

pytest.importorskip("torch")

from cnnspec.compiler import check_text
from cnnspec.importers.from_network import model_of
from cnnspec.importers.prove import compare
from cnnspec.importers.write import shortest
from cnnspec.values.shapes import Shape
from tests.importers.test_blocks import lines

pytestmark = pytest.mark.slow

MOST_LINES = {
    "densenet121": 17,
    "efficientnet_b0": 36,
    "googlenet": 37,
    "mobilenet_v3_small": 41,
    "resnet50": 18,
    "vgg16": 12,
}
"""Lines that are neither blank nor comments."""

OTHERS = ("maxvit", "swin", "vit")
"""Attention over tokens is another language."""


def nets(torchvision: Any) -> list[str]:
    if "CNNSPEC_LONG" not in os.environ:
        return [*MOST_LINES]
    models = torchvision.models
    every = [*models.list_models(models), *models.list_models(models.segmentation)]
    return [name for name in every if not name.startswith(OTHERS)]


def test_nets_of_torchvision_come_back_short(torchvision: Any) -> None:
    """The shortest text itself is the network: no block that it has is wrong."""
    from cnnspec.importers.torch.read import read
    from cnnspec.importers.torch.sources import load

    lengths = {}
    for name in nets(torchvision):
        side = 299 if name == "inception_v3" else 224
        model = read(load(f"torchvision:{name}"), [Shape(3, side, side)])
        text = shortest(model, ()).text
        found = check_text(text)
        assert found.ok, name
        assert compare(model, model_of(found.networks[0])) is None, name
        lengths[name] = lines(text)
    assert not {name: length for name, length in lengths.items() if length > MOST_LINES.get(name, 70)}
    assert len(lengths) < 60 or sorted(lengths.values())[len(lengths) // 2] <= 28


WRITE = """
from cnnspec.compiler import check_text
from cnnspec.importers.from_network import model_of
from cnnspec.importers.write import write
from cnnspec.text import shipped
for name in ("googlenet", "mobilenet_v3", "unet"):
    print(write(model_of(check_text(shipped.text(name)).networks[0])))
"""


def test_the_same_network_gives_the_same_text_under_any_hash_seed() -> None:
    texts = {
        subprocess.run(
            [sys.executable, "-c", WRITE],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(texts) == 1
