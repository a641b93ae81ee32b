"""Any file of tensors: read whole, PyTorch's own included, their names changed, told as a table."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cnnspec.run import Mixed, RunProblem
from cnnspec.run.programs import Array
from cnnspec.run.weight_files import compare_names, is_pickle, other_shape, read_all, some
from cnnspec.tables import align

ROWS = 200
"""Tensors that a table tells at most."""


def read(path: str, prefix: str = "") -> dict[str, Array]:
    """The tensors whose names begin with `prefix`, without it. Raises RunProblem, or ImportError of torch.

    A file of PyTorch's, which is a pickle, is loaded with `weights_only=True`: nothing in it runs.
    """
    found = load_pickle(path, prefix) if is_pickle(path) else read_all(path)
    kept = {name.removeprefix(prefix): x for name, x in found.items() if name.startswith(prefix)}
    if not kept:
        begin = dict.fromkeys(name.partition(".")[0] + "." for name in found)
        words = (
            f"no name begins with {prefix!r}, but with {some(list(begin))}" if found else "holds no tensors"
        )
        raise RunProblem(f"{path}: {words}")
    return kept


def load_pickle(path: str, prefix: str) -> dict[str, Array]:
    """The tensors of a file of PyTorch's; those of nested dictionaries are named with dots."""
    import torch

    if not Path(path).is_file():
        raise RunProblem(f"{path}: no such file")
    try:
        with warnings.catch_warnings(action="ignore"):  # on how a pickle was written
            content = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception:  # on what would run, and almost any on broken bytes
        raise RunProblem(
            f"{path}: is broken, or holds more than plain tensors, whose loading would run code: "
            "save net.state_dict() there"
        ) from None
    leaves = dict(flatten("", content))
    # Only what is no dictionary has no name: a lone tensor, or a list of them.
    if "" in leaves:
        raise RunProblem(f"{path}: holds a {type(content).__name__}, not tensors by their names")
    others = [name for name, x in leaves.items() if name.startswith(prefix) and not is_dense(x)]
    if others:
        raise Mixed(f"{path}: holds what is no tensor: {some(others)}", lone_prefix(leaves))
    try:
        return {name: as_array(x) for name, x in leaves.items() if is_dense(x)}
    except TypeError as problem:  # float8 and what else NumPy has not
        raise RunProblem(f"{path}: {problem}") from None


def flatten(name: str, content: Any) -> Iterator[tuple[str, Any]]:
    """What nested dictionaries hold, by their keys joined with dots."""
    if not isinstance(content, Mapping):
        yield name, content
        return
    for key, value in content.items():
        yield from flatten(f"{name}.{key}" if name else str(key), value)


def is_dense(x: Any) -> bool:
    import torch

    return isinstance(x, torch.Tensor) and x.layout == torch.strided and not (x.is_quantized or x.is_meta)


def as_array(tensor: Any) -> Array:
    """A tensor of PyTorch in memory of its own; NumPy has no bfloat16, and float32 holds the same numbers."""
    import torch

    known = tensor.detach().float() if tensor.dtype == torch.bfloat16 else tensor.detach()
    return np.array(known.numpy(), order="C")


def lone_prefix(leaves: Mapping[str, Any]) -> str:
    """The first beginning of names whose leaves are tensors alone; "" where there is none."""
    groups: dict[str, bool] = {}
    for name, x in leaves.items():
        head = name.partition(".")[0] + "."
        # `model.` of a checkpoint, whose other entries are epochs and options.
        groups[head] = groups.get(head, True) and name != head[:-1] and is_dense(x)
    return next((head for head, whole in groups.items() if whole), "")


def rename(tensors: Mapping[str, Array], changes: Sequence[tuple[str, str]]) -> dict[str, Array]:
    """The tensors under other names: the first pair (old, new) whose `old` a name begins with replaces it.

    Raises RunProblem where a pair changes nothing, or two tensors would bear one name.
    """
    made: dict[str, Array] = {}
    used = set()
    for name, x in tensors.items():
        old, new = next((pair for pair in changes if name.startswith(pair[0])), ("", ""))
        used.add((old, new))
        renamed = new + name.removeprefix(old)
        if renamed in made:
            raise RunProblem(f"two tensors would be {renamed!r}")
        made[renamed] = x
    for old, new in changes:
        if (old, new) not in used:
            raise RunProblem(f"no name that is left begins with {old!r}")
    return made


def table(tensors: Mapping[str, Array]) -> Iterator[str]:
    """A line for each tensor: name, shape, type, count, least, mean and largest number; then the sums."""
    rows: list[tuple[str, ...]] = [("name", "shape", "type", "numbers", "min", "mean", "max")]
    rows += [row(name, x) for name, x in list(tensors.items())[:ROWS]]
    yield from align(rows, "<<<>>>>")
    if len(tensors) > ROWS:
        yield f"… {len(tensors) - ROWS:,} more"
    yield f"{sums(tensors)}, {sum(x.nbytes for x in tensors.values()) / 1e6:,.1f} MB"


def sums(tensors: Mapping[str, Array]) -> str:
    """`62 tensors, 11,699,132 numbers`."""
    count = sum(x.size for x in tensors.values())
    return f"{len(tensors):,} tensor{'s' * (len(tensors) != 1)}, {count:,} numbers"


def row(name: str, x: Array) -> tuple[str, ...]:
    """What a table tells of a tensor; the figures are those of its finite numbers."""
    known = x[np.isfinite(x)].astype(np.float64)
    figures = [f"{known.min():.4g}", f"{known.mean():.4g}", f"{known.max():.4g}"] if known.size else ["–"] * 3
    odd = f" ({x.size - known.size:,} not finite)" if known.size < x.size else ""
    return name, "x".join(map(str, x.shape)) or "a number", x.dtype.name, f"{x.size:,}{odd}", *figures


def misfits(tensors: Mapping[str, Array], wanted: Mapping[str, Array]) -> list[str]:
    """How the tensors differ from those that a net takes, by their names; none where they fit."""
    missing, unexpected = compare_names(tensors, wanted)
    lines = [f"missing: {name}" for name in missing]
    lines += [f"unexpected: {name}" for name in unexpected]
    lines += [
        f"another shape: {other_shape(name, tensors[name].shape, x.shape)}"
        for name, x in wanted.items()
        if name in tensors and tensors[name].shape != x.shape
    ]
    more = [f"… {len(lines) - ROWS:,} more"] if len(lines) > ROWS else []
    return lines[:ROWS] + more
