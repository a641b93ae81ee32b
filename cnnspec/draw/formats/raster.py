"""SVG to PNG and PDF, by the packages of the extra `draw`."""

from __future__ import annotations

import io
import math
import re
import struct
import zlib

from cnnspec import __version__
from cnnspec.draw.formats.fonts import LACKING, find_font, packaged, set_in
from cnnspec.draw.graph.graphviz_engine import DrawProblem
from cnnspec.draw.svg import FAMILIES
from cnnspec.text.output import MARK

HEADER = 33  # bytes of a PNG before its first chunk but one
MOST_PIXELS, LONGEST = 40_000_000, 16_000  # of a picture, of a side of it
COVERED = {"\n", *map(chr, range(0x20, 0x7F)), *map(chr, range(0xA0, 0x100)), *"−–…"}  # by our own font
ZOOM = 300 / 96  # times the dots of a screen: what is printed wants 300 an inch


def png(svg: str, mark: str, font: str = "") -> bytes:
    """The SVG in pixels, with its size on paper, and a mark in a text chunk. Raises DrawProblem."""
    own, chosen = packaged(), [find_font(font)] if font else []
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        raise DrawProblem(LACKING.format("PNG files")) from None
    times = zoom(svg)
    data = bytes(
        svg_to_bytes(
            svg_string=set_in(svg, font) if font else svg,
            dpi=96,
            zoom=times,
            background=paper(svg),
            font_files=[file for each in (own, *chosen) for file in (each.plain, each.bold)],
            sans_serif_family=own.family,
            skip_system_fonts=set(svg) <= COVERED,  # else other machines would draw other letters
        )
    )
    # 300 dots an inch are 96 * 3.125 / 0.0254 = 11,811 a metre; 1: of metres
    a_metre = round(96 * times / 0.0254)
    size = chunk(b"pHYs", struct.pack(">IIB", a_metre, a_metre, 1))
    words = chunk(b"tEXt", b"Software\0" + mark.encode("latin-1", "replace"))
    return data[:HEADER] + size + words + data[HEADER:]


def paper(svg: str) -> str:
    """The colour of the page: its last row and column of pixels may be covered in part only."""
    found = re.search(r'<rect [^>]*fill="(#[0-9a-fA-F]{6})"', svg)
    assert found is not None
    return found.group(1)


def zoom(svg: str) -> float:
    """How much larger than on a screen of 96 dots an inch: as print wants it, less where that is huge."""
    head = re.search(r'<svg[^>]*? width="([\d.]+)pt" height="([\d.]+)pt"', svg)
    assert head is not None
    width, height = (float(side) * 96 / 72 for side in head.groups())
    return min(ZOOM, math.sqrt(MOST_PIXELS / (width * height)), LONGEST / max(width, height))


def chunk(kind: bytes, content: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def pdf(svg: str, title: str, font: str = "") -> bytes:
    """The SVG as one page of PDF, its text still text, its fonts within. Raises DrawProblem."""
    chosen = find_font(font) if font else packaged()
    try:
        from reportlab.graphics import renderPDF  # type: ignore[import-untyped]
        from reportlab.pdfbase.pdfmetrics import baseGFont  # type: ignore[import-untyped]
        from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]
        from svglib.fonts import register_font
        from svglib.svglib import svg2rlg
    except ImportError:
        raise DrawProblem(LACKING.format("PDF files")) from None
    family = f"font{zlib.crc32(chosen.plain.encode()):x}"  # a name that is taken would keep its first file
    taken = [register_font(family, chosen.plain), register_font(family, chosen.bold, weight="bold")]
    if not all(done for _, done in taken):
        raise DrawProblem(f"font: {chosen.plain} cannot stand in a PDF: TrueType outlines are wanted")
    drawing = svg2rlg(io.BytesIO(svg.replace(FAMILIES, family).encode()))
    if drawing is None:
        raise DrawProblem("the picture could not be turned into PDF: write an SVG instead")
    out = io.BytesIO()

    class Embedding(Canvas):  # type: ignore[misc]
        """Never sets the font that reportlab begins with, which is not embedded; each text names its own."""

        def setFont(self, psfontname: str, *size: float) -> None:  # noqa: N802  # reportlab's name
            super().setFont(family if psfontname == baseGFont() else psfontname, *size)

    canvas = Embedding(out, pagesize=(drawing.width, drawing.height), invariant=1, initialFontName=family)
    canvas.setTitle(title)
    canvas.setAuthor("")  # reportlab would name one, and a subject
    canvas.setSubject("")
    canvas.setCreator(f"cnnspec {__version__}")
    canvas.setProducer(f"{MARK} {__version__}")
    renderPDF.draw(drawing, canvas, 0, 0)
    canvas.save()
    # The producer may stand anywhere in the file; behind its end the mark is found at once.
    return out.getvalue() + f"% {MARK}\n".encode()
