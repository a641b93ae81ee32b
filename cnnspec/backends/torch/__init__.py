"""PyTorch source from a checked network: unify, solve, print.

unify/ lines up the steps of a block's instances, as columns; solve/ decides as data what each class takes,
holds and does; print/ makes lines of it, once. emitter.py is the way through them, signatures.py what a call
may leave unsaid; modules/ holds what PyTorch has no module for: it is copied out, never imported.
"""

from cnnspec.backends.torch.emitter import emit

__all__ = ["emit"]
