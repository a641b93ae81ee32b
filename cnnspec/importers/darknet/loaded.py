"""A .cfg as a source, with the .weights that has its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnnspec.importers.darknet.cfg import parse
from cnnspec.importers.darknet.net import DarknetNet, Tensor
from cnnspec.importers.darknet.read import read
from cnnspec.importers.model import Model
from cnnspec.importers.reading.text_files import read_text
from cnnspec.importers.refusals import Refusal, Refused
from cnnspec.importers.wording.names import from_file
from cnnspec.values.shapes import Shape

if TYPE_CHECKING:
    from cnnspec.importers.reading.arrays import Array


class LoadedCfg:
    """A net as its file describes it. `name` is the file's: a .cfg has none."""

    def __init__(self, path: Path, weights: str, until: str) -> None:
        self.path, self.file, self.until = path, weights, until
        self.text = read_text(path)
        self.name = from_file(path.stem)
        self.tensors: list[Tensor] = []

    def read(self, inputs: Sequence[Shape], name: str) -> Model:
        net = DarknetNet(self.path.name)
        model = read(net, parse(self.path.name, self.text), inputs, name, self.until)
        self.tensors = net.tensors
        return model

    def weights(self, keys: Sequence[str]) -> dict[str, Array]:
        """The tensors under these keys. Raises Refused where the .weights has not so many numbers."""
        import numpy as np

        from cnnspec.importers.darknet import weights

        if not self.file:
            raise Refused([Refusal("E1001", "the weights are in a .weights: name it as the second file")])
        found = weights.read(Path(self.file), self.tensors, bool(self.until))
        # How many batches there were, Darknet does not say.
        return {key: found.get(key, np.zeros((), np.int64)) for key in keys}


def load(source: str, weights: str, until: str) -> LoadedCfg:
    """The net of a .cfg. Raises Refused."""
    return LoadedCfg(Path(source), weights, until)
