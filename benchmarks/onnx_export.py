"""ONNX out: nodes by kind and ONNX Runtime's time, beside PyTorch's own export of the same net.

PyTorch's is that of the exporter that needs onnx alone. It folds batch norms, as ours does with `optimize`.
Weights are random: of equal tensors that exporter would keep one, with nodes for the others.
"""

from __future__ import annotations

import io
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import onnx
import onnxruntime
import torch
from torch import nn

import benchmarks.numpy_speed as speed  # first: it says how many threads there are
from benchmarks.timing import interleaved_for, machine
from cnnspec.analysis.costs import costs
from cnnspec.backends import emit
from cnnspec.compiler import check
from cnnspec.graph.tree import Network
from cnnspec.text.files import read, read_used
from cnnspec.text.source import Source

MOST = 1 << 27
"""Parameters of a net that is exported by PyTorch, too: half a gigabyte of them."""

Kinds = Counter[str]


def zoo() -> Iterator[tuple[str, list[Network]]]:
    """The nets of each file of the zoo."""
    for path in sorted(speed.SPECS.glob("*.cnn")):
        source = read(str(path))
        assert isinstance(source, Source)
        yield path.stem, list(check(source, read_used).networks)


def model_of(net: Network) -> Any:
    """The emitted PyTorch module with random weights and statistics."""
    torch.manual_seed(0)
    model = getattr(speed.program("torch", net), net.name)().eval()
    for tensor in model.state_dict().values():
        if tensor.is_floating_point() and tensor.min() == tensor.max():
            tensor.uniform_(0.5, 1.5)
    return model


def images_of(net: Network) -> list[torch.Tensor]:
    return [torch.randn(1, *given.value.shape.dimensions) for given in net.inputs if given.value.shape]


def exported(model: Any, *images: torch.Tensor) -> bytes:
    """The model in ONNX, its weights within, by PyTorch's exporter that needs onnx alone."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, images, file, dynamo=False)
    return file.getvalue()


class Shuffle(nn.Module):
    """nn.ChannelShuffle as torchvision writes it: the exporter refuses the module."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, c, height, width = x.shape
        rows = x.view(n, self.groups, c // self.groups, height, width)
        return rows.transpose(1, 2).reshape(n, c, height, width)


def write_shuffles_out(model: nn.Module) -> nn.Module:
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.ChannelShuffle):
                setattr(parent, name, Shuffle(child.groups))
    return model


def kinds(content: bytes) -> Kinds:
    return Counter(node.op_type for node in onnx.load_from_string(content).graph.node)


def difference(ours: Kinds, theirs: Kinds) -> str:
    """`-36 MatMul +36 Conv`: what ours has less and more."""
    parts = [f"-{n} {kind}" for kind, n in sorted((theirs - ours).items())]
    return " ".join(parts + [f"+{n} {kind}" for kind, n in sorted((ours - theirs).items())])


def session(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = speed.THREADS, 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def caller(content: bytes, images: list[torch.Tensor]) -> speed.Call:
    made = session(content)
    given = {each.name: x.numpy() for each, x in zip(made.get_inputs(), images, strict=True)}
    return lambda: made.run(None, given)


def measure(net: Network, times: bool) -> str:
    """A line of the table."""
    model, images = model_of(net), images_of(net)
    tensors = {key: tensor.numpy() for key, tensor in model.state_dict().items()}
    contents = [exported(write_shuffles_out(model), *images)]
    contents += [emit("onnx", net, "net.cnn", weights=tensors, optimize=flag) for flag in (False, True)]
    counted = [kinds(content) for content in contents]
    cells = [net.name, *(str(found.total()) for found in counted), difference(counted[2], counted[0])]
    if times:
        calls = [caller(content, images) for content in contents]
        wanted, *found = (call()[0] for call in calls)
        cells += [speed.error(wanted, made) for made in found]
        medians = [taken.median for taken in interleaved_for(calls, speed.SECONDS)]
        cells += [f"{median / medians[0]:.2f}" for median in medians[1:]]
    return speed.row(cells)


def main(arguments: list[str]) -> None:
    """The first net of each file of the zoo; those that are named; or, with `--all`, all, without times."""
    every, names = "--all" in arguments, {name for name in arguments if not name.startswith("-")}
    torch.set_num_threads(speed.THREADS)
    versions = f"PyTorch {torch.__version__}, onnx {onnx.__version__}, ONNX Runtime {onnxruntime.__version__}"
    print(f"## ONNX out\n\nMeasured on {machine()}, {speed.THREADS} threads, {versions}.\n")
    columns = ["net", "PyTorch's nodes", "ours", "optimised", "its difference"]
    columns += [] if every else ["error", "optimised", "time, ours / PyTorch's", "optimised / PyTorch's"]
    print(f"{speed.row(columns)}\n{'|---' * len(columns)}|", flush=True)
    for _, nets in zoo():
        chosen = [net for net in nets if net.name in names] if names else nets if every else nets[:1]
        for net in chosen:
            if costs(net).params <= MOST:
                print(measure(net, not every), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
