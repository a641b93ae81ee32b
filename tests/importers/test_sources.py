"""Sources by their names, and what is said of those that cannot be loaded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from cnnspec.importers.refusals import Refused  # noqa: E402
from cnnspec.importers.torch.sources import load, net_name  # noqa: E402

FILE = """
from __future__ import annotations
from dataclasses import dataclass
from torch import nn
from beside import WIDTH

@dataclass
class Options:
    depth: int = 3

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, WIDTH, 3))

def make_net():
    import beside_later
    return Net()

net = make_net()
number = 3
def make_number():
    return number
def broken():
    raise ValueError("no such depth")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "beside.py").write_text("WIDTH = 7\n")
    (tmp_path / "beside_later.py").write_text("")
    path = tmp_path / "mymodel.py"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize("name", ["Net", "make_net", "net"])
def test_a_file_gives_a_module(file: Path, name: str) -> None:
    module: Any = load(f"{file}:{name}")
    assert module[0].weight.shape == (7, 3, 3, 3)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("other", "defines no `other`"),
        ("make_nett", "defines no `make_nett` (did you mean `make_net`?)"),
        ("number", "neither a module nor something to call"),
        ("make_number", "returns a value of type int"),
        ("broken", "raises ValueError: no such depth"),
    ],
)
def test_what_gives_none_is_refused(file: Path, name: str, words: str) -> None:
    assert words in refused(f"{file}:{name}")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("resnet50.pth", "is a pickle"),
        ("weights/model.pt", "is a pickle"),
        ("resnet50", "wants `torchvision:NAME`"),
        ("torchvision:", "wants `torchvision:NAME`"),
        ("keras:resnet50", "wants `torchvision:NAME`"),
        ("nowhere.py:net", "there is no file nowhere.py"),
    ],
)
def test_what_is_no_source_is_refused(source: str, words: str) -> None:
    assert words in refused(source)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nothing_of_that_name", "raises ModuleNotFoundError"),
        ("raise SystemExit(3)", "raises SystemExit: 3"),
    ],
)
def test_a_file_that_raises_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "mymodel.py").write_text(text + "\n")
    assert words in refused(f"{tmp_path}/mymodel.py:net")


def test_a_file_alone_names_what_is_in_it_and_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "mymodel.py"
    path.write_text("def make(): ...\ndef _own(): ...\nclass Net: ...\nraise SystemExit(3)\n")
    assert f"as in `{path}:Net`, `{path}:make`" in refused(str(path))
    path.write_text("def")
    assert f"as in `{path}:make_net`" in refused(str(path))


def test_two_files_of_one_name_are_two(tmp_path: Path) -> None:
    for name, number in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        text = f"from torch import nn\nnet = nn.Conv2d(3, {number}, 1)\n"
        (tmp_path / name / "samename.py").write_text(text)
        assert load(f"{tmp_path}/{name}/samename.py:net").weight.shape[0] == number


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "evil.pth"
    torch.save({"weight": torch.zeros(1)}, path)
    path.write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    assert "`mymodel.py:make_net`" in refused(str(path))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("mymodel.py", "name the module in it, or what makes one, as in `mymodel.py:make_net`"),
        ("mymodel.py:", "it wants `torchvision:NAME`"),
        ("timm:", "or a file that ends in .onnx"),
        ("net.keras", "convert it to ONNX"),
    ],
)
def test_what_is_no_source_says_the_way_out(source: str, words: str) -> None:
    assert words in refused(source)


@pytest.mark.slow
def test_torchvision_s_models_come_without_numbers(torchvision: Any) -> None:
    module = load("torchvision:regnet_y_400mf")
    assert all(parameter.is_meta for parameter in module.parameters())
    assert "did you mean `resnet18`" in refused("torchvision:resnet_18")


def test_a_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    assert "`pip install timm`" in refused("timm:resnet18")


def test_a_library_that_does_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "timm.py").write_text("raise RuntimeError('operator does not exist')\n")
    monkeypatch.delitem(sys.modules, "timm", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert "timm cannot be imported: RuntimeError: operator does not exist" in refused("timm:resnet18")


def refused(source: str) -> str:
    with pytest.raises(Refused) as caught:
        load(source)
    assert {group.code for group in caught.value.groups} == {"E1001"}
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "kind", "name"),
    [
        ("torchvision:resnet50", "ResNet", "ResNet50"),
        ("torchvision:wide_resnet50_2", "ResNet", "WideResNet50_2"),
        ("torchvision:inception_v3", "Inception3", "InceptionV3"),
        ("torchvision:mobilenet_v3_large", "MobileNetV3", "MobileNetV3Large"),
        ("torchvision:squeezenet1_0", "SqueezeNet", "SqueezeNet1_0"),
        ("timm:resnet50.a1_in1k", "ResNet", "ResNet50A1In1k"),
        ("timm:resnext50_32x4d", "ResNet", "Resnext50_32x4d"),
        ("my/net.py:make_resnet50", "ResNet", "ResNet"),
    ],
)
def test_nets_are_called_as_their_libraries_call_them(source: str, kind: str, name: str) -> None:
    assert net_name(source, kind) == name
