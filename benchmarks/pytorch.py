"""Emitted PyTorch against torchvision: `python benchmarks/pytorch.py`. Needs the extra `test`."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from cnnspec.backends import emit
from cnnspec.compiler import check
from cnnspec.files import read, read_used
from cnnspec.source import Source

RESNET = Path(__file__).parents[1] / "specs" / "resnet.cnn"
PAIRS = 30


def text(net: str) -> str:
    source = read(str(RESNET))
    assert isinstance(source, Source)
    return emit("torch", check(source, read_used, net).networks[0], "resnet.cnn")


def models() -> tuple[Any, Any]:
    """ResNet-50 as emitted and as torchvision has it, with the same weights."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from torchvision.models import resnet50

    module = sys.modules["emitted"] = ModuleType("emitted")
    exec(text("ResNet50"), module.__dict__)
    theirs = resnet50().eval()
    ours = module.ResNet50().eval()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def main() -> None:
    torch.set_num_threads(2)
    ours, theirs = models()
    images = torch.rand(1, 3, 224, 224)
    pairs = []
    with torch.no_grad():
        equal = torch.equal(ours(images), theirs(images))
        for _ in range(PAIRS + 3):
            taken = []
            for model in (ours, theirs):
                start = time.perf_counter()
                model(images)
                taken.append(time.perf_counter() - start)
            pairs.append(taken)
    pairs = pairs[3:]
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"ResNet-50 eager, emitted / torchvision: {ratio:.3f} (must: within 5 %), outputs equal: {equal}")
    fifty, deep = (text(net).count("\n") for net in ("ResNet50", "ResNet152"))
    print(f"lines: ResNet-50 {fifty} (must: 160), ResNet-152 {deep}")


if __name__ == "__main__":
    main()
