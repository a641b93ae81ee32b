"""Which columns a diagram is set in, how long its lines are and how large its letters."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product

from cnnspec.draw.diagram.model import Diagram
from cnnspec.draw.graph import dot
from cnnspec.draw.graph.graphviz_engine import DrawProblem, Engine, engine
from cnnspec.draw.graph.svg import MARGIN, Caption, Drawing, SvgPage, Unreadable, break_lines, page, parse
from cnnspec.draw.graph.wrap import BETWEEN, LONG, LoneColumn, correct, measure, sever, wrap
from cnnspec.draw.look import Look
from cnnspec.draw.names import plain
from cnnspec.draw.style import SIZE

LEAST_TEXT = 6.5  # points on paper
WIDE, HIGH = 6.9 * 72, 9.0 * 72  # points: what a page of a paper holds
SCALES = (1.0, 0.94, 0.88, 0.82, 0.76, LEAST_TEXT / SIZE)  # of drawings on a page of a given width
LETTERS = {"tb": (24, 22, 20, 16, 13), "lr": (18, 13, 11)}  # of a line, and where that is too wide
FAR = 1.6  # times as high as a sheet, or as wide, that nothing makes fit
NEAR = 1.15  # times as high, or its text as small, that shorter lines or other columns may make fit
LOOSE = 1.2  # times as high, or its text as small, that longer lines may make fit
TRIES = 3  # of columns, each knowing how wide the last ones were
STRAIGHT = {"tb": 700.0, "lr": 1300.0}  # points of a diagram, along its way, that is best left uncut


Trial = tuple[Diagram, bool, int]
"""A version of a diagram, whether frames have room, and letters of a line."""


def lay_out(
    diagram: Diagram, look: Look, rims: bool = True, draw: Engine | None = None, thorough: bool = True
) -> SvgPage:
    """The page of a diagram. Raises DrawProblem.

    A page of a given width has the largest text that lets it fit a sheet of paper, else the smallest that
    can be read; if not `thorough`, no more is tried where it is far from that. Where no width is given, it
    is a little wider than high.
    """
    dot.check_size(diagram)
    draw, every = cache(draw or engine()), trials(diagram, look)

    def made(trial: Trial, smallest: bool = False) -> Iterator[SvgPage]:
        version, roomy, letters = trial
        narrower = look._replace(letters=letters)
        return pages(version, narrower, PagePrinter(narrower, draw, rims, roomy), smallest)

    found: list[SvgPage] = []
    if not thorough:
        ends = LETTERS[look.direction][0], LETTERS[look.direction][-1]
        # at the smallest scale the longest and the shortest lines: if no page is near, none will be good
        probes = [trial for trial in every if not trial[1] and trial[2] in ends]
        found = [drawn for trial in probes for drawn in made(trial, smallest=True)]
        if not any(is_good(drawn, look.width, NEAR) for drawn in found):
            return max(found, key=merit)
    for trial in every:
        for drawn in made(trial):
            if is_good(drawn, look.width):
                return drawn  # lines need not be shorter, nor frames narrower
            found.append(drawn)
    return max(found, key=merit)


def trials(diagram: Diagram, look: Look) -> list[Trial]:
    """What may be tried, the best first; a few where none will fit."""
    letters = LETTERS[look.direction]
    if look.width is not None:
        flow = measure(diagram, look)
        # even one column is far too wide, however small: one try, with the shortest lines
        if max(flow.widths) * SCALES[-1] > FAR * look.width and look.direction == "tb":
            return [(diagram, False, letters[-1])]
        # likely far too high even at the smallest: only the longest lines and the shortest
        if columns_of(diagram, flow, look, SCALES[-1])[1] * SCALES[-1] > FAR * tallest(look.width):
            return [
                (version, False, n) for version in versions(diagram, look) for n in (letters[0], letters[-1])
            ]
    return list(product(versions(diagram, look), (True, False), letters))


def is_good(page: SvgPage, width: float | None, times: float = 1.0) -> bool:
    """Whether a page can be read and fits a sheet, or nearly: so many times as high, its text as small."""
    return legible(page._replace(scale=page.scale * times)) and fits(
        page._replace(height=page.height / times), width
    )


def versions(diagram: Diagram, look: Look) -> list[Diagram]:
    """The diagram, and where it has long ways around, what it is without them."""
    found = [diagram]
    for long in LONG:
        cut = sever(diagram, measure(diagram, look), long)
        if cut.severed != found[-1].severed:
            found.append(cut)
    return found


def pages(diagram: Diagram, look: Look, printer: PagePrinter, smallest: bool) -> Iterator[SvgPage]:
    """Pages, each better measured or with smaller letters than the last; or only those of the smallest."""
    flow = measure(diagram, look)
    seen = set()
    for scale in SCALES[:1] if look.width is None else SCALES[-1:] if smallest else SCALES:
        for _ in range(TRIES):
            wrapped, high = columns_of(diagram, flow, look, scale)
            # what is measured as too high is not drawn, but at the smallest scale
            likely = look.width is None or scale == SCALES[-1] or high * scale < tallest(look.width)
            if not likely or (scale, wrapped.heads) in seen:
                break
            seen.add((scale, wrapped.heads))
            made = printer.page(wrapped, scale)
            yield made
            # the next try knows how wide these columns came out, and may cut elsewhere
            flow = correct(flow, wrapped.heads, made.columns)


def columns_of(diagram: Diagram, flow: LoneColumn, look: Look, scale: float) -> tuple[Diagram, float]:
    """The diagram in columns, and how high a page it needs; one that is short stays whole."""
    down = look.direction == "tb"
    # a row has to be cut where it is wider than the page even at the smallest scale
    narrow = look.width is not None and not down and flow.height * SCALES[-1] > look.width
    if flow.height <= STRAIGHT[look.direction] and not narrow:
        return diagram, flow.height if down else 0.0
    return wrap(diagram, flow, look, look.width and look.width / scale)


def merit(made: SvgPage) -> tuple[float, float]:
    """How good a page is that is too high or whose text is too small: first it is to be read."""
    # text that can be read is no better for being larger
    return min(made.scale, LEAST_TEXT / SIZE), -made.height


def tallest(width: float) -> float:
    """How high a figure of a width may be: as a page of A4 is, or a poster that is as much larger."""
    return HIGH * max(1.0, width / WIDE)


def fits(made: SvgPage, width: float | None) -> bool:
    return width is None or made.height <= tallest(width) + 0.01


def legible(made: SvgPage) -> bool:
    return made.scale * SIZE >= LEAST_TEXT - 0.01


class PagePrinter:
    """Draws pages; what is on several of them is drawn once."""

    def __init__(self, look: Look, draw: Engine, rims: bool, roomy: bool) -> None:
        self.look, self.draw, self.rims, self.roomy = look, draw, rims, roomy
        self.drawn: dict[str, Drawing] = {}

    def page(self, diagram: Diagram, scale: float) -> SvgPage:
        look, writer = self.look, dot.Writer(diagram, self.look)
        caption = Caption(plain(diagram.name), dot.facts(diagram), dot.description(diagram, look))
        columns, legend = ([self.drawing(s) for s in part] for part in (writer.columns(), writer.legend()))
        made = page(caption, columns, legend, look, scale)
        if look.width is None or look.direction == "lr" or not is_good(made, look.width, LOOSE):
            return made
        room = look.width / scale - 2 * MARGIN
        longer = page(caption, self.lengthen_lines(diagram, columns, room), legend, look, scale)
        # the flow was measured with shorter lines, and is corrected by columns of those
        return longer._replace(columns=made.columns) if longer.height <= made.height else made

    def lengthen_lines(self, diagram: Diagram, columns: list[Drawing], room: float) -> list[Drawing]:
        """The columns, those in a row with lines of text as long as there is room for: boxes are lower."""
        found: list[Drawing] = []
        for beside in break_lines(columns, room, BETWEEN):
            # the longest lines first; all columns are written, but only those of this row are drawn
            for letters in (letters for letters in LETTERS["tb"] if letters > self.look.letters):
                sources = dot.Writer(diagram, self.look._replace(letters=letters)).columns()
                longer = [self.drawing(source) for source in sources[len(found) : len(found) + len(beside)]]
                if sum(drawing.width + BETWEEN for drawing in longer) - BETWEEN <= room:
                    beside = longer
                    break
            found += beside
        return found

    def drawing(self, source: str) -> Drawing:
        if source not in self.drawn:
            try:
                self.drawn[source] = parse(self.draw(source), self.look.theme.paper, self.rims, self.roomy)
            except Unreadable:
                raise DrawProblem(
                    "Graphviz's SVG is not as expected: is its `dot` older than 2.40?"
                ) from None
        return self.drawn[source]
