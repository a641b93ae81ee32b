"""What an emitted file leaves unsaid is what PyTorch, or a definition of the file itself, takes by itself."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from click.testing import CliRunner
from torch import nn

from cnnspec.backends import emit
from cnnspec.backends.torch.signatures import AS_KERNEL, DICT_METHODS, SIGNATURES
from cnnspec.commands.cli import main
from tests.backends.interpreter import load
from tests.layers.instantiate import HELPERS
from tests.nets import network


def class_of(name: str) -> Any:
    return getattr(nn, name.removeprefix("nn.")) if name.startswith("nn.") else getattr(HELPERS, name)


def parameters(name: str) -> dict[str, inspect.Parameter]:
    """The arguments of a class; those of the class beneath, where it hands them on."""
    cls = class_of(name)
    found: dict[str, inspect.Parameter] = {}
    for base in reversed(cls.__mro__[: 2 if "PackedConv2d" in name else 1]):
        found |= inspect.signature(base).parameters
    return found


def test_a_dict_of_modules_has_no_more_methods_than_we_know() -> None:
    assert {name for name in {*dir(nn.ModuleDict)} - {*dir(nn.Module)} if name[0] != "_"} == DICT_METHODS


@pytest.mark.parametrize("name", SIGNATURES)
def test_our_defaults_are_pytorchs(name: str) -> None:
    theirs = parameters(name)
    for argument, default in SIGNATURES[name].defaults.items():
        if default is AS_KERNEL:
            assert theirs[argument].default is None
            pads = {"padding": (0, 1, 0, 1)} if name.startswith("Padded") else {}
            assert class_of(name)(3, **pads).stride == 3
        else:
            assert type(theirs[argument].default) is type(default)
            assert theirs[argument].default == default


@pytest.mark.parametrize("name", [name for name, each in SIGNATURES.items() if each.positional])
def test_an_argument_in_its_place_is_that_argument(name: str) -> None:
    theirs = [each for each in parameters(name) if each not in ("args", "sizes", "options", "activation")]
    (place,) = SIGNATURES[name].positional
    behind = ["in_channels", "out_channels"] if "Conv" in name else []
    assert theirs[: len(behind) + 1] == [*behind, place]


SPEC = """
block B(width, stride=1) { conv width@3x3 stride=stride pad=1, batchnorm, maxpool 2x2 stride=stride }
net N { input 3@16x16\n B 4, B 8 stride=2
  conv 4@1x1, leakyrelu, dropout, maxpool 2x2, flatten, linear 5 }"""


def test_explicit_says_everything_and_means_the_same() -> None:
    brief, full = (emit("torch", network(SPEC), "n.cnn", explicit=explicit) for explicit in (False, True))
    assert "nn.Conv2d(8, 4, 1)" in brief and "nn.MaxPool2d(2)" in brief
    assert "padding_mode" not in brief and "eps" not in brief
    assert full.count('padding_mode="zeros"') == 2 and "eps=1e-05" in full and "negative_slope=0.01" in full
    models = [load(text).N() for text in (brief, full)]
    described = [[(name, repr(each)) for name, each in model.named_modules()] for model in models]
    assert described[0] == described[1]


def test_explicit_is_for_pytorch() -> None:
    found = CliRunner().invoke(main, ["build", "specs/lenet.cnn", "--backend", "numpy", "--explicit"])
    assert found.exit_code == 2 and "--explicit is for --backend torch" in found.stderr
    found = CliRunner().invoke(main, ["build", "specs/lenet.cnn", "--explicit"])
    assert found.exit_code == 0 and "dilation=1" in found.stdout
