"""Pictures of a run, as files, too: surest mistakes, the first filters, what layers make of a few images."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from cnnspec import __version__
from cnnspec.analysis.memory import VIEWS
from cnnspec.draw.formats import raster
from cnnspec.draw.theme import THEMES
from cnnspec.run.image_input import planes, prepare
from cnnspec.run.kernels import sheet_of
from cnnspec.run.programs import Array
from cnnspec.run.runner import Runner, Sample
from cnnspec.run.scales import PAPER, is_signed, pictures_of
from cnnspec.run.sheets import Sheet, SheetTile, about_square, draw_sheet, fit, png, shape_of
from cnnspec.text.output import MARK
from cnnspec.train.report.charts import confusion_matrix, training_curves
from cnnspec.train.report.evidence import Evidence
from cnnspec.train.run_folder import Predictions
from cnnspec.train.scores import tally

SIDE, SMALL = 128, 64  # pixels of an image, of a kernel or a map, at most
MISTAKES, EXAMPLES, LAYERS, MAPS = 24, 3, 6, 8
"""What is shown at most: mistakes, images with their maps, layers of each, channels of a layer."""

IDLE = VIEWS | {"identity"}
"""Layers that make no picture of their own in evaluation."""


class ShownImage(NamedTuple):
    """An image that the net was tried on: its class, what the net says, and how sure it is."""

    image: Array  # uint8 (H, W, C)
    label: int
    said: int
    sure: float
    path: str

    @property
    def pixels(self) -> Array:
        """Greys (H, W) or RGB (H, W, 3); of other numbers of channels the first."""
        return self.image if self.image.shape[2] == 3 else self.image[..., 0]


class Example(NamedTuple):
    """An image, and a row of maps for each of some layers."""

    shown: ShownImage
    layers: list[Sheet]


def images_of(predictions: Predictions) -> list[ShownImage]:
    """The images that were kept."""
    found = []
    for place, picture in zip(map(int, predictions.shown), predictions.pictures, strict=True):
        scores = predictions.scores[place]
        said = int(scores.argmax())
        path = str(predictions.paths[place])
        found.append(ShownImage(picture, int(predictions.labels[place]), said, float(scores[said]), path))
    return found


def mistakes(shown: list[ShownImage]) -> list[ShownImage]:
    """Those that the net takes for another class, the surest first."""
    wrong = [each for each in shown if each.said != each.label]
    return sorted(wrong, key=lambda each: -each.sure)[:MISTAKES]


def examples(runner: Runner, shown: list[ShownImage]) -> list[Example]:
    """What layers make of the surest mistake and of images that are right, of different classes.

    None where no layer makes a map.
    """
    if not layers_shown(runner):
        return []
    right = list({each.label: each for each in shown if each.said == each.label}.values())
    chosen = mistakes(shown)[:1] + right
    return [Example(each, maps_of(runner, each)) for each in chosen[:EXAMPLES]]


def maps_of(runner: Runner, shown: ShownImage) -> list[Sheet]:
    """The first channels of some layers, from the first to the last of those that make maps."""
    sample = Sample(prepare(planes(shown.image)[None], runner.given), None)
    values = runner.run(sample)
    grids = []
    for name in layers_shown(runner):
        value = values[name]
        cells = [SheetTile(picture, "") for picture in pictures_of(value, MAPS, is_signed(value))]
        grids.append(Sheet(name, shape_of(value), cells, is_signed(value), MAPS))
    return grids


def layers_shown(runner: Runner) -> list[str]:
    """The last layer of each size that maps have on their way; at most LAYERS of them, evenly chosen."""
    nodes = [n for n in runner.graph.nodes if not n.train and n.output.is_map and n.layer.name not in IDLE]
    nodes = [node for node in nodes if node.output.size != (1, 1)]
    # Of conv, batchnorm and relu, all 64@56x56, the relu.
    lasting = [node.path for node, after in pairwise(nodes) if after.output != node.output]
    lasting += [node.path for node in nodes[-1:]]
    if len(lasting) <= LAYERS:
        return lasting
    # 6 of 10: places 0, 2, 4, 5, 7 and 9.
    return [lasting[round(place * (len(lasting) - 1) / (LAYERS - 1))] for place in range(LAYERS)]


def first_filters(runner: Runner) -> Sheet | None:
    """The kernels of the first convolution, or of the first layer that has a matrix."""
    kernels = runner.kernels
    # A kernel of 1x1 is one dot: there is nothing to see in it.
    wide = [(key, values) for key, values in kernels if values.ndim == 4 and values[0, 0].size > 1]
    return sheet_of(*(wide or kernels)[0]) if kernels else None


def example_sheet(example: Example, names: list[str]) -> Sheet:
    """The maps of an example as one sheet: a row for each layer."""
    cells = []
    for grid in example.layers:
        blank = np.full_like(grid.cells[0].pixels, PAPER)
        row = [*grid.cells, *[SheetTile(blank, "")] * (MAPS - len(grid.cells))]
        cells += [
            SheetTile(cell.pixels, f"{grid.title}\n{grid.note}" if i == 0 else "")
            for i, cell in enumerate(row)
        ]
    title, note = f"feature maps of {names[example.shown.label]}", "a row for each layer, its first channels"
    return Sheet(title, note, cells, any(grid.signed for grid in example.layers), MAPS)


def mistake_sheet(wrong: list[ShownImage], names: list[str]) -> Sheet:
    """The surest mistakes as one sheet."""
    cells = [SheetTile(each.pixels, f"says {names[each.said]}\nis {names[each.label]}") for each in wrong]
    columns = about_square(len(cells), 6)
    return Sheet("the surest mistakes", "what the net says, and what is right", cells, False, columns)


def small_png(pixels: Array, side: int) -> bytes:
    """A picture that fits a square of so many pixels, as PNG."""
    return png(fit(pixels, side))


NOTE = f"{MARK} {__version__}"


def picture_files(run: Evidence) -> Iterator[tuple[str, bytes]]:
    """The name and the content of each file. Raises DrawProblem where what makes PNG of SVG is missing."""
    counted = tally(run.predictions.scores, run.predictions.labels, run.config.classes)
    theme = THEMES["light"]
    charts = training_curves(run, theme) | {"confusions": confusion_matrix(counted, theme)}
    for name, svg in charts.items():
        yield f"{name}.svg", f'<?xml version="1.0" encoding="UTF-8"?>\n<!-- {NOTE} -->\n{svg}\n'.encode()
    shown = images_of(run.predictions)
    if wrong := mistakes(shown):
        yield "mistakes.png", draw_sheet(mistake_sheet(wrong, run.config.classes))
    if run.runner is not None:
        if (filters := first_filters(run.runner)) is not None:
            yield "filters.png", draw_sheet(filters)
        for number, example in enumerate(examples(run.runner, shown), 1):
            yield f"features-{number}.png", draw_sheet(example_sheet(example, run.config.classes))
    for name, svg in charts.items():
        yield f"{name}.png", raster.png(svg, NOTE)
