"""A folder of feature images: a subfolder of sheets for every image, and an index."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath

from PIL import Image

from cnnspec.run.index_page import Section, page
from cnnspec.run.session import Features
from cnnspec.run.sheets import layer_sheet, overview, plain, png, shape_of
from cnnspec.text.output import make_folder, write


class Album:
    """The folder, the net's name and sizes, and what was written so far."""

    def __init__(self, folder: str, title: str, facts: str, force: bool) -> None:
        self.folder, self.title, self.facts, self.force = folder, title, facts, force
        self.sections: list[Section] = []

    def add(
        self,
        path: str,
        image: Image.Image | None,
        lines: list[str],
        shown: Features,
        tick: Callable[[], None],
    ) -> None:
        """Write the pictures of an image or a matrix, and call `tick` after each. Raises FileProblem."""
        where = f"{len(self.sections) + 1}-{safe(PurePath(path).stem)}"
        make_folder(self.folder)
        make_folder(str(Path(self.folder, where)))
        written = []
        for name, caption, data in pictures(self.title, image, shown):
            write(str(Path(self.folder, where, name)), data, self.force)
            written.append((f"{where}/{name}", caption))
            tick()
        self.sections.append(Section(path, lines, written))

    @property
    def index(self) -> tuple[str, str]:
        """The path of the index page, and what stands in it."""
        return str(Path(self.folder, "index.html")), page(self.title, self.facts, self.sections)


def pictures(title: str, image: Image.Image | None, shown: Features) -> Iterator[tuple[str, str, bytes]]:
    """What there is to see: the name of a file, a caption, a PNG."""
    if image is not None:
        yield "input.png", "the image, as the net sees it", png(image)
    for number, (name, value) in enumerate(shown.maps.items()):
        yield f"output{number or ''}.png", f"{name}, pixel by pixel", plain(value)
    yield "overview.png", "the first channel of each layer", overview(title, shown.layers)
    for number, (name, value) in enumerate(shown.layers.items()):
        yield f"{number:03}-{safe(name)}.png", f"{name}: {shape_of(value)}", layer_sheet(name, value)


def safe(name: str) -> str:
    """A name that is a file's on any system."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name)[:60].strip(".") or "_"
