"""Shards: each of several processes holds a part of every tensor (FSDP2), and writes its part (DCP)."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict_loader import load as load_parts
from torch.distributed.checkpoint.state_dict_saver import save as save_parts
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from cnnspec.run import RunProblem
from cnnspec.text.files import FileProblem

NOTES = "notes.json"


def shard(net: nn.Module) -> nn.Module:
    """The same net, under the same keys, its tensors divided: a block's are whole only while it computes.

    The root's, too: an optimiser and an average take the parameters as they are after validation.
    """
    lists = nn.ModuleList | nn.ModuleDict  # which compute nothing themselves
    for module in reversed([*net.modules()]):
        if module is net or ([*module.children()] and not isinstance(module, lists)):
            fully_shard(module, reshard_after_forward=True)
    return net


def whole(tensor: Tensor) -> Tensor:
    """The tensor of which this process holds a part; all of them ask at once."""
    made: Tensor = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return made


def save(folder: Path, step: int, tensors: dict[str, Any], notes: dict[str, Any]) -> None:
    """Write each process's part of `tensors` to a folder of its own, step-N; older ones go then.

    Raises FileProblem: in the first process alone where the renaming fails, and torchrun ends the others.
    """
    aside, path = folder / "part", folder / f"step-{step}"
    leads = dist.get_rank() == 0
    try:
        if leads:
            shutil.rmtree(aside, ignore_errors=True)
        dist.barrier()
        save_parts(tensors, checkpoint_id=aside)
    except CheckpointException as problem:
        raise FileProblem(f"{path}: {reason(problem)}") from None
    if leads:
        try:
            (aside / NOTES).write_text(json.dumps(notes), "utf-8")
            shutil.rmtree(path, ignore_errors=True)
            aside.replace(path)
        except OSError as problem:
            raise FileProblem(f"{path}: {problem.strerror}") from None
        for old in saved(folder)[:-1]:
            shutil.rmtree(old, ignore_errors=True)
    dist.barrier()


def load(folder: Path, tensors: dict[str, Any]) -> dict[str, Any]:
    """Fill `tensors` from the last whole folder, whatever number of processes wrote it; return the notes.

    DCP reads its index, `.metadata`, as a pickle, which may run code: the folder of a stranger is unsafe.
    Raises FileNotFoundError, RunProblem.
    """
    there = saved(folder)
    if not there:
        raise FileNotFoundError(folder)
    notes: dict[str, Any] = json.loads((there[-1] / NOTES).read_text("utf-8"))
    try:
        load_parts(tensors, checkpoint_id=there[-1])
    except CheckpointException as problem:
        raise RunProblem(reason(problem)) from None
    return notes


def saved(folder: Path) -> list[Path]:
    """The folders step-N, the last step last."""
    found = {path: re.fullmatch(r"step-(\d+)", path.name) for path in folder.glob("step-*")}
    return sorted((path for path, name in found.items() if name), key=lambda path: int(path.name[5:]))


def reason(problem: CheckpointException) -> str:
    """What failed first, of all processes."""
    first = next(iter(problem.failures.values()))[0]
    return getattr(first, "strerror", None) or f"{first}"
