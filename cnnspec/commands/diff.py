"""`cnnspec diff`: two nets, compared: two files, two revisions of one, or two nets of a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cnnspec.commands import options
from cnnspec.commands.common import Job, SpecFile, read_spec, takes_job, use_colour
from cnnspec.commands.options import NetChoice, takes_choice
from cnnspec.text.files import FileProblem, only_spec

if TYPE_CHECKING:
    from cnnspec.elaborate.settings import Settings


@click.command()
@click.argument("before", required=False, metavar="[A]")
@click.argument("after", required=False, metavar="[B]")
@takes_choice
@click.option("--net-b", metavar="NAME", help="The net of B, if not that of A; without B, of the same file.")
@options.style(
    "text", "json", "markdown", words="What it is for: markdown for pull requests, json for programs."
)
@takes_job
def diff(
    job: Job, /, before: str | None, after: str | None, net_b: str | None, style: str, choice: NetChoice
) -> None:
    """Tell what was changed from A to B.

    That is layers, figures, and whether weights still load. A and B are files, or files of a git revision as
    `git show` takes them: HEAD~1:nets/lenet.cnn, or HEAD:./lenet.cnn from this folder. A alone is compared
    with what it was in HEAD.
    """
    from cnnspec.analysis.compare import compare
    from cnnspec.compiler import unique
    from cnnspec.tables.changes import DiffSide
    from cnnspec.tables.diff import diff as render

    settings = choice.as_settings()
    texts = read_both(before, after, net_b is not None, settings)
    nets = choice.net or texts[0].net, net_b or texts[1].net or choice.net
    found = [job.check(text, net, settings, first=True) for text, net in zip(texts, nets, strict=True)]
    job.show(tuple(unique([diagnostic for each in found for diagnostic in each.diagnostics])))
    if not all(each.ok and each.networks for each in found):
        sys.exit(1)
    one, two = (each.networks[0] for each in found)
    sides = DiffSide(texts[0].name, one.name), DiffSide(texts[1].name, two.name)
    made = render(compare(one, two), sides, style, use_colour(sys.stdout))
    click.echo(made, nl=False, color=True)


def read_both(
    before: str | None, after: str | None, one_file: bool, settings: Settings
) -> tuple[SpecFile, SpecFile]:
    """What A and B name, each under the user's name for it. Raises FileProblem."""
    before = before or only_spec()
    first = read_side(before, settings)
    if after is not None:
        return first, first if after == before else read_side(after, settings)
    if one_file:
        return first, first
    if first.read_used or before == "-" or not Path(before).exists():
        raise FileProblem(f"{before}: name B, too: what it is compared with")
    # `HEAD:./name` is relative to the folder that git is called in.
    path = Path(before)
    return read_revision("HEAD", f"./{path.name}", str(path.parent), settings), first


def read_side(name: str, settings: Settings) -> SpecFile:
    """A file, or where there is none of that name, one of a revision or of the zoo."""
    revision, colon, path = name.partition(":")
    # `C:\nets\a.cnn` has a colon, too.
    if colon and not Path(name).exists():
        return read_revision(revision, path, ".", settings)
    return read_spec(name, settings)._replace(name=name)


def read_revision(name: str, path: str, folder: str, settings: Settings) -> SpecFile:
    from cnnspec.text.revisions import revision

    found = revision(name, folder)
    source = found.read(path, settings.text_limits.max_source)
    return SpecFile(f"{name}:{path}", source, read_used=found.read_used)
