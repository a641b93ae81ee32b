"""The whole figure: rows below each other, or the U, with a line of facts below."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from cnnspec.draw import style
from cnnspec.draw.diagram.simplify import simplify
from cnnspec.draw.look import Look
from cnnspec.draw.metrics import BOLD, cut, width
from cnnspec.draw.names import mark
from cnnspec.draw.svg import document, number
from cnnspec.draw.volume.figure_model import Figure, Skip, figure_of
from cnnspec.draw.volume.primitives import (
    PITCH,
    TEXT_SIZE,
    Point,
    Polygon,
    Primitive,
    TextBlock,
    TextLine,
    shift,
)
from cnnspec.draw.volume.render import THEMES, draw_parts
from cnnspec.draw.volume.row_layout import (
    ALONG,
    APART,
    LINE,
    Sized,
    by_head,
    fewest_rows,
    give_size,
    wrapped,
)
from cnnspec.draw.volume.scale import FigureScale
from cnnspec.draw.volume.solids import wants_sheets
from cnnspec.draw.volume.streams import draw_streams, streams, systems
from cnnspec.draw.volume.strip import Strip, draw_rows
from cnnspec.draw.volume.valley import Valley, by_size, condense, rungs, stairs, valley, without_resizes
from cnnspec.graph.tree import Network

WIDE = 495.0  # points: the width of a page's text
MARGIN, BETWEEN = 6.0, 12.0
HIGH = 0.24  # of the width, the mean height of a row, if it can be
TALL = 1.7  # times its width, how high a figure may be before another layout is tried
HIGHEST = 0.95  # of the width, how high a U is to be
ROW, EXCESS = 0.35, 2.0  # what a row less is worth in zoom, and what so much less height
ROUNDED = 1e-6  # points that a row which is as wide as the page may be wider for rounding
SMALL = 0.4  # zooms below this are for what fits in no other way
ZOOMS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.45, 0.4, 0.3, 0.2)
STREAM_ZOOMS, STREAM_LINE = (0.3, 0.2, 0.12), 30.0  # of nets that stand in several rows at once
SMALL_ZOOMS = ZOOMS[5:]  # of a block beside the net
NAMED = "Of several layers that make one value, the first is named."
NAMES = style.NAMES | {"block": "block", "copy": "copy of an earlier value"}


class FigurePage(NamedTuple):
    """A page as the text of an SVG, its height in points, and whether only less room closed its blocks."""

    svg: str
    height: float
    closed: bool


def figure_page(network: Network, look: Look) -> FigurePage:
    """The network's figure, as wide as a page's text if the look has no width."""
    shown = figure_of(simplify(network), look.blocks)._replace(title=look.title, captioned=look.caption)
    wide, theme = look.width or WIDE, THEMES[look.theme.name]
    made = layout(shown, wide)
    size, title = (number(wide), number(made.height)), f"{shown.name}: {shown.facts}"
    body = draw_parts(made.parts, theme)
    svg = document(body, size, size, theme.page.paper, title, description(shown), mark(network.name))
    return FigurePage(svg, made.height, made.closed)


Body = tuple[list[Primitive], float]  # parts, and how far down they reach


class Layout(NamedTuple):
    """All parts of a page, its height, and whether it shows as blocks what more room would open."""

    parts: tuple[Primitive, ...]
    height: float
    closed: bool


def layout(figure: Figure, wide: float) -> Layout:
    """The figure, below it the blocks that it opens, and the facts."""
    (parts, y), shown = body(figure, wide, ZOOMS)
    for inner in shown.opened:
        y += BETWEEN + TEXT_SIZE
        name = cut(inner.name, TEXT_SIZE, (wide - 2 * MARGIN) / BOLD)
        parts.append(TextLine(Point(MARGIN, y), name, middle=False, bold=True))
        (found, height), _ = body(inner, wide, SMALL_ZOOMS)
        parts += [shift(part, 0, y) for part in found]
        y += height
    below, bottom = footer(figure._replace(notes=shown.notes), parts, y, wide)
    return Layout((*parts, *below), bottom, blocks_of(shown) > blocks_of(figure))


def blocks_of(figure: Figure) -> int:
    return sum(volume.kind == "block" for volume in figure.volumes)


def body(figure: Figure, wide: float, zooms: Sequence[float]) -> tuple[Body, Figure]:
    """The first layout that is not too high, or else the lowest; and what of the figure it shows."""
    found: list[tuple[Body, Figure]] = []
    for shown, draw in layouts(figure, zooms):
        if made := draw(shown, wide):
            found.append((made, shown))
            if made[1] <= TALL * wide:
                return found[-1]
    return min(found, key=lambda each: each[0][1])


def layouts(
    figure: Figure, zooms: Sequence[float]
) -> Iterator[tuple[Figure, Callable[[Figure, float], Body | None]]]:
    """Ways to draw a figure, that which says most first: as a U, in a row a resolution, in rows."""
    fine, coarse = (cut_words(each)._replace(coarse=None) for each in (figure, figure.coarse or figure))
    # without blocks fine and coarse are the same figure, and are tried once
    yield from ((shown, as_a_u) for shown in dict.fromkeys(less_and_less(fine, coarse)))
    yield from ((name_first(coarse), partial(in_streams, zoom=zoom)) for zoom in STREAM_ZOOMS)
    for shown in dict.fromkeys((fine, coarse)):
        yield shown, partial(in_rows, zooms=zooms)


def cut_words(figure: Figure) -> Figure:
    """The figure with as many words along each skip as there may be."""
    skips = (skip._replace(words=cut(skip.words, TEXT_SIZE, ALONG)) for skip in figure.skips)
    return figure._replace(skips=tuple(skips))


def name_first(figure: Figure) -> Figure:
    """The figure with one layer named of each volume: ways that slant through rows leave no room for more."""
    volumes = (volume._replace(words=volume.words[:1]) for volume in figure.volumes)
    return figure._replace(volumes=tuple(volumes), notes=(*figure.notes, NAMED))


def less_and_less(fine: Figure, coarse: Figure) -> tuple[Figure, ...]:
    """A U in all detail, and in what fits into less room."""
    bare = without_resizes(fine)
    return bare, condense(bare), condense(without_resizes(coarse))


def as_a_u(figure: Figure, wide: float) -> Body | None:
    """None where the figure is no U, or there is not enough room for it."""
    u = valley(figure)
    bodies = (in_a_valley(figure, found, wide) for found in (by_size(figure, u) if u else ()))
    return next(filter(None, bodies), None)


def in_streams(figure: Figure, wide: float, zoom: float) -> Body | None:
    """The figure in a row a resolution, None where it has no streams of several."""
    found = streams(figure)
    if found is None:
        return None
    things = measure_volumes(figure, zoom, sheets=False, line=STREAM_LINE)
    made = systems(found, things, MARGIN, wide - MARGIN)
    return draw_streams(found, made, MARGIN, MARGIN, wide - MARGIN)


def in_rows(
    figure: Figure, wide: float, zooms: Sequence[float], start: int = 0, loose: Sequence[Skip] = ()
) -> Body:
    """The figure from a volume on in few rows, large, and not too high: as the zoom that does best at all."""
    left, right = MARGIN, wide - MARGIN
    sized = {zoom: measure_volumes(figure, zoom, sheets=not start) for zoom in zooms}
    skips = by_head(figure.skips)
    # AlexNet on a page, two rows at every zoom: 0.7 - 1 = -0.3 at full size, 0.7 - 0.5 = 0.2 at half
    merits = {zoom: merit(fewest_rows(sized[zoom], left, right, start, skips), zoom) for zoom in zooms}
    least, best = float("inf"), list[Strip]()
    for zoom in sorted(zooms, key=lambda zoom: merits[zoom]):
        if merits[zoom] >= least:  # rows are at least as many as were counted: no later zoom does better
            break
        rows = wrapped(figure, sized[zoom], left, right, start)
        cost = merit(len(rows), zoom)
        if cost < least and all(row[-1].right <= right + ROUNDED for row in rows):
            found = draw_rows(figure, rows, left, right, loose)
            # how much higher than 0.24 of the width the mean row is
            excess = sum(strip.height for strip in found) / (HIGH * wide * max(1, len(rows))) - 1
            cost += EXCESS * max(0.0, excess)
            if cost < least:
                least, best = cost, found
    parts: list[Primitive] = []
    y, end = MARGIN, Point(0, 0)
    for strip in best:
        # a strip's parts lie around its own y = 0, which is so far below its top
        zero, leaving = y - strip.above.end, strip.spots[-1].exit
        parts += [shift(part, 0, zero) for part in strip.parts]
        if strip.wire:
            # from the last value of the row before to the right edge, and on along the wire
            points = (end, Point(right, end.y), *(Point(p.x, p.y + zero) for p in strip.wire.points))
            parts.append(strip.wire._replace(points=points))
        end = Point(leaving.x, leaving.y + zero)
        y += strip.height + BETWEEN
    return parts, y - BETWEEN


def merit(rows: int, zoom: float) -> float:
    """What rows cost at a zoom, however high they are: the less, the better."""
    return ROW * rows - zoom + max(0.0, SMALL / zoom - 1)


def in_a_valley(figure: Figure, found: Valley, wide: float) -> Body | None:
    """The figure with its U, as large as there is room, and below that the rest in rows; else None."""
    for zoom in ZOOMS:
        made = rungs(found, measure_volumes(figure, zoom, sheets=False), MARGIN, wide - MARGIN)
        if made:
            parts, y = stairs(made, MARGIN, MARGIN, wide - MARGIN)
            # a smaller zoom makes a U lower; the last one is taken however high it is
            if y < HIGHEST * wide or zoom == ZOOMS[-1]:
                # FPN: heads that do not work on the value before stand below the U
                if found.end == len(figure.volumes):
                    return parts, y
                below, bottom = in_rows(figure, wide, SMALL_ZOOMS, found.end, found.loose)
                return [*parts, *(shift(part, 0, y + BETWEEN) for part in below)], y + BETWEEN + bottom
    return None


def measure_volumes(figure: Figure, zoom: float, sheets: bool = True, line: float = LINE) -> list[Sized]:
    """The volumes with their solids: of few channels in `sheets`, if there is room for those."""
    # of the whole figure, for the same size is to look the same in a U and in the rows below it
    scale = FigureScale.of([volume.shape for volume in figure.volumes], zoom)
    sheets = sheets and wants_sheets(figure.volumes)
    return [give_size(volume, scale, sheets, line) for volume in figure.volumes]


def footer(figure: Figure, parts: Sequence[Primitive], y: float, wide: float) -> Body:
    """Below the parts, which end at y, their colours, and the facts in as many lines as they need."""
    shown = {part.role for part in parts if isinstance(part, Polygon)}
    below, y = legend(shown, y + BETWEEN, wide)
    room = wide - 2 * MARGIN
    # a sentence goes on in the next line only where a line does not hold it
    fits = ([said] if width(said, TEXT_SIZE) <= room else said.split() for said in caption(figure))
    for words in TextBlock.fill([part for parts in fits for part in parts], room, room).lines:
        y += PITCH
        below.append(TextLine(Point(MARGIN, y), words, False, "quiet"))
    return below, y + MARGIN


def caption(figure: Figure) -> list[str]:
    """What is said below a figure, a sentence each."""
    title = figure.name if figure.title is None else figure.title
    if not figure.captioned:
        return [figure.title] if figure.title else []
    facts = f"{title}: {figure.facts}." if title else f"{figure.facts}."
    return [facts, *figure.notes, "Channels@height x width; not to scale."]


def legend(shown: set[str], y: float, wide: float) -> Body:
    """What the colours that are shown mean, in lines from y on; and where they end."""
    parts: list[Primitive] = []
    x = MARGIN
    for kind, words in ((kind, words) for kind, words in NAMES.items() if kind in shown):
        length = TEXT_SIZE + APART + width(words, TEXT_SIZE)
        if x > MARGIN and x + length > wide - MARGIN:
            x, y = MARGIN, y + PITCH
        corners = (Point(x + a * TEXT_SIZE, y + b * TEXT_SIZE) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1)))
        parts.append(Polygon(tuple(corners), kind))
        parts.append(TextLine(Point(x + TEXT_SIZE + APART, y + 0.85 * TEXT_SIZE), words, False, "quiet"))
        x += length + BETWEEN
    return parts, y + (PITCH if parts else 0.0) + APART


def description(figure: Figure) -> str:
    """The operations and what they make, in order; and what is left out."""
    said = []
    for volume in figure.volumes:
        doing = ", ".join((*([volume.sign] if volume.sign else []), *volume.counted_words))
        made = " ".join((*volume.label, volume.fault)).strip()
        said.append(f"{doing}: {made}" if doing else made)
    return "; ".join((*said, *figure.notes))
