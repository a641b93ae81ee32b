"""Whether the weights of one network load into another, by their keys in PyTorch's `state_dict`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cnnspec.analysis.unroll import Graph


class StateTensor(NamedTuple):
    """A tensor: `owner` is the layer that it belongs to, `name` what it is there."""

    owner: str
    name: str
    shape: tuple[int, ...]


class StateTensors(NamedTuple):
    """What becomes of the tensors of the first network, by their keys, when the second loads them.

    Those that do not load stand in one list each, for the first reason that holds: under this key is another
    shape; or another layer, of the same shape, which would load them; the layer has another key; it is gone.
    `new` are the keys that the second network has beyond these.
    """

    before: int
    after: int
    loads: tuple[str, ...]
    reshaped: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]
    misplaced: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    lost: tuple[str, ...]
    new: tuple[str, ...]


def keys(graph: Graph) -> dict[str, StateTensor]:
    """All tensors, shared ones once."""
    return {
        key: StateTensor(node.path, weight.name, tuple(map(int, weight.shape)))
        for node in graph.nodes
        if not node.shared
        for key, weight in node.by_key.items()
    }


def tensors(before: Graph, after: Graph, names: Mapping[str, str]) -> StateTensors:
    """Compare the keys; `names` are the later names of layers that both have."""
    one, two = keys(before), keys(after)
    # ("stem.0", "weight") -> ("stem.0.weight", (64, 3, 7, 7)): where a layer's tensor lies in the second net.
    homes = {(tensor.owner, tensor.name): (key, tensor.shape) for key, tensor in two.items()}
    loads, reshaped, misplaced, renamed, lost = [], [], [], [], []
    for key, tensor in one.items():
        there = two.get(key)
        home = homes.get((names.get(tensor.owner, ""), tensor.name))
        if there is not None and there.shape != tensor.shape:
            reshaped.append((key, tensor.shape, there.shape))
        elif home == (key, tensor.shape):
            loads.append(key)
        # Under its key lies another layer of the same shape: it would load, and mean something else.
        elif there is not None:
            misplaced.append(key)
        elif home is not None and home[1] == tensor.shape:
            renamed.append((key, home[0]))
        else:
            lost.append(key)
    known = one.keys() | {key for _, key in renamed}
    new = tuple(key for key in two if key not in known)
    return StateTensors(
        len(one), len(two), tuple(loads), tuple(reshaped), tuple(misplaced), tuple(renamed), tuple(lost), new
    )
