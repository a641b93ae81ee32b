"""The figure of the papers: feature maps as solids, drawn by ourselves.

    network -> simplify -> draft, hide -> figure_model -> valley, streams or strip -> compose -> render

`draft` is the diagram as a graph of values, of which `hide` leaves as many as a figure can hold, by the
names of `block_words`; `figure_model` is what the figure shows, in order.
`solids` gives each value its form, at the sizes of `scale`. `valley` draws U-Nets, `streams` nets of several
resolutions side by side; for all others `arrange` makes rows, and `strip` draws each. `metrics` knows how
wide words are, so that none stand on others. What comes of it are `primitives`, to which `palette` gives
colours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnspec.graph.tree import Network


def figure(
    network: Network,
    *,
    width_pt: float,
    theme: str,
    blocks: bool = False,
    title: str | None = None,
    caption: bool = True,
) -> str:
    """The network's figure as the text of an SVG, of this width. Raises DrawProblem.

    `blocks`: what is in each block that is drawn as one volume stands below. `title` and `caption`: as a
    Look has them.
    """
    from cnnspec.draw.diagram.simplify import simplify
    from cnnspec.draw.volume.compose import draw_figure
    from cnnspec.draw.volume.figure_model import plan

    found = plan(simplify(network), blocks)._replace(title=title, captioned=caption)
    return draw_figure(found, width_pt, theme, mark(network))


def mark(network: Network) -> str:
    """What stands in every file that holds the figure."""
    from cnnspec import __version__
    from cnnspec.draw.names import plain
    from cnnspec.text.output import MARK

    return f"{plain(network.name)}: {MARK} {__version__}"
