"""Emitted NumPy against its peers, one image at a time: `python benchmarks/numpy_speed.py [NET…]`.

Every net is timed in turns with PyTorch (NCHW, and channels-last) in one process, two threads each;
medians are quoted. Memory is what tracemalloc sees of a first and of a second run. The last line is
LeNet-5's training step on 64 images.
"""

from __future__ import annotations

import os

THREADS = 2
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, str(THREADS))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # PyTorch's idle threads leave the cores to others

import platform  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
import tracemalloc  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from types import ModuleType  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402

from cnnspec.analysis.memory import peak  # noqa: E402
from cnnspec.analysis.unroll import unroll  # noqa: E402
from cnnspec.backends import emit  # noqa: E402
from cnnspec.compiler import check  # noqa: E402
from cnnspec.files import read, read_used  # noqa: E402
from cnnspec.source import Source  # noqa: E402

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


def network(name: str) -> Any:
    source = read(str(SPECS / f"{NETS[name]}.cnn"))
    assert isinstance(source, Source)
    return check(source, read_used, name).networks[0]


def program(backend: str, net: Any, **options: bool) -> Any:
    """The emitted class."""
    module = sys.modules[f"emitted_{backend}"] = ModuleType(f"emitted_{backend}")
    exec(emit(backend, net, f"{net.name}.cnn", **options), module.__dict__)
    return module


def times(calls: list[Callable[[], Any]], seconds: float = 5.0) -> list[float]:
    """The median time of each call, taken in turns."""
    taken: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(taken[0]) < 5:
        for call, found in zip(calls, taken, strict=True):
            start = time.perf_counter()
            call()
            found.append(time.perf_counter() - start)
    return [statistics.median(found) for found in taken]


def traced(call: Callable[[], Any]) -> float:
    """The most megabytes that a call holds at once."""
    tracemalloc.start()
    call()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1e6


def measure(name: str) -> None:
    net = network(name)
    model = getattr(program("torch", net), name)().eval()
    ours = getattr(program("numpy", net, inference=True), name)()
    for key, tensor in model.state_dict().items():
        ours.params[key] = tensor.numpy().copy()
    ours.refresh()
    shape = net.inputs[0].value.shape.dimensions
    x = np.random.default_rng(0).standard_normal((1, *shape)).astype(np.float32)
    image = torch.from_numpy(x)
    last = getattr(program("torch", net), name)().eval().to(memory_format=torch.channels_last)
    image_last = image.to(memory_format=torch.channels_last)
    first_run, second_run = traced(lambda: ours(x)), traced(lambda: ours(x))
    with torch.no_grad():
        error = np.abs(model(image).numpy() - ours(x)).max() / np.abs(ours(x)).max()
        eager, channels_last, mine = times([lambda: model(image), lambda: last(image_last), lambda: ours(x)])
    weights = sum(tensor.nbytes for tensor in ours.params.values()) / 1e6
    budget = weights + 1.3 * 4 * peak(unroll(net)).elements / 1e6 + 4  # beside the parameters themselves
    print(
        f"{name:12} {eager * 1e3:9.2f} {channels_last / eager:10.2f} {mine / eager:8.2f} {error:9.1e}"
        f" {first_run:9.1f} {budget:9.1f} {second_run:9.2f}",
        flush=True,
    )


def training_step() -> None:
    """LeNet-5, 64 images: forward, back, SGD with momentum."""
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

    eager, found = times([step, lambda: mine.step(ours.loss_and_grads(x, labels)[1])])
    print(f"LeNet5, training step of 64: PyTorch {eager * 1e3:.2f} ms, ratio {found / eager:.2f}")


def main() -> None:
    torch.set_num_threads(THREADS)
    print(
        f"{platform.processor() or platform.machine()}, {THREADS} threads, torch {torch.__version__}, ",
        end="",
    )
    print(
        f"numpy {np.__version__}\n{'net':12} {'torch ms':>9} {'last':>10} {'numpy':>8} {'error':>9}", end=""
    )
    print(f" {'1st MB':>9} {'budget':>9} {'2nd MB':>9}")
    for name in sys.argv[1:] or NETS:
        measure(name)
    training_step()


if __name__ == "__main__":
    main()
