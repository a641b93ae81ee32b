"""Files of weights, read and written: safetensors and npz, which hold numbers and nothing that runs."""

from __future__ import annotations

import io
import json
import shlex
import zipfile
from pathlib import Path, PurePath

import numpy as np

from cnnspec import __version__
from cnnspec.analysis.unroll import unroll
from cnnspec.graph import Network
from cnnspec.output import MARK
from cnnspec.programs import Array
from cnnspec.run import RunProblem

PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")
COUNT = "num_batches_tracked"  # of batch norms; older files lack it, and inference never reads it


def read_weights(path: str, wanted: dict[str, Array]) -> dict[str, Array]:
    """The tensors of a file, of the keys, shapes and types that are wanted. Raises RunProblem."""
    found = read_tensors(path, wanted)
    return {name: found[name].astype(tensor.dtype) for name, tensor in wanted.items()}


def read_tensors(path: str, wanted: dict[str, Array]) -> dict[str, Array]:
    """The tensors of a file as it holds them, of the keys and shapes that are wanted. Raises RunProblem."""
    if PurePath(path).suffix.lower() in PICKLES:
        raise RunProblem(f"{path}: a pickle runs code as it loads; convert it once: {conversion(path)}")
    suffix = suffix_of(path)
    if not Path(path).is_file():
        raise RunProblem(f"{path}: no such file")
    try:
        found = read_npz(path) if suffix == ".npz" else read_safetensors(path)
    except ImportError:
        raise
    except Exception as problem:  # of several libraries, on broken bytes
        raise RunProblem(f"{path}: cannot be read: {problem or type(problem).__name__}") from None
    check(path, found, wanted)
    return {name: found.get(name, tensor) for name, tensor in wanted.items()}


def suffix_of(path: str) -> str:
    """The kind of a file of weights. Raises RunProblem where it is none of ours."""
    suffix = PurePath(path).suffix.lower()
    if suffix not in (".safetensors", ".npz"):
        raise RunProblem(f"{path}: weights end in .safetensors or .npz")
    return suffix


def blank_state(network: Network) -> dict[str, Array]:
    """Zeros for every key of a network's state_dict; they take no memory."""
    found = {}
    for node in unroll(network).nodes:
        for weight in () if node.shared else node.weights:
            kind = np.int64 if weight.name == COUNT else np.float32
            key = f"{node.path}.{weight.name}" if weight.name else node.path
            found[key] = np.broadcast_to(np.zeros((), kind), tuple(map(int, weight.shape)))
    return found


def read_safetensors(path: str) -> dict[str, Array]:
    from safetensors.numpy import load_file

    return load_file(path)


def read_npz(path: str) -> dict[str, Array]:
    """Raises ValueError in words of our own: NumPy's advise to unpickle."""
    if not zipfile.is_zipfile(path):
        raise ValueError("it is no .npz file")
    with np.load(path, allow_pickle=False) as file:
        try:
            return {name: file[name] for name in file.files}
        except ValueError as problem:
            if "allow_pickle" not in str(problem):
                raise
            raise ValueError("it holds Python objects, and only numbers are read") from None


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


def contents(path: str, tensors: dict[str, Array]) -> bytes:
    """The file of some tensors, by its name's suffix; it tells who wrote it. Raises RunProblem."""
    note = f"{MARK} {__version__}"
    if suffix_of(path) == ".safetensors":
        from safetensors.numpy import save

        return save({name: np.ascontiguousarray(x) for name, x in tensors.items()}, {"writer": note})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.comment = note.encode()
        for name, x in tensors.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, x, allow_pickle=False)
    return file.getvalue()


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
