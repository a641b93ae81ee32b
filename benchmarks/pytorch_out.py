"""Emitted PyTorch against torchvision's: operators, eager time, and the length of the files.

python -m benchmarks.pytorch_out
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.timing import Row, interleaved, ratio, table
from cnnspec.backends import emit
from cnnspec.compiler import check
from cnnspec.files import read, read_used
from cnnspec.source import Source

ROOT = Path(__file__).parents[1]
PAIRS = 30


def emitted(net: str) -> str:
    source = read(str(ROOT / "specs" / "resnet.cnn"))
    assert isinstance(source, Source)
    return emit("torch", check(source, read_used, net).networks[0], "resnet.cnn")


def torchvision() -> Any:
    """torchvision, on machines too where its compiled operators do not match the build of torch."""
    import torch

    try:
        import torchvision
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision

        torchvision._kept = library
    return torchvision


def operators(model: Any, images: Any) -> Counter[str]:
    import torch

    graph = torch.export.export(model, (images,)).graph
    kinds = [str(node.target).split(".")[1] for node in graph.nodes if node.op == "call_function"]
    return Counter(kind.removesuffix("_") for kind in kinds)  # in place or not, an operator is one


def main() -> None:
    import torch

    torch.manual_seed(0)
    images = torch.randn(1, 3, 224, 224)
    space: dict[str, Any] = {"__name__": "emitted"}
    text = emitted("ResNet50")
    exec(compile(text, "resnet50.py", "exec"), space)
    theirs = torchvision().models.resnet50(weights=None).eval()
    ours = space["ResNet50"]().eval()
    ours.load_state_dict(theirs.state_dict())
    with torch.no_grad():
        gap = float((ours(images) - theirs(images)).abs().max())
        mine, peer = interleaved([lambda: ours(images), lambda: theirs(images)], PAIRS)
    more = operators(ours, images) - operators(theirs, images)
    fifty, deeper = len(text.splitlines()), len(emitted("ResNet152").splitlines())
    rows = [
        Row("ATen operators more than torchvision's ResNet-50", "none", str(dict(more) or "none")),
        Row("largest difference of the outputs, same weights", "1e-5 relative", f"{gap:.1e}"),
        Row(f"eager time / torchvision's, {PAIRS} pairs, batch 1", "within 5 %", ratio(mine, peer)),
        Row("lines of ResNet-50", "160", str(fifty)),
        Row("lines of ResNet-152", "a few more", str(deeper)),
    ]
    sys.stdout.write(table("PyTorch out", rows))


if __name__ == "__main__":
    main()
