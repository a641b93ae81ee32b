"""`cnnspec check`: a line for each net that is fine, a report for each that is not."""

from __future__ import annotations

import sys
from typing import Any

import click

from cnnspec.commands.common import Call, named, options, settings_of, takes_call, tell

FORMATS = ("text", "concise", "json", "sarif", "github")


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE|FOLDER]...")
@options
@click.option("--strict", is_flag=True, help="Warnings fail, too.")
@click.option(
    "--format", "style", type=click.Choice(FORMATS), default="text", help="The format of the report."
)
@takes_call
def check(call: Call, /, files: tuple[str, ...], strict: bool, style: str, **choice: Any) -> None:
    """Check every size and every name of the nets in FILEs.

    Of a FOLDER all .cnn files are checked, in it and below; a FILE may be a pattern, as `nets/**/*.cnn`.
    `-` is standard input.
    """
    from cnnspec.tables.one_line import line, listing

    chosen = settings_of(choice)
    tried = [call.attempt(call.check, path, choice["net"], chosen, lint=True) for path in named(files)]
    results = [result for result in tried if result is not None]
    diagnostics = tuple(d for _, found in results for d in found.diagnostics)
    if style in ("text", "concise"):
        for path, found in results:
            for network in found.networks:
                tell(call.attempt(line, path, network) or "")
            if found.ok and found.blocks:
                tell(f"{path}: blocks for others: {', '.join(found.blocks)}")
        call.show(diagnostics, style)
    else:
        from cnnspec.faults import reports

        listed = [call.attempt(listing, path, found.networks) for path, found in results]
        click.echo(reports.render(style, diagnostics, [each for each in listed if each]), nl=False)
        call.unshown.clear()
    failing = ("error", "warning") if strict else ("error",)
    sys.exit(any(d.severity in failing for d in diagnostics))
