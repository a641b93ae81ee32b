"""The readers: a table of what can be imported. A new one is one file and one row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from cnnspec.importers.model import Model
from cnnspec.values.shapes import Shape


class Reader(NamedTuple):
    """Modules of this package that load a source and read what was loaded.

    `load(source)` gives what the source names, and `net_name(source, kind)` what a net of that class is
    called then; `read(loaded, inputs, name)` makes the model of it. Loading and reading raise Refused.
    """

    loads: str
    reads: str

    def load(self, source: str) -> Any:
        return import_module(self.loads).load(source)

    def name_of(self, source: str, loaded: Any) -> str:
        name: str = import_module(self.loads).net_name(source, type(loaded).__name__)
        return name

    def read(self, loaded: Any, inputs: Sequence[Shape], name: str) -> Model:
        read: Callable[..., Model] = import_module(self.reads).read
        return read(loaded, inputs, name)


TORCH = Reader("cnnspec.importers.torch.sources", "cnnspec.importers.torch.read")

READERS: dict[str, Reader] = {"": TORCH}
"""By the suffix of the source; "" for all others."""


def reader_of(source: str) -> Reader:
    suffix = source.rpartition(".")[2] if "." in source else ""
    return READERS.get(f".{suffix}", READERS[""])
