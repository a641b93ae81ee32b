"""Files of weights are numbers of the right names and shapes, or are refused."""

from __future__ import annotations

import json
import pickle
import shlex
import sys
import tracemalloc
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_torch

from cnnspec.commands.cli import main
from cnnspec.run import RunProblem
from cnnspec.run.weight_files import contents, conversion, read_tensors, read_weights
from tests.run.calling import SPECS, noise, run, save

WANTED: dict[str, Any] = {
    "fc.weight": np.zeros((2, 3), np.float32),
    "fc.bias": np.zeros(2, np.float32),
    "bn.num_batches_tracked": np.zeros((), np.int64),
}
GIVEN: dict[str, Any] = {name: np.ones_like(tensor) for name, tensor in WANTED.items()}


def read(path: Path, tensors: dict[str, Any]) -> dict[str, Any]:
    if path.suffix == ".npz":
        np.savez(path, **tensors)
    else:
        save_file(tensors, path)
    return read_weights(str(path), WANTED)


@pytest.mark.parametrize("name", ["w.npz", "w.safetensors"])
def test_tensors_are_read(name: str, tmp_path: Path) -> None:
    found = read(tmp_path / name, GIVEN)
    assert found.keys() == WANTED.keys()
    for key in WANTED:
        assert (found[key] == 1).all() and found[key].dtype == WANTED[key].dtype
    half = read(tmp_path / name, {**GIVEN, "fc.bias": np.full(2, 0.5, np.float16)})
    assert half["fc.bias"].dtype == np.float32 and (half["fc.bias"] == 0.5).all()


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_what_is_written_keeps_its_shapes(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"net{suffix}"
    path.write_bytes(contents(str(path), WANTED))
    assert {name: x.shape for name, x in read_tensors(str(path), WANTED).items()} == {
        name: x.shape for name, x in WANTED.items()
    }


def test_counts_of_batches_may_lack(tmp_path: Path) -> None:
    found = read(tmp_path / "w.npz", {name: GIVEN[name] for name in ("fc.weight", "fc.bias")})
    assert found["bn.num_batches_tracked"] == 0


@pytest.mark.parametrize("name", ["w.npz", "w.safetensors"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fc.bias": None}, "lacks fc.bias"),
        ({"extra": np.zeros(1)}, "holds what the net has not: extra"),
        ({"fc.weight": np.zeros((3, 2))}, "fc.weight is 3 x 2, the net's 2 x 3"),
        ({"fc.weight": np.zeros((2, 3), bool)}, "fc.weight holds bool, no numbers"),
        ({"fc.bias": np.array([1, np.nan], np.float32)}, "fc.bias holds what is no finite number"),
        ({"fc.bias": np.array([1, -np.inf], np.float32)}, "fc.bias holds what is no finite number"),
        ({"fc.bias": np.array([1, -1e300])}, r"fc.bias holds 1e\+300, too large for float32"),
    ],
)
def test_tensors_that_do_not_fit(name: str, change: dict[str, Any], said: str, tmp_path: Path) -> None:
    tensors = {key: tensor for key, tensor in (GIVEN | change).items() if tensor is not None}
    with pytest.raises(RunProblem, match=said):
        read(tmp_path / name, tensors)


def test_an_array_of_objects_is_never_unpickled(tmp_path: Path) -> None:
    with pytest.raises(RunProblem, match="cannot be read: it holds Python objects"):
        read(tmp_path / "w.npz", GIVEN | {"fc.bias": np.array([print, None], object)})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["w.npz", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", pickle.dumps({"a": 1}), b"\xff" * 100, b"\x93NUMPY"])
def test_broken_files(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    image = save(tmp_path / "x.png", noise(8, 8))
    called = run(SPECS / "digits.cnn", image, "--weights", tmp_path / name)
    assert called.code == 2 and len(called.err.splitlines()) == 1 and name in called.err
    assert "pickle" not in called.err  # NumPy advises to load it unsafely


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunProblem, match=r"end in \.safetensors or \.npz"):
        read_weights(str(tmp_path / "weights.h5"), WANTED)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".PKL"])
def test_a_pickle_is_refused_unread(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"w{suffix}"  # does not exist: nothing tries to open it
    called = run(SPECS / "digits.cnn", save(tmp_path / "x.png", noise(8, 8)), "--weights", path)
    assert called.code == 2 and "a pickle runs code" in called.err and "cnnspec weights convert" in called.err


def test_the_conversion_that_is_offered_works(tmp_path: Path) -> None:
    path = tmp_path / """it's a "net" $HOME.pth"""
    tied = torch.ones(2, 3)
    torch.save({"a": tied, "b": tied, "c": tied.T}, path)
    called = CliRunner().invoke(main, shlex.split(conversion(str(path)))[1:])
    assert called.exit_code == 0, called.output
    found = load_file(path.with_suffix(".safetensors"))
    assert {name: tensor.shape for name, tensor in found.items()} == {"a": (2, 3), "b": (2, 3), "c": (3, 2)}


def test_a_prefix_that_hides_the_keys_is_named(tmp_path: Path) -> None:
    wrapped = {f"module.{name}": x for name, x in GIVEN.items()}
    with pytest.raises(RunProblem, match=r"it has them behind `module\.`, which `cnnspec weights convert`"):
        read(tmp_path / "w.npz", wrapped)


def header(**tensors: Any) -> bytes:
    """A .safetensors of (dtype, shape, first byte, last byte), still without numbers."""
    fields = {
        key: {"dtype": kind, "shape": shape, "data_offsets": [start, end]}
        for key, (kind, shape, start, end) in tensors.items()
    }
    text = json.dumps(fields).encode()
    return len(text).to_bytes(8, "little") + text


def test_bfloat16_is_read_as_float32(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    values = torch.tensor([1.5, -3.140625e30])
    save_torch({"b": values.bfloat16()}, path)
    found = read_weights(str(path), {"b": np.zeros(2, np.float32)})["b"]
    assert found.dtype == np.float32 and (found == values.bfloat16().float().numpy()).all()


def test_float8_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_torch({"b": torch.ones(2).to(torch.float8_e4m3fn)}, path)
    with pytest.raises(RunProblem, match="b holds f8_e4m3, no numbers that are read; float32 would do"):
        read_weights(str(path), {"b": np.zeros(2, np.float32)})


@pytest.mark.slow
def test_nothing_is_unpacked_that_does_not_fit(tmp_path: Path) -> None:
    """A small file that unpacks to 512 MB is refused by its header, in less memory than that."""
    path = tmp_path / "w.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("fc.weight.npy", "w") as part,
    ):
        np.lib.format.write_array_header_1_0(
            part, {"descr": "<f4", "fortran_order": False, "shape": (1 << 27,)}
        )
        for _ in range(64):
            part.write(bytes(1 << 23))
    tracemalloc.start()
    with pytest.raises(RunProblem, match=r"fc\.weight is 134217728, the net's 2 x 3"):
        read_weights(str(path), {"fc.weight": WANTED["fc.weight"]})
    assert tracemalloc.get_traced_memory()[1] < 1 << 24
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ((1 << 23).to_bytes(8, "little") + bytes(1 << 23), "its header has 8,388,608 bytes, more than"),
        ((1 << 60).to_bytes(8, "little"), "it is no .safetensors file"),
        (header(b=("F32", [1 << 40], 0, 1 << 42)), "b is 1099511627776, the net's 2"),
        (header(b=("F32", [2], -8, 0)) + bytes(8), "do not fit their shapes"),
        (header(b=("F32", [2], 0, 4)), "do not fit their shapes"),
        (header(b=("F32", [2], 0, 8)), "cannot be read"),
    ],
)
def test_headers_that_lie(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(RunProblem, match=said):
        read_weights(str(path), {"b": np.zeros(2, np.float32)})


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path, "w") as archive:
        for number in (1, 2):
            with archive.open("b.npy", "w") as part:
                np.lib.format.write_array(part, np.full(2, number, np.float32))
    with pytest.raises(RunProblem, match="holds twice: b"):
        read_weights(str(path), {"b": np.zeros(2, np.float32)})
    one = header(b=("F32", [2], 0, 8))[8:]
    text = one[:-1] + b", " + one[1:]
    twice = tmp_path / "w.safetensors"
    twice.write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    with pytest.raises(RunProblem, match="holds twice: b"):
        read_weights(str(twice), {"b": np.zeros(2, np.float32)})


def test_without_safetensors_there_is_npz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(RunProblem, match=r"w\.safetensors: safetensors is not installed: pip install .*npz"):
        contents("w.safetensors", GIVEN)
    assert contents("w.npz", GIVEN)
