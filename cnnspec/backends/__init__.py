"""The back ends: a table of lazy importers. A new one is one file and one row."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from cnnspec.graph import Network

BACKENDS = {"torch": "cnnspec.backends.torch", "numpy": "cnnspec.backends.numpy"}


class NoProgram(Exception):
    """What a back end has written is no program: a fault of cnnspec, whatever the network is."""


def emit(backend: str, network: Network, source: str, **options: bool) -> str:
    """The text of the program that a back end writes for a network; `source` names the specification.

    Python has compiled the text, so that it is a program. Raises NoProgram where Python cannot.
    """
    write: Callable[..., str] = import_module(BACKENDS[backend]).emit
    text = write(network, source, **options)
    try:
        compile(text, f"{backend} program", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        raise NoProgram(f"what was written for {backend} is no Python: {problem}") from problem
    return text
