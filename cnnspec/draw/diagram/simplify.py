"""The levels of detail: a network as a diagram of as many boxes as its reader wants."""

from __future__ import annotations

from cnnspec.draw.diagram.close import close_blocks, close_parts
from cnnspec.draw.diagram.fold import fold
from cnnspec.draw.diagram.from_network import build
from cnnspec.draw.diagram.fuse import fuse
from cnnspec.draw.diagram.model import Diagram
from cnnspec.draw.diagram.unwrap import unwrap
from cnnspec.graph.tree import Network

MOST_BOXES = 6000
REPEATS, FOLDED, BLOCKS, PARTS = "repeats", "folded", "blocks", "parts"


def simplify(network: Network, detail: str = REPEATS) -> Diagram:
    """The diagram of a network at a level of detail; its totals are the same at all of them.

    A level that is not for graphs, `repeats`, folds copies in a row, but no paths side by side: volumes show
    what a join makes of those.
    """
    diagram = build(network)
    if detail == "full":
        return unwrap(diagram)
    if detail == "fused":
        return fuse(unwrap(fuse(diagram)))
    folded = fold(fuse(diagram), beside=detail != REPEATS)
    if detail == BLOCKS:
        folded = close_blocks(folded)
    unwrapped = unwrap(folded)
    return fuse(close_parts(unwrapped) if detail == PARTS else unwrapped)
