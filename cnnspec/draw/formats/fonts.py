"""Fonts: the one that comes with a package, and those of the user, by a family's name or by a file's."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from cnnspec.draw.graph.graphviz_engine import DrawProblem
from cnnspec.draw.metrics import measured_by
from cnnspec.draw.svg import FAMILIES

LACKING = "{} need the extra `draw`: pip install 'cnnspec[draw]'"
SUFFIXES = (".ttf", ".otf")
PLAIN, BOLD = ("regular", "book", "roman", "normal", "medium"), "bold"  # how styles are called
FAMILY, STYLE = (1, 16), (2, 17)  # records of a font's table `name`, the better last


class Font(NamedTuple):
    """A family, and the files of its plain and its bold letters."""

    family: str
    plain: str
    bold: str


def packaged() -> Font:
    """The font that comes with a package: a fresh machine has none. Raises DrawProblem.

    Bitstream Vera has the widths of the font that Graphviz measures with, DejaVu Sans, which grew from it.
    """
    found = find_spec("reportlab")
    for folder in found.submodule_search_locations or () if found else ():
        plain, bold = Path(folder, "fonts", "Vera.ttf"), Path(folder, "fonts", "VeraBd.ttf")
        if plain.is_file() and bold.is_file():
            return Font("Bitstream Vera Sans", str(plain), str(bold))
    raise DrawProblem(LACKING.format("PNG and PDF"))


def find_font(words: str) -> Font:
    """The font of a file, or of a family that is installed here. Raises DrawProblem."""
    if not words.lower().endswith(SUFFIXES):
        styles = styles_of(words, (file for folder in folders() for file in fonts_in(folder)))
        plain = next((styles[name] for name in PLAIN if name in styles), None)
        if plain is None:
            raise DrawProblem(f"font: no family {words!r} is installed here; a file may be named instead")
        return Font(words, plain, styles.get(BOLD, plain))
    try:
        family = names(Path(words))[0]
    except OSError as problem:
        raise DrawProblem(f"font: {words}: {problem.strerror or 'cannot be read'}") from None
    except ValueError:
        raise DrawProblem(f"font: {words} is no TrueType or OpenType font") from None
    return Font(family, words, styles_of(family, fonts_in(Path(words).parent)).get(BOLD, words))


def set_in(svg: str, words: str) -> str:
    """A page in a font: its family stands before those that stand in for it. Raises DrawProblem."""
    return svg.replace(FAMILIES, f"'{escape(family_of(words))}',{FAMILIES}")


def family_of(words: str) -> str:
    """The family of a font's file, or the one that is named, which need not be installed here.

    What would end the name where it is quoted is left out. Raises DrawProblem.
    """
    family = find_font(words).family if words.lower().endswith(SUFFIXES) else words
    return "".join(c for c in family if c.isprintable() and c not in "'\"\\")


def measure_in(words: str) -> AbstractContextManager[None]:
    """Within, words are as wide as a font's file draws them; a family may be another elsewhere: as usual.

    Raises DrawProblem.
    """
    if not words.lower().endswith(SUFFIXES):
        return nullcontext()
    font = find_font(words)
    try:
        return measured_by(widths(font.plain), widths(font.bold))
    except (OSError, ValueError, struct.error):
        raise DrawProblem(f"font: {words} does not tell how wide its letters are") from None


def styles_of(family: str, files: Iterable[Path]) -> dict[str, str]:
    """The files of a family by their styles; of equal ones the first."""
    found: dict[str, str] = {}
    for file in files:
        try:
            other, style = names(file)
        except (OSError, ValueError):
            continue
        if other.casefold() == family.casefold():
            found.setdefault(style.casefold(), str(file))
    return found


def folders() -> list[Path]:
    """Where a system keeps its users' fonts, and its own."""
    home = Path.home()
    if sys.platform == "win32":
        local, system = (os.environ.get(name, "") for name in ("LOCALAPPDATA", "WINDIR"))
        return [Path(local, "Microsoft", "Windows", "Fonts"), Path(system, "Fonts")]
    if sys.platform == "darwin":
        return [home / "Library/Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts")]
    data = os.environ.get("XDG_DATA_HOME") or home / ".local/share"
    return [Path(data, "fonts"), home / ".fonts", Path("/usr/local/share/fonts"), Path("/usr/share/fonts")]


def fonts_in(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES)


def names(file: Path) -> tuple[str, str]:
    """The names of a font's family and of its style. Raises OSError; ValueError where it is no font."""
    try:
        return family_and_style(table(file, b"name"))
    except struct.error:
        raise ValueError(file) from None


def table(file: Path, tag: bytes) -> bytes:
    """A table of a font. Raises OSError, struct.error; ValueError where it has none.

    https://learn.microsoft.com/typography/opentype/spec
    """
    with file.open("rb") as data:
        # a font begins with its version, the number of its tables and three numbers for searching
        (count,) = struct.unpack(">4xH6x", data.read(12))
        for _ in range(count):
            found, start, size = struct.unpack(">4s4xII", data.read(16))
            if found == tag:
                data.seek(start)
                return data.read(size)
    raise ValueError(file)


def family_and_style(table: bytes) -> tuple[str, str]:
    """What a table `name` says in English. Raises ValueError, struct.error."""
    count, texts = struct.unpack_from(">2xHH", table)
    found: dict[int, str] = {}
    for i in range(count):
        platform, _, language, name, size, start = struct.unpack_from(">6H", table, 6 + 12 * i)
        text = table[texts + start : texts + start + size]
        # Windows, English of the United States; else Macintosh, English
        if platform == 3 and language == 0x409:
            found[name] = text.decode("utf-16-be", "replace")
        elif platform == 1 and language == 0:
            found.setdefault(name, text.decode("mac-roman", "replace"))
    family, style = (next((found[n] for n in reversed(each) if n in found), "") for each in (FAMILY, STYLE))
    if not family:
        raise ValueError
    return family, style


@lru_cache(4)
def widths(file: str) -> dict[str, float]:
    """By character the advance width, in thousandths of the letters' size. Raises as `table` does."""
    head, hhea, hmtx = (table(Path(file), tag) for tag in (b"head", b"hhea", b"hmtx"))
    # unitsPerEm of `head`, numberOfHMetrics of `hhea`
    (units,), (count,) = struct.unpack_from(">H", head, 18), struct.unpack_from(">H", hhea, 34)
    # the list of advances may be shorter than the glyphs are many: the last is that of all others
    advances = [advance * 1000 / units for advance, _ in struct.iter_unpack(">Hh", hmtx[: 4 * count])]
    return {chr(code): advances[min(glyph, count - 1)] for code, glyph in glyphs(table(Path(file), b"cmap"))}


def glyphs(cmap: bytes) -> Iterator[tuple[int, int]]:
    """Characters of the basic plane and their glyphs: of a table `cmap` the part in format 4."""
    for at in range(4, 4 + 8 * struct.unpack_from(">2xH", cmap)[0], 8):
        (start,) = struct.unpack_from(">4xI", cmap, at)
        kind, size = struct.unpack_from(">H4xH", cmap, start)  # the size of each of four lists
        if kind == 4:
            # ends, then 2 bytes of padding, starts, deltas, offsets: characters in stretches, as 65 to 90
            lists = (start + 14, *(start + 16 + i * size for i in (1, 2, 3)))
            parts = zip(*(struct.unpack_from(f">{size // 2}H", cmap, place) for place in lists), strict=True)
            for i, (last, first, delta, offset) in enumerate(parts):
                for code in range(first, last + 1):
                    # offset 0: code + delta; else the glyph of `first` stands so far behind the offset itself
                    glyph, place = code, lists[3] + 2 * i + offset + 2 * (code - first)
                    if offset:
                        # the last stretch is 0xFFFF, whose offset may lead out of the table
                        (glyph,) = struct.unpack_from(">H", cmap, place) if code < 0xFFFF else (0,)
                    # glyph 0 stands for a character that the font lacks: nothing is added to it
                    yield code, (glyph + delta) & 0xFFFF if glyph or not offset else 0
            return
