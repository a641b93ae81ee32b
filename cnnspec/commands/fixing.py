"""What `check --fix` makes of files: their text with fixes made, in the bytes that they had."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from cnnspec.commands.common import Job, SpecFile
from cnnspec.commands.rewriting import Rewrite, name_of
from cnnspec.faults.fixes.mend import Made, describe, mend
from cnnspec.faults.reports.glyphs import visible
from cnnspec.text.decoding import decode, encode
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.files import read_bytes
from cnnspec.text.source import Source

if TYPE_CHECKING:
    from cnnspec.compiler import Checked
    from cnnspec.elaborate.settings import Settings


class Fixed(NamedTuple):
    """A file after its fixes were made, in memory; what it holds then."""

    file: Rewrite
    found: Checked
    made: tuple[Made, ...]


def fix_file(job: Job, path: str, net: str | None, settings: Settings, unsafe: bool) -> Fixed:
    """Check a file and make its fixes. Raises UsageError."""
    name, bound = name_of(path), settings.text_limits.max_source
    before = read_bytes(path, bound)
    source = decode(name, before, bound)
    if isinstance(source, Diagnostic):
        found = job.check(SpecFile(name, source), net, settings, lint=True)
        return Fixed(Rewrite(path, before, before), found, ())

    earlier = len(job.unshown)

    def check(text: str, skip: int) -> Checked:
        del job.unshown[earlier:]  # those of the round before
        return job.check(SpecFile(name, Source(name, text)), net, settings, lint=True, skip=skip)

    mended = mend(source.text, check, unsafe)
    # As `before` was: with its byte-order mark and its newlines.
    after = encode(mended.text, before) if mended.made else before
    return Fixed(Rewrite(path, before, after), mended.found, mended.made)


def write_fixed(fixed: Fixed) -> None:
    """Write what was fixed, and tell which fixes were made."""
    fixed.file.write()
    for fault, fix in fixed.made:
        done = ", ".join(map(describe, fix.edits[:3])) + (", …" if len(fix.edits) > 3 else "")
        click.echo(visible(f"fixed {fault.span}: {fault.code}: {done}"), err=True)
