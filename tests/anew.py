"""Modules that a test imports anew; afterwards the package has its own back, as values and as attributes."""

from __future__ import annotations

import sys

import pytest


def import_anew(names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in names:
        parent, _, child = name.rpartition(".")
        monkeypatch.setattr(sys.modules[parent], child, sys.modules[name])
        monkeypatch.delitem(sys.modules, name)
