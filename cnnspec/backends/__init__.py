"""The back ends: tables of lazy importers. A new one is one module and one row."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from cnnspec.failures import Refusal
from cnnspec.graph.tree import Network
from cnnspec.layers.base import Unsupported

PROGRAMS = {"torch": "cnnspec.backends.torch", "numpy": "cnnspec.backends.numpy"}
"""They write Python, as text: `emit(network, source) -> str`."""

MODELS = {"onnx": "cnnspec.backends.onnx"}
"""They write a file of bytes: `emit(network, source) -> bytes`; `check(product)` raises NoProgram."""

BACKENDS = PROGRAMS | MODELS

ONLY = {
    "inference": "numpy",
    "plain": "numpy",
    "explicit": "torch",
    "weights": "onnx",
    "opset": "onnx",
    "functions": "onnx",
    "free_size": "onnx",
}
"""Options that one back end alone has."""


class NoProgram(Exception):
    """What a back end has written is no program, or no model: a fault of cnnspec, whatever the network is."""


def emit(backend: str, network: Network, source: str, **options: Any) -> str | bytes:
    """What a back end writes for a network: the text of a program, or the bytes of a model.

    `source` names the specification. A program has been compiled by Python, a model checked by its back end.
    Raises NoProgram where that fails, Refusal where the back end has no form of a layer, or of an argument
    that it is given, ImportError where it needs a package that is not installed.
    """
    module = import_module(BACKENDS[backend])
    try:
        made: str | bytes = module.emit(network, source, **options)
    except Unsupported as lack:
        raise Refusal(refused(backend, network, lack)) from lack
    if backend in MODELS:
        module.check(made)
    else:
        check_python(backend, made)
    return made


def check_python(backend: str, text: str | bytes) -> None:
    """Raises NoProgram where Python cannot compile a program."""
    try:
        # without dont_inherit the __future__ import of this file would hold for the program, too
        compile(text, f"{backend} program", "exec", dont_inherit=True)
    # What is nested too deeply ends in RecursionError or, in Python's parser, in MemoryError. A null byte was
    # a ValueError before it became a SyntaxError.
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        raise NoProgram(f"what was written for {backend} is no Python: {problem}") from problem


def refused(backend: str, network: Network, lack: Unsupported) -> str:
    """What a back end lacks, at the first layer of that name."""
    from cnnspec.analysis.unroll import unroll

    spans = [node.span for node in unroll(network).nodes if node.layer.name == lack.layer]
    place = f"{spans[0].source.name}:{spans[0].line}: " if spans else ""
    return f"{place}the {backend} back end has no {lack.words}"
