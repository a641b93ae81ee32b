"""`cnnspec lsp`: the language server, for editors to start."""

from __future__ import annotations

import sys

import click


@click.command()
@click.option("--stdio", is_flag=True, help="Speak over standard input and output, as it does anyway.")
def lsp(stdio: bool) -> None:
    """Serve an editor: faults, fixes, the size behind every line."""
    from cnnspec.live.lsp.server import Server

    outgoing = sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever prints must not get between messages
    sys.exit(Server(sys.stdin.buffer, outgoing).run())
