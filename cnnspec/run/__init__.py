"""Images through a net: read and prepared, run, named as classes, shown layer by layer."""

from __future__ import annotations


class RunProblem(Exception):
    """An image, weights or labels that cannot be used: the call is wrong. The message is one line."""
