"""The loop with all that `train` offers beside it: precision, averages, freezing, weights of classes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from cnnspec.train.engine import Stopped
from cnnspec.train.recipe.heads import HeadOptions, HeadTrainer
from cnnspec.train.recipe.loop import Batch, Batches
from cnnspec.train.shards import shard


def obey_the_parent(worker: int) -> None:
    """A reading process leaves interrupts to the one that trains, and ends when that one says so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def mix(decay: float, mean: Tensor, x: Tensor, count: Tensor | int) -> Tensor:
    """An averaged tensor, which follows faster while there is little to average."""
    return mean.lerp(x, max(1 - decay, 9 / (10 + int(count)))) if mean.is_floating_point() else x


@dataclass
class Choices(HeadOptions):
    """`ema`: the decay of averaged weights, 0 for none. `freeze`: beginnings of keys. `channels_last`: how
    maps and kernels lie in memory, as tensor cores want them."""

    optimizer: str = "adamw"
    schedule: str = "onecycle"
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] = ()
    freeze: tuple[str, ...] = ()
    ema: float = 0.0
    amp: str = "no"
    channels_last: bool = False
    compile: bool = False
    shard: bool = False


class FullTrainer(HeadTrainer):
    """A Trainer with choices, which stops after a step where a process is to; each step calls `tick`.

    `is_interrupted`: this process is to stop; `must_stop`: one of all is.
    """

    options: Choices

    def __init__(
        self, net: nn.Module, train: Batches, val: Batches, options: Choices, tick: Callable[[], None]
    ) -> None:
        self.options, self.tick = options, tick
        self.is_interrupted = self.must_stop = False
        self.images = torch.empty(0)
        for key, tensor in net.named_parameters():
            tensor.requires_grad_(tensor.requires_grad and not key.startswith(options.freeze))
        self.frozen = [m for name, m in net.named_modules() if f"{name}.".startswith(options.freeze)]
        self.layout = torch.channels_last if options.channels_last else torch.contiguous_format
        net.to(memory_format=self.layout)  # type: ignore[call-overload]
        self.average = None
        if options.ema:
            average = partial(mix, options.ema)
            self.average = AveragedModel(net, torch.device(options.device), average, use_buffers=True)
            if options.shard:  # first copied, for what is divided cannot be
                shard(self.average.module)
        super().__init__(net, train, val)
        weights = options.class_weights
        self.class_weights = torch.tensor(weights, device=self.device) if weights else None
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=options.amp == "fp16")
        if self.average is not None:
            self.shown = self.average.module
        if options.compile:
            # In place: `torch.compile(net)` would be another module, with `_orig_mod.` before each key.
            self.model.compile()

    def distribute(self, net: nn.Module) -> nn.Module:
        return shard(net) if self.options.shard else super().distribute(net)

    def load(self, keys: Batches) -> DataLoader[Batch]:
        workers, pin = self.options.workers, self.device.type == "cuda"
        return DataLoader(
            keys.images,
            batch_size=None,
            sampler=keys,
            num_workers=workers,
            pin_memory=pin,
            worker_init_fn=obey_the_parent,
            persistent_workers=workers > 0,
        )

    def optimise(self, tensors: list[nn.Parameter]) -> torch.optim.Optimizer:
        adamw = super().optimise(tensors)
        if self.options.optimizer == "adamw":
            return adamw
        # AdamW's groups hold its own lr and `fused`, too, which would go before SGD's.
        groups = [{key: group[key] for key in ("params", "weight_decay")} for group in adamw.param_groups]
        fused = not self.options.shard  # PyTorch's fused SGD takes no shards
        return torch.optim.SGD(groups, self.options.lr, momentum=0.9, nesterov=True, fused=fused)

    def rate(self, step: int) -> float:
        if self.options.schedule != "none":
            return super().rate(step)
        return self.options.lr * min(1.0, (step + 0.5) / self.train.steps / max(self.options.warmup, 1e-9))

    def prepare(self, images: Tensor) -> Tensor:
        return super().prepare(images).contiguous(memory_format=self.layout)

    def precision(self) -> torch.autocast:
        kind = torch.float16 if self.options.amp == "fp16" else torch.bfloat16
        return torch.autocast(self.device.type, kind, enabled=self.options.amp != "no")

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        smoothing = self.options.label_smoothing
        return F.cross_entropy(logits, labels, self.class_weights, reduction="sum", label_smoothing=smoothing)

    def losses(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        # With each batch, for `net.train()` at an epoch's start sets all modules to training.
        for module in self.frozen:
            module.eval()
        with self.precision():
            return super().losses(images, labels)

    def descend(self, images: Tensor, labels: Tensor) -> None:
        # Kept, for `culprit` to run once more where the loss is not finite.
        self.images = images
        super().descend(images, labels)
        self.tick()
        self.agree()
        if self.must_stop and self.step % self.train.steps:
            raise Stopped

    def agree(self) -> None:
        """Stop where any process is to."""
        interrupted = torch.tensor(float(self.is_interrupted), device=self.device)
        if self.train.world > 1:
            dist.all_reduce(interrupted)
        self.must_stop = bool(interrupted.item())

    def advance(self, loss: Tensor) -> None:
        torch.autograd.backward(self.scaler.scale(loss))
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        if self.average is not None:
            self.average.update_parameters(self.net)

    def evaluate(self) -> Tensor:
        """The logits (N, classes) of all images of `val`, in each process."""
        with self.precision():
            scores = super().evaluate()
        self.agree()
        return self.logits(scores, self.options.main)
