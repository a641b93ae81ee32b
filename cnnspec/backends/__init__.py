"""The back ends: a table of lazy importers. A new one is one file and one row."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from cnnspec.graph import Network

BACKENDS = {"torch": "cnnspec.backends.torch", "numpy": "cnnspec.backends.numpy"}


def emit(backend: str, network: Network, source: str, **options: bool) -> str:
    """The text of the program that a back end writes for a network; `source` names the specification."""
    write: Callable[..., str] = import_module(BACKENDS[backend]).emit
    return write(network, source, **options)
