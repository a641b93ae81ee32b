"""The page about a run, as HTML that is XML as well: it loads nothing, and nothing in it runs."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from importlib.resources import files
from string import Template

import numpy as np
from PIL import Image

from cnnspec import __version__
from cnnspec.draw.page.colours import CODED, named
from cnnspec.draw.page.document import base_style, policy
from cnnspec.run.album import shown
from cnnspec.run.scales import diverging
from cnnspec.run.sheets import Sheet, png
from cnnspec.text.output import MARK
from cnnspec.train.report import charts
from cnnspec.train.report.charts import MATRIX, confusion_matrix, share_of, training_curves
from cnnspec.train.report.evidence import Evidence
from cnnspec.train.report.pictures import (
    SIDE,
    SMALL,
    ShownImage,
    examples,
    first_filters,
    images_of,
    mistakes,
    small_png,
)
from cnnspec.train.scores import Tally, among_top, tally

CLASSES, CONFUSED = 60, 12
"""What is told at most: classes, confusions."""


def page(run: Evidence) -> str:
    """The whole page."""
    counted = tally(run.predictions.scores, run.predictions.labels, run.config.classes)
    style = base_style() + files(__package__).joinpath("report.css").read_text("utf-8")
    parts = [
        section("Curves", curve_figures(run)),
        section("The surest mistakes", mistake_list(run)),
        section("Classes", class_table(counted)),
        section("Confusions", confusions(counted)),
        *layer_sections(run),
        section("How it was made", making(run)),
    ]
    return Template(files(__package__).joinpath("report.html").read_text("utf-8")).substitute(
        mark=f"{MARK} {__version__}",
        policy=shown(policy(style, None)),
        title=shown(f"{run.config.net}, trained on {run.config.data}"),
        verdict=shown(verdict(run, counted)),
        style=style,
        sections="\n".join(parts),
    )


def verdict(run: Evidence, counted: Tally) -> str:
    """What came of it, in a sentence."""
    words = (
        f"After epoch {run.best.epoch} of {run.rows[-1].epoch}, {share_of(counted.right, counted.images)} of "
        f"the {counted.images:,} validation images are classified correctly"
    )
    if len(counted.names) <= 5:
        return f"{words}."
    top = share_of(among_top(run.predictions.scores, run.predictions.labels, 5), counted.images)
    return f"{words}; for {top} the correct class is among the five most probable."


def section(title: str, content: str) -> str:
    return f"<section>\n<h2>{shown(title)}</h2>\n{content}\n</section>"


def curve_figures(run: Evidence) -> str:
    """Loss, accuracy and learning rate."""
    charts = training_curves(run, CODED).values()
    words = f"<p>The dotted line marks epoch {run.best.epoch}, the best in validation.</p>"
    return "\n".join([words, '<div class="curves">', *map(named, charts), "</div>"])


def mistake_list(run: Evidence) -> str:
    """The images that the net is surest of, and wrong about."""
    wrong = mistakes(images_of(run.predictions))
    if not wrong:
        return "<p>None.</p>"
    items = "\n".join(f"<li>{image_figure(each, run.config.classes)}</li>" for each in wrong)
    return f'<ul class="pictures">\n{items}\n</ul>'


def image_figure(each: ShownImage, names: list[str]) -> str:
    """An image, what the net says of it, and where that is wrong what it is."""
    said, label = shown(names[each.said]), shown(names[each.label])
    words = f"says <strong>{said}</strong> ({100 * each.sure:.0f} %)<br />is {label}"
    if each.said == each.label:
        words = f"says {said} ({100 * each.sure:.0f} %), which is right"
    where = f"<br />{shown(each.path)}" if each.path else ""
    picture = image(small_png(each.pixels, SIDE), f"an image of {names[each.label]}")
    return f"<figure>{picture}<figcaption>{words}{where}</figcaption></figure>"


def image(data: bytes, words: str) -> str:
    """A PNG within the page; `words` are for those who do not see it."""
    return f'<img src="data:image/png;base64,{b64encode(data).decode()}" alt="{shown(words)}" />'


def class_table(counted: Tally) -> str:
    """How many images of each class are right, and how many that are taken for it are of it."""
    rows = []
    for each in counted.worst(CLASSES):
        share = each.right / each.images if each.images else 0.0
        cells = (f"{each.images:,}", share_of(each.right, each.images), share_of(each.right, each.claimed))
        numbers = [f'<td class="number">{cell}</td>' for cell in cells]
        bar = f"<td>{named(charts.bar(share, CODED))}</td>"
        rows.append(
            f'<tr><th scope="row">{shown(each.name)}</th>{"".join(numbers[:2])}{bar}{numbers[2]}</tr>'
        )
    more = len(counted.names) - len(rows)
    which = f" These are the {len(rows)} worst of {len(counted.names):,} classes." if more else ""
    words = (
        "Recall is the share of a class's images that are classified correctly, precision the share of those "
        f"classified as it that are of it.{which}"
    )
    heads = ("class", "images", "recall", "", "precision")
    return f"<p>{shown(words)}</p>\n{table('Accuracy by class', heads, rows)}"


def table(words: str, heads: tuple[str, ...], rows: list[str]) -> str:
    """A table that scrolls within itself; a column without a head has pictures."""
    cells = "".join(f'<th scope="col">{head}</th>' if head else "<td></td>" for head in heads)
    region = f'<div class="wide" tabindex="0" role="region" aria-label="{shown(words)}">'
    head = f"<table>\n<thead><tr>{cells}</tr></thead>\n<tbody>"
    return "\n".join([f"{region}{head}", *rows, "</tbody></table></div>"])


def confusions(counted: Tally) -> str:
    """The matrix, and the commonest confusions in words."""
    found = counted.confusions(CONFUSED)
    if not found:
        return "<p>None: every image is right.</p>"
    rows = [
        f'<tr><th scope="row">{shown(each.label)}</th><td>{shown(each.said)}</td>'
        f'<td class="number">{each.times:,} of {each.images:,}</td></tr>'
        for each in found
    ]
    listed = table("The commonest confusions", ("is", "taken for", "images"), rows)
    part = len(counted.names) > MATRIX
    which = f"<p>The {MATRIX} of {len(counted.names):,} classes with the most mistakes.</p>\n" if part else ""
    drawn = named(confusion_matrix(counted, CODED))
    region = '<div class="wide" tabindex="0" role="region" aria-label="Confusion matrix">'
    return f'{which}<div class="beside">{region}{drawn}</div>\n{listed}</div>'


def layer_sections(run: Evidence) -> Iterator[str]:
    """The first layer's filters, and what layers make of a few images."""
    if run.runner is None:
        yield not_run(run.lack)
        return
    filters = first_filters(run.runner)
    if filters is not None:
        yield section("The first filters", f"{legend([filters])}\n{grid_figure(filters)}")
    try:
        found = examples(run.runner, images_of(run.predictions))
    except MemoryError:
        yield not_run("there is too little memory to keep what all layers make of an image")
        return
    blocks = []
    for example in found:
        layers = "\n".join(grid_figure(grid) for grid in example.layers)
        picture = image_figure(example.shown, run.config.classes)
        blocks.append(f'<div class="beside">{picture}<div>{layers}</div></div>')
    if blocks:
        grids = [grid for example in found for grid in example.layers]
        words = "<p>The first channels of some layers, each in its own range.</p>"
        yield section("What layers make of an image", "\n".join([words, legend(grids), *blocks]))


def not_run(why: str) -> str:
    return section("Layers", f"<p>The net could not be run for this page: {shown(why)}.</p>")


def legend(grids: Sequence[Sheet]) -> str:
    """The diverging scale, where some grid has it."""
    if not any(grid.signed for grid in grids):
        return ""
    bar = diverging(np.linspace(-1, 1, 97).reshape(1, 1, -1))[0].repeat(12, axis=0)
    scale = image(png(Image.fromarray(bar)), "")
    return f"<p>Where numbers have both signs, white is 0, blue less, vermilion more: {scale}</p>"


def grid_figure(grid: Sheet) -> str:
    """Small pictures, with their title and note."""
    pictures = "".join(image(small_png(cell.pixels, SMALL), "") for cell in grid.cells)
    words = f"<b>{shown(grid.title)}</b> {shown(grid.note)}"
    return (
        f'<figure class="layer"><figcaption>{words}</figcaption><div class="small">{pictures}</div></figure>'
    )


def making(run: Evidence) -> str:
    """The facts of the run, all options, and the specification."""
    config = run.config
    seconds = sum(row.seconds for row in run.rows)
    images = ", ".join(f"{count:,} {name}" for name, count in config.images.items())
    facts = {
        "data": f"{config.data}: {images}",
        "net": " ".join([config.net, *config.parameters, *config.inputs]),
        "time": duration(seconds),
        "seed": str(config.seed),
        "cnnspec": config.cnnspec,
    }
    given = {name: value for name, value in config.options.items() if value not in (None, [])}
    facts |= {name.replace("_", " "): option_words(value) for name, value in given.items()}
    items = "".join(f"<dt>{shown(name)}</dt><dd>{shown(value)}</dd>" for name, value in facts.items())
    lines = "\n".join(map(shown, run.spec.splitlines()))
    spec = f'<details><summary>{shown(config.spec)}</summary>\n<pre tabindex="0">{lines}</pre></details>'
    return f"<dl>{items}</dl>\n{spec}"


def option_words(value: object) -> str:
    """An option's value, as the command line has it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def duration(seconds: float) -> str:
    """`86 s`, `12 min`, or `75 h`."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s"
