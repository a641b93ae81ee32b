"""Emitted PyTorch against torchvision's: operators, time eager and compiled, and the length of the files.

python -m benchmarks.pytorch_out
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.timing import Row, Taken, interleaved, ratio, table
from cnnspec.backends import emit
from cnnspec.compiler import check
from cnnspec.graph.tree import Network
from cnnspec.passes.optimize import fold_weights
from cnnspec.text.files import read, read_used
from cnnspec.text.source import Source

ROOT = Path(__file__).parents[1]
PAIRS = 30


def network(net: str) -> Network:
    source = read(str(ROOT / "specs" / "resnet.cnn"))
    assert isinstance(source, Source)
    return check(source, read_used, net).networks[0]


def emitted(net: str, **options: bool) -> str:
    return emit("torch", network(net), "resnet.cnn", **options)


def model(text: str) -> Any:
    space: dict[str, Any] = {"__name__": "emitted"}
    exec(compile(text, "resnet50.py", "exec"), space)
    return space["ResNet50"]().eval()


def optimised(state: dict[str, Any]) -> Any:
    """The optimised program, with these weights folded."""
    import torch

    folded = fold_weights(network("ResNet50"), {key: tensor.numpy() for key, tensor in state.items()})
    made = model(emitted("ResNet50", optimize=True))
    made.load_state_dict({key: torch.from_numpy(tensor) for key, tensor in folded.items()})
    return made


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
    text = emitted("ResNet50")
    theirs = torchvision().models.resnet50(weights=None).eval()
    for name, tensor in theirs.state_dict().items():
        if name.endswith("running_mean"):
            tensor.normal_(0, 0.1)
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
    ours, quick = model(text), optimised(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    compiled = torch.compile(quick), torch.compile(theirs)
    with torch.no_grad():
        wanted = theirs(images)
        gap, folded = (
            float((net(images) - wanted).abs().max() / wanted.abs().max()) for net in (ours, quick)
        )
        mine, fast, peer = interleaved([lambda net=net: net(images) for net in (ours, quick, theirs)], PAIRS)
        both = interleaved([lambda net=net: net(images) for net in compiled], 1 + PAIRS)
    fast_compiled, peer_compiled = (Taken(taken.seconds[1:]) for taken in both)  # the first run compiles
    more = operators(ours, images) - operators(theirs, images)
    fifty, deeper = len(text.splitlines()), len(emitted("ResNet152").splitlines())
    rows = [
        Row("ATen operators more than torchvision's ResNet-50", "none", str(dict(more) or "none")),
        Row("largest difference of the outputs, same weights", "1e-5 relative", f"{gap:.1e}"),
        Row(f"eager time / torchvision's, {PAIRS} pairs, batch 1", "within 5 %", ratio(mine, peer)),
        Row("with --optimize: largest difference", "1e-5 relative", f"{folded:.1e}"),
        Row("with --optimize: eager time / torchvision's", "0.65, better 0.5", ratio(fast, peer)),
        Row("with --optimize: both under torch.compile", "", ratio(fast_compiled, peer_compiled)),
        Row("compiled with --optimize / torchvision's, eager", "", ratio(fast_compiled, peer)),
        Row("lines of ResNet-50", "160", str(fifty)),
        Row("lines of ResNet-152", "a few more", str(deeper)),
    ]
    sys.stdout.write(table("PyTorch out", rows))


if __name__ == "__main__":
    main()
