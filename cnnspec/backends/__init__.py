"""The back ends: a table of lazy importers. A new one is one file and one row."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from cnnspec.failures import Refusal
from cnnspec.graph.tree import Network
from cnnspec.layers.base import Unsupported

BACKENDS = {"torch": "cnnspec.backends.torch", "numpy": "cnnspec.backends.numpy"}

ONLY = {"inference": "numpy", "plain": "numpy", "explicit": "torch"}
"""Options that one back end alone has."""


class NoProgram(Exception):
    """What a back end has written is no program: a fault of cnnspec, whatever the network is."""


def emit(backend: str, network: Network, source: str, **options: bool) -> str:
    """The text of the program that a back end writes for a network; `source` names the specification.

    Python has compiled the text, so that it is a program. Raises NoProgram where Python cannot,
    Refusal where the back end has no form of a layer, or of an argument that it is given.
    """
    write: Callable[..., str] = import_module(BACKENDS[backend]).emit
    try:
        text = write(network, source, **options)
    except Unsupported as lack:
        raise Refusal(refused(backend, network, lack)) from lack
    try:
        compile(text, f"{backend} program", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        raise NoProgram(f"what was written for {backend} is no Python: {problem}") from problem
    return text


def refused(backend: str, network: Network, lack: Unsupported) -> str:
    """What a back end lacks, at the first layer of that name."""
    from cnnspec.analysis.unroll import unroll

    spans = [node.span for node in unroll(network).nodes if node.layer.name == lack.layer]
    place = f"{spans[0].source.name}:{spans[0].line}: " if spans else ""
    return f"{place}the {backend} back end has no {lack.words}"
