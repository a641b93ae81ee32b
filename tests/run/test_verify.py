"""`cnnspec verify`: back ends that agree, one that does not, one that is not there."""

from __future__ import annotations

import math
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from cnnspec.commands.cli import main
from cnnspec.run.verdict import CAP, GAPS, LARGEST_FLOAT32, LONG, WORST, Deviation, Report, table
from cnnspec.run.verification import Baseline, verify
from tests.anew import import_anew
from tests.nets import network

pytestmark = pytest.mark.slow

assert torch.__version__  # both frameworks are wanted here

SPECS = Path(__file__).parents[2] / "specs"


def call(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["verify", *arguments])


@pytest.mark.parametrize("spec", ["lenet", "digits", "edges", "siamese"])
def test_the_back_ends_agree(spec: str) -> None:
    done = call(str(SPECS / f"{spec}.cnn"))
    assert done.exit_code == 0, done.output
    *_, verdict, exact, rounded = done.stdout.splitlines()
    assert verdict.endswith("the back ends agree")
    assert exact.startswith("float64: at most") and exact.endswith("bound 1e-10")
    assert rounded.startswith("float32: at most")
    assert float(rounded.rpartition("bound ")[2]) <= 1e-3, (
        "processors round differently, and the bound with them"
    )
    assert "torch     numpy  numpy, fast   float32\n" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_every_layer_has_its_line() -> None:
    lines = call(str(SPECS / "lenet.cnn")).stdout.splitlines()
    assert {"conv1", "tanh4", "linear3"} <= {line.split()[0] for line in lines if line}


def test_a_long_table_shows_the_worst() -> None:
    spec = (str(SPECS / "resnet.cnn"), "--input", "3@32x32")
    short, long = call(*spec), call(*spec, "--all")
    assert short.exit_code == long.exit_code == 0
    told = [line for line in short.stdout.splitlines() if "--all shows all" in line]
    assert len(told) == 1 and "--all" not in long.stdout
    assert len(short.stdout.splitlines()) <= WORST + 12 < LONG < len(long.stdout.splitlines())


def test_numpy_alone_compares_its_two_paths() -> None:
    done = call(str(SPECS / "lenet.cnn"), "--backends", "numpy")
    assert done.exit_code == 0 and "numpy, fast" in done.stdout and "torch" not in done.stdout


def test_back_ends_stand_in_one_order() -> None:
    spec = str(SPECS / "digits.cnn")
    assert call(spec, "--backends", "numpy, torch").stdout == call(spec).stdout


def test_runs_are_told_apart_where_the_first_leads_nowhere() -> None:
    """PyTorch's program leaves out what no output needs; what it runs first is then the second run."""
    report = verify(
        network("""
net N {
    left: input 1@7x7
    right: input 1@7x7
    s: { n: conv 1@3x3 pad=1, conv 2@1x1 }
    from left
    again s.n
    tanh
    again s.n
}"""),
        ("torch", "numpy"),
    )
    assert report.ok
    compared = [row.name for row in report.rows if "torch" in row.errors["float64"]]
    assert compared == ["s.n (2)", "tanh1", "s.n (3)", "output"]


def test_the_label_of_a_join_is_no_module_that_runs() -> None:
    """In PyTorch it holds the modules on the join's paths, and nothing calls it."""
    report = verify(network("net N { input 4@5x5, a: add { | t: tanh | identity } }"), ("torch", "numpy"))
    assert report.ok, table(report)
    assert [row.name for row in report.rows if "torch" in row.errors["float64"]] == ["a.t", "output"]


def test_a_layer_may_be_labelled_as_an_output_is() -> None:
    for label in ("output", "aux"):
        net = network(f'net N {{ input 3@8x8, "{label}": conv 4@3x3, "output {label}": relu, conv 2@3x3 }}')
        report = verify(net, ("torch", "numpy"))
        assert report.ok, table(report)
        assert [row.name for row in report.rows if row.is_output] == ["output"]


def test_what_rounding_leaves_of_nothing_is_not_made_large() -> None:
    """A norm of constant maps gives 0 but for rounding; weights are not drawn to make a proper size of it."""
    report = verify(
        network("""
net N {
    input 4@6x6
    conv 4@1x1
    globalmaxpool
    upsample size=9x3
    instancenorm
    conv 4@1x1
    tanh
}"""),
        ("torch", "numpy"),
    )
    assert report.ok, table(report)


def test_an_optimised_program_names_what_runs_again_after_the_first_run_that_it_has() -> None:
    net = network("net N { input 2@4x4, x: conv 2@1x1, b: elu, from x, again b, conv 2@1x1 }")
    report = verify(net, ("torch", "numpy"), optimize=True)
    assert report.ok, table(report)


@pytest.mark.parametrize("backends", ["torch,numpy", "torch", "numpy"])
def test_optimised_programs_agree_with_the_plain_one(backends: str) -> None:
    spec = (str(SPECS / "mobilenet_v2.cnn"), "--input", "3@32x32", "--all", "--backends", backends)
    done = call(*spec, "--optimize")
    assert done.exit_code == 0, done.output
    assert "MobileNetV2: the optimised programs agree\n" in done.stdout
    columns = done.stdout.splitlines()[4]
    for name in ("torch", "numpy"):
        assert (f"{name}, optimised" in columns) is (name in backends)
    assert ("numpy, optimised, fast" in columns) is ("numpy" in backends)
    found = {line.split()[0]: line.split()[2:] for line in done.stdout.splitlines() if "@" in line}
    compared = [len(found.get(f"features.0.{i}", [""])) - 1 for i in range(3)]
    torch_, numpy = "torch" in backends, "numpy" in backends
    assert compared == [0, numpy, torch_ + numpy]  # a folded convolution has its norm's value, or its relu6's


OPTIMISED = """net Several {
  left: input 1@8x8
  right: input 3@8x8
  concat { | from left | from right }
  t: { conv 4@3x3 pad=1, batchnorm, prelu }
  again t
  pad 1, a: conv 4@3x3 weights=0.5, dropout
  b: conv 2@3x3 pad=1 weights=0.5, batchnorm
  from a
  head: conv 1@1x1
  output a b
  output head train=yes
}
"""


def test_optimised_programs_of_several_inputs_and_outputs() -> None:
    report = verify(network(OPTIMISED), ("torch", "numpy"), optimize=True)
    assert report.ok
    compared = {row.name: set(row.errors["float64"]) for row in report.rows}
    both = {"torch, optimised", "numpy, optimised"}
    assert both <= compared["t.1"] and both <= compared["t.1 (2)"] and both <= compared["a"]
    assert compared["output b"] == {*both, "numpy, optimised, fast"}


def test_a_wrong_fold_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnnspec.passes import fold_batchnorm

    right = fold_batchnorm.fold

    def wrong(*arguments: Any) -> tuple[Any, Any]:
        weight, bias = right(*arguments)
        return weight, bias + 1e-3

    monkeypatch.setattr(fold_batchnorm, "fold", wrong)
    done = call(str(SPECS / "resnet.cnn"), "--net", "ResNet18", "--input", "3@32x32", "--optimize")
    assert done.exit_code == 1 and "the optimised programs differ, first at bn1\n" in done.stdout


SEVERAL = """net Several {
  left: input 1@8x8
  right: input 3@8x8
  concat { | from left | from right }
  t: { conv 4@3x3 pad=1, batchnorm, prelu }
  again t
  s: scale 0.1
  a: conv 4@3x3
  b: conv 2@3x3 pad=1 weights=0.5 frozen=yes
  from s
  head: conv 1@1x1
  output a b
  output head train=yes
}
"""


def test_several_inputs_and_outputs() -> None:
    """What only training has is not compared; a second run of the same weights is."""
    report = verify(network(SEVERAL), ("torch", "numpy"))
    names = [row.name for row in report.rows]
    assert names[-2:] == ["output a", "output b"] and {"t.0", "t.0 (2)"} <= set(names)
    assert report.ok


def sabotage(
    monkeypatch: pytest.MonkeyPatch, right: str, wrong: str, backend: str = "numpy", count: int = -1
) -> None:
    """A back end writes other code from now on, at so many places."""
    import cnnspec.backends as backends

    emit = backends.emit

    def other(given: str, net: Any, source: str, **options: bool) -> str:
        text = emit(given, net, source, **options)
        assert given != backend or right in text, text
        return text.replace(right, wrong, count) if given == backend else text

    monkeypatch.setattr("cnnspec.run.programs.emit", other)


@pytest.mark.parametrize(
    "spec, right, wrong, where",
    [
        ("lenet", "np.tanh(x)", "np.tanh(x) * 1.000001", "tanh1"),
        ("lenet", "np.tanh(x)", "np.tanh(x.astype(np.float32))", "tanh1"),
        (
            "siamese",
            "def sigmoid(x: Array) -> Array:\n",
            "def sigmoid(x: Array) -> Array:\n    x = x + 1e-6\n",
            "tower.13",
        ),
    ],
)
def test_a_difference_is_found_where_it_starts(
    spec: str, right: str, wrong: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(monkeypatch, right, wrong)
    done = call(str(SPECS / f"{spec}.cnn"))
    assert done.exit_code == 1
    assert f"the back ends differ, first at {where}\n" in done.stdout


def test_fixed_numbers_are_each_programs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers of the specification are not drawn at random: a wrong Sobel kernel is found."""
    sabotage(monkeypatch, "-2", "-3")
    done = call(str(SPECS / "edges.cnn"))
    assert done.exit_code == 1 and "first at conv2\n" in done.stdout


def test_a_fast_path_of_its_own_mind_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnnspec.run.programs import NumpyProgram

    run = NumpyProgram.run

    def other(self: NumpyProgram, images: list[Any]) -> dict[str, Any]:
        return {name: x + 1e-7 * self.net.fast for name, x in run(self, images).items()}

    monkeypatch.setattr(NumpyProgram, "run", other)
    done = call(str(SPECS / "lenet.cnn"))
    assert done.exit_code == 1 and "first at output\nnumpy, fast is off by" in done.stdout


def report_of(*rows: Deviation, gap: float = 0.0) -> Report:
    return Report("N", 1, ("torch",), rows, gap)


def test_nan_is_no_agreement() -> None:
    errors = (1e-12, np.nan, 0.0)
    rows = [
        Deviation(f"layer{i}", "4", 1.0, {"float64": {"torch": e}, "float32": {}})
        for i, e in enumerate(errors)
    ]
    fault = report_of(*rows).first_fault
    assert fault is not None and fault.row is rows[1]
    assert "first at layer1" in table(report_of(*rows))


def test_a_program_that_stopped_is_none_of_float32_alone() -> None:
    row = Deviation("conv1", "4", 1.0, {"float64": {"numpy, fast": 0.0}, "float32": {"onnx": 1e-7}})
    report = Report("N", 1, ("numpy, fast", "torch", "onnx"), (row,), 0.0, stopped={"torch": "wrong"})
    assert report.single == ["onnx"] and "torch, float32" not in table(report)


def test_no_gap_allows_more_than_the_cap() -> None:
    """A measure whose own rounding is as large as its numbers proves nothing, and allows nothing."""
    output = Deviation("output y", "4", 1.0, {"float64": {}, "float32": {"torch": 2 * CAP}}, is_output=True)
    layer = Deviation("conv1", "4", 1.0, {"float64": {"torch": 2e-10}, "float32": {"torch": 1e-3}})
    for gap in (0.0, CAP, 6.8):
        assert [fault.row for fault in report_of(layer, output, gap=gap).faults] == [layer, layer, output]
    near = output._replace(errors={"float64": {}, "float32": {"torch": 3e-3}})
    assert not report_of(near, gap=3e-3 / GAPS).first_fault and report_of(near, gap=1e-5).first_fault
    assert "rounding to float32 moves the outputs by 6.8e+00" in table(report_of(layer, output, gap=6.8))


def test_an_output_that_float64_has_proven_may_drown_in_float32() -> None:
    """Where rounding alone moves an output by more than the cap, float32 shows nothing, and that is told."""
    output = Deviation(
        "output y", "4", 1.0, {"float64": {"torch": 1e-13}, "float32": {"torch": 0.2}}, is_output=True
    )
    assert report_of(output, gap=1e-4).first_fault
    assert report_of(output, gap=0.2).ok
    assert "float32 shows nothing of output y" in table(report_of(output, gap=0.2))
    for program, error in (("torch", math.nan), ("torch", math.inf), ("numpy", 0.2)):
        row = output._replace(errors={**output.errors, "float32": {program: error}})
        assert report_of(row, gap=0.2).first_fault


def test_the_bound_of_an_output_that_multiplies_rounding_in_float64() -> None:
    """Eight times what half a unit of float64 makes of it, and never more than 1e-7; layers have 1e-10."""
    output = Deviation(
        "output y", "4", 1.0, {"float64": {"torch": 2e-9}, "float32": {}}, moved=8.4, is_output=True
    )
    assert report_of(output).ok
    assert report_of(output._replace(moved=0.01)).first_fault
    assert report_of(output._replace(name="conv1", is_output=False)).first_fault
    wrong = {"float64": {"torch": 2e-7}, "float32": {}}
    assert report_of(output._replace(errors=wrong, moved=1e6)).first_fault


def test_what_cancels_is_rounded_both_ways() -> None:
    """x - tanh(x) of a small x: rounded the same way on both sides, nothing of it would be seen."""
    text = "scale init=0.02\n sub { | identity | tanh }\n adaptiveavgpool 1x1"
    net = network(f"net N {{ input 3@1x1\n {text}\n}}")
    for seed in range(20):
        measure = Baseline(net, seed)
        measure.walk(1)
        x, left = measure.values["scale1"], measure.values["sub1"]
        both = 2 * 2.0**-24 * np.abs(x).max() / np.abs(left).max()
        assert 0.4 * both < measure.moved("adaptiveavgpool1") <= 1.1 * both


def test_tensors_that_start_at_0_hide_nothing() -> None:
    measure = Baseline(network('net N { input 3@2x2\n scale 0 per="layer"\n}'), 0)
    measure.walk(1)
    assert measure.state["scale1"].shape == () and measure.values["scale1"].all()


def test_what_overflows_is_told() -> None:
    grow = "repeat 12 { conv 8@1x1 weights=1e4 biases=0 frozen=yes }"
    report = verify(network(f"net N {{ input 8@2x2\n {grow}\n}}"), ("torch", "numpy"))
    fault = report.first_fault
    assert fault is not None and fault.kind == "float32" and fault.row.largest > LARGEST_FLOAT32
    assert f"at {fault.row.name} is too large for float32" in table(report)
    assert all(error < 1e-10 for row in report.rows for error in row.errors["float64"].values())


def test_what_overflows_within_a_layer_is_told() -> None:
    """The squares of what arrives, whose mean is finite, if infinite is not."""
    big = "conv 4@1x1 weights=1e25 biases=0 frozen=yes"
    report = verify(network(f"net N {{ input 4@6x6\n {big}\n instancenorm\n}}"), ("torch", "numpy"))
    fault = report.first_fault
    assert fault is not None and fault.kind == "float32" and fault.row.largest < LARGEST_FLOAT32
    assert f"N: what is computed at {fault.row.name} is too large for float32" in table(report)


CANCELLED = """sub {
  | conv 4@1x1 weights=0.5 biases=100 frozen=yes
  | conv 4@1x1 weights=0.499 biases=100 frozen=yes
}
instancenorm
"""


@pytest.mark.parametrize(
    "text",
    [
        CANCELLED,  # what arrives is rounded, and little is left of it
        "globalavgpool\n groupnorm 4",  # the deviation is 0, and the mean is rounded within
        "linear 12\n tanh\n groupnorm 12\n tanh",
    ],
)
@pytest.mark.parametrize("backends", [("torch", "numpy"), ("numpy",)])
def test_what_multiplies_rounding_is_no_difference(text: str, backends: tuple[str, ...]) -> None:
    given = "12" if "linear" in text else "4@6x6"
    report = verify(network(f"net N {{ input {given}\n {text}\n}}"), backends)
    assert report.ok, table(report)


def test_a_layer_that_is_given_nothing_but_rounding_is_none() -> None:
    """A join and its like, less each other: PyTorch's program makes the one and is given the other."""
    text = "s: sub { | conv 4@1x1 | identity }\n sub { | avgpool 1x1 | from s }\n conv 4@1x1 bias=no, relu"
    report = verify(network(f"net N {{ input 4@6x6\n {text}\n}}"), ("torch", "numpy"))
    assert report.ok, table(report)


def test_an_output_of_nothing_but_rounding_is_none() -> None:
    """Weighed alike, what a norm makes sums to 0, or to what rounding leaves of it, here and at the end."""
    text = "layernorm affine=no\n conv 2@2x2 weights=0.3 biases=0 frozen=yes\n identity"
    report = verify(network(f"net N {{ input 2@2x2\n {text}\n}}"), ("torch", "numpy"))
    assert report.ok, table(report)


def test_the_bound_of_what_multiplies_rounding() -> None:
    """So much as rounding makes of it, and no more: float64 is the proof, and has its own bound."""
    exact, coarse = {"torch": 1e-14}, {"torch": 3e-4}
    calm = Deviation("conv1", "4", 1.0, {"float64": exact, "float32": coarse})
    assert report_of(calm).first_fault
    for row in (
        calm._replace(moved=1e-4),
        calm._replace(errors={"float64": {"torch": 1e-13}, "float32": coarse}),
    ):
        assert not report_of(row).first_fault
        assert report_of(row._replace(errors={**row.errors, "float32": {"torch": 2e-3}})).first_fault
    wild = calm._replace(moved=1.0, errors={"float64": exact, "float32": {"torch": 0.1}})
    assert report_of(wild).first_fault
    assert not report_of(wild._replace(name="output y", is_output=True)).first_fault, "it drowns"


def test_what_is_no_number_is_told() -> None:
    grow = "repeat 80 { conv 8@1x1 weights=1e4 biases=0 frozen=yes }"
    report = verify(network(f"net N {{ input 8@2x2\n {grow}\n}}"), ("torch", "numpy"))
    assert not report.ok and "NumPy's plain program gives no number at conv" in table(report)


@pytest.mark.parametrize(
    "backends, said",
    [
        ("torch,fortran", "'fortran'"),
        ("", "''"),
        ("torch", "nothing to compare"),
    ],
)
def test_wrong_calls(backends: str, said: str) -> None:
    done = call(str(SPECS / "lenet.cnn"), "--backends", backends)
    assert done.exit_code == 2 and said in done.output and "Traceback" not in done.output


def test_a_net_too_large_for_memory_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "net.cnn"
    file.write_text("net N { input 1@1048576x1048576\n conv 1@3x3 }\n")
    for backends in ("torch,numpy", "numpy"):
        done = call(str(file), "--backends", backends)
        assert done.exit_code == 2 and done.output.startswith("cnnspec: N needs at least ")
        assert len(done.output.splitlines()) == 1


@pytest.mark.parametrize("failing", [MemoryError, partial(RuntimeError, "can't allocate memory: 8 bytes")])
def test_memory_that_ends_on_the_way_is_told(failing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any) -> Any:
        raise failing()

    monkeypatch.setattr("cnnspec.run.verification.Baseline.walk", full)
    monkeypatch.setattr("cnnspec.run.programs.TorchProgram.put", full)
    done = call(str(SPECS / "lenet.cnn"))
    assert done.exit_code == 2 and done.output == "cnnspec: LeNet5 needs more memory than there is\n"


def test_a_wrong_specification_is_told(tmp_path: Path) -> None:
    file = tmp_path / "net.cnn"
    file.write_text("net N { input 3@8x8\n cnov 4@3x3\n}\n")
    done = call(str(file))
    assert done.exit_code == 1 and "E0" in done.output


@pytest.mark.parametrize("missing", ["torch", "numpy"])
def test_what_is_not_installed_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    import_anew(["cnnspec.run.verification", "cnnspec.run.programs"], monkeypatch)
    done = call(str(SPECS / "lenet.cnn"))
    assert done.exit_code == 2
    assert done.output.startswith(f"cnnspec: {missing} is not installed: pip install 'cnnspec[{missing}]'")
