"""The loop with all that `train` offers beside it: precision, averages, freezing, weights of classes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from cnnspec.train.engine import Stopped
from cnnspec.train.recipe.heads import HeadOptions, HeadTrainer
from cnnspec.train.recipe.loop import Batch, Batches
from cnnspec.train.shards import part_of, shard


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
    """A Trainer with choices, which stops after a step where a process is asked to; each calls `tick`."""

    options: Choices

    def __init__(
        self, net: nn.Module, train: Batches, val: Batches, options: Choices, tick: Callable[[], None]
    ) -> None:
        self.options, self.tick = options, tick
        self.asked = self.stop = False
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
        self.weights = (
            torch.tensor(options.class_weights, device=self.device) if options.class_weights else None
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=options.amp == "fp16")
        if self.average is not None:
            self.shown = self.average.module
        if options.compile:
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
        return F.cross_entropy(logits, labels, self.weights, reduction="sum", label_smoothing=smoothing)

    def losses(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        for module in self.frozen:
            module.eval()
        with self.precision():
            return super().losses(images, labels)

    def descend(self, images: Tensor, labels: Tensor) -> None:
        self.images = images
        super().descend(images, labels)
        self.tick()
        self.agree()
        if self.stop and self.step % self.train.steps:
            raise Stopped

    def agree(self) -> None:
        """Stop where any process is asked to."""
        asked = torch.tensor(float(self.asked), device=self.device)
        if self.train.world > 1:
            dist.all_reduce(asked)
        self.stop = bool(asked.item())

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

    def tensors(self) -> dict[str, Tensor]:
        """All that the rest of the run depends on: `net/KEY`, `average/KEY`, `optimizer/KEY/NAME`."""
        found = {f"{part}/{key}": x for part, net in self.nets() for key, x in net.state_dict().items()}
        for key, tensor in self.net.named_parameters():
            for name, moment in self.optimizer.state.get(tensor, {}).items():
                found[f"optimizer/{key}/{name}"] = moment
        return found

    def nets(self) -> list[tuple[str, nn.Module]]:
        return [("net", self.net)] + ([] if self.average is None else [("average", self.average)])

    def numbers(self) -> dict[str, Any]:
        """What of the state is no tensor, as JSON takes it."""
        return {"scaler": self.scaler.state_dict(), "at": [self.step, self.loss, self.right]}

    def take(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Go on from a state: whole tensors, of which this process takes its part."""
        for part, net in self.nets():
            mine = net.state_dict()
            net.load_state_dict({key: part_of(tensors[f"{part}/{key}"], x) for key, x in mine.items()})
        parameters = dict(self.net.named_parameters())
        for path, tensor in tensors.items():
            if path.startswith("optimizer/"):  # whose numbers, as the weight decay, are this call's
                _, key, name = path.split("/")
                self.optimizer.state[parameters[key]][name] = part_of(tensor, parameters[key])
        self.scaler.load_state_dict(numbers["scaler"])
        self.step, self.loss, self.right = numbers["at"]
