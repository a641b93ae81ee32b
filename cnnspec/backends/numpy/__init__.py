"""NumPy source from a checked network.

lowering.py says which kernel a layer is; program.py frames the fast program and writes the net's table of
layers; plain.py frames the plain one, which plain_forward.py and plain_training.py write out line by line;
kernel_sources.py finds the definitions that a file needs. kernels/ holds them, short/ what plain programs
have in their place: real functions, tested here, which are copied out and never imported when a file is
built.
"""

from __future__ import annotations

from cnnspec.backends.numpy import plain as plain_program
from cnnspec.backends.numpy import program
from cnnspec.graph.tree import Network


def emit(network: Network, source: str, plain: bool = False, **options: bool) -> str:
    """The file for a network: the fast program, or the plain one; `options` are those of their own."""
    return (
        plain_program.emit(network, source, **options) if plain else program.emit(network, source, **options)
    )
