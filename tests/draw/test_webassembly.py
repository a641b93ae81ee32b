"""Graphviz's machine code: kept by its version, replaced where it is not what it should be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnspec.draw.graph import webassembly
from cnnspec.draw.graph.webassembly import Graphviz
from cnnspec.text import cache

pytestmark = pytest.mark.slow  # compiling takes a second

GRAPH = "digraph { a -> b }"


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A user whose cache is empty, and a process that has loaded nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    webassembly.load.cache_clear()
    yield
    webassembly.load.cache_clear()


def compilations(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Fills with what is compiled from now on."""
    found: list[bytes] = []
    compiler = webassembly.Module

    class Counting(compiler):
        def __init__(self, engine: object, source: bytes) -> None:
            found.append(source)
            super().__init__(engine, source)

    monkeypatch.setattr(webassembly, "Module", Counting)
    return found


def draw_anew() -> str:
    webassembly.load.cache_clear()
    return Graphviz().draw(GRAPH)


def test_it_is_compiled_once_a_user_and_again_when_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = compilations(monkeypatch)
    first = draw_anew()
    assert "<svg" in first
    assert draw_anew() == first
    assert Graphviz().draw(GRAPH) == first
    assert len(compiled) == 1
    stamp = (cache.load(webassembly.NAME) or b"")[: webassembly.STAMP]
    cache.keep(webassembly.NAME, stamp + b"not machine code")
    assert draw_anew() == first
    assert len(compiled) == 2
    monkeypatch.setattr(webassembly, "version", lambda: "another")
    assert draw_anew() == first
    assert len(compiled) == 3
    assert draw_anew() == first
    assert len(compiled) == 3
