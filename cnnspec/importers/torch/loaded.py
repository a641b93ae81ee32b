"""A module of PyTorch as a source: named by the user, read by running it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cnnspec.importers.model import Model
from cnnspec.importers.refusals import refused
from cnnspec.importers.torch import sources
from cnnspec.values.shapes import Shape

if TYPE_CHECKING:
    from torch import nn

    from cnnspec.importers.reading.arrays import Array

IMAGE = Shape(3, 224, 224)


class LoadedModule(NamedTuple):
    """A module, and what its net is called."""

    module: nn.Module
    name: str

    def read(self, inputs: Sequence[Shape], name: str) -> Model:
        from cnnspec.importers.torch.read import read

        return read(self.module, inputs or [IMAGE], name)

    def weights(self, keys: Sequence[str]) -> dict[str, Array]:
        """The tensors of its state_dict. Raises Refused where it was made without numbers."""
        state = self.module.state_dict()
        if any(state[key].is_meta for key in keys):
            raise refused("what is imported has no weights of its own")
        return {key: state[key].detach().cpu().numpy() for key in keys}


def load(source: str, weights: str, until: str) -> LoadedModule:
    """The module that a source names. Raises Refused."""
    if until:
        raise refused(f"a module is no list of layers that could end before `{until}`")
    if weights:
        raise refused(f"a module keeps its own weights, and `{weights}` is not read")
    module = sources.load(source)
    return LoadedModule(module, sources.net_name(source, type(module).__name__))
