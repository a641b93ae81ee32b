"""A network's picture as the bytes of a file, in the format of the file's suffix."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

from cnnspec.draw.diagram.model import Diagram
from cnnspec.draw.diagram.simplify import FOLDED, simplify
from cnnspec.draw.graph.graphviz_engine import DrawProblem, Engine
from cnnspec.draw.look import Look
from cnnspec.draw.names import mark, plain
from cnnspec.draw.style import FONT
from cnnspec.graph.tree import Network
from cnnspec.text.diagnostics import Diagnostic

SUFFIXES = (".svg", ".png", ".pdf", ".tex", ".dot", ".html")
RIMLESS = (".pdf", ".tex")  # formats in which text cannot have a rim of another colour
IMAGES = {b"<?xml": "image/svg+xml", b"\x89PNG": "image/png"}  # by how their files begin


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
    if not network.inputs:
        raise DrawProblem(f"{plain(network.name)} has no input: nothing of it can be drawn")
    if suffix == ".html":
        return page(network, look, faults)
    if look.view == "volume":
        return volumes(network, suffix, look)
    if suffix == ".dot":
        return write_dot(network, look)
    return draw_graph(network, suffix, look, draw)


def shown(network: Network, look: Look) -> Diagram:
    return simplify(network, look.detail or FOLDED)


def write_dot(network: Network, look: Look) -> Picture:
    """The graph in Graphviz's language. Raises DrawProblem."""
    from cnnspec.draw.formats.fonts import family_of
    from cnnspec.draw.graph.dot import dot

    text = dot(shown(network, look), look)
    if look.font:
        text = text.replace(f'fontname="{FONT}', f'fontname="{family_of(look.font)}')
    return Picture(text.encode())


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


def draw_graph(network: Network, suffix: str, look: Look, draw: Engine | None) -> Picture:
    """The page of a graph, and what is to be said of it: what it leaves out, and where it does not fit."""
    from cnnspec.draw.graph.fit import best_page, remarks, way_out

    diagram, made, said = best_page(network, shown(network, look), look, suffix not in RIMLESS, draw)
    problems = list(remarks(made, look.width))
    ways = [way_out(network, diagram, look, draw)] if problems else []
    note = "; ".join(filter(None, (said, *problems, *ways)))
    return Picture(write_page(made.svg, suffix, look, network.name), note)


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
    from cnnspec.draw.graph.fit import too_high
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
