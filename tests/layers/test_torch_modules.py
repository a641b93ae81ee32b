"""The definitions that emitted files copy: each stands alone, is typed, and keeps to 88 columns."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnspec.backends.torch import modules as torch_modules
from cnnspec.backends.torch.solve.classes import PACKED
from cnnspec.layers.base import Call
from tests.layers.instantiate import MODULES, make

PATH = Path(str(torch_modules.__file__))
TEXT = PATH.read_text("utf-8")
DEFINITIONS = [node for node in ast.parse(TEXT).body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
GIVEN = {"torch": torch, "F": F, "Tensor": Tensor, "nn": nn}


def named(call: object) -> set[str]:
    """The helpers that a Call names."""
    if not isinstance(call, Call):
        return set()
    inner = set().union(*map(named, call.args), *map(named, call.kwargs.values()))
    return inner if "." in call.name else inner | {call.name}


def names_read(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


@pytest.mark.parametrize("node", DEFINITIONS, ids=lambda node: node.name)
def test_a_definition_stands_alone(node: ast.ClassDef | ast.FunctionDef) -> None:
    others = {other.name for other in DEFINITIONS} & names_read(node) - {node.name}
    text = "\n\n".join(
        ast.get_source_segment(TEXT, n) or "" for n in DEFINITIONS if n.name in {*others, node.name}
    )
    space: dict[str, object] = dict(GIVEN)
    exec(text, space)  # without postponed annotations: they too must be there
    assert ast.get_docstring(node)
    assert node.name in space


def test_definitions_are_in_order_and_all_are_used() -> None:
    names = [node.name for node in DEFINITIONS]
    classes = [node.name for node in DEFINITIONS if isinstance(node, ast.ClassDef)]
    assert names == sorted(classes) + sorted(set(names) - set(classes))
    called = set().union(*(named(make(name, **arguments).torch(x)) for name, arguments, x in MODULES))
    called |= {PACKED, "crop"}  # a pass packs weights; a crop may follow a map
    read = set().union(*map(names_read, DEFINITIONS))
    assert set(names) == called | (read & set(names))


def test_layout_and_types_are_an_experts() -> None:
    def ruff(*options: str) -> int:
        command = [sys.executable, "-m", "ruff", *options, "--isolated", "--line-length", "88", str(PATH)]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert ruff("format", "--check") == 0
    assert ruff("check", "--extend-ignore", "E501") == 0


@pytest.mark.slow
def test_the_package_never_imports_it() -> None:
    for path in PATH.parents[2].rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                assert all(name.name != "cnnspec.backends.torch.modules" for name in node.names), path
            if isinstance(node, ast.ImportFrom):
                whole = [f"{node.module}.{name.name}" for name in node.names]
                assert node.module != "cnnspec.backends.torch.modules", path
                assert "cnnspec.backends.torch.modules" not in whole, path
