"""Images that arrive, tensors that start, and files of tensors."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import Array


def floats(x: Array, *shape: int) -> Array:
    """Images (N, *shape) as float32, or float64 as they are. Raises ValueError."""
    x = np.asarray(x)
    if x.ndim != len(shape) + 1 or x.shape[1] != shape[0] or x.dtype.kind not in "biuf":
        raise ValueError(f"numbers of {('N', *shape)}, not {x.dtype} {x.shape}")
    return x if x.dtype == np.float64 else x.astype(np.float32)


def check_counts(*inputs: Array) -> None:
    """Raise ValueError where inputs are not of as many images."""
    if len({len(x) for x in inputs}) > 1:
        raise ValueError(f"all inputs take as many images, not {[*map(len, inputs)]}")


def weighted(rng: Any, layer: str, *shape: int, bias: int = 0) -> dict[str, Array]:
    """A weight and so many biases ~ U(-b, b), b = 1/sqrt(fan_in), as PyTorch starts."""
    bound = np.float32(1 / math.sqrt(math.prod(shape[1:])))
    sizes = {f"{layer}.weight": shape} | ({f"{layer}.bias": (bias,)} if bias else {})
    return {k: rng.random(n, np.float32) * 2 * bound - bound for k, n in sizes.items()}


def normed(
    layer: str,
    *shape: int,
    weight: bool = True,
    bias: bool = True,
    running: bool = False,
) -> dict[str, Array]:
    """What norms have: a weight of ones, a bias of zeros, running statistics."""
    ones, zeros = np.ones(shape, np.float32), np.zeros(shape, np.float32)
    tensors = {"weight": ones} if weight else {}
    tensors |= {"bias": zeros} if bias else {}
    if running:
        tensors |= {"running_mean": zeros.copy(), "running_var": ones.copy()}
        tensors["num_batches_tracked"] = np.zeros((), np.int64)
    return {f"{layer}.{name}": x for name, x in tensors.items()}


def filled(key: str, *shape: int, value: float) -> dict[str, Array]:
    """A tensor of this shape, all of it one number."""
    return {key: np.full(shape, value, np.float32)}


def of(params: dict[str, Array], layer: str) -> dict[str, Any]:
    """The tensors of a layer by their own names."""
    keys = [key for key in params if key.rpartition(".")[0] == layer]
    return {key.rpartition(".")[2]: params[key] for key in keys}


def write_tensors(params: dict[str, Array], path: str) -> None:
    """Write tensors to a .safetensors or .npz file."""
    if path.endswith(".npz"):
        np.savez(path, **params)  # type: ignore[arg-type]
    else:
        import_module("safetensors.numpy").save_file(params, path)


def read_tensors(params: dict[str, Array], path: str, *spare: str) -> None:
    """Fill tensors from a .safetensors or .npz file. Raises ValueError."""
    safe = path.endswith(".safetensors")
    read = import_module("safetensors.numpy").load_file if safe else np.load
    found = {name: x for name, x in read(path).items() if name not in spare}
    ours, theirs = ({(k, x.shape) for k, x in d.items()} for d in (params, found))
    if odd := sorted(dict(ours ^ theirs)):
        raise ValueError(f"{path}: missing, unknown or of another shape: {odd}")
    for name, x in params.items():
        x[...] = found[name]
