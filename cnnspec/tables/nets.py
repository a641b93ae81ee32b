"""Nets below each other: a row each, with what it takes, makes and costs."""

from __future__ import annotations

from collections.abc import Sequence

from cnnspec.analysis.costs import costs
from cnnspec.analysis.memory import peak
from cnnspec.analysis.unroll import unroll
from cnnspec.graph.tree import Network
from cnnspec.tables.columns import number
from cnnspec.tables.grid import Cell, Grid
from cnnspec.tables.rows import FLOAT

HEADS = ["net", "sizes", "parameters", "MACs", "peak MiB"]
NOTES = (
    "Parameters are the trained ones; MACs: multiply-accumulates of convolutions and linear layers alone,",
    "for one image in evaluation; peak: the most memory that inference needs at once, in 32-bit floats.",
)


def by_nets(networks: Sequence[Network]) -> Grid:
    rows = [row(network) for network in networks]
    return Grid("Networks and what they cost", HEADS, rows, [], frozenset((0, 1)), NOTES)


def row(network: Network) -> list[Cell]:
    graph, total = unroll(network), costs(network)
    highest = peak(graph)
    memory = "?" if highest is None else f"{FLOAT * highest.elements / 2**20:,.2f}"
    return [network.name, network.sizes, number(total.params), number(total.macs), memory]
