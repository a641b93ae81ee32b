"""`cnnspec build --backend onnx`, and ONNX Runtime behind `run` and `verify`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("onnxruntime")
import onnx
import onnxruntime

import cnnspec
from cnnspec.analysis.state_tensors import keys
from cnnspec.analysis.unroll import unroll
from cnnspec.backends.onnx import lowering
from cnnspec.commands.cli import main
from cnnspec.failures import Refusal
from cnnspec.run.verification import verify
from tests.nets import network
from tests.run.calling import noise, save
from tests.zoo.shipped import network as shipped

SPEC = "net N {\n    input 3@8x8\n    conv 4@3x3, batchnorm, relu\n    globalavgpool, flatten, linear 2\n}\n"


@pytest.fixture(name="here", autouse=True)
def folder_with_a_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.cnn").write_text(SPEC)
    return tmp_path


def call(*arguments: str) -> tuple[int, str]:
    """The exit code, and what is said."""
    done = CliRunner().invoke(main, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def build(*arguments: str) -> tuple[int, str]:
    return call("build", "net.cnn", "--backend", "onnx", *arguments)


def test_random_weights_are_told(here: Path) -> None:
    said = "cnnspec: the weights are random: --weights names a file of trained ones\nwrote net.onnx\n"
    assert build("-o", "net.onnx") == (0, said)
    assert build("-o", "net.onnx", "--opset", "17", "--functions") == (0, said), "its own file is overwritten"
    assert onnx.load(here / "net.onnx").opset_import[0].version == 17
    (here / "net.onnx").write_bytes(b"\x08\x0a\x12\x07pytorch")
    code, said = build("-o", "net.onnx")
    assert code == 2 and "was not written by cnnspec" in said


@pytest.mark.parametrize("optimize", [[], ["--optimize"]])
def test_weights_of_a_file(here: Path, optimize: list[str]) -> None:
    net = network(SPEC)
    from cnnspec.run.programs import load

    program = load("numpy", net, unroll(net))
    state = {key: x + 0.5 if x.dtype.kind == "f" else x for key, x in program.state().items()}
    program.put(state)
    np.savez("w.npz", **state)
    assert build("-o", "net.onnx", "--weights", "w.npz", *optimize) == (0, "wrote net.onnx\n")
    model = onnx.load(here / "net.onnx")
    assert ("BatchNormalization" in {node.op_type for node in model.graph.node}) is not bool(optimize)
    from cnnspec.run.onnx_program import session_of

    images = np.random.default_rng(0).standard_normal((2, 3, 8, 8)).astype("float32")
    (made,) = session_of(model).run(None, {"input": images})
    (wanted,) = program.run([images]).values()
    assert np.abs(made - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_what_is_wrong_with_a_call(here: Path) -> None:
    assert build() == (2, "cnnspec: --backend onnx makes a binary file: -o names it\n")
    code, said = build("-o", "net.onnx", "--opset", "9")
    assert (code, said) == (2, "cnnspec: opset 9 is not written: those from 13 to 23 are\n")
    assert call("build", "net.cnn", "--opset", "9")[1] == "cnnspec: --opset is for --backend onnx\n"
    assert build("-o", "net.onnx", "--plain")[1] == "cnnspec: --plain is for --backend numpy\n"
    np.savez("w.npz", other=np.zeros(3))
    code, said = build("-o", "net.onnx", "--weights", "w.npz")
    assert code == 2 and said.startswith("cnnspec: w.npz: lacks conv1.weight, conv1.bias")
    assert not (here / "net.onnx").exists()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cnnspec.backends.onnx.messages", raising=False)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert build("-o", "net.onnx") == (2, "cnnspec: onnx is not installed: pip install 'cnnspec[onnx]'\n")
    monkeypatch.delitem(sys.modules, "cnnspec.run.onnx_program", raising=False)
    code, said = call("verify", "net.cnn", "--backends", "onnx")
    assert (code, said) == (2, "cnnspec: onnx is not installed: pip install 'cnnspec[onnx]'\n")


def test_what_no_file_holds_is_refused_from_python() -> None:
    with pytest.raises(Refusal, match=r"RegNetY128GF has 2\.6 GB of weights, and an ONNX file holds 2\.1"):
        cnnspec.build(shipped("RegNetY128GF"), "onnx")


def test_tensors_too_many_for_one_file_lie_beside_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert build("-o", "one.onnx")[0] == 0
    monkeypatch.setattr("cnnspec.backends.onnx.MOST_BYTES", 100)
    code, said = build("-o", "net.onnx")
    assert code == 0 and said.endswith("\nwrote net.onnx.data\nwrote net.onnx\n")
    assert b"\x00" not in (here / "net.onnx.data").read_bytes()[:40]
    onnx.checker.check_model("net.onnx", full_check=True)
    images = np.random.default_rng(0).standard_normal((2, 3, 8, 8)).astype("float32")
    one, two = (
        onnxruntime.InferenceSession(file).run(None, {"input": images})[0]
        for file in ("one.onnx", "net.onnx")
    )
    assert np.array_equal(one, two)
    for entry in onnx.load("net.onnx", load_external_data=False).graph.initializer:
        (offset,) = (int(each.value) for each in entry.external_data if each.key == "offset")
        assert offset % 4096 == 0
    code, said = call("import", "net.onnx", "-o", "again.cnn")
    assert code == 0 and dict(keys(unroll(network((here / "again.cnn").read_text())))) == dict(
        keys(unroll(network(SPEC)))
    )
    assert build("-o", "net.onnx")[0] == 0, "its own files are overwritten"


def test_two_files_are_written_or_none(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnnspec.backends.onnx.MOST_BYTES", 100)
    (here / "net.onnx.data").write_bytes(b"another's")
    code, said = build("-o", "net.onnx")
    assert code == 2 and "net.onnx.data: exists and was not written by cnnspec" in said
    assert not (here / "net.onnx").exists()
    assert build("-o", "-")[1].startswith(
        "cnnspec: N has 0.0 GB of weights, and an ONNX file holds 2.1 at most"
    )


def test_from_python() -> None:
    net = network(SPEC)
    content = cnnspec.build(net, "onnx", optimize=True, opset=18)
    assert onnx.ModelProto.FromString(content).opset_import[0].version == 18
    with pytest.raises(ValueError, match="opset is not for numpy"):
        cnnspec.build(net, "numpy", opset=18)  # type: ignore[call-overload]


def test_a_model_that_is_imported_is_the_net_again(here: Path) -> None:
    spec = (
        "block Unit { add { | identity | conv 4@3x3 pad=1, batchnorm, silu } }\n"
        "net Net {\n input 3@8x8\n conv 4@3x3, Unit, Unit\n globalavgpool, flatten, linear 2\n}\n"
    )
    (here / "net.cnn").write_text(spec)
    assert build("-o", "net.onnx")[0] == 0
    code, text = call("import", "net.onnx", "-o", "again.cnn")
    assert code == 0, text
    before, after = (network((here / file).read_text()) for file in ("net.cnn", "again.cnn"))
    assert [node.layer.name for node in unroll(after).nodes] == [
        node.layer.name for node in unroll(before).nodes
    ]
    assert dict(keys(unroll(after))) == dict(keys(unroll(before)))


def test_run_tells_the_same_classes(here: Path) -> None:
    save(here / "x.png", noise(8, 8, 3))
    code, said = call("run", "net.cnn", "x.png", "--backend", "onnx")
    assert code == 0 and "random" in said
    assert said == call("run", "net.cnn", "x.png")[1]


def test_verify_compares_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network(
        "net N { left: input 3@8x8\n right: input 3@8x8\n add { | from left | from right }\n"
        " t: { conv 3@3x3 pad=1, batchnorm, silu }\n dropout, again t\n s: scale 0.1\n flatten, y: tanh\n"
        " output y s }"
    )
    for optimize, name in ((False, "onnx"), (True, "onnx, optimised")):
        report = verify(net, ("numpy", "onnx"), optimize=optimize)
        assert report.ok
        compared = {row.name for row in report.rows if name in row.errors["float32"]}
        norms = {"t.1", "t.1 (2)"} if optimize else {"t.0", "t.1", "t.0 (2)", "t.1 (2)"}
        assert compared >= {"add1", *norms, "t.2", "t.2 (2)", "s", "flatten1", "y", "output y"}
    right = lowering.LOWERINGS["tanh"]

    def wrong(step: Any) -> None:
        right(step)
        step.op("Mul", step.ops[-1].output, step.number(1.001))

    monkeypatch.setitem(lowering.LOWERINGS, "tanh", wrong)
    fault = verify(net, ("numpy", "onnx")).first_fault
    assert fault is not None and (fault.row.name, fault.program) == ("y", "onnx")


def test_rounding_may_hide_an_output_of_a_program_that_float64_never_runs() -> None:
    """Its layers have shown what there is to show; an output that is no number is a fault all the same."""
    from cnnspec.run.verdict import Deviation, Report

    for error, ok in ((0.2, True), (float("inf"), False)):
        row = Deviation("output y", "4", 1.0, {"float64": {}, "float32": {"onnx": error}}, is_output=True)
        assert Report("N", 1, ("onnx",), (row,), gap=0.2).ok is ok
        assert not Report("N", 1, ("onnx",), (row,), gap=1e-4).ok
