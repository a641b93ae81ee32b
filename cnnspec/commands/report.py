"""`cnnspec report`: the page of a training run, and its pictures."""

from __future__ import annotations

from pathlib import Path

import click

from cnnspec.commands.common import needs, save
from cnnspec.commands.options import limit, limits_of


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--pictures", metavar="DIR", help="Where to write its pictures, too, as SVG and PNG.")
@limit
@click.option("--force", is_flag=True, help="Overwrite files that cnnspec did not write.")
def report(run: str, pictures: str | None, limits: tuple[str, ...], force: bool) -> None:
    """Write the report.html of a training run anew.

    RUN is the folder that `cnnspec train` wrote.
    """
    with needs("run"):
        from cnnspec.run.programs import report_memory
        from cnnspec.text.output import make_folder
        from cnnspec.train.report import REPORT
        from cnnspec.train.report.document import page
        from cnnspec.train.report.evidence import read_run
        from cnnspec.train.report.pictures import picture_files
    with report_memory(run):
        found = read_run(Path(run), limits_of(limits))
        save(str(Path(run, REPORT)), page(found), force)
        if pictures is not None:
            make_folder(pictures)
            for name, content in picture_files(found):
                save(str(Path(pictures, name)), content, force)
