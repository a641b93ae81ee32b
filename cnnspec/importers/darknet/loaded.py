"""A .cfg as a source, with the .weights that has its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnnspec.importers.darknet.cfg import parse
from cnnspec.importers.darknet.net import DarknetNet, WeightSlot
from cnnspec.importers.darknet.read import read
from cnnspec.importers.model import Model
from cnnspec.importers.reading.text_files import LoadedText
from cnnspec.importers.wording.free_names import from_file
from cnnspec.values.shapes import Shape

if TYPE_CHECKING:
    from cnnspec.importers.reading.arrays import Array


class LoadedCfg(LoadedText):
    """A net as its file describes it. `name` is the file's: a .cfg has none."""

    suffix = ".weights"

    def __init__(self, source: str, weights: str, until: str) -> None:
        super().__init__(source, weights, until)
        self.name = from_file(self.path.stem)
        self.slots: list[WeightSlot] = []

    def read(self, inputs: Sequence[Shape], name: str) -> Model:
        net = DarknetNet(self.path.name)
        model = read(net, parse(self.path.name, self.text), inputs, name, self.until)
        self.slots = net.slots
        return model

    def read_weights(self, path: Path, keys: Sequence[str]) -> dict[str, Array]:
        from cnnspec.importers.darknet import weights

        return weights.read(path, self.slots, bool(self.until))


load = LoadedCfg
