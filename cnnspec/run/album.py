"""A folder of feature images, a subfolder of sheets for every image, or of kernels; and an index.

The index is one page without scripts, that loads nothing from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple
from urllib.parse import quote

from PIL import Image

from cnnspec import __version__
from cnnspec.faults.reports.glyphs import visible
from cnnspec.run.kernels import sheet_of
from cnnspec.run.programs import Array
from cnnspec.run.runner import Features
from cnnspec.run.sheets import draw_sheet, layer_sheet, overview, plain, png, shape_of
from cnnspec.text.output import MARK, make_folder, write

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
figure { margin: 1.5rem 0 }
img { max-width: 100%; image-rendering: pixelated; border: 1px solid #bbb }
pre { overflow-x: auto }
:root { color-scheme: light dark }
"""


class AlbumSection(NamedTuple):
    """An image: its file, what was found, and the pictures as (file, caption)."""

    title: str
    lines: list[str]
    pictures: list[tuple[str, str]]


def page(title: str, facts: str, sections: Sequence[AlbumSection]) -> str:
    """The page, as HTML that is XML as well."""
    links = "".join(f'<li><a href="#image{i}">{shown(s.title)}</a></li>\n' for i, s in enumerate(sections, 1))
    body = "".join(section(i, part) for i, part in enumerate(sections, 1))
    return (
        f"<!DOCTYPE html>\n<!-- {MARK} {__version__} -->\n"
        '<html xmlns="http://www.w3.org/1999/xhtml" lang="en">\n<head>\n<meta charset="utf-8" />\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1" />\n'
        f"<title>{shown(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{shown(title)}</h1>\n<p>{shown(facts)}</p>\n<ol>\n{links}</ol>\n{body}</body>\n</html>\n"
    )


def section(number: int, part: AlbumSection) -> str:
    figures = "".join(
        f'<figure><img src="{quote(file)}" alt="{shown(caption)}" loading="lazy" />'
        f"<figcaption>{shown(caption)}</figcaption></figure>\n"
        for file, caption in part.pictures
    )
    words = "\n".join(map(shown, part.lines))
    head = f"<h2>{shown(part.title)}</h2>\n<pre>{words}</pre>"
    return f'<section id="image{number}">\n{head}\n{figures}</section>\n'


def shown(text: str) -> str:
    return escape(visible(text))


class Album:
    """The folder, the net's name and sizes, and what was written so far."""

    def __init__(self, folder: str, title: str, facts: str, force: bool) -> None:
        self.folder, self.title, self.facts, self.force = folder, title, facts, force
        self.sections: list[AlbumSection] = []

    def add(
        self,
        title: str,
        where: str,
        lines: list[str],
        pictures: Iterable[tuple[str, str, bytes]],
        tick: Callable[[], None],
    ) -> None:
        """Write pictures into a subfolder, or beside the index, and call `tick` after each.

        Raises FileProblem.
        """
        make_folder(self.folder)
        make_folder(str(Path(self.folder, where)))
        written = []
        for name, caption, data in pictures:
            write(str(Path(self.folder, where, name)), data, self.force)
            written.append((PurePosixPath(where, name).as_posix(), caption))
            tick()
        self.sections.append(AlbumSection(title, lines, written))

    def add_features(
        self,
        path: str,
        image: Image.Image | None,
        lines: list[str],
        shown: Features,
        tick: Callable[[], None],
    ) -> None:
        """Write the pictures of an image or a matrix. Raises FileProblem."""
        where = f"{len(self.sections) + 1}-{safe(PurePath(path).stem)}"
        self.add(path, where, lines, pictures(self.title, image, shown), tick)

    def add_kernels(self, kernels: Iterable[tuple[str, Array]], tick: Callable[[], None]) -> None:
        """Write the pictures of weights, by their keys. Raises FileProblem."""
        self.add("filters", "", [], kernel_pictures(kernels), tick)

    @property
    def index(self) -> tuple[str, str]:
        """The path of the index page, and what stands in it."""
        return str(Path(self.folder, "index.html")), page(self.title, self.facts, self.sections)


def pictures(title: str, image: Image.Image | None, shown: Features) -> Iterator[tuple[str, str, bytes]]:
    """What there is to see: the name of a file, a caption, a PNG."""
    if image is not None:
        yield "input.png", "the image, as the net sees it", png(image)
    for number, (name, value) in enumerate(shown.maps.items()):
        # output.png, output1.png, …
        yield f"output{number or ''}.png", f"{name}, pixel by pixel", plain(value)
    yield "overview.png", "the first channel of each layer", overview(title, shown.layers)
    for number, (name, value) in enumerate(shown.layers.items()):
        yield f"{number:03}-{safe(name)}.png", f"{name}: {shape_of(value)}", layer_sheet(name, value)


def kernel_pictures(kernels: Iterable[tuple[str, Array]]) -> Iterator[tuple[str, str, bytes]]:
    """The sheet of each weight: the name of a file, a caption, a PNG."""
    for number, (key, values) in enumerate(kernels):
        caption = f"{key}: {'x'.join(map(str, values.shape))}"
        yield f"{number:03}-{safe(key)}.png", caption, draw_sheet(sheet_of(key, values))


def safe(name: str) -> str:
    """A name that is a file's on any system."""
    # Without dots at its ends: `..` is a folder, `.a` is hidden, and Windows drops the one behind `a.`.
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name)[:60].strip(".") or "_"
