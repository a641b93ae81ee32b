"""Several processes, as torchrun starts them: which one this is, and what they train on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

LOCAL, WORLD = "LOCAL_RANK", "WORLD_SIZE"


@contextmanager
def together() -> Iterator[None]:
    """Join the group of processes, where there are several, and leave it at the end."""
    if int(os.environ.get(WORLD, 1)) < 2:
        yield
        return
    import torch
    import torch.distributed as dist

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ[LOCAL]))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def device_of(name: str) -> str:
    """The device by its name, `auto`: this process's GPU where there is one, else the CPU."""
    if name not in ("auto", "cuda"):
        return name
    import torch

    local = int(os.environ.get(LOCAL, 0))
    return f"cuda:{local}" if name == "cuda" or torch.cuda.is_available() else "cpu"


def precision_of(name: str, device: str) -> str:
    """The kind of numbers by its name, `auto`: bf16 on GPUs that compute with it, else float32."""
    if name != "auto":
        return name
    if not device.startswith("cuda"):
        return "no"
    import torch

    return "bf16" if torch.cuda.is_bf16_supported() else "no"
