"""Training in PyTorch: the emitted module and the loop of the recipe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from cnnspec.graph.tree import Network
from cnnspec.run import RunProblem
from cnnspec.run.images import preparation
from cnnspec.run.programs import Array, torch_class
from cnnspec.run.weight_files import blank_state, read_weights
from cnnspec.train.batches import TensorImages
from cnnspec.train.data.images import Data
from cnnspec.train.engine import State, Task, diverged
from cnnspec.train.head import check_frozen
from cnnspec.train.recipe.loop import Batches
from cnnspec.train.shards import whole
from cnnspec.train.shared_norms import share_norms
from cnnspec.train.trainer import Choices, FullTrainer


class TorchEngine:
    """Raises RunProblem where options do not fit the net."""

    def __init__(self, task: Task) -> None:
        request, seed = task.request, task.request.options["seed"]
        self.net = build_net(task.network, seed, request.weights)
        if dist.is_initialized():
            self.net = share_norms(self.net)
        mean, std = preparation(task.given)
        options = Choices(
            **request.options,
            class_weights=task.class_weights,
            shares=task.head.shares(request.auxiliary),
            main=task.head.main,
            softmax=task.head.softmax,
            mean=mean,
            std=std,
            workers=workers_of(request.workers, task.data),
        )
        if options.shard and not dist.is_initialized():
            raise RunProblem(
                "a net is divided among several processes, and this is one: torchrun starts more"
            )
        check_frozen([key for key, _ in self.net.named_parameters()], options.freeze)
        parts = (TensorImages(task.data.train, request.augment, seed), TensorImages(task.data.val))
        train, val = (Batches(part, len(part.labels), options) for part in parts)
        self.trainer = FullTrainer(self.net, train, val, options, task.tick)
        self.steps, self.leads = train.steps, train.rank == 0
        self.parameters = sum(tensor.numel() for tensor in self.net.parameters())

    @property
    def step(self) -> int:
        return self.trainer.step

    @property
    def stop(self) -> bool:
        return self.trainer.stop

    @property
    def asked(self) -> bool:
        return self.trainer.asked

    @asked.setter
    def asked(self, asked: bool) -> None:
        self.trainer.asked = asked

    def rate(self, step: int) -> float:
        return self.trainer.rate(step)

    def epochs(self) -> Iterator[tuple[float, float]]:
        with translated(self.trainer):
            yield from self.trainer.epochs()

    def evaluate(self) -> Array:
        with translated(self.trainer):
            return self.trainer.evaluate().numpy()

    def weights(self) -> dict[str, Array]:
        return arrays(self.trainer.shown.state_dict())

    def state(self) -> State:
        return State(arrays(self.trainer.tensors()), self.trainer.numbers())

    def take(self, state: State) -> None:
        tensors = {key: torch.from_numpy(np.array(tensor)) for key, tensor in state.tensors.items()}
        self.trainer.take(tensors, state.numbers)


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
    return 0 if data.train.paths is None else min(os.cpu_count() or 1, 8)


@contextmanager
def translated(trainer: FullTrainer) -> Iterator[None]:
    """What may go wrong within the loop, in words. Raises RunProblem."""
    try:
        yield
    except FloatingPointError as problem:
        words = culprit(trainer.net, trainer.prepare(trainer.images))
        raise diverged(problem, trainer.step, trainer.train.steps, words) from None
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
