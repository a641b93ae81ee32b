"""A network's picture as the bytes of a file, in the format of the file's suffix."""

from __future__ import annotations

import re
from pathlib import PurePath

from cnnspec.draw.build import build
from cnnspec.draw.engine import DrawProblem, render
from cnnspec.draw.fold import fold
from cnnspec.draw.fuse import fuse
from cnnspec.draw.model import Diagram, boxes
from cnnspec.draw.unwrap import unwrap
from cnnspec.draw.wrap import wrap
from cnnspec.graph import Network

SUFFIXES = (".svg", ".png", ".pdf", ".dot")
WIDTH, NARROWEST, BROADEST = 495.0, 144.0, 14_400.0  # points: of the text of a page, and the bounds
UNITS = {"in": 72.0, "cm": 72 / 2.54, "mm": 72 / 25.4, "pt": 1.0}
MOST_BOXES = 6000

__all__ = ["DrawProblem", "check_suffix", "picture", "simplified"]


def simplified(network: Network) -> Diagram:
    """The diagram as it is drawn: fused, folded, in columns."""
    return wrap(fuse(unwrap(fold(fuse(build(network))))))


def check_suffix(path: str) -> str:
    """The format that a file's name asks for. Raises DrawProblem."""
    suffix = PurePath(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise DrawProblem(f"{path}: a picture's name ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
    return suffix


def parse_width(text: str) -> float:
    """`6.875in`, `17.5cm`, `88mm` or `495pt`, in points. Raises DrawProblem."""
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)\s?(in|cm|mm|pt)", text.strip())
    if match is None:
        raise DrawProblem(f"--width wants a length, as 6.875in, 17.5cm, 88mm or 495pt, not {text!r}")
    points = float(match.group(1)) * UNITS[match.group(2)]
    if not NARROWEST <= points <= BROADEST:
        raise DrawProblem(f"--width is between 2in and 200in, not {text.strip()}")
    return points


def picture(network: Network, path: str, view: str = "graph", width_pt: float = WIDTH) -> bytes:
    """The content of a file of this name. Raises DrawProblem."""
    suffix = check_suffix(path)
    if view == "volume":
        return volumes(network, suffix, width_pt)
    diagram = simplified(network)
    count = sum(1 for _ in boxes(diagram.items))
    if count > MOST_BOXES:
        raise DrawProblem(
            f"{diagram.name} would be {count:,} boxes, more than the {MOST_BOXES:,} of a picture"
        )
    if suffix == ".dot":
        from cnnspec.draw.dot import dot

        return dot(diagram).encode()
    if suffix == ".svg":
        return svg(diagram).encode()
    from cnnspec.draw.raster import pdf, png

    return (
        png(svg(diagram), mark_of(diagram))
        if suffix == ".png"
        else pdf(svg(diagram, rims=False), diagram.name)
    )


def volumes(network: Network, suffix: str, width_pt: float) -> bytes:
    """The figure of the papers, which needs no Graphviz. Raises DrawProblem."""
    from cnnspec.draw.raster import pdf, png
    from cnnspec.draw.volume import figure, mark

    if suffix == ".dot":
        raise DrawProblem("a .dot file holds a graph: --view volume wants .svg, .png or .pdf")
    page = figure(network, width_pt=width_pt, theme="light")
    if suffix == ".svg":
        return page.encode()
    return png(page, mark(network)) if suffix == ".png" else pdf(page, network.name)


def mark_of(diagram: Diagram) -> str:
    from cnnspec.draw.dot import mark

    return mark(diagram)


def svg(diagram: Diagram, rims: bool = True) -> str:
    """The page as SVG. `rims`: words are set off from the lines behind them."""
    from cnnspec.draw import dot
    from cnnspec.draw.svg import Unreadable, Words, page, parse
    from cnnspec.draw.words import plain

    *columns, legend = render([*dot.columns(diagram), dot.legend(diagram)])
    try:
        drawings = [parse(column, rims) for column in columns]
        words = Words(plain(diagram.name), dot.facts(diagram), dot.description(diagram), dot.mark(diagram))
        return page(words, drawings, parse(legend))
    except Unreadable:
        raise DrawProblem("Graphviz's SVG is not as expected: is its `dot` older than 2.40?") from None
