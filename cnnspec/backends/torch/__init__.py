"""PyTorch source from a checked network: unify, solve, print.

braces.py makes blocks of labelled braces that no nn.Sequential can run; unify.py finds which steps of a
block's instances belong together, and which instances share a class; solve/ decides as data what each class
holds and does, its constructor and its forward as two walks over one body; print/ makes lines of it, once.
program.py is the way through them. steps.py is what they ask of the tree, signatures.py what a call may leave
unsaid; modules/ holds what PyTorch has no module for: it is copied out, never imported.
"""

from cnnspec.backends.torch.program import emit

__all__ = ["emit"]
