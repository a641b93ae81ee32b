"""ONNX's external data: tensors in a file of their own, beside a model that says where they lie in it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnspec import __version__
from cnnspec.backends.onnx.body import Array
from cnnspec.text.output import MARK

ALIGNED = 4096
"""A tensor begins at a multiple of so many bytes, so that it can be mapped into memory."""


class Store:
    """The tensors of a model that is too large for one file; `name` is the file's, without its folder."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.head = f"# data: {MARK} {__version__} from {name}\n".encode()
        self.size = len(self.head)
        self.parts: list[tuple[int, Array]] = []

    def add(self, numbers: Array) -> dict[str, str]:
        """Where a tensor of float32 will lie, in the words of ONNX."""
        # 5000 bytes so far: the next multiple of 4096 is 8192.
        start = -(-self.size // ALIGNED) * ALIGNED
        self.parts.append((start, numbers))
        self.size = start + 4 * numbers.size
        return {"location": self.name, "offset": str(start), "length": str(4 * numbers.size)}

    def content(self) -> Iterator[bytes]:
        """The file's bytes, a tensor at a time."""
        yield self.head
        end = len(self.head)
        for start, numbers in self.parts:
            made = np.asarray(numbers, "<f4").tobytes()
            yield bytes(start - end)
            yield made
            end = start + len(made)
