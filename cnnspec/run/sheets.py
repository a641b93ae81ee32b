"""Feature maps as pictures: contact sheets, each map in its own range of greys, and plain images."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from cnnspec import __version__
from cnnspec.faults.reports.glyphs import visible
from cnnspec.run.programs import Array
from cnnspec.text.output import MARK

MOST = 64
"""Cells of a sheet: channels of a layer, or layers of a net."""

WIDTH, GAP, LARGEST, SMALLEST = (
    840,
    8,
    400,
    420,
)  # pixels: of a sheet, between cells, a cell, a sheet at least
TITLE, SMALL, LINE = 17, 12, 15  # heights of letters, from line to line
INK, SOFT, PAPER = 0, 90, 236


class Cell(NamedTuple):
    """A picture in a sheet: greys (H, W), and the lines below it."""

    pixels: Array
    label: str


def layer_sheet(name: str, value: Array) -> bytes:
    """A layer's value (C, H, W) or (C,), its channels side by side, as PNG."""
    channels, pictures = len(value), pictures_of(value)
    if channels == 1:
        note = "one channel"
    elif len(pictures) == 1:
        note = f"{channels:,} numbers in rows of {pictures.shape[2]}"
    elif len(pictures) < channels:
        note = f"the first {len(pictures)} of {channels:,} channels, each in its own range"
    else:
        note = "each channel in its own range"
    labels = map(str, range(len(pictures))) if len(pictures) > 1 else [""]
    cells = list(map(Cell, pictures, labels))
    return sheet(f"{name}: {shape_of(value)}", f"{note}; {range_of(value)}", cells)


def overview(name: str, values: dict[str, Array]) -> bytes:
    """The first channel of every layer, as PNG."""
    shown = list(values.items())[:MOST]
    cells = [Cell(pictures_of(value)[0], f"{layer}\n{shape_of(value)}") for layer, value in shown]
    which = f"the first {len(shown)} of {len(values):,} layers" if len(shown) < len(values) else "every layer"
    return sheet(name, f"the first channel of {which}, each in its own range", cells, most=6)


def plain(value: Array) -> bytes:
    """A net's output (C, H, W), pixel by pixel, as PNG: three channels as RGB, others side by side."""
    if len(value) == 3:
        image = Image.fromarray(
            greys(value.reshape(1, -1, value.shape[2])).reshape(value.shape).transpose(1, 2, 0)
        )
    else:
        image = Image.fromarray(np.concatenate(list(greys(value[:MOST])), axis=1))
    return png(image)


def png(image: Image.Image) -> bytes:
    """The bytes of a file, with cnnspec's mark."""
    marks = PngInfo()
    marks.add_text("Software", f"{MARK} {__version__}")
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=marks)
    return out.getvalue()


def pictures_of(value: Array) -> Array:
    """Greys of each channel; a vector, or channels of one pixel, as one picture of rows, about square."""
    if value.ndim == 3 and value[0].size > 1:
        return greys(value[:MOST])
    columns = math.ceil(math.sqrt(value.size))
    picture = np.full(math.ceil(value.size / columns) * columns, PAPER, np.uint8)
    picture[: value.size] = greys(value.reshape(1, -1))[0]
    return picture.reshape(1, -1, columns)


def greys(maps: Array) -> Array:
    """(C, H, W) in bytes, each map from its least, black, to its largest, white; no number is black."""
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    known = np.isfinite(flat)
    low = np.where(known, flat, np.inf).min(axis=1, keepdims=True)
    high = np.where(known, flat, -np.inf).max(axis=1, keepdims=True)
    span = np.where(high > low, high - low, 1)
    scaled = np.where(known, (flat - low) / span, 0)
    return (scaled * 255).round().astype(np.uint8).reshape(maps.shape)


def shape_of(value: Array) -> str:
    """`6@28x28`, or `400`."""
    return str(len(value)) if value.ndim == 1 else "{}@{}x{}".format(*value.shape)


def range_of(value: Array) -> str:
    known = value[np.isfinite(value)]
    words = f"from {known.min():.4g} to {known.max():.4g}" if known.size else "no finite number"
    odd = value.size - known.size
    return f"{words}, {odd:,} not finite" if odd and known.size else words


def sheet(title: str, note: str, cells: Sequence[Cell], most: int = 8) -> bytes:
    """Pictures in rows of at most so many, enlarged or reduced to fit, under a title and a note, as PNG."""
    columns = min(most, math.ceil(len(cells) / math.isqrt(len(cells))))
    side = min(LARGEST, (WIDTH - GAP) // columns - GAP)
    pictures = [fit(cell.pixels, side) for cell in cells]
    wide = max(picture.width for picture in pictures) + GAP
    below = max(cell.label.count("\n") + bool(cell.label) for cell in cells) * LINE
    rows = [pictures[i : i + columns] for i in range(0, len(cells), columns)]
    heights = [max(picture.height for picture in row) + below + GAP for row in rows]
    top = GAP + TITLE + LINE + GAP
    page = Image.new("L", (max(SMALLEST, columns * wide + GAP), top + sum(heights)), PAPER)
    draw = ImageDraw.Draw(page)
    write(draw, (GAP, GAP), title, TITLE, page.width - 2 * GAP, INK)
    write(draw, (GAP, GAP + TITLE + 4), note, SMALL, page.width - 2 * GAP, SOFT)
    for i, (picture, cell) in enumerate(zip(pictures, cells, strict=True)):
        row, column = divmod(i, columns)
        left, up = GAP + column * wide, top + sum(heights[:row])
        page.paste(picture, (left, up))
        for j, words in enumerate(cell.label.split("\n")):
            write(draw, (left, up + picture.height + 1 + j * LINE), words, SMALL, wide - GAP, SOFT)
    return png(page)


def fit(pixels: Array, side: int) -> Image.Image:
    """A picture that fits a square: enlarged by whole pixels, or reduced by averages."""
    factor = side // max(pixels.shape)
    if factor:
        return Image.fromarray(pixels.repeat(factor, axis=0).repeat(factor, axis=1))
    image = Image.fromarray(pixels)
    scale = side / max(pixels.shape)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.BOX)


def write(draw: ImageDraw.ImageDraw, at: tuple[int, int], words: str, size: int, room: int, ink: int) -> None:
    """One line of text, cut with an ellipsis where there is no room for it."""
    font = ImageFont.load_default(size)
    shown = words = visible(words[:200])
    while shown and draw.textlength(shown, font) > room:
        words = words[:-1]
        shown = f"{words}…" if words else ""
    draw.text(at, shown, ink, font)
