"""What `train` takes beside a bare loop, what it reaches on the digits, how long it waits for images.

python -m benchmarks.training
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.timing import Row, interleaved, ratio, table
from cnnspec.api import check
from cnnspec.graph.tree import Network
from cnnspec.train.engine import Request
from cnnspec.train.run_folder import RunFolder
from cnnspec.train.training_run import TrainingRun

ROOT = Path(__file__).parents[1]
EPOCHS = 15  # of each loop, in turn


def network(spec: str, net: str | None = None, **changes: Any) -> Network:
    return check(ROOT / "specs" / spec, net, **changes).networks[0]


def session(given: Network, data: str, folder: str, **options: Any) -> TrainingRun:
    Path(folder).mkdir(parents=True, exist_ok=True)
    return TrainingRun(given, Request(data, **options), RunFolder(Path(folder)))


class Bare:
    """The loop that one writes by hand, on images that are tensors already, and prepared."""

    def __init__(self, made: TrainingRun) -> None:
        import torch

        from cnnspec.train.torch_engine import TorchEngine

        assert isinstance(made.engine, TorchEngine)
        self.y = torch.from_numpy(made.data.train.labels)
        images = [torch.from_numpy(made.data.train.read(index)) for index in range(len(self.y))]
        self.x = made.engine.prepare(torch.stack(images))
        self.net = made.engine.net.train()
        self.optimizer = torch.optim.AdamW(self.net.parameters(), 1e-3)

    def epoch(self) -> None:
        import torch
        import torch.nn.functional as F

        order = torch.randperm(len(self.y))
        total = 0.0
        for batch in order.split(32):
            loss = F.cross_entropy(self.net(self.x[batch]), self.y[batch])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item()


def beside_bare(spec: str, folder: str) -> str:
    """The time of an epoch, as a ratio to the bare loop's; trying the net and writing files left out."""
    ours, other = (session(network(spec), "digits", folder, epochs=10**6, lr=1e-3) for _ in range(2))
    epochs, bare = ours.engine.epochs(), Bare(other)
    next(epochs), bare.epoch()
    return ratio(*interleaved([lambda: next(epochs), bare.epoch], EPOCHS))


def accuracy(folder: str, backend: str) -> float:
    """On the digits, the mean of three seeds, after the last epoch."""
    given, found = network("digits.cnn"), []
    for seed in range(3):
        rows = [*session(given, "digits", f"{folder}/{backend}{seed}", backend=backend, seed=seed).run()]
        found.append(rows[-1].val_accuracy)
    return statistics.mean(found)


class Waited:
    """Batches, and the seconds that passed until they were there."""

    def __init__(self, batches: Any) -> None:
        self.batches, self.seconds = batches, 0.0

    def __iter__(self) -> Iterator[Any]:
        coming = iter(self.batches)
        while True:
            began = time.perf_counter()
            batch = next(coming, None)
            self.seconds += time.perf_counter() - began
            if batch is None:
                return
            yield batch


def waiting(folder: str, count: int, size: int = 64) -> float:
    """The share of the second epoch of ResNet-18 that passes in waiting for images from files."""
    import numpy as np
    from PIL import Image

    from cnnspec.train.torch_engine import TorchEngine

    chance = np.random.default_rng(0)
    for index in range(count):
        path = Path(folder, "data", str(index % 10), f"{index}.jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(chance.integers(0, 256, (size, size, 3), np.uint8)).save(path)
    shape = {"input": f"3@{size}x{size}"}
    given = network("resnet.cnn", "ResNet18", parameters={"classes": 10}, inputs=shape)
    made = session(given, f"{folder}/data", f"{folder}/run", epochs=2)
    assert isinstance(made.engine, TorchEngine)
    epochs = made.engine.epochs()
    next(epochs)
    waited = Waited(made.engine.batches)
    made.engine.batches = waited  # type: ignore[assignment]
    began = time.perf_counter()
    next(epochs)
    return waited.seconds / (time.perf_counter() - began)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as folder:
        torch, numpy = (accuracy(folder, backend) for backend in ("torch", "numpy"))
        rows = [
            Row("digits, the mean of three seeds", "98 %", f"{torch:.2%}"),
            Row("the same with --backend numpy", "within 0.5 %", f"{numpy:.2%}"),
            Row("an epoch of LeNet-5 / a bare loop's", "1.05", beside_bare("lenet.cnn", f"{folder}/lenet")),
            Row("of the small digits net", "", beside_bare("digits.cnn", f"{folder}/digits")),
            Row(f"ResNet-18, {count:,} files of 64x64: waits", "10 %", f"{waiting(folder, count):.1%}"),
        ]
    sys.stdout.write(table("Training", rows))


if __name__ == "__main__":
    main()
