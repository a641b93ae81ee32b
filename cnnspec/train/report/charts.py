"""The charts of a run as SVG, in the colours of a theme: curves of training, the confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import NamedTuple

from cnnspec.draw.svg import FAMILIES
from cnnspec.draw.theme import Theme
from cnnspec.faults.reports.glyphs import visible
from cnnspec.train.report.evidence import Evidence
from cnnspec.train.scores import Tally
from cnnspec.values.shapes import percentage

WIDTH, HEIGHT = 360, 210  # of curves, in pixels of a screen
LEFT, RIGHT, TOP, BOTTOM = 56, 10, 30, 34  # around the plot
TICKS = 5
LETTER = 0.6  # the mean width of letters, as a part of their height
NAME = 16  # letters of a class's name beside the matrix
DOTS = 24  # epochs that have a dot each
FAINT, FULL = (
    0.2,
    0.55,
)  # how opaque a cell is that holds next to nothing, or all, of its row: numbers stay legible
MATRIX = 30
"""Classes that the confusion matrix shows at most."""


class Curve(NamedTuple):
    """Numbers by epoch; where one is not finite the line is interrupted. `dashed` is grey, too."""

    name: str
    values: Sequence[float]
    dashed: bool = False


class Plot(NamedTuple):
    """Where the corners of a plot lie in its own units."""

    first: int
    last: int
    low: float
    high: float

    def x(self, epoch: float) -> float:
        span = max(self.last - self.first, 1)
        # A run of one epoch has its dot in the middle.
        shift = 0.5 if self.last == self.first else (epoch - self.first) / span
        return LEFT + shift * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)


def training_curves(run: Evidence, theme: Theme) -> dict[str, str]:
    """Loss, accuracy and learning rate by epoch, as SVG."""
    epochs = [row.epoch for row in run.rows]
    loss = [
        Curve("training", [row.train_loss for row in run.rows], dashed=True),
        Curve("validation", [row.val_loss for row in run.rows]),
    ]
    accuracy = [
        Curve("training", [row.train_accuracy for row in run.rows], dashed=True),
        Curve("validation", [row.val_accuracy for row in run.rows]),
    ]
    rate = [Curve("learning rate", [row.lr for row in run.rows])]
    best = run.best.epoch
    return {
        "loss": curves("Loss", epochs, loss, best, "{:.4g}".format, theme),
        "accuracy": curves("Accuracy", epochs, accuracy, best, percent, theme),
        "learning-rate": curves("Learning rate", epochs, rate, best, "{:.2g}".format, theme),
    }


def curves(
    title: str,
    epochs: Sequence[int],
    found: Sequence[Curve],
    best: int,
    form: Callable[[float], str],
    theme: Theme,
) -> str:
    """Curves over epochs; a thin line marks the best one. `form` writes a number at the axis."""
    finite = [value for curve in found for value in curve.values if math.isfinite(value)]
    marks = ticks(min(finite, default=0), max(finite, default=1))
    plot = Plot(epochs[0], epochs[-1], marks[0], marks[-1])
    parts = [text(LEFT, 16, title, theme.ink, bold=True)]
    for mark in marks:
        parts.append(line(LEFT, plot.y(mark), WIDTH - RIGHT, plot.y(mark), theme.tints[1]))
        parts.append(text(LEFT - 6, plot.y(mark) + 4, form(mark), theme.quiet, "end"))
    for epoch in epoch_marks(plot.first, plot.last):
        parts.append(text(plot.x(epoch), HEIGHT - BOTTOM + 16, str(epoch), theme.quiet, "middle"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 3, "epoch", theme.quiet, "middle"))
    parts.append(
        line(plot.x(best), TOP, plot.x(best), HEIGHT - BOTTOM, theme.quiet, ' stroke-dasharray="1 3"')
    )
    right = WIDTH - RIGHT
    for curve in found:
        parts += draw_curve(curve, epochs, plot, theme)
    # The legend, from the right edge leftwards.
    for curve in reversed(found if len(found) > 1 else []):
        colour, dash = style(curve, theme)
        parts.append(text(right, 16, curve.name, theme.ink, "end"))
        right -= round(12 * LETTER * len(curve.name)) + 8
        parts.append(line(right - 22, 12, right, 12, colour, f' stroke-width="2"{dash}'))
        right -= 34
    words = f"{title} by epoch: " + "; ".join(describe_curve(curve, form) for curve in found)
    return svg(WIDTH, HEIGHT, words, parts, theme)


def describe_curve(curve: Curve, form: Callable[[float], str]) -> str:
    """`validation from 12 to 98`, for those who do not see the curve."""
    return f"{curve.name} from {form(curve.values[0])} to {form(curve.values[-1])}"


def style(curve: Curve, theme: Theme) -> tuple[str, str]:
    return (theme.quiet, ' stroke-dasharray="5 4"') if curve.dashed else (theme.skip, "")


def draw_curve(curve: Curve, epochs: Sequence[int], plot: Plot, theme: Theme) -> Iterator[str]:
    """The line of a curve, in as many pieces as numbers that are not finite leave, and its dots."""
    colour, dash = style(curve, theme)
    pieces: list[list[str]] = [[]]
    for epoch, value in zip(epochs, curve.values, strict=True):
        if math.isfinite(value):
            pieces[-1].append(f"{plot.x(epoch):.1f},{plot.y(value):.1f}")
        elif pieces[-1]:
            pieces.append([])
    for piece in filter(None, pieces):
        points = " ".join(piece)
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
    if len(epochs) <= DOTS:
        for point in (point for piece in pieces for point in piece):
            x, y = point.split(",")
            yield f'<circle cx="{x}" cy="{y}" r="2.5" fill="{colour}"/>'


def ticks(low: float, high: float) -> list[float]:
    """At most TICKS + 2 round numbers, the first at or below `low`, the last at or above `high`."""
    if high <= low:
        # Of 0.5 alone: from 0.25 to 0.75; of 0 alone: from -1 to 1.
        low, high = low - (abs(low) / 2 or 1), high + (abs(high) / 2 or 1)
    rough = (high - low) / TICKS
    unit = 10.0 ** math.floor(math.log10(rough))
    # From 0 to 0.93 in 5: rough 0.186, unit 0.1, so steps of 0.2.
    step = unit * next(times for times in (1, 2, 5, 10) if times * unit >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def epoch_marks(first: int, last: int) -> list[int]:
    """Some epochs, in even steps, the first among them."""
    step = max(1, math.ceil((last - first) / 8))
    return list(range(first, last + 1, step))


def confusion_matrix(counted: Tally, theme: Theme) -> str:
    """The confusion matrix as SVG: a row for each class, a column for what the net says.

    Of many classes it has those with the most mistakes. What is right is grey, mistakes have the colour of
    what stands out: the stronger, the larger their share of the row's images.
    """
    found = counted.most_confused(MATRIX)
    count = len(found.names)
    cell, size = (34, 12) if count <= 12 else (26, 9)
    names = [shorten(name) for name in found.names]
    longest = max(map(len, names)) * 12 * LETTER
    # Names stand to the left of the rows, and over the columns, turned by 50 degrees.
    # sin 50° = 0.77, cos 50° = 0.64.
    beside, above = round(longest) + 16, round(longest * 0.77) + 28
    width, height = round(beside + count * cell + longest * 0.64) + 8, above + count * cell + 8
    width = max(width, 110)
    parts = [text(4, 14, "is ↓  says →", theme.quiet)]
    for place, name in enumerate(names):
        along, down = beside + (place + 0.5) * cell, above + (place + 0.5) * cell
        parts.append(text(beside - 8, down + 4, name, theme.ink, "end"))
        turn = f' transform="rotate(-50 {along + 3:g} {above - 8})"'
        parts.append(text(along + 3, above - 8, name, theme.ink, more=turn))
    images = found.matrix.sum(1)
    for i, row in enumerate(found.matrix.tolist()):
        for j, number in enumerate(row):
            colour = theme.quiet if i == j else theme.skip
            x, y = beside + j * cell, above + i * cell
            parts.append(square(x, y, cell - 1, theme.tints[0]))
            if number:
                # The root, since mistakes are few: 1 of 100 goes a tenth of the way from FAINT to FULL.
                share = FAINT + (FULL - FAINT) * math.sqrt(number / images[i])
                parts.append(square(x, y, cell - 1, colour, f' fill-opacity="{share:.3f}"'))
                words = str(number) if number < 10_000 else f"{number // 1000}k"
                middle = x + (cell - 1) / 2, y + cell / 2 + size * 0.35
                parts.append(text(*middle, words, theme.ink, "middle", size=size))
    words = f"Confusion matrix of {count} classes: {found.right} of {found.images} images are on its diagonal"
    return svg(width, height, words, parts, theme)


def square(x: float, y: float, side: float, colour: str, more: str = "") -> str:
    return f'<rect x="{x}" y="{y}" width="{side}" height="{side}" fill="{colour}"{more}/>'


def bar(share: float, theme: Theme) -> str:
    """A share from 0 to 1 as a bar, which the number beside it tells, too."""
    width = 100 * share
    return (
        '<svg class="bar" width="100" height="10" viewBox="0 0 100 10" aria-hidden="true">'
        f'<rect width="100" height="10" fill="{theme.tints[1]}"/>'
        f'<rect width="{width:.1f}" height="10" fill="{theme.quiet}"/></svg>'
    )


def shorten(name: str) -> str:
    shown = visible(name)
    return shown if len(shown) <= NAME else f"{shown[: NAME - 1]}…"


def percent(share: float) -> str:
    """A tick of an axis of shares: `98 %`, or `98.5 %`."""
    return f"{100 * share:.4g} %"


def share_of(part: int, whole: int) -> str:
    return f"{percentage(part, whole, 1)} %" if whole else "–"


def line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    return f'<line x1="{x1:g}" y1="{y1:.1f}" x2="{x2:g}" y2="{y2:.1f}" stroke="{colour}"{more}/>'


def text(
    x: float,
    y: float,
    words: str,
    colour: str,
    anchor: str = "start",
    bold: bool = False,
    size: int = 12,
    more: str = "",
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    place = f'x="{x:g}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}"{weight}{more}>{escape(words)}</text>'


def svg(width: int, height: int, words: str, parts: Sequence[str], theme: Theme) -> str:
    """The file; `words` tell those who do not see it what it shows."""
    label = escape(visible(words))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * 0.75:g}pt" height="{height * 0.75:g}pt" '
        f'viewBox="0 0 {width} {height}" font-family="{FAMILIES}" role="img" aria-label="{label}">'
    )
    paper = f'<rect width="{width}" height="{height}" fill="{theme.paper}"/>'
    return "\n".join([head, paper, *parts, "</svg>"])
