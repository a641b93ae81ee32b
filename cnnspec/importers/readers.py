"""The readers: a table of what can be imported. A new one is one file and one row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cnnspec.importers.model import Model
from cnnspec.values.shapes import Shape

if TYPE_CHECKING:
    from cnnspec.importers.reading.arrays import Array


class Loaded(Protocol):
    """A network as its source keeps it. `name` is what its net is called where the user says nothing."""

    @property
    def name(self) -> str: ...

    def read(self, inputs: Sequence[Shape], name: str) -> Model:
        """Make the model of it, called `name`.

        `inputs` are the shapes that the user gives; without any, the source's own ones hold, or one image
        of 3@224x224. Raises Refused.
        """

    def weights(self, keys: Sequence[str]) -> dict[str, Array]:
        """Return the tensors under these keys of the model. Raises Refused where the source has none."""


READERS = {
    "": "cnnspec.importers.torch.loaded",
    ".onnx": "cnnspec.importers.onnx.loaded",
    ".prototxt": "cnnspec.importers.caffe.loaded",
    ".cfg": "cnnspec.importers.darknet.loaded",
}
"""Modules with `load(source, weights, until) -> Loaded`, by the suffix of the source; "" for all others."""


def load(source: str, weights: str = "", until: str = "") -> Loaded:
    """Open a source, its weights in a file of their own where it keeps them apart. Raises Refused.

    `until` names a layer where the source lists its layers: those before it are the network.
    """
    reader = import_module(READERS.get(Path(source).suffix.lower(), READERS[""]))
    opened: Callable[[str, str, str], Loaded] = reader.load
    return opened(source, weights, until)
