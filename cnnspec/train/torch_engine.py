"""Training in PyTorch: the emitted module and the loop of the recipe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
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
from cnnspec.train.engine import Request, State, Task, diverged
from cnnspec.train.head import check_frozen
from cnnspec.train.recipe.loop import Batches
from cnnspec.train.shards import part_of, whole
from cnnspec.train.shared_norms import share_norms
from cnnspec.train.trainer import Choices, FullTrainer


class TorchEngine(FullTrainer):
    """Raises RunProblem where options do not fit the net."""

    def __init__(self, task: Task) -> None:
        request, head = task.request, task.head
        net = build_net(task.network, request.seed, request.weights)
        if dist.is_initialized():
            net = share_norms(net)
        mean, std = preparation(task.given)
        # What both call the same is handed on as it is.
        alike = {field.name for field in fields(Choices)}.intersection(Request._fields)
        follows = {
            "class_weights": task.class_weights,
            "workers": workers_of(request.workers, task.data),
            "shares": head.shares(request.aux_weight),
            "main": head.main,
            "softmax": head.softmax,
            "mean": mean,
            "std": std,
        }
        options = Choices(**{name: getattr(request, name) for name in alike} | follows)
        if options.shard and not dist.is_initialized():
            raise RunProblem(
                "a net is divided among several processes, and this is one: torchrun starts more"
            )
        check_frozen([key for key, _ in net.named_parameters()], options.freeze)
        parts = (TensorImages(task.data.train, request.augment, request.seed), TensorImages(task.data.val))
        train, val = (Batches(part, len(part.labels), options) for part in parts)
        super().__init__(net, train, val, options, task.tick)
        self.steps, self.leads = train.steps, train.rank == 0

    def epochs(self) -> Iterator[tuple[float, float]]:
        with failures_in_words(self):
            yield from super().epochs()

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
def failures_in_words(trainer: FullTrainer) -> Iterator[None]:
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
