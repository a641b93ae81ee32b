"""Emitted NumPy against PyTorch and ONNX Runtime, one image at a time, the same weights in all.

    python -m benchmarks.numpy_speed [NET…]

Every way runs in a process of its own, two threads each, and they take turns: each is called for 0.1 s, as a
loop over images would, then all rest until idle threads sleep. (In one process the threads that one way
leaves spinning double the time of the next.) The columns are ratios of medians to PyTorch (NCHW, eager), and
of NumPy's fast path to ONNX Runtime. Errors are relative to the largest output of PyTorch. Memory is what
tracemalloc sees of the fast path's first and second run, the weights that it lays out included; the budget is
what it may take. A second table has milliseconds, quiet and beside as many busy processes of low priority as
there are cores: the median and, behind the stroke, the 90th percentile. Then ResNet-18 by ONNX's reference
evaluator. ONNX and its runtime come with the benchmark extra; else their figures are `-`.
"""

from __future__ import annotations

import os

THREADS = 2
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, str(THREADS))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # PyTorch's idle threads leave the cores to others

import sys  # noqa: E402
import time  # noqa: E402
import tracemalloc  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from importlib.util import find_spec  # noqa: E402
from multiprocessing import Pipe, get_context  # noqa: E402
from multiprocessing.connection import Connection  # noqa: E402
from pathlib import Path  # noqa: E402
from types import ModuleType  # noqa: E402
from typing import Any, NamedTuple  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402

from benchmarks.timing import Taken, busy_neighbours, interleaved, machine  # noqa: E402
from cnnspec.analysis.memory import peak  # noqa: E402
from cnnspec.analysis.unroll import unroll  # noqa: E402
from cnnspec.backends import emit  # noqa: E402
from cnnspec.compiler import check  # noqa: E402
from cnnspec.text.files import read, read_used  # noqa: E402
from cnnspec.text.source import Source  # noqa: E402

SPECS = Path(__file__).parents[1] / "specs"
NETS = {
    "LeNet5": "lenet",
    "AlexNet": "alexnet",
    "VGG16": "vgg",
    "ResNet18": "resnet",
    "ResNet50": "resnet",
    "DenseNet121": "densenet",
    "MobileNetV2": "mobilenet_v2",
}
PEERS = ("PyTorch", "channels-last", "ONNX Runtime", "NumPy fast", "NumPy plain")
SECONDS = 10.0
"""To measure a net for; every way has five turns at least."""

STRETCH, REST = 0.1, 0.05
"""Seconds of a turn, and between two: OpenBLAS's threads spin for some 30 ms after a product."""

TRAINING = "LeNet5, training step of 64"

Call = Callable[[], Any]


class Net(NamedTuple):
    """A network, its two programs with the same weights, and one image for each."""

    checked: Any
    torch: Any
    numpy: Any
    image: torch.Tensor
    array: np.ndarray[Any, Any]


def network(name: str) -> Any:
    source = read(str(SPECS / f"{NETS[name]}.cnn"))
    assert isinstance(source, Source)
    return check(source, read_used, name).networks[0]


def program(backend: str, net: Any, **options: bool) -> Any:
    """The emitted file as a module."""
    module = sys.modules[f"emitted_{backend}"] = ModuleType(f"emitted_{backend}")
    exec(emit(backend, net, f"{net.name}.cnn", **options), module.__dict__)
    return module


def prepared(name: str) -> Net:
    checked = network(name)
    torch.manual_seed(0)
    model = getattr(program("torch", checked), name)().eval()
    ours = getattr(program("numpy", checked, inference=True), name)()
    for key in ours.params:
        ours.params[key] = model.state_dict()[key].numpy().copy()
    ours.refresh()
    shape = checked.inputs[0].value.shape.dimensions
    array = np.random.default_rng(0).standard_normal((1, *shape)).astype(np.float32)
    return Net(checked, model, ours, torch.from_numpy(array), array)


# The ways to compute it


def channels_last(net: Net) -> Call:
    model = getattr(program("torch", net.checked), net.checked.name)().eval()
    model.load_state_dict(net.torch.state_dict())
    model.to(memory_format=torch.channels_last)
    image = net.image.to(memory_format=torch.channels_last)
    return lambda: model(image)


def model_of(net: Net) -> bytes:
    """Our model in ONNX, its weights within, norms folded."""
    weights = {key: tensor.numpy() for key, tensor in net.torch.state_dict().items()}
    made = emit("onnx", net.checked, "net.cnn", weights=weights, optimize=True)
    assert isinstance(made, bytes)
    return made


def onnx_runtime(net: Net) -> Call:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
    session = onnxruntime.InferenceSession(model_of(net), options, providers=["CPUExecutionProvider"])
    given = {session.get_inputs()[0].name: net.array}
    return lambda: session.run(None, given)


def reference_evaluator(net: Net) -> Call:
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(model_of(net))
    given = {evaluator.input_names[0]: net.array}
    return lambda: evaluator.run(None, given)


def numpy_path(net: Net, fast: bool) -> Call:
    def run() -> Any:
        net.numpy.fast = fast
        return net.numpy(net.array)

    return run


WAYS: dict[str, Callable[[Net], Call]] = {
    "PyTorch": lambda net: lambda: net.torch(net.image),
    "channels-last": channels_last,
    "ONNX Runtime": onnx_runtime,
    "NumPy fast": lambda net: numpy_path(net, fast=True),
    "NumPy plain": lambda net: numpy_path(net, fast=False),
}


def installed(ways: Sequence[str]) -> list[str]:
    return [way for way in ways if way != "ONNX Runtime" or (find_spec("onnx") and find_spec("onnxruntime"))]


# What is measured


def serve(turns: Connection, name: str, way: str) -> None:
    """In a process of its own: call the way for as many seconds as are asked for, and say what each took."""
    torch.set_num_threads(THREADS)
    torch.set_grad_enabled(name == TRAINING)
    call = training_calls()[way] if name == TRAINING else WAYS[way](prepared(name))
    call()
    turns.send(())
    while (stretch := turns.recv()) is not None:
        turns.send(interleaved([call], 1, stretch)[0].seconds)


class Peers:
    """The ways to compute a net, each waiting in its process for its turns."""

    def __init__(self, name: str, ways: Sequence[str]) -> None:
        self.ways = installed(ways)
        pipes = [Pipe() for _ in self.ways]
        for way, (_, theirs) in zip(self.ways, pipes, strict=True):
            get_context("spawn").Process(target=serve, args=(theirs, name, way), daemon=True).start()
        self.turns = [ours for ours, _ in pipes]

    def __enter__(self) -> Peers:
        for turns in self.turns:
            turns.recv()
        return self

    def __exit__(self, *_: object) -> None:
        for turns in self.turns:
            turns.send(None)

    def round(self) -> list[tuple[float, ...]]:
        found = []
        for turns in self.turns:
            time.sleep(REST)
            turns.send(STRETCH)
            found.append(turns.recv())
        return found

    def taken(self) -> dict[str, Taken]:
        """What each way took, for SECONDS or five rounds; the first is not counted."""
        began = time.perf_counter()
        self.round()
        rounds = max(5, int(SECONDS / (time.perf_counter() - began)))
        found = zip(*(self.round() for _ in range(rounds)), strict=True)
        return {way: Taken(sum(parts, ())) for way, parts in zip(self.ways, found, strict=True)}


def traced(call: Call) -> float:
    """The most megabytes that a call holds at once."""
    tracemalloc.start()
    call()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1e6


def memory(net: Net) -> list[str]:
    """Of the first run, its budget beside the parameters themselves, of the second run; in MB."""
    run = numpy_path(net, fast=True)
    weights = sum(tensor.nbytes for tensor in net.numpy.params.values()) / 1e6
    budget = weights + 1.3 * 4 * peak(unroll(net.checked)).elements / 1e6 + 4
    return [f"{traced(run):.1f}", f"{budget:.1f}", f"{traced(run):.2f}"]


def error(wanted: Any, made: Any) -> str:
    return f"{np.abs(wanted - made).max() / np.abs(wanted).max():.0e}"


def measure(name: str) -> str:
    """A line of the table."""
    net = prepared(name)
    held = memory(net)
    with torch.no_grad():
        wanted = net.torch(net.image).numpy()
        errors = [error(wanted, numpy_path(net, fast)()) for fast in (True, False)]
    with Peers(name, PEERS) as peers:
        medians = {way: found.median for way, found in peers.taken().items()}
    eager = medians["PyTorch"]
    ratios = [f"{medians[peer] / eager:.2f}" if peer in medians else "-" for peer in PEERS[1:]]
    runtime = medians.get("ONNX Runtime")
    ratios.append(f"{medians['NumPy fast'] / runtime:.2f}" if runtime else "-")
    return row([name, f"{eager * 1e3:.2f}", *ratios, *errors, *held])


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def figures(found: Taken) -> str:
    return f"{found.median * 1e3:.3g} / {found.ninetieth * 1e3:.3g}"


def beside(name: str, ways: Sequence[str]) -> tuple[str, dict[str, Taken]]:
    """A line: each way's median and 90th percentile, quiet, then beside busy neighbours; and those quiet."""
    with Peers(name, ways) as peers:
        quiet = peers.taken()
        with busy_neighbours():
            busy = peers.taken()
    return row([name, *(figures(found[way]) for way in peers.ways for found in (quiet, busy))]), quiet


def shared_machine(nets: list[str]) -> None:
    """The table of what a neighbour costs; training, too."""
    ways = ("NumPy fast", "PyTorch", "ONNX Runtime")
    columns = ["net", *(f"{way}, {when}" for way in ways for when in ("quiet", "busy"))]
    print(f"\n{row(columns)}\n{'|---' * len(columns)}|", flush=True)
    for name in nets:
        print(beside(name, ways)[0], flush=True)
    line, quiet = beside(TRAINING, ways[:2])
    print(line)
    ours, theirs = quiet["NumPy fast"].median, quiet["PyTorch"].median
    print(f"\n{TRAINING}: {ours / theirs:.2f} of PyTorch's {theirs * 1e3:.2f} ms")


def training_calls() -> dict[str, Call]:
    """LeNet-5, 64 images: forward, back, SGD with momentum, in NumPy and in PyTorch."""
    net = network("LeNet5")
    module = program("numpy", net)
    ours = module.LeNet5()
    mine = module.SGD(ours, 0.01, momentum=0.9)
    model = program("torch", net).LeNet5()
    theirs = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((64, 1, 28, 28)).astype(np.float32), rng.integers(0, 10, 64)
    images, targets = torch.from_numpy(x), torch.from_numpy(labels)

    def step() -> None:
        theirs.zero_grad()
        torch.nn.functional.cross_entropy(model(images), targets).backward()
        theirs.step()

    return {"NumPy fast": lambda: mine.step(ours.loss_and_grads(x, labels)[1]), "PyTorch": step}


def against_the_reference() -> str:
    """How many times faster than ONNX's reference evaluator, which is NumPy, too."""
    if not find_spec("onnx"):
        return "ONNX ReferenceEvaluator / NumPy fast, ResNet18: -"
    net = prepared("ResNet18")
    ours, theirs = interleaved([numpy_path(net, fast=True), reference_evaluator(net)], 3)
    return f"ONNX ReferenceEvaluator / NumPy fast, ResNet18: {theirs.median / ours.median:.0f}"


def main(nets: list[str] | None = None) -> None:
    torch.set_num_threads(THREADS)
    columns = [
        "net",
        "PyTorch ms",
        *PEERS[1:],
        "fast / ONNX Runtime",
        "error fast",
        "plain",
        "1st run MB",
        "budget",
        "2nd run MB",
    ]
    print(f"## NumPy out\n\nMeasured on {machine()}, {THREADS} threads, ", end="")
    print(f"PyTorch {torch.__version__}, NumPy {np.__version__}.\n")
    print(f"{row(columns)}\n{'|---' * len(columns)}|", flush=True)
    for name in nets or NETS:
        print(measure(name), flush=True)
    shared_machine(nets or list(NETS))
    print(against_the_reference())


if __name__ == "__main__":
    main(sys.argv[1:])
