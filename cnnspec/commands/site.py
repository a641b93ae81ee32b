"""`cnnspec site`: the zoo, the language and the faults as a folder for any host."""

from __future__ import annotations

from pathlib import Path

import click

from cnnspec.commands.common import complain
from cnnspec.commands.progress import progress
from cnnspec.faults.reports.glyphs import visible


@click.command()
@click.argument("folder", metavar="DIR")
@click.option("--only", multiple=True, metavar="NAME", help="Of the zoo this net, or file; may be repeated.")
def site(folder: str, only: tuple[str, ...]) -> None:
    """Write zoo, language and faults as static pages.

    DIR may be put on any host, under any path: the pages load nothing from elsewhere. A DIR that holds
    anything else than an earlier site is left alone.
    """
    from cnnspec.live.site.playground import HERE
    from cnnspec.live.site.site_plan import files, plan
    from cnnspec.live.site.target import refuse_strangers, write_site

    made: dict[str, bytes] = {}
    refuse_strangers(Path(folder))
    wanted = plan(only)
    nets = wanted.net_pages()
    with progress(len(nets), "nets") as step:
        for path, content in files(wanted):
            made[path] = content
            step(path in nets)
    write_site(Path(folder), made)
    if wanted.modules is None:
        npm = f"`npm ci --prefix {HERE}` fetches what it runs on"
        complain(f"there is no playground in it: {npm}")
    size = sum(map(len, made.values())) / 1e6
    click.echo(visible(f"{folder}: {len(nets)} nets, {len(made)} files, {size:.1f} MB; open index.html"))
