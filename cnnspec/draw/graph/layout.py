"""Which columns a diagram is set in: some are tried, drawn, and the best page is taken."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import product

from cnnspec.draw.diagram.model import Diagram, boxes
from cnnspec.draw.graph import dot
from cnnspec.draw.graph.engine import DrawProblem, Engine, engine
from cnnspec.draw.graph.svg import Drawing, Page, Sheet, Unreadable, Words, page, parse
from cnnspec.draw.graph.wrap import ASPECT, TOLERABLE, likely, measure, sever, wrap
from cnnspec.draw.look import Look
from cnnspec.draw.names import plain
from cnnspec.draw.style import SIZE

LEAST_TEXT = 6.0  # points on paper
TALLEST = 1.55  # height to width of what a sheet of A4 holds
LETTERS = {"tb": (24, 22, 20, 16, 13), "lr": (18, 13, 11)}  # of a line, and where that is too wide
STRAIGHT = {"tb": 700.0, "lr": 1200.0}  # points of a diagram, along its way, that is best left uncut
TRIES, DRAWN = 12, 1000  # more numbers of columns either way, and boxes on all of them together
MOST_IN_COLUMN = 800  # boxes; Graphviz's time grows faster than their number

Merit = tuple[float, bool, float, bool, bool, float]


def lay_out(diagram: Diagram, look: Look, rims: bool = True, draw: Engine | None = None) -> Page:
    """The page of a diagram. Raises DrawProblem.

    A page of a given width has the largest text that lets it fit a sheet of paper, else the smallest that
    can be read. Where no width is given, it is a little wider than high.
    """
    draw, found = cache(draw or engine()), []
    for version, roomy in product(versions(diagram, look), (True, False)):
        for letters in LETTERS[look.direction]:
            narrower = look._replace(letters=letters)
            quality, made = best(version, narrower, Printer(narrower, draw, rims, roomy))
            if legible(made) and fits(made, look.width):
                return made  # lines need not be shorter, nor frames narrower
            found.append((quality, made))
    return max(found, key=lambda pair: pair[0])[1]


def versions(diagram: Diagram, look: Look) -> list[Diagram]:
    """The diagram, and where it has long ways around, what it is without them."""
    cut = sever(diagram, measure(diagram, look))
    return [diagram, cut] if cut.severed else [diagram]


def best(diagram: Diagram, look: Look, printer: Printer) -> tuple[Merit, Page]:
    """Of pages with various numbers of columns the best, and how good it is."""
    flow = measure(diagram, look)
    count = sum(1 for _ in boxes(diagram.items))
    widest = look.width and look.width * SIZE / LEAST_TEXT
    tolerable = widest if widest and look.direction == "lr" else TOLERABLE
    least, short = math.ceil(count / MOST_IN_COLUMN), flow.height <= STRAIGHT[look.direction]
    tried: dict[tuple[int, ...], tuple[Merit, Page]] = {}

    def better(columns: int) -> Merit | None:
        """Draw pages of so many columns; how good the better of them is, None where there is no new one."""
        seen = []
        for tear in (False, True):
            wrapped = wrap(diagram, flow, columns, tear, tolerable)
            if wrapped.heads not in tried:
                made = printer.page(wrapped)
                tried[wrapped.heads] = (merit(made, look.width, tear, short and not wrapped.heads), made)
                seen.append(tried[wrapped.heads][0])
        return max(seen, default=None)

    start = 1 if short else likely(flow, look, widest)
    climb(better, max(least, start), least, min(TRIES, DRAWN // count))
    return max(tried.values(), key=lambda pair: pair[0])


def climb(better: Callable[[int], Merit | None], start: int, least: int, tries: int) -> None:
    """Go from a number of columns up and down, until pages have not got better twice."""
    first = better(start)
    for step in (1, -1):
        columns, top, misses = start, first, 0
        for _ in range(tries):
            if misses == 2 or columns + step < least:
                break
            columns += step
            now = better(columns)
            if now and top:
                misses = 0 if now > top else misses + 1
                top = max(top, now)


def merit(made: Page, width: float | None, torn: bool, straight: bool) -> Merit:
    """What makes one page better than another.

    Words to be read, on one sheet, large ones, no cuts, a good shape and little left empty.
    """
    fitting = fits(made, width)
    readable = min(made.scale, LEAST_TEXT / SIZE)
    shape = 2 * math.log(made.filled) - abs(math.log(made.width / made.height / ASPECT))
    return readable, fitting, made.scale if fitting else -made.height, straight, not torn, shape


def fits(made: Page, width: float | None) -> bool:
    return width is None or made.height <= TALLEST * width + 0.01


def legible(made: Page) -> bool:
    return made.scale * SIZE >= LEAST_TEXT - 0.01


class Printer:
    """Draws pages; what is on several of them is drawn once."""

    def __init__(self, look: Look, draw: Engine, rims: bool, roomy: bool) -> None:
        self.look, self.draw, self.rims, self.roomy = look, draw, rims, roomy
        self.drawn: dict[str, Drawing] = {}

    def page(self, diagram: Diagram) -> Page:
        look, writer = self.look, dot.Writer(diagram, self.look)
        said = dot.description(diagram, look)
        name, facts = plain(diagram.name), dot.facts(diagram)
        words = Words(name, facts, said, dot.mark(diagram), look.title, look.caption)
        columns, legend = ([self.drawing(s) for s in part] for part in (writer.columns(), writer.legend()))
        highest, least = TALLEST * (look.width or 0.0), LEAST_TEXT / SIZE
        sheet = Sheet(look.theme, look.width, look.direction == "lr", highest, least)
        return page(words, columns, legend, sheet)

    def drawing(self, source: str) -> Drawing:
        if source not in self.drawn:
            try:
                self.drawn[source] = parse(self.draw(source), self.look.theme.paper, self.rims, self.roomy)
            except Unreadable:
                raise DrawProblem(
                    "Graphviz's SVG is not as expected: is its `dot` older than 2.40?"
                ) from None
        return self.drawn[source]
