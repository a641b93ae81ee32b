"""The levels of detail: a network as a diagram of as many boxes as its reader wants."""

from __future__ import annotations

from cnnspec.draw.diagram.close import close_blocks, close_parts, count
from cnnspec.draw.diagram.fold import fold
from cnnspec.draw.diagram.from_network import build
from cnnspec.draw.diagram.fuse import chain, fuse
from cnnspec.draw.diagram.model import Diagram
from cnnspec.draw.diagram.unwrap import unwrap
from cnnspec.graph.tree import Network

REPEATS, FOLDED, BLOCKS, PARTS, CHAINS = "repeats", "folded", "blocks", "parts", "chains"


def simplify(network: Network, detail: str = REPEATS) -> Diagram:
    """The diagram of a network at a level of detail; its totals are the same at all of them.

    A level that is not for graphs, `repeats`, folds copies in a row, but no paths side by side: volumes show
    what a join makes of those.
    """
    if detail in (BLOCKS, PARTS, CHAINS):
        return dict(overviews(network))[detail]
    diagram = build(network)
    if detail == "full":
        return unwrap(diagram)
    if detail == "fused":
        # once more, for a conv and its batchnorm may have stood in braces of their own
        return fuse(unwrap(fuse(diagram)))
    return fuse(unwrap(fold(fuse(diagram), beside=detail != REPEATS)))


def overviews(network: Network) -> list[tuple[str, Diagram]]:
    """Diagrams whose blocks, parts or chains are boxes, coarser and coarser, and which of these they are."""
    folded = fold(fuse(build(network)))
    blocks = fuse(unwrap(close_blocks(folded)))
    # the outermost parts always; finer ones only where they are fewer boxes than blocks
    *inner, outermost = map(fuse, close_parts(unwrap(folded)))
    coarser = [diagram for diagram in inner if count(diagram.items) < count(blocks.items)]
    parts = [*coarser, outermost]
    chains = [chain(diagram) for diagram in (blocks, outermost)]
    return [
        (BLOCKS, blocks),
        *((PARTS, diagram) for diagram in parts),
        *((CHAINS, diagram) for diagram in chains),
    ]
