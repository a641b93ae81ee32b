"""Files of weights, read and written: safetensors and npz, which hold numbers and nothing that runs."""

from __future__ import annotations

import io
import json
import math
import os
import shlex
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from pathlib import Path, PurePath
from typing import BinaryIO, NamedTuple

import numpy as np

from cnnspec import __version__
from cnnspec.analysis.unroll import unroll
from cnnspec.graph.tree import Network
from cnnspec.run import RunProblem, reading
from cnnspec.run.programs import Array, check_memory
from cnnspec.text.output import MARK

PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")
HEADER = 1 << 22
"""Bytes that the header of a .safetensors may have: what it becomes takes some 20 times as many."""

SAFETENSORS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "BOOL": "bool"}
# "I64": "<i8", "U8": "<u1"
SAFETENSORS |= {f"{kind}{8 * n}": f"<{kind.lower()}{n}" for kind in "IU" for n in (1, 2, 4, 8)}
"""Its types, as NumPy reads their bytes; a number of BF16 is the upper half of one of F32."""

COUNT = "num_batches_tracked"  # of batch norms; older files lack it, and inference never reads it


class TensorEntry(NamedTuple):
    """A tensor of a file: its shape and type, and what reads its numbers, once they are known to fit."""

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], Array]


TensorEntries = list[tuple[str, TensorEntry]]


def read_weights(path: str, wanted: dict[str, Array]) -> dict[str, Array]:
    """The tensors of a file, of the keys, shapes and types that are wanted. Raises RunProblem."""
    found = read_tensors(path, wanted)
    with np.errstate(over="ignore"):
        # float64's 1e300 becomes inf in float32: told in words below, not as NumPy's warning.
        cast = {name: found[name].astype(tensor.dtype) for name, tensor in wanted.items()}
    for name, tensor in cast.items():
        if not np.isfinite(tensor).all():
            most = np.abs(found[name]).max()
            raise RunProblem(f"{path}: {name} holds {most:.4g}, too large for {tensor.dtype}")
    return cast


def read_tensors(path: str, wanted: dict[str, Array]) -> dict[str, Array]:
    """The tensors of a file as it holds them, of the keys and shapes that are wanted. Raises RunProblem."""
    if is_pickle(path):
        raise RunProblem(f"{path}: a pickle runs code as it loads; convert it once: {conversion(path)}")
    found = read_file(path, lambda entries: check(path, entries, wanted))
    for name, tensor in found.items():
        if not np.isfinite(tensor).all():
            raise RunProblem(f"{path}: {name} holds what is no finite number")
    return {name: found.get(name, tensor) for name, tensor in wanted.items()}


def read_all(path: str) -> dict[str, Array]:
    """All tensors of a .safetensors or .npz file, by their names. Raises RunProblem."""
    return read_file(path, lambda entries: check_entries(path, entries))


def read_file(path: str, allow: Callable[[TensorEntries], None]) -> dict[str, Array]:
    """The tensors of a file that `allow` says nothing against. Raises RunProblem.

    No numbers are read or unpacked before it has seen the headers.
    """
    suffix = suffix_of(path)
    if not Path(path).is_file():
        raise RunProblem(f"{path}: no such file")
    with reading(path), open(path, "rb") as file:  # noqa: PTH123
        entries = (npz_entries if suffix == ".npz" else safetensors_entries)(file)
        allow(entries)
        return {name: entry.read() for name, entry in entries}


def is_pickle(path: str) -> bool:
    """Whether a file is one of PyTorch's, by its name."""
    return PurePath(path).suffix.lower() in PICKLES


def suffix_of(path: str) -> str:
    """The kind of a file of weights. Raises RunProblem where it is none of ours."""
    suffix = PurePath(path).suffix.lower()
    if suffix not in (".safetensors", ".npz"):
        raise RunProblem(f"{path}: weights end in .safetensors or .npz")
    return suffix


def blank_state(network: Network) -> dict[str, Array]:
    """Zeros for every key of a network's state_dict; they take no memory."""
    zeros: dict[bool, Array] = {True: np.zeros((), np.int64), False: np.zeros((), np.float32)}
    return {
        key: np.broadcast_to(zeros[weight.name == COUNT], tuple(map(int, weight.shape)))
        for key, weight in unroll(network).weights.items()
    }


def safetensors_entries(file: BinaryIO) -> TensorEntries:
    """What the header says: JSON behind its length in 8 bytes, then numbers, each in its place."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if 8 + length > size:
        raise ValueError("it is no .safetensors file, or not all of it")
    if length > HEADER:
        raise ValueError(f"its header has {length:,} bytes, more than {HEADER:,}")
    # As pairs, since a name that stands twice would hide its first tensor in a dictionary.
    pairs = json.loads(file.read(length), object_pairs_hook=list)
    entries: TensorEntries = []
    # ("conv1.weight", [("dtype", "F32"), ("shape", [64, 3, 7, 7]), ("data_offsets", [0, 37632])])
    for name, fields in pairs:
        if name != "__metadata__":
            values = dict(fields)
            start, end = map(int, values["data_offsets"])
            shape, kind = tuple(map(int, values["shape"])), str(values["dtype"])
            read = partial(read_part, file, 8 + length, (start, end), shape, kind)
            entries.append((name, TensorEntry(shape, kind, read)))
    return entries


def read_part(
    file: BinaryIO, first: int, offsets: tuple[int, int], shape: tuple[int, ...], kind: str
) -> Array:
    """The numbers of a tensor in a .safetensors, whose numbers begin at `first`; the shape is the net's."""
    dtype, (start, end) = np.dtype(SAFETENSORS[kind]), offsets
    # A header may say anything: 5 bytes for 64x3x7x7 numbers, or a place that is its own.
    if end - start != math.prod(shape) * dtype.itemsize or start < 0:
        raise ValueError("the places of its tensors do not fit their shapes")
    file.seek(first + start)
    found: Array = np.frombuffer(file.read(end - start), dtype).reshape(shape)
    return (found.astype(np.uint32) << 16).view(np.float32) if kind == "BF16" else found


def npz_entries(file: BinaryIO) -> TensorEntries:
    """What the headers of a .npz say: a .npy for each tensor."""
    if not zipfile.is_zipfile(file):
        raise ValueError("it is no .npz file")
    archive = zipfile.ZipFile(file)
    entries: TensorEntries = []
    for member in archive.infolist():
        with archive.open(member) as part:
            version = np.lib.format.read_magic(part)
            # (3, 0) differs from (2, 0) in how field names are encoded, and plain numbers have none.
            old = version == (1, 0)
            header = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
            shape, _, dtype = header(part)
        if dtype.hasobject:
            raise ValueError("it holds Python objects, and only numbers are read")
        name = member.filename.removesuffix(".npy")
        entries.append((name, TensorEntry(shape, str(dtype), partial(unpack, archive, member))))
    return entries


def unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """The numbers of a tensor in a .npz; the shape is known to be the net's."""
    with archive.open(member) as part:
        found: Array = np.lib.format.read_array(part, allow_pickle=False)
        return found


def check(path: str, entries: TensorEntries, wanted: dict[str, Array]) -> None:
    """Raises RunProblem where names, shapes or types differ, or a name stands twice."""
    found = dict(entries)
    refuse_twice(path, entries)
    missing, unknown = compare_names(found, wanted)
    for odd, words in ((missing, "lacks"), (unknown, "holds what the net has not:")):
        if odd:
            raise RunProblem(f"{path}: {words} {some(odd)}{wrapped(found, missing)}")
    for name, entry in entries:
        if entry.shape != wanted[name].shape:
            raise RunProblem(f"{path}: {other_shape(name, entry.shape, wanted[name].shape)}")
        if not is_number(entry.dtype):
            what = entry.dtype.lower()
            raise RunProblem(f"{path}: {name} holds {what}, no numbers that are read; float32 would do")


def compare_names(found: Collection[str], wanted: Collection[str]) -> tuple[list[str], list[str]]:
    """The names that are missing, but for counts, which older files lack, and those that are not wanted."""
    missing = [name for name in wanted if name not in found and not name.endswith(COUNT)]
    return missing, [name for name in found if name not in wanted]


def other_shape(name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """`conv1.weight is 6 x 1 x 3 x 3, the net's 6 x 1 x 5 x 5`."""
    found, ours = (" x ".join(map(str, each)) or "a number" for each in (shape, wanted))
    return f"{name} is {found}, the net's {ours}"


def check_entries(path: str, entries: TensorEntries) -> None:
    """Raises RunProblem where a name stands twice or a type is unknown, MemoryError where all is too much."""
    refuse_twice(path, entries)
    for name, entry in entries:
        if entry.dtype not in ("BOOL", "bool") and not is_number(entry.dtype):
            raise RunProblem(f"{path}: {name} holds {entry.dtype.lower()}, no numbers that are read")
    check_memory(path, 4 * sum(math.prod(entry.shape) for _, entry in entries))


def refuse_twice(path: str, entries: TensorEntries) -> None:
    """Raises RunProblem where a name stands twice."""
    twice = [name for name, count in Counter(name for name, _ in entries).items() if count > 1]
    if twice:
        raise RunProblem(f"{path}: holds twice: {some(twice)}")


def some(names: Sequence[str]) -> str:
    """The first of many names, and how many more there are."""
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"


def wrapped(found: Iterable[str], missing: Sequence[str]) -> str:
    """Where only a prefix hides the keys that are missing: what to do. DDP's is `module.`."""
    for prefix in dict.fromkeys(f"{name.partition('.')[0]}." for name in found):
        if missing and all(f"{prefix}{name}" in found for name in missing):
            return f"; it has them behind `{prefix}`, which `cnnspec weights convert` takes off"
    return ""


def is_number(dtype: str) -> bool:
    """Whether a type, by its name in either kind of file, is of numbers that NumPy has, or BF16."""
    try:
        return np.dtype(SAFETENSORS.get(dtype, dtype)).kind in "fiu"
    except TypeError:  # float8 and what is younger
        return False


def contents(path: str, tensors: dict[str, Array]) -> bytes:
    """The file of some tensors, by its name's suffix; it tells who wrote it. Raises RunProblem."""
    note = f"{MARK} {__version__}"
    if suffix_of(path) == ".safetensors":
        try:
            from safetensors.numpy import save
        except ImportError:
            raise RunProblem(
                f"{path}: safetensors is not installed: pip install 'cnnspec[run]', or write .npz"
            ) from None
        # Numpy's ascontiguousarray would make a list of one of a lone number.
        return save({name: np.asarray(x, order="C") for name, x in tensors.items()}, {"writer": note})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.comment = note.encode()
        for name, x in tensors.items():
            # The archive does not know how much will come, and beyond 2 GB it would fail in the middle.
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, x, allow_pickle=False)
    return file.getvalue()


def conversion(path: str) -> str:
    """The command that turns a file of PyTorch's into safetensors."""
    new = str(PurePath(path).with_suffix(".safetensors"))
    return f"cnnspec weights convert {shlex.quote(path)} {shlex.quote(new)}"
