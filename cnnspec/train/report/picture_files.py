"""The pictures of a run as files: charts as SVG and PNG, images as PNG."""

from __future__ import annotations

from collections.abc import Iterator

from cnnspec import __version__
from cnnspec.draw.formats import raster
from cnnspec.draw.theme import THEMES
from cnnspec.run.sheets import sheet
from cnnspec.text.output import MARK
from cnnspec.train.report.evidence import Evidence
from cnnspec.train.report.figures import confusion_matrix, training_curves
from cnnspec.train.report.pictures import (
    example_sheet,
    examples,
    first_filters,
    images_of,
    mistake_sheet,
    mistakes,
)
from cnnspec.train.scores import tally

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
        yield "mistakes.png", sheet(*mistake_sheet(wrong, run.config.classes))
    if run.session is not None:
        if (filters := first_filters(run.session)) is not None:
            yield "filters.png", sheet(*filters)
        for number, example in enumerate(examples(run.session, shown), 1):
            yield f"features-{number}.png", sheet(*example_sheet(example, run.config.classes))
    for name, svg in charts.items():
        yield f"{name}.png", raster.png(svg, NOTE)
