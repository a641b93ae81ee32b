"""Training in PyTorch: the emitted module in the recipe's loop, with all that `train` offers beside it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from cnnspec.graph.tree import Network
from cnnspec.run import RunProblem
from cnnspec.run.image_input import preparation
from cnnspec.run.programs import Array, torch_class
from cnnspec.run.weight_files import blank_state, read_weights
from cnnspec.train.batches import TensorImages
from cnnspec.train.data.images import Data
from cnnspec.train.distributed import part_of, shard, share_norms, whole
from cnnspec.train.engine import Request, State, Stopped, Task, diverged
from cnnspec.train.head import check_frozen
from cnnspec.train.recipe.heads import HeadOptions, HeadTrainer
from cnnspec.train.recipe.loop import Batch, Batches


class TorchEngine(HeadTrainer):
    """Raises RunProblem where options do not fit the net."""

    def __init__(self, task: Task) -> None:
        self.request, self.tick = task.request, task.tick
        self.is_interrupted = self.must_stop = False
        self.images = torch.empty(0)
        net = build_net(task.network, self.request.seed, self.request.weights)
        if dist.is_initialized():
            net = share_norms(net)
        options = options_of(task)
        if self.request.shard and not dist.is_initialized():
            raise RunProblem(
                "a net is divided among several processes, and this is one: torchrun starts more"
            )
        self.freeze(net)
        self.layout = torch.channels_last if self.request.channels_last else torch.contiguous_format
        net.to(memory_format=self.layout)  # type: ignore[call-overload]
        self.average = self.average_of(net)
        data, seed = task.data, self.request.seed
        parts = (TensorImages(data.train, self.request.augment, seed), TensorImages(data.val))
        super().__init__(net, *(Batches(part, len(part.labels), options) for part in parts))
        self.steps, self.leads = self.train.steps, self.train.rank == 0
        weights = task.class_weights
        self.class_weights = torch.tensor(weights, device=self.device) if weights else None
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.request.amp == "fp16")
        if self.average is not None:
            self.shown = self.average.module
        if self.request.compile:
            # In place: `torch.compile(net)` would be another module, with `_orig_mod.` before each key.
            self.model.compile()

    # What the net is trained as

    def freeze(self, net: nn.Module) -> None:
        """Keep the tensors whose keys begin so; their modules run as in evaluation. Raises RunProblem."""
        starts = self.request.freeze
        check_frozen([key for key, _ in net.named_parameters()], starts)
        for key, tensor in net.named_parameters():
            tensor.requires_grad_(tensor.requires_grad and not key.startswith(starts))
        self.frozen = [m for name, m in net.named_modules() if f"{name}.".startswith(starts)]

    def average_of(self, net: nn.Module) -> AveragedModel | None:
        """What averages the weights of the net's last steps, where that is asked for."""
        if not self.request.ema:
            return None
        decay = partial(mix, self.request.ema)
        average = AveragedModel(net, torch.device(self.request.device), decay, use_buffers=True)
        if self.request.shard:  # first copied, for what is divided cannot be
            shard(average.module)
        return average

    def distribute(self, net: nn.Module) -> nn.Module:
        return shard(net) if self.request.shard else super().distribute(net)

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
        if self.request.optimizer == "adamw":
            return adamw
        # AdamW's groups hold its own lr and `fused`, too, which would go before SGD's.
        groups = [{key: group[key] for key in ("params", "weight_decay")} for group in adamw.param_groups]
        fused = not self.request.shard  # PyTorch's fused SGD takes no shards
        return torch.optim.SGD(groups, self.options.lr, momentum=0.9, nesterov=True, fused=fused)

    def rate(self, step: int) -> float:
        if self.request.schedule != "none":
            return super().rate(step)
        return self.options.lr * min(1.0, (step + 0.5) / self.train.steps / max(self.options.warmup, 1e-9))

    def prepare(self, images: Tensor) -> Tensor:
        return super().prepare(images).contiguous(memory_format=self.layout)

    def precision(self) -> torch.autocast:
        kind = torch.float16 if self.request.amp == "fp16" else torch.bfloat16
        return torch.autocast(self.device.type, kind, enabled=self.request.amp != "no")

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        smoothing = self.request.label_smoothing
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

    # What an engine does

    def epochs(self) -> Iterator[tuple[float, float]]:
        with failures_in_words(self):
            yield from super().epochs()

    def evaluate(self) -> Tensor:
        """The logits (N, classes) of all images of `val`, in each process."""
        with self.precision():
            scores = super().evaluate()
        self.agree()
        return self.logits(scores, self.options.main)

    def validate(self) -> Array:
        with failures_in_words(self):
            return self.evaluate().numpy()

    def weights(self) -> dict[str, Array]:
        return arrays(self.shown.state_dict())

    def nets(self) -> dict[str, nn.Module]:
        return {"net": self.net} | ({} if self.average is None else {"average": self.average})

    def state(self) -> State:
        """Tensors are `net/KEY`, `average/KEY`, `optimizer/KEY/NAME`."""
        found = {
            f"{part}/{key}": x for part, net in self.nets().items() for key, x in net.state_dict().items()
        }
        for key, tensor in self.net.named_parameters():
            for name, moment in self.optimizer.state.get(tensor, {}).items():
                found[f"optimizer/{key}/{name}"] = moment
        numbers = {"scaler": self.scaler.state_dict(), "at": [self.step, self.loss, self.right]}
        return State(arrays(found), numbers)

    def restore(self, state: State) -> None:
        """Of whole tensors this process takes its part."""
        tensors = {key: torch.from_numpy(np.array(tensor)) for key, tensor in state.tensors.items()}
        for part, net in self.nets().items():
            mine = net.state_dict()
            # Each process has read the whole file.
            net.load_state_dict({key: part_of(tensors[f"{part}/{key}"], x) for key, x in mine.items()})
        parameters = dict(self.net.named_parameters())
        for path, tensor in tensors.items():
            if path.startswith("optimizer/"):  # whose numbers, as the weight decay, are this call's
                _, key, name = path.split("/")  # optimizer/conv1.weight/exp_avg
                self.optimizer.state[parameters[key]][name] = part_of(tensor, parameters[key])
        self.scaler.load_state_dict(state.numbers["scaler"])
        self.step, self.loss, self.right = state.numbers["at"]


def options_of(task: Task) -> HeadOptions:
    """What the recipe asks for. Raises RunProblem where a weight is for no output."""
    request, head = task.request, task.head
    mean, std = preparation(task.given)
    # What both call the same is handed on as it is.
    alike = {field.name for field in fields(HeadOptions)}.intersection(Request._fields)
    follows = {
        "workers": workers_of(request.workers, task.data),
        "shares": head.shares(request.aux_weight),
        "main": head.main,
        "softmax": head.softmax,
        "mean": mean,
        "std": std,
    }
    return HeadOptions(**{name: getattr(request, name) for name in alike} | follows)


def obey_the_parent(worker: int) -> None:
    """A reading process leaves interrupts to the one that trains, and ends when that one says so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def mix(decay: float, mean: Tensor, x: Tensor, count: Tensor | int) -> Tensor:
    """An averaged tensor, which follows faster while there is little to average."""
    return mean.lerp(x, max(1 - decay, 9 / (10 + int(count)))) if mean.is_floating_point() else x


def arrays(tensors: dict[str, Tensor]) -> dict[str, Array]:
    """The tensors whole, which all processes ask for at once."""
    return {key: whole(tensor).cpu().numpy() for key, tensor in tensors.items()}


def build_net(network: Network, seed: int, weights: str | None) -> nn.Module:
    """The emitted module, its weights drawn by the seed or those of a file. Raises RunProblem."""
    made = torch_class(network)
    torch.manual_seed(seed)
    net: nn.Module = made()
    if weights is not None:
        found = read_weights(weights, blank_state(network))
        net.load_state_dict({key: torch.from_numpy(np.array(tensor)) for key, tensor in found.items()})
    return net


def workers_of(asked: int | None, data: Data) -> int:
    """How many processes read images: none where these are in memory, else a core each, eight at most."""
    if asked is not None:
        return asked
    # Arrays are only cut; to decode a JPEG of 500x375 takes milliseconds.
    return 0 if data.train.paths is None else min(os.cpu_count() or 1, 8)


@contextmanager
def failures_in_words(engine: TorchEngine) -> Iterator[None]:
    """What may go wrong within the loop, in words. Raises RunProblem."""
    try:
        yield
    except FloatingPointError as problem:
        words = culprit(engine.net, engine.prepare(engine.images))
        raise diverged(problem, engine.step, engine.train.steps, words) from None
    except RuntimeError as problem:
        if not type(problem).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise
        words, *_ = str(getattr(problem, "inner_exception", problem)).splitlines()
        raise RunProblem(f"the net cannot be compiled here: {words}; train it uncompiled") from None
    except RunProblem as problem:  # from a worker it comes with a traceback around it
        last = str(problem).strip().splitlines()[-1]
        raise RunProblem(last.removeprefix("cnnspec.run.RunProblem: ")) from None


def culprit(net: nn.Module, images: Tensor) -> str:
    """In words, the layer from which a loss that is not finite comes; `images` are prepared.

    Where weights are not finite, the gradient of the step before was not: of the layers that it ruined the
    last came first on the way back.
    """
    if not images.isfinite().all():
        return "the images hold what is no finite number"
    order: list[str] = []
    first: list[str] = []

    def watch(name: str) -> Any:
        def look(module: nn.Module, given: Any, made: Any) -> None:
            order.append(name)
            if not first and isinstance(made, Tensor) and not made.isfinite().all():
                first.append(name)

        return look

    # Those that contain others show their last one's value again.
    leaves = [(name, module) for name, module in net.named_modules() if not [*module.children()]]
    hooks = [module.register_forward_hook(watch(name)) for name, module in leaves]
    with torch.no_grad():
        net(images)
    for hook in hooks:
        hook.remove()
    modules = dict(leaves)
    ruined = [name for name in order if not all(p.isfinite().all() for p in modules[name].parameters())]
    if ruined:
        return f"the gradient of the step before was not finite in {ruined[-1]}"
    return f"{first[0]} made it first" if first else "it came about in the loss itself"
