"""Files that a call writes anew where they lie, as `fmt` and `check --fix` do, or shows the changes of."""

from __future__ import annotations

from typing import NamedTuple

import click

from cnnspec.faults.reports.glyphs import visible
from cnnspec.text.files import STDIN
from cnnspec.text.output import write


class Rewrite(NamedTuple):
    """A file as it is, and as it is to be."""

    path: str
    before: bytes
    after: bytes

    @property
    def name(self) -> str:
        """As reports call it."""
        return name_of(self.path)

    @property
    def changes(self) -> bool:
        return self.after != self.before

    def show(self) -> None:
        """Print how the file would differ, as `patch` takes it; nothing where it would not."""
        from difflib import unified_diff

        old, new = (x.decode(errors="replace").splitlines(keepends=True) for x in (self.before, self.after))
        name = visible(self.name)
        lines = (
            # As `diff` does it, so that `patch` leaves a last line without its newline.
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in unified_diff(old, new, name, name)
        )
        # As bytes: Windows would turn each newline of a text into two signs.
        click.echo("".join(lines).encode(), nl=False)

    def write(self) -> None:
        """Write what has changed; of standard input all of it, to standard output."""
        if self.path == "-":
            click.echo(self.after, nl=False)
        elif self.changes:
            write(self.path, self.after, force=True)


def name_of(path: str) -> str:
    """What reports call the file at a path."""
    return STDIN if path == "-" else path
