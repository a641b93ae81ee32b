"""The whole figure: rows below each other, or the U, with a line of facts below."""

from __future__ import annotations

from typing import NamedTuple

from cnnspec.draw.volume import svg
from cnnspec.draw.volume.metrics import cut
from cnnspec.draw.volume.parts import Part, Point, Text, moved
from cnnspec.draw.volume.plan import Plan
from cnnspec.draw.volume.rows import LABEL, WORDS, Spot, sized, wrapped
from cnnspec.draw.volume.solids import scale_of, wants_sheets
from cnnspec.draw.volume.strip import strip
from cnnspec.draw.volume.theme import THEMES

MARGIN, BETWEEN = 6.0, 12.0
ZOOMS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
SMALLER = (0.45, 0.4, 0.35)  # for sheets, which need less


class Layout(NamedTuple):
    """All parts of a page, and its height."""

    parts: tuple[Part, ...]
    height: float


def in_rows(plan: Plan, wide: float) -> list[list[Spot]]:
    """The figure in as few rows as may be, and as large as it can be in these."""
    sheets = wants_sheets(plan.steps)
    best: list[list[Spot]] = []
    for zoom in ZOOMS + (SMALLER if sheets else ()):
        scale = scale_of(plan.steps, zoom)
        things = [sized(step, scale, sheets) for step in plan.steps]
        rows = wrapped(plan, things, MARGIN, wide - MARGIN)
        if not best or len(rows) < len(best):
            best = rows
    return best


def layout(plan: Plan, wide: float) -> Layout:
    parts: list[Part] = []
    y = MARGIN
    for row in in_rows(plan, wide):
        made = strip(row, plan.skips, plan.braces, MARGIN, wide - MARGIN)
        parts += [moved(part, 0, y - made.top) for part in made.parts]
        y += made.bottom - made.top + BETWEEN
    room = wide - 2 * MARGIN
    footer = cut(f"{plan.name}: {plan.facts}. Channels@height x width; not to scale.", WORDS, room)
    parts.append(Text(Point(MARGIN, y + LABEL - BETWEEN / 2), footer, WORDS, False, "quiet"))
    return Layout(tuple(parts), y + LABEL)


def drawn(plan: Plan, wide: float, theme: str, mark: str) -> str:
    made = layout(plan, wide)
    words = svg.Words(f"{plan.name}: {plan.facts}", description(plan), mark)
    return svg.page(words, made.parts, wide, made.height, THEMES[theme])


def description(plan: Plan) -> str:
    """The operations and what they make, in order."""
    said = []
    for step in plan.steps:
        doing = ", ".join((*([step.sign] if step.sign else []), *step.words))
        said.append(f"{doing}: {' '.join(step.label)}" if doing else " ".join(step.label))
    return "; ".join(said)
