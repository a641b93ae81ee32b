"""`cnnspec lsp`: the language server, for editors to start."""

from __future__ import annotations

import sys

import click

from cnnspec.commands.common import complain


@click.command()
@click.option("--stdio", is_flag=True, help="Speak over standard input and output, as it does anyway.")
def lsp(stdio: bool) -> None:
    """Serve an editor: faults, fixes, the size behind every line."""
    from cnnspec.live.lsp.server import Server

    if sys.stdin.isatty():
        complain("`lsp` waits for an editor to speak to it; grammars/editors.md says how editors start it")
    # A reader of its own: the thread that waits in it keeps no lock that Python wants when it ends.
    incoming = open(sys.stdin.fileno(), "rb", closefd=False)  # noqa: SIM115
    outgoing = sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever prints must not get between messages
    sys.exit(Server(incoming, outgoing).run())
