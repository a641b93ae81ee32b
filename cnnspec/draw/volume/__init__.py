"""The figure of the papers: feature maps as solids, drawn by ourselves.

    network -> build, fold, fuse -> draft -> plan -> rows or the U -> parts -> svg

`draft` simplifies the diagram until a figure can hold it; `plan` is what the figure shows, in order;
`solids` gives each value its form, `rows` and `valley` their places, `svg` writes what came of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnspec.graph import Network


def figure(network: Network, *, width_pt: float, theme: str) -> str:
    """The network's figure as the text of an SVG, of this width. Raises DrawProblem."""
    from cnnspec.draw.picture import simplified
    from cnnspec.draw.volume.page import drawn
    from cnnspec.draw.volume.plan import plan

    return drawn(plan(simplified(network)), width_pt, theme, mark(network))


def mark(network: Network) -> str:
    """What stands in every file that holds the figure."""
    from cnnspec import __version__
    from cnnspec.draw.words import plain
    from cnnspec.output import MARK

    return f"{plain(network.name)}: {MARK} {__version__}"
