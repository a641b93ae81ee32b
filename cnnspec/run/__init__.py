"""Images through a net: read and prepared, run, named as classes, shown layer by layer."""

from __future__ import annotations


class RunProblem(Exception):
    """An image, a matrix, weights or labels that cannot be used, in one line."""


class OtherShape(RunProblem):
    """A matrix of another shape than the net's input, which could be given that `shape`: `1@5x5`."""

    def __init__(self, words: str, shape: str) -> None:
        super().__init__(words)
        self.shape = shape
