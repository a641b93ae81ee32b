"""`cnnspec fmt`: specifications in their one layout."""

from __future__ import annotations

import sys
from typing import NamedTuple

import click

from cnnspec.commands.common import Job, difference, find_files, takes_job
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.files import STDIN, read_bytes
from cnnspec.text.source import Source


class FileLayout(NamedTuple):
    """A file and its layout, or its faults."""

    path: str
    name: str  # as it is shown
    before: bytes
    text: str
    faults: list[Diagnostic]

    @property
    def changed(self) -> bool:
        """Byte-order marks and other newlines than `\\n` are laid out, too."""
        return not self.faults and self.text.encode() != self.before


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE|FOLDER]...")
@click.option(
    "--check", "checks", is_flag=True, help="Change nothing; name the files that are laid out otherwise."
)
@click.option("--diff", "differs", is_flag=True, help="Change nothing; show what would change.")
@takes_job
def fmt(job: Job, /, files: tuple[str, ...], checks: bool, differs: bool) -> None:
    """Give FILEs their one layout, in place.

    Only blanks and newlines change. Of a FOLDER all .cnn files are laid out, in it and below; a FILE may be
    a pattern, as `nets/**/*.cnn`. `-` is standard input, laid out to standard output.
    """
    from cnnspec.text.output import write

    layouts = [lay_out(path) for path in find_files(files)]
    for file in layouts:
        # What has changed is UTF-8: anything else is a fault, and faults leave a file unchanged.
        if differs and file.changed:
            click.echo(difference(file.name, file.before.decode(), file.text).encode(), nl=False)
        if checks and file.changed:
            click.echo(f"{file.name}: not formatted")
        if checks or differs or file.faults:
            continue
        if file.path == "-":
            click.echo(file.text.encode(), nl=False)
        elif file.changed:
            write(file.path, file.text, force=True)
            click.echo(f"formatted {file.name}", err=True)
    job.show(tuple(fault for file in layouts for fault in file.faults))
    sys.exit(any(file.faults or ((checks or differs) and file.changed) for file in layouts))


def lay_out(path: str) -> FileLayout:
    """A file as it should be. Raises FileProblem."""
    from cnnspec.faults.reports.glyphs import visible
    from cnnspec.text.decoding import decode
    from cnnspec.text.formatter import layout

    before = read_bytes(path)
    name = STDIN if path == "-" else path
    source = decode(name, before)
    text, faults = layout(source) if isinstance(source, Source) else (None, [source])
    return FileLayout(path, visible(name), before, text or "", faults)
