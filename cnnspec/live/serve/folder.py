"""The folder that is served: its specifications, and nothing else of the disk, are read and written."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cnnspec.text.decoding import decode, encode
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.files import NO_FILE, FileProblem, NoFile, is_inside, read_bytes, stamp_of
from cnnspec.text.output import write
from cnnspec.text.search import specs_below


class FileText(NamedTuple):
    """A text as it is on the disk; `stamp` is another once the file is; "" where there is none."""

    text: str
    stamp: str


class Changed(Exception):
    """The file is another by now than the one that was read."""


class ServedFolder:
    """A folder, by its path. Names are those of files in it, or in folders below, with `/` between."""

    def __init__(self, root: Path) -> None:
        """Raises FileProblem where there is no such folder."""
        if not root.is_dir():
            raise FileProblem(f"{root}: no such folder")
        self.root = root.resolve()

    def names(self) -> list[str]:
        """The specifications of the folder; none that is hidden."""
        return sorted(path.relative_to(self.root).as_posix() for path in specs_below(self.root))

    def path(self, name: str) -> Path:
        """Where a file lies. Raises FileProblem where that is no specification of the folder."""
        parts = name.split("/")
        if not is_inside(name) or "\0" in name or any(part.startswith(".") for part in parts):
            raise FileProblem(f"{name}: is no .cnn file of this folder")
        path = self.root.joinpath(*parts)
        if path.resolve() != path:  # a link, or a name that a file system takes for another
            raise FileProblem(f"{name}: is no .cnn file of this folder")
        return path

    def read(self, name: str) -> FileText:
        """The text of a file; an empty one where there is none. Raises FileProblem where it is no text."""
        path = self.path(name)
        try:
            found = decode(name, read_bytes(str(path)))
        except NoFile:
            return FileText("", "")
        if isinstance(found, Diagnostic) and not found.fixes:  # saving what is shown would change other bytes
            raise FileProblem(f"{name}: {found.message}")
        source = found.span.source if isinstance(found, Diagnostic) else found
        return FileText(source.text, self.stamp(name))

    def write(self, name: str, text: str, stamp: str | None) -> FileText:
        """Write a text whole, in the newlines that its file has. Raises FileProblem.

        Raises Changed where the file is not that of the stamp; None: whatever it is by now.
        """
        path = self.path(name)
        if stamp is not None and stamp != self.stamp(name):
            raise Changed(f"{name} was changed by someone else")
        try:
            before = read_bytes(str(path))
        except NoFile:
            before = b""
        write(str(path), encode(text, before), force=True)
        return FileText(text, self.stamp(name))

    def stamp(self, name: str) -> str:
        """What is another once the file is; "" where there is none."""
        found = stamp_of(str(self.path(name)))
        return "" if found == NO_FILE else f"{found[0]}-{found[1]}"
