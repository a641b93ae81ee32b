"""Rows consume what they are given: an argument that a row names and does not use would be lost."""

from __future__ import annotations

import ast
import inspect
import textwrap

import pytest

pytest.importorskip("torch")

from cnnspec.importers.torch.lower import FAMILIES, TABLE


def test_no_two_families_have_a_row_of_one_name() -> None:
    assert len(TABLE) == sum(len(family.ROWS) for family in FAMILIES)


@pytest.mark.parametrize("name", TABLE)
def test_a_row_uses_every_argument_that_it_names(name: str) -> None:
    row = TABLE[name]
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(row))).body
    used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    _, *parameters = (node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg))
    assert set(parameters) <= used
