"""PyTorch source from a checked network.

program.py frames the file and its classes; structure.py says which class stands for what, align.py which
steps of its uses belong together; construct.py writes constructors, forward.py the wiring, on statements.py
and variables.py, which know what every variable holds; columns.py, roots.py and loops.py find the expression
for what differs from use to use; signatures.py knows what a call may leave unsaid.
modules.py holds what PyTorch has no module for: it is copied out, never imported.
"""

from cnnspec.backends.torch.program import emit

__all__ = ["emit"]
