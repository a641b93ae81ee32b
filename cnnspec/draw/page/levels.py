"""The graph at each level of detail, drawn beforehand; its boxes know the layers that they stand for."""

from __future__ import annotations

import re
import sys
from html import escape
from typing import NamedTuple

from cnnspec.draw.diagram.box_text import box_lines
from cnnspec.draw.diagram.model import Box, Diagram, boxes
from cnnspec.draw.diagram.simplify import BLOCKS, CHAINS, FOLDED, PARTS, simplify
from cnnspec.draw.graph.graphviz_engine import DrawProblem, Engine, engine
from cnnspec.draw.graph.layout import lay_out
from cnnspec.draw.look import DETAILS, Look
from cnnspec.draw.page.colours import CODED, named
from cnnspec.draw.page.entries import Contents
from cnnspec.draw.page.space import layers_of
from cnnspec.graph.tree import Network

SAID = Look(show=frozenset(("kernel", "params")), letters=sys.maxsize)
"""What those hear of a box who do not see it."""

_NODE = re.compile(r'<g id="n(\d+)">')


class PageLevel(NamedTuple):
    """`svg` is None where the net is too large to be drawn so."""

    detail: str
    svg: str | None


def levels(network: Network, found: Contents, look: Look) -> list[PageLevel]:
    """The levels, those of blocks and parts where they differ. Raises DrawProblem where none can be drawn."""
    # a level of blocks or parts that looks as the folded one is not offered
    draw, made, seen = engine(), [], [simplify(network, FOLDED)]
    problem: DrawProblem | None = None
    for detail in DETAILS:
        if detail == CHAINS:
            continue  # it is for pages that lack room
        diagram = simplify(network, detail)
        if detail in (BLOCKS, PARTS):
            if diagram in seen:
                continue
            seen.append(diagram)
        try:
            made.append(
                PageLevel(detail, level(diagram, found, look._replace(detail=detail, theme=CODED), draw))
            )
        except DrawProblem as reason:
            made.append(PageLevel(detail, None))
            problem = reason
    if problem and not any(each.svg for each in made):
        raise problem
    return made


def level(diagram: Diagram, found: Contents, look: Look, draw: Engine) -> str:
    """An `<svg>` for the page. Raises DrawProblem."""
    shown = {box.number: box for box in boxes(diagram.items)}
    made = lay_out(diagram, look, draw=draw)
    body = _NODE.sub(lambda match: opening(shown[int(match.group(1))], found), made.content)
    head = f'<svg viewBox="0 0 {" ".join(made.size)}" role="group" aria-label="Graph, {look.detail}">'
    return f"{head}\n{named(body)}</svg>"


def opening(box: Box, found: Contents) -> str:
    """The tag that a box's shape and words stand in."""
    layers = " ".join(map(str, layers_of(box, found)))
    words = " ".join(", ".join(box_lines(box, SAID)).split())
    return f'<g class="box" data-layers="{layers}" aria-label="{escape(words)}">'
