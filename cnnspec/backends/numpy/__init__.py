"""NumPy source from a checked network.

program.py frames the file and writes the net's table of layers; lowering.py says which kernel a layer is;
sources.py finds the definitions that a file needs. kernels/ holds them: real functions, tested here, which
are copied out and never imported when a file is built.
"""

from cnnspec.backends.numpy.program import emit

__all__ = ["emit"]
