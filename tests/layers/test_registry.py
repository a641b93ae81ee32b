"""The table of layers, and what every layer declares of itself."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from cnnspec.faults.reference import KINDS
from cnnspec.layers import FAMILIES, NAMES, find
from cnnspec.layers.base import Layer


def layer(name: str) -> type[Layer]:
    cls = find(name)
    assert cls is not None
    return cls


@pytest.mark.parametrize("family", FAMILIES)
def test_the_table_lists_what_the_modules_define(family: str) -> None:
    module = import_module(f"cnnspec.layers.{family}")
    defined = [
        cls.name
        for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, Layer) and cls.name and cls.__module__ == module.__name__
    ]
    assert sorted(defined) == sorted(FAMILIES[family])


def test_every_module_with_layers_is_a_family() -> None:
    known: set[type[Layer]] = {layer(name) for name in NAMES}
    waiting, found = [Layer], set()
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        if cls.name and cls.__module__.startswith("cnnspec."):
            found.add(cls)
    assert found == known


def test_there_is_no_layer_of_another_name() -> None:
    assert find("Conv") is None
    assert find("conv2d") is None
    assert find("") is None


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_says_what_it_is(name: str) -> None:
    cls = layer(name)
    assert cls.name == name
    assert cls.__doc__
    assert cls.summary
    assert cls.summary[-1] != "."
    assert cls.example.startswith(name)
    assert set(cls.positional) <= set(cls.arguments)
    for argument, declared in cls.arguments.items():
        assert declared.kind in KINDS, argument
        assert declared.doc, argument
        assert declared.doc[0] != " "
        assert declared.doc[-1] != "."
        assert (declared.kind == "word") <= bool(declared.choices)
        if declared.kind == "word" and not declared.required:
            assert declared.default in declared.choices


BARE = [name for name in NAMES if not any(a.required for a in layer(name).arguments.values())]


@pytest.mark.parametrize("name", sorted({*BARE} - {"upsample", "crop"}))
def test_defaults_are_values_that_may_be_given(name: str) -> None:
    cls = layer(name)
    bare = cls()
    again = cls(**{argument: bare.value(argument) for argument in cls.arguments})
    assert vars(bare) == vars(again)


def test_finding_a_layer_loads_its_family_alone() -> None:
    code = (
        "import sys; from cnnspec.layers import find; find('relu');"
        "bad = {'numpy', 'torch', 'dataclasses', 'inspect'} & set(sys.modules);"
        "loaded = sorted(m for m in sys.modules if m.startswith('cnnspec.layers.'));"
        "print(sorted(bad), loaded)"
    )
    shown = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True
    ).stdout
    own = [f"cnnspec.layers.{name}" for name in ("activation", "base", "size_formulas", "windows")]
    assert shown.strip() == f"[] {own}"
