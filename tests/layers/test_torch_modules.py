"""The definitions that emitted files copy: each stands alone, is typed, and keeps to 88 columns."""

from __future__ import annotations

import ast
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnspec.backends.torch import modules
from cnnspec.layers.base import Construction
from cnnspec.layers.pool import MaxUnpool
from tests.layers.instantiate import MODULES, make

FOLDER = Path(str(modules.__file__)).parent
FILES = {
    path: [
        node
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
    ]
    for path in sorted(FOLDER.glob("*.py"))
}
DEFINITIONS = {node.name: (node, path.read_text("utf-8")) for path, nodes in FILES.items() for node in nodes}
GIVEN = {"math": math, "torch": torch, "F": F, "Tensor": Tensor, "nn": nn}


def named(call: object) -> set[str]:
    """The helpers that a Construction names."""
    if not isinstance(call, Construction):
        return set()
    inner = set().union(*map(named, call.args), *map(named, call.kwargs.values()))
    return inner if "." in call.name else inner | {call.name}


def names_read(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_stands_alone(name: str) -> None:
    node, _ = DEFINITIONS[name]
    others = DEFINITIONS.keys() & names_read(node) - {name}
    text = "\n\n".join(
        ast.get_source_segment(DEFINITIONS[n][1], DEFINITIONS[n][0]) or "" for n in [*others, name]
    )
    space: dict[str, object] = dict(GIVEN)
    exec(text, space)  # without postponed annotations: they too must be there
    assert ast.get_docstring(node)
    assert name in space


def test_definitions_are_in_order_and_all_are_used() -> None:
    for nodes in FILES.values():
        assert [node.name for node in nodes] == sorted(node.name for node in nodes)
        assert all(node.name[0].isupper() is isinstance(node, ast.ClassDef) for node in nodes)
    called = set().union(*(named(make(name, **arguments).torch(x)) for name, arguments, x in MODULES))
    called |= {"PackedConv2d", "crop", MaxUnpool.function}  # a pass packs weights; a crop follows a map
    read = set().union(*(names_read(node) for node, _ in DEFINITIONS.values()))
    assert DEFINITIONS.keys() == called | (read & DEFINITIONS.keys())
    assert sum(map(len, FILES.values())) == len(DEFINITIONS)


def test_layout_and_types_are_an_experts() -> None:
    def ruff(*options: str) -> int:
        command = [sys.executable, "-m", "ruff", *options, "--isolated", "--line-length", "88", str(FOLDER)]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert ruff("format", "--check") == 0
    assert ruff("check", "--extend-ignore", "E501") == 0


@pytest.mark.slow
def test_the_package_never_imports_it() -> None:
    readers = FOLDER.parents[2] / "importers"  # know the modules of emitted programs by their code
    for path in set(FOLDER.parents[2].rglob("*.py")) - set(readers.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                assert not any("backends.torch.modules" in name.name for name in node.names), path
            if isinstance(node, ast.ImportFrom):
                whole = [f"{node.module}.{name.name}" for name in node.names]
                assert not any("backends.torch.modules" in name for name in whole), path
