"""`cnnspec serve`: a page on this machine that shows what a text makes as one types it."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import click

from cnnspec.commands.common import complain, fail
from cnnspec.faults.reports.glyphs import visible
from cnnspec.text.files import only_spec

STACK = 64 << 20
"""Bytes of a thread's stack: a check goes as deep in one as anywhere."""


@click.command()
@click.argument("file", required=False)
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Of the page; a free one without it.")
@click.option("--open", "opens", is_flag=True, help="Show the page in a browser.")
def serve(file: str | None, port: int, opens: bool) -> None:
    """Edit a net in the browser, and see what it makes as you type.

    That is the size behind every line, faults with their fixes, the table and the picture. Nobody but this
    machine reaches the page, and it takes the address that is printed. It reads and writes the .cnn files in
    the folder of FILE and below. Ctrl-C ends it.
    """
    from cnnspec.live.serve.folder import ServedFolder
    from cnnspec.live.serve.server import PageServer
    from cnnspec.values.limits import allow_deep_calls

    path = Path(file or only_spec())
    folder = ServedFolder(path.parent)
    folder.read(path.name)
    # Before the server, whose threads take the size that holds when they start.
    threading.stack_size(STACK)
    try:
        server = PageServer(folder, path.name, port)
    except OSError as problem:
        fail(f"--port {port}: {problem.strerror}")
    click.echo(visible(f"{path} stands at {server.address}"))
    click.echo("Ctrl-C ends it", err=True)
    sys.stdout.flush()
    if opens and click.launch(server.address) != 0:
        complain("--open: nothing here shows it")
    server.desk.warm()
    with allow_deep_calls(), server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.exit(0)
