"""Names that the emitted modules cannot have, against PyTorch itself."""

from __future__ import annotations

import pytest
from torch import nn

from cnnspec.compiler import check_text
from cnnspec.elaborate.naming import TAKEN, carries


def test_the_list_of_taken_names_is_torchs() -> None:
    own = {name for module in (nn.Module(), nn.Sequential()) for name in dir(module)}
    missing = {name for name in own if not name.startswith("__")} - TAKEN
    assert not missing


@pytest.mark.parametrize("name", ["forward", "training", "parameters", "_modules", "append", "__init__"])
def test_a_taken_name_is_refused_with_a_free_one(name: str) -> None:
    text = f"net N {{ input 1@4x4\n {name}: conv 2@1x1 }}"
    (fault,) = check_text(text).diagnostics
    assert fault.code == "E0208"
    fix = fault.fixes[0].edits[0]
    mended = text[: fix.span.start] + fix.text + text[fix.span.end :]
    assert not check_text(mended).diagnostics


def test_ordinary_names_are_carried() -> None:
    assert all(map(carries, ["conv1", "class", "print", "layer_1", "features", "0", "x y", "self"]))
