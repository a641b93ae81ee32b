"""An ONNX file as a source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnnspec.importers.refusals import refused
from cnnspec.importers.wording.free_names import from_file
from cnnspec.values.shapes import Shape

if TYPE_CHECKING:
    from onnx import ModelProto

    from cnnspec.importers.model import Model
    from cnnspec.importers.onnx.net import WeightArray
    from cnnspec.importers.reading.arrays import Array


class LoadedFile:
    """A file, and what its net is called: as the file."""

    def __init__(self, path: Path, model: ModelProto) -> None:
        self.path, self.model = path, model
        self.name = from_file(path.stem)
        self.tensors: dict[str, WeightArray] = {}

    def read(self, inputs: Sequence[Shape], name: str) -> Model:
        from cnnspec.importers.onnx.read import read

        graph = read(self.model, self.path.parent, inputs, name)
        self.tensors = graph.tensors
        return graph.model

    def weights(self, keys: Sequence[str]) -> dict[str, Array]:
        """The tensors of the model that was read, laid out as PyTorch has them."""
        return {key: np.ascontiguousarray(self.tensors[key].array) for key in keys}


def load(source: str, weights: str, until: str) -> LoadedFile:
    """The network of a file. Raises Refused."""
    if until:
        raise refused(f"an ONNX file lists no layers, to end before `{until}`")
    if weights:
        raise refused(f"an ONNX file holds its own weights, and `{weights}` is not read")
    from cnnspec.importers.onnx.model_file import open_model

    return LoadedFile(Path(source), open_model(Path(source)))
