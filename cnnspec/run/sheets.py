"""Feature maps as pictures: contact sheets, each map in its own range of the scale, and plain images."""

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
from cnnspec.run.scales import PAPER, diverging, greys, is_signed, pictures_of, pixels
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
INK, SOFT = 0, 90
SCALE = 97  # pixels that the scale of signed maps is wide


class SheetTile(NamedTuple):
    """A picture in a sheet: greys (H, W) or colours (H, W, 3), and the lines below it."""

    pixels: Array
    label: str


class Sheet(NamedTuple):
    """Pictures in rows, under a title and a note; `signed`: some have the diverging scale."""

    title: str
    note: str
    cells: Sequence[SheetTile]
    signed: bool
    columns: int


def layer_sheet(name: str, value: Array) -> bytes:
    """A layer's value (C, H, W) or (C,), its channels side by side, as PNG."""
    signed = is_signed(value)
    channels, pictures = len(value), pictures_of(value, MOST, signed)
    if channels == 1:
        note = "one channel"
    elif len(pictures) == 1:
        note = f"{channels:,} numbers in rows of {pictures.shape[2]}"
    elif len(pictures) < channels:
        note = f"the first {len(pictures)} of {channels:,} channels, each in its own range"
    else:
        note = "each channel in its own range"
    labels = map(str, range(len(pictures))) if len(pictures) > 1 else [""]
    cells = list(map(SheetTile, pictures, labels))
    title, note = f"{name}: {shape_of(value)}", f"{note}; {range_of(value)}"
    return draw_sheet(Sheet(title, note, cells, signed, about_square(len(cells), 8)))


def overview(name: str, values: dict[str, Array]) -> bytes:
    """The first channel of every layer, as PNG."""
    shown = [(layer, value, is_signed(value)) for layer, value in list(values.items())[:MOST]]
    cells = [
        SheetTile(pictures_of(value, 1, signed)[0], f"{layer}\n{shape_of(value)}")
        for layer, value, signed in shown
    ]
    which = f"the first {len(shown)} of {len(values):,} layers" if len(shown) < len(values) else "every layer"
    note = f"the first channel of {which}, each in its own range"
    any_signed = any(signed for *_, signed in shown)
    return draw_sheet(Sheet(name, note, cells, any_signed, about_square(len(cells), 6)))


def plain(value: Array) -> bytes:
    """A net's output (C, H, W), pixel by pixel, as PNG: three channels as RGB, others side by side."""
    # As one map, so that all three share a range: each in its own would shift the colours.
    if len(value) == 3:
        image = Image.fromarray(
            greys(value.reshape(1, -1, value.shape[2])).reshape(value.shape).transpose(1, 2, 0)
        )
    else:
        image = Image.fromarray(np.concatenate(list(pixels(value[:MOST], is_signed(value))), axis=1))
    return png(image)


def png(image: Image.Image) -> bytes:
    """The bytes of a file, with cnnspec's mark."""
    marks = PngInfo()
    marks.add_text("Software", f"{MARK} {__version__}")
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=marks)
    return out.getvalue()


def shape_of(value: Array) -> str:
    """`6@28x28`, or `400`."""
    return str(len(value)) if value.ndim == 1 else "{}@{}x{}".format(*value.shape)


def range_of(value: Array) -> str:
    known = value[np.isfinite(value)]
    words = f"from {known.min():.4g} to {known.max():.4g}" if known.size else "no finite number"
    odd = value.size - known.size
    return f"{words}, {odd:,} not finite" if odd and known.size else words


def draw_sheet(sheet: Sheet) -> bytes:
    """A sheet as PNG, its pictures enlarged or reduced to fit; a diverging scale stands beside the title."""
    title, note, cells, signed, columns = sheet
    # 8 columns: (840 - 8) // 8 - 8 = 96 pixels; one column: LARGEST.
    side = min(LARGEST, (WIDTH - GAP) // columns - GAP)
    pictures = [fit(cell.pixels, side) for cell in cells]
    wide = max(picture.width for picture in pictures) + GAP
    below = max(cell.label.count("\n") + bool(cell.label) for cell in cells) * LINE
    rows = [pictures[i : i + columns] for i in range(0, len(cells), columns)]
    heights = [max(picture.height for picture in row) + below + GAP for row in rows]
    top = GAP + TITLE + LINE + GAP
    # An image of greys holds a third of the bytes of one in colours.
    mode = "L" if all(cell.pixels.ndim == 2 for cell in cells) and not signed else "RGB"
    page = Image.new(mode, (max(SMALLEST, columns * wide + GAP), top + sum(heights)), grey(mode, PAPER))
    draw = ImageDraw.Draw(page)
    room = page.width - 2 * GAP
    write(draw, (GAP, GAP), title, TITLE, room - signed * (SCALE + 4 * GAP), INK)
    write(draw, (GAP, GAP + TITLE + 4), note, SMALL, room, SOFT)
    if signed:
        scale(page, draw)
    for i, (picture, cell) in enumerate(zip(pictures, cells, strict=True)):
        row, column = divmod(i, columns)
        left, up = GAP + column * wide, top + sum(heights[:row])
        page.paste(picture, (left, up))
        for j, words in enumerate(cell.label.split("\n")):
            write(draw, (left, up + picture.height + 1 + j * LINE), words, SMALL, wide - GAP, SOFT)
    return png(page)


def about_square(count: int, most: int) -> int:
    """Columns for so many cells, at most `most`, in about as many rows or more."""
    # 6 cells: 3 columns in 2 rows.
    return min(most, math.ceil(count / math.isqrt(count)))


def scale(page: Image.Image, draw: ImageDraw.ImageDraw) -> None:
    """The diverging scale in the upper right corner, from - to +, its 0 in the middle."""
    left = page.width - GAP - 2 * SMALL - SCALE
    bar = diverging(np.linspace(-1, 1, SCALE).reshape(1, 1, -1))[0].repeat(LINE, axis=0)
    page.paste(Image.fromarray(bar), (left + SMALL, GAP))
    for words, right in (("-", 4), ("0", SMALL + SCALE // 2 - 3), ("+", SMALL + SCALE + 3)):
        write(draw, (left + right, GAP), words, SMALL, SMALL, INK)


def fit(pixels: Array, side: int) -> Image.Image:
    """A picture that fits a square: enlarged by whole pixels, or reduced by averages."""
    longest = max(pixels.shape[:2])
    factor = side // longest
    if factor:
        return Image.fromarray(pixels.repeat(factor, axis=0).repeat(factor, axis=1))
    image = Image.fromarray(pixels)
    scale = side / longest
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.BOX)


def write(draw: ImageDraw.ImageDraw, at: tuple[int, int], words: str, size: int, room: int, ink: int) -> None:
    """One line of text, cut with an ellipsis where there is no room for it."""
    font = ImageFont.load_default(size)
    # Cut first: for each letter less the loop measures all that is left anew.
    shown = words = visible(words[:200])
    while shown and draw.textlength(shown, font) > room:
        words = words[:-1]
        shown = f"{words}…" if words else ""
    draw.text(at, shown, grey(draw.mode, ink), font)


def grey(mode: str, level: int) -> int | tuple[int, int, int]:
    """A grey as an image of that mode takes it."""
    return level if mode == "L" else (level, level, level)
