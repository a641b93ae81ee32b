"""A network's picture as the bytes of a file, in the format of the file's suffix."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from cnnspec.draw.diagram.model import Diagram
from cnnspec.draw.diagram.simplify import FOLDED, overviews, simplify
from cnnspec.draw.graph.engine import DrawProblem, Engine
from cnnspec.draw.look import Look
from cnnspec.draw.names import mark
from cnnspec.draw.style import FONT
from cnnspec.graph.tree import Network
from cnnspec.text.diagnostics import Diagnostic

if TYPE_CHECKING:
    from cnnspec.draw.graph.svg import Page

SUFFIXES = (".svg", ".png", ".pdf", ".tex", ".dot", ".html")
RIMLESS = (".pdf", ".tex")  # formats in which text cannot have a rim of another colour
IMAGES = {b"<?xml": "image/svg+xml", b"\x89PNG": "image/png"}  # by how their files begin
__all__ = ["DrawProblem", "Picture", "picture", "simplify", "suffix_of"]


class Picture(NamedTuple):
    """A file's content, and what is to be said of it, if anything."""

    content: bytes
    note: str = ""

    def _repr_html_(self) -> str | None:
        """What a notebook shows: an image apart from the page around it, whose ids may be the same."""
        kind = next((kind for start, kind in IMAGES.items() if self.content.startswith(start)), None)
        if kind is None:
            return None
        data = b64encode(self.content).decode()
        return f'<img alt="" style="max-width: 100%" src="data:{kind};base64,{data}">'


def suffix_of(path: str) -> str:
    """The suffix of a file's name, which tells its format. Raises DrawProblem."""
    suffix = PurePath(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise DrawProblem(f"{path}: a picture's name ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
    return suffix


def picture(
    network: Network,
    suffix: str,
    look: Look | None = None,
    faults: Sequence[Diagnostic] = (),
    draw: Engine | None = None,
) -> Picture:
    """The content of a file with this suffix. A page tells the faults of its network. Raises DrawProblem.

    `draw`: what lays a graph out, if not the engine of this machine.
    """
    look = look or Look()
    if suffix == ".html":
        return page(network, look, faults)
    if look.view == "volume":
        return volumes(network, suffix, look)
    diagram = simplify(network, look.detail or FOLDED)
    if suffix == ".dot":
        from cnnspec.draw.graph.dot import dot

        text = dot(diagram, look)
        if look.font:
            from cnnspec.draw.formats.fonts import family_of

            text = text.replace(f'fontname="{FONT}', f'fontname="{family_of(look.font)}')
        return Picture(text.encode())
    return draw_graph(network, diagram, suffix, look, draw)


def write_page(svg: str, suffix: str, look: Look, name: str) -> bytes:
    """The page of a network, an SVG, in the format of a file. Raises DrawProblem."""
    if suffix == ".svg":
        from cnnspec.draw.formats.fonts import set_in

        return (set_in(svg, look.font) if look.font else svg).encode()
    if suffix == ".tex":
        if look.font:
            raise DrawProblem("a .tex file is set in the font of its document: no font")
        from cnnspec.draw.formats.tikz import tikz

        return tikz(svg, mark(name)).encode()
    from cnnspec.draw.formats.raster import pdf, png

    return png(svg, mark(name), look.font) if suffix == ".png" else pdf(svg, name, look.font)


def draw_graph(network: Network, diagram: Diagram, suffix: str, look: Look, draw: Engine | None) -> Picture:
    """The page of a graph, and what is to be said of it: what it leaves out, and where it does not fit."""
    diagram, made, said = best_page(network, diagram, look, suffix not in RIMLESS, draw)
    problems = list(remarks(made, look.width))
    ways = [way_out(network, diagram, look, draw)] if problems else []
    note = "; ".join(filter(None, (said, *problems, *ways)))
    return Picture(write_page(made.svg, suffix, look, diagram.name), note)


def best_page(
    network: Network, diagram: Diagram, look: Look, rims: bool, draw: Engine | None
) -> tuple[Diagram, Page, str]:
    """Where a level of detail is not chosen and does not fit, blocks are boxes: what is drawn, and why."""
    from cnnspec.draw.graph.layout import lay_out, merit

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
    from cnnspec.draw.graph.layout import HIGH, WIDE
    from cnnspec.draw.volume.compose import figure_page

    volumes = figure_page(network, look._replace(view="volume"))
    ways = [("the view `volume`", volumes.height <= HIGH)]
    if look.width is not None and look.width < WIDE:
        _, wide, _ = best_page(network, diagram, look._replace(width=WIDE), True, draw)
        ways.append((f"a width of {WIDE / 72:g}in", not any(remarks(wide, WIDE))))
    found = [way for way, fits in ways if fits]
    return f"what fits: {' or '.join(found)}" if found else "nothing else that was tried fits"


def remarks(made: Page, width: float | None) -> Iterator[str]:
    """What keeps a figure from being printed as it is: it is higher than a page, or its text is small."""
    from cnnspec.draw.graph.layout import LEAST_TEXT, fits, legible
    from cnnspec.draw.style import SIZE

    if not fits(made, width):
        yield too_high(made.height)
    if not legible(made):
        yield f"the text is {SIZE * made.scale:.1f} pt high, below the {LEAST_TEXT:g} pt that can be read"


def too_high(height: float) -> str:
    from cnnspec.draw.graph.layout import HIGH

    return f"the figure is {height / 72:.1f}in high, more than the {HIGH / 72:.1f}in of a page"


def page(network: Network, look: Look, faults: Sequence[Diagnostic]) -> Picture:
    """Picture, volumes, text and table in one. Raises DrawProblem."""
    from cnnspec.draw.page import document

    if look.view == "volume":
        raise DrawProblem("an .html page shows the volumes beside the graph: it has one view")
    if look.width is not None or look.theme.name != "light":
        raise DrawProblem("an .html page is as wide as its window, and light or dark: no width, no theme")
    if look.font or look.title is not None or not look.caption:
        raise DrawProblem("an .html page has its own words: no font, no title, and always its caption")
    return Picture(document.page(network, look, faults).encode())


def volumes(network: Network, suffix: str, look: Look) -> Picture:
    """The figure of the papers, which needs no Graphviz. Raises DrawProblem."""
    from cnnspec.draw.formats.fonts import measure_in
    from cnnspec.draw.graph.layout import HIGH
    from cnnspec.draw.volume.compose import figure_page

    if suffix == ".dot":
        raise DrawProblem("a .dot file holds a graph: a view of volumes wants .svg, .png, .pdf or .tex")
    with measure_in(look.font):
        made = figure_page(network, look)
    said = []
    if made.closed and not look.blocks:
        said.append("each block is one volume: opened, they do not fit; `blocks` shows what is in them below")
    if look.width is not None and made.height > HIGH:
        said.append(too_high(made.height))
    return Picture(write_page(made.svg, suffix, look, network.name), "; ".join(said))
