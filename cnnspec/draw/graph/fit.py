"""Which level of detail fits a page, what keeps a figure from being printed, and what fits instead."""

from __future__ import annotations

from collections.abc import Iterator

from cnnspec.draw.diagram.model import Diagram
from cnnspec.draw.diagram.simplify import FOLDED, overviews
from cnnspec.draw.graph.graphviz_engine import Engine
from cnnspec.draw.graph.layout import HIGH, LEAST_TEXT, WIDE, fits, lay_out, legible, merit
from cnnspec.draw.graph.svg import SvgPage
from cnnspec.draw.look import Look
from cnnspec.draw.style import SIZE
from cnnspec.draw.volume.compose import figure_page
from cnnspec.graph.tree import Network


def best_page(
    network: Network, diagram: Diagram, look: Look, rims: bool, draw: Engine | None
) -> tuple[Diagram, SvgPage, str]:
    """Where a level of detail is not chosen and does not fit, blocks are boxes: what is drawn, and why."""
    is_free = look.detail is None and look.width is not None
    # where coarser levels may follow, one that is far from fitting is given up early
    candidates = [(diagram, lay_out(diagram, look, rims, draw, thorough=not is_free), "")]
    for detail, overview in overviews(network) if is_free else ():
        if not any(remarks(candidates[-1][1], look.width)):
            break
        # a net without blocks of its own has the same diagram at several levels
        if overview == candidates[-1][0]:
            continue
        said = f"{detail} are drawn as boxes: opened, they do not fit; the detail `{FOLDED}` opens them"
        candidates.append((overview, lay_out(overview, look, rims, draw, thorough=False), said))
    return max(candidates, key=lambda candidate: merit(candidate[1]))


def way_out(network: Network, diagram: Diagram, look: Look, draw: Engine | None) -> str:
    """What fits a page instead, each tried before it is offered."""
    volumes = figure_page(network, look._replace(view="volume"))
    ways = [("the view `volume`", volumes.height <= HIGH)]
    if look.width is not None and look.width < WIDE:
        _, wide, _ = best_page(network, diagram, look._replace(width=WIDE), True, draw)
        ways.append((f"a width of {WIDE / 72:g}in", not any(remarks(wide, WIDE))))
    found = [way for way, fits in ways if fits]
    return f"what fits: {' or '.join(found)}" if found else "nothing else that was tried fits"


def remarks(made: SvgPage, width: float | None) -> Iterator[str]:
    """What keeps a figure from being printed as it is: it is higher than a page, or its text is small."""
    if not fits(made, width):
        yield too_high(made.height)
    if not legible(made):
        yield f"the text is {SIZE * made.scale:.1f} pt high, below the {LEAST_TEXT:g} pt that can be read"


def too_high(height: float) -> str:
    return f"the figure is {height / 72:.1f}in high, more than the {HIGH / 72:.1f}in of a page"
