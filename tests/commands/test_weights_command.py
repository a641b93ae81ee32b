"""`cnnspec weights convert` and `show`: tensors of any file, by what names one wants, and nothing run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
from click.testing import CliRunner  # noqa: E402
from safetensors.numpy import load_file, save_file  # noqa: E402

from cnnspec.commands.cli import main  # noqa: E402
from cnnspec.run import tensor_files  # noqa: E402
from tests.run.calling import SPECS, Called  # noqa: E402

STATE = {"conv1.weight": torch.arange(6.0).reshape(1, 1, 2, 3), "conv1.bias": torch.tensor([0.5])}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: object) -> Called:
    done = CliRunner().invoke(main, ["weights", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Called(done.exit_code, done.stdout, done.stderr)


def read(path: str) -> dict[str, Any]:
    if path.endswith(".safetensors"):
        return dict(load_file(path))
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


@pytest.mark.parametrize("target", ["b.npz", "b.safetensors"])
@pytest.mark.parametrize("source", ["a.pth", "a.npz", "a.safetensors"])
def test_from_any_file_to_any(source: str, target: str) -> None:
    arrays = {name: x.numpy() for name, x in STATE.items()} | {"half": np.ones(2, np.float16)}
    if source == "a.pth":
        torch.save({name: torch.from_numpy(x) for name, x in arrays.items()}, source)
    elif source == "a.npz":
        np.savez(source, **arrays)
    else:
        save_file(arrays, source)
    called = call("convert", source, target)
    assert called == (0, "3 tensors, 9 numbers\n", f"wrote {target}\n")
    found = read(target)
    assert found.keys() == arrays.keys()
    for name, x in arrays.items():
        assert (found[name] == x).all() and found[name].dtype == x.dtype and found[name].shape == x.shape


def test_a_checkpoint_of_a_wrapped_net() -> None:
    """What is beside the weights is refused with the prefix that leaves it out; DDP's prefix is hinted at."""
    wrapped = {f"module.{name}": x for name, x in STATE.items()}
    torch.save({"epoch": 3, "state_dict": wrapped, "optimizer": {"groups": [1]}}, "c.pth")
    called = call("convert", "c.pth", "c.npz")
    said = "c.pth: holds what is no tensor: epoch, optimizer.groups; --prefix state_dict. takes what is"
    assert (called.code, called.err) == (2, f"cnnspec: {said}\n") and not Path("c.npz").exists()
    called = call("convert", "c.pth", "c.npz", "--prefix", "state_dict.")
    assert called.code == 0 and "--prefix module. takes it off" in called.err
    assert call("convert", "c.npz", "d.npz", "--prefix", "module.").code == 0
    assert read("d.npz").keys() == STATE.keys()


def test_names_are_mapped_by_their_beginnings() -> None:
    torch.save(
        {"head.0.weight": torch.ones(1), "head.1.weight": torch.ones(2), "body": torch.ones(3)}, "a.pth"
    )
    called = call("convert", "a.pth", "b.npz", "--map", "head.0=fc", "--map", "head.=rest.")
    assert called.code == 0 and read("b.npz").keys() == {"fc.weight", "rest.1.weight", "body"}
    for maps, said in (
        (("tail.=x",), "no name that is left begins with 'tail.'"),
        (("head.0=a", "head.1=a"), "two tensors would be 'a.weight'"),
        (("head",), "--map wants OLD=NEW, not 'head'"),
    ):
        options = [part for text in maps for part in ("--map", text)]
        called = call("convert", "a.pth", "c.npz", *options)
        assert (called.code, called.err) == (2, f"cnnspec: {said}\n") and not Path("c.npz").exists()


class Trap:
    """Makes a folder where it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("trapped",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"a": Trap()}, "holds more than plain tensors, whose loading would run code"),
        (torch.nn.Linear(2, 2), "holds more than plain tensors, whose loading would run code"),
        ([torch.ones(1)], "holds a list, not tensors by their names"),
        (torch.ones(1), "holds a Tensor, not tensors by their names"),
        ({}, "holds no tensors"),
        ({"a": torch.ones(1), "b": "text"}, "holds what is no tensor: b"),
        ({"a": torch.ones(2).to_sparse()}, "holds what is no tensor: a"),
        ({"a": torch.ones(2).to(torch.float8_e4m3fn)}, "Float8"),
    ],
)
def test_what_a_pickle_may_hold(content: Any, said: str, here: Path) -> None:
    torch.save(content, "a.pth")
    called = call("convert", "a.pth", "b.npz")
    assert called.code == 2 and said in called.err and len(called.err.splitlines()) == 1
    assert [path.name for path in here.iterdir()] == ["a.pth"], "nothing was run, nothing written"


def test_a_pickle_of_another_protocol_is_refused_without_pytorchs_warning(
    here: Path, recwarn: pytest.WarningsRecorder
) -> None:
    Path("a.pth").write_bytes(b"\x80\x04cbuiltins\nobject\n.")
    assert "would run code" in call("convert", "a.pth", "b.npz").err
    assert not [*recwarn]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02}q\x00.", bytes(100)])
@pytest.mark.parametrize("name", ["a.pth", "a.npz", "a.safetensors"])
def test_broken_files(name: str, content: bytes) -> None:
    Path(name).write_bytes(content)
    called = call("show", name)
    assert called.code == 2 and called.err.startswith(f"cnnspec: {name}: ")
    assert len(called.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("convert", "no.pth", "b.npz"), "no.pth: no such file"),
        (("convert", "no.npz", "b.npz"), "no.npz: no such file"),
        (("convert", "no.npz", "b.pth"), "b.pth: weights end in .safetensors or .npz"),
        (("show", "net.h5"), "net.h5: weights end in .safetensors or .npz"),
        (("show", "w.npz", "--prefix", "x."), "w.npz: no name begins with 'x.', but with fc."),
    ],
)
def test_calls_that_are_wrong(arguments: tuple[str, ...], said: str) -> None:
    np.savez("w.npz", **{"fc.weight": np.ones(1)})
    assert call(*arguments) == (2, "", f"cnnspec: {said}\n")


def test_files_of_others_are_kept() -> None:
    np.savez("w.npz", a=np.ones(1))
    Path("mine.npz").write_bytes(b"mine")
    called = call("convert", "w.npz", "mine.npz")
    assert called.code == 2 and "--force" in called.err and Path("mine.npz").read_bytes() == b"mine"
    assert call("convert", "w.npz", "mine.npz", "--force").code == 0


def test_bfloat16_becomes_float32() -> None:
    torch.save({"a": torch.tensor([1.5, -2.0]).bfloat16()}, "a.pth")
    assert call("convert", "a.pth", "b.npz").code == 0
    assert read("b.npz")["a"].dtype == np.float32 and read("b.npz")["a"].tolist() == [1.5, -2]


def test_a_table_of_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    tensors = {
        "conv.weight": np.array([[-1.5, 0.5]], np.float32),
        "n": np.array(7),
        "odd": np.array([np.nan, 2]),
    }
    np.savez("w.npz", **tensors)
    assert call("show", "w.npz").out.splitlines() == [
        "name         shape     type              numbers   min  mean  max",
        "conv.weight  1x2       float32                 2  -1.5  -0.5  0.5",
        "n            a number  int64                   1     7     7    7",
        "odd          2         float64  2 (1 not finite)     2     2    2",
        "3 tensors, 5 numbers, 0.0 MB",
    ]
    monkeypatch.setattr(tensor_files, "ROWS", 1)
    assert "… 2 more" in call("show", "w.npz").out


def test_a_table_says_whether_a_net_takes_them(here: Path) -> None:
    spec = here / "n.cnn"
    spec.write_text("net N(k=2x3) { input 1@8x8\n conv 1@k, batchnorm }")
    names = ("weight", "bias", "running_mean", "running_var")
    fitting = {name: x.numpy() for name, x in STATE.items()} | {f"batchnorm1.{n}": np.ones(1) for n in names}
    np.savez("w.npz", **fitting)
    called = call("show", "w.npz", "--spec", spec)
    assert called.code == 0 and called.out.endswith("N takes them\n")
    called = call("show", "w.npz", "--spec", spec, "--set", "k=3x3")
    assert (
        called.code == 2
        and "another shape: conv1.weight is 1 x 1 x 2 x 3, the net's 1 x 1 x 3 x 3\n" in called.out
    )
    called = call("show", "w.npz", "--spec", SPECS / "digits.cnn")
    assert called.code == 2 and "missing: conv2.weight\n" in called.out
    assert "unexpected: batchnorm1.bias\n" in called.out
