"""SVG to PNG and PDF, by the packages of the extra `draw`."""

from __future__ import annotations

import io
import math
import struct
import zlib
from importlib.util import find_spec
from pathlib import Path

from cnnspec import __version__
from cnnspec.draw.engine import DrawProblem
from cnnspec.draw.style import FONT
from cnnspec.draw.svg import FAMILIES
from cnnspec.output import MARK

LACKING = "{} need the extra `draw`: pip install 'cnnspec[draw]'"
MOST_PIXELS, LONGEST = 40_000_000, 16_000  # of a picture, of a side of it
ZOOM = 2.0


def fonts() -> tuple[str, str]:
    """A plain and a bold font that come with a package: a fresh machine has none. Raises DrawProblem.

    Bitstream Vera has the widths of the font that Graphviz measures with, DejaVu Sans, which grew from it.
    """
    found = find_spec("reportlab")
    for folder in found.submodule_search_locations or () if found else ():
        plain, bold = Path(folder, "fonts", "Vera.ttf"), Path(folder, "fonts", "VeraBd.ttf")
        if plain.is_file() and bold.is_file():
            return str(plain), str(bold)
    raise DrawProblem(LACKING.format("PNG and PDF"))


def png(svg: str, mark: str) -> bytes:
    """The SVG in pixels, with a mark in a text chunk. Raises DrawProblem."""
    files = fonts()
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        raise DrawProblem(LACKING.format("PNG files")) from None
    data = bytes(
        svg_to_bytes(
            svg_string=svg,
            dpi=96,
            zoom=zoom(svg),
            font_files=list(files),
            sans_serif_family="Bitstream Vera Sans",
        )
    )
    return with_text(data, "Software", mark)


def zoom(svg: str) -> float:
    """Twice the size that a screen of 96 dots an inch asks for, or less where that would be huge."""
    box = svg.split('viewBox="0 0 ', 1)[1].split('"', 1)[0]
    width, height = (float(side) * 96 / 72 for side in box.split())
    return min(ZOOM, math.sqrt(MOST_PIXELS / (width * height)), LONGEST / max(width, height))


def with_text(data: bytes, key: str, words: str) -> bytes:
    """A PNG with a text chunk behind its header, which is always 33 bytes long."""
    body = b"tEXt" + key.encode("latin-1") + b"\0" + words.encode("latin-1", "replace")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:33] + chunk + data[33:]


def pdf(svg: str, title: str) -> bytes:
    """The SVG as one page of PDF, its text still text. Raises DrawProblem."""
    plain, bold = fonts()
    try:
        from reportlab.graphics import renderPDF  # type: ignore[import-untyped]
        from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]
        from svglib.fonts import register_font
        from svglib.svglib import svg2rlg
    except ImportError:
        raise DrawProblem(LACKING.format("PDF files")) from None
    register_font(FONT, plain)
    register_font(FONT, bold, weight="bold")
    drawing = svg2rlg(io.BytesIO(svg.replace(FAMILIES, FONT).encode()))
    if drawing is None:
        raise DrawProblem("the picture could not be turned into PDF: write an SVG instead")
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(drawing.width, drawing.height), invariant=1)
    canvas.setTitle(title)
    canvas.setProducer(f"{MARK} {__version__}")
    renderPDF.draw(drawing, canvas, 0, 0)
    canvas.save()
    # The producer may stand anywhere in the file; behind its end the mark is found at once.
    return out.getvalue() + f"% {MARK}\n".encode()
