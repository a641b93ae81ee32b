"""What `check --fix` makes of files: their text with fixes made, in the bytes that they had."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from cnnspec.commands.common import Job, SpecFile, difference
from cnnspec.faults.fixes.mend import Made, describe, mend
from cnnspec.faults.reports.glyphs import visible
from cnnspec.text.decoding import decode, encode
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.files import STDIN, read_bytes
from cnnspec.text.output import write
from cnnspec.text.source import Source

if TYPE_CHECKING:
    from cnnspec.compiler import Checked
    from cnnspec.elaborate.settings import Settings


class Fixed(NamedTuple):
    """A file after its fixes were made, in memory."""

    path: str
    name: str  # as it is shown
    before: bytes
    after: bytes
    found: Checked
    made: tuple[Made, ...]


def fix_file(job: Job, path: str, net: str | None, settings: Settings, unsafe: bool) -> Fixed:
    """Check a file and make its fixes. Raises UsageError."""
    name = STDIN if path == "-" else path
    before = read_bytes(path, settings.text_limits.max_source)
    source = decode(name, before, settings.text_limits.max_source)
    if isinstance(source, Diagnostic):
        found = job.check(SpecFile(name, source), net, settings, lint=True)
        return Fixed(path, name, before, before, found, ())

    earlier = len(job.unshown)

    def check(text: str, skip: int) -> Checked:
        del job.unshown[earlier:]  # those of the round before
        return job.check(SpecFile(name, Source(name, text)), net, settings, lint=True, skip=skip)

    mended = mend(source.text, check, unsafe)
    # As `before` was: with its byte-order mark and its newlines.
    after = encode(mended.text, before) if mended.made else before
    return Fixed(path, name, before, after, mended.found, mended.made)


def write_fixed(file: Fixed, differs: bool) -> None:
    """Write what was fixed, standard input to standard output; or show how it would differ."""
    if differs:
        before, after = (each.decode(errors="replace") for each in (file.before, file.after))
        # As bytes: Windows would turn each newline of a text into two signs.
        click.echo(difference(visible(file.name), before, after).encode(), nl=False)
        return
    if file.path == "-":
        click.echo(file.after, nl=False)
    elif file.after != file.before:
        write(file.path, file.after, force=True)
    for fault, fix in file.made:
        done = ", ".join(map(describe, fix.edits[:3])) + (", …" if len(fix.edits) > 3 else "")
        click.echo(visible(f"fixed {fault.span}: {fault.code}: {done}"), err=True)
