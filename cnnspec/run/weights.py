"""Files of weights: safetensors and npz, which hold numbers and nothing that runs."""

from __future__ import annotations

import json
import shlex
from pathlib import Path, PurePath

import numpy as np

from cnnspec.programs import Array
from cnnspec.run import RunProblem

PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")
COUNT = "num_batches_tracked"  # of batch norms; older files lack it, and inference never reads it


def read_weights(path: str, wanted: dict[str, Array]) -> dict[str, Array]:
    """The tensors of a file, of the keys, shapes and types that are wanted. Raises RunProblem."""
    suffix = PurePath(path).suffix.lower()
    if suffix in PICKLES:
        raise RunProblem(f"{path}: a pickle runs code as it loads; convert it once: {conversion(path)}")
    if suffix not in (".safetensors", ".npz"):
        raise RunProblem(f"{path}: weights end in .safetensors or .npz")
    if not Path(path).is_file():
        raise RunProblem(f"{path}: no such file")
    try:
        found = read_npz(path) if suffix == ".npz" else read_safetensors(path)
    except ImportError:
        raise
    except Exception as problem:  # of several libraries, on broken bytes
        raise RunProblem(f"{path}: cannot be read: {problem or type(problem).__name__}") from None
    check(path, found, wanted)
    return {name: found.get(name, tensor).astype(tensor.dtype) for name, tensor in wanted.items()}


def read_safetensors(path: str) -> dict[str, Array]:
    from safetensors.numpy import load_file

    return load_file(path)


def read_npz(path: str) -> dict[str, Array]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def check(path: str, found: dict[str, Array], wanted: dict[str, Array]) -> None:
    """Raises RunProblem where names, shapes or types differ."""
    missing = [name for name in wanted if name not in found and not name.endswith(COUNT)]
    unknown = [name for name in found if name not in wanted]
    for odd, words in ((missing, "lacks"), (unknown, "holds what the net has not:")):
        if odd:
            more = f" and {len(odd) - 3} more" if len(odd) > 3 else ""
            raise RunProblem(f"{path}: {words} {', '.join(odd[:3])}{more}")
    for name, tensor in found.items():
        if tensor.shape != wanted[name].shape:
            shapes = (
                " x ".join(map(str, shape)) or "a number" for shape in (tensor.shape, wanted[name].shape)
            )
            raise RunProblem("{}: {} is {}, the net's {}".format(path, name, *shapes))
        if tensor.dtype.kind not in "fiu":
            raise RunProblem(f"{path}: {name} holds {tensor.dtype}, no numbers")


def conversion(path: str) -> str:
    """The command that turns a file of PyTorch's into safetensors."""
    old, new = (
        json.dumps(name, ensure_ascii=False)
        for name in (path, str(PurePath(path).with_suffix(".safetensors")))
    )
    tensors = f"torch.load({old}, weights_only=True)"
    code = (
        "import torch; from safetensors.torch import save_file; "
        f"save_file({{k: v.clone().contiguous() for k, v in {tensors}.items()}}, {new})"
    )
    return f"python -c {shlex.quote(code)}"
