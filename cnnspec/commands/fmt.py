"""`cnnspec fmt`: specifications in their one layout."""

from __future__ import annotations

import sys

import click

from cnnspec.commands.common import Job, find_files, takes_job
from cnnspec.commands.rewriting import Rewrite, name_of
from cnnspec.faults.reports.glyphs import visible
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.files import read_bytes
from cnnspec.text.source import Source


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
    layouts = [lay_out(path) for path in find_files(files)]
    for file, faults in layouts:
        name = visible(file.name)
        if differs:
            file.show()
        if checks and file.changes:
            click.echo(f"{name}: not formatted")
        if checks or differs or faults:
            continue
        file.write()
        if file.changes and file.path != "-":
            click.echo(f"formatted {name}", err=True)
    job.show(tuple(fault for _, faults in layouts for fault in faults))
    sys.exit(any(faults or ((checks or differs) and file.changes) for file, faults in layouts))


def lay_out(path: str) -> tuple[Rewrite, list[Diagnostic]]:
    """A file as it should be, and its faults, with which it stays as it is. Raises FileProblem."""
    from cnnspec.text.decoding import decode
    from cnnspec.text.formatter import layout

    before = read_bytes(path)
    source = decode(name_of(path), before)
    text, faults = layout(source) if isinstance(source, Source) else (None, [source])
    # Byte-order marks and other newlines than `\n` are laid out, too.
    return Rewrite(path, before, before if faults or text is None else text.encode()), faults
