"""A checked network in one line, and as the layers of the JSON report."""

from __future__ import annotations

from typing import Any

from cnnspec.analysis.costs import costs
from cnnspec.graph.tree import Network


def line(path: str, network: Network) -> str:
    """`lenet.cnn: LeNet5 ok, 1@28x28 -> 10, 61,706 parameters, 416,520 MACs`."""
    return f"{path}: {network.name} ok, {figures(network)}"


def figures(network: Network) -> str:
    """`1@28x28 -> 10, 61,706 parameters, 416,520 MACs`."""
    total = costs(network)
    return f"{network.sizes}, {total.params:,} parameters, {total.macs:,} MACs"


def listing(path: str, networks: tuple[Network, ...]) -> dict[str, Any]:
    """A file's entry in the JSON report."""
    return {"path": path, "networks": [network_entry(network) for network in networks]}


def network_entry(network: Network) -> dict[str, Any]:
    from cnnspec.analysis.unroll import unroll
    from cnnspec.tables.layer_info import layers

    graph, total = unroll(network), costs(network)
    shapes = graph.shapes
    return {
        "name": network.name,
        "inputs": [{"name": name, "shape": shape.dimensions} for name, shape in graph.inputs],
        "outputs": [{"name": name, "shape": shapes[at].dimensions} for name, at, _ in graph.outputs],
        "params": total.params,
        "buffers": total.buffers,
        "macs": total.macs,
        "layers": [
            info._asdict() | {"inputs": list(info.inputs), "output": info.output.dimensions}
            for info in layers(network)
        ],
    }
