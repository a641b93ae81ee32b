"""`import cnnspec` as another program uses it: nothing printed, nothing loaded that is not used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cnnspec
from tests.safety.running import ROOT, python

LENET = ROOT / "specs" / "lenet.cnn"
WRONG = """net A(width=8, act=relu) {
    left: input 3@8x8
    conv width@3x3 -> 8@8x8
    act
}
"""


def test_a_path_is_checked_and_its_faults_have_fixes(tmp_path: Path) -> None:
    path = tmp_path / "a.cnn"
    path.write_text(WRONG)
    found = cnnspec.check(path)
    (fault,) = found.diagnostics
    assert not found.ok and fault.code == "E0403" and str(fault.span) == f"{path}:3:23"
    titles = [fix.title for fix in fault.fixes]
    assert titles[:2] == ["claim what it is: `-> 8@6x6`", "`pad=1` on the conv gives 8 8"]
    assert f"{path}:3:23" in cnnspec.report(found.diagnostics, "concise")
    assert "help: claim what it is" in cnnspec.report(found.diagnostics)


def test_text_is_checked_under_a_name_with_what_is_chosen() -> None:
    text = WRONG.replace(" -> 8@8x8", "") + "net B { input 3@8x8, sigmoid, softmax }\n"
    found = cnnspec.check_text(text, name="mine.cnn")
    assert [network.name for network in found.networks] == ["A", "B"]
    assert {d.code for d in found.diagnostics} == {"W0602"}, "warnings, too"
    (network,) = cnnspec.check_text(
        text, "A", parameters={"width": 5, "act": "hardswish"}, inputs={"left": "3@9x9"}
    ).networks
    assert network.outputs[0].value.shape == cnnspec.Shape(5, 7, 7)
    assert "Hardswish" in cnnspec.build(network)


def test_what_a_call_names_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(cnnspec.FileProblem, match="no such file"):
        cnnspec.check(tmp_path / "none.cnn")
    with pytest.raises(cnnspec.Misuse, match="LeNet5"):
        cnnspec.check(LENET, "LeNet")
    with pytest.raises(cnnspec.Misuse, match="clases"):
        cnnspec.check(LENET, parameters={"clases": 3})
    with pytest.raises(ValueError, match="blue"):
        cnnspec.check(LENET, inputs={"input": "blue"})
    with pytest.raises(ValueError, match="max_layers"):
        cnnspec.check(LENET, limits={"max_joy": 3})
    assert not cnnspec.check(LENET, limits={"max_layers": 3}).ok


def test_an_option_of_the_other_back_end_is_no_option() -> None:
    (network,) = cnnspec.check(LENET).networks
    for options in (
        {"plain": True},
        {"inference": True},
        {"backend": "numpy", "explicit": True},
        {"backend": "numpy", "plain": True, "optimize": True},
    ):
        with pytest.raises(ValueError, match=r"plain|inference|explicit"):
            cnnspec.build(network, **options)
    assert "to be read" in cnnspec.build(network, "numpy", plain=True)


def test_text_that_is_none_is_a_fault() -> None:
    (fault,) = cnnspec.check_text("net A { input 3@8x8 \x00 }").diagnostics
    assert fault.code == "E0102"


def test_a_network_is_built_and_drawn() -> None:
    (network,) = cnnspec.check(LENET).networks
    assert "import torch" in cnnspec.build(network)
    assert "import numpy" in cnnspec.build(network, "numpy", inference=True)
    with pytest.raises(ValueError, match="inference"):
        cnnspec.build(network, inference=True)
    assert cnnspec.picture(network, ".dot").content.startswith(b"//")
    look = cnnspec.Look(view="volume", theme=cnnspec.THEMES["dark"])
    assert b"<svg" in cnnspec.picture(network, look=look).content


def test_every_name_of_the_door_is_there() -> None:
    for name in cnnspec.__all__:
        assert getattr(cnnspec, name) is not None
    with pytest.raises(AttributeError, match="'cheque'"):
        cnnspec.cheque  # noqa: B018


def test_no_command_line_is_loaded() -> None:
    script = f"""
import json, sys
import cnnspec
before = len([name for name in sys.modules if name.startswith("cnnspec")])
cnnspec.check_text({WRONG!r})
(network,) = cnnspec.check({str(LENET)!r}).networks
cnnspec.build(network)
net = cnnspec.load({str(LENET)!r})
net.params, net.macs, net.layers, net.sizes()
print(json.dumps([before, sorted(sys.modules)]))
"""
    before, modules = json.loads(python("-c", script).out)
    assert before == 1
    assert not {"click", "cnnspec.commands", "cnnspec.draw", "torch", "numpy"} & set(modules)


def test_a_module_is_imported() -> None:
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Tanh())
    text = cnnspec.from_torch(net, (3, 9, 9), name="Mine")
    assert text == "net Mine {\n    input 3@9x9\n    0: conv 4@3x3, tanh\n}\n"
    assert cnnspec.from_torch(net, [[3, 9, 9]], name="Mine", flat=True) == text
    assert "input 5\n" in cnnspec.from_torch(torch.nn.Sequential(torch.nn.Linear(5, 2)), (5,))
    with pytest.raises(cnnspec.Refusal, match="`weight`: a layer has a name of its own"):
        cnnspec.from_torch(torch.nn.Linear(5, 2), (5,))
    bilinear = torch.nn.Bilinear(3, 4, 5)
    with pytest.raises(cnnspec.Refusal, match="`bilinear` has no layer"):
        cnnspec.from_torch(bilinear, [(3,), (4,)])
    for shape in ((3, 9), (0, 9, 9), "3@9x9", [(3, 9, 9), 3]):
        with pytest.raises(ValueError, match="an input is"):
            cnnspec.from_torch(net, shape)
    for name in ("repeat", "conv", "2d"):
        with pytest.raises(ValueError, match="cannot be called"):
            cnnspec.from_torch(net, (3, 9, 9), name=name)


def test_a_class_whose_name_is_none_of_ours_is_imported() -> None:
    torch = pytest.importorskip("torch")
    for kind, name in (("conv", "convNet"), ("Größe", "Gre"), ("repeat", "repeatNet"), ("_", "Net")):
        net = type(kind, (torch.nn.Sequential,), {})(torch.nn.ReLU())
        assert cnnspec.from_torch(net, (3, 9, 9)).startswith(f"net {name} {{")
