"""`cnnspec zoo`: the specifications that ship, since an installed user has no specs folder."""

from __future__ import annotations

import click

from cnnspec.commands.common import save


@click.command()
@click.argument("name", required=False)
@click.option("-o", "--output", metavar="FILE", help="Write to FILE, not to standard output.")
@click.option("--force", is_flag=True, help="Overwrite FILE, whoever wrote it.")
def zoo(name: str | None, output: str | None, force: bool) -> None:
    """List the networks that ship with cnnspec, or print one.

    NAME is that of a file or of a net in it.
    """
    from cnnspec.text import shipped

    text = shipped.text(name) if name else shipped.catalogue()
    save(output, text, force)
