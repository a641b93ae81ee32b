"""`cnnspec.load`, `loads` and `zoo`, and what the net that they return can do."""

from __future__ import annotations

import doctest
import inspect
from pathlib import Path

import pytest

import cnnspec
import cnnspec.net
from tests.safety.running import ROOT

LENET = ROOT / "specs" / "lenet.cnn"
TINY = "net Tiny(classes=2) { input 1@8x8, conv 4@3x3, relu, globalavgpool, flatten, linear classes }\n"

DOCTESTS = {
    example.name: example for example in doctest.DocTestFinder().find(cnnspec.net) if example.examples
}
HEAVY = {"cnnspec.net.Net.torch": "torch", "cnnspec.net.Net.numpy": "numpy"}


@pytest.mark.parametrize("example", sorted(DOCTESTS.keys() - HEAVY))
def test_the_examples_of_the_docstrings_are_true(example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run_doctest(example, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("example", HEAVY)
def test_the_examples_of_the_programs_are_true(example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(HEAVY[example])
    run_doctest(example, monkeypatch)


def run_doctest(example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(DOCTESTS[example]).failed == 0


def test_the_names_of_the_door_stay() -> None:
    promised = {
        "Checked", "Diagnostic", "DrawProblem", "Edit", "FileProblem", "Fix", "LayerInfo", "Look", "Misuse",
        "Net", "Network", "Refusal", "Shape", "SpecError", "THEMES", "build", "check", "check_text",
        "from_torch", "load", "load_ipython_extension", "loads", "picture", "report", "zoo",
    }  # fmt: skip
    assert promised <= set(cnnspec.__all__)
    attributes = {
        "diagnostics", "diff", "draw", "layers", "macs", "name", "network", "numpy", "params", "shapes",
        "sizes", "source", "summary", "text", "torch",
    }  # fmt: skip
    net = cnnspec.loads(TINY)
    assert attributes == {name for name in dir(net) if not name.startswith("_")}
    assert list(inspect.signature(cnnspec.load).parameters) == ["path", "net", "input", "parameters"]
    assert list(inspect.signature(cnnspec.Net.draw).parameters)[1:4] == ["path", "view", "theme"]


def test_a_net_is_chosen_with_parameters_and_input(tmp_path: Path) -> None:
    path = tmp_path / "two.cnn"
    path.write_text(TINY + "net Wide(width=8) { left: input 3@8x8, conv width@3x3, relu }\n")
    assert cnnspec.load(path).name == "Tiny"
    wide = cnnspec.load(path, "Wide", width=5, input="3@9x9")
    assert wide.shapes == "3@9x9 -> 5@7x7"
    assert cnnspec.load(path, "Wide", input={"left": cnnspec.Shape(3, 10, 10)}).shapes == "3@10x10 -> 8@8x8"
    assert cnnspec.load(path, "Wide", input=(3, 7, 7)).shapes == "3@7x7 -> 8@5x5"
    for wrong in (32, (3, 7), (3, 7, 0), "blue", b"3@7x7"):
        with pytest.raises(ValueError, match=r"input|blue"):
            cnnspec.load(path, "Wide", input=wrong)
    with pytest.raises(cnnspec.Misuse, match="did you mean `width`"):
        cnnspec.load(path, "Wide", widht=5)
    with pytest.raises(cnnspec.FileProblem, match="no such file"):
        cnnspec.load(tmp_path / "none.cnn")


def test_used_blocks_are_those_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.cnn").write_text("block Mine { conv 4@3x3, relu }\n")
    (tmp_path / "net.cnn").write_text('use "mine.cnn"\nnet A { input 1@8x8, Mine }\n')
    assert "valid" in cnnspec.load(tmp_path / "net.cnn").sizes()  # sizes reads the files again
    with pytest.raises(cnnspec.SpecError, match="E0206"):
        cnnspec.loads((tmp_path / "net.cnn").read_text())


def test_faults_are_raised_as_the_report_with_the_objects() -> None:
    text = "net A { input 1@8x8, conv 4@9x9, rleu }"
    found = cnnspec.check_text(text)
    with pytest.raises(cnnspec.SpecError) as raised:
        cnnspec.loads(text)
    assert [d.code for d in raised.value.diagnostics] == ["E0401", "E0201"]
    assert str(raised.value) + "\n" == cnnspec.report(found.diagnostics)


def test_warnings_are_no_faults() -> None:
    net = cnnspec.loads("net A { input 1@8x8, conv 4@3x3, batchnorm, relu }")
    assert [fault.code for fault in net.diagnostics] == ["W0601"]
    assert "W0601" in net._repr_html_()


def test_layers_are_what_the_table_counts() -> None:
    net = cnnspec.zoo("siamese")  # weights are shared, and count once
    assert sum(layer.params for layer in net.layers) == net.params > 0
    assert net.summary(columns="layer,params") == net.summary(columns=["layer", "params"])
    assert sum(layer.macs for layer in net.layers) == net.macs > 0


@pytest.mark.parametrize(
    ("name", "known_as"), [("ResNet18", "ResNet18"), ("resnet18", "ResNet18"), ("vgg.cnn", "VGG16")]
)
def test_the_zoo_knows_nets_and_files(name: str, known_as: str) -> None:
    assert cnnspec.zoo(name).name == known_as


@pytest.mark.parametrize("name", ["ResNet19", "../specs/resnet", ""])
def test_the_zoo_refuses_other_names(name: str) -> None:
    with pytest.raises(cnnspec.FileProblem, match="no shipped specification"):
        cnnspec.zoo(name)


@pytest.mark.slow
def test_a_picture_is_written_and_shown(tmp_path: Path) -> None:
    net, path = cnnspec.loads(TINY), tmp_path / "tiny.svg"
    made = net.draw(path, view="volume", theme="dark", width="5in")
    assert path.read_bytes() == made.content
    shown = made._repr_html_()
    assert shown is not None and "data:image/svg+xml;base64," in shown
    assert net.draw(tmp_path / "tiny.dot", show=["macs"])._repr_html_() is None
    path.write_text("mine")
    with pytest.raises(cnnspec.FileProblem, match="not written by cnnspec"):
        net.draw(path)
    net.draw(path, force=True)
    for wrong in ({"view": "volumes"}, {"theme": "blue"}, {"detail": "all"}, {"direction": "up"}):
        with pytest.raises(ValueError, match="there is no"):
            net.draw(**wrong)
    with pytest.raises(cnnspec.DrawProblem, match="ends in"):
        net.draw(tmp_path / "tiny.gif")


def test_a_large_net_shows_its_table_alone() -> None:
    steps = ", ".join(f"conv {width}@1x1" for width in range(1, 210))
    shown = cnnspec.loads(f"net A {{ input 1@8x8, {steps} }}")._repr_html_()
    assert "draw() draws its" in shown and "<img" not in shown and "<table>" in shown


def test_a_vector_has_no_sizes_to_choose() -> None:
    with pytest.raises(ValueError, match="takes no maps"):
        cnnspec.loads("net A { input 5, linear 2 }").sizes()


@pytest.mark.slow
def test_both_programs_compute_the_same() -> None:
    torch, numpy = pytest.importorskip("torch"), pytest.importorskip("numpy")
    net = cnnspec.loads(TINY)
    one, two = net.torch().eval(), net.numpy(seed=0)
    one.load_state_dict({key: torch.from_numpy(value.copy()) for key, value in two.params.items()})
    images = numpy.random.default_rng(0).random((2, 1, 8, 8), "float32")
    with torch.no_grad():
        assert numpy.abs(one(torch.from_numpy(images)).numpy() - two(images)).max() < 1e-6
    assert "class Tiny(nn.Module)" in net.source()
    with pytest.raises(ValueError, match="no back end 'jax'"):
        net.source("jax")
    with pytest.raises(ValueError, match="explicit"):
        net.source("numpy", explicit=True)
