"""Several processes, as torchrun starts them: which one this is, who speaks, and what they train on."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cnnspec.run import RunProblem

LOCAL, WORLD = "LOCAL_RANK", "WORLD_SIZE"
FAILED = "cnnspec/failed"
PATIENCE = 5.0  # seconds


def are_several() -> bool:
    """Whether torchrun started more processes than this one."""
    return int(os.environ.get(WORLD, 1)) > 1


@contextmanager
def together() -> Iterator[None]:
    """Join the group of processes, where there are several, and leave it at the end.

    The first speaks for all, also where all fail alike. One that fails alone says so itself. What the others
    wait for then never comes: they lose the connection as it exits, and end without a word.
    """
    if not are_several():
        yield
        return
    import torch
    import torch.distributed as dist
    from torch.distributed.rendezvous import rendezvous

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ[LOCAL]))
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    store, rank, count = next(rendezvous("env://"))
    dist.init_process_group(backend, store=store, rank=rank, world_size=count)
    # What the others would say is kept until it is known whether the first says the same.
    kept = io.StringIO()
    if rank:
        sys.stdout, sys.stderr = open(os.devnull, "w"), kept  # noqa: PTH123, SIM115
    try:
        yield
    except BaseException:
        # The others wait for what the first says; the first waits for nobody.
        if has_failed(store, PATIENCE if rank else 0):
            sys.exit(2)
        store.set(FAILED, "")
        if rank:
            sys.stderr = sys.__stderr__
            print(f"process {rank}: {kept.getvalue()}", end="", file=sys.stderr)
        raise
    finally:
        dist.destroy_process_group()


def leave(code: int = 0) -> None:
    """End this process with a code: one of several at once, for threads of the group outlive it.

    PyTorch keeps the meshes of divided nets, and they the group. A thread of it that lets go of a last tensor
    while Python ends beneath it aborts the process.
    """
    if not are_several():
        sys.exit(code)
    # `_exit` writes nothing that is still in a buffer.
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def has_failed(store: Any, patience: float) -> bool:
    """Whether another process says within some seconds that it failed, and why."""
    end = time.monotonic() + patience
    while not store.check([FAILED]):
        if time.monotonic() >= end:
            return False
        time.sleep(0.1)
    return True


def device_of(name: str) -> str:
    """The device by its name, `auto`: this process's GPU where there is one, else the CPU.

    Raises RunProblem where it does not compute.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    # Of 4 processes on a machine the third, LOCAL_RANK 2, has cuda:2.
    found = f"cuda:{os.environ.get(LOCAL, 0)}" if name == "cuda" else name
    try:
        # A device may be there and still not compute: the wheel may lack its architecture.
        torch.zeros(1, device=found).item()
    except (RuntimeError, AssertionError):
        raise RunProblem(f"device {name}: PyTorch has no such device here that computes") from None
    return found


def precision_of(name: str, device: str) -> str:
    """The kind of numbers by its name, `auto`: bf16 on GPUs that compute with it, else float32."""
    if name != "auto":
        return name
    if not device.startswith("cuda"):
        return "no"
    import torch

    return "bf16" if torch.cuda.is_bf16_supported() else "no"
