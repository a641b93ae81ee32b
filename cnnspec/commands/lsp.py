"""`cnnspec lsp`: the language server, for editors to start."""

from __future__ import annotations

import os
import sys

import click

from cnnspec.commands import config
from cnnspec.commands.common import complain
from cnnspec.faults.selection import Selection, parse_codes


@click.command()
@click.option("--stdio", is_flag=True, help="Speak over standard input and output, as it does anyway.")
def lsp(stdio: bool) -> None:
    """Serve an editor: faults, fixes, the size behind every line."""
    from cnnspec.live.lsp.server import LanguageServer

    if sys.stdin.isatty():
        complain("`lsp` waits for an editor to speak to it; grammars/editors.md says how editors start it")
    # A reader of its own: the thread that waits in it keeps no lock that Python wants when it ends.
    incoming = open(sys.stdin.fileno(), "rb", closefd=False)  # noqa: SIM115
    outgoing = sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever prints must not get between messages
    sys.exit(LanguageServer(incoming, outgoing, selection_of).run())


def selection_of(name: str) -> Selection:
    """The warnings that `cnnspec check` shows of a file, as the configuration nearest to it chooses them.

    All of them, where that cannot be used: `check` says why.
    """
    try:
        found = config.find(os.path.dirname(name))  # noqa: PTH120
        values = {**found.values, **found.values.get("check", {})} if found is not None else {}
        return Selection(
            parse_codes(values.get("select", ()), True), parse_codes(values.get("ignore", ()), False)
        )
    except (config.Unusable, ValueError, TypeError, AttributeError):
        return Selection()
